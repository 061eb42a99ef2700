//! Candidates and folders that several tests need.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sport_improve::config::{Config, Places};
use sport_improve::observation;
use sport_improve::store::{Action, CandidateRow};
use sport_improve::{AnswerKind, Split, Task, TaskFile};
use sport_policy::types::{Finish, Sample, Sampling};
use sport_sandbox::{EndingKind, RunReport};

pub const CONFIG: &str = r#"
[policy]
backend = "scripted"
actions = "actions.json"
form = "form.toml"

[verifier]
plugin = "execution-facts"

[synthesize]
images = "cache:images"
"#;

pub fn places() -> Places {
    Places { cache: PathBuf::from("/cache"), components: PathBuf::from("/components") }
}

pub fn parse(text: &str) -> Result<Config, sport_improve::Error> {
    Config::parse(text, Path::new("sport.toml"), Path::new("/configs"), &places())
}

pub fn report(ending: EndingKind, answer: Option<Value>) -> RunReport {
    RunReport { ending, answer, ..observation::unparsed() }
}

pub fn candidate(number: u32, code: &str, ending: EndingKind, answer: Option<Value>) -> CandidateRow {
    CandidateRow {
        number,
        sampling: Sampling { temperature: 0.7, top_p: 1.0, top_k: 0, seed: u64::from(number) },
        sample: Sample {
            text: code.to_owned(),
            tokens: code.bytes().map(u32::from).collect(),
            log_probs: vec![-1.0; code.len()],
            finish: Finish::Stop,
        },
        action: Action { thought: String::new(), code: code.to_owned() },
        report: Some(report(ending, answer)),
        dependences: Vec::new(),
        standing: None,
    }
}

pub fn task(id: &str, split: Split) -> Task {
    Task {
        id: id.to_owned(),
        split,
        family: "width".to_owned(),
        template: "how wide is {a}".to_owned(),
        query: "how wide is \"cat.png\"".to_owned(),
        files: vec![TaskFile {
            name: "cat.png".to_owned(),
            path: PathBuf::from("/nowhere/cat.png"),
            caption: String::new(),
        }],
        answer: Value::from(451),
        kind: AnswerKind::Number { tolerance: 0.5 },
    }
}
