//! What is said over a run's control socket: one line of JSON each way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Plan;
use super::trial::{Bounds, Counts, Stage};

/// A verifier as somebody names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// An absolute path, or `installed:NAME`.
    pub plugin: String,
    /// Names of `sport:host` interfaces, for a path.
    #[serde(default)]
    pub grants: Vec<String>,
    /// Its config.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// What its word counts where words are weighed.
    #[serde(default = "usual_weight")]
    pub weight: f64,
}

fn usual_weight() -> f64 {
    1.0
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Who judges now.
    List,
    /// All revisions.
    History,
    /// Another verifier in the place of one.
    Swap {
        /// The verifier.
        newcomer: Newcomer,
        /// Whose place it takes: 0 is `[verifier]`, the others are those of `[[verifier.panel]]`.
        #[serde(default)]
        member: u32,
        /// How long it is tried.
        #[serde(default)]
        plan: Plan,
        /// What it must not exceed.
        #[serde(default)]
        bounds: Bounds,
        /// Why it may decide without an audit that it passed.
        #[serde(default)]
        unaudited: Option<String>,
    },
    /// An earlier revision, or the one before.
    Rollback {
        /// Which; the one before when not said.
        #[serde(default)]
        to: Option<u32>,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done.
    Done {
        /// In a sentence.
        message: String,
        /// The revision that it is about.
        revision: u32,
        /// Where that stands now.
        stage: Stage,
    },
    /// Who judges now.
    Verifiers(Standing),
    /// All revisions, oldest first.
    History(Vec<Revision>),
    /// It was not done, and nothing was changed.
    Refused {
        /// A stable name.
        code: String,
        /// Why, and what to do.
        message: String,
    },
}

/// Who judges now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The revision that decides.
    pub deciding: Revision,
    /// The one beside it.
    pub beside: Option<Beside>,
}

/// The one beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Which revision.
    pub revision: Revision,
    /// Where the newcomer of the two stands.
    pub stage: Stage,
    /// Steps of this stage.
    pub of: u32,
    /// What was counted.
    pub counts: Counts,
    /// Agreement of the verdicts.
    pub kappa: Option<f64>,
    /// Steps with another winner, as task and depth; the last ones.
    pub disagreements: Vec<(String, u32)>,
}

/// A panel of verifiers that a run has or had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Counted from 1, which is the config's.
    pub number: u32,
    /// `deciding`, `shadow`, `canary`, `probation`, `replaced`, `dropped`, `rolled-back`.
    pub state: String,
    /// Its members.
    pub members: Vec<Newcomer>,
    /// Of each member: its name, its digest, the digest of its config.
    pub identities: Vec<[String; 3]>,
    /// When it came, in milliseconds since 1970.
    pub at: u64,
    /// Why it is where it is.
    pub reason: String,
}
