//! The two networks: PP-OCRv4's detector and recogniser, as ONNX files that the operator grants.
//!
//! They are not part of the component, so that its file stays small and its licence its own. All that can be done once is done
//! here: the files are parsed, constants folded, weights brought into the order in which they are multiplied, and each network
//! is run on a small picture, which shows that it is the right one before anybody depends on it.

use std::sync::OnceLock;

use rten::{Model, ModelOptions, op_registry};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};
use sport_sdk::{Artifact, Failure, FailureKind};

/// Name of the detector's file.
const DETECT: &str = "detect.onnx";
/// Name of the recogniser's file.
const RECOGNISE: &str = "recognise.onnx";
/// Largest file: the larger of the two has 11 MB, those for servers ten times as much, which no call has the time for.
const MODEL_BYTES: u64 = 32 << 20;
/// Where the recogniser keeps its characters, one a line.
const CHARACTERS: &str = "character";
/// Height of the lines that the recogniser was trained on.
pub const LINE_HEIGHT: usize = 48;
/// What the detector's sides must be multiples of.
pub const DETECT_STEP: usize = 32;

static LOADED: OnceLock<Models> = OnceLock::new();

/// Both networks, ready to run.
pub struct Models {
    detector: Model,
    recogniser: Model,
    /// What each class of the recogniser stands for; the first stands for nothing.
    letters: Vec<String>,
}

impl Models {
    /// The networks that [`load`] left behind.
    pub fn loaded() -> Result<&'static Self, Failure> {
        LOADED.get().ok_or_else(|| {
            let message = format!(
                "the models are not loaded; install the component with them: \
                 sport plugin add ocr.wasm --artifact {DETECT}=PATH --artifact {RECOGNISE}=PATH"
            );
            Failure::new(FailureKind::Unavailable, message).code("models-not-loaded")
        })
    }

    /// How likely each pixel belongs to the middle of a line; channels are blue, green, red.
    pub fn detect(&self, pixels: &NdTensor<f32, 4>) -> Result<NdTensor<f32, 4>, Failure> {
        run(&self.detector, pixels, DETECT)
    }

    /// How likely each class is, for every column of each line.
    pub fn recognise(&self, lines: &NdTensor<f32, 4>) -> Result<NdTensor<f32, 3>, Failure> {
        run(&self.recogniser, lines, RECOGNISE)
    }

    /// What a class of the recogniser stands for.
    pub fn letter(&self, class: usize) -> &str {
        self.letters.get(class).map_or("", String::as_str)
    }

    fn new(detector: &Artifact, recogniser: &Artifact) -> Result<Self, Failure> {
        let (detector, recogniser) = (parse(detector)?, parse(recogniser)?);
        let characters = recogniser.metadata().get(CHARACTERS).ok_or_else(|| {
            let message = format!(
                "{RECOGNISE} has no list of characters in it; it must be a recogniser as RapidOCR publishes them, \
                 for example ch_PP-OCRv4_rec_infer.onnx"
            );
            wrong(message)
        })?;
        let mut letters = vec![String::new()];
        letters.extend(characters.lines().map(str::to_owned));
        letters.push(" ".to_owned());
        let models = Self { detector, recogniser, letters };
        models.check()?;
        Ok(models)
    }

    /// Runs both once on an empty picture.
    fn check(&self) -> Result<(), Failure> {
        let map = self.detect(&NdTensor::zeros([1, 3, DETECT_STEP, DETECT_STEP]))?;
        if map.shape() != [1, 1, DETECT_STEP, DETECT_STEP] {
            let message = format!(
                "{DETECT} makes {:?} of a picture of {DETECT_STEP} times {DETECT_STEP} pixels, not one value for \
                 each; it must be a detector, for example ch_PP-OCRv4_det_infer.onnx",
                map.shape()
            );
            return Err(wrong(message));
        }
        let classes = self.recognise(&NdTensor::zeros([1, 3, LINE_HEIGHT, LINE_HEIGHT]))?.size(2);
        if classes != self.letters.len() {
            let message = format!(
                "{RECOGNISE} tells {classes} classes apart and lists {} characters, two of them understood; they \
                 must be as many",
                self.letters.len()
            );
            return Err(wrong(message));
        }
        Ok(())
    }
}

/// Loads both networks from the artifacts that the operator granted.
pub fn load(artifacts: &[Artifact]) -> Result<(), Failure> {
    let named = |name: &str| {
        let mut found = artifacts.iter().filter(|artifact| artifact.name.as_deref() == Some(name));
        match (found.next(), found.next()) {
            (Some(artifact), None) => Ok(artifact),
            _ => {
                let granted: Vec<&str> = artifacts.iter().map(Artifact::label).collect();
                let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
                let message = format!(
                    "the component needs {DETECT} and {RECOGNISE}, each once, and was granted {granted}; add \
                     --artifact {name}=PATH to sport plugin add"
                );
                Err(Failure::not_found(message).code("missing-model"))
            }
        }
    };
    let (detector, recogniser) = (named(DETECT)?, named(RECOGNISE)?);
    if let Some(other) = artifacts.iter().find(|artifact| ![detector, recogniser].contains(artifact)) {
        let message = format!(
            "the component knows {DETECT} and {RECOGNISE} and no {}; take it out of the grant",
            other.label()
        );
        return Err(Failure::invalid_input(message).code("unknown-model"));
    }
    let models = Models::new(detector, recogniser)?;
    LOADED.set(models).map_err(|_| {
        Failure::invalid_input("the models are loaded already; they are loaded once").code("already-loaded")
    })
}

fn parse(file: &Artifact) -> Result<Model, Failure> {
    if file.size > MODEL_BYTES {
        let message = format!(
            "{} has {} MB; models of at most {} MB are loaded, for example those of RapidOCR that are called mobile",
            file.label(),
            file.size >> 20,
            MODEL_BYTES >> 20
        );
        return Err(wrong(message));
    }
    // Only what these networks are made of: the component is smaller by what it leaves out, and a file that wants more is
    // not one of them.
    let operators = op_registry!(
        Add,
        AveragePool,
        BatchNormalization,
        Cast,
        Clip,
        Concat,
        Conv,
        ConvTranspose,
        Div,
        GlobalAveragePool,
        HardSigmoid,
        MatMul,
        Mul,
        Pow,
        ReduceMean,
        Relu,
        Reshape,
        Resize,
        Shape,
        Sigmoid,
        Slice,
        Softmax,
        Sqrt,
        Squeeze,
        Sub,
        Transpose,
        Unsqueeze
    );
    ModelOptions::with_ops(operators).prepack_weights(true).load(file.bytes()?).map_err(|error| {
        let message = format!(
            "{} cannot be read as a model: {error}; it must be PP-OCRv4's, in the ONNX format",
            file.label()
        );
        wrong(message)
    })
}

/// Runs a network with one input and one output.
fn run<const N: usize>(
    model: &Model,
    input: &NdTensor<f32, 4>,
    name: &str,
) -> Result<NdTensor<f32, N>, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        wrong(format!("{name} does not run on a picture: {error}; it must be PP-OCRv4's, in the ONNX format"))
    };
    let output = model.run_one(input.view().into(), None).map_err(|error| failed(&error))?;
    let output: Tensor<f32> = output.try_into().map_err(|error| failed(&error))?;
    output.try_into().map_err(|error| failed(&error))
}

fn wrong(message: String) -> Failure {
    Failure::invalid_input(message).code("bad-model")
}
