use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sport_tests::photograph;

use super::client::Client;

fn links(result: &Value) -> Vec<Value> {
    let content = result["content"].as_array().unwrap();
    content.iter().filter(|block| block["type"] == "resource_link").cloned().collect()
}

fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes))
}

#[test]
fn what_a_tool_makes_is_read_and_handed_on() {
    let photo = photograph("coffee.png");
    let mut client = Client::new(&["--tool", "image", "--no-interpreter", "--file", photo.to_str().unwrap()]);
    // a granted file by its name
    let result = client.call("crop_image", json!({ "image": "coffee.png", "box": [10, 10, 60, 50] }));
    let link = &links(&result)[0];
    let uri = link["uri"].as_str().unwrap();
    assert!(uri.starts_with("artifact://sha256/"), "{link}");
    assert_eq!(link["mimeType"], "image/png");
    // a small picture is there for the model to see
    let image =
        result["content"].as_array().unwrap().iter().find(|block| block["type"] == "image").unwrap().clone();
    let seen = BASE64_STANDARD.decode(image["data"].as_str().unwrap()).unwrap();
    let read = client.ask("resources/read", json!({ "uri": uri })).unwrap()["contents"][0].clone();
    let bytes = BASE64_STANDARD.decode(read["blob"].as_str().unwrap()).unwrap();
    assert_eq!((&bytes[..4], bytes.len() as u64), (&b"\x89PNG"[..], link["size"].as_u64().unwrap()));
    assert_eq!((&read["mimeType"], &read["uri"], seen), (&json!("image/png"), &json!(uri), bytes.clone()));
    // the link goes into the next tool as it is, and so does the file itself
    for given in [uri.to_owned(), data_uri("image/png", &bytes)] {
        let info = client.call("image_info", json!({ "image": given }))["structuredContent"].clone();
        assert_eq!((&info["width"], &info["height"]), (&json!(50), &json!(40)), "{info}");
    }
    // where the result names a file, it names it by the link that leads to it
    let text = result["structuredContent"].to_string();
    assert!(result["structuredContent"].is_null() || text.contains(uri), "{text}");
    assert!(!text.contains("/scratch"), "{text}");
    let listed = client.ask("resources/list", json!({})).unwrap();
    assert!(
        listed["resources"].as_array().unwrap().iter().any(|resource| resource["uri"] == uri),
        "{listed}"
    );
}

#[test]
fn a_client_hands_in_a_file() {
    let bytes = std::fs::read(photograph("coffee.png")).unwrap();
    let mut client = Client::new(&["--tool", "image"]);
    let put = json!({ "name": "mine.png", "base64": BASE64_STANDARD.encode(&bytes) });
    let result = client.call("artifact_put", put.clone());
    let uri = result["structuredContent"]["uri"].as_str().unwrap().to_owned();
    assert_eq!(links(&result)[0]["uri"], uri.as_str());
    assert_eq!(
        client.call("artifact_put", put)["structuredContent"]["uri"],
        uri.as_str(),
        "the same bytes, the same link"
    );
    assert_eq!(client.call("image_info", json!({ "image": uri }))["structuredContent"]["width"], 600);
    let text =
        client.call("artifact_put", json!({ "name": "a.csv", "text": "a,b\n1,2\n" }))["structuredContent"]
            .clone();
    let read = client.ask("resources/read", json!({ "uri": text["uri"] })).unwrap()["contents"][0].clone();
    assert_eq!((&read["text"], &read["mimeType"]), (&json!("a,b\n1,2\n"), &json!("text/csv")));
    // in all its forms into a session
    let files = json!([
        { "name": "photo.png", "uri": uri },
        { "name": "a.txt", "text": "hello" },
        { "name": "b.bin", "base64": "AAEC" },
        { "name": "c.txt", "uri": "data:text/plain,one%20two" },
    ]);
    let opened = client.call("python_open", json!({ "files": files }))["structuredContent"].clone();
    assert_eq!(opened["files"], json!(["/task/a.txt", "/task/b.bin", "/task/c.txt", "/task/photo.png"]));
    let session = opened["session"].as_str().unwrap();
    let code = "[open('/task/a.txt').read(), open('/task/b.bin','rb').read().hex(), open('/task/c.txt').read(), image_info(image='photo.png')['width']]";
    assert_eq!(client.value(session, code), json!(["hello", "000102", "one two", 600]));
}

#[test]
fn the_newest_are_kept() {
    let mut client = Client::new(&["--no-interpreter"]);
    let mut put = |number: usize| {
        let result = client.call("artifact_put", json!({ "name": "a.txt", "text": number.to_string() }));
        result["structuredContent"]["uri"].as_str().unwrap().to_owned()
    };
    let first = put(0);
    let second = put(1);
    (2..1024).for_each(|number| drop(put(number)));
    // asked for again, it is the newest again
    assert_eq!(put(0), first);
    put(1024);
    assert_eq!(client.ask("resources/read", json!({ "uri": first })).unwrap()["contents"][0]["text"], "0");
    assert!(client.ask("resources/read", json!({ "uri": second })).is_err());
    assert_eq!(client.ask("resources/list", json!({})).unwrap()["resources"].as_array().unwrap().len(), 1024);
}

#[test]
fn what_is_wrong_is_said() {
    let mut client = Client::new(&["--tool", "image", "--no-interpreter"]);
    let missing = format!("artifact://sha256/{}", "0".repeat(64));
    assert_eq!(client.failure("image_info", json!({ "image": missing })).0, "artifact-missing");
    assert_eq!(client.ask("resources/read", json!({ "uri": missing })).unwrap_err()["code"], -32002);
    // no path of this machine, whatever it is written as
    let photo = photograph("coffee.png");
    for path in [photo.to_str().unwrap(), "/etc/hostname", "/task/../etc/hostname"] {
        let (code, _) = client.failure("image_info", json!({ "image": path }));
        assert!(["no-such-file", "bad-file-name"].contains(&code.as_str()), "{path}: {code}");
        assert!(client.ask("resources/read", json!({ "uri": format!("file://{path}") })).is_err());
    }
    for bad in ["data:image/png;base64,???", "data:image/png"] {
        assert_eq!(client.failure("image_info", json!({ "image": bad })).0, "bad-arguments", "{bad}");
    }
    for bad in [
        json!({ "name": "a" }),
        json!({ "name": "a", "text": "x", "base64": "eA==" }),
        json!({ "text": "x" }),
        json!({ "name": "a", "path": "/etc/hostname" }),
    ] {
        assert_eq!(client.failure("artifact_put", bad.clone()).0, "bad-arguments", "{bad}");
    }
    let large = "A".repeat((16 << 20) / 3 * 4 + 8);
    let (code, message) = client.failure("artifact_put", json!({ "name": "a", "base64": large }));
    assert_eq!(code, "bad-arguments");
    assert!(message.contains("16777216"), "{message}");
}
