//! Leave to tune: pairs of a verifier without a passing audit are refused.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::{Identity, Outcome, Record};
use super::shelf::{Shelf, in_run, of_run};
use crate::error::Error;
use crate::store::Folder;

/// Leave to tune on what verifiers said. Only [`permit`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit(Vec<Ground>);

/// Why the word of one verifier may be learned from; stands in the iteration's manifest and in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ground {
    /// Digest of the component.
    pub verifier: String,
    /// Digest of its config.
    pub config: String,
    /// On what grounds.
    #[serde(flatten)]
    pub grounds: Grounds,
}

/// On what grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "grounds")]
pub(crate) enum Grounds {
    /// Its audit passed.
    Audited,
    /// Only winners are imitated, and nothing speaks against the verifier; there was too little to compare for a passing audit.
    Unopposed,
    /// Somebody wanted it all the same.
    Unaudited {
        /// Why, in their words.
        reason: String,
    },
}

impl Permit {
    /// For each verifier.
    pub(crate) fn grounds(&self) -> &[Ground] {
        &self.0
    }
}

/// Leave that an iteration had before it was stopped, if it was about these.
pub(crate) fn again(
    folder: &Folder,
    iteration: u32,
    judges: &[(String, String)],
) -> Result<Option<Permit>, Error> {
    let Some(grounds) = folder.store.grounds(iteration)? else { return Ok(None) };
    let grounds: Vec<Ground> =
        serde_json::from_value(grounds).map_err(|error| Error::Internal(format!("grounds: {error}")))?;
    let same = judges.iter().all(|(verifier, config)| {
        grounds.iter().any(|ground| (&ground.verifier, &ground.config) == (verifier, config))
    });
    Ok(same.then_some(Permit(grounds)))
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Digests of the verifiers, and of their configs, whose word is to be learned from.
    pub judges: &'a [(String, String)],
    /// Those of them that are at hand, with their names: only these are looked up on the shelf.
    pub members: &'a [(Identity, String)],
    /// Whether pairs are learned from; if not, winners are imitated alone.
    pub pairs: bool,
    /// Whether the run's steps have candidates that differ; if not, there is nothing that an audit could ask about.
    pub comparable: bool,
    /// The margin below which the loop takes preferences for ties.
    pub margin: f64,
    /// Why somebody wants it without an audit.
    pub unaudited: Option<&'a str>,
}

/// Gives leave where this run, or the operator's shelf, has a passing audit of exactly these verifiers, configs and models.
pub fn permit(folder: &Folder, shelf: Option<&Shelf>, wanted: &Wanted<'_>) -> Result<Permit, Error> {
    let here = of_run(folder.path())?;
    let mut grounds = Vec::new();
    for (verifier, config) in wanted.judges {
        let is_it = |identity: &Identity| (&identity.verifier, &identity.config) == (verifier, config);
        let member = wanted.members.iter().find(|(identity, _)| is_it(identity));
        let ours = here.iter().find(|record| match member {
            Some((identity, _)) => record.identity == *identity,
            None => is_it(&record.identity),
        });
        // what was found on this run's own steps counts for more than what was found elsewhere
        let shelved = match (shelf, member) {
            (Some(shelf), Some((identity, _))) if !ours.is_some_and(Record::failed) => shelf.of(identity)?,
            _ => None,
        };
        let passes = |record: &&Record| passes(record, wanted.margin);
        let ground = if ours.into_iter().chain(&shelved).any(|record| passes(&record)) {
            Grounds::Audited
        } else if let Some(reason) = wanted.unaudited {
            Grounds::Unaudited { reason: reason.to_owned() }
        } else if let Some(reason) = folder.store.swapped_in_unaudited(verifier, config)? {
            Grounds::Unaudited { reason }
        } else if !wanted.pairs && ours.map_or(!wanted.comparable, |record| !record.failed()) {
            Grounds::Unopposed
        } else {
            return Err(Error::Unaudited {
                name: member.map_or_else(|| verifier.clone(), |(_, name)| name.clone()),
                run: folder.path().to_owned(),
                why: why(ours.or(shelved.as_ref()), wanted.margin),
            });
        };
        grounds.push(Ground { verifier: verifier.clone(), config: config.clone(), grounds: ground });
    }
    Ok(Permit(grounds))
}

/// Whether a run that leaves out pairs below `margin` may lean on an audit.
fn passes(record: &Record, margin: f64) -> bool {
    record.outcome == Outcome::Passed && record.settings.margin <= margin
}

/// Whether a verifier has an audit that it passed, in this run or on the shelf.
pub(crate) fn has_passed(
    run: &Path,
    shelf: Option<&Shelf>,
    identity: &Identity,
    margin: f64,
) -> Result<bool, Error> {
    let record = match in_run(run, identity)? {
        Some(record) => Some(record),
        None => shelf.map(|shelf| shelf.of(identity)).transpose()?.flatten(),
    };
    Ok(record.is_some_and(|record| passes(&record, margin)))
}

fn why(record: Option<&Record>, margin: f64) -> String {
    let Some(record) = record else {
        return "has no audit in this run and none in the operator's folder".to_owned();
    };
    if record.outcome == Outcome::Passed {
        return format!(
            "passed its audit only with pairs below a margin of {} left out, and this run leaves out those below {margin}",
            record.settings.margin
        );
    }
    let gates: Vec<String> = record
        .blocking()
        .map(|gate| match gate.value {
            Some(value) => format!("{} {value:.3}, {}", gate.name, gate.rule),
            None => format!("{} not measured", gate.name),
        })
        .collect();
    format!("was blocked by its audit ({})", gates.join("; "))
}
