//! Writes the seeds that are not text: components for `admit`, results of guests for `lift`.
//!
//! The seeds are committed; this is run again when the contract changes: `make fuzz-seeds`.

#![expect(clippy::expect_used, reason = "a failure is shown as it is")]

use std::path::Path;

use serde_json::json;
use sport_fuzz::{Guest, echo};
use sport_sandbox::digest_of;

fn main() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = seeds.join(target);
        std::fs::create_dir_all(&folder).expect("the folder is made");
        std::fs::write(folder.join(name), bytes).expect("the seed is written");
    };
    for (name, bytes) in components() {
        put("admit", name, &bytes);
    }
    for (name, bytes) in results() {
        put("lift", name, &bytes);
    }
}

fn components() -> Vec<(&'static str, Vec<u8>)> {
    let mut verifier = Guest::new();
    verifier.judge = Some("unreachable".to_owned());
    let mut asking = echo();
    asking.top = sport_fuzz::guest::import::KV_GET.to_owned();
    let mut bare = echo();
    bare.contract = None;
    let mut typed = echo();
    typed.output_schema = Some(r#"{"type":"object"}"#.to_owned());
    vec![
        ("tool", typed.build()),
        ("verifier", verifier.build()),
        ("asking", asking.build()),
        ("no-contract", bare.build()),
        ("foreign", wat::parse_str(FOREIGN).expect("it is a component")),
        ("module", b"\0asm\x01\0\0\0".to_vec()),
        ("empty-component", b"\0asm\x0d\0\x01\0".to_vec()),
    ]
}

/// A component of another world, with a record, an option, a variant and a function that fails.
const FOREIGN: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func (export "look") (param i32 i32 i32 f64) (result i32) (i32.const 64)))
    (core instance $i (instantiate $m))
    (type $shape' (variant (case "none") (case "circle" f64)))
    (export $shape "shape" (type $shape'))
    (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
    (func (export "look") (param "at" (option u8)) (param "shape" $shape) (result (result (list u8) (error string)))
        (canon lift (core func $i "look") (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#;

/// A guest's memory from 1024 on, behind the choice of a tool and the address of the result.
struct Memory(Vec<u8>);

const AT: u32 = 1024;

impl Memory {
    fn new(words: &[u32]) -> Self {
        Self(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// Appends bytes and gives back address and length.
    fn put(&mut self, bytes: &[u8]) -> (u32, u32) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = AT + self.0.len() as u32;
        self.0.extend_from_slice(bytes);
        (at, bytes.len() as u32)
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes).0
    }

    fn set(&mut self, word: usize, value: u32) {
        self.0[4 * word..4 * word + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn seed(self, choice: u8) -> Vec<u8> {
        [&[choice][..], &AT.to_le_bytes(), &self.0].concat()
    }
}

fn results() -> Vec<(&'static str, Vec<u8>)> {
    let digest = digest_of(b"given");
    let mut seeds = Vec::new();

    // ok: no content, a structured result
    for (name, choice, text) in [
        ("structured", 0, json!({"n": [1, -2.5, true, null, "é"]}).to_string()),
        ("file", 1, json!({"n": 1, "file": {"digest": digest, "media_type": "text/plain"}}).to_string()),
        ("out-of-reach", 1, json!({"files": [{"digest": digest_of(b"secret")}]}).to_string()),
        ("not-json", 0, "{".to_owned()),
    ] {
        let mut memory = Memory::new(&[0, 0, 0, 1, 0, 0]);
        let (at, len) = memory.put(text.as_bytes());
        memory.set(4, at);
        memory.set(5, len);
        seeds.push((name, memory.seed(choice)));
    }

    // ok: one piece of content of every kind. A piece has 48 bytes: a discriminant, and eight bytes further on the rest.
    let mut memory = Memory::new(&[0, 0, 5, 0, 0, 0]);
    let (text, text_len) = memory.put("a text with \u{1b}[31m".as_bytes());
    let (png, png_len) = memory.put(b"image/png");
    let (wav, wav_len) = memory.put(b"audio/wav");
    let (plain, plain_len) = memory.put(b"text/plain");
    let (digest, digest_len) = memory.put(digest.as_bytes());
    let (name, name_len) = memory.put(b"../given.txt");
    let (kind, kind_len) = memory.put(b"bounding-box");
    let (value, value_len) = memory.put(br#"{"x":1}"#);
    let pieces = memory.words(
        &[
            [0, 0, text, text_len, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, png, png_len, text, text_len, 0, 0, 0, 0, 0, 0],
            [2, 0, wav, wav_len, text, text_len, 0, 0, 0, 0, 0, 0],
            [3, 0, digest, digest_len, plain, plain_len, 5, 0, 1, name, name_len, 0],
            [4, 0, kind, kind_len, value, value_len, 0, 0, 0, 0, 0, 0],
        ]
        .concat(),
    );
    memory.set(1, pieces);
    seeds.push(("content", memory.seed(0)));

    // err: kind, code, message, retryable, details
    let mut memory = Memory::new(&[1, 3, 0, 0, 0, 0, 1, 1, 0, 0]);
    let (code, code_len) = memory.put(b"try-later");
    let (message, message_len) = memory.put("not now\u{202e}".as_bytes());
    let (details, details_len) = memory.put(br#"{"seconds":3}"#);
    for (word, value) in
        [(2, code), (3, code_len), (4, message), (5, message_len), (8, details), (9, details_len)]
    {
        memory.set(word, value);
    }
    seeds.push(("failure", memory.seed(0)));

    // What no honest guest writes: addresses beyond the memory, lengths that wrap, discriminants of nothing.
    seeds.push(("beyond", Memory::new(&[0, 0xffff_fff0, 0x40, 1, 0xffff_ffff, 0xffff_ffff]).seed(0)));
    seeds.push(("huge-list", Memory::new(&[0, 1024, 0x0fff_ffff, 0, 0, 0]).seed(0)));
    seeds.push(("bad-case", Memory::new(&[7, 0, 0, 9, 0, 0]).seed(0)));
    seeds.push(("unaligned", [&[0][..], &1027_u32.to_le_bytes(), &[0; 64]].concat()));
    seeds
}
