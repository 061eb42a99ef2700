//! What two judgements say about two candidates, read as the loop reads them.
//!
//! A candidate is preferred when it passed and the other did not, or both passed and it has the higher score. Two that
//! failed are a tie (nobody would win), and so is everything with an abstention (it makes no pair).

use serde::{Deserialize, Serialize};
use sport_sandbox::{Judgement, Verdict};

/// Which of two candidates is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preference {
    /// The one named first.
    First,
    /// The other.
    Second,
    /// Neither.
    Tie,
}

impl Preference {
    /// Whether it is no tie.
    pub fn decided(self) -> bool {
        self != Self::Tie
    }
}

/// The preference between two judged candidates and by how much; less than `least` is a tie.
pub fn between(first: &Judgement, second: &Judgement, least: f64) -> (Preference, f64) {
    use Verdict::{Abstain, Fail, Pass};
    let margin = (worth(first) - worth(second)).abs();
    let preference = match (first.verdict, second.verdict) {
        (Abstain, _) | (_, Abstain) | (Fail, Fail) => Preference::Tie,
        (Pass, Fail) => Preference::First,
        (Fail, Pass) => Preference::Second,
        // as the loop does: a pass without a score counts least among passes
        (Pass, Pass) => match first.score.unwrap_or(-1.0).total_cmp(&second.score.unwrap_or(-1.0)) {
            std::cmp::Ordering::Greater => Preference::First,
            std::cmp::Ordering::Less => Preference::Second,
            std::cmp::Ordering::Equal => Preference::Tie,
        },
    };
    if preference.decided() && margin >= least { (preference, margin) } else { (Preference::Tie, 0.0) }
}

/// How good a verifier thinks a candidate is, 0 to 1; a verdict without a score is taken at its word.
pub fn worth(judgement: &Judgement) -> f64 {
    match judgement.verdict {
        Verdict::Pass => judgement.score.unwrap_or(1.0),
        Verdict::Fail => judgement.score.unwrap_or(0.0),
        Verdict::Abstain => 0.5,
    }
}

/// Kendall's tau-b between two rankings of the same candidates; none when one of them ranks nothing.
pub fn kendall(left: &[Judgement], right: &[Judgement]) -> Option<f64> {
    let (mut concordant, mut in_left, mut in_right) = (0_i64, 0_u64, 0_u64);
    for first in 0..left.len().min(right.len()) {
        for second in 0..first {
            let sign =
                |judgements: &[Judgement]| match between(&judgements[first], &judgements[second], 0.0).0 {
                    Preference::First => 1,
                    Preference::Second => -1,
                    Preference::Tie => 0,
                };
            let (one, other): (i64, i64) = (sign(left), sign(right));
            concordant += one * other;
            in_left += one.unsigned_abs();
            in_right += other.unsigned_abs();
        }
    }
    (in_left > 0 && in_right > 0).then(|| concordant as f64 / ((in_left as f64) * (in_right as f64)).sqrt())
}
