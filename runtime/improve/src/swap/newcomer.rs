//! Loading a verifier that somebody names while a run goes on.

use std::path::Path;

use serde_json::{Value, json};
use sport_policy::types::{Finish, Sample, Sampling};
use sport_sandbox::{ArtifactStore, EndingKind, RunReport, Sandbox, StepView};

use super::protocol::Newcomer;
use crate::error::Error;
use crate::judging::{self, Case, Member, Panel};
use crate::observation;
use crate::plugins::Plugins;
use crate::store::{Action, CandidateRow};

/// Loads it.
pub fn load(sandbox: &Sandbox, newcomer: &Newcomer) -> Result<Member, Error> {
    let Newcomer { plugin, grants, config, weight } = newcomer;
    if !(weight.is_finite() && *weight > 0.0) {
        return Err(Error::Refused(format!("the weight is {weight}; it is a number above 0")));
    }
    let verifier = Plugins::new(sandbox)?.verifier(Path::new(plugin), grants)?;
    Ok(Member::new(verifier, Value::Object(config.clone()), *weight))
}

/// Tries it on a small step: whether it can judge at all with this config.
pub fn smoke(member: &Member) -> Result<(), Error> {
    let candidates = [candidate(0, 42), candidate(1, 41)];
    let step = StepView {
        query: "What is 6 times 7?".to_owned(),
        files: Vec::new(),
        captions: Vec::new(),
        tools: Vec::new(),
        history: Vec::new(),
        candidates: Vec::new(),
        depth: 0,
        max_depth: 1,
    };
    let artifacts = ArtifactStore::new_in_memory();
    let case = Case { step, candidates: &candidates, seed: (0, ["smoke", "0"]), artifacts: &artifacts };
    let alone = Panel { revision: 0, members: vec![member.clone()], ..Panel::default() };
    judging::judge(&alone, &case)
        .map(drop)
        .map_err(|reason| Error::Refused(format!("it cannot judge a small step: {reason}")))
}

fn candidate(number: u32, answer: u32) -> CandidateRow {
    let code = format!("final_answer({answer})");
    CandidateRow {
        number,
        sampling: Sampling { temperature: 0.0, top_p: 1.0, top_k: 0, seed: 0 },
        sample: Sample {
            text: code.clone(),
            tokens: Vec::new(),
            log_probs: Vec::new(),
            finish: Finish::Stop,
        },
        action: Action { thought: String::new(), code },
        report: Some(RunReport {
            ending: EndingKind::Answered,
            answer: Some(json!(answer)),
            ..observation::unparsed()
        }),
        dependences: Vec::new(),
        standing: None,
    }
}
