//! Steps whose truth follows from the query, and audits of them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sport_improve::audit::Recorded;
use sport_sandbox::{Candidate, Content, EndingKind, Execution, Outcome, StepView, ToolCall};
use sport_tests::{run, sport, write};

/// A folder of one's own, for the operator and for files.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        write(self.folder.path(), name, text)
    }

    /// `sport` with this operator: exit code, stdout, stderr.
    pub fn sport(&self, arguments: &[&str]) -> (i32, String, String) {
        run(sport(arguments).env("SPORT_CONFIG", self.path("config")))
    }

    /// The same, with an exit code that is 0 or 1 and JSON on stdout.
    pub fn audit(&self, arguments: &[&str]) -> (i32, Value) {
        let (code, stdout, stderr) = self.sport(&[&["verifier", "audit"], arguments, &["--json"]].concat());
        assert!(code == 0 || code == 1, "{code}: {stderr}");
        (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}")))
    }

    /// A file of steps.
    pub fn steps(&self, count: usize) -> PathBuf {
        let lines: Vec<String> =
            (0..count).map(|number| serde_json::to_string(&step(number)).unwrap()).collect();
        self.write("steps.jsonl", &lines.join("\n"))
    }
}

/// Names of the gates that block.
pub fn blocking(record: &Value) -> Vec<String> {
    let gates = record["gates"].as_array().unwrap();
    let blocks = |gate: &&Value| {
        gate["state"] == "failed" || (gate["state"] == "unmeasured" && gate["needed"] == true)
    };
    gates.iter().filter(blocks).map(|gate| gate["name"].as_str().unwrap().to_owned()).collect()
}

/// The text of a path.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A multiplication with two good and three bad candidates. Places, lengths and words do not tell which is which.
pub fn step(number: usize) -> Recorded {
    let (left, right) = (12 + number as i64, 7 + 3 * (number as i64 % 11));
    let product = left * right;
    let expression = format!("{left} * {right}");
    let mut random = Random(number as u64 + 1);
    let mut candidates = vec![
        (true, used(&expression, product, &random.thought(), random.flip())),
        (true, used(&expression, product, &random.thought(), random.flip())),
        (
            false,
            used(&format!("{left} * {}", right + 1), left * (right + 1), &random.thought(), random.flip()),
        ),
        (false, used(&format!("{left} + {right}"), left + right, &random.thought(), random.flip())),
        (false, raised(&random.thought(), random.flip())),
    ];
    let turn = random.next() as usize % candidates.len();
    candidates.rotate_left(turn);
    Recorded {
        task: format!("task-{number}"),
        step: format!("task-{number}/0"),
        truths: candidates.iter().map(|(good, _)| Some(*good)).collect(),
        families: Vec::new(),
        view: StepView {
            query: format!("What is {expression}?"),
            files: Vec::new(),
            captions: Vec::new(),
            tools: Vec::new(),
            history: Vec::new(),
            candidates: candidates.into_iter().map(|(_, candidate)| candidate).collect(),
            depth: 0,
            max_depth: 1,
        },
    }
}

/// Code with a call of a tool; `whole` puts the word `int` into it.
fn used(expression: &str, result: i64, thought: &str, whole: bool) -> Candidate {
    let value = format!("calculate(expression=\"{expression}\")");
    Candidate {
        thought: thought.to_owned(),
        code: if whole { format!("final_answer(int({value}))") } else { format!("final_answer({value})") },
        observation: Vec::new(),
        execution: Execution {
            ending: EndingKind::Answered,
            error: None,
            tools: vec![ToolCall {
                name: "calculate".to_owned(),
                arguments: json!({ "expression": expression }),
                outcome: Ok(Outcome { content: Vec::new(), structured: Some(json!({ "result": result })) }),
            }],
            dependences: Vec::new(),
            wall_ms: 1,
        },
        answer: Some(json!(result)),
        copies: 1,
    }
}

fn raised(thought: &str, whole: bool) -> Candidate {
    let error = "NameError: name 'product' is not defined";
    Candidate {
        thought: thought.to_owned(),
        code: if whole { "final_answer(int(product))" } else { "final_answer(product)" }.to_owned(),
        observation: vec![Content::Text { text: error.to_owned() }],
        execution: Execution {
            ending: EndingKind::Raised,
            error: Some(error.to_owned()),
            tools: Vec::new(),
            dependences: Vec::new(),
            wall_ms: 1,
        },
        answer: None,
        copies: 1,
    }
}

/// The same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn flip(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    /// Between one and forty words.
    fn thought(&mut self) -> String {
        let count = 1 + self.next() % 40;
        (0..count).map(|word| format!("w{} ", (self.0 + word) % 97)).collect::<String>().trim_end().to_owned()
    }
}
