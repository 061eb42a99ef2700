//! Chat templates.
//!
//! * the model's own template and six other styles, over seven conversations, byte for byte as transformers
//!   renders them; what transformers refuses is refused
//! * the date is fixed, so that equal runs have equal prompts
//! * a template that never ends, and one that is broken, are errors in one line

use serde_json::{Value, json};
use sport_policy::model::ModelFiles;
use sport_policy::template::{Context, render};

use crate::support::{golden_json, real_model};

#[derive(serde::Deserialize)]
struct Goldens {
    templates: std::collections::HashMap<String, String>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    template: String,
    chat: String,
    messages: Value,
    tools: Value,
    add_generation_prompt: bool,
    bos_token: String,
    eos_token: String,
    rendered: Option<String>,
    error: Option<String>,
}

#[test]
fn renders_as_transformers_does() {
    let goldens: Goldens = golden_json("templates.json");
    let (mut equal, mut refused) = (0, 0);
    for case in goldens.cases {
        let context = Context {
            add_generation_prompt: case.add_generation_prompt,
            tools: case.tools,
            bos_token: case.bos_token,
            eos_token: case.eos_token,
        };
        let rendered = render(&goldens.templates[&case.template], &case.messages, &context);
        match (rendered, case.rendered) {
            (Ok(ours), Some(theirs)) => {
                assert_eq!(ours, theirs, "{} / {}", case.template, case.chat);
                equal += 1;
            }
            (Err(ours), None) => {
                let theirs = case.error.unwrap();
                assert!(!ours.to_string().contains('\n') && !theirs.is_empty(), "{ours}");
                refused += 1;
            }
            (ours, theirs) => panic!("{} / {}: {ours:?}, transformers: {theirs:?}", case.template, case.chat),
        }
    }
    assert!(equal > 60 && refused > 0, "{equal} equal, {refused} refused");
}

#[test]
fn the_model_brings_the_template() {
    let goldens: Goldens = golden_json("templates.json");
    let files = ModelFiles::open(&real_model()).unwrap();
    assert_eq!(files.chat_template(), Some(goldens.templates["smollm2"].as_str()));
}

#[test]
fn the_date_is_fixed() {
    let text = render("{{ strftime_now('%d %b %Y, %B %A %%') }}", &json!([]), &Context::default()).unwrap();
    assert_eq!(text, "01 Jan 2026, January Thursday %");
}

#[test]
fn bad_templates_are_errors_in_one_line() {
    for (template, said) in [
        ("{% for m in messages %}", "line"),
        ("{{ raise_exception('no\nsystem role') }}", "no system role"),
        ("{% for i in range(9000) %}{% for j in range(9000) %}{{ i }}{% endfor %}{% endfor %}", "fuel"),
        ("{{ strftime_now('%Q') }}", "%Q"),
    ] {
        let error = render(template, &json!([]), &Context::default()).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{error}");
    }
}
