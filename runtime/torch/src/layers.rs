//! The pieces of a decoder layer that sampling and training share.

use tch::{Kind, Tensor};

/// RMS norm over the last dimension, with its weight. bf16 is normalised in f32, as transformers does.
pub fn rms_norm(x: &Tensor, weight: &Tensor, eps: f64) -> Tensor {
    if x.kind() == Kind::BFloat16 {
        let wide = x.to_kind(Kind::Float);
        let scale = (wide.square().mean_dim(-1, true, Kind::Float) + eps).rsqrt();
        return (wide * scale).to_kind(Kind::BFloat16) * weight;
    }
    let scale = (x.square().mean_dim(-1, true, x.kind()) + eps).rsqrt();
    x * scale * weight
}

/// Rotary embedding, rotate-half form, of `[n, heads, head_dim]`.
pub fn rope(x: &Tensor, (cos, sin): &(Tensor, Tensor)) -> Tensor {
    // `chunk` rather than two `narrow`: its gradient is one concatenation, not two additions to zeros.
    let halves = x.chunk(2, 2);
    let (first, second) = (&halves[0], &halves[1]);
    Tensor::cat(&[first * cos - second * sin, second * cos + first * sin], 2)
}

/// SwiGLU of a joint gate-and-up projection.
pub fn swiglu(gate_up: &Tensor) -> Tensor {
    let width = gate_up.size()[1] / 2;
    gate_up.narrow(1, 0, width).silu() * gate_up.narrow(1, width, width)
}
