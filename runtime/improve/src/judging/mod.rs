//! How a step is judged: the protocol between the host and whatever verifier there is.
//!
//! A verifier component says what it thinks of the candidates that it is shown, in the order in which it is shown them. That
//! alone is not a judgement to train on: judges favour places, lengths and names, and say something else the next time.
//! So the host keeps to a protocol, for every verifier alike:
//!
//! 1. [`facts`]: what execution rules out is vetoed, and not shown at all;
//! 2. [`present`]: equal actions are shown once, texts are cut at a bound, and nothing is told that names the author or the run;
//! 3. [`hear`]: the order is shuffled by seed; a verifier that is not deterministic is asked in that order and in the
//!    opposite one, several times if so configured; one that calls itself deterministic is spot-checked;
//! 4. [`combine`]: the words of several verifiers become one;
//! 5. [`rank`]: the best passes win by a margin, and in every order; else it is a tie.
//!
//! A failure anywhere drops the step with its reason. It is never a vote for anybody.

pub mod combine;
pub mod facts;
mod hear;
mod present;
pub mod rank;

use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{ArtifactStore, StepView, Verdict, Verifier, digest_of};

use crate::config::{Rule, Verifier as VerifierSection};
use crate::store::{CandidateRow, JudgementRow};

use present::By;

pub use hear::Asking;
pub use rank::Ranking;

/// What a verifier says of one candidate, over all the times that it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The verdict of most times; abstain where there is no such majority.
    pub verdict: Verdict,
    /// The mean of the scores that were given.
    pub score: Option<f64>,
    /// The same for each order in which it was asked: one of two must not contradict the other.
    pub by_order: Vec<Option<f64>>,
    /// Where the candidate stood when it was asked first.
    pub place: u32,
    /// Why, in its first words.
    pub rationale: String,
    /// Quotes, all of which occur.
    pub evidence: Vec<String>,
}

/// A verifier with its config.
#[derive(Clone, Debug)]
pub struct Member {
    /// The component.
    pub verifier: Arc<Verifier>,
    /// Its config.
    pub config: Value,
    /// The config's digest: with the component's own it says who judged.
    pub config_digest: String,
    /// What its word counts where words are weighed.
    pub weight: f64,
}

impl Member {
    /// A verifier with a config.
    pub fn new(verifier: Arc<Verifier>, config: Value, weight: f64) -> Self {
        let config_digest = digest_of(config.to_string().as_bytes());
        Self { verifier, config, config_digest, weight }
    }
}

/// The verifiers that judge together, and by which rules.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Which of the run's juries it is: grows with every swap.
    pub revision: u32,
    /// Its members; at least one.
    pub members: Vec<Member>,
    /// How words of several become one.
    pub rule: Rule,
    /// For [`Rule::Quorum`]: how many must say the same.
    pub quorum: u32,
    /// How often each order is asked of a verifier that is not deterministic.
    pub repeats: u32,
    /// By how much the best score must exceed that of another that did something else.
    pub margin: f64,
}

/// Nobody, by the usual rules: what a panel is made from.
impl Default for Panel {
    fn default() -> Self {
        Self { revision: 0, members: Vec::new(), rule: Rule::All, quorum: 1, repeats: 1, margin: 0.0 }
    }
}

impl Panel {
    /// As the config has it.
    pub fn new(revision: u32, members: Vec<Member>, section: &VerifierSection) -> Self {
        let VerifierSection { rule, quorum, repeats, margin, .. } = *section;
        Self { revision, members, rule, quorum, repeats, margin }
    }

    /// The verifiers' names and the rule, in a line.
    pub fn name(&self) -> String {
        let names: Vec<&str> =
            self.members.iter().map(|member| member.verifier.descriptor().name.as_str()).collect();
        match names.as_slice() {
            [one] => (*one).to_owned(),
            several => format!("{} ({})", several.join(", "), self.rule.name()),
        }
    }
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Who stands where.
    pub ranking: Ranking,
    /// The words: of each verifier that was asked, then of the panel if there are several.
    pub rows: Vec<JudgementRow>,
    /// Every single answer.
    pub askings: Vec<Asking>,
}

/// One step to be judged.
pub struct Case<'a> {
    /// The step, without its candidates.
    pub step: StepView,
    /// The candidates, all of which ran.
    pub candidates: &'a [CandidateRow],
    /// The run's seed, and what names the step.
    pub seed: (u64, [&'a str; 2]),
    /// Where the files of candidates are.
    pub artifacts: &'a ArtifactStore,
}

/// Who a panel's word is stored under.
const PANEL: &str = "panel";

/// Judges a step by the protocol. An error is the reason why it could not be judged.
pub fn judge(panel: &Panel, case: &Case<'_>) -> Result<Judged, String> {
    let vetoed = facts::vetoes(case.candidates);
    let shown = present::Shown::new(case.candidates, &vetoed);
    let ranked = |words: &[Word]| rank::rank(case.candidates, &shown.of_all(words), panel.margin);
    if shown.is_empty() {
        return Ok(Judged { ranking: ranked(&[]), rows: Vec::new(), askings: Vec::new() });
    }
    let (mut rows, mut askings, mut heard) = (Vec::new(), Vec::new(), Vec::new());
    for (number, member) in panel.members.iter().enumerate() {
        let (words, asked) = hear::hear(member, number as u32, panel.repeats, case, &shown)?;
        let by = By {
            member: number as u32,
            verifier: member.verifier.digest().to_owned(),
            config: member.config_digest.clone(),
            revision: panel.revision,
        };
        rows.extend(shown.rows(&words, &by, case.candidates));
        askings.extend(asked);
        heard.push(words);
        if panel.rule == Rule::Cascade && combine::is_sure(&ranked(&heard[number])) {
            break;
        }
    }
    let words = match (panel.rule, heard.len()) {
        // the last one that was asked decides
        (Rule::Cascade, _) | (_, 1) => heard.pop().unwrap_or_default(),
        (rule, _) => combine::together(rule, panel, &heard),
    };
    if panel.members.len() > 1 {
        let by = By {
            member: panel.members.len() as u32,
            verifier: format!("{PANEL}:{}", panel.rule.name()),
            config: String::new(),
            revision: panel.revision,
        };
        rows.extend(shown.rows(&words, &by, case.candidates));
    }
    Ok(Judged { ranking: ranked(&words), rows, askings })
}
