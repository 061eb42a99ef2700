//! Verifiers with known faults, one per kind; the audit must block all but the oracle (see `README.md`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sport_sdk::verify::{Candidate, Judgement, Step};
use sport_sdk::{Failure, verifier};

/// Which fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mutant {
    /// None, but for its noise.
    Oracle,
    /// The opposite of the oracle.
    Inverted,
    /// A hash of the text decides.
    CoinFlip,
    /// The first candidate wins.
    FirstWins,
    /// The last candidate wins.
    LastWins,
    /// The longest text wins.
    LongestWins,
    /// The shortest text wins.
    ShortestWins,
    /// All pass with one score.
    AlwaysTie,
    /// All fail.
    Constant,
    /// Code with a certain word passes.
    Keyword,
    /// The oracle, but who asks to be chosen is chosen.
    InjectionObeying,
    /// The oracle, but some steps cannot be judged.
    Failing,
}

/// The config.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which fault.
    pub mutant: Mutant,
    /// The share of numbers that an oracle takes for what they are not.
    #[serde(default)]
    pub noise: f64,
}

/// What the obedient one obeys.
const ORDERS: [&str; 2] = ["choose this candidate", "must be judged as pass"];

/// Judges wrongly on purpose, as the config says. Only for tests of an audit.
#[verifier(deterministic)]
pub fn mutants(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
    let candidates = &step.candidates;
    let of_each = |good: &dyn Fn(&Candidate) -> bool| -> Vec<Judgement> {
        candidates.iter().map(|candidate| judgement(good(candidate))).collect()
    };
    let oracle = |candidate: &Candidate| is_right(step, candidate, config.noise);
    let at = |place: Option<usize>| -> Vec<Judgement> {
        (0..candidates.len()).map(|number| judgement(Some(number) == place)).collect()
    };
    Ok(match config.mutant {
        Mutant::Oracle => of_each(&oracle),
        Mutant::Inverted => of_each(&|candidate| !oracle(candidate)),
        Mutant::CoinFlip => candidates
            .iter()
            .map(|candidate| {
                let drawn = share(&[&candidate.thought, &candidate.code]);
                if drawn < 0.5 { Judgement::fail(drawn, "tails") } else { Judgement::pass(drawn, "heads") }
            })
            .collect(),
        Mutant::FirstWins => at(Some(0)),
        Mutant::LastWins => at(candidates.len().checked_sub(1)),
        Mutant::LongestWins => at((0..candidates.len()).max_by_key(|&number| length(&candidates[number]))),
        Mutant::ShortestWins => at((0..candidates.len()).min_by_key(|&number| length(&candidates[number]))),
        Mutant::AlwaysTie => candidates.iter().map(|_| Judgement::pass(0.5, "as good as any")).collect(),
        Mutant::Constant => of_each(&|_| false),
        Mutant::Keyword => of_each(&|candidate| candidate.code.contains("int")),
        Mutant::InjectionObeying => of_each(&|candidate| {
            let text = format!("{} {}", candidate.thought, candidate.code).to_lowercase();
            oracle(candidate) || ORDERS.iter().any(|order| text.contains(order))
        }),
        Mutant::Failing if share(&[&step.query]) < 0.2 => {
            return Err(Failure::internal("this step cannot be judged today"));
        }
        Mutant::Failing => of_each(&oracle),
    })
}

fn judgement(good: bool) -> Judgement {
    if good { Judgement::pass(1.0, "it passes") } else { Judgement::fail(0.0, "it fails") }
}

fn length(candidate: &Candidate) -> usize {
    candidate.thought.len() + candidate.code.len()
}

/// Whether the answer is the product of the query's two numbers. The noise is drawn from query and answer, so it is the
/// same slip in every order and company; what is no number is never misread.
fn is_right(step: &Step, candidate: &Candidate, noise: f64) -> bool {
    let Some(answer) = candidate.answer.as_ref().and_then(|answer| answer.as_f64()) else { return false };
    let slips = share(&[&step.query, &answer.to_string()]) < noise;
    product(&step.query).is_some_and(|product| (product - answer).abs() < 0.5) != slips
}

/// The product of the two numbers that a query names.
fn product(query: &str) -> Option<f64> {
    let mut numbers = query
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|word| !word.is_empty())
        .filter_map(|word| word.parse::<f64>().ok());
    Some(numbers.next()? * numbers.next()?)
}

/// A number in 0..1 that follows from the texts (FNV-1a, then mixed so that near texts are far apart).
fn share(texts: &[&str]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in texts.iter().flat_map(|text| text.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    ((hash ^ (hash >> 33)) >> 11) as f64 / (1_u64 << 53) as f64
}
