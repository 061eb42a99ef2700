//! What the conformance kit finds.

use sport_tests::component;

use crate::support::{Place, to_mend};

/// Tools with one fault each, and one without.
const FAULTY: &str = r#"
import datetime
import secrets
import time
from typing import Annotated

from sport_sdk import Between, Failure, context, kv, plugin, tool


@tool(read_only=True, deterministic=True)
def honest(count: Annotated[int, Between(0, 5)]) -> list[int]:
    """Counts up."""
    print("counting", count)
    return list(range(count))


@tool(deterministic=True)
def fickle() -> int:
    """Says what is left of the time."""
    sum(range(300_000))
    return context.remaining().wall_ms_left


@tool
def breaks(number: int) -> float:
    """Divides."""
    return 1 / (number % 2)


@tool
def mistaken(number: int) -> int:
    """Says that it gives a number."""
    return "number"


@tool
def narrow(number: int) -> int:
    """Takes less than its schema says."""
    return number


@tool
def wide(number: int, note: str = "") -> int:
    """Takes more than its schema says."""
    return number


@tool
def shy(name: str) -> str:
    """Fails without a code."""
    raise Failure("no", kind="denied", code="Not A Code")


@tool
def heavy() -> int:
    """Takes all the memory there is."""
    return len(bytearray(1 << 29)) + len(bytearray(1 << 29))


@tool
def counts() -> int:
    """Counts its calls."""
    entry = kv.get("count")
    count = int(entry.value) + 1 if entry else 1
    kv.set("count", str(count).encode())
    return count


@tool
def late() -> float:
    """Asks for the time."""
    return time.time()


@tool
def dated(days: Annotated[int, Between(0, 9)]) -> str:
    """Asks for the date, after some work with dates."""
    begin = datetime.datetime.fromisoformat("2024-02-28T12:00:00") + datetime.timedelta(days=days)
    return f"{begin:%d.%m.%Y} {datetime.date.today()}"


@tool
def lucky() -> str:
    """Asks for a random number."""
    return secrets.token_hex()


@tool
def reads(name: str) -> str:
    """Opens a file."""
    with open(name) as file:
        return file.read()


plugin.TOOLS["narrow"].input_schema["properties"]["number"] = {"type": "string"}
del plugin.TOOLS["wide"].input_schema["properties"]["note"]
plugin.TOOLS["wide"].input_schema["properties"]["number"]["maximum"] = 3
"#;

#[test]
fn every_fault_of_a_tool_is_found() {
    let place = Place::new();
    let cases = r#"[
        { "tool": "honest", "arguments": { "count": 2 }, "structured": [0, 1] },
        { "tool": "honest", "arguments": { "count": 9 }, "failure": "invalid-input" },
        { "tool": "honest", "arguments": { "count": 1 }, "structured": [1] },
        { "tool": "counts", "structured": 1 }
    ]"#;
    let tests = "import pathlib\nimport unittest\n\nimport plugin\nfrom sport_sdk import testing\n\n\nclass Cases(unittest.TestCase):\n    \
                 def test_cases(self):\n        testing.cases(pathlib.Path(__file__).parent.parent / \"cases.json\")\n";
    let files = [("plugin.py", FAULTY), ("cases.json", cases), ("tests/test_plugin.py", tests)];
    let folder = place.project("faulty", &["--lang", "python"], &files);
    let (exit, report) = place.tested("faulty");
    assert_eq!((exit, &report["native"]), (1, &"failed".into()), "{report:#}");
    let mut found = to_mend(&report);
    found.sort();
    let expected = [
        "breaks: right inputs",
        "dated: right inputs",
        "fickle: deterministic",
        "heavy: limits",
        "honest: cases",
        "late: right inputs",
        "lucky: right inputs",
        "mistaken: output",
        "narrow: right inputs",
        "narrow: wrong inputs",
        "reads: right inputs",
        "shy: failures",
        "wide: wrong inputs",
    ];
    assert_eq!(found, expected, "{report:#}");
    let text = report.to_string();
    for words in [
        "time.time is not there",
        "ZeroDivisionError",
        "the result is [0]; it should be [1]",
        "a plugin has no clock",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    // what to do stands with each
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().filter(|check| check["status"] == "mend").all(|check| check["mend"].is_string()));
    // the same component, the same report
    let (_, again) = place.tested("faulty");
    let stable = |report: &serde_json::Value| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().map(|check| (check["name"].clone(), check["status"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(stable(&report), stable(&again));
    let component = folder.join("target/faulty.wasm");
    let (exit, stdout, _) = place.plugin(&["inspect", component.to_str().unwrap(), "--json"]);
    assert_eq!(exit, 0);
    for (interface, there) in [
        ("kv", true),
        ("context", true),
        ("log", true),
        ("artifacts", false),
        ("fetch", false),
        ("wasi", false),
    ] {
        assert_eq!(stdout.contains(&format!("sport:host/{interface}@")), there, "{interface} in {stdout}");
    }
    assert!(!stdout.contains("wasi:"), "{stdout}");
}

/// Several tools in an `impl` block, with files, state and other tools.
const PARTS: &str = r#"
use sport_sdk::{Artifact, Failure, json, kv, tools};

/// The plugin.
pub struct Parts;

#[tools]
impl Parts {
    /// Writes a text in capitals.
    #[tool(read_only, deterministic)]
    fn shout(file: Artifact, suffix: Option<String>) -> Result<Artifact, Failure> {
        let text = file.text()?.to_uppercase() + &suffix.unwrap_or_default();
        Artifact::create(text.as_bytes(), "text/plain", Some("loud.txt"))
    }

    /// Counts its calls.
    #[tool]
    fn count() -> Result<u64, Failure> {
        let count = kv::get("count")?.map_or(0, |entry| entry.value.len()) + 1;
        kv::set("count", &vec![0; count])?;
        Ok(count as u64)
    }

    /// Asks another tool.
    #[tool]
    fn twice(expression: String) -> Result<f64, Failure> {
        let outcome = tools::invoke("calculate", &json!({ "expression": expression }))?;
        Ok(2.0 * outcome.structured.and_then(|value| value.as_f64()).unwrap_or(f64::NAN))
    }

    /// Panics on everything but 1.
    #[tool]
    fn fragile(number: u8) -> u8 {
        assert!(number == 1, "only 1 was thought of");
        number
    }
}
"#;

#[test]
fn a_plugin_of_many_parts_is_tried_whole() {
    let place = Place::new();
    let tests = "use parts::Parts;\nuse sport_sdk::testing;\n\n#[test]\nfn the_cases_hold() {\n    \
                 testing::cases(Parts::SPORT_TOOLS, include_str!(\"../cases.json\"));\n}\n";
    let cases = r#"[
        { "tool": "shout", "arguments": { "file": "plugin.rs" }, "files": ["tests/plugin.rs"] },
        { "tool": "shout", "arguments": { "file": 1 }, "failure": "invalid-input" },
        { "tool": "count", "structured": 1 },
        { "tool": "fragile", "arguments": { "number": 1 }, "structured": 1 }
    ]"#;
    place.project("parts", &[], &[("src/lib.rs", PARTS), ("cases.json", cases), ("tests/plugin.rs", tests)]);
    let (exit, report) = place.tested("parts");
    assert_eq!((exit, &report["native"]), (1, &"passed".into()), "{report:#}");
    // a panic says in which file it was, and what it was about
    assert_eq!(to_mend(&report), ["fragile: right inputs"], "{report:#}");
    let text = report.to_string();
    assert!(text.contains("only 1 was thought of") && text.contains("src/lib.rs:"), "{report:#}");
    let (exit, stdout, stderr) = place.plugin(&["build", "parts"]);
    assert_eq!(exit, 0, "{stderr}");
    assert!(stdout.trim_end().ends_with("that asks for artifacts, kv, tools"), "{stdout}");
    let (exit, _, stderr) = place.plugin(&["run", "parts/target/parts.wasm", "count"]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("imports what it was not granted: sport:host/"), "{stderr}");
}

/// A verifier that goes wrong in the way that its config names.
const UNFAIR: &str = r#"
import dataclasses
from typing import Literal

from sport_sdk import Judgement, Step, verifier


@dataclasses.dataclass
class Config:
    fault: Literal["order", "count", "score", "quote"] = "order"


@verifier(deterministic=True)
def judge(step: Step, config: Config) -> list[Judgement]:
    """Passes whoever comes first."""
    judged = [Judgement.passed(1.0 if place == 0 else 0.0, "place") for place, _ in enumerate(step.candidates)]
    if config.fault == "count":
        judged = judged[1:]
    elif config.fault == "score":
        judged = [Judgement.passed(2.0, "more than all") for _ in judged]
    elif config.fault == "quote":
        judged = [dataclasses.replace(one, evidence=["nobody said this"]) for one in judged]
    return judged
"#;

#[test]
fn every_fault_of_a_verifier_is_found() {
    let place = Place::new();
    let cases = r#"[{ "step": { "query": "?", "candidates": [{ "code": "1" }, { "code": "2" }] }, "verdicts": ["pass", "fail"] }]"#;
    let files = [("plugin.py", UNFAIR), ("cases.json", cases), ("tests/test_plugin.py", "")];
    place.project("unfair", &["--lang", "python", "--kind", "verifier"], &files);
    let (exit, report) = place.tested("unfair");
    assert_eq!(exit, 1, "{report:#}");
    let mut found = to_mend(&report);
    found.sort();
    assert_eq!(found, ["cases", "judgements", "permutation"], "{report:#}");
}

#[test]
fn our_own_plugins_are_tried_too() {
    let place = Place::new();
    for name in ["calculator", "execution-facts", "rules", "self-consistency", "counterfactual", "llm-critic"]
    {
        let (exit, stdout, stderr) =
            place.plugin(&["test", component(name).canonicalize().unwrap().to_str().unwrap()]);
        assert_eq!(exit, 0, "{stdout}{stderr}");
        assert!(stdout.contains("it conforms ("), "{stdout}");
    }
    let (exit, _, stderr) =
        place.plugin(&["test", component("python").canonicalize().unwrap().to_str().unwrap()]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("neither a tool nor a verifier"), "{stderr}");
}
