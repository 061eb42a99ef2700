//! Guests made from text: a core module against the canonical ABI, wrapped into a component.
//!
//! A test writes only what its guest does; memory, allocation, `describe` and the contract section are here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Budget, Error, Failure, Grants, Limits, Outcome, PluginState, Sandbox, SandboxOptions,
    Tool, Verifier,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The section that a guest of this contract carries.
pub const CONTRACT: &str = r#"{"packages":{"sport:base":"0.1.0","sport:host":"0.1.0","sport:tool":"0.1.0","sport:verifier":"0.1.0"},"sdk":"none"}"#;

/// Where texts of a guest begin in its memory; below are its result areas.
const TEXTS: usize = 4096;

/// A guest in the making.
pub struct Guest {
    pub contract: Option<String>,
    pub name: String,
    pub description: String,
    pub input_schema: String,
    pub output_schema: Option<String>,
    /// Imports, functions, globals: anything at the top of the module.
    pub top: String,
    /// What `describe` does first.
    pub on_describe: String,
    /// The body of `call`: `$name`, `$name_len`, `$args`, `$args_len` in, a result area's address out.
    pub call: String,
    /// The body of `judge`: `$step` in, a result area's address out. Makes the guest a verifier.
    pub judge: Option<String>,
    pub traits: u32,
    texts: Vec<u8>,
}

impl Guest {
    /// A guest with one tool, `probe`, that does nothing yet.
    pub fn new() -> Self {
        Self {
            contract: Some(CONTRACT.to_owned()),
            name: "probe".to_owned(),
            description: "a probe".to_owned(),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: None,
            top: String::new(),
            on_describe: String::new(),
            call: String::new(),
            judge: None,
            traits: 0,
            texts: Vec::new(),
        }
    }

    /// A guest whose call does `body`.
    pub fn doing(body: &str) -> Self {
        let mut guest = Self::new();
        guest.call = body.to_owned();
        guest
    }

    /// A guest whose call gives back a JSON text.
    pub fn answering(json: &str) -> Self {
        let mut guest = Self::new();
        let text = guest.text(json);
        guest.call = format!("(call $json {text})");
        guest
    }

    /// Puts a text into the guest's memory: its address and length, as two constants.
    pub fn text(&mut self, text: &str) -> String {
        let at = TEXTS + self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    fn store_text(&mut self, at: usize, text: &str) -> String {
        let place = TEXTS + self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        let length = text.len();
        format!(
            "(i32.store (i32.const {at}) (i32.const {place})) (i32.store (i32.const {}) (i32.const {length}))",
            at + 4
        )
    }

    /// The core module's text.
    fn wat(&mut self) -> String {
        let mut describe = self.on_describe.clone();
        let (name, input, output) =
            (self.name.clone(), self.input_schema.clone(), self.output_schema.clone());
        let description = self.description.clone();
        if self.judge.is_some() {
            describe += &self.store_text(2048, &name);
            describe += &self.store_text(2056, "judges");
            describe += "(i32.store8 (i32.const 2064) (i32.const 0))";
            describe +=
                &format!("(i32.store8 (i32.const 2076) (i32.const {})) (i32.const 2048)", self.traits);
        } else {
            describe += &self.store_text(2048, &name);
            describe += "(i32.store8 (i32.const 2056) (i32.const 0))";
            describe += &self.store_text(2068, &description);
            describe += &self.store_text(2076, &input);
            if let Some(output) = output {
                describe += "(i32.store8 (i32.const 2084) (i32.const 1))";
                describe += &self.store_text(2088, &output);
            }
            describe += "(i32.store8 (i32.const 2096) (i32.const 1))";
            describe += "(i32.store (i32.const 2000) (i32.const 2048)) (i32.store (i32.const 2004) (i32.const 1)) \
                         (i32.const 2000)";
        }
        let exports = match &self.judge {
            Some(judge) => format!(
                r#"(func (export "sport:verifier/verifier@0.1.0#describe") (result i32) {describe})
                   (func (export "sport:verifier/verifier@0.1.0#judge") (param $step i32) (result i32) {judge})"#
            ),
            None => format!(
                r#"(func (export "sport:tool/tool@0.1.0#describe") (result i32) {describe})
                   (func (export "sport:tool/tool@0.1.0#call")
                     (param $name i32) (param $name_len i32) (param $args i32) (param $args_len i32) (result i32)
                     {})"#,
                self.call
            ),
        };
        let contract = self.contract.as_ref().map_or(String::new(), |contract| {
            format!("(@custom \"sport:contract\" \"{}\")", escape(contract.as_bytes()))
        });
        format!(
            r#"(module
              {top}
              (memory (export "memory") 4)
              (data (i32.const {TEXTS}) "{texts}")
              (global $free (mut i32) (i32.const 262144))
              (func $realloc (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32)
                (result i32)
                (local $at i32) (local $end i32)
                (local.set $at (i32.and
                  (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
                  (i32.sub (i32.const 0) (local.get $align))))
                (local.set $end (i32.add (local.get $at) (local.get $size)))
                (global.set $free (local.get $end))
                (block $done (loop $more
                  (br_if $done (i32.le_u (local.get $end) (i32.mul (memory.size) (i32.const 65536))))
                  (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
                  (br $more)))
                (memory.copy (local.get $at) (local.get $old) (local.get $had))
                (local.get $at))
              ;; a good outcome with a structured result
              (func $json (param $text i32) (param $len i32) (result i32)
                (i32.store8 (i32.const 1024) (i32.const 0))
                (i32.store (i32.const 1028) (i32.const 0))
                (i32.store (i32.const 1032) (i32.const 0))
                (i32.store8 (i32.const 1036) (i32.const 1))
                (i32.store (i32.const 1040) (local.get $text))
                (i32.store (i32.const 1044) (local.get $len))
                (i32.const 1024))
              ;; the same with the text in quotes
              (func $quoted (param $text i32) (param $len i32) (result i32)
                (local $at i32)
                (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 1)
                  (i32.add (local.get $len) (i32.const 2))))
                (i32.store8 (local.get $at) (i32.const 34))
                (memory.copy (i32.add (local.get $at) (i32.const 1)) (local.get $text) (local.get $len))
                (i32.store8 (i32.add (i32.add (local.get $at) (local.get $len)) (i32.const 1)) (i32.const 34))
                (call $json (local.get $at) (i32.add (local.get $len) (i32.const 2))))
              {exports}
              {contract})"#,
            top = self.top,
            texts = escape(&self.texts),
        )
    }

    /// The component.
    pub fn build(mut self) -> Vec<u8> {
        let judges = self.judge.is_some();
        let mut module = wat::parse_str(self.wat()).expect("the guest's text is right");
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        for folder in ["base", "host", "tool", "verifier"] {
            resolve.push_path(wit.join(folder)).expect("wit/ resolves");
        }
        // The worlds, and what a component that was not made for them could import too.
        let worlds = "package sport:probes;
            world tool { include sport:tool/tool-plugin@0.1.0; }
            world verifier {
                include sport:verifier/verifier-plugin@0.1.0;
                import sport:host/secrets@0.1.0;
                import sport:host/fetch@0.1.0;
            }";
        let package = resolve.push_str("probes.wit", worlds).expect("the worlds resolve");
        let world = if judges { "verifier" } else { "tool" };
        let world = resolve.select_world(&[package], Some(world)).expect("there is such a world");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata fits");
        ComponentEncoder::default()
            .module(&module)
            .expect("the module fits the world")
            .validate(true)
            .encode()
            .expect("the component is valid")
    }
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// A sandbox with a folder of its own.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub store: ArtifactStore,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sandbox = Sandbox::new(SandboxOptions::new(folder.path().join("aot"))).expect("a sandbox");
        Self { folder, sandbox, store: ArtifactStore::new_in_memory() }
    }

    /// Writes a component's file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).expect("the component is written");
        path
    }

    /// Loads a guest that was granted these interfaces.
    pub fn load(&self, guest: Guest, grants: &[&str]) -> Result<Arc<Tool>, Error> {
        self.load_as("probe", guest, grants)
    }

    pub fn load_as(&self, name: &str, guest: Guest, grants: &[&str]) -> Result<Arc<Tool>, Error> {
        let path = self.file(name, &guest.build());
        self.sandbox.tool(&path, &Grants::new(grants).expect("known grants"))
    }

    pub fn load_verifier(&self, guest: Guest, grants: &[&str]) -> Result<Arc<Verifier>, Error> {
        let path = self.file("judge", &guest.build());
        self.sandbox.verifier(&path, &Grants::new(grants).expect("known grants"))
    }

    /// Calls `probe` with fresh state.
    pub fn call(&self, tool: &Tool, arguments: Value, limits: Limits) -> Result<Outcome, Failure> {
        let budget = Budget::new(limits);
        tool.call("probe", &arguments, &self.store, &mut PluginState::new(), &budget)
    }

    /// The structured result of a guest that has just been loaded.
    pub fn answer(&self, guest: Guest, grants: &[&str], arguments: Value) -> Value {
        let tool = self.load(guest, grants).expect("it is admitted");
        let outcome = self.call(&tool, arguments, Limits::tool()).expect("it answers");
        outcome.structured.expect("with a structured result")
    }
}

/// The core signatures of the host's functions, as guests import them.
pub mod import {
    pub const LOG: &str = r#"(import "sport:host/log@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))"#;
    pub const REMAINING: &str =
        r#"(import "sport:host/context@0.1.0" "remaining" (func $remaining (param i32)))"#;
    pub const KV_GET: &str = r#"(import "sport:host/kv@0.1.0" "get" (func $get (param i32 i32 i32)))"#;
    pub const KV_SET: &str =
        r#"(import "sport:host/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i64 i32)))"#;
    pub const READ: &str = r#"(import "sport:host/artifacts@0.1.0" "read"
        (func $read (param i32 i32 i32 i32 i64 i32 i32 i32 i64 i32 i32)))"#;
    pub const CREATE: &str = r#"(import "sport:host/artifacts@0.1.0" "[static]writer.create"
        (func $create (param i32 i32 i32 i32 i32 i32)))"#;
    pub const APPEND: &str = r#"(import "sport:host/artifacts@0.1.0" "[method]writer.append"
        (func $append (param i32 i32 i32 i32)))"#;
    pub const FINISH: &str = r#"(import "sport:host/artifacts@0.1.0" "[static]writer.finish"
        (func $finish (param i32 i32)))"#;
    pub const INVOKE: &str =
        r#"(import "sport:host/tools@0.1.0" "invoke" (func $invoke (param i32 i32 i32 i32 i32)))"#;
}
