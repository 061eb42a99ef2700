//! What the tool attributes make of functions.
//!
//! * description, name, title, hints, schema of arguments, schema of results
//! * parameters: required, optional, documented, keywords as names
//! * results: text, nothing, content, structured, artifacts; plain and in a `Result`; errors of other crates
//! * whole floating-point numbers are integers where integers are asked for
//! * wrong arguments: missing, unknown, of another type, no object
//! * a lone `#[tool]`, a module and an `impl` block of them

use serde_json::{Value, json};
use sport_sdk::testing::{Tool, call};
use sport_sdk::{Artifact, Content, Failure, FailureKind, Outcome, tools};

/// A single tool with nothing around it.
mod lone {
    use sport_sdk::{Failure, tool};

    /// Greets someone by name.
    #[tool(read_only)]
    fn hello(name: String) -> Result<String, Failure> {
        Ok(format!("hello, {name}"))
    }
}

#[tools]
mod several {
    use std::num::ParseIntError;

    use sport_sdk::{Artifact, Content, Deserialize, Failure, JsonSchema, Outcome, Serialize};

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(crate = "sport_sdk::serde", rename_all = "lowercase")]
    #[schemars(crate = "sport_sdk::schemars")]
    pub enum Unit {
        Metre,
        Mile,
    }

    #[derive(Serialize, JsonSchema)]
    #[serde(crate = "sport_sdk::serde")]
    #[schemars(crate = "sport_sdk::schemars")]
    pub struct Length {
        /// How much.
        pub value: f64,
        pub unit: Unit,
    }

    /// Measures
    /// a length.
    ///
    /// Second paragraph.
    #[tool(name = "measure_length", title = "Measure", read_only, idempotent, deterministic)]
    pub fn measure(
        /// How often.
        times: u32,
        unit: Unit,
        /// Where to look.
        r#box: Option<[i64; 4]>,
    ) -> Length {
        let _ = r#box;
        Length { value: f64::from(times), unit }
    }

    /// Parses a number.
    #[tool]
    fn parse(text: String) -> Result<i64, ParseIntError> {
        text.parse()
    }

    /// Does nothing.
    #[tool(destructive, open_world)]
    fn nothing() {}

    /// Says content.
    #[tool]
    fn content() -> Vec<Content> {
        vec![Content::text("a"), Content::text("b")]
    }

    /// Says both itself.
    #[tool]
    fn both() -> Result<Outcome, Failure> {
        Ok(Outcome { content: vec![Content::text("shown")], structured: Some(7.into()) })
    }

    /// Writes a file as long as another.
    #[tool]
    fn copy(file: Artifact) -> Result<Artifact, Failure> {
        Artifact::create(&file.bytes()?, "text/plain", Some("copy.txt"))
    }

    /// Fails.
    #[tool]
    fn fail(code: String) -> Result<(), Failure> {
        Err(Failure::not_found("nothing there").code(&code))
    }
}

/// Several tools without a module of their own.
struct Block;

#[tools]
impl Block {
    /// Doubles a number.
    #[tool(read_only)]
    fn double(
        /// Any number.
        number: f64,
    ) -> f64 {
        number * Self::factor()
    }

    /// Halves a number.
    #[sport_sdk::tool(name = "half")]
    fn halve(number: f64) -> Result<f64, Failure> {
        Ok(number / Self::factor())
    }

    fn factor() -> f64 {
        2.0
    }
}

fn tool(name: &str) -> &'static Tool {
    several::SPORT_TOOLS.iter().find(|tool| tool.name == name).expect("tool")
}

fn structured(name: &str, arguments: Value) -> Value {
    call(several::SPORT_TOOLS, name, arguments).expect("outcome").structured.expect("structured")
}

#[track_caller]
fn refused(name: &str, arguments: Value, code: &str, message: &str) {
    let failure = call(several::SPORT_TOOLS, name, arguments).expect_err("failure");
    assert_eq!(failure.kind, FailureKind::InvalidInput);
    assert_eq!((failure.code.as_str(), failure.message.as_str()), (code, message));
}

#[test]
fn a_lone_tool_is_a_plugin() {
    let [tool] = lone::SPORT_TOOLS else { panic!("one tool") };
    assert_eq!((tool.name, tool.description, tool.title), ("hello", "Greets someone by name.", None));
    assert!(tool.hints.read_only && !tool.hints.deterministic);
    assert_eq!((tool.output)(), None);
    let outcome = call(lone::SPORT_TOOLS, "hello", json!({ "name": "Ada" })).expect("outcome");
    assert_eq!(outcome, Outcome { content: vec![Content::text("hello, Ada")], structured: None });
}

#[test]
fn an_impl_block_is_a_plugin() {
    let names: Vec<&str> = Block::SPORT_TOOLS.iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["double", "half"]);
    assert!(Block::SPORT_TOOLS[0].hints.read_only && !Block::SPORT_TOOLS[1].hints.read_only);
    assert_eq!(Block::SPORT_TOOLS[0].parameters[0].description, "Any number.");
    for (name, result) in [("double", 6.0), ("half", 1.5)] {
        let outcome = call(Block::SPORT_TOOLS, name, json!({ "number": 3 })).expect("outcome");
        assert_eq!(outcome.structured, Some(json!(result)), "{name}");
    }
}

#[test]
fn the_signature_becomes_the_schema() {
    let measure = tool("measure_length");
    assert_eq!(measure.title, Some("Measure"));
    assert_eq!(measure.description, "Measures a length.\n\nSecond paragraph.");
    let schema = measure.input_schema();
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["required"], json!(["times", "unit"]));
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(schema["properties"]["times"]["type"], "integer");
    assert_eq!(schema["properties"]["times"]["minimum"], 0);
    assert_eq!(schema["properties"]["times"]["description"], "How often.");
    assert_eq!(schema["properties"]["unit"], json!({ "type": "string", "enum": ["metre", "mile"] }));
    assert_eq!(schema["properties"]["box"]["type"], json!(["array", "null"]));
    assert_eq!(schema["properties"]["box"]["minItems"], 4);
    let output = (measure.output)().expect("output schema");
    assert_eq!(output["properties"]["value"], json!({ "type": "number", "description": "How much." }));
    assert!(!schema.to_string().contains("$ref") && !output.to_string().contains("$ref"));
    assert!(tool("nothing").hints.destructive && tool("nothing").hints.open_world);
    assert_eq!(tool("nothing").input_schema()["properties"], json!({}));
    assert_eq!((tool("copy").output)().expect("output")["format"], "sport-artifact");
    for name in ["nothing", "content", "both", "fail"] {
        assert_eq!((tool(name).output)(), None, "{name}");
    }
}

#[test]
fn results_become_outcomes() {
    assert_eq!(
        structured("measure_length", json!({ "times": 3, "unit": "mile" })),
        json!({ "value": 3.0, "unit": "mile" })
    );
    assert_eq!(structured("parse", json!({ "text": "12" })), json!(12));
    assert_eq!(structured("both", json!({})), json!(7));
    let say = |name: &str| call(several::SPORT_TOOLS, name, Value::Null).expect("outcome");
    assert_eq!(say("nothing"), Outcome::default());
    assert_eq!(say("content").content, [Content::text("a"), Content::text("b")]);

    let failure = call(several::SPORT_TOOLS, "parse", json!({ "text": "x" })).expect_err("failure");
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (FailureKind::Internal, "invalid digit found in string")
    );
    let failure = call(several::SPORT_TOOLS, "fail", json!({ "code": "no-such-key" })).expect_err("failure");
    assert_eq!(failure, Failure::not_found("nothing there").code("no-such-key"));
    let failure = call(several::SPORT_TOOLS, "other", json!({})).expect_err("failure");
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::NotFound, "unknown-tool"));
}

#[test]
fn artifacts_go_in_and_come_out_as_references() {
    let bytes = vec![7_u8; 3 << 20];
    let artifact = Artifact::create(&bytes, "text/plain", Some("seven.txt")).expect("artifact");
    let result = structured("copy", json!({ "file": artifact }));
    assert_eq!(result["digest"], artifact.digest);
    assert_eq!(result["media-type"], "text/plain");
    assert_eq!(result["size"], 3 << 20);
    assert_eq!(result["name"], "copy.txt");
}

#[test]
fn whole_floats_are_integers() {
    let length = structured("measure_length", json!({ "times": 3.0, "unit": "mile", "box": [0.0, 1, 2, 3] }));
    assert_eq!(length["value"], 3.0);
}

#[test]
fn wrong_arguments_are_explained() {
    let usage = "it takes `times` (a whole number of at least 0), `unit` (one of \"metre\", \"mile\"), `box` (a list of 4 \
                 whole numbers, optional)";
    refused(
        "measure_length",
        json!({ "unit": "mile" }),
        "missing-argument",
        &format!("measure_length needs the argument `times`; {usage}"),
    );
    refused(
        "measure_length",
        json!({ "count": 1 }),
        "unknown-argument",
        &format!("measure_length has no argument `count`; {usage}"),
    );
    refused(
        "nothing",
        json!({ "x": 1 }),
        "unknown-argument",
        "nothing has no argument `x`; it takes no arguments",
    );
    refused("nothing", json!([1]), "invalid-input", "the arguments of nothing must be an object, not [1]");
    let message = |arguments: Value| {
        let failure = call(several::SPORT_TOOLS, "measure_length", arguments).expect_err("failure");
        assert_eq!(failure.code, "invalid-argument");
        failure.message
    };
    let text = message(json!({ "times": "three", "unit": "mile" }));
    assert!(
        text.starts_with("the argument `times` must be a whole number of at least 0, not \"three\""),
        "{text}"
    );
    let text = message(json!({ "times": 1, "unit": "foot" }));
    assert!(
        text.starts_with("the argument `unit` must be one of \"metre\", \"mile\", not \"foot\""),
        "{text}"
    );
    let text = message(json!({ "times": 1.5, "unit": "mile" }));
    assert!(text.starts_with("the argument `times` must be a whole number of at least 0, not 1.5"), "{text}");
    let text = message(json!({ "times": 1, "unit": "mile", "box": "x".repeat(500) }));
    assert!(text.len() < 250, "{text}");
}
