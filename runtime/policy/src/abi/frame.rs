//! A message as bytes: length of the header (u32), JSON header, then raw tensors, all little-endian.
//!
//! ```text
//! u32 n | n bytes of {"body": …, "tensors": [{"dtype":"u32","len":3}, …]} | 3 × 4 bytes | …
//! ```
//!
//! The body says where a tensor belongs by its index. Token ids and log-probabilities travel as tensors: no
//! number is printed and parsed on the way, and NaN survives.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A tensor of rank one.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// Token ids.
    U32(Vec<u32>),
    /// Log-probabilities of single tokens.
    F32(Vec<f32>),
    /// Sums and metrics.
    F64(Vec<f64>),
}

/// Number type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dtype {
    U32,
    F32,
    F64,
}

impl Dtype {
    fn bytes(self) -> usize {
        match self {
            Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Shape {
    dtype: Dtype,
    len: usize,
}

#[derive(Serialize)]
struct HeaderOut<'a, T> {
    body: &'a T,
    tensors: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct HeaderIn<T> {
    body: T,
    tensors: Vec<Shape>,
}

/// The tensors of a message, in the order of their indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(Vec<Tensor>);

impl Tensors {
    /// Adds ids and returns their index.
    pub fn put_u32(&mut self, values: &[u32]) -> usize {
        self.put(Tensor::U32(values.to_vec()))
    }

    /// Adds values and returns their index.
    pub fn put_f32(&mut self, values: &[f32]) -> usize {
        self.put(Tensor::F32(values.to_vec()))
    }

    /// Adds values and returns their index.
    pub fn put_f64(&mut self, values: &[f64]) -> usize {
        self.put(Tensor::F64(values.to_vec()))
    }

    fn put(&mut self, tensor: Tensor) -> usize {
        self.0.push(tensor);
        self.0.len() - 1
    }

    /// Takes the ids at `index` out.
    pub fn take_u32(&mut self, index: usize) -> Result<Vec<u32>, String> {
        match self.0.get_mut(index) {
            Some(Tensor::U32(values)) => Ok(std::mem::take(values)),
            _ => Err(format!("message has no u32 tensor {index}")),
        }
    }

    /// Takes the values at `index` out.
    pub fn take_f32(&mut self, index: usize) -> Result<Vec<f32>, String> {
        match self.0.get_mut(index) {
            Some(Tensor::F32(values)) => Ok(std::mem::take(values)),
            _ => Err(format!("message has no f32 tensor {index}")),
        }
    }

    /// Takes the values at `index` out.
    pub fn take_f64(&mut self, index: usize) -> Result<Vec<f64>, String> {
        match self.0.get_mut(index) {
            Some(Tensor::F64(values)) => Ok(std::mem::take(values)),
            _ => Err(format!("message has no f64 tensor {index}")),
        }
    }
}

/// Body and tensors to bytes.
pub fn encode<T: Serialize>(body: &T, tensors: &Tensors) -> Result<Vec<u8>, String> {
    let shapes = tensors
        .0
        .iter()
        .map(|tensor| match tensor {
            Tensor::U32(values) => Shape { dtype: Dtype::U32, len: values.len() },
            Tensor::F32(values) => Shape { dtype: Dtype::F32, len: values.len() },
            Tensor::F64(values) => Shape { dtype: Dtype::F64, len: values.len() },
        })
        .collect();
    let header = serde_json::to_vec(&HeaderOut { body, tensors: shapes })
        .map_err(|error| format!("header: {error}"))?;
    let length = u32::try_from(header.len()).map_err(|_| "header is over 4 GiB".to_owned())?;
    let mut bytes = Vec::with_capacity(4 + header.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&header);
    for tensor in &tensors.0 {
        match tensor {
            Tensor::U32(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
            Tensor::F32(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
            Tensor::F64(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        }
    }
    Ok(bytes)
}

/// Bytes to body and tensors; every length is checked against what is there.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Tensors), String> {
    let short = || "message is shorter than it says".to_owned();
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > rest.len() {
        return Err(short());
    }
    let (header, mut rest) = rest.split_at(length);
    let header: HeaderIn<T> =
        serde_json::from_slice(header).map_err(|error| format!("header of a message: {error}"))?;
    let mut tensors = Tensors::default();
    for shape in header.tensors {
        let size = shape.len.checked_mul(shape.dtype.bytes()).filter(|size| *size <= rest.len());
        let (data, after) = rest.split_at(size.ok_or_else(short)?);
        rest = after;
        tensors.put(match shape.dtype {
            Dtype::U32 => Tensor::U32(data.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            Dtype::F32 => Tensor::F32(data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            Dtype::F64 => Tensor::F64(data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        });
    }
    if rest.is_empty() {
        Ok((header.body, tensors))
    } else {
        Err("message has bytes after its end".to_owned())
    }
}
