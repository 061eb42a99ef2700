//! The tools that come with sport, as agent code calls them: in the sandbox, within its usual limits.
//!
//! * a table is grouped, the groups become a chart, the chart is looked at, marked, converted and compared
//! * a table of the most cells that are read passes within the limits; one with more is refused
//! * what is written onto a picture is read from it again, by a tool with a warm start; a page of a book
//! * without its models it says how to get them
//! * a search: the operator's host and key, the request as the server sees it, the key nowhere in what comes back
//! * a search that nothing was granted for; a host that was not granted; a server that is too busy; one that sends elsewhere

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use sport_tests::{assert_one_line_error, component, root, run, sport, write};

#[test]
fn what_is_written_is_read() {
    let images = sport_improve::config::cache_folder().join("images");
    let folder = tempfile::tempdir().unwrap();
    let code = "
written = add_text(image='brick.png', text='Platform 9, 07:45', at=[20, 200], size=40, color='black', background='white')
line = crop_image(image=written, box=[10, 190, 500, 260])
final_answer({'found': [one['text'] for one in read_text(image=written)['lines']], 'line': read_line(image=line)['text'],
              'page': read_text(image='page.png')['text'].splitlines()[0]})
";
    let code = write(folder.path(), "code.py", code);
    let mut command = sport(["exec", code.to_str().unwrap(), "--json", "--tool", "image", "--tool", "ocr"]);
    for name in ["brick.png", "page.png"] {
        command.arg("--file").arg(images.join(name));
    }
    let (_, stdout, stderr) = run(&mut command);
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
    assert_eq!(
        report["answer"],
        json!({ "found": ["Platform 9, 07:45"], "line": "Platform 9, 07:45", "page": "Region-based segmentation" }),
        "{report:#}"
    );
    // elsewhere there are no models
    let mut command = sport(["plugin", "run", "ocr", "read_text", r#"{"image": "page.png"}"#]);
    command.env("SPORT_CACHE", folder.path()).arg("--file").arg(images.join("page.png"));
    let (exit, _, stderr) = run(&mut command);
    assert_eq!(exit, 4);
    assert_one_line_error(&stderr, "run `make ocr`");
}

#[test]
fn tables_charts_and_pictures_go_together() {
    let weather = root().join("plugins/tools/table/tests/data/seattle-weather.csv");
    let folder = tempfile::tempdir().unwrap();
    let code = "
groups = table_group(file='seattle-weather.csv', by=['weather'], save='csv',
                     aggregate=[{'function': 'count', 'name': 'days'}, {'function': 'mean', 'column': 'temp_max'}])
chart = bar_chart(file=groups['file'], x='weather', y=['days'], title='Days of each weather')
svg = bar_chart(file=groups['file'], x='weather', y=['days'], format='svg')
marked = annotate_image(image=chart, marks=[{'box': [100, 100, 300, 200], 'label': 'here'}])
gray = convert_image(image=chart, to='jpeg', gray=True)
found = compare_images(image=chart, other=marked)
rows = table_rows(file=table_convert(file='seattle-weather.csv', to='xlsx'), sort=[{'column': 'wind', 'descending': True}], limit=1)
final_answer({'chart': image_info(image=chart), 'gray': image_info(image=gray), 'different': found['different_pixels'],
              'alike': found['similarity'], 'groups': [[row['weather'], row['days']] for row in groups['rows']],
              'windy': rows['rows'][0]['date'], 'svg': open(svg).read()[:4]})
";
    let code = write(folder.path(), "code.py", code);
    let arguments = ["exec", code.to_str().unwrap(), "--json", "--file", weather.to_str().unwrap()];
    let tools = ["--tool", "table", "--tool", "plot", "--tool", "image"];
    let (_, stdout, stderr) = run(sport(arguments).args(tools));
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}"));
    let answer = &report["answer"];
    assert_eq!(
        answer["chart"],
        json!({ "width": 960, "height": 600, "format": "png", "channels": 4 }),
        "{report}"
    );
    assert_eq!((&answer["gray"]["format"], &answer["gray"]["channels"]), (&json!("jpeg"), &json!(1)));
    assert!(
        answer["different"].as_u64().unwrap() > 100 && answer["alike"].as_f64().unwrap() > 0.8,
        "{answer}"
    );
    assert_eq!(
        answer["groups"],
        json!([["drizzle", 54], ["fog", 411], ["rain", 259], ["snow", 23], ["sun", 714]])
    );
    assert_eq!((&answer["windy"], &answer["svg"]), (&json!("2012-12-17"), &json!("<svg")));
}

fn table(tool: &str, arguments: &Value, file: &Path) -> (i32, Value) {
    let arguments = arguments.to_string();
    let (exit, stdout, stderr) = run(&mut sport([
        "plugin",
        "run",
        "table",
        tool,
        &arguments,
        "--json",
        "--file",
        file.to_str().unwrap(),
    ]));
    (exit, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout} {stderr}")))
}

#[test]
fn the_largest_table_passes() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..500_000_u32)
        .map(|row| {
            format!(
                "{row},{},name {},2024-01-{:02},{}.5,true,x,\n",
                row % 7,
                row % 100,
                row % 28 + 1,
                row % 1000
            )
        })
        .collect();
    let file = write(folder.path(), "large.csv", &format!("id,group,name,day,price,ok,note,nothing\n{rows}"));
    let arguments = json!({ "file": "large.csv", "by": ["group"], "aggregate": [{ "function": "median", "column": "price" }] });
    let (exit, outcome) = table("table_group", &arguments, &file);
    assert_eq!((exit, &outcome["structured"]["total"]), (0, &json!(7)), "{outcome}");
    let more = write(
        folder.path(),
        "larger.csv",
        &format!("id,group,name,day,price,ok,note,nothing\n{rows}{}", ",,,,,,,\n".repeat(20)),
    );
    let (exit, failure) = table("table_info", &json!({ "file": "larger.csv" }), &more);
    assert_eq!((exit, &failure["code"]), (1, &json!("table-too-large")), "{failure}");
}

/// A server that gives these answers, one for each connection, and tells what it was asked.
fn server(answers: Vec<String>) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while reader.read_line(&mut head).unwrap() > 2 {}
            tell.send(head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, told)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

const KEY: &str = "a-key-that-nobody-may-see";

/// `web_search` with a grant of its own.
fn search(port: u16, arguments: &Value) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let grants = format!(
        "[plugins.web]\nsource = {:?}\nhosts = [{{ host = \"127.0.0.1\", scheme = \"http\", port = {port}, private = true }}]\n\n\
         [plugins.web.secrets.brave]\nenv = \"SEARCH_KEY\"\nhosts = [\"http://127.0.0.1:{port}\"]\n",
        component("search").canonicalize().unwrap()
    );
    let config = folder.path().join("config");
    std::fs::create_dir(&config).unwrap();
    write(&config, "plugins.toml", &grants);
    let with = |arguments: &[&str]| {
        let mut command = sport(arguments);
        command.env("SPORT_CONFIG", &config).env("SEARCH_KEY", KEY);
        run(&mut command)
    };
    let (exit, _, stderr) = with(&["plugin", "approve", "web", "--yes"]);
    assert_eq!(exit, 0, "{stderr}");
    with(&["plugin", "run", "web", "web_search", &arguments.to_string(), "--json"])
}

#[test]
fn a_search_is_asked_with_the_operators_key() {
    let body = json!({ "web": { "results": [
        { "title": "A <b>bird</b>", "url": "https://birds.example/", "description": format!("your key is {KEY}") },
        { "title": "Bad", "url": "javascript:alert(1)", "description": "" },
    ] } });
    let (port, told) =
        server(vec![answer("200 OK", "content-type: application/json\r\n", &body.to_string())]);
    let endpoint = format!("http://127.0.0.1:{port}/res/v1/web/search");
    let (exit, stdout, stderr) =
        search(port, &json!({ "query": "small birds & trees", "count": 3, "endpoint": endpoint }));
    assert_eq!(exit, 0, "{stdout} {stderr}");
    let asked = told.recv().unwrap();
    assert!(
        asked.starts_with("GET /res/v1/web/search?q=small+birds+%26+trees&count=3&offset=0 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(asked.to_lowercase().contains(&format!("x-subscription-token: {KEY}\r\n")), "{asked}");
    let outcome: Value = serde_json::from_str(&stdout).unwrap();
    let results = outcome["structured"]["results"].as_array().unwrap();
    assert_eq!((results.len(), &outcome["structured"]["api"]), (1, &json!("brave")), "{outcome}");
    assert_eq!(
        (&results[0]["title"], &results[0]["url"]),
        (&json!("A bird"), &json!("https://birds.example/"))
    );
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY), "{stdout}");
}

#[test]
fn what_keeps_a_search_from_its_answer_is_told() {
    for (answer, code, retryable) in [
        (answer("429 Too Many Requests", "retry-after: 7\r\n", ""), "rate-limited", true),
        (answer("302 Found", "location: http://127.0.0.1:1/\r\n", ""), "redirected", false),
        (answer("401 Unauthorized", "", "no"), "key-refused", false),
        (answer("200 OK", "", "<html>"), "bad-answer", false),
    ] {
        let (port, _told) = server(vec![answer]);
        let (exit, stdout, _) =
            search(port, &json!({ "query": "x", "endpoint": format!("http://127.0.0.1:{port}/") }));
        let failure: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (exit, &failure["code"], &failure["retryable"]),
            (1, &json!(code), &json!(retryable)),
            "{failure}"
        );
    }
    // Another port than the one that was granted.
    let (port, told) = server(vec![answer("200 OK", "", "{}")]);
    let (_, stdout, _) = search(1, &json!({ "query": "x", "endpoint": format!("http://127.0.0.1:{port}/") }));
    let failure: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&failure["kind"], &failure["code"]), (&json!("denied"), &json!("fetch-denied")), "{failure}");
    assert!(told.try_recv().is_err(), "the server was asked");

    let (exit, _, stderr) = run(&mut sport(["plugin", "run", "search", "web_search", "{\"query\": \"x\"}"]));
    assert_eq!(exit, 3);
    assert_one_line_error(&stderr, "sport:host/fetch");
}
