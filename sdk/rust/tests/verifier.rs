//! What the verifier attribute makes of functions.
//!
//! * name, description, traits, schema of the config; a verifier without a config
//! * the config is checked and may be null
//! * a step in the form that the host keeps is read, with artifacts, failures, dependences and tool results

use serde_json::json;
use sport_sdk::FailureKind;
use sport_sdk::testing;
use sport_sdk::verify::{Candidate, Effect, EndingKind, Judgement, Step, Verdict};

mod configured {
    use sport_sdk::verify::{Judgement, Step};
    use sport_sdk::{Deserialize, Failure, JsonSchema, verifier};

    #[derive(Default, Deserialize, JsonSchema)]
    #[serde(default, crate = "sport_sdk::serde", deny_unknown_fields)]
    #[schemars(crate = "sport_sdk::schemars")]
    pub struct Config {
        /// The shortest code that passes.
        shortest: usize,
    }

    /// Passes what has code.
    #[verifier(deterministic, runs_code)]
    fn judge(step: &Step, config: Config) -> Result<Vec<Judgement>, Failure> {
        let judge = |code: &str| match code.len() > config.shortest {
            true => Judgement::pass(1.0, "there is code").quoting(code),
            false => Judgement::fail(0.0, "there is no code"),
        };
        Ok(step.candidates.iter().map(|candidate| judge(&candidate.code)).collect())
    }
}

mod plain {
    use sport_sdk::verify::{Judgement, Step};
    use sport_sdk::{Failure, verifier};

    /// Never knows.
    #[verifier(name = "sceptic", uses_model, uses_network)]
    fn judge(step: &Step) -> Result<Vec<Judgement>, Failure> {
        Ok(step.candidates.iter().map(|_| Judgement::abstain("who knows")).collect())
    }
}

fn step() -> Step {
    let candidate = |code: &str| Candidate { code: code.to_owned(), ..Candidate::default() };
    Step { candidates: vec![candidate("print(1)"), candidate("")], ..Step::default() }
}

#[test]
fn a_verifier_describes_itself() {
    let judge = configured::SPORT_JUDGE;
    assert_eq!((judge.name, judge.description), ("sport-sdk", "Passes what has code."));
    assert!(judge.traits.deterministic && judge.traits.runs_code && !judge.traits.uses_model);
    let schema = judge.config.expect("config")();
    assert_eq!(schema["properties"]["shortest"]["description"], "The shortest code that passes.");
    let judge = plain::SPORT_JUDGE;
    assert_eq!(judge.name, "sceptic");
    assert!(judge.traits.uses_model && judge.traits.uses_network && !judge.traits.deterministic);
    assert!(judge.config.is_none());
}

#[test]
fn a_verifier_judges_with_its_config() {
    let judge = configured::SPORT_JUDGE;
    let verdicts = |config| {
        let judged = testing::judge(judge, &step(), config).expect("judgements");
        judged.iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(json!(null)), [Verdict::Pass, Verdict::Fail]);
    assert_eq!(verdicts(json!({ "shortest": 100 })), [Verdict::Fail, Verdict::Fail]);
    let failure = testing::judge(judge, &step(), json!({ "longest": 3 })).expect_err("failure");
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::InvalidInput, "invalid-config"));
    assert!(failure.message.contains("longest"), "{failure}");
    let judged: Vec<Judgement> =
        testing::judge(plain::SPORT_JUDGE, &step(), json!(null)).expect("judgements");
    assert_eq!((judged.len(), judged[0].verdict, judged[0].score), (2, Verdict::Abstain, None));
}

#[test]
fn the_hosts_form_of_a_step_is_read() {
    let step: Step = serde_json::from_value(json!({
        "query": "How wide is cat.png?",
        "files": [{ "digest": "sha256:00", "media_type": "image/png", "size": 3, "name": "cat.png" }],
        "captions": [""],
        "tools": [{ "name": "image_info", "description": "d", "input_schema": {} }],
        "history": [],
        "candidates": [{
            "thought": "",
            "code": "final_answer(1)",
            "observation": [{ "type": "text", "text": "1" }],
            "execution": {
                "ending": "answered",
                "error": null,
                "tools": [
                    { "name": "image_info", "arguments": {}, "outcome": { "Ok": { "content": [], "structured": { "width": 4 } } } },
                    { "name": "image_info", "arguments": {}, "outcome": { "Ok": { "content": [], "structured": null } } },
                    { "name": "image_info", "arguments": {}, "outcome": { "Ok": { "width": 5 } } },
                    { "name": "image_info", "arguments": {}, "outcome": { "Err": {
                        "kind": "not-found", "code": "no-file", "message": "no", "retryable": false
                    } } }
                ],
                "dependences": [{ "tool": 0, "pointer": "/width", "effect": "changed", "answer_under": 9 }],
                "wall_ms": 3
            },
            "answer": 1
        }],
        "depth": 0,
        "max_depth": 1
    }))
    .expect("step");
    let execution = &step.candidates[0].execution;
    assert_eq!(execution.ending, EndingKind::Answered);
    assert_eq!(execution.tools[0].outcome, Ok(Some(json!({ "width": 4 }))));
    assert_eq!(execution.tools[1].outcome, Ok(None));
    assert_eq!(execution.tools[2].outcome, Ok(Some(json!({ "width": 5 }))));
    assert_eq!(execution.tools[3].outcome.as_ref().expect_err("failure").kind, FailureKind::NotFound);
    assert_eq!(execution.dependences[0].effect, Effect::Changed);
    assert_eq!(step.files[0].media_type, "image/png");
}
