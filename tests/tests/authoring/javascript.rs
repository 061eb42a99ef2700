//! Projects in JavaScript.
//!
//! * a verifier from the template conforms
//! * faults of a tool are found, and what there is no machine for is said; files, state, `async`, files of one's own and packages
//!   of npm work; what is imported is what is used, and no WASI
//! * what does not build: syntax, names that do not resolve, modules of Node, declarations, what is thrown; the component is left
//!   out, and nothing but the cache, `target` and `node_modules` is written to
//! * without Node.js, or with another package called `sport`, it is said what to do
//! * a change is seen by `watch`, and what the build writes is none

use std::path::{Path, PathBuf};

use sport_tests::{assert_one_line_error, run, write};

use crate::support::{Place, has_node, to_mend};
use crate::watch::Watching;

#[test]
fn a_verifier_in_javascript() {
    if !has_node("a_verifier_in_javascript") {
        return;
    }
    let place = Place::new();
    place.project("strict-j", &["--kind", "verifier", "--lang", "js"], &[]);
    let (exit, report) = place.tested("strict-j");
    assert_eq!(exit, 0, "{report:#}");
    assert_eq!((&report["kind"], &report["native"]), (&"verifier".into(), &"passed".into()));
    let names: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in ["describe", "cases", "judgements", "permutation", "deterministic", "limits"] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
}

/// Tools with one fault each, and some without.
const FAULTY: &str = r#"import { Failure, artifacts, chat, context, kv, tool } from "sport";
import capital from "capital";
import { words } from "./words.js";

const file = { type: "string", format: "sport-artifact" };

tool({
  name: "honest",
  description: "Counts up.",
  input: { count: { type: "integer", minimum: 0, maximum: 5 } },
  output: { type: "array", items: { type: "integer" } },
  async call({ count }) {
    console.log("counting", { count });
    await Promise.resolve();
    return Array.from({ length: count }, (_, index) => index);
  },
  readOnly: true,
  deterministic: true,
});

tool({
  name: "shout",
  description: "Writes a text in capitals.",
  input: { file },
  output: file,
  call: ({ file }) => artifacts.create(capital(artifacts.text(file)) + words, "text/plain", "loud.txt"),
});

tool({
  name: "counts",
  description: "Counts its calls.",
  output: { type: "integer" },
  call() {
    const count = Number(kv.get("count")?.text ?? 0) + 1;
    kv.set("count", String(count));
    return count;
  },
});

tool({
  name: "fickle",
  description: "Says what is left of the time.",
  output: { type: "number" },
  call() {
    for (let turn = 0; turn < 300_000; turn += 1);
    return context.remaining().wallMsLeft;
  },
  deterministic: true,
});

function inner(number) {
  return [undefined, 1][Math.abs(number) % 2].toFixed(1);
}

tool({ name: "breaks", description: "Breaks.", input: { number: { type: "integer" } }, call: ({ number }) => inner(number) });
tool({ name: "mistaken", description: "Says that it gives a number.", output: { type: "number" }, call: () => "number" });
tool({
  name: "narrow",
  description: "Takes less than its schema says.",
  input: { number: { type: "integer" } },
  call({ number }) {
    if (number !== 1) throw new Failure("only 1", { kind: "invalid-input", code: "invalid-argument" });
    return "one";
  },
});
tool({ name: "shy", description: "Fails without a code.", call() { throw new Failure("no", { kind: "denied", code: "Not A Code" }); } });
tool({
  name: "heavy",
  description: "Takes all the memory there is.",
  call: () => { for (const all = []; ; ) all.push(new Uint8Array(1 << 24).fill(1)); },
});
tool({ name: "late", description: "Asks for the time.", call: () => String(new Date()) });
tool({ name: "dated", description: "Works with dates.", call: () => new Date(2024, 1, 29).toISOString(), deterministic: true });
tool({ name: "lucky", description: "Asks for a random number.", call: () => crypto.randomUUID() });
tool({ name: "waits", description: "Waits.", call: () => new Promise((done) => setTimeout(done, 10)) });
"#;

#[test]
fn faults_of_a_tool_in_javascript_are_found() {
    if !has_node("faults_of_a_tool_in_javascript_are_found") {
        return;
    }
    let place = Place::new();
    let cases = r#"[
        { "tool": "honest", "arguments": { "count": 2 }, "structured": [0, 1] },
        { "tool": "honest", "arguments": { "count": 9 }, "failure": "invalid-input" },
        { "tool": "honest", "arguments": { "count": 1 }, "structured": [1] },
        { "tool": "shout", "arguments": { "file": "words.js" }, "files": ["words.js"] },
        { "tool": "counts", "structured": 1 }
    ]"#;
    let tests = "import test from \"node:test\";\nimport \"../plugin.js\";\nimport { cases } from \"sport/testing\";\n\n\
                 test(\"cases\", () => cases(new URL(\"../cases.json\", import.meta.url)));\n";
    let words = "export const words = \", in capitals\";\n";
    let files =
        [("plugin.js", FAULTY), ("words.js", words), ("cases.json", cases), ("tests/plugin.test.js", tests)];
    let folder = place.project("faulty-j", &["--lang", "js"], &files);
    // a package as npm leaves it, in the older form of modules
    let package = folder.join("node_modules/capital");
    std::fs::create_dir_all(&package).unwrap();
    write(&package, "package.json", r#"{ "name": "capital", "version": "1.0.0", "main": "main.js" }"#);
    write(&package, "main.js", "module.exports = (text) => text.toUpperCase();\n");

    let (exit, report) = place.tested("faulty-j");
    assert_eq!((exit, &report["native"]), (1, &"failed".into()), "{report:#}");
    let mut found = to_mend(&report);
    found.sort();
    let expected = [
        "breaks: right inputs",
        "fickle: deterministic",
        "heavy: limits",
        "honest: cases",
        "late: right inputs",
        "lucky: right inputs",
        "mistaken: output",
        "narrow: right inputs",
        "shy: failures",
        "waits: right inputs",
    ];
    assert_eq!(found, expected, "{report:#}");
    let text = report.to_string();
    for words in [
        "Date.now is not there",
        "setTimeout is not there",
        "crypto.randomUUID",
        "the result is [0]; it should be [1]",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    let (exit, stdout, stderr) = place.plugin(&["build", "faulty-j"]);
    assert_eq!(exit, 0, "{stderr}");
    // `chat` is named and not used
    assert!(stdout.trim_end().ends_with("that asks for artifacts, kv"), "{stdout}");
    let component = folder.join("target/faulty-j.wasm");
    let (exit, stdout, _) = place.plugin(&["inspect", component.to_str().unwrap(), "--json"]);
    assert_eq!(exit, 0);
    for (interface, there) in [("context", true), ("log", true), ("fetch", false), ("chat", false)] {
        assert_eq!(stdout.contains(&format!("sport:host/{interface}@")), there, "{interface} in {stdout}");
    }
    assert!(!stdout.contains("wasi:"), "{stdout}");
    // where it was thrown, in the author's own lines
    let line = FAULTY.lines().position(|line| line.contains("toFixed")).unwrap() + 1;
    let call = ["run", "-v", component.to_str().unwrap(), "breaks", r#"{"number": 2}"#];
    let (exit, _, stderr) = place.plugin(&[&call[..], &["--grant", "kv", "--grant", "artifacts"]].concat());
    assert_eq!(exit, 1, "{stderr}");
    assert!(stderr.contains(&format!("plugin.js:{line}")), "no plugin.js:{line} in {stderr}");
    // nothing changed, so nothing is made
    let made = std::fs::metadata(&component).unwrap().modified().unwrap();
    assert_eq!(place.plugin(&["build", "faulty-j"]).0, 0);
    assert_eq!(std::fs::metadata(&component).unwrap().modified().unwrap(), made);
}

fn refused(place: &Place, name: &str, text: &str, words: &[&str]) {
    let folder = place.project(name, &["--lang", "js"], &[("plugin.js", text)]);
    let (exit, stdout, stderr) = place.plugin(&["build", name]);
    assert_eq!(exit, 3, "{stdout}{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with(&format!("error: {name} does not build: ")), "{stderr}");
    for word in words {
        assert!(last.contains(word), "no {word} in: {last}");
    }
    assert!(!folder.join(format!("target/{name}.wasm")).exists());
}

#[test]
fn javascript_that_does_not_build() {
    if !has_node("javascript_that_does_not_build") {
        return;
    }
    let place = Place::new();
    let with = |name: &str, text: &str, words: &[&str]| refused(&place, name, text, words);
    with("syntax", "import { tool } from \"sport\";\n\n\nfunction f( {\n", &["plugin.js:", "Expected"]);
    with(
        "missing",
        "import \"no-such-package\";\n",
        &["plugin.js:1", "no-such-package", "install it in the project"],
    );
    with("unknown", "import { tols } from \"sport\";\ntols();\n", &["plugin.js:1", "tols"]);
    with(
        "machine",
        "import fs from \"node:fs\";\nfs.readFileSync(\"x\");\n",
        &["plugin.js:1", "node:fs", "no machine"],
    );
    with(
        "undocumented",
        "import { tool } from \"sport\";\n\ntool({ name: \"f\", call: () => 1 });\n",
        &["plugin.js:3", "tool f needs a description"],
    );
    with(
        "keyword",
        "import { tool } from \"sport\";\n\ntool({ name: \"f\", description: \"Does.\", input: { a: { contains: 1 } }, call: () => 1 });\n",
        &["plugin.js:3", "contains", "does not check"],
    );
    with(
        "raises",
        "function table() {\n  return {}.a.b;\n}\n\nexport const TABLE = table();\n",
        &["plugin.js:2, in table", "TypeError"],
    );
    with("nothing", "export const x = 1;\n", &["plugin.js declares nothing", "tool or verifier"]);
    with(
        "both",
        "import { tool, verifier } from \"sport\";\ntool({ name: \"f\", description: \"Does.\", call: () => 1 });\n\
         verifier({ description: \"Judges.\", judge: () => [] });\n",
        &["tools and a verifier"],
    );
    // only the engine of a component says this
    with(
        "engine",
        "import { tool } from \"sport\";\n\ntool({ name: \"f\", description: \"Does.\", call: () => 1 });\nexport const LETTERS = new RegExp(\"\\\\p{L}\", \"u\");\n",
        &["plugin.js:4", "SyntaxError", "no Intl"],
    );
}

#[test]
fn another_package_called_sport_is_left_alone() {
    if !has_node("another_package_called_sport_is_left_alone") {
        return;
    }
    let place = Place::new();
    let folder = place.project("taken-j", &["--lang", "js"], &[]);
    let other = folder.join("node_modules/sport");
    std::fs::create_dir_all(&other).unwrap();
    write(&other, "package.json", "{}");
    let (exit, _, stderr) = place.plugin(&["build", "taken-j"]);
    assert_eq!(exit, 3);
    assert!(stderr.contains("node_modules/sport is another package"), "{stderr}");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}

/// A folder with these programs, for a path that has nothing else.
fn programs(place: &Place, scripts: &[(&str, &str)]) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = place.path().join("programs");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in scripts {
        let path = write(&folder, name, text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn built_with(place: &Place, name: &str, path: &Path) -> (i32, String) {
    let (exit, _, stderr) = run(place.command(&["build", name]).env("PATH", path));
    (exit, stderr)
}

#[test]
fn what_is_missing_is_said() {
    let place = Place::new();
    place.project("plain", &["--lang", "js"], &[]);
    let path = programs(&place, &[]);
    let (exit, stderr) = built_with(&place, "plain", &path);
    assert_eq!(exit, 4, "{stderr}");
    assert_one_line_error(&stderr, "Node.js 20 or later, with npm, is needed");
    let path = {
        std::fs::remove_dir(&path).unwrap();
        programs(&place, &[("node", "#!/bin/sh\necho v18.20.4\n")])
    };
    let (exit, stderr) = built_with(&place, "plain", &path);
    assert_eq!(exit, 4, "{stderr}");
    assert_one_line_error(&stderr, "node is v18.20.4");
    std::fs::remove_dir_all(place.path().join("plain/.sport")).unwrap();
    write(&path, "node", "#!/bin/sh\necho v24.1.0\n");
    let (exit, stderr) = built_with(&place, "plain", &path);
    assert_eq!(exit, 3, "{stderr}");
    assert_one_line_error(&stderr, "copy its .sport folder here");
}

#[test]
fn a_change_in_javascript_is_seen() {
    if !has_node("a_change_in_javascript_is_seen") {
        return;
    }
    let place = Place::new();
    let folder = place.project(
        "watched-j",
        &["--lang", "js"],
        &[("plugin.js", "import { tool } from \"sport\";\n\ntool(\n")],
    );
    let watching = Watching::start(&place, &["--path", "watched-j"]);
    let seen = watching.until("watching ");
    assert!(
        seen.iter().any(|line| line.starts_with("error: watched-j does not build: plugin.js:")),
        "{seen:#?}"
    );
    write(&folder, "plugin.js", "export const nothing = 1;\n");
    let seen = watching.until("watching ");
    assert!(seen.iter().any(|line| line == "changed: plugin.js"), "{seen:#?}");
    assert!(seen.iter().any(|line| line.contains("plugin.js declares nothing")), "{seen:#?}");
}
