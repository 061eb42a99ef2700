//! What a task is.
//!
//! `answer` is known by program. Evaluation and audit read it; nothing that shapes the policy may.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The disjoint parts a task can belong to; no image and no phrasing is in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Worked examples of the prompt form.
    Examples,
    /// Explored and learned from.
    Train,
    /// Used to audit verifiers.
    Audit,
    /// Only ever evaluated.
    HeldOut,
}

impl Split {
    /// The name, as in the database and the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Examples => "examples",
            Self::Train => "train",
            Self::Audit => "audit",
            Self::HeldOut => "held-out",
        }
    }
}

/// A file that comes with a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFile {
    /// The name that the query and agent code use, for example `cat.png`; it lies at `/task/<name>`.
    pub name: String,
    /// Where the bytes are on this machine.
    pub path: PathBuf,
    /// What the picture shows; empty where nobody said.
    #[serde(default)]
    pub caption: String,
}

/// What kind of answer counts, so that two answers can be compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum AnswerKind {
    /// A number; right when within `tolerance` of the known one.
    Number {
        /// Largest absolute difference that still counts as right.
        tolerance: f64,
    },
    /// One of some words; compared without case and surrounding space.
    Choice {
        /// The words.
        options: Vec<String>,
    },
    /// Free text; compared without case and surrounding space.
    Text,
    /// True or false (`yes` and `no` count).
    Boolean,
}

/// One thing to be done with tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Unique within a run; made from split, iteration, family and number.
    pub id: String,
    /// Its part.
    pub split: Split,
    /// Its family: tasks of one family need the same program.
    pub family: String,
    /// The phrasing it was made from.
    pub template: String,
    /// What is asked, as the policy sees it.
    pub query: String,
    /// Its files, in the order the query names them.
    pub files: Vec<TaskFile>,
    /// The known answer: for evaluation and audit, never for training pairs.
    pub answer: Value,
    /// What kind of answer it is.
    pub kind: AnswerKind,
}

impl Task {
    /// One caption per file, in order.
    pub fn captions(&self) -> Vec<String> {
        self.files.iter().map(|file| file.caption.clone()).collect()
    }
}
