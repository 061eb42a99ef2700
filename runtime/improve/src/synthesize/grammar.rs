//! The file of families, read and checked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FactCall;
use super::formula::Formula;
use crate::error::Error;
use crate::task::Split;

/// The families that come with Sport.
const BUILTIN: &str = include_str!("families.toml");

/// What a family is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Set {
    /// Near the worked examples; trained on and counted in the headline.
    Demo,
    /// One step, but far from the worked examples; reported beside.
    Hard,
    /// Two or three steps; reported beside.
    MultiStep,
}

impl Set {
    /// The name, as in the file and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Hard => "hard",
            Self::MultiStep => "multi-step",
        }
    }
}

/// A whole file of families.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grammar {
    /// Tool calls whose results formulas read, by key.
    pub facts: BTreeMap<String, FactRule>,
    /// Which images belong to which split.
    pub images: BySplit<String>,
    /// The families.
    pub family: Vec<Family>,
}

/// A tool call that is made for every image.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactRule {
    /// The tool.
    pub tool: String,
    /// Arguments besides `image`.
    #[serde(default)]
    pub arguments: serde_json::Map<String, Value>,
}

/// Something for each split.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "one field per split")]
pub struct BySplit<T> {
    #[serde(default = "Vec::new")]
    pub examples: Vec<T>,
    pub train: Vec<T>,
    pub audit: Vec<T>,
    pub held_out: Vec<T>,
}

impl<T> BySplit<T> {
    /// The part of one split.
    pub fn of(&self, split: Split) -> &[T] {
        match split {
            Split::Examples => &self.examples,
            Split::Train => &self.train,
            Split::Audit => &self.audit,
            Split::HeldOut => &self.held_out,
        }
    }

    /// Every entry with its split.
    pub fn iter(&self) -> impl Iterator<Item = (Split, &T)> {
        [Split::Examples, Split::Train, Split::Audit, Split::HeldOut]
            .into_iter()
            .flat_map(|split| self.of(split).iter().map(move |entry| (split, entry)))
    }
}

/// How answers of a family are compared.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// A number within this distance.
    Number(f64),
    /// One of the task's file names.
    Which,
    /// One of these words.
    Choice(Vec<String>),
    /// Free text.
    Text,
    /// True or false.
    Boolean,
}

/// Tasks that need the same program.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub set: Set,
    /// How many images a task has: 0, 1 or 2.
    pub images: usize,
    /// Numbers to draw: smallest and largest.
    #[serde(default)]
    pub numbers: BTreeMap<String, [i64; 2]>,
    /// How answers are compared.
    pub kind: Kind,
    /// The known answer.
    pub answer: Formula,
    /// A task is made only where this holds.
    #[serde(default, rename = "where")]
    pub condition: Option<Formula>,
    /// Phrasings; `{a}`, `{b}` are the images' names, `{x}` a drawn number.
    pub ask: BySplit<String>,
}

impl Grammar {
    /// The families that come with Sport.
    pub fn builtin() -> Result<Self, Error> {
        Self::parse(BUILTIN)
    }

    /// Reads and checks a file of families.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let grammar: Self = toml::from_str(text)
            .map_err(|error| Error::Synthesize(format!("the families cannot be read: {error}")))?;
        grammar.check().map_err(Error::Synthesize)?;
        Ok(grammar)
    }

    /// A family by name.
    pub fn family(&self, name: &str) -> Option<&Family> {
        self.family.iter().find(|family| family.name == name)
    }

    /// The tool calls to make for one image.
    pub fn fact_calls(&self, image: &str) -> Vec<FactCall> {
        self.facts
            .iter()
            .map(|(key, rule)| {
                let mut arguments = rule.arguments.clone();
                arguments.insert("image".to_owned(), Value::String(image.to_owned()));
                FactCall { key: key.clone(), tool: rule.tool.clone(), arguments: Value::Object(arguments) }
            })
            .collect()
    }

    fn check(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        let mut phrasings = BTreeMap::new();
        unique(self.images.iter(), &mut BTreeMap::new(), "image")?;
        for family in &self.family {
            if !names.insert(family.name.as_str()) {
                return Err(format!("there are two families `{}`", family.name));
            }
            unique(family.ask.iter(), &mut phrasings, "phrasing")?;
            family.check(&self.facts).map_err(|error| format!("family `{}`: {error}", family.name))?;
        }
        Ok(())
    }
}

impl Family {
    fn check(&self, facts: &BTreeMap<String, FactRule>) -> Result<(), String> {
        if self.images > 2 {
            return Err(format!("{} images: 0, 1 and 2 are possible", self.images));
        }
        if self.images == 0 && self.numbers.is_empty() {
            return Err("it has neither images nor numbers".to_owned());
        }
        let mut slots: Vec<&str> = ["a", "b"][..self.images].to_vec();
        slots.extend(self.numbers.keys().map(String::as_str));
        for (_, phrasing) in self.ask.iter() {
            for slot in &slots {
                if !phrasing.contains(&format!("{{{slot}}}")) {
                    return Err(format!("the phrasing `{phrasing}` lacks {{{slot}}}"));
                }
            }
        }
        for (slot, [low, high]) in &self.numbers {
            if low > high {
                return Err(format!("the number `{slot}` has no values"));
            }
        }
        let mut keys = Vec::new();
        self.answer.fact_keys(&mut keys);
        self.condition.iter().for_each(|condition| condition.fact_keys(&mut keys));
        match keys.iter().find(|key| !facts.contains_key(*key)) {
            Some(key) => Err(format!("there is no fact call `{key}`")),
            None => Ok(()),
        }
    }
}

/// No entry twice, be it within a split or across two.
fn unique<'a>(
    entries: impl Iterator<Item = (Split, &'a String)>,
    seen: &mut BTreeMap<&'a str, Split>,
    what: &str,
) -> Result<(), String> {
    for (split, entry) in entries {
        if let Some(other) = seen.insert(entry, split) {
            return Err(format!(
                "the {what} `{entry}` is in `{}` and again in `{}`",
                other.name(),
                split.name()
            ));
        }
    }
    Ok(())
}
