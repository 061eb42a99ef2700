//! Adapter and optimiser on disk: PEFT's folder, with `optimizer.safetensors` beside its files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sport_policy::Error;
use sport_policy::model::Weights;
use sport_policy::peft::{self, PeftAdapter, PeftConfig, Side};
use tch::{Device, Kind, Tensor};

use crate::adamw::AdamW;
use crate::lora::{Adapter, LayerAdapter, parameters, targets};
use crate::weights::Model;

/// The optimiser's file.
pub const OPTIMIZER_FILE: &str = "optimizer.safetensors";
/// What its `format` metadata says.
const OPTIMIZER_FORMAT: &str = "sport-adamw-1";

/// Writes a new folder; see [`PeftAdapter::write`].
pub fn save(folder: &Path, adapter: &Adapter, optimizer: &AdamW, base_model: &str) -> Result<(), Error> {
    let names = adapter.names();
    let tensors: BTreeMap<String, Weights> = names
        .iter()
        .zip(adapter.parameters())
        .map(|(name, tensor)| {
            let shape = tensor.size().into_iter().map(|n| n as usize).collect();
            (name.clone(), Weights { shape, data: values(tensor) })
        })
        .collect();
    let config = PeftConfig {
        r: adapter.r,
        lora_alpha: adapter.alpha,
        target_modules: adapter.targets.iter().map(|target| target.name().to_owned()).collect(),
        base_model: base_model.to_owned(),
    };
    let moments = optimizer_bytes(&names, optimizer).map_err(|error| Error::BadFile {
        path: folder.join(OPTIMIZER_FILE),
        message: format!("the optimiser's state cannot be written: {error}"),
    })?;
    PeftAdapter { config, tensors }.write(folder, &[(OPTIMIZER_FILE, &moments)])
}

/// Reads a folder that [`save`] or PEFT wrote. The optimiser is there if its file is.
pub fn load(folder: &Path, model: &Model) -> Result<(Adapter, Option<AdamW>), Error> {
    let PeftAdapter { config, mut tensors } = PeftAdapter::read(folder)?;
    let bad = |message: String| Error::BadFile { path: folder.join(peft::WEIGHTS_FILE), message };
    let targets = targets(&config.target_modules)?;
    let mut layers: Vec<LayerAdapter> = model.layers.iter().map(|_| LayerAdapter::default()).collect();
    for (index, layer) in layers.iter_mut().enumerate() {
        for target in &targets {
            let (output, input) = target.shape(&model.config);
            let mut take = |side: Side, shape: [i64; 2]| -> Result<Option<Tensor>, Error> {
                let Some(name) = peft::tensor_name(index, target.name(), side) else { return Ok(None) };
                let Some(Weights { shape: found, data }) = tensors.remove(&name) else { return Ok(None) };
                if found.iter().map(|n| *n as i64).ne(shape) {
                    return Err(bad(format!(
                        "tensor {name} has shape {found:?} where this model needs {shape:?}; the adapter belongs \
                         to another model"
                    )));
                }
                Ok(Some(Tensor::from_slice(&data).reshape(shape)))
            };
            let rank = i64::from(config.r);
            if let (Some(a), Some(b)) = (take(Side::A, [rank, input])?, take(Side::B, [output, rank])?) {
                layer.set(*target, parameters(a, b, model));
            }
        }
    }
    if let Some(name) = tensors.keys().next() {
        return Err(bad(format!(
            "tensor {name} has no place in this model; the adapter belongs to another one"
        )));
    }
    let scale = config.lora_alpha / f64::from(config.r);
    let adapter = Adapter { r: config.r, alpha: config.lora_alpha, scale, targets, layers };
    let path = folder.join(OPTIMIZER_FILE);
    let optimizer = match std::fs::read(&path) {
        Ok(bytes) => {
            Some(read_optimizer(&bytes, &adapter).map_err(|message| Error::BadFile { path, message })?)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(Error::Io { what: "read", path, source }),
    };
    Ok((adapter, optimizer))
}

/// Numbers of a tensor in f32.
fn values(tensor: &Tensor) -> Vec<f32> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0f32; tensor.numel()];
    let count = values.len();
    tensor.copy_data(&mut values, count);
    values
}

fn optimizer_bytes(names: &[String], optimizer: &AdamW) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let mut data = Vec::new();
    for (kind, moments) in [("m", &optimizer.m), ("v", &optimizer.v)] {
        for (name, tensor) in names.iter().zip(moments) {
            let shape: Vec<usize> = tensor.size().into_iter().map(|n| n as usize).collect();
            let bytes: Vec<u8> = values(tensor).iter().flat_map(|value| value.to_le_bytes()).collect();
            data.push((format!("{kind}.{name}"), shape, bytes));
        }
    }
    let views = data
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    let metadata = HashMap::from([
        ("format".to_owned(), OPTIMIZER_FORMAT.to_owned()),
        ("step".to_owned(), optimizer.step.to_string()),
    ]);
    safetensors::serialize(views, Some(metadata))
}

fn read_optimizer(bytes: &[u8], adapter: &Adapter) -> Result<AdamW, String> {
    let unusable = |error: safetensors::SafeTensorError| {
        format!("not a usable safetensors file: {error}; delete it to begin with a fresh optimiser")
    };
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(unusable)?;
    let file = SafeTensors::deserialize(bytes).map_err(unusable)?;
    let entries = metadata.metadata().clone().unwrap_or_default();
    if entries.get("format").map(String::as_str) != Some(OPTIMIZER_FORMAT) {
        return Err(format!(
            "its format is not {OPTIMIZER_FORMAT}; delete it to begin with a fresh optimiser"
        ));
    }
    let step = entries.get("step").and_then(|step| step.parse().ok()).ok_or("it does not say its step")?;
    let mut optimizer = AdamW::new(&adapter.parameters());
    optimizer.step = step;
    for (kind, moments) in [("m", &mut optimizer.m), ("v", &mut optimizer.v)] {
        for (name, moment) in adapter.names().iter().zip(moments) {
            let view =
                file.tensor(&format!("{kind}.{name}")).map_err(|_| format!("{kind}.{name} is missing"))?;
            let shape = view.shape().iter().map(|n| *n as i64);
            if view.dtype() != Dtype::F32 || shape.ne(moment.size()) {
                return Err(format!("{kind}.{name} does not fit the adapter"));
            }
            let data: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            moment.copy_(&Tensor::from_slice(&data).reshape(moment.size()));
        }
    }
    Ok(optimizer)
}
