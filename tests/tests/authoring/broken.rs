//! Plugins that do not build: each says which file, which line, which function, and what is wrong.

use crate::support::Place;

fn refused(place: &Place, name: &str, words: &[&str]) {
    let (exit, stdout, stderr) = place.plugin(&["build", name]);
    assert_eq!(exit, 3, "{stdout}{stderr}");
    let last = stderr.lines().last().unwrap();
    assert!(last.starts_with(&format!("error: {name} does not build: ")), "{stderr}");
    for word in words {
        assert!(last.contains(word), "no {word} in: {last}");
    }
    assert!(!place.path().join(name).join(format!("target/{name}.wasm")).exists());
}

#[test]
fn rust_that_does_not_build() {
    let place = Place::new();
    let with = |name: &str, text: &str, words: &[&str]| {
        place.project(name, &[], &[("src/lib.rs", text)]);
        refused(&place, name, words);
    };
    with(
        "types",
        "use sport_sdk::tool;\n\n/// Adds.\n#[tool]\nfn add(a: i64) -> i64 {\n    a + \"1\"\n}\n",
        &["src/lib.rs:6", "in fn add", "cannot add"],
    );
    with(
        "undocumented",
        "use sport_sdk::tool;\n\n#[tool]\nfn add(a: i64) -> i64 {\n    a + 1\n}\n",
        &["src/lib.rs:4", "in fn add", "a tool needs a doc comment"],
    );
    with(
        "no-schema",
        "use sport_sdk::tool;\n\nstruct Odd;\n\n/// Adds.\n#[tool]\nfn add(a: Odd) -> i64 {\n    1\n}\n",
        &["src/lib.rs:", "Odd"],
    );
}

#[test]
fn python_that_does_not_build() {
    let place = Place::new();
    let with = |name: &str, text: &str, words: &[&str]| {
        place.project(name, &["--lang", "python"], &[("plugin.py", text)]);
        refused(&place, name, words);
    };
    with("syntax", "from sport_sdk import tool\n\n\ndef f(:\n", &["plugin.py:4", "invalid syntax"]);
    with(
        "untyped",
        "from sport_sdk import tool\n\n\n@tool\ndef f(x) -> int:\n    \"\"\"Does.\"\"\"\n    return x\n",
        &["plugin.py:4", "parameter x of tool f has no type hint"],
    );
    with(
        "undocumented",
        "from sport_sdk import tool\n\n\n@tool\ndef f(x: int) -> int:\n    return x\n",
        &["plugin.py:4", "tool f needs a docstring"],
    );
    with(
        "raises",
        "from sport_sdk import tool\n\n\ndef table():\n    return {}['a']\n\n\nTABLE = table()\n",
        &["plugin.py:5, in table", "KeyError"],
    );
    with("nothing", "x = 1\n", &["plugin.py declares nothing", "@tool"]);
    with("missing", "import no_such_module\n", &["plugin.py:1", "no_such_module"]);
}
