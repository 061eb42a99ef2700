//! Counterfactual facts, with the real interpreter, the real image tool and a real picture.
//!
//! * an answer depends on the field that it reads, and on no other
//! * a fact says what the value was changed to
//! * a constant depends on nothing, however many tools it calls
//! * a comparison depends on both sides, in the direction that turns it round
//! * equal calls are changed alike
//! * equal facts for equal programs, whatever they are called
//! * code that breaks under a change is `raised`
//! * a call off the record runs for a read-only, deterministic tool
//! * code that raised has no facts; the value and the output count where there is no answer
//! * the parent is untouched

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::json;
use sport_improve::counterfactual::facts_with;
use sport_sandbox::{
    ArtifactStore, Budget, Dependence, Effect, EndingKind, Grants, Limits, RunReport, RunRequest, Sandbox,
    SandboxOptions, Session, SessionOptions, TaskFile, Toolbox,
};
use tempfile::TempDir;

/// What all tests share: the sandbox with its compiled components.
fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let aot_dir = sport_improve::config::cache_folder().join("aot");
        Sandbox::new(SandboxOptions::new(aot_dir)).unwrap()
    })
}

fn component(name: &str) -> PathBuf {
    let folder = std::env::var_os("SPORT_COMPONENTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/components"),
        PathBuf::from,
    );
    folder.join(format!("{name}.wasm"))
}

/// Two pictures of different sizes, a session that sees them, and tools.
struct World {
    _folder: TempDir,
    session: Session,
    tools: Toolbox,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let files = [("a.png", 5, 3), ("b.png", 4, 9)].map(|(name, width, height)| {
        let path = folder.path().join(name);
        std::fs::write(&path, png(width, height)).unwrap();
        TaskFile { name: name.to_owned(), path }
    });
    let store = ArtifactStore::new_in_memory();
    let plugins = vec![
        sandbox().tool(&component("image"), &Grants::new(["artifacts"]).unwrap()).unwrap(),
        sandbox().tool(&component("calculator"), &Grants::none()).unwrap(),
    ];
    let interpreter = sandbox().interpreter(&component("python"), &Grants::new(["tools"]).unwrap()).unwrap();
    let session =
        interpreter.open(SessionOptions { seed: 1, files: files.to_vec(), store: store.clone() }).unwrap();
    World { _folder: folder, session, tools: Toolbox::new(plugins, store).unwrap() }
}

/// A grey picture, stored without compression.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.push(0);
        rows.extend(std::iter::repeat_n(128_u8, width as usize));
    }
    let mut zlib = vec![0x78, 0x01, 0x01];
    let length = u16::try_from(rows.len()).unwrap();
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(&rows);
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in &rows {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    zlib.extend((high << 16 | low).to_be_bytes());
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &header), (b"IDAT", &zlib), (b"IEND", &Vec::new())] {
        png.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let mut body = kind.to_vec();
        body.extend(data);
        png.extend(&body);
        png.extend(checksum(&body).to_be_bytes());
    }
    png
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

impl World {
    fn run(&self, code: &str) -> (RunReport, Vec<Dependence>) {
        let mut fork = self.session.fork().unwrap();
        let request = RunRequest { code: code.to_owned(), ..RunRequest::default() };
        let report = fork.run(&request, &mut &self.tools, &Budget::new(Limits::interpreter()));
        let facts = facts_with(&self.tools, &self.session, code, &report);
        (report, facts)
    }

    fn facts(&self, code: &str) -> Vec<Dependence> {
        let (report, facts) = self.run(code);
        assert_eq!(report.ending, EndingKind::Answered, "{report:?}");
        facts
    }
}

/// The (call, pointer) pairs with that effect, each once.
fn with(facts: &[Dependence], effect: Effect) -> Vec<(u32, &str)> {
    let mut places: Vec<(u32, &str)> = facts
        .iter()
        .filter(|fact| fact.effect == effect)
        .map(|fact| (fact.tool, fact.pointer.as_str()))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn an_answer_depends_on_what_it_reads() {
    let facts = world().facts(r#"final_answer(image_info(image="a.png")["width"])"#);
    assert_eq!(with(&facts, Effect::Changed), [(0, "/width")]);
    assert!(with(&facts, Effect::Unchanged).contains(&(0, "/height")));
    let answers: Vec<i64> = facts
        .iter()
        .filter_map(|fact| fact.answer_under.as_ref())
        .filter_map(serde_json::Value::as_i64)
        .collect();
    assert!(
        answers.iter().any(|answer| *answer > 5) && answers.iter().any(|answer| *answer < 5),
        "{answers:?}"
    );
}

#[test]
fn a_fact_says_what_the_value_was_changed_to() {
    let facts = world().facts(r#"final_answer(image_info(image="a.png")["width"])"#);
    let mut changed = facts.iter().filter(|fact| fact.pointer == "/width").peekable();
    assert!(changed.peek().is_some());
    assert!(changed.all(|fact| fact.answer_under.as_ref() == Some(&fact.changed_to)), "{facts:?}");
    assert!(facts.iter().any(|fact| fact.pointer == "/format" && fact.changed_to.is_string()), "{facts:?}");
}

#[test]
fn a_constant_depends_on_nothing() {
    let facts = world().facts("image_info(image=\"a.png\")\nmean_color(image=\"b.png\")\nfinal_answer(5)");
    assert!(!facts.is_empty());
    assert!(facts.iter().all(|fact| fact.effect == Effect::Unchanged), "{facts:?}");
}

const COMPARE: &str = r#"
x = image_info(image="a.png")["height"]
y = image_info(image="b.png")["height"]
final_answer("a.png" if x > y else "b.png")
"#;

#[test]
fn a_comparison_depends_on_both_sides() {
    let facts = world().facts(COMPARE);
    assert_eq!(with(&facts, Effect::Changed), [(0, "/height"), (1, "/height")]);
    assert!(
        facts
            .iter()
            .filter(|fact| fact.effect == Effect::Changed)
            .all(|fact| { fact.answer_under == Some(json!("a.png")) })
    );
}

#[test]
fn equal_calls_are_changed_alike() {
    // a difference of the same field, read twice, stays nothing whatever the field is
    let code =
        "final_answer(image_info(image=\"a.png\")[\"width\"] - image_info(image=\"/task/a.png\")[\"width\"])";
    let facts = world().facts(code);
    assert!(facts.iter().all(|fact| fact.effect == Effect::Unchanged), "{facts:?}");
}

#[test]
fn equal_programs_have_equal_facts() {
    let world = world();
    let other = COMPARE.replace("x =", "left =").replace("x >", "left >");
    assert_eq!(world.facts(COMPARE), world.facts(&other));
    assert_eq!(world.facts(COMPARE), world.facts(COMPARE));
}

#[test]
fn code_that_breaks_is_raised() {
    let facts = world().facts(
        "info = image_info(image=\"a.png\")\nif info[\"width\"] > 100:\n    raise ValueError(\"no\")\nfinal_answer(1)",
    );
    assert_eq!(with(&facts, Effect::Raised), [(0, "/width")]);
}

#[test]
fn a_pure_tool_is_called_off_the_record() {
    let facts = world().facts(
        "w = image_info(image=\"a.png\")[\"width\"]\nfinal_answer(calculate(expression=f\"{w} * 2\")[\"result\"])",
    );
    assert!(with(&facts, Effect::Changed).contains(&(0, "/width")), "{facts:?}");
    assert!(with(&facts, Effect::Unknown).is_empty(), "{facts:?}");
}

#[test]
fn without_an_answer_the_value_or_the_output_counts() {
    let world = world();
    let (report, facts) = world.run("image_info(image=\"a.png\")[\"width\"]");
    assert_eq!(report.ending, EndingKind::Value);
    assert_eq!(with(&facts, Effect::Changed), [(0, "/width")]);
    let (_, facts) = world.run("print(image_info(image=\"a.png\")[\"height\"])");
    assert_eq!(with(&facts, Effect::Changed), [(0, "/height")]);
    let (report, facts) = world.run("image_info(image=\"a.png\")[\"no such field\"]");
    assert_eq!(report.ending, EndingKind::Raised);
    assert!(facts.is_empty());
}

#[test]
fn the_parent_is_untouched() {
    let world = world();
    world.facts(
        "open(\"/scratch/x\", \"w\").write(\"x\")\nfinal_answer(image_info(image=\"a.png\")[\"width\"])",
    );
    assert_eq!(world.session.steps(), 0);
    let (report, _) = world.run("import os\nfinal_answer(os.path.exists(\"/scratch/x\"))");
    assert_eq!(report.answer, Some(json!(false)));
}
