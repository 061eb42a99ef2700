//! What execution rules out, whatever a verifier would say.

use sport_sandbox::{EndingKind, RunReport};

use crate::store::CandidateRow;

/// Facts that rule a candidate out: it cannot go on, or it broke where another did not.
pub fn vetoes(candidates: &[CandidateRow]) -> Vec<bool> {
    let clean = |report: &RunReport| match report.ending {
        EndingKind::Value | EndingKind::Answered => true,
        EndingKind::Exited => report.exit_code.unwrap_or(0) == 0,
        _ => false,
    };
    let any_clean = candidates.iter().filter_map(|candidate| candidate.report.as_ref()).any(clean);
    candidates
        .iter()
        .map(|candidate| match &candidate.report {
            None => true,
            Some(report) => !report.ending.may_commit() || (any_clean && !clean(report)),
        })
        .collect()
}
