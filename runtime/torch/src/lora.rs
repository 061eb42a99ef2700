//! The adapter: low-rank additions to named projections, `W + s * B A`.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sport_policy::Error;
use sport_policy::model::ModelConfig;
use sport_policy::peft::{self, Side};
use sport_policy::types::LoraConfig;
use tch::{Device, Kind, Tensor};

use crate::weights::{Layer, Model, padded_copy};

/// The projections of a layer, in the order in which their parameters are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Query.
    Q,
    /// Key.
    K,
    /// Value.
    V,
    /// Attention output.
    O,
    /// Gate of the feed-forward part.
    Gate,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl Projection {
    /// All, in order.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// PEFT's name of the module.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// Output and input width.
    pub fn shape(self, config: &ModelConfig) -> (i64, i64) {
        let (hidden, ffn) = (config.hidden as i64, config.ffn as i64);
        let (q, kv) = ((config.heads * config.head_dim) as i64, (config.kv_heads * config.head_dim) as i64);
        match self {
            Self::Q => (q, hidden),
            Self::K | Self::V => (kv, hidden),
            Self::O => (hidden, q),
            Self::Gate | Self::Up => (ffn, hidden),
            Self::Down => (hidden, ffn),
        }
    }
}

/// The two matrices of one projection.
pub struct Pair {
    /// `[r, in]`.
    pub a: Tensor,
    /// `[out, r]`.
    pub b: Tensor,
}

/// The additions to one layer, by [`Projection::ALL`].
#[derive(Default)]
pub struct LayerAdapter {
    pairs: [Option<Pair>; 7],
}

impl LayerAdapter {
    /// The addition to a projection, if it has one.
    pub fn get(&self, projection: Projection) -> Option<&Pair> {
        self.pairs[projection as usize].as_ref()
    }

    /// Puts an addition on.
    pub fn set(&mut self, projection: Projection, pair: Pair) {
        self.pairs[projection as usize] = Some(pair);
    }
}

/// An adapter for a whole model.
pub struct Adapter {
    /// Rank.
    pub r: u32,
    /// PEFT's `lora_alpha`.
    pub alpha: f64,
    /// What `B A` is multiplied with: `alpha / r`.
    pub scale: f64,
    /// The projections that have additions, in order.
    pub targets: Vec<Projection>,
    /// One per decoder layer.
    pub layers: Vec<LayerAdapter>,
}

impl Adapter {
    /// A fresh adapter: B is zero, A is uniform in `±1/sqrt(in)` (PEFT's kaiming-uniform with a = sqrt 5).
    pub fn new(config: &LoraConfig, model: &Model) -> Result<Self, Error> {
        if config.r == 0 {
            return Err(Error::BadRequest(
                "an adapter of rank 0 learns nothing; set `r` to 8 or 16".to_owned(),
            ));
        }
        if !config.alpha.is_finite() {
            return Err(Error::BadRequest("the adapter's `alpha` is not a number".to_owned()));
        }
        let targets = targets(&config.target_modules)?;
        let mut random = ChaCha8Rng::seed_from_u64(config.seed);
        let kind = parameter_kind(model.kind);
        let mut layers = Vec::with_capacity(model.layers.len());
        for _ in 0..model.layers.len() {
            let mut layer = LayerAdapter::default();
            for target in &targets {
                let (output, input) = target.shape(&model.config);
                let bound = 1.0 / (input as f32).sqrt();
                let values: Vec<f32> =
                    (0..i64::from(config.r) * input).map(|_| random.random_range(-bound..bound)).collect();
                let a = Tensor::from_slice(&values).reshape([i64::from(config.r), input]);
                let b = Tensor::zeros([output, i64::from(config.r)], (kind, Device::Cpu));
                layer.set(*target, parameters(a, b, model));
            }
            layers.push(layer);
        }
        let scale = config.alpha / f64::from(config.r);
        Ok(Self { r: config.r, alpha: config.alpha, scale, targets, layers })
    }

    /// All parameters, layer by layer, A before B.
    pub fn parameters(&self) -> Vec<&Tensor> {
        let pairs = self.layers.iter().flat_map(|layer| layer.pairs.iter().flatten());
        pairs.flat_map(|pair| [&pair.a, &pair.b]).collect()
    }

    /// PEFT's names, in the order of [`Adapter::parameters`].
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            for projection in Projection::ALL {
                if layer.get(projection).is_some() {
                    names.extend(peft::tensor_name(index, projection.name(), Side::A));
                    names.extend(peft::tensor_name(index, projection.name(), Side::B));
                }
            }
        }
        names
    }

    /// `W + s * B A` of every layer, for sampling. In bf16 the sum would lose the small addition, so that is
    /// for wider types only.
    pub fn merge(&self, model: &Model) -> Vec<Layer> {
        tch::no_grad(|| {
            let add = |weight: &Tensor, layer: &LayerAdapter, projections: &[Projection]| {
                if projections.iter().all(|projection| layer.get(*projection).is_none()) {
                    return weight.shallow_clone();
                }
                let merged = padded_copy(weight);
                let mut column = 0;
                for projection in projections {
                    let columns = projection.shape(&model.config).0;
                    if let Some(Pair { a, b }) = layer.get(*projection) {
                        let _ = merged.narrow(1, column, columns).addmm_(&a.tr(), &(b * self.scale).tr());
                    }
                    column += columns;
                }
                debug_assert_eq!(column, merged.size()[1]);
                merged
            };
            use Projection::{Down, Gate, K, O, Q, Up, V};
            let merge = |(base, layer): (&Layer, &LayerAdapter)| Layer {
                input_norm: base.input_norm.shallow_clone(),
                qkv: add(&base.qkv, layer, &[Q, K, V]),
                o: add(&base.o, layer, &[O]),
                post_norm: base.post_norm.shallow_clone(),
                gate_up: add(&base.gate_up, layer, &[Gate, Up]),
                down: add(&base.down, layer, &[Down]),
            };
            model.layers.iter().zip(&self.layers).map(merge).collect()
        })
    }
}

/// Adapters are f32 also over bf16 weights; over f64 weights (tests) they are f64.
pub fn parameter_kind(weights: Kind) -> Kind {
    if weights == Kind::Double { Kind::Double } else { Kind::Float }
}

/// Makes trainable parameters of two matrices.
pub fn parameters(a: Tensor, b: Tensor, model: &Model) -> Pair {
    let kind = parameter_kind(model.kind);
    let place =
        |tensor: Tensor| tensor.to_device(model.device).to_kind(kind).contiguous().set_requires_grad(true);
    Pair { a: place(a), b: place(b) }
}

/// Module names to projections, in order, each once.
pub fn targets(names: &[String]) -> Result<Vec<Projection>, Error> {
    if let Some(unknown) = names.iter().find(|name| Projection::ALL.iter().all(|p| p.name() != name.as_str()))
    {
        let known = Projection::ALL.map(Projection::name).join(", ");
        return Err(Error::BadRequest(format!(
            "target module `{unknown}` is not known; use some of {known}"
        )));
    }
    let chosen: Vec<_> =
        Projection::ALL.into_iter().filter(|p| names.iter().any(|name| name == p.name())).collect();
    if chosen.is_empty() {
        return Err(Error::BadRequest("the adapter has no target modules".to_owned()));
    }
    Ok(chosen)
}

/// `x W`, plus the adapter's addition: `x` is `[n, in]`, `weight` `[in, out]`.
pub fn project(x: &Tensor, weight: &Tensor, addition: Option<&Pair>, scale: f64) -> Tensor {
    let mut y = x.matmul(weight);
    if let Some(pair) = addition {
        add_low_rank(&mut y, x, pair, scale);
    }
    y
}

/// Adds `s * x A^T B^T` to a projection's output.
pub fn add_low_rank(y: &mut Tensor, x: &Tensor, Pair { a, b }: &Pair, scale: f64) {
    if x.kind() == a.kind() {
        let _ = y.addmm_(&(x.matmul(&a.tr()) * scale), &b.tr());
    } else {
        let low = x.to_kind(a.kind()).matmul(&a.tr()) * scale;
        let _ = y.g_add_(&low.matmul(&b.tr()).to_kind(y.kind()));
    }
}
