//! A folder with pictures, prompt form, actions and config, and runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sport_improve::{Config, Error, Outcome, Places, Run, Silent, open_policy};
use sport_sandbox::{Sandbox, SandboxOptions};
use tempfile::TempDir;

use super::photographs;

const FORM: &str = r#"
form = 1
kind = "raw"
max_tokens = 400
stop = ["\n```"]
primer = "```python\n"

[raw]
template = '''
Question: {{ query }}
{% for step in steps %}
```python
{{ step.code }}
```
Output: {{ step.observation }}
{% endfor %}
'''
"#;

const CONFIG: &str = r#"
[run]
seed = 11
iterations = 2
threads = 2

[policy]
backend = "scripted"
actions = "actions.json"
form = "form.toml"

[[tools]]
plugin = "image"
grants = ["artifacts"]

[[tools]]
plugin = "calculator"

[verifier]
plugin = "execution-facts"

[verifier.config]
looking = ["first print"]

[[verifier.config.about]]
words = ["width", "wide"]
on = [{ tool = "image_info", pointer = "/width" }]

[[verifier.config.about]]
words = ["height", "high"]
on = [{ tool = "image_info", pointer = "/height" }]

[[verifier.config.about]]
words = ["image info"]
on = [{ tool = "image_info", pointer = "/format" }]

[[verifier.config.about]]
words = ["format"]
on = [{ tool = "image_info", pointer = "/format" }]

[synthesize]
images = "images"
train_tasks = 4
held_out_tasks = 4
families = ["width"]

[explore]
max_depth = 3
wave = 3

[tune]
checkpoint_steps = 2
[tune.sft]
batch = 1
[tune.dpo]
batch = 2

[evaluate]
max_depth = 2
wave = 3
kl_samples = 2

# two pictures make few pairs
[audit.thresholds]
pairs = 2
tasks = 1
"#;

/// Code that finds the task's only file by itself: a script does not know its name.
const NAME: &str = "import os\nname = os.listdir(\"/task\")[0]\n";

/// Actions for tasks about the width: the base writes a wrong one first, a trained policy a right one.
pub fn width_actions() -> String {
    let right = format!("{NAME}final_answer(image_info(image=name)[\"width\"])");
    let longer = format!("{NAME}w = image_info(image=name)[\"width\"]\nfinal_answer(w)");
    let wrong = format!("{NAME}final_answer(image_info(image=name)[\"height\"])");
    let broken = "final_answer(".to_owned();
    let guess = "final_answer(7)".to_owned();
    actions(&[
        (Some(1), None, vec![right.clone(), wrong.clone(), longer.clone(), guess.clone(), broken.clone()]),
        (None, None, vec![wrong, longer, right, broken, guess]),
    ])
}

/// Actions for tasks that ask to look first: a variable and a file of the first step are used in the second.
pub fn look_actions() -> String {
    let look = format!(
        "{NAME}info = image_info(image=name)\nopen(\"/scratch/seen.txt\", \"w\").write(info[\"format\"])\nprint(info)"
    );
    let blind = "print(\"looking\")".to_owned();
    let answer = "seen = open(\"/scratch/seen.txt\").read()\nassert seen == info[\"format\"]\nfinal_answer(info[\"format\"])";
    let wrong = "final_answer(info[\"width\"])".to_owned();
    let lost = "final_answer(no_such_name)".to_owned();
    actions(&[
        (None, Some(0), vec![look, blind.clone(), blind, lost.clone(), lost.clone()]),
        (None, None, vec![answer.to_owned(), wrong.clone(), wrong, lost.clone(), lost]),
    ])
}

/// An action file with these rules: trained, depth, texts.
pub fn actions(rules: &[(Option<u64>, Option<u64>, Vec<String>)]) -> String {
    let rules: Vec<serde_json::Value> = rules
        .iter()
        .map(|(trained, depth, texts)| {
            let mut rule = serde_json::Map::new();
            if let Some(trained) = trained {
                rule.insert("trained".to_owned(), (*trained).into());
            }
            if let Some(depth) = depth {
                rule.insert("depth".to_owned(), (*depth).into());
            }
            rule.insert("texts".to_owned(), texts.iter().map(|text| format!("{text}\n```")).collect());
            rule.into()
        })
        .collect();
    serde_json::json!({ "scripted": 1, "after": "Question: ", "step": "Output: ", "rules": rules })
        .to_string()
}

/// One sandbox for all tests: components are compiled once.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let aot_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
        Sandbox::new(SandboxOptions::new(aot_dir)).unwrap()
    })
}

pub fn places() -> Places {
    let places =
        Places::with_components(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components"));
    for name in ["python", "image", "calculator", "execution-facts"] {
        let path = places.components.join(format!("{name}.wasm"));
        assert!(path.exists(), "{} is missing: run `make components`", path.display());
    }
    places
}

pub struct Setting {
    folder: TempDir,
}

impl Setting {
    pub fn new(actions: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        photographs::write(&folder.path().join("images"));
        fs::write(folder.path().join("form.toml"), FORM).unwrap();
        fs::write(folder.path().join("actions.json"), actions).unwrap();
        fs::write(folder.path().join("sport.toml"), CONFIG).unwrap();
        Self { folder }
    }

    /// The same with a part of the config replaced.
    pub fn with(self, from: &str, to: &str) -> Self {
        let path = self.path("sport.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the config");
        fs::write(path, text.replace(from, to)).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn create(&self, run: &str) -> Result<Run, Error> {
        let config = Config::read(&self.path("sport.toml"), &places())?;
        let policy = open_policy(&config.policy, Path::new("no-backend"))?;
        Run::create(&self.path(run), config, sandbox(), policy)
    }

    pub fn open(&self, run: &str) -> Result<Run, Error> {
        Run::open(&self.path(run), sandbox(), |section| open_policy(section, Path::new("no-backend")))
    }

    /// A whole run.
    pub fn improve(&self, run: &str) -> (Run, Outcome) {
        let mut made = self.create(run).unwrap();
        let outcome = made.improve(&mut Silent).unwrap();
        (made, outcome)
    }
}

/// All records of a run but for times: equal runs have equal contents.
pub fn contents(run: &Path) -> Vec<String> {
    let database = rusqlite::Connection::open(run.join("run.sqlite")).unwrap();
    let queries = [
        "SELECT key, value FROM meta ORDER BY key",
        "SELECT * FROM task ORDER BY id",
        "SELECT task, depth, prompt, hex(prompt_tokens), outcome, reason, winner FROM step ORDER BY task, depth",
        "SELECT task, depth, number, sampling, text, hex(tokens), hex(log_probs), finish, thought, code, ending, \
         json_remove(report, '$.usage'), dependences, standing \
         FROM candidate JOIN step ON step.id = candidate.step ORDER BY task, depth, number",
        "SELECT task, depth, candidate, verifier, place, verdict, score, rationale, evidence \
         FROM judgement JOIN step ON step.id = judgement.step ORDER BY task, depth, candidate",
        "SELECT iteration, pair.number, task, depth, chosen, rejected, reference_chosen, reference_rejected \
         FROM pair JOIN step ON step.id = pair.step ORDER BY iteration, pair.number",
        "SELECT iteration, task, correct, ending, answer FROM evaluation ORDER BY iteration, task",
        "SELECT * FROM iteration ORDER BY number",
        "SELECT iteration, stage, done, result FROM stage ORDER BY iteration, stage",
        "SELECT * FROM checkpoint ORDER BY iteration, stage, step",
        "SELECT * FROM metric ORDER BY iteration, stage, step",
    ];
    let mut rows = Vec::new();
    for query in queries {
        let mut statement = database.prepare(query).unwrap();
        let columns = statement.column_count();
        let found = statement
            .query_map([], |row| {
                let cells: Vec<rusqlite::types::Value> =
                    (0..columns).map(|cell| row.get(cell).unwrap()).collect();
                Ok(format!("{cells:?}"))
            })
            .unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows
}
