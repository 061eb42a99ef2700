//! Blocks of quantised numbers to f32, bit for bit as the `gguf` package of PyPI does it.

use half::{bf16, f16};

/// How a tensor's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// Brain floats.
    Bf16,
    /// 4 bits, scale; 32 numbers in 18 bytes.
    Q4_0,
    /// 4 bits, scale and minimum; 32 numbers in 20 bytes.
    Q4_1,
    /// 8 bits, scale; 32 numbers in 34 bytes.
    Q8_0,
}

/// Numbers per block of the quantised types.
const BLOCK: usize = 32;

impl Quantization {
    /// From GGML's number for it.
    pub fn from_code(code: u32) -> Result<Self, String> {
        Ok(match code {
            0 => Self::F32,
            1 => Self::F16,
            30 => Self::Bf16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            8 => Self::Q8_0,
            other => {
                return Err(format!(
                    "number type {other} is not supported (F32, F16, BF16, Q4_0, Q4_1 and Q8_0 are)"
                ));
            }
        })
    }

    /// Numbers and bytes of one block.
    fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 => (BLOCK, 18),
            Self::Q4_1 => (BLOCK, 20),
            Self::Q8_0 => (BLOCK, 34),
        }
    }

    /// Bytes of a tensor; rows are whole blocks. `None` when they are not, or on overflow.
    pub fn bytes(self, shape: &[usize]) -> Option<usize> {
        let (numbers, bytes) = self.block();
        let count = shape.iter().try_fold(1_usize, |count, n| count.checked_mul(*n))?;
        let whole = shape.last().is_some_and(|width| width % numbers == 0);
        (whole && count > 0).then_some(())?;
        // The result as f32 must be addressable as well.
        count.checked_mul(4)?;
        (count / numbers).checked_mul(bytes)
    }

    /// Decodes whole blocks.
    pub fn dequantize(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Self::F16 => bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Self::Bf16 => bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::Q4_0 => blocks::<18>(bytes, |block, out| {
                let scale = half_at(block, 0);
                nibbles(&block[2..], |at, q| out[at] = (f32::from(q) - 8.0) * scale);
            }),
            Self::Q4_1 => blocks::<20>(bytes, |block, out| {
                let (scale, minimum) = (half_at(block, 0), half_at(block, 2));
                nibbles(&block[4..], |at, q| out[at] = scale * f32::from(q) + minimum);
            }),
            Self::Q8_0 => blocks::<34>(bytes, |block, out| {
                let scale = half_at(block, 0);
                for (value, q) in out.iter_mut().zip(&block[2..]) {
                    *value = f32::from(i8::from_le_bytes([*q])) * scale;
                }
            }),
        }
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Low nibbles are the first half of a block, high nibbles the second.
fn nibbles(packed: &[u8], mut put: impl FnMut(usize, u8)) {
    for (at, byte) in packed.iter().enumerate() {
        put(at, byte & 15);
        put(at + BLOCK / 2, byte >> 4);
    }
}

fn blocks<const BYTES: usize>(bytes: &[u8], decode: impl Fn(&[u8; BYTES], &mut [f32; BLOCK])) -> Vec<f32> {
    let (blocks, _) = bytes.as_chunks::<BYTES>();
    let mut out = vec![0.0; blocks.len() * BLOCK];
    for (block, values) in blocks.iter().zip(out.as_chunks_mut::<BLOCK>().0) {
        decode(block, values);
    }
    out
}
