use std::time::{Duration, Instant};

use serde_json::json;
use sport_tests::photograph;

use super::client::Client;

#[test]
fn opened_run_forked_closed() {
    let mut client = Client::new(&["--tool", "calculator"]);
    let opened = client.call("python_open", json!({ "seed": 5 }))["structuredContent"].clone();
    assert_eq!((&opened["language"], &opened["functions"]), (&json!("python"), &json!(["calculate"])));
    let one = opened["session"].as_str().unwrap().to_owned();
    let result = client.call(
        "python_run",
        json!({ "session": one, "code": "print('hi')\nx = calculate(expression='6*7')['result']\nx" }),
    );
    assert_eq!(result["content"][0]["text"], "hi\n42");
    let report = &result["structuredContent"];
    assert_eq!(
        (&report["value"], &report["stdout"], &report["steps"]),
        (&json!(42), &json!("hi\n"), &json!(1))
    );
    let fork = client.call("python_fork", json!({ "session": one }))["structuredContent"].clone();
    let two = fork["session"].as_str().unwrap().to_owned();
    client.run(&two, "x += 1");
    assert_eq!((client.value(&one, "x"), client.value(&two, "x")), (json!(42), json!(43)));
    // code that raises is a result
    let raised = client.call("python_run", json!({ "session": one, "code": "1/0" }));
    assert_eq!(raised["structuredContent"]["raised"]["class"], "ZeroDivisionError");
    assert!(raised["content"][0]["text"].as_str().unwrap().contains("ZeroDivisionError"), "{raised}");
    let answered = client.run(&one, "final_answer({'n': x})");
    assert_eq!((&answered["ending"], &answered["answer"]), (&json!("answered"), &json!({ "n": 42 })));
    let asked = json!({ "session": one, "code": "import sys\n[input(), sys.argv[1:]]", "stdin": "line", "arguments": ["a"] });
    assert_eq!(client.call("python_run", asked)["structuredContent"]["value"], json!(["line", ["a"]]));
    // equal seeds draw the same
    let draw = "import random\nrandom.random()";
    let (a, b) = (client.open(json!({ "seed": 9 })), client.open(json!({ "seed": 9 })));
    assert_eq!(client.value(&a, draw), client.value(&b, draw));
    client.call("python_close", json!({ "session": two }));
    for tool in ["python_run", "python_fork", "python_close"] {
        let mut arguments = json!({ "session": two });
        if tool == "python_run" {
            arguments["code"] = json!("1");
        }
        assert_eq!(client.failure(tool, arguments).0, "no-such-session");
    }
    // a handle is not to be guessed
    assert!(one.len() >= 32 && one != two, "{one}");
}

#[test]
fn limits_only_narrow() {
    let mut client = Client::new(&["--wall", "1.5", "--output", "1"]);
    let session = client.open(json!({}));
    let began = Instant::now();
    let spin = json!({ "session": session, "code": "while True: pass", "timeout_seconds": 3600 });
    let result = client.ask("tools/call", json!({ "name": "python_run", "arguments": spin })).unwrap();
    assert_eq!(result["structuredContent"]["ending"], "deadline", "{result}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let session = client.open(json!({}));
    let flood = client.run(&session, "print('x' * 9000)");
    assert_eq!((&flood["ending"], flood["stdout"].as_str().unwrap().len()), (&json!("exhausted"), 1024));
    for bad in [json!(0), json!(-1), json!("x")] {
        let arguments = json!({ "session": session, "code": "1", "timeout_seconds": bad });
        assert_eq!(client.failure("python_run", arguments).0, "bad-arguments");
    }
    // and there is no way to more
    for more in ["memory_bytes", "grant", "isolation"] {
        let mut arguments = json!({ "session": session, "code": "1" });
        arguments[more] = json!(1);
        assert_eq!(client.failure("python_run", arguments).0, "bad-arguments");
    }
}

#[test]
fn there_are_not_too_many() {
    let mut client = Client::new(&[]);
    let sessions: Vec<String> = (0..64).map(|_| client.open(json!({}))).collect();
    let (code, message) = client.failure("python_open", json!({}));
    assert_eq!(code, "too-many-sessions", "{message}");
    assert_eq!(client.failure("python_fork", json!({ "session": sessions[0] })).0, "too-many-sessions");
    client.call("python_close", json!({ "session": sessions[3] }));
    client.open(json!({}));
    // calls wait for their turn, but not without end
    let spin =
        json!({ "name": "python_run", "arguments": { "session": sessions[0], "code": "while True: pass" } });
    let waiting: Vec<i64> = (0..18).map(|_| client.send("tools/call", spin.clone())).collect();
    // one of them, whichever came last
    let refused = client.next();
    assert_eq!(refused["result"]["_meta"]["sport/failure"]["code"], "busy", "{refused}");
    waiting.into_iter().filter(|id| refused["id"] != *id).for_each(|id| client.cancel(id));
    assert_eq!(client.value(&sessions[1], "1"), 1, "the others are not held up");
}

#[test]
fn who_does_not_use_it_loses_it() {
    let mut client = Client::new(&["--session-idle", "3"]);
    let (used, left) = (client.open(json!({})), client.open(json!({})));
    client.run(&used, "x = 1");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        assert_eq!(client.value(&used, "x"), 1);
        std::thread::sleep(Duration::from_millis(300));
    }
    let (code, message) = client.failure("python_run", json!({ "session": left, "code": "1" }));
    assert_eq!(code, "no-such-session");
    assert!(message.contains("not used for 3 s"), "{message}");
    // a long run is use, too
    let spin = json!({ "session": used, "code": "while True: pass", "timeout_seconds": 5 });
    let result = client.ask("tools/call", json!({ "name": "python_run", "arguments": spin })).unwrap();
    assert_eq!(result["structuredContent"]["ending"], "deadline");
    assert!(
        client.call("python_fork", json!({ "session": used }))["structuredContent"]["session"].is_string()
    );
}

#[test]
fn what_does_not_fit_is_read_in_parts() {
    let mut client = Client::new(&["--output", "8192"]);
    let session = client.open(json!({}));
    client.run(&session, "open('/scratch/big.bin', 'wb').write(bytes(range(256)) * (7 << 12))");
    let uri = format!("session://{session}/scratch/big.bin");
    let error = client.ask("resources/read", json!({ "uri": uri })).unwrap_err();
    assert_eq!(error["data"]["code"], "resource-too-large", "{error}");
    let part = format!("{uri}?offset=254&length=4");
    let read = client.ask("resources/read", json!({ "uri": part })).unwrap()["contents"][0].clone();
    assert_eq!((&read["blob"], &read["uri"]), (&json!("/v8AAQ=="), &json!(part)), "fe ff 00 01");
    let beyond = client.ask("resources/read", json!({ "uri": format!("{uri}?offset=99999999") })).unwrap();
    assert_eq!(beyond["contents"][0]["blob"], "");
    for bad in ["?offset=-1", "?offset=x", "?limit=1"] {
        assert!(client.ask("resources/read", json!({ "uri": format!("{uri}{bad}") })).is_err(), "{bad}");
    }
    // and a result that no client would take
    let arguments = json!({ "session": session, "code": "print('x' * 5_000_000)\ny = 7" });
    assert_eq!(client.failure("python_run", arguments).0, "result-too-large");
    assert_eq!(client.value(&session, "y"), 7, "the session goes on");
}

#[test]
fn files_come_back_as_links() {
    let photo = photograph("coffee.png");
    let mut client = Client::new(&["--tool", "image", "--file", photo.to_str().unwrap()]);
    let session = client.open(json!({}));
    let code = "open('/scratch/a b.csv', 'w').write('x,y')\np = crop_image(image='coffee.png', box=[0, 0, 20, 10])\ndisplay(p)\np";
    let result = client.call("python_run", json!({ "session": session, "code": code }));
    let report = &result["structuredContent"];
    let content = result["content"].as_array().unwrap();
    assert!(content.iter().any(|block| block["type"] == "image" || block["type"] == "text"), "{result}");
    let links: Vec<_> = content.iter().filter(|block| block["type"] == "resource_link").collect();
    let csv = links.iter().find(|link| link["name"] == "a b.csv").unwrap_or_else(|| panic!("{links:?}"));
    let uri = format!("session://{session}/scratch/a%20b.csv");
    assert_eq!((&csv["uri"], &csv["size"], &csv["mimeType"]), (&json!(uri), &json!(3), &json!("text/csv")));
    let read = client.ask("resources/read", json!({ "uri": uri })).unwrap()["contents"][0].clone();
    assert_eq!(read["text"], "x,y");
    let path = report["value"].as_str().unwrap();
    let listed =
        report["files"].as_array().unwrap().iter().find(|file| file["path"] == path).unwrap().clone();
    let read = client.ask("resources/read", json!({ "uri": listed["uri"] })).unwrap()["contents"][0].clone();
    assert!(read["blob"].as_str().unwrap().starts_with("iVBORw0"), "{read}");
    // what did not change is not told again
    let again = client.call("python_run", json!({ "session": session, "code": "1" }));
    assert_eq!(again["content"].as_array().unwrap().len(), 1, "{again}");
    // a fork has files of its own, and no handle leads to those of another
    for bad in ["scratch/none", "../etc/hostname", "etc/hostname", "scratch", ""] {
        assert!(
            client.ask("resources/read", json!({ "uri": format!("session://{session}/{bad}") })).is_err(),
            "{bad}"
        );
    }
    client.call("python_close", json!({ "session": session }));
    assert_eq!(client.ask("resources/read", json!({ "uri": uri })).unwrap_err()["code"], -32002);
}

#[test]
fn behind_a_second_wall_it_is_the_same() {
    let mut client = Client::new(&["--isolation", "process", "--tool", "calculator"]);
    let session = client.open(json!({ "files": [{ "name": "a.txt", "text": "seven" }] }));
    let code = "open('/scratch/b.txt', 'w').write(open('/task/a.txt').read())\ncalculate(expression='7*6')['result']";
    assert_eq!(client.value(&session, code), 42);
    let uri = format!("session://{session}/scratch/b.txt");
    assert_eq!(client.ask("resources/read", json!({ "uri": uri })).unwrap()["contents"][0]["text"], "seven");
    let id = client.send(
        "tools/call",
        json!({ "name": "python_run", "arguments": { "session": session, "code": "while True: pass" } }),
    );
    client.cancel(id);
    let fork =
        client.call("python_fork", json!({ "session": session }))["structuredContent"]["session"].clone();
    assert_eq!(client.value(fork.as_str().unwrap(), "1 + 1"), 2);
}
