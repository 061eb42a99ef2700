//! AdamW with decoupled weight decay, in PyTorch's order of operations, and clipping by global norm.
//!
//! Own code because its moments have to be saved and read, which tch's optimisers do not offer.

use sport_policy::types::OptimizerConfig;
use tch::Tensor;

/// Moments of every parameter.
pub struct AdamW {
    /// Steps made.
    pub step: u64,
    /// First moments.
    pub m: Vec<Tensor>,
    /// Second moments.
    pub v: Vec<Tensor>,
}

impl AdamW {
    /// Zero moments.
    pub fn new(parameters: &[&Tensor]) -> Self {
        let zeros = || tch::no_grad(|| parameters.iter().map(|p| p.detach().zeros_like()).collect());
        Self { step: 0, m: zeros(), v: zeros() }
    }

    /// One step along the gradients, which are clipped already.
    pub fn step(&mut self, parameters: &[&Tensor], gradients: &[Tensor], config: &OptimizerConfig) {
        let OptimizerConfig { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = *config;
        self.step += 1;
        let steps = i32::try_from(self.step).unwrap_or(i32::MAX);
        let correction1 = 1.0 - beta1.powi(steps);
        let correction2 = 1.0 - beta2.powi(steps);
        tch::no_grad(|| {
            for (index, parameter) in parameters.iter().enumerate() {
                let gradient = &gradients[index];
                let mut parameter = parameter.shallow_clone();
                if weight_decay != 0.0 {
                    let _ = parameter.g_mul_scalar_(1.0 - learning_rate * weight_decay);
                }
                let _ = self.m[index].lerp_(gradient, 1.0 - beta1);
                let _ = self.v[index].g_mul_scalar_(beta2).g_add_(&(gradient.square() * (1.0 - beta2)));
                let denominator = self.v[index].sqrt() / correction2.sqrt() + epsilon;
                let _ = parameter.g_sub_(&(&self.m[index] / denominator * (learning_rate / correction1)));
            }
        });
    }
}

/// Norm of all gradients together.
pub fn global_norm(gradients: &[Tensor]) -> f64 {
    gradients.iter().map(|g| g.square().sum(tch::Kind::Double).double_value(&[])).sum::<f64>().sqrt()
}

/// Scales gradients down to a global norm of at most `most`, by PyTorch's rule. 0 leaves them as they are.
pub fn clip(gradients: &mut [Tensor], norm: f64, most: f64) {
    let scale = most / (norm + 1e-6);
    if most > 0.0 && scale < 1.0 {
        for gradient in gradients {
            let _ = gradient.g_mul_scalar_(scale);
        }
    }
}
