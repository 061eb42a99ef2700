//! Guests made from text: a core module against the canonical ABI, wrapped into a component.
//!
//! A test writes only what its guest does; memory, allocation, `describe` and the contract section are here. Three suites
//! share this file: the sandbox's own tests, the abuse suite (`tests/tests/abuse`) and the fuzz targets (`tests/fuzz`).

#![allow(dead_code, reason = "each of the suites uses a part")]

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The section that a guest of this contract carries.
pub const CONTRACT: &str = r#"{"packages":{"sport:base":"0.1.0","sport:host":"0.1.0","sport:tool":"0.1.0","sport:verifier":"0.1.0"},"sdk":"none"}"#;

/// Where texts of a guest begin in its memory; below are its result areas.
const TEXTS: usize = 4096;

/// Where its heap begins, unless its texts reach further.
const HEAP: usize = 4 * PAGE;

const PAGE: usize = 65_536;

/// A guest in the making.
pub struct Guest {
    pub contract: Option<String>,
    pub name: String,
    pub input_schema: String,
    pub output_schema: Option<String>,
    /// Imports, functions, globals: anything at the top of the module.
    pub top: String,
    /// What it says of itself.
    pub description: String,
    /// What `describe` does first.
    pub on_describe: String,
    /// What the allocator does first: the host calls it to pass arguments in.
    pub on_realloc: String,
    /// The body of `call`: `$name`, `$name_len`, `$args`, `$args_len` in, a result area's address out.
    pub call: String,
    /// The body of `warm`: `$list`, `$count` in, a result area's address out (nothing means that it went well). Gives the guest a
    /// warm start.
    pub warm: Option<String>,
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
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: None,
            top: String::new(),
            description: "a probe".to_owned(),
            on_describe: String::new(),
            on_realloc: String::new(),
            call: String::new(),
            warm: None,
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
        let warm = self.warm.as_ref().map_or(String::new(), |warm| {
            format!(
                r#"(func (export "sport:tool/warm@0.1.0#warm") (param $list i32) (param $count i32) (result i32)
                     (local $at i32)
                     {warm}
                     (i32.store8 (i32.const 1024) (i32.const 0)) (i32.const 1024))"#
            )
        });
        let contract = self.contract.as_ref().map_or(String::new(), |contract| {
            format!("(@custom \"sport:contract\" \"{}\")", escape(contract.as_bytes()))
        });
        let free = HEAP.max((TEXTS + self.texts.len()).next_multiple_of(PAGE));
        format!(
            r#"(module
              {top}
              (memory (export "memory") {pages})
              (data (i32.const {TEXTS}) "{texts}")
              (global $free (mut i32) (i32.const {free}))
              (func $realloc (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32)
                (result i32)
                (local $at i32) (local $end i32)
                {on_realloc}
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
              {warm}
              {contract})"#,
            pages = free / PAGE,
            top = self.top,
            on_realloc = self.on_realloc,
            texts = escape(&self.texts),
        )
    }

    /// The component.
    pub fn build(mut self) -> Vec<u8> {
        let judges = self.judge.is_some();
        let mut module = wat::parse_str(self.wat()).expect("the guest's text is right");
        let mut resolve = Resolve::default();
        // The suites lie somewhere below the folder that has `wit/`.
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let wit = here.ancestors().map(|folder| folder.join("wit")).find(|wit| wit.join("tool").is_dir());
        let wit = wit.expect("there is a folder `wit`");
        for folder in ["base", "host", "tool", "verifier"] {
            resolve.push_path(wit.join(folder)).expect("wit/ resolves");
        }
        // The worlds, and what a component that was not made for them could import too.
        let worlds = "package sport:probes;
            world tool { include sport:tool/tool-plugin@0.1.0; }
            world warm { include sport:tool/warm-tool-plugin@0.1.0; }
            world verifier {
                include sport:verifier/verifier-plugin@0.1.0;
                import sport:host/secrets@0.1.0;
                import sport:host/fetch@0.1.0;
            }";
        let package = resolve.push_str("probes.wit", worlds).expect("the worlds resolve");
        let world = match (judges, self.warm.is_some()) {
            (true, _) => "verifier",
            (false, true) => "warm",
            (false, false) => "tool",
        };
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
