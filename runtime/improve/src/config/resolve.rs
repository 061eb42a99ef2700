//! From a config as typed to a config as meant: defaults, bounds and paths.

use super::meant::*;
use super::places::{Base, INSTALLED};
use super::typed::{self, OneOrEach};

const PROJECTIONS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

/// Largest numbers that make sense; they catch slips of the keyboard, not ambition.
const MOST_CANDIDATES: u32 = 64;
const MOST_DEPTH: u32 = 32;

pub(super) fn resolve(typed: typed::Config, base: &Base<'_>) -> Result<Config, String> {
    let run = typed.run.unwrap_or_default();
    let explore = explore(typed.explore.unwrap_or_default())?;
    let evaluate = typed.evaluate.unwrap_or_default();
    let pair = typed.pair.unwrap_or_default();
    let interpreter = typed.interpreter.unwrap_or(typed::Plugin { plugin: None, grants: None });
    Ok(Config {
        run: Run {
            seed: below(run.seed.unwrap_or(0), i64::MAX as u64, "run.seed")?,
            iterations: below(run.iterations.unwrap_or(2), 1000, "run.iterations")?,
            threads: below(run.threads.unwrap_or(0), 1024, "run.threads")?,
        },
        policy: policy(typed.policy, base)?,
        tools: typed
            .tools
            .into_iter()
            .map(|tool| Tool {
                plugin: base.plugin(&tool.plugin),
                grants: tool.grants,
                read_only: tool.read_only,
            })
            .collect(),
        interpreter: {
            let plugin = interpreter.plugin.as_deref().unwrap_or("python");
            // what an installed one is granted stands elsewhere
            let usual = if plugin.starts_with(INSTALLED) { Vec::new() } else { vec!["tools".to_owned()] };
            Plugin { plugin: base.plugin(plugin), grants: interpreter.grants.unwrap_or(usual) }
        },
        verifier: verifier(typed.verifier, base)?,
        synthesize: Synthesize {
            engine: typed.synthesize.engine.unwrap_or(Engine::Template),
            images: base.path(&typed.synthesize.images),
            train_tasks: at_least_one(typed.synthesize.train_tasks.unwrap_or(80), "synthesize.train_tasks")?,
            held_out_tasks: at_least_one(
                typed.synthesize.held_out_tasks.unwrap_or(160),
                "synthesize.held_out_tasks",
            )?,
            families: typed.synthesize.families,
        },
        pair: Pair {
            rule: pair.rule.unwrap_or(PairRule::WinnerVsLosers),
            max_losers: at_least_one(pair.max_losers.unwrap_or(4), "pair.max_losers")?,
        },
        tune: tune(typed.tune.unwrap_or_default())?,
        evaluate: Evaluate {
            max_depth: depth(evaluate.max_depth.unwrap_or(explore.max_depth), "evaluate.max_depth")?,
            max_failed_steps: at_least_one(
                evaluate.max_failed_steps.unwrap_or(explore.max_steps_without_winner),
                "evaluate.max_failed_steps",
            )?,
            wave: at_least_one(evaluate.wave.unwrap_or(32), "evaluate.wave")?,
            kl_samples: evaluate.kl_samples.unwrap_or(32),
        },
        explore,
        audit: audit(typed.audit.unwrap_or_default())?,
    })
}

fn audit(typed: typed::Audit) -> Result<Audit, String> {
    let thresholds = typed.thresholds.unwrap_or_default();
    match thresholds.fault() {
        Some(fault) => Err(fault),
        None => Ok(Audit {
            quick: typed.quick.unwrap_or(true),
            label_free: typed.label_free.unwrap_or(false),
            tasks: below(typed.tasks.unwrap_or(24), 10_000, "audit.tasks")?,
            thresholds,
        }),
    }
}

fn verifier(typed: typed::Verifier, base: &Base<'_>) -> Result<Verifier, String> {
    let weight = |weight: Option<f64>, key: &str| match weight.unwrap_or(1.0) {
        weight if weight.is_finite() && weight > 0.0 => Ok(weight),
        weight => Err(format!("{key} is {weight}; a weight is a number above 0")),
    };
    let mut panel = Vec::with_capacity(typed.panel.len());
    for (number, member) in typed.panel.into_iter().enumerate() {
        panel.push(PanelMember {
            plugin: base.plugin(&member.plugin),
            grants: member.grants,
            weight: weight(member.weight, &format!("verifier.panel[{number}].weight"))?,
            config: member.config,
        });
    }
    let verifiers = panel.len() as u32 + 1;
    let rule = match typed.rule {
        None if verifiers > 1 => {
            return Err("verifier.panel has other verifiers; say how their words become one: \
                        verifier.rule = \"all\", \"any\", \"quorum\", \"mean\" or \"cascade\""
                .to_owned());
        }
        rule => rule.unwrap_or(Rule::All),
    };
    let quorum = typed.quorum.unwrap_or(verifiers / 2 + 1);
    if quorum == 0 || quorum > verifiers {
        return Err(format!("verifier.quorum is {quorum}; there are {verifiers} verifiers"));
    }
    let repeats = at_least_one(typed.repeats.unwrap_or(1), "verifier.repeats")?;
    if repeats > MOST_REPEATS {
        return Err(format!("verifier.repeats is {repeats}, the most is {MOST_REPEATS}"));
    }
    let margin = typed.margin.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&margin) {
        return Err(format!("verifier.margin is {margin}; scores are from 0 to 1"));
    }
    Ok(Verifier {
        plugin: base.plugin(&typed.plugin),
        grants: typed.grants,
        weight: weight(typed.weight, "verifier.weight")?,
        rule,
        quorum,
        repeats,
        margin,
        watch: typed.watch.map(|folder| base.path(&folder)),
        config: typed.config,
        panel,
    })
}

/// Two orders, so often each: more than 64 questions for a step is a mistake.
const MOST_REPEATS: u32 = 32;

fn policy(typed: typed::Policy, base: &Base<'_>) -> Result<PolicySection, String> {
    let backend = typed.backend.unwrap_or(Backend::Torch);
    match backend {
        Backend::Torch if typed.model.is_none() => {
            return Err("policy.model is missing: a GGUF file or a folder in HF layout".to_owned());
        }
        Backend::Scripted if typed.actions.is_none() => {
            return Err("policy.actions is missing: the file that the scripted backend acts from".to_owned());
        }
        Backend::Torch | Backend::Scripted => {}
    }
    Ok(PolicySection {
        backend,
        model: typed.model.as_deref().map(|model| base.path(model)),
        actions: typed.actions.as_deref().map(|actions| base.path(actions)),
        device: typed.device.unwrap_or_else(|| "auto".to_owned()),
        dtype: typed.dtype.unwrap_or_else(|| "auto".to_owned()),
        threads: typed.threads.unwrap_or(0),
        form: base.path(&typed.form),
    })
}

fn explore(typed: typed::Explore) -> Result<Explore, String> {
    let candidates = typed.candidates.unwrap_or(5);
    if !(1..=MOST_CANDIDATES).contains(&candidates) {
        return Err(format!("explore.candidates is {candidates}: from 1 to {MOST_CANDIDATES} are possible"));
    }
    let temperature = each(typed.temperature, 0.7, candidates, "explore.temperature")?;
    if let Some(bad) = temperature.iter().find(|value| !(0.0..=10.0).contains(*value)) {
        return Err(format!("explore.temperature is {bad}: from 0 (greedy) to 10 is possible"));
    }
    let temperature_rise = typed.temperature_rise.unwrap_or(0.0);
    if !(0.0..=10.0).contains(&temperature_rise) {
        return Err(format!("explore.temperature_rise is {temperature_rise}: from 0 to 10 is possible"));
    }
    let top_p = each(typed.top_p, 1.0, candidates, "explore.top_p")?;
    if let Some(bad) = top_p.iter().find(|value| !(**value > 0.0 && **value <= 1.0)) {
        return Err(format!("explore.top_p is {bad}: above 0 and at most 1 is possible"));
    }
    Ok(Explore {
        candidates,
        temperature,
        temperature_rise,
        top_p,
        top_k: each(typed.top_k, 0, candidates, "explore.top_k")?,
        max_depth: depth(typed.max_depth.unwrap_or(8), "explore.max_depth")?,
        max_steps_without_winner: at_least_one(
            typed.max_steps_without_winner.unwrap_or(2),
            "explore.max_steps_without_winner",
        )?,
        wave: at_least_one(typed.wave.unwrap_or(16), "explore.wave")?,
        allow_effects: typed.allow_effects.unwrap_or(false),
    })
}

fn tune(typed: typed::Tune) -> Result<Tune, String> {
    let lora = typed.lora.unwrap_or_default();
    let sft = typed.sft.unwrap_or_default();
    let dpo = typed.dpo.unwrap_or_default();
    let target_modules =
        lora.target_modules.unwrap_or_else(|| PROJECTIONS.iter().map(|name| (*name).to_owned()).collect());
    if let Some(bad) = target_modules.iter().find(|name| !PROJECTIONS.contains(&name.as_str())) {
        return Err(format!("tune.lora.target_modules has `{bad}`: known are {}", PROJECTIONS.join(", ")));
    }
    let r = at_least_one(lora.r.unwrap_or(16), "tune.lora.r")?;
    let tune = Tune {
        start: typed.start.unwrap_or(Start::Previous),
        checkpoint_steps: at_least_one(typed.checkpoint_steps.unwrap_or(8), "tune.checkpoint_steps")?,
        lora: Lora {
            r,
            alpha: finite(lora.alpha.unwrap_or(2.0 * f64::from(r)), "tune.lora.alpha")?,
            target_modules,
        },
        sft: Sft {
            rate: Rate {
                epochs: sft.epochs.unwrap_or(2),
                learning_rate: finite(sft.learning_rate.unwrap_or(5e-4), "tune.sft.learning_rate")?,
                schedule: sft.schedule.unwrap_or(Schedule::Constant),
                warmup_steps: sft.warmup_steps.unwrap_or(0),
                batch: at_least_one(sft.batch.unwrap_or(8), "tune.sft.batch")?,
                weight_decay: finite(sft.weight_decay.unwrap_or(0.0), "tune.sft.weight_decay")?,
                max_grad_norm: finite(sft.max_grad_norm.unwrap_or(1.0), "tune.sft.max_grad_norm")?,
            },
            winners: sft.winners.unwrap_or(Winners::All),
            contested: sft.contested.unwrap_or(false),
            replay: finite(sft.replay.unwrap_or(0.0), "tune.sft.replay")?,
        },
        dpo: Dpo {
            rate: Rate {
                epochs: dpo.epochs.unwrap_or(1),
                learning_rate: finite(dpo.learning_rate.unwrap_or(1e-4), "tune.dpo.learning_rate")?,
                schedule: dpo.schedule.unwrap_or(Schedule::Constant),
                warmup_steps: dpo.warmup_steps.unwrap_or(0),
                batch: at_least_one(dpo.batch.unwrap_or(8), "tune.dpo.batch")?,
                weight_decay: finite(dpo.weight_decay.unwrap_or(0.0), "tune.dpo.weight_decay")?,
                max_grad_norm: finite(dpo.max_grad_norm.unwrap_or(1.0), "tune.dpo.max_grad_norm")?,
            },
            beta: finite(dpo.beta.unwrap_or(0.1), "tune.dpo.beta")?,
            sft_weight: finite(dpo.sft_weight.unwrap_or(1.0), "tune.dpo.sft_weight")?,
            reference: dpo.reference.unwrap_or(Reference::StageStart),
        },
    };
    if tune.sft.rate.epochs == 0 && tune.dpo.rate.epochs == 0 {
        return Err("tune.sft.epochs and tune.dpo.epochs are both 0: nothing would be learned".to_owned());
    }
    if tune.dpo.reference == Reference::Sft && tune.sft.rate.epochs == 0 {
        return Err("tune.dpo.reference = \"sft\" needs an SFT stage: set tune.sft.epochs above 0".to_owned());
    }
    Ok(tune)
}

fn each<T: Copy>(typed: Option<OneOrEach<T>>, default: T, count: u32, key: &str) -> Result<Vec<T>, String> {
    match typed.unwrap_or(OneOrEach::One(default)) {
        OneOrEach::One(value) => Ok(vec![value; count as usize]),
        OneOrEach::Each(values) if values.len() == count as usize => Ok(values),
        OneOrEach::Each(values) => Err(format!(
            "{key} has {} values for {count} candidates: give one value, or one for each",
            values.len()
        )),
    }
}

fn at_least_one(value: u32, key: &str) -> Result<u32, String> {
    if value == 0 { Err(format!("{key} is 0: at least 1 is needed")) } else { Ok(value) }
}

fn below<T: PartialOrd + std::fmt::Display>(value: T, most: T, key: &str) -> Result<T, String> {
    if value > most { Err(format!("{key} is {value}: at most {most} is possible")) } else { Ok(value) }
}

fn depth(value: u32, key: &str) -> Result<u32, String> {
    if (1..=MOST_DEPTH).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{key} is {value}: from 1 to {MOST_DEPTH} is possible"))
    }
}

fn finite(value: f64, key: &str) -> Result<f64, String> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(format!("{key} is {value}: a finite number, 0 or above, is needed"))
    }
}
