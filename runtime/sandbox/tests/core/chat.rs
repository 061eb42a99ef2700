//! Models: endpoints against a scripted server on this machine, and `sport:host/chat` as a component sees it.
//!
//! * what is sent: model, messages, images, limits, schema, seed, stops, and the key in its header; nothing else
//! * what comes back: text, finish, tokens, model; answers of other servers that leave things out
//! * asked again: 429 and 5xx, after the time that the server says; not: a wrong question, a wrong key, an answer that
//!   broke off; a server that is not there; no more often than is allowed
//! * a slow drip ends at the timeout, an ended budget at once; a cancelled one too
//! * wrong JSON, no choice, too large an answer, control characters in an error
//! * equal questions from the cache; so many a minute
//! * a component: not granted, another model than granted, none set up, a granted one that is not there
//! * its questions are checked: messages, temperature, stops, extensions, sound, artifacts out of reach
//! * its budget: questions and tokens, charged and used up; a deterministic one may not ask
//! * a schema: what fits, what stands between fences, what does not fit

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_sandbox::{
    Budget, ChatBackend, ChatError, ChatErrorCode, ChatFault, ChatMessage, ChatRequest, ChatResponse,
    Endpoint, EndpointOptions, Error, Failure, Finish, Grants, Limits, Models, Outcome, Part, PluginState,
    Role, Sandbox, SandboxOptions, Secret, Stop,
};

use crate::net::{Server, write};
use crate::support::{Bench, Guest};

fn asking(text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage { role: Role::User, parts: vec![Part::Text(text.to_owned())] }],
        response_schema: None,
        max_tokens: 16,
        temperature: None,
        seed: None,
        stop: Vec::new(),
    }
}

fn budget() -> Budget {
    Budget::new(Limits::interpreter())
}

fn options(server: &Server) -> EndpointOptions {
    EndpointOptions::new(server.url("/v1/"), "small-1")
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::new(options(server)).unwrap()
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn saying(text: &str) -> String {
    let answer = json!({
        "id": "x", "object": "chat.completion", "model": "small-1-0613",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10 },
    });
    http("200 OK", "content-type: application/json\r\n", &answer.to_string())
}

/// A server that gives these answers, one after the other, and the last for ever.
fn script(answers: Vec<String>) -> Server {
    let left = Mutex::new(answers);
    Server::new(move |_, out| {
        let mut left = left.lock().unwrap();
        let answer = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
        write(out, answer.as_bytes());
    })
}

#[track_caller]
fn wrong(result: Result<ChatResponse, ChatFault>) -> ChatError {
    match result {
        Err(ChatFault::Wrong(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_and_its_answer() {
    let server = script(vec![saying("four")]);
    let key = Secret::new("sk-0123456789abcdef").unwrap();
    let endpoint = Endpoint::new(EndpointOptions { key: Some(key), ..options(&server) }).unwrap();
    let schema = json!({ "type": "object" });
    let request = ChatRequest {
        messages: vec![
            ChatMessage { role: Role::System, parts: vec![Part::Text("be brief".to_owned())] },
            ChatMessage {
                role: Role::User,
                parts: vec![
                    Part::Text("2 + 2?".to_owned()),
                    Part::Image { media_type: "image/png".to_owned(), bytes: b"\x89PNG".as_slice().into() },
                ],
            },
        ],
        response_schema: Some(schema.clone()),
        temperature: Some(0.5),
        seed: Some(7),
        stop: vec!["\n\n".to_owned()],
        ..asking("")
    };
    let response = endpoint.generate(&request, &budget()).unwrap();
    assert_eq!(
        response,
        ChatResponse {
            text: "four".to_owned(),
            finish: Finish::Stop,
            input_tokens: 7,
            output_tokens: 3,
            model: "small-1-0613".to_owned(),
        }
    );
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer sk-0123456789abcdef"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        json!({
            "model": "small-1",
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": [
                    { "type": "text", "text": "2 + 2?" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw==" } },
                ] },
            ],
            "max_tokens": 16, "temperature": 0.5, "seed": 7, "stop": ["\n\n"],
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } },
        })
    );
    assert_eq!(endpoint.identity(), format!("{}/chat/completions small-1", server.url("/v1")));
}

#[test]
fn servers_that_leave_things_out() {
    for (body, finish) in [
        (r#"{"choices":[{"message":{"content":"hi"}}]}"#, Finish::Stop),
        (
            r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"length"}],"usage":null}"#,
            Finish::Length,
        ),
        (r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"content_filter"}]}"#, Finish::Filtered),
    ] {
        let server = script(vec![http("200 OK", "", body)]);
        let response = endpoint(&server).generate(&asking("x"), &budget()).unwrap();
        assert_eq!((response.text.as_str(), response.finish, response.output_tokens), ("hi", finish, 0));
    }
}

#[test]
fn what_is_asked_again() {
    for status in ["429 Too Many Requests", "500 Oops", "502 Bad Gateway", "503 Busy", "529 Overloaded"] {
        let server = script(vec![http(status, "", ""), saying("at last")]);
        assert_eq!(endpoint(&server).generate(&asking("x"), &budget()).unwrap().text, "at last", "{status}");
        assert_eq!(server.requests().len(), 2, "{status}");
    }
    let server = script(vec![http("429 No", "retry-after: 1\r\n", ""), saying("later")]);
    let begun = Instant::now();
    endpoint(&server).generate(&asking("x"), &budget()).unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    // three times at most, and then what the server said
    let server = script(vec![http("503 Busy", "", r#"{"error":{"message":"come \u001b back"}}"#)]);
    let error = wrong(endpoint(&server).generate(&asking("x"), &budget()));
    assert_eq!((error.code, server.requests().len()), (ChatErrorCode::Unavailable, 3));
    assert_eq!(error.message, "the server of small-1 answered 503: come   back");
    // longer than anybody waits
    let server = script(vec![http("429 No", "retry-after: 600\r\n", "")]);
    let error = wrong(endpoint(&server).generate(&asking("x"), &budget()));
    assert_eq!((error.code, error.retry_after_ms), (ChatErrorCode::RateLimited, Some(600_000)));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_is_not_asked_again() {
    for (status, code) in [
        ("400 Bad", ChatErrorCode::Invalid),
        ("401 Who", ChatErrorCode::Denied),
        ("403 No", ChatErrorCode::Denied),
        ("404 What", ChatErrorCode::UnknownModel),
        ("413 Much", ChatErrorCode::Invalid),
        ("504 Late", ChatErrorCode::Deadline),
        ("302 There", ChatErrorCode::Unavailable),
    ] {
        let server =
            script(vec![http(status, "location: http://127.0.0.1:1/\r\n", r#"{"error":"plain words"}"#)]);
        let error = wrong(endpoint(&server).generate(&asking("x"), &budget()));
        assert_eq!((error.code, server.requests().len()), (code, 1), "{status}");
        assert!(error.message.ends_with(": plain words"), "{error}");
    }
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"choices\":[{\"mess".to_owned();
    for (answer, what) in [
        (cut, "before the body's end"),
        (http("200 OK", "", "<html>"), "cannot be read"),
        (http("200 OK", "", r#"{"choices":[]}"#), "no choice"),
        (
            http(
                "200 OK",
                "",
                &json!({ "choices": [{ "message": { "content": "x".repeat(2 << 20) } }] }).to_string(),
            ),
            "the most is",
        ),
    ] {
        let server = script(vec![answer]);
        let error = wrong(endpoint(&server).generate(&asking("x"), &budget()));
        assert_eq!((error.code, server.requests().len()), (ChatErrorCode::Unavailable, 1), "{error}");
        assert!(error.message.contains(what), "{error}");
    }
    // nobody there: tried again, and then said
    let nobody =
        Endpoint::new(EndpointOptions { attempts: 2, ..EndpointOptions::new("http://127.0.0.1:1/v1", "m") });
    let begun = Instant::now();
    let error = wrong(nobody.unwrap().generate(&asking("x"), &budget()));
    assert_eq!(error.code, ChatErrorCode::Unavailable);
    assert!(begun.elapsed() >= Duration::from_millis(500));
}

#[test]
fn every_wait_ends() {
    let drip = || {
        Server::new(|_, out| {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
            for _ in 0..100 {
                std::thread::sleep(Duration::from_millis(20));
                if out.write_all(b" ").and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
        })
    };
    let server = drip();
    let timeout = Duration::from_millis(200);
    let patient = Endpoint::new(EndpointOptions { timeout, ..options(&server) }).unwrap();
    let error = wrong(patient.generate(&asking("x"), &budget()));
    assert_eq!(error.code, ChatErrorCode::Deadline, "{error}");
    let server = drip();
    let short = Budget::new(Limits { wall: timeout, ..Limits::interpreter() });
    let ended = endpoint(&server).generate(&asking("x"), &short);
    assert!(matches!(ended, Err(ChatFault::Stop(Stop::Wall(_)))), "{ended:?}");
    let server = script(vec![http("429 No", "retry-after: 10\r\n", "")]);
    let cancelled = budget();
    let other = cancelled.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.cancel();
    });
    let ended = endpoint(&server).generate(&asking("x"), &cancelled);
    assert!(matches!(ended, Err(ChatFault::Stop(Stop::Cancelled))), "{ended:?}");
}

#[test]
fn equal_questions_and_so_many_a_minute() {
    let server = script(vec![saying("one"), saying("two"), saying("three")]);
    let keeping = Endpoint::new(EndpointOptions { cache: true, ..options(&server) }).unwrap();
    let ask = |text: &str| keeping.generate(&asking(text), &budget()).unwrap();
    assert_eq!((ask("a").text, ask("b").text), ("one".to_owned(), "two".to_owned()));
    let again = ask("a");
    assert_eq!((again.text.as_str(), again.input_tokens, again.output_tokens), ("one", 0, 0));
    assert_eq!(server.requests().len(), 2);

    let server = script(vec![saying("x")]);
    let few = Endpoint::new(EndpointOptions { per_minute: Some(2), ..options(&server) }).unwrap();
    let short = || Budget::new(Limits { wall: Duration::from_secs(5), ..Limits::interpreter() });
    assert!(few.generate(&asking("a"), &short()).is_ok() && few.generate(&asking("b"), &short()).is_ok());
    let error = wrong(few.generate(&asking("c"), &short()));
    assert_eq!(error.code, ChatErrorCode::RateLimited);
    assert!(error.retry_after_ms.is_some_and(|ms| ms > 30_000), "{error:?}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn endpoints_that_are_none() {
    for url in ["", "localhost", "ftp://host/v1", "http://user:pass@host/v1", "http:///v1"] {
        assert_eq!(
            Endpoint::new(EndpointOptions::new(url, "m")).map(drop).unwrap_err().code(),
            "invalid",
            "{url}"
        );
    }
}

/// Says what it was told, and remembers what it was asked.
#[derive(Default)]
struct Told {
    says: String,
    asked: Mutex<Vec<ChatRequest>>,
    tokens: u64,
}

impl ChatBackend for Told {
    fn generate(&self, request: &ChatRequest, _: &Budget) -> Result<ChatResponse, ChatFault> {
        self.asked.lock().unwrap().push(request.clone());
        Ok(ChatResponse {
            text: self.says.clone(),
            finish: Finish::Stop,
            input_tokens: self.tokens,
            output_tokens: 1,
            model: "told".to_owned(),
        })
    }

    fn identity(&self) -> String {
        "told".to_owned()
    }
}

/// A question as a guest passes it: a record in memory at this address.
struct Question {
    model: &'static str,
    schema: Option<&'static str>,
    temperature: Option<f32>,
    stops: Vec<&'static str>,
    extra: bool,
    /// Content by its case: 0 text, 1 image, 2 sound, 3 artifact.
    content: (u8, &'static str, &'static [u8]),
    messages: u32,
}

const AT: usize = 131_072;

impl Question {
    fn new() -> Self {
        let content = (0, "what is it?", &b""[..]);
        Self {
            model: "vision",
            schema: None,
            temperature: None,
            stops: Vec::new(),
            extra: false,
            content,
            messages: 1,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut memory = vec![0_u8; 512];
        let mut texts = 512;
        let mut text = |memory: &mut Vec<u8>, at: usize, bytes: &[u8]| {
            memory[at..at + 4].copy_from_slice(&((AT + texts) as u32).to_le_bytes());
            memory[at + 4..at + 8].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
            memory.extend_from_slice(bytes);
            texts += bytes.len();
        };
        let number = |memory: &mut Vec<u8>, at: usize, value: u32| {
            memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        text(&mut memory, 0, self.model.as_bytes());
        // messages at 128, their content at 256
        number(&mut memory, 8, (AT + 128) as u32);
        number(&mut memory, 12, self.messages);
        if let Some(schema) = self.schema {
            memory[16] = 1;
            text(&mut memory, 20, schema.as_bytes());
        }
        if let Some(temperature) = self.temperature {
            memory[36] = 1;
            memory[40..44].copy_from_slice(&temperature.to_le_bytes());
        }
        number(&mut memory, 64, (AT + 192) as u32);
        number(&mut memory, 68, self.stops.len() as u32);
        for (index, stop) in self.stops.iter().enumerate() {
            text(&mut memory, 192 + 8 * index, stop.as_bytes());
        }
        number(&mut memory, 72, (AT + 400) as u32);
        number(&mut memory, 76, u32::from(self.extra));
        text(&mut memory, 400, b"odd");
        text(&mut memory, 408, b"1");
        memory[128] = 1;
        number(&mut memory, 132, (AT + 256) as u32);
        number(&mut memory, 136, 1);
        let (case, first, second) = self.content;
        memory[256] = case;
        text(&mut memory, 264, first.as_bytes());
        text(&mut memory, 272, second);
        memory
    }

    /// A guest that asks this, and gives back the answer as JSON, or the error's code as a number.
    fn guest(&self) -> Guest {
        let escaped: String = self.bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
        let mut guest = Guest::new();
        guest.top = format!(
            r#"(import "sport:host/chat@0.1.0" "generate" (func $generate (param i32 i32)))
               (data (i32.const {AT}) "{escaped}")"#
        );
        guest.call = format!(
            "(call $generate (i32.const {AT}) (i32.const 3008))
             (if (result i32) (i32.load8_u (i32.const 3008))
               (then (i32.store8 (i32.const 3500) (i32.add (i32.const 48) (i32.load8_u (i32.const 3016))))
                 (call $json (i32.const 3500) (i32.const 1)))
               (else (call $json (i32.load (i32.const 3016)) (i32.load (i32.const 3020)))))"
        );
        guest
    }
}

struct Place {
    bench: Bench,
    sandbox: Sandbox,
    told: Arc<Told>,
}

impl Place {
    fn new(told: Told) -> Self {
        let bench = Bench::new();
        let told = Arc::new(told);
        let models = Models::none().with("vision", Arc::clone(&told) as Arc<dyn ChatBackend>);
        let options = SandboxOptions { models, ..SandboxOptions::new(bench.folder.path().join("aot")) };
        Self { sandbox: Sandbox::new(options).unwrap(), bench, told }
    }

    fn saying(says: &str) -> Self {
        Self::new(Told { says: says.to_owned(), tokens: 10, ..Told::default() })
    }

    fn load(&self, guest: Guest, grants: &Grants) -> Result<Arc<sport_sandbox::Tool>, Error> {
        self.sandbox.tool(&self.bench.file("asks", &guest.build()), grants)
    }

    fn ask_within(&self, question: &Question, grants: &Grants, budget: &Budget) -> Result<Outcome, Failure> {
        let tool = self.load(question.guest(), grants).unwrap();
        tool.call("probe", &json!({}), &self.bench.store, &mut PluginState::new(), budget)
    }

    #[track_caller]
    fn ask(&self, question: &Question) -> Value {
        let grants = Grants::none().with_models(["vision"]);
        let outcome = self.ask_within(question, &grants, &Budget::new(Limits::tool()));
        outcome.unwrap().structured.unwrap()
    }
}

/// The codes' numbers in the contract.
const INVALID: u32 = 0;
const DENIED: u32 = 1;
const UNKNOWN: u32 = 2;
const MISMATCH: u32 = 3;
const BUDGET: u32 = 5;

#[test]
fn a_component_asks() {
    let place = Place::saying(r#"{"it":"a cat"}"#);
    let budget = Budget::new(Limits::tool());
    let question = Question { temperature: Some(0.5), stops: vec!["x", "y"], ..Question::new() };
    let outcome = place.ask_within(&question, &Grants::none().with_models(["vision"]), &budget).unwrap();
    assert_eq!(outcome.structured, Some(json!({ "it": "a cat" })));
    let asked = place.told.asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        asked.messages[0],
        ChatMessage { role: Role::User, parts: vec![Part::Text("what is it?".to_owned())] }
    );
    assert_eq!((asked.temperature, asked.max_tokens), (Some(0.5), 1_024));
    assert_eq!(asked.stop, ["x", "y"]);
    let usage = budget.usage();
    assert_eq!((usage.model_calls, usage.tokens), (1, 11));
    // all models, where the grant names none
    let all = Grants::new(["chat"]).unwrap();
    assert!(place.ask_within(&Question::new(), &all, &Budget::new(Limits::tool())).is_ok());
    // an inline picture
    let image = Question { content: (1, "image/png", b"\x89PNG"), ..Question::new() };
    place.ask(&image);
    let asked = place.told.asked.lock().unwrap().pop().unwrap();
    let picture = Part::Image { media_type: "image/png".to_owned(), bytes: b"\x89PNG".as_slice().into() };
    assert_eq!(asked.messages[0].parts, [picture]);
}

#[test]
fn what_is_granted_and_what_is_there() {
    let place = Place::saying("1");
    let refused = place.load(Question::new().guest(), &Grants::none()).unwrap_err();
    assert_eq!(refused.code(), "not-granted");
    let missing = place.load(Question::new().guest(), &Grants::none().with_models(["judge"])).unwrap_err();
    assert!(missing.to_string().contains("`judge`, which is not set up; there are: vision"), "{missing}");
    let judge = Question { model: "judge", ..Question::new() };
    assert_eq!(place.ask(&judge), json!(DENIED));
    let all = Grants::new(["chat"]).unwrap();
    let outcome = place.ask_within(&judge, &all, &Budget::new(Limits::tool())).unwrap();
    assert_eq!(outcome.structured, Some(json!(UNKNOWN)));
    assert!(place.told.asked.lock().unwrap().is_empty());
}

#[test]
fn questions_are_checked() {
    let place = Place::saying("1");
    let out_of_reach = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    for (question, code) in [
        (Question { messages: 0, ..Question::new() }, INVALID),
        (Question { temperature: Some(f32::NAN), ..Question::new() }, INVALID),
        (Question { temperature: Some(2.5), ..Question::new() }, INVALID),
        (Question { stops: vec![""], ..Question::new() }, INVALID),
        (Question { stops: vec!["a", "b", "c", "d", "e"], ..Question::new() }, INVALID),
        (Question { extra: true, ..Question::new() }, INVALID),
        (Question { schema: Some("{"), ..Question::new() }, INVALID),
        (Question { content: (2, "audio/wav", b"x"), ..Question::new() }, INVALID),
        (Question { content: (1, "text/html", b"x"), ..Question::new() }, INVALID),
        (Question { content: (3, out_of_reach, b"image/png"), ..Question::new() }, DENIED),
    ] {
        assert_eq!(place.ask(&question), json!(code));
    }
    assert!(place.told.asked.lock().unwrap().is_empty());
}

#[test]
fn its_budget() {
    let place = Place::saying("1");
    let grants = Grants::none().with_models(["vision"]);
    let within = |limits: Limits| {
        let budget = Budget::new(limits);
        let first = place.ask_within(&Question::new(), &grants, &budget).unwrap().structured.unwrap();
        (first, place.ask_within(&Question::new(), &grants, &budget).unwrap().structured.unwrap())
    };
    assert_eq!(within(Limits { model_calls: 1, ..Limits::tool() }), (json!(1), json!(BUDGET)));
    assert_eq!(within(Limits { tokens: 11, ..Limits::tool() }), (json!(1), json!(BUDGET)));
    // the last answer may be cut, and takes what was left
    assert_eq!(within(Limits { tokens: 15, ..Limits::tool() }), (json!(1), json!(1)));
    assert_eq!(place.told.asked.lock().unwrap().pop().unwrap().max_tokens, 4);
    assert_eq!(within(Limits { model_calls: 0, ..Limits::tool() }).0, json!(BUDGET));
}

#[test]
fn a_schema() {
    let schema = Some(r#"{"type":"object","required":["a"]}"#);
    for (says, expected) in [
        (r#"{"a":1}"#, json!({ "a": 1 })),
        ("```json\n{\"a\":1}\n```", json!({ "a": 1 })),
        (r#"{"b":1}"#, json!(MISMATCH)),
        ("a is 1", json!(MISMATCH)),
    ] {
        let place = Place::saying(says);
        assert_eq!(place.ask(&Question { schema, ..Question::new() }), expected, "{says}");
        assert!(place.told.asked.lock().unwrap()[0].response_schema.is_some());
    }
}
