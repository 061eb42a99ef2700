//! What search APIs are asked, and what is made of their answers. The way there, host, key and all, is tried end to end
//! against a server by `tests/tests/tools_first_party.rs`.
//!
//! * the request of each API: address, query, pages, key; characters that an address cannot hold
//! * answers of each API, of the shape that its documentation shows; nothing found
//! * markup, entities, control characters and long texts; addresses that are not of the web; the same page twice
//! * statuses: which kind and code, whether to try again, what to do
//! * answers that are no answers
//! * wrong queries, counts, pages and endpoints; nothing set up; no network in a native test

#![allow(clippy::expect_used, reason = "a panic is a failed test")]

use serde_json::{Value, json};
use sport_sdk::{Failure, FailureKind, testing};
use sport_search::api::{Api, Question};
use sport_search::{Hit, SPORT_TOOLS};

fn question(query: &str) -> Question {
    Question { query: query.to_owned(), count: 10, page: 1 }
}

fn read(api: Api, body: &Value) -> Vec<Hit> {
    api.read(200, None, body.to_string().as_bytes(), false, &question("x")).expect("results")
}

fn hit(title: &str, url: &str, snippet: &str) -> Hit {
    Hit { title: title.to_owned(), url: url.to_owned(), snippet: snippet.to_owned() }
}

#[test]
fn each_api_is_asked_its_own_way() {
    let odd = Question { page: 3, ..question("a&b=c d/ü #1") };
    let asked = Api::Brave.ask(Api::Brave.usual_endpoint().expect("endpoint"), &odd).expect("request");
    let expected =
        "https://api.search.brave.com/res/v1/web/search?q=a%26b%3Dc+d%2F%C3%BC+%231&count=10&offset=2";
    assert_eq!((asked.url.as_str(), asked.body), (expected, None));
    let asked = Api::Searxng.ask("http://search.local:8888/search", &odd).expect("request");
    assert_eq!(asked.url, "http://search.local:8888/search?q=a%26b%3Dc+d%2F%C3%BC+%231&format=json&pageno=3");
    let asked = Api::Tavily
        .ask(Api::Tavily.usual_endpoint().expect("endpoint"), &question("say \"hi\""))
        .expect("request");
    assert_eq!(asked.url, "https://api.tavily.com/search");
    let body: Value = serde_json::from_str(&asked.body.expect("body")).expect("json");
    assert_eq!(body, json!({ "query": "say \"hi\"", "max_results": 10 }));
    assert_eq!(Api::Brave.key_header(), ("x-subscription-token", ""));
    assert_eq!(Api::Tavily.key_header(), ("authorization", "Bearer "));
    assert_eq!(Api::Tavily.ask("https://a/b", &odd).expect_err("pages").code, "bad-count");
    assert_eq!(Api::Searxng.usual_endpoint().expect_err("none").code, "missing-argument");
    for endpoint in ["ftp://a/b", "a.b/c", "https://a/b?key=1", "https://a/b#c", ""] {
        assert_eq!(Api::Searxng.ask(endpoint, &question("x")).expect_err(endpoint).code, "bad-endpoint");
    }
}

#[test]
fn each_answer_is_read() {
    let brave = json!({ "type": "search", "query": { "original": "x" }, "web": { "type": "search", "results": [
        { "title": "One", "url": "https://one.example/", "description": "the <strong>first</strong>", "age": "2 days" },
        { "title": "Two", "url": "http://two.example/a?b=c#d" },
    ] } });
    let expected =
        [hit("One", "https://one.example/", "the first"), hit("Two", "http://two.example/a?b=c#d", "")];
    assert_eq!(read(Api::Brave, &brave), expected);
    assert_eq!(read(Api::Brave, &json!({ "type": "search", "query": {} })), []);
    let tavily = json!({ "query": "x", "answer": null, "images": [], "response_time": 0.9, "results": [
        { "title": "One", "url": "https://one.example/", "content": "first", "score": 0.9, "raw_content": null }] });
    assert_eq!(read(Api::Tavily, &tavily), [hit("One", "https://one.example/", "first")]);
    let searxng = json!({ "query": "x", "number_of_results": 0, "results": [
        { "url": "https://one.example/", "title": "One", "content": "first", "engine": "a", "engines": ["a"] }] });
    assert_eq!(read(Api::Searxng, &searxng), [hit("One", "https://one.example/", "first")]);
    assert_eq!(read(Api::Searxng, &json!({ "results": [] })), []);
}

#[test]
fn what_strangers_send_is_cleaned_and_bounded() {
    let snippet = |content: &str| {
        let body = json!({ "results": [{ "url": "https://a.example/", "title": "t", "content": content }] });
        read(Api::Searxng, &body).remove(0).snippet
    };
    for (sent, expected) in [
        ("a <b>bold</b> move<br/>now", "a bold movenow"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("R&amp;D &lt;tag&gt; &#39;x&#x27; &quot;y&quot; &nbsp; &bogus; &", "R&D <tag> 'x' \"y\" &bogus; &"),
        ("line\none\u{1b}[31m\u{202e}two\u{200b}", "line one [31m two"),
        ("<script>alert(1)", "alert(1)"),
        ("a <!-- hidden > shown", "a shown"),
        ("unended <b and so on", "unended <b and so on"),
    ] {
        assert_eq!(snippet(sent), expected, "{sent:?}");
    }
    assert_eq!(snippet(&"ä".repeat(5000)).chars().count(), 1001);
    let results: Vec<Value> = (0..100)
        .map(|index| json!({ "url": format!("https://a.example/{}", index / 2), "title": "x".repeat(900) }))
        .collect();
    let hits = read(Api::Searxng, &json!({ "results": results }));
    assert_eq!((hits.len(), hits[0].title.chars().count()), (10, 201));
    assert!((1..10).all(|index| hits[index - 1].url != hits[index].url));
    let results = json!({ "results": [
        { "url": "javascript:alert(1)", "title": "a" }, { "url": "file:///etc/passwd", "title": "b" }, { "title": "c" },
        { "url": 7, "title": "d" }, "text", null, { "url": "https://a.example/ b", "title": "e" },
        { "url": format!("https://a.example/{}", "x".repeat(3000)), "title": "f" }, { "url": "HTTPS://ok.example/", "title": "" },
        { "url": "日本語日本語", "title": "g" },
    ] });
    assert_eq!(read(Api::Searxng, &results), [hit("HTTPS://ok.example/", "HTTPS://ok.example/", "")]);
}

#[test]
fn statuses_say_what_to_do() {
    for (status, kind, code, retryable, words) in [
        (302, FailureKind::Unavailable, "redirected", false, "use that as the endpoint"),
        (401, FailureKind::Denied, "key-refused", false, "the secret `brave`: no such key"),
        (403, FailureKind::Denied, "key-refused", false, "(403)"),
        (404, FailureKind::Unavailable, "search-refused", false, "does not take the question (404)"),
        (422, FailureKind::Unavailable, "search-refused", false, ": no such key"),
        (429, FailureKind::RateLimited, "rate-limited", true, "try again in 30 seconds"),
        (500, FailureKind::Unavailable, "search-unavailable", true, "try again later"),
        (503, FailureKind::Unavailable, "search-unavailable", true, "(503)"),
    ] {
        let failure = Api::Brave
            .read(status, Some("30"), b"<p>no such key</p>", false, &question("x"))
            .expect_err("failure");
        assert_eq!(
            (failure.kind, failure.code.as_str(), failure.retryable),
            (kind, code, retryable),
            "{failure}"
        );
        assert!(failure.message.contains(words), "{failure}");
    }
    let failure = Api::Brave.read(429, Some("soon <b>"), b"", false, &question("x")).expect_err("failure");
    assert!(failure.message.ends_with("try again"), "{failure}");
}

#[test]
fn what_is_no_answer_is_refused() {
    let refuse = |api: Api, body: &[u8], truncated: bool, code: &str| {
        let failure = api.read(200, None, body, truncated, &question("x")).expect_err("failure");
        assert_eq!(failure.code, code, "{failure}");
    };
    refuse(Api::Brave, b"<html>hello</html>", false, "bad-answer");
    refuse(Api::Brave, b"", false, "bad-answer");
    refuse(Api::Brave, b"[]", false, "bad-answer");
    refuse(Api::Brave, br#"{"web": {"results": 7}}"#, false, "bad-answer");
    refuse(Api::Searxng, b"{}", false, "bad-answer");
    refuse(Api::Tavily, br#"{"results": {}}"#, false, "bad-answer");
    refuse(Api::Searxng, "[".repeat(100_000).as_bytes(), false, "bad-answer");
    refuse(Api::Searxng, br#"{"results": ["#, true, "answer-too-large");
}

fn call(arguments: Value) -> Failure {
    testing::call(SPORT_TOOLS, "web_search", arguments).expect_err("a failure")
}

#[test]
fn wrong_questions_are_explained() {
    for (arguments, code, words) in [
        (json!({ "query": " \n " }), "empty-query", "say what to search for"),
        (json!({ "query": "a".repeat(401) }), "query-too-long", "400 characters"),
        (json!({ "query": "a", "count": 0 }), "bad-count", "from 1 to 20"),
        (json!({ "query": "a", "count": 21 }), "bad-count", "21 results"),
        (json!({ "query": "a", "page": 11 }), "bad-count", "page 11"),
        (json!({ "query": "a" }), "not-set-up", "a secret named `brave` or `tavily`"),
        (json!({ "query": "a", "api": "searxng" }), "missing-argument", "`endpoint`"),
        (json!({ "query": "a", "api": "altavista" }), "invalid-argument", "\"searxng\""),
        (json!({ "query": "a", "endpoint": "gopher://a" }), "bad-endpoint", "http or https"),
        (
            json!({ "query": "a", "endpoint": "https://a.example/search" }),
            "fetch-denied",
            "https://a.example/search?q=a&format=json",
        ),
    ] {
        let failure = call(arguments);
        assert_eq!(failure.code, code, "{failure}");
        assert!(failure.message.contains(words) && !failure.retryable, "{failure}");
    }
}
