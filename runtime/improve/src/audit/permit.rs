//! Leave to tune: pairs of a verifier without a passing audit are refused.

use serde::{Deserialize, Serialize};

use super::record::{Identity, Outcome, Record};
use super::shelf::{Shelf, in_run};
use crate::error::Error;
use crate::store::Folder;

/// Leave to tune on what a verifier said. Only [`permit`] gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit(Grounds);

/// On what grounds; stands in the iteration's manifest and in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "grounds")]
pub(crate) enum Grounds {
    /// Its audit passed.
    Audited {
        /// Of what: [`Identity::key`].
        identity: String,
    },
    /// Only winners are imitated, and nothing speaks against the verifier; there was too little to compare for a passing audit.
    Unopposed {
        /// Of what.
        identity: String,
    },
    /// Somebody wanted it all the same.
    Unaudited {
        /// Of what.
        identity: String,
        /// Why, in their words.
        reason: String,
    },
}

impl Permit {
    /// On what grounds.
    pub(crate) fn grounds(&self) -> &Grounds {
        &self.0
    }
}

/// Leave that an iteration had before it was stopped, if it is about this verifier.
pub(crate) fn again(folder: &Folder, iteration: u32, identity: &Identity) -> Result<Option<Permit>, Error> {
    let Some(grounds) = folder.store.grounds(iteration)? else { return Ok(None) };
    let grounds: Grounds =
        serde_json::from_value(grounds).map_err(|error| Error::Internal(format!("grounds: {error}")))?;
    let (Grounds::Audited { identity: of }
    | Grounds::Unopposed { identity: of }
    | Grounds::Unaudited { identity: of, .. }) = &grounds;
    Ok((*of == identity.key()?).then_some(Permit(grounds)))
}

/// What is asked of whom.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The verifier whose word is to be learned from.
    pub identity: &'a Identity,
    /// Its name, for messages.
    pub name: &'a str,
    /// Whether pairs are learned from; if not, winners are imitated alone.
    pub pairs: bool,
    /// The margin below which the loop takes preferences for ties.
    pub margin: f64,
    /// Why somebody wants it without an audit.
    pub unaudited: Option<&'a str>,
}

/// Gives leave where this run, or the operator's shelf, has a passing audit of exactly this verifier, config and models.
pub fn permit(folder: &Folder, shelf: Option<&Shelf>, wanted: &Wanted<'_>) -> Result<Permit, Error> {
    let identity = wanted.identity.key()?;
    let here = in_run(folder, wanted.identity)?;
    let passes = |record: &Record| {
        record.outcome == Outcome::Passed && record.settings.margin <= wanted.margin
    };
    let failed_here = here.as_ref().is_some_and(Record::failed);
    let elsewhere = match shelf {
        // what was found on this run's own steps counts for more than what was found elsewhere
        Some(shelf) if !failed_here => shelf.of(wanted.identity)?,
        _ => None,
    };
    if here.iter().chain(&elsewhere).any(passes) {
        return Ok(Permit(Grounds::Audited { identity }));
    }
    if let Some(reason) = wanted.unaudited {
        return Ok(Permit(Grounds::Unaudited { identity, reason: reason.to_owned() }));
    }
    if !wanted.pairs && here.as_ref().is_some_and(|record| !record.failed()) {
        return Ok(Permit(Grounds::Unopposed { identity }));
    }
    Err(Error::Unaudited {
        name: wanted.name.to_owned(),
        run: folder.path().to_owned(),
        why: why(here.as_ref().or(elsewhere.as_ref()), wanted.margin),
    })
}

fn why(record: Option<&Record>, margin: f64) -> String {
    let Some(record) = record else { return "has no audit in this run and none in the operator's folder".to_owned() };
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
