//! JSON text as the arguments of a call; the tool gives them back.
//!
//! * an object comes back equal, as one that went through the guest and two parsers;
//! * what is no object, or nested too deep, is refused as `bad-arguments` and nothing else;
//! * the next honest call works.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sport_fuzz::{Bench, assert_sound, call, echo, honest_call_works};
use sport_sandbox::{ArtifactStore, Tool, limits};

static ECHO: LazyLock<Arc<Tool>> = LazyLock::new(|| Bench::new().load("echo", echo()));

fuzz_target!(|text: &str| {
    let Ok(arguments) = serde_json::from_str::<Value>(text) else { return };
    let refused = !arguments.is_object()
        || depth_of(&arguments) > limits::JSON_DEPTH
        || arguments.to_string().len() > limits::JSON_BYTES;
    match call(&ECHO, &arguments, &ArtifactStore::new_in_memory()) {
        Ok(outcome) => {
            assert!(!refused, "it was to be refused");
            assert_eq!(outcome.structured.as_ref(), Some(&arguments));
            assert!(outcome.content.is_empty());
        }
        Err(failure) => {
            assert_sound(&failure);
            assert!(refused, "{failure}");
            assert_eq!(failure.code, "bad-arguments");
        }
    }
    honest_call_works(&ECHO);
});

/// By hand and not by the sandbox's own function, which is what is tried.
fn depth_of(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth_of).max(),
        Value::Object(fields) => fields.values().map(depth_of).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}
