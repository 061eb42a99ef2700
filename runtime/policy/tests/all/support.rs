//! What several tests need: golden files, the real model, tensor digests.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use sport_policy::model::Weights;

/// A file or folder that `make.py` wrote.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A golden JSON file.
pub fn golden_json<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

/// The model that `make setup` fetches.
pub fn real_model() -> PathBuf {
    let cache = std::env::var_os("SPORT_CACHE")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/sport")));
    let path = std::env::var_os("SPORT_MODEL")
        .map(PathBuf::from)
        .or_else(|| cache.map(|cache| cache.join("models/SmolLM2-135M-Instruct.Q4_1.gguf")))
        .expect("neither SPORT_MODEL nor HOME is set");
    assert!(path.is_file(), "{} is missing: run `make setup`", path.display());
    path
}

/// What `make.py` notes about a tensor.
#[derive(serde::Deserialize)]
pub struct Summary {
    pub shape: Vec<usize>,
    pub sha256: String,
    pub first: Vec<f64>,
}

impl Summary {
    pub fn check(&self, name: &str, weights: &Weights) {
        assert_eq!(weights.shape, self.shape, "{name}");
        let first: Vec<f64> = weights.data.iter().take(4).map(|value| f64::from(*value)).collect();
        assert_eq!(first, self.first, "{name}");
        let bytes: Vec<u8> = weights.data.iter().flat_map(|value| value.to_le_bytes()).collect();
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, self.sha256, "{name}");
    }
}
