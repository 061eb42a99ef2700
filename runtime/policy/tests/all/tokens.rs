//! Tokenisation.
//!
//! * 200 varied strings give the ids that transformers gives
//! * decoding ids gives the text back, special tokens kept or skipped
//! * a stream of ids never shows half a character, and ends with the whole text
//! * bytes that are no UTF-8 do not hold a stream up for ever
//! * a `tokenizer.json` made of the same parts gives the same ids
//! * a pre-tokenizer that is not known is refused by name

use sport_policy::gguf::Gguf;
use sport_policy::model::ModelFiles;
use sport_policy::tokenizer::Tokenizer;

use crate::support::{golden, golden_json, real_model};

#[derive(serde::Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_gguf(&Gguf::open(&real_model()).unwrap()).unwrap()
}

#[test]
fn ids_equal_those_of_transformers() {
    let (tokenizer, cases) = (tokenizer(), golden_json::<Vec<Case>>("tokens.json"));
    assert_eq!(cases.len(), 200);
    for case in cases {
        assert_eq!(tokenizer.encode(&case.text).unwrap(), case.ids, "{:?}", case.text);
    }
}

#[test]
fn decoding_gives_the_text_back() {
    let tokenizer = tokenizer();
    for case in golden_json::<Vec<Case>>("tokens.json") {
        assert_eq!(tokenizer.decode(&case.ids, false).unwrap(), case.text);
    }
    let ids = tokenizer.encode("<|im_start|>user\nhi<|im_end|>").unwrap();
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), "user\nhi");
    assert_eq!(tokenizer.token_id("<|im_end|>"), ids.last().copied());
    assert_eq!(tokenizer.vocab_size(), 49152);
}

#[test]
fn a_stream_shows_whole_characters_only() {
    let tokenizer = tokenizer();
    for case in golden_json::<Vec<Case>>("tokens.json") {
        let mut stream = tokenizer.stream();
        let mut before = String::new();
        for id in &case.ids {
            stream.push(&tokenizer, *id).unwrap();
            assert!(stream.text().starts_with(&before), "{:?} took text back", case.text);
            assert!(!stream.text().contains('\u{FFFD}'), "{:?} showed half a character", case.text);
            before = stream.text().to_owned();
        }
        let whole = tokenizer.decode(&case.ids, true).unwrap();
        assert_eq!(stream.text(), whole);
        assert_eq!(stream.finish(&tokenizer).unwrap(), whole);
    }
}

#[test]
fn broken_bytes_do_not_hold_a_stream_up() {
    let tokenizer = tokenizer();
    // The first byte of a two-byte character, over and over.
    let half = tokenizer.encode("é").unwrap();
    let half = if half.len() == 1 { tokenizer.encode("🙃").unwrap()[0] } else { half[0] };
    let mut stream = tokenizer.stream();
    for _ in 0..20 {
        stream.push(&tokenizer, half).unwrap();
    }
    for id in tokenizer.encode(" end of it").unwrap() {
        stream.push(&tokenizer, id).unwrap();
    }
    assert!(stream.text().ends_with(" end of it"), "{:?}", stream.text());
    // What is left over comes out at the end.
    let mut stream = tokenizer.stream();
    stream.push(&tokenizer, half).unwrap();
    assert_eq!(stream.text(), "");
    assert_eq!(stream.finish(&tokenizer).unwrap(), tokenizer.decode(&[half], true).unwrap());
}

#[test]
fn a_tokenizer_file_works_the_same() {
    let files = ModelFiles::open(&golden("small.gguf")).unwrap();
    let from_gguf = files.tokenizer().unwrap();
    assert_eq!(from_gguf.encode("the the<|end|>b").unwrap(), [30, 31, 0, 3]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    std::fs::write(&path, TOKENIZER).unwrap();
    let from_file = Tokenizer::from_file(&path).unwrap();
    assert_eq!(from_file.encode("the<|end|> the").unwrap(), [4, 0, 5]);

    std::fs::write(&path, "{}").unwrap();
    let error = Tokenizer::from_file(&path).err().unwrap().to_string();
    assert!(error.contains("not a usable tokenizer"), "{error}");
    let error = Tokenizer::from_file(&folder.path().join("none.json")).err().unwrap();
    assert_eq!(error.code(), "policy-io");
}

/// Truncation is asked for, as files from training runs do; it must not act.
const TOKENIZER: &str = r#"{
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
    "padding": null,
    "added_tokens": [{"id": 0, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": {"<|end|>": 0, "t": 1, "h": 2, "e": 3, "the": 4, "Ġthe": 5, "Ġ": 6, "th": 7},
        "merges": [["t", "h"], ["th", "e"], ["Ġ", "the"]]}
}"#;

#[test]
fn an_unknown_pre_tokenizer_is_refused() {
    // Same length, so that nothing else in the file moves.
    let mut bytes = std::fs::read(golden("small.gguf")).unwrap();
    let at = bytes.windows(6).position(|window| window == b"smollm").unwrap();
    bytes[at..at + 6].copy_from_slice(b"weird0");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let error = ModelFiles::open(file.path()).unwrap().tokenizer().err().unwrap().to_string();
    assert!(error.contains("`weird0` is not known") && !error.contains('\n'), "{error}");
}
