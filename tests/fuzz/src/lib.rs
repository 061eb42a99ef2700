//! What the targets share: guests made from text, a sandbox to load them into, and what any message must look like.

#![expect(clippy::expect_used, reason = "a panic is a finding")]

#[path = "../../../runtime/sandbox/tests/core/guest.rs"]
pub mod guest;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Budget, Failure, Grants, Limits, Outcome, PluginState, Sandbox, SandboxOptions, Tool,
};

pub use guest::Guest;

/// A sandbox, and a folder in memory that files of components are put into.
pub struct Bench {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Where files of components and compiled ones lie.
    pub folder: tempfile::TempDir,
}

impl Bench {
    /// A fresh one. The folder is on tmpfs where there is one, as thousands of components go through it.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("sport-fuzz-")
            .tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a temporary folder");
        let sandbox = Sandbox::new(SandboxOptions::new(folder.path().join("aot"))).expect("a sandbox");
        Self { sandbox, folder }
    }

    /// Loads a guest that is granted nothing.
    #[must_use]
    pub fn load(&self, name: &str, guest: Guest) -> Arc<Tool> {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, guest.build()).expect("the component is written");
        self.sandbox.tool(&path, &Grants::none()).expect("the guest is admitted")
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

/// A guest that gives its arguments back as its structured result.
#[must_use]
pub fn echo() -> Guest {
    Guest::doing("(call $json (local.get $args) (local.get $args_len))")
}

/// Calls `probe` with fresh state.
pub fn call(tool: &Tool, arguments: &Value, store: &ArtifactStore) -> Result<Outcome, Failure> {
    // Less than the fuzzer's own patience, so that a guest that hangs is ours to end.
    let limits = Limits { wall: Duration::from_secs(5), cpu: Duration::from_secs(5), ..Limits::tool() };
    tool.call("probe", arguments, store, &mut PluginState::new(), &Budget::new(limits))
}

/// The next honest call works, whatever happened before.
pub fn honest_call_works(echo: &Tool) {
    let arguments = json!({ "honest": 1 });
    let outcome = call(echo, &arguments, &ArtifactStore::new_in_memory()).expect("an honest call works");
    assert_eq!(outcome.structured, Some(arguments), "an honest call gives what it should");
}

/// A message is of a bounded size, and nothing in it moves a cursor or turns the direction of the text.
pub fn assert_fit_to_show(message: &str, limit: usize) {
    assert!(
        message.len() <= limit,
        "a message of {} bytes, the most is {limit}: {message:.200}",
        message.len()
    );
    let bad =
        |c: &char| (c.is_control() && *c != '\n' && *c != '\t') || ('\u{202a}'..='\u{202e}').contains(c);
    assert!(!message.chars().any(|c| bad(&c)), "a message with control characters: {message:?}");
}

/// The same, and it is one line.
pub fn assert_one_line(message: &str, limit: usize) {
    assert_fit_to_show(message, limit);
    assert!(!message.contains('\n'), "a message of several lines: {message:?}");
}

/// A failure of a call is fit to be shown, and has a code that a program may branch on.
pub fn assert_sound(failure: &Failure) {
    let code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(
        !failure.code.is_empty() && failure.code.len() <= 64 && failure.code.bytes().all(code),
        "{:?} is no code",
        failure.code
    );
    assert_fit_to_show(&failure.message, 16 << 10);
}
