//! `sport exec` through the binary, with the real interpreter and tools.
//!
//! * prints as it goes, shows the last value, shows the final answer
//! * code from a file and from standard input; standard input for the code, asked for; arguments; a pipe that stays open
//! * the budget's flags
//! * `--json` holds ending, value, output, tool calls, usage
//! * tools work on a real photograph; a tool that was not named does not exist
//! * files are read-only and are the only ones there are
//! * exit codes: raised 1, `exit(n)` n, deadline and exhausted 5, missing things 3 and 4
//! * what was printed before a deadline is shown
//! * an endless loop, a memory bomb, an output flood and deep recursion end, each in its own way

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use sport_tests::{assert_one_line_error, photograph, run, sport, write};

fn exec(code: &str, extra: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "code.py", code);
    run(sport(["exec", file.to_str().unwrap()]).args(extra))
}

fn exec_json(code: &str, extra: &[&str]) -> (i32, Value) {
    let (exit, stdout, stderr) = exec(code, &[extra, &["--json"]].concat());
    let value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
    (exit, value)
}

#[test]
fn prints_and_shows_the_last_value() {
    assert_eq!(exec("print(1+1)", &[]), (0, "2\n".into(), String::new()));
    assert_eq!(exec("x = 20\nx + 1", &[]), (0, "21\n".into(), String::new()));
    assert_eq!(exec("print('so')\nfinal_answer({'a': [1, 2]})", &[]).1, "so\nfinal answer: {\"a\":[1,2]}\n");
}

#[test]
fn code_and_input_come_from_where_they_should() {
    let mut child = sport(["exec", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"print('from a pipe')").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"from a pipe\n");

    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "echo.py", "import sys\nprint(input().upper(), sys.argv[1:])");
    let mut command = sport(["exec", file.to_str().unwrap(), "--stdin", "-", "--", "one", "two"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"HELLO ['one', 'two']\n");

    let input = write(folder.path(), "input.txt", "from a file\n");
    let given = run(&mut sport(["exec", file.to_str().unwrap(), "--stdin", input.to_str().unwrap()]));
    assert_eq!(given.1, "FROM A FILE []\n");

    let (exit, _, stderr) = run(&mut sport(["exec", "-", "--stdin", "-"]));
    assert_eq!(exit, 2);
    assert_one_line_error(&stderr, "cannot both be standard input");
    std::fs::write(folder.path().join("latin.py"), b"print('\xe9')").unwrap();
    let (exit, _, stderr) = run(&mut sport(["exec", folder.path().join("latin.py").to_str().unwrap()]));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "is not UTF-8 (at byte 7)");
}

#[test]
fn an_open_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "code.py", "import sys\nprint(repr(sys.stdin.read()))");
    let mut command = sport(["exec", file.to_str().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // held open until the process has ended by itself
    let pipe = child.stdin.take();
    assert!(child.wait().unwrap().success());
    drop(pipe);
    let mut stdout = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut stdout).unwrap();
    assert_eq!(stdout, "''\n");
}

#[test]
fn budgets_are_given_by_flags() {
    let (exit, report) = exec_json("print('x' * 5000)", &["--output", "2"]);
    assert_eq!((exit, &report["ending"]), (5, &Value::from("exhausted")));
    assert!(report["reason"].as_str().unwrap().contains("output"), "{report}");
    assert_eq!(report["stdout"].as_str().unwrap().len(), 2048);
    let (exit, report) = exec_json("while True: pass", &["--cpu", "0.3"]);
    assert_eq!((exit, &report["ending"]), (5, &Value::from("deadline")));
    assert!(report["reason"].as_str().unwrap().contains("cpu"), "{report}");
    let loops = "for n in range(9): print(calculate(expression='1'), flush=True)";
    let (_, report) = exec_json(loops, &["--tool", "calculator", "--tool-calls", "3"]);
    assert_eq!(report["stdout"].as_str().unwrap().lines().count(), 3, "{report}");
    let (exit, report) = exec_json(
        "while True: print(end='', flush=True) or open('/scratch/a', 'w').close()",
        &["--host-calls", "500"],
    );
    assert_eq!((exit, &report["ending"]), (5, &Value::from("exhausted")), "{report}");
    // 400 MB are more than the code is usually given, and less than a larger budget gives it
    let large = "x = bytearray(400 << 20)\nlen(x)";
    assert_eq!(exec_json(large, &[]).1["raised"]["class"], "MemoryError");
    assert_eq!(exec_json(large, &["--memory", "1024"]).1["value"]["json"], 400 << 20);
    for (flag, value) in [("--wall", "0"), ("--wall", "nan"), ("--cpu", "-1"), ("--wall", "1e9")] {
        let argument = format!("{flag}={value}");
        let (exit, _, stderr) = exec("1", &[&argument]);
        assert_eq!(exit, 2, "{argument}");
        assert_one_line_error(&stderr, flag);
    }
}

#[test]
fn json_holds_everything() {
    let (exit, report) = exec_json(
        "print('x')\nr = calculate(expression='6*7')\nfinal_answer(r['result'])",
        &["--tool", "calculator"],
    );
    assert_eq!(exit, 0);
    assert_eq!(report["ending"], "answered");
    assert_eq!(report["answer"], 42);
    assert_eq!(report["stdout"], "x\n");
    assert_eq!(report["tool_calls"][0]["name"], "calculate");
    assert_eq!(report["tool_calls"][0]["arguments"]["expression"], "6*7");
    assert!(report["usage"]["memory_bytes"].as_u64().unwrap() > 1_000_000);
}

#[test]
fn tools_see_a_real_photograph() {
    let photo = photograph("coffee.png");
    let code = "i = image_info(image='coffee.png')\nc = crop_image(image='/task/coffee.png', box=[0, 0, 50, 40])\n\
                final_answer([i['width'], i['height'], i['format'], image_info(image=c)['width']])";
    let (exit, report) = exec_json(code, &["--tool", "image", "--file", photo.to_str().unwrap()]);
    assert_eq!(exit, 0, "{report}");
    assert_eq!(report["answer"], serde_json::json!([600, 400, "png", 50]));
}

#[test]
fn what_was_not_granted_does_not_exist() {
    let (exit, report) = exec_json("calculate(expression='1')", &[]);
    assert_eq!((exit, &report["raised"]["class"]), (1, &Value::from("NameError")));
    let code = "import os\ntry: os.listdir('/')\nexcept OSError: print('no root')\n\
                final_answer([os.listdir('/task'), os.listdir('/scratch'), dict(os.environ)])";
    let (_, report) = exec_json(code, &[]);
    assert_eq!(report["answer"], serde_json::json!([[], [], {}]), "{report}");
    assert_eq!(report["stdout"], "no root\n");
    let (_, report) = exec_json("import socket\nsocket.create_connection(('127.0.0.1', 22), 1)", &[]);
    assert_ne!(report["ending"], "value");
}

#[test]
fn files_are_read_only() {
    let photo = photograph("moon.png");
    let code =
        "data = open('/task/moon.png', 'rb').read()\nprint(len(data) > 1000)\nopen('/task/moon.png', 'wb')";
    let (exit, stdout, stderr) = exec(code, &["--file", photo.to_str().unwrap()]);
    assert_eq!((exit, stdout.as_str()), (1, "True\n"), "{stderr}");
    assert!(photo.metadata().unwrap().len() > 1000, "the photograph was touched");
}

#[test]
fn exit_codes_tell_the_ending() {
    let (exit, _, stderr) = exec("x = 1\nx / 0", &[]);
    assert_eq!(exit, 1);
    assert!(stderr.contains("ZeroDivisionError") && stderr.contains("x / 0"), "{stderr}");
    assert_eq!(exec("import sys\nsys.exit(7)", &[]).0, 7);
    assert_eq!(exec("print('before', flush=True)\nwhile True: pass", &["--wall", "0.5"]).0, 5);
}

#[test]
fn missing_things_are_one_line() {
    let (exit, _, stderr) = run(&mut sport(["exec", "/nowhere/code.py"]));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "/nowhere/code.py");
    let (exit, _, stderr) = exec("1", &["--tool", "no-such-tool"]);
    assert_eq!(exit, 4);
    assert_one_line_error(&stderr, "make components");
    let (exit, _, stderr) = exec("1", &["--file", "/nowhere/photo.jpg"]);
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "/nowhere/photo.jpg");
}

#[test]
fn an_endless_loop_ends_and_shows_what_it_printed() {
    let code =
        "print('before')\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass";
    let (exit, report) = exec_json(code, &["--wall", "0.5"]);
    assert_eq!((exit, &report["ending"]), (5, &Value::from("deadline")));
    assert_eq!(report["stdout"], "before\n");
}

#[test]
fn a_memory_bomb_is_contained() {
    let (_, report) = exec_json("x = []\nwhile True: x.append(bytearray(1 << 22))", &["--memory", "128"]);
    assert!(report["ending"] == "exhausted" || report["raised"]["class"] == "MemoryError", "{report}");
}

#[test]
fn an_output_flood_is_contained() {
    let (exit, report) = exec_json("while True: print('x' * 10000)", &[]);
    assert_eq!((exit, &report["ending"]), (5, &Value::from("exhausted")), "{}", report["reason"]);
    assert!(report["stdout"].as_str().unwrap().len() <= 4 << 20);
}

#[test]
fn deep_recursion_is_contained() {
    let (_, report) = exec_json("def f(): return f()\nf()", &[]);
    assert!(report["ending"] == "trapped" || report["raised"]["class"] == "RecursionError", "{report}");
    let (exit, _, _) = exec("a = []\nfor _ in range(200000): a = [a]\nrepr(a)", &[]);
    assert!([0, 1, 5].contains(&exit), "{exit}");
}
