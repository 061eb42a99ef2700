//! An audit from steps to record.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use sport_sandbox::{ArtifactStore, Verifier};

use super::gates::gates;
use super::labels::Labels;
use super::measure::{Ground, calibration, compared, forecast, planted, reliability, shortcuts, truth};
use super::probe::{Asked, Effort, Probed};
use super::record::{Blocks, Cost, Identity, Outcome, Record, Settings, VERSION};
use super::recorded::{Recorded, digest_of};
use crate::error::Error;
use crate::seed::{Purpose, order};

/// Most candidates of a step that are shown; the drawn ones are the same for every verifier.
const MOST_CANDIDATES: usize = 12;

/// A verifier to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The component.
    pub verifier: &'a Verifier,
    /// Its config.
    pub config: &'a Value,
}

/// What an audit works with.
#[derive(Debug)]
pub struct Examined<'a> {
    /// Who is audited.
    pub subject: Subject<'a>,
    /// Others that are asked the same, for the panel block.
    pub panel: Vec<Subject<'a>>,
    /// Steps with their truth.
    pub steps: Vec<Recorded>,
    /// What people said, where they did.
    pub labels: Option<&'a Labels>,
    /// Where the steps' files are.
    pub artifacts: &'a ArtifactStore,
    /// The last audit of a verifier of this name, where there is one.
    pub last: Option<Record>,
    /// How.
    pub settings: Settings,
    /// Threads.
    pub threads: usize,
}

/// Does it. `watch` is told after every step and says whether to go on.
pub fn examine(examined: Examined<'_>, mut watch: impl FnMut() -> bool) -> Result<Record, Error> {
    let began = Instant::now();
    let Examined { subject, settings, threads, .. } = &examined;
    let effort = if settings.quick { Effort::QUICK } else { Effort::FULL };
    let (steps, steps_digest) = planned(&examined.steps, settings)?;
    if steps.is_empty() {
        return Err(Error::Refused(
            "there is nothing to audit a verifier on: no step has two different candidates; explore first, or give --steps"
                .to_owned(),
        ));
    }
    let mut ask = |subject: &Subject<'_>| {
        let asked = Asked {
            verifier: subject.verifier,
            config: subject.config,
            artifacts: examined.artifacts,
            seed: settings.seed,
            effort,
        };
        asked.about(&steps, *threads, &mut watch)
    };
    let probed = ask(subject)?;
    let others =
        examined.panel.iter().map(|other| Ok((other, ask(other)?))).collect::<Result<Vec<_>, Error>>()?;
    let ground = Ground::new(&probed, settings.resamples(), settings.seed, settings.margin);
    let identity = Identity::of(subject.verifier, subject.config);
    let outcomes = compared::outcomes(&ground);
    let panel = others.iter().map(|(other, probed)| {
        let theirs = Ground::new(probed, 0, settings.seed, settings.margin);
        compared::member(&ground, &theirs, &other.verifier.descriptor().name, other.verifier.digest())
    });
    let last = examined.last.as_ref().filter(|last| {
        (&last.steps_digest, last.settings.seed, last.settings.quick, last.version)
            == (&steps_digest, settings.seed, settings.quick, VERSION)
            && last.outcomes.len() == outcomes.len()
    });
    let blocks = Blocks {
        validity: reliability::validity(&ground),
        order: reliability::order(&ground),
        repeat: reliability::repeat(&ground),
        identity: reliability::identity(&ground),
        truth: truth::agreement(&ground),
        ceiling: examined.labels.and_then(|labels| truth::ceiling(&ground, labels)),
        controls: planted::controls(&ground),
        shortcuts: shortcuts::shortcuts(&ground),
        self_preference: settings.family.as_ref().map(|family| truth::self_preference(&ground, family)),
        calibration: calibration::calibration(&ground, settings.thresholds.target_risk),
        transitivity: reliability::transitivity(&ground),
        panel: panel.collect(),
        drift: last
            .map(|last| compared::drift(&last.outcomes, &outcomes, last.cost.at, last.identity == identity)),
        forecast: forecast::forecast(&ground),
    };
    let gates = gates(&blocks, &settings.thresholds);
    let blocked = gates.iter().any(super::gates::Gate::blocks);
    Ok(Record {
        version: VERSION,
        name: subject.verifier.descriptor().name.clone(),
        identity,
        settings: settings.clone(),
        steps_digest,
        steps: ground.asked().count() as u64,
        tasks: ground.tasks.len() as u64,
        outcome: if blocked { Outcome::Blocked } else { Outcome::Passed },
        gates,
        outcomes,
        cost: cost(&probed, began),
        blocks,
    })
}

/// The steps that are asked about, with their digest: what an audit is made from.
pub fn planned(steps: &[Recorded], settings: &Settings) -> Result<(Vec<Recorded>, String), Error> {
    let effort = if settings.quick { Effort::QUICK } else { Effort::FULL };
    let chosen = chosen(steps, settings.seed, effort.steps);
    let digest = digest_of(&chosen)?;
    Ok((chosen, digest))
}

/// The steps that are asked about: those with two different candidates, whole tasks by seed until there are enough, first those
/// that tell good from bad.
fn chosen(steps: &[Recorded], seed: u64, most: usize) -> Vec<Recorded> {
    let tidied: Vec<Recorded> = steps.iter().cloned().map(Recorded::tidied).collect();
    let usable: Vec<&Recorded> = tidied.iter().filter(|step| step.view.candidates.len() >= 2).collect();
    let telling: BTreeSet<&str> =
        usable.iter().filter(|step| step.contrasts()).map(|step| step.task.as_str()).collect();
    let mut tasks: Vec<&str> = Vec::new();
    for step in &usable {
        if !tasks.contains(&step.task.as_str()) {
            tasks.push(&step.task);
        }
    }
    let mut drawn: Vec<&str> =
        order(tasks.len(), seed, Purpose::Audit, &["tasks"]).into_iter().map(|place| tasks[place]).collect();
    drawn.sort_by_key(|task| !telling.contains(task)); // stable
    let mut chosen = Vec::new();
    for task in drawn {
        for step in usable.iter().filter(|step| step.task == task) {
            if chosen.len() < most {
                chosen.push(narrowed(step, seed));
            }
        }
    }
    chosen
}

/// At most so many candidates.
fn narrowed(step: &Recorded, seed: u64) -> Recorded {
    let mut step = step.clone();
    let count = step.view.candidates.len();
    if count > MOST_CANDIDATES {
        let mut kept = order(count, seed, Purpose::Audit, &[&step.step, "narrowed"]);
        kept.truncate(MOST_CANDIDATES);
        kept.sort_unstable();
        step.view.candidates = kept.iter().map(|&place| step.view.candidates[place].clone()).collect();
        step.truths = kept.iter().map(|&place| step.truths[place]).collect();
        step.families = kept.iter().map(|&place| step.families[place].clone()).collect();
    }
    step
}

fn cost(probed: &[Probed<'_>], began: Instant) -> Cost {
    let mut micros: Vec<u64> = probed.iter().flat_map(|probe| probe.calls.micros.iter().copied()).collect();
    micros.sort_unstable();
    let at = |share: f64| micros.get((micros.len() as f64 * share) as usize).or(micros.last()).copied();
    Cost {
        at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        seconds: began.elapsed().as_secs_f64(),
        median_call_us: at(0.5).unwrap_or(0),
        p95_call_us: at(0.95).unwrap_or(0),
        cut_short: probed.iter().any(|probe| probe.answers.is_none()),
    }
}
