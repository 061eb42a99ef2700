//! GGUF files and folders in HF layout.
//!
//! * every tensor of the real model, dequantised, has the digest that the gguf package gives
//! * q, k and v of the real model under HF names equal transformers', and un-permuting undoes permuting
//! * each supported number type, on a small model; the config read from it
//! * a sharded folder in HF layout: tensors, config, chat template, digest
//! * a file cut off anywhere, with any byte changed, or with absurd sizes is an error or a model, never a panic
//! * a missing model, a folder without weights, a shard outside the folder, a wrong architecture say what is wrong

use std::collections::BTreeMap;
use std::path::Path;

use sport_policy::gguf::{Gguf, unpermute};
use sport_policy::model::ModelFiles;

use crate::support::{Summary, golden, golden_json, real_model};

#[derive(serde::Deserialize)]
struct Tensors {
    stored: BTreeMap<String, Summary>,
    hf: BTreeMap<String, Summary>,
}

#[test]
fn real_tensors_equal_the_gguf_packages() {
    let goldens: Tensors = golden_json("tensors.json");
    let gguf = Gguf::open(&real_model()).unwrap();
    assert_eq!(gguf.tensor_names().count(), 272);
    for name in gguf.tensor_names() {
        goldens.stored[name].check(name, &gguf.tensor(name).unwrap());
    }
    let files = ModelFiles::open(&real_model()).unwrap();
    assert_eq!(goldens.hf.len(), 9);
    for (name, golden) in goldens.hf {
        golden.check(&name, &files.tensor(&name).unwrap());
    }
    let config = files.config();
    assert_eq!((config.layers, config.hidden, config.heads, config.kv_heads), (30, 576, 9, 3));
    assert_eq!((config.head_dim, config.ffn, config.vocab, config.context), (64, 1536, 49152, 8192));
    assert_eq!((config.rope_theta, config.tied, config.bos, &config.eos[..]), (1e5, true, Some(1), &[2][..]));
    assert_eq!(config.parameters(), 134_515_008);
    assert_eq!(files.names().len(), 272);
    assert!(files.digest().unwrap().starts_with("sha256:"));
}

#[test]
fn unpermuting_undoes_permuting() {
    let (heads, head_dim, width) = (3, 8, 5);
    let hf: Vec<f32> = (0..heads * head_dim * width).map(|value| value as f32).collect();
    // What llama.cpp's converter does: [heads, 2, half, width] with the middle axes swapped.
    let mut stored = Vec::new();
    for head in 0..heads {
        for pair in 0..head_dim / 2 {
            for half in 0..2 {
                let row = head * head_dim + half * head_dim / 2 + pair;
                stored.extend_from_slice(&hf[row * width..(row + 1) * width]);
            }
        }
    }
    assert_ne!(stored, hf);
    assert_eq!(unpermute(&stored, heads, head_dim), hf);
}

#[test]
fn every_number_type_is_read() {
    let goldens: BTreeMap<String, Summary> = golden_json("small.json");
    let gguf = Gguf::open(&golden("small.gguf")).unwrap();
    for (name, golden) in goldens {
        golden.check(&name, &gguf.tensor(&name).unwrap());
    }
    let files = ModelFiles::open(&golden("small.gguf")).unwrap();
    assert!(!files.config().tied);
    assert_eq!(files.config().eos, [0]);
    assert!(files.chat_template().unwrap().contains("im_start"));
    for name in files.names() {
        files.tensor(&name).unwrap();
    }
}

#[test]
fn a_folder_in_hf_layout_is_read() {
    let goldens: BTreeMap<String, Summary> = golden_json("hf.json");
    let files = ModelFiles::open(&golden("hf")).unwrap();
    assert_eq!(files.names().len(), goldens.len());
    for name in files.names() {
        goldens[&name].check(&name, &files.tensor(&name).unwrap());
    }
    let config = files.config();
    assert_eq!((config.layers, config.heads, config.kv_heads, config.head_dim), (2, 4, 2, 8));
    assert_eq!((config.rope_theta, config.rms_eps, config.tied), (5000.0, 1e-6, false));
    assert_eq!((config.bos, &config.eos[..]), (Some(1), &[2, 3][..]));
    assert!(files.chat_template().unwrap().contains("im_start"));
    assert_eq!(files.digest().unwrap(), files.digest().unwrap());
}

fn open_bytes(bytes: &[u8]) -> Result<ModelFiles, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    ModelFiles::open(file.path()).map_err(|error| error.to_string())
}

/// Opens and, if that works, reads everything.
fn exercise(bytes: &[u8]) -> Result<(), String> {
    let files = open_bytes(bytes)?;
    for name in files.names() {
        files.tensor(&name).map_err(|error| error.to_string())?;
    }
    files.tokenizer().map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_cut_off_file_is_an_error() {
    let bytes = std::fs::read(golden("small.gguf")).unwrap();
    exercise(&bytes).unwrap();
    for length in (0..bytes.len()).step_by(97).chain(0..64).chain([bytes.len() - 1]) {
        let error = exercise(&bytes[..length]).unwrap_err();
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_changed_byte_is_no_panic() {
    let bytes = std::fs::read(golden("small.gguf")).unwrap();
    // The header and the first rows of data.
    for at in (0..2200).step_by(2) {
        let mut changed = bytes.clone();
        changed[at] ^= if at % 4 == 0 { 0xff } else { 0x01 };
        if let Err(error) = exercise(&changed) {
            assert!(!error.contains('\n'), "byte {at}: {error}");
        }
    }
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    let header = |tensors: u64, entries: u64| {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(entries.to_le_bytes());
        bytes
    };
    let key = |bytes: &mut Vec<u8>| {
        bytes.extend(1_u64.to_le_bytes());
        bytes.push(b'k');
    };
    let mut array = header(0, 1);
    key(&mut array);
    array.extend(9_u32.to_le_bytes());
    array.extend(0_u32.to_le_bytes());
    array.extend((u64::MAX / 2).to_le_bytes());
    let mut text = header(0, 1);
    text.extend(u64::MAX.to_le_bytes());
    let mut nested = header(0, 1);
    key(&mut nested);
    nested.extend(9_u32.to_le_bytes());
    for _ in 0..100 {
        nested.extend(9_u32.to_le_bytes());
        nested.extend(1_u64.to_le_bytes());
    }
    let mut tensor = header(1, 0);
    key(&mut tensor);
    tensor.extend(2_u32.to_le_bytes());
    tensor.extend((1_u64 << 40).to_le_bytes());
    tensor.extend((1_u64 << 40).to_le_bytes());
    tensor.extend(0_u32.to_le_bytes());
    tensor.extend(0_u64.to_le_bytes());
    let mut offset = header(1, 0);
    key(&mut offset);
    offset.extend(1_u32.to_le_bytes());
    offset.extend(4_u64.to_le_bytes());
    offset.extend(0_u32.to_le_bytes());
    offset.extend((u64::MAX - 8).to_le_bytes());
    let mut version = header(0, 0);
    version[4] = 1;
    for (bytes, said) in [
        (header(u64::MAX, 0), "cannot be meant"),
        (header(0, u64::MAX), "cannot be meant"),
        (array, "larger than the file"),
        (text, "ends early"),
        (nested, "nested too deep"),
        (tensor, "whole number"),
        (offset, "beyond the end"),
        (version, "version 1"),
        (b"not a model".to_vec(), "does not begin"),
        (Vec::new(), ""),
    ] {
        let error = open_bytes(&bytes).err().unwrap();
        assert!(error.contains(said) && !error.contains('\n'), "{said}: {error}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let error = ModelFiles::open(Path::new("no/such/model.gguf")).err().unwrap();
    assert_eq!(error.code(), "policy-bad-file");
    assert!(error.to_string().contains("make setup"), "{error}");

    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden("hf")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let open = || ModelFiles::open(copy.path()).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(open(), "");

    let config = std::fs::read_to_string(copy.path().join("config.json")).unwrap();
    for (from, to, said) in [
        ("\"llama\"", "\"mamba\"", "model_type `mamba`"),
        ("\"attention_bias\": false", "\"attention_bias\": true", "attention_bias"),
        ("\"default\"", "\"yarn\"", "RoPE scaling"),
        ("\"hidden_size\": 32", "\"hidden_size\": 40", "has shape"),
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
            "layers.2.input_layernorm.weight is missing",
        ),
        ("\"num_attention_heads\": 4", "\"num_attention_heads\": 0", "head count of 0"),
        ("\"vocab_size\": 48", "\"vocab_size\": -1", "vocab_size"),
        ("{", "", "not JSON"),
    ] {
        std::fs::write(copy.path().join("config.json"), config.replacen(from, to, 1)).unwrap();
        let error = open();
        assert!(error.contains(said) && !error.contains('\n'), "{said}: {error}");
    }
    std::fs::write(copy.path().join("config.json"), &config).unwrap();

    let shard = copy.path().join("model-00001-of-00002.safetensors");
    let bytes = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &bytes[..bytes.len() - 4]).unwrap();
    assert!(open().contains("not a usable safetensors file"), "{}", open());

    let index = copy.path().join("model.safetensors.index.json");
    std::fs::write(&index, r#"{"weight_map": {"a": "../../etc/passwd"}}"#).unwrap();
    assert!(open().contains("not a plain name"), "{}", open());
    std::fs::remove_file(&index).unwrap();
    assert!(open().contains("holds no model.safetensors"), "{}", open());
}
