use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_tests::photograph;

use super::client::Client;

fn named<'a>(tools: &'a [Value], name: &str) -> &'a Value {
    tools
        .iter()
        .find(|tool| tool["name"] == name)
        .unwrap_or_else(|| panic!("{name} is not listed: {tools:?}"))
}

#[test]
fn tools_are_listed_in_their_own_words() {
    let mut client =
        Client::new(&["--tool", "calculator", "--tool", "image", "--deadline", "image_info=7.5"]);
    let tools = client.tools();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let python = ["python_open", "python_run", "python_fork", "python_close", "artifact_put"];
    let plugins = [
        "add_text",
        "annotate_image",
        "calculate",
        "compare_images",
        "convert_image",
        "crop_image",
        "draw_box",
        "image_info",
        "mean_color",
        "resize_image",
    ];
    assert_eq!(names, [&python[..], &plugins[..]].concat());
    let calculate = named(&tools, "calculate");
    assert_eq!(calculate["annotations"]["readOnlyHint"], true, "{calculate}");
    assert_eq!(calculate["annotations"]["destructiveHint"], false, "{calculate}");
    assert!(calculate["outputSchema"]["properties"]["result"].is_object(), "{calculate}");
    assert_eq!(calculate["_meta"]["sport/deadline-seconds"], 30.0);
    assert_eq!(calculate["_meta"]["sport/plugin"], "calculator");
    let info = named(&tools, "image_info");
    assert_eq!(info["_meta"]["sport/deadline-seconds"], 7.5);
    // a file is a text, and it is said what kind of
    let image = &info["inputSchema"]["properties"]["image"];
    assert_eq!(image["type"], "string");
    assert!(
        image.get("format").is_none() && image["description"].as_str().unwrap().contains("artifact://"),
        "{image}"
    );
    // what nobody claimed is not said: MCP then thinks the worst
    assert!(named(&tools, "python_run")["annotations"].get("readOnlyHint").is_none());
    for tool in &tools {
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert!(tool["description"].as_str().is_some_and(|text| text.len() > 20), "{tool}");
    }
}

#[test]
fn calls_and_failures() {
    let mut client = Client::new(&["--tool", "calculator", "--no-interpreter"]);
    assert_eq!(client.names(), ["artifact_put", "calculate"]);
    let result = client.call("calculate", json!({ "expression": "6*7" }));
    assert_eq!(result["structuredContent"]["result"], 42, "{result}");
    assert!(result["content"][0]["text"].as_str().unwrap().contains("42"), "{result}");
    // what a tool says went wrong is for the model
    let (code, message) = client.failure("calculate", json!({ "expression": "6*" }));
    assert!(!code.is_empty() && message.contains(&code), "{code}: {message}");
    let (code, message) = client.failure("calculate", json!({ "expresion": "6*7" }));
    assert_eq!(code, "bad-arguments");
    assert!(message.contains("expresion"), "{message}");
    // what is no tool is an error of the protocol
    for gone in ["python_run", "no_such_tool", ""] {
        let error = client.ask("tools/call", json!({ "name": gone, "arguments": {} })).unwrap_err();
        assert_eq!(error["code"], -32602, "{error}");
    }
    let error = client.ask("resources/read", json!({ "uri": "session://abc/scratch/x" })).unwrap_err();
    assert_eq!(error["code"], -32002, "{error}");
    let templates = client.ask("resources/templates/list", json!({})).unwrap();
    assert_eq!(templates["resourceTemplates"].as_array().unwrap().len(), 1, "{templates}");
    assert!(client.ask("no/such/method", json!({})).is_err());
    assert_eq!(client.end().0, 0);
}

#[test]
fn a_tool_has_a_deadline_of_its_own() {
    let photo = photograph("coffee.png");
    let flags = ["--tool", "image", "--file", photo.to_str().unwrap()];
    let mut client = Client::new(&[&flags[..], &["--deadline", "resize_image=0.001"]].concat());
    let arguments = json!({ "image": "coffee.png", "width": 2000 });
    let result = client.ask("tools/call", json!({ "name": "resize_image", "arguments": arguments })).unwrap();
    assert_eq!(result["_meta"]["sport/failure"]["kind"], "deadline", "{result}");
    // and has it too where code calls it; the code goes on
    let session = client.open(json!({}));
    let code = "try: r = resize_image(image='coffee.png', width=2000)\nexcept ToolError as e: r = e.code\n[r, image_info(image='coffee.png')['width']]";
    assert_eq!(client.value(&session, code), json!(["wall-deadline", 600]));
    // the others have theirs
    assert_eq!(
        client.call("image_info", json!({ "image": "coffee.png" }))["structuredContent"]["width"],
        600
    );
}

#[test]
fn progress_is_told_while_code_runs() {
    let mut client = Client::new(&[]);
    let session = client.open(json!({}));
    let code = "n = 0\nwhile True:\n    n += 1\n    if n % 200000 == 0: print('so far', n, flush=True)";
    let arguments = json!({ "session": session, "code": code, "timeout_seconds": 3 });
    let params = json!({ "name": "python_run", "arguments": arguments, "_meta": { "progressToken": "p7" } });
    let result = client.ask("tools/call", params).unwrap();
    assert_eq!(
        result["structuredContent"]["ending"], "deadline",
        "{}",
        result["structuredContent"]["reason"]
    );
    assert_eq!(result["isError"], true);
    let notes = client.notes("notifications/progress");
    assert!(notes.len() >= 2, "{} words of progress in 3 s", notes.len());
    let mut last = 0.0;
    for note in &notes {
        let params = &note["params"];
        assert_eq!((&params["progressToken"], &params["total"]), (&json!("p7"), &json!(3.0)), "{note}");
        let progress = params["progress"].as_f64().unwrap();
        assert!(progress > last, "{progress} after {last}");
        last = progress;
    }
    let printed = notes.iter().any(|note| note["params"]["message"].as_str().unwrap().contains("so far"));
    assert!(printed, "what it prints is told: {notes:?}");
    // who did not ask hears nothing
    let session = client.open(json!({}));
    let arguments = json!({ "session": session, "code": "while True: pass", "timeout_seconds": 1.2 });
    client.ask("tools/call", json!({ "name": "python_run", "arguments": arguments })).unwrap();
    assert!(client.notes("notifications/progress").is_empty());
}

#[test]
fn a_cancelled_call_ends() {
    let mut client = Client::new(&[]);
    let session = client.open(json!({}));
    client.run(&session, "x = 5");
    let spin = json!({ "session": session, "code": "print('begun', flush=True)\nwhile True: pass" });
    let params = json!({ "name": "python_run", "arguments": spin, "_meta": { "progressToken": 1 } });
    let endless = client.send("tools/call", params.clone());
    client.note("notifications/progress");
    // one that waits for its turn, too
    let waiting = client.send("tools/call", params);
    client.cancel(waiting);
    let began = Instant::now();
    client.cancel(endless);
    // neither is answered; the session is free at once, and its state before is had by a fork
    let report = client.run(&session, "x");
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    assert_eq!((&report["ending"], &report["healthy"]), (&json!("trapped"), &json!(false)), "{report}");
    let fork = client.call("python_fork", json!({ "session": session }))["structuredContent"].clone();
    assert_eq!(fork["made"], "from memory", "{fork}");
    assert_eq!(client.value(fork["session"].as_str().unwrap(), "x"), 5);
    // a cancelled request that there is none of changes nothing
    client.cancel(4711);
    assert_eq!(client.value(fork["session"].as_str().unwrap(), "x + 1"), 6);
}

#[test]
fn the_end_of_the_input_is_the_end() {
    // what is under way has some seconds to end, and is then ended
    let mut client = Client::new(&[]);
    let session = client.open(json!({}));
    client.send(
        "tools/call",
        json!({ "name": "python_run", "arguments": { "session": session, "code": "while True: pass" } }),
    );
    let (code, took) = client.end();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(20), "{took:?}");
    // before anything was said
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(Client::start(&["--no-interpreter"], nothing.path()).end().0, 0);
}

#[test]
fn without_a_handshake() {
    let nothing = tempfile::tempdir().unwrap();
    let mut client = Client::start(&["--tool", "calculator"], nothing.path());
    client.without_handshake();
    let found = client.ask("server/discover", json!({})).unwrap();
    assert!(found["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let list = client.ask("tools/list", json!({})).unwrap();
    assert_eq!((&list["cacheScope"], &list["ttlMs"]), (&json!("private"), &json!(5000)), "{list}");
    let result = client.call("calculate", json!({ "expression": "2**5" }));
    assert_eq!(
        (&result["structuredContent"]["result"], &result["resultType"]),
        (&json!(32), &json!("complete"))
    );
    // state lies behind handles, and nowhere else
    let session = client.open(json!({}));
    client.run(&session, "y = 1");
    assert_eq!(client.value(&session, "y"), 1);
}

#[test]
fn nonsense_is_answered_or_left_and_the_server_goes_on() {
    let mut client = Client::new(&["--tool", "calculator", "--no-interpreter"]);
    client.line("this is no JSON");
    client.line("{\"jsonrpc\": \"2.0\", \"id\": 1}");
    client.line("[]");
    client.line(&"x".repeat(25 << 20));
    client.line(&json!({ "jsonrpc": "2.0", "method": "notifications/no-such", "params": {} }).to_string());
    let id = client.send("tools/call", json!({ "name": "calculate", "arguments": { "expression": "1+1" } }));
    // an answer to a message that is none has no id of ours
    let result = loop {
        match client.next() {
            message if message["id"] == id => break message["result"].clone(),
            message => assert!(message.get("error").is_some(), "{message}"),
        }
    };
    assert_eq!(result["structuredContent"]["result"], 2);
    assert_eq!(client.end().0, 0);
}
