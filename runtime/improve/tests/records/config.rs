//! `sport.toml`:
//!
//! * defaults are resolved, paths are absolute, bare plugin names are first-party components
//! * the resolved config reads back as itself
//! * one value or one for each candidate
//! * a wrong key is one line with file, line, section and the key that was meant
//! * a wrong type, a value out of range, a missing key and a missing file are one line each
//! * settings that contradict each other are refused

use std::path::{Path, PathBuf};

use sport_improve::config::{Config, PairRule, Reference};

use super::common::{CONFIG, parse, places};

#[test]
fn defaults_are_resolved() {
    let config = parse(CONFIG).unwrap();
    assert_eq!(config.explore.candidates, 5);
    assert_eq!(config.explore.temperature, [0.7; 5]);
    assert_eq!(config.explore.temperature_rise, 0.0);
    assert_eq!(config.explore.max_depth, 8);
    assert_eq!(config.evaluate.max_depth, 8);
    assert_eq!(config.evaluate.max_failed_steps, config.explore.max_steps_without_winner);
    assert_eq!(config.synthesize.train_tasks, 80);
    assert_eq!(config.synthesize.held_out_tasks, 160);
    assert_eq!(config.pair.rule, PairRule::WinnerVsLosers);
    assert_eq!(config.tune.dpo.reference, Reference::StageStart);
    assert_eq!(config.tune.lora.alpha, 32.0);
    assert_eq!(config.synthesize.images, PathBuf::from("/cache/images"));
    assert_eq!(config.policy.form, PathBuf::from("/configs/form.toml"));
    assert_eq!(config.verifier.plugin, PathBuf::from("/components/execution-facts.wasm"));
    assert_eq!(config.interpreter.plugin, PathBuf::from("/components/python.wasm"));
}

#[test]
fn the_resolved_config_reads_back_as_itself() {
    let text = format!(
        "{CONFIG}\nfamilies = [\"width\"]\n[[tools]]\nplugin = \"./../tools/image.wasm\"\ngrants = [\"artifacts\"]\n\
         [explore]\ntemperature = [0.7, 1.2, 1.2, 1.2, 1.2]\n[[verifier.config.about]]\nwords = [\"wide\"]\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.tools[0].plugin, PathBuf::from("/tools/image.wasm"));
    let resolved = config.to_toml().unwrap();
    let again =
        Config::parse(&resolved, Path::new("sport.toml"), Path::new("/elsewhere"), &places()).unwrap();
    assert_eq!(config, again);
    assert_eq!(config.digest().unwrap(), again.digest().unwrap());
}

#[test]
fn one_value_for_each_candidate() {
    let config = parse(&format!("{CONFIG}[explore]\ncandidates = 2\ntop_k = [0, 50]")).unwrap();
    assert_eq!(config.explore.top_k, [0, 50]);
    let error =
        parse(&format!("{CONFIG}[explore]\ncandidates = 3\ntop_k = [0, 50]")).unwrap_err().to_string();
    assert_eq!(
        error,
        "sport.toml: explore.top_k has 2 values for 3 candidates: give one value, or one for each"
    );
}

#[test]
fn a_wrong_key_is_one_line_that_helps() {
    let error = parse(&format!("{CONFIG}[explore]\ncandidate = 5")).unwrap_err();
    assert_eq!(error.code(), "bad-config");
    assert_eq!(
        error.to_string(),
        "sport.toml: line 13: unknown key `candidate` in [explore]: did you mean `candidates`?"
    );
    let error = parse(&format!("{CONFIG}[tune.dpo]\nbanana = 5")).unwrap_err().to_string();
    assert!(
        error.contains("unknown key `banana` in [tune.dpo]: known keys: epochs, learning_rate"),
        "{error}"
    );
    let error = parse(&format!("{CONFIG}[tunes]")).unwrap_err().to_string();
    assert!(error.contains("unknown key `tunes`") && error.contains("did you mean `tune`?"), "{error}");
}

#[test]
fn every_mistake_is_one_line() {
    let cases = [
        ("[run]\nseed = \"x\"", "invalid type"),
        ("[run]\nseed = -1", "line 13"),
        ("[explore]\ncandidates = 0", "explore.candidates is 0"),
        ("[explore]\ntemperature = -1.0", "explore.temperature is -1"),
        ("[explore]\ntemperature_rise = -0.5", "explore.temperature_rise is -0.5"),
        ("[explore]\nmax_depth = 0", "explore.max_depth is 0"),
        ("[pair]\nrule = \"best\"", "unknown variant `best`"),
        ("[tune.lora]\ntarget_modules = [\"x\"]", "target_modules has `x`"),
        ("[tune.sft]\nepochs = 0\n[tune.dpo]\nepochs = 0", "nothing would be learned"),
        ("[tune.sft]\nepochs = 0\n[tune.dpo]\nreference = \"sft\"", "needs an SFT stage"),
        ("[run\n", "line 12"),
    ];
    for (added, expected) in cases {
        let error = parse(&format!("{CONFIG}{added}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{added:?} gave {error:?}");
        assert!(error.starts_with("sport.toml: ") && !error.contains('\n'), "{error:?} is not one line");
    }
}

#[test]
fn what_must_be_there_is_named() {
    let error = parse("[policy]\nform = \"f\"").unwrap_err().to_string();
    assert!(error.contains("missing field `verifier`"), "{error}");
    let error = parse(&CONFIG.replace("actions = \"actions.json\"", "")).unwrap_err().to_string();
    assert!(error.contains("policy.actions is missing"), "{error}");
    let error = parse(&CONFIG.replace("\"scripted\"", "\"torch\"")).unwrap_err().to_string();
    assert!(error.contains("policy.model is missing"), "{error}");
    let error = Config::read(Path::new("/nowhere/sport.toml"), &places()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere/sport.toml: "), "{error}");
}
