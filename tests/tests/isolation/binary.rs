//! `--isolation process` through the binary.
//!
//! * `sport exec`: output, value, exit code and JSON are those without it; files, tools, standard input
//! * `sport exec --serve`: sessions, forks, a tool of the client, cancelling
//! * an unknown wall is refused; the help says what there is

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};
use sport_tests::{run, sport, write};

#[test]
fn exec() {
    let folder = tempfile::tempdir().unwrap();
    let code = write(
        folder.path(),
        "code.py",
        "import sys\nprint(open('/task/data.txt').read(), sys.stdin.read())\nprint(calculate(expression='6*7')['result'])\nsys.exit(3)",
    );
    let data = write(folder.path(), "data.txt", "data");
    let input = write(folder.path(), "input", "input");
    let exec = |more: &[&str]| {
        let mut command = sport(["exec", "--tool", "calculator"]);
        command.arg(&code).arg("--file").arg(&data).arg("--stdin").arg(&input).args(more);
        run(&mut command)
    };
    let plain = exec(&[]);
    assert_eq!(exec(&["--isolation", "process"]), plain);
    assert_eq!((plain.0, plain.1.as_str()), (3, "data input\n42\n"));
    let json = |more: &[&str]| -> Value {
        let (_, stdout, stderr) = exec(&[&["--json"], more].concat());
        let mut report: Value =
            serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
        report["usage"]["wall_us"] = json!(0);
        report["usage"]["cpu_us"] = json!(0);
        report
    };
    assert_eq!(json(&["--isolation", "process"]), json(&[]));
}

#[test]
fn an_unknown_wall() {
    let (code, _, stderr) = run(&mut sport(["exec", "-", "--isolation", "moat"]));
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("possible values: none, process"), "{stderr}");
}

#[test]
fn serve() {
    let mut command = sport(["exec", "--serve", "--isolation", "process"]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let mut say = |message: Value| writeln!(input, "{message}").unwrap();

    let tool = json!({ "name": "ask", "input_schema": { "type": "object" } });
    say(json!({ "id": 1, "method": "open", "params": { "tools": [tool] } }));
    let session = next()["result"]["session"].clone();
    say(json!({ "id": 2, "method": "run", "params": { "session": session, "code": "x = ask(n=1)\nx" } }));
    let call = next();
    assert_eq!(call["method"], "tool", "{call}");
    say(json!({ "id": call["id"], "result": { "value": { "n": 2 } } }));
    let answer = next();
    assert_eq!(answer["result"]["report"]["value"]["json"], json!({ "n": 2 }), "{answer}");
    say(json!({ "id": 3, "method": "fork", "params": { "session": session } }));
    let fork = next();
    assert_eq!(fork["result"]["made"]["by"], "memory", "{fork}");
    let fork = fork["result"]["session"].clone();
    say(json!({ "id": 4, "method": "run", "params": { "session": fork, "code": "while True: pass" } }));
    say(json!({ "id": 5, "method": "cancel", "params": { "request": 4 } }));
    let answers = [next(), next()];
    let ended = answers.iter().find(|answer| answer["id"] == 4).unwrap();
    assert_eq!(ended["result"]["report"]["ending"], "cancelled", "{ended}");
    drop(input);
    assert!(server.wait().unwrap().success());
}
