//! Tasks with program-known answers, from a grammar and the facts of real images.
//!
//! No model is asked. A *family* (in `families.toml`) says what is asked about one or two images or a few
//! numbers, in several phrasings, and how the answer follows from what the tools say of the images. The caller
//! runs those tools ([`fact_calls`]) in the sandbox and hands their results over as [`ImageFacts`], so that the
//! known answers and the agent's tools can never disagree about a pixel.
//!
//! The four splits are disjoint by image *and* by phrasing, which [`grammar`] checks when it reads the file. The
//! draw is a function of the seed alone: a part can be made again at any time and is the same.
//!
//! # Layout
//!
//! * [`grammar`]: the file of families, as typed and checked;
//! * [`formula`]: the small language that answers and conditions are written in;
//! * `draw`: which phrasing meets which image.

mod draw;
pub mod formula;
pub mod grammar;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::task::{Split, Task, TaskFile};
use grammar::Grammar;
pub use grammar::Set;

/// What the tools say of one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// The image, as tasks will name it.
    pub file: TaskFile,
    /// Structured result by the key of the [`FactCall`] that gave it.
    pub facts: BTreeMap<String, Value>,
}

/// A tool call whose result the grammar needs for every image.
#[derive(Clone, Debug, PartialEq)]
pub struct FactCall {
    /// The key of the result in [`ImageFacts::facts`].
    pub key: String,
    /// The tool.
    pub tool: String,
    /// Its arguments; the image's name is among them.
    pub arguments: Value,
}

/// Which tasks to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The run's seed.
    pub seed: u64,
    /// The part they belong to.
    pub split: Split,
    /// For the train split: the iteration (from 1). Tasks differ from one iteration to the next as long as the
    /// grammar has new ones.
    pub iteration: u32,
    /// How many, spread evenly over the families of the `demo` set.
    pub tasks: u32,
    /// Families to take; empty takes the default: `demo`, and on the held-out split also `hard` and
    /// `multi-step`, each of their families with half the share of a `demo` family, on top of `tasks`.
    pub families: Vec<String>,
}

/// The tool calls to make for an image of that name before [`generate`] can be called.
pub fn fact_calls(image: &str) -> Result<Vec<FactCall>, Error> {
    Ok(Grammar::builtin()?.fact_calls(image))
}

/// The set of a family (`demo`, `hard`, `multi-step`), for reports; `None` when there is no such family.
pub fn set_of(family: &str) -> Option<Set> {
    Grammar::builtin().ok()?.family(family).map(|family| family.set)
}

/// The families of the `demo` set, in the grammar's order.
pub(crate) fn demo_families() -> Result<Vec<String>, Error> {
    let grammar = Grammar::builtin()?;
    let demo = grammar.family.iter().filter(|family| family.set == Set::Demo);
    Ok(demo.map(|family| family.name.clone()).collect())
}

/// Makes the tasks of one split.
pub fn generate(spec: &Spec, images: &[ImageFacts]) -> Result<Vec<Task>, Error> {
    draw::generate(&Grammar::builtin()?, spec, images)
}

/// Makes the tasks of one split from another grammar.
pub fn generate_from(grammar: &Grammar, spec: &Spec, images: &[ImageFacts]) -> Result<Vec<Task>, Error> {
    draw::generate(grammar, spec, images)
}
