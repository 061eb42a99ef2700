//! Held-out tasks, single path, greedy. This and audit are where known answers are read.

use std::time::Instant;

use serde_json::json;
use sport_policy::types::{Completion, Prompt, SampleRequest, Sampling};
use sport_sandbox::{EndingKind, Session};

use super::{Context, execute, interrupted, needs, pool, put_on_adapter};
use crate::answers;
use crate::equipment::Equipment;
use crate::error::Error;
use crate::observation::{self, Past};
use crate::observer::Stage;
use crate::stats::Share;
use crate::store::{EvaluatedStep, EvaluationRow};
use crate::summary;
use crate::task::{Split, Task};

/// Evaluates an iteration's policy: 0 is the base model.
pub fn evaluate(context: &mut Context<'_>, iteration: u32) -> Result<(), Error> {
    let folder = context.folder;
    let store = &folder.store;
    if store.stage_done(iteration, Stage::Evaluate)? {
        return Ok(());
    }
    needs(store, 0, Stage::Synthesize)?;
    let adapter = if iteration == 0 {
        context.policy.drop_adapter()?;
        false
    } else {
        put_on_adapter(folder, context.policy, iteration)?
    };
    let done_before: std::collections::BTreeSet<String> =
        store.correct(iteration)?.into_iter().map(|(task, ..)| task).collect();
    let tasks: Vec<Task> = store.tasks(0, Split::HeldOut)?.into_iter().map(|(task, _)| task).collect();
    let total = tasks.len() as u64;
    context.observer.begin(iteration, Stage::Evaluate, total, "tasks");
    context.observer.advance(iteration, Stage::Evaluate, done_before.len() as u64, total);
    for wave in tasks.chunks(folder.config.evaluate.wave as usize) {
        // waves are stored whole, so a wave is done or not begun
        let left: Vec<Task> = wave.iter().filter(|task| !done_before.contains(&task.id)).cloned().collect();
        if left.is_empty() {
            continue;
        }
        let began = Instant::now();
        let results = evaluate_wave(context, left, adapter)?;
        store.fail_points.pass("wave-evaluated")?;
        store.put_evaluations(iteration, &results)?;
        store.add_seconds(iteration, Stage::Evaluate, began.elapsed().as_secs_f64())?;
        let done = store.correct(iteration)?.len() as u64;
        context.observer.advance(iteration, Stage::Evaluate, done, total);
    }
    let began = Instant::now();
    let kl = if adapter { kl_to_base(context, iteration)? } else { None };
    let mut results = store.correct(iteration)?;
    results.retain(|(_, family, _)| summary::counts(&folder.config, family));
    let right = results.iter().filter(|(.., correct)| *correct).count() as u64;
    let share = Share::wilson(right, results.len() as u64);
    let result = json!({ "correct": share.correct, "total": share.total, "kl_to_base": kl });
    store.end_stage(iteration, Stage::Evaluate, began.elapsed().as_secs_f64(), &result)?;
    let line = format!("{right} of {} held-out tasks right ({:.0} %)", results.len(), 100.0 * share.rate());
    context.observer.end(iteration, Stage::Evaluate, &line);
    Ok(())
}

/// A task on its single path.
struct Path {
    task: Task,
    session: Option<Session>,
    steps: Vec<EvaluatedStep>,
    /// The step that was sampled and has not run.
    next: Option<EvaluatedStep>,
    /// Steps in a row that raised.
    failed: u32,
    ended: bool,
}

fn evaluate_wave(
    context: &mut Context<'_>,
    tasks: Vec<Task>,
    adapter: bool,
) -> Result<Vec<EvaluationRow>, Error> {
    let mut paths: Vec<Path> = tasks
        .into_iter()
        .map(|task| Path { task, session: None, steps: Vec::new(), next: None, failed: 0, ended: false })
        .collect();
    for _ in 0..context.folder.config.evaluate.max_depth {
        let mut under_way: Vec<&mut Path> = paths.iter_mut().filter(|path| !path.ended).collect();
        if under_way.is_empty() {
            break;
        }
        sample(context, &mut under_way, adapter)?;
        let equipment = context.equipment;
        let most_failed = context.folder.config.evaluate.max_failed_steps;
        pool::each(
            &mut under_way,
            equipment.threads,
            |path| path.run(equipment, most_failed),
            || !context.observer.stop(),
        )?;
    }
    Ok(paths.into_iter().map(Path::result).collect())
}

fn sample(context: &mut Context<'_>, paths: &mut [&mut Path], adapter: bool) -> Result<(), Error> {
    let tools = context.equipment.tool_infos();
    let mut requests = Vec::with_capacity(paths.len());
    for path in paths.iter() {
        requests.push(SampleRequest {
            prompt: Prompt::Text(context.form.render(&path.task, &tools, &path.past())?),
            candidates: vec![Sampling { temperature: 0.0, top_p: 1.0, top_k: 0, seed: 0 }],
            max_tokens: context.form.max_tokens(),
            stop: context.form.stop(),
            adapter,
        });
    }
    let observer = &mut *context.observer;
    let responses = context.policy.sample(&requests, &mut |_, _| !observer.stop()).map_err(interrupted)?;
    if responses.len() != requests.len() {
        return Err(Error::Internal(format!(
            "{} responses for {} requests",
            responses.len(),
            requests.len()
        )));
    }
    for (path, response) in paths.iter_mut().zip(responses) {
        path.next = response.samples.into_iter().next().map(|sample| EvaluatedStep {
            prompt_tokens: response.prompt_tokens,
            action: context.form.action(&sample),
            sample,
            report: observation::unparsed(),
        });
    }
    Ok(())
}

impl Path {
    fn past(&self) -> Vec<Past> {
        self.steps
            .iter()
            .map(|step| Past { action: step.action.clone(), observation: observation::text(&step.report) })
            .collect()
    }

    fn run(&mut self, equipment: &Equipment, most_failed: u32) -> Result<(), Error> {
        let Some(mut step) = self.next.take() else {
            self.ended = true;
            return Ok(());
        };
        if !step.action.code.trim().is_empty() {
            if self.session.is_none() {
                self.session = Some(equipment.open_session(&self.task)?);
            }
            if let Some(session) = &mut self.session {
                step.report = execute::run(equipment, session, &step.action.code);
            }
        }
        self.failed = if step.report.ending == EndingKind::Raised { self.failed + 1 } else { 0 };
        // greedy: the same prompt would be answered in the same way, so a path that shows nothing new is over
        self.ended =
            step.report.answer.is_some() || !step.report.ending.may_commit() || self.failed >= most_failed;
        self.steps.push(step);
        if self.ended {
            self.session = None;
        }
        Ok(())
    }

    fn result(self) -> EvaluationRow {
        let last = self.steps.last();
        let answer = last.and_then(|step| step.report.answer.clone());
        EvaluationRow {
            correct: answer.as_ref().is_some_and(|answer| answers::is_right(&self.task, answer)),
            ending: last.map_or("unparsed", |step| step.report.ending.name()).to_owned(),
            answer,
            task: self.task.id,
            family: self.task.family,
            steps: self.steps,
        }
    }
}

/// Mean over the tokens of some greedy actions of how much likelier the policy makes them than the base model.
fn kl_to_base(context: &mut Context<'_>, iteration: u32) -> Result<Option<f64>, Error> {
    let wanted = context.folder.config.evaluate.kl_samples as usize;
    let rows = context.folder.store.evaluations(iteration)?;
    // spread over the tasks, so that every family has its part
    let spacing = (rows.len() / wanted.max(1)).max(1);
    let steps: Vec<EvaluatedStep> = rows
        .into_iter()
        .step_by(spacing)
        .take(wanted)
        .filter_map(|row| row.steps.into_iter().next())
        .filter(|step| !step.sample.tokens.is_empty())
        .collect();
    if steps.is_empty() {
        return Ok(None);
    }
    let policy: f64 = steps.iter().flat_map(|step| &step.sample.log_probs).map(|log| f64::from(*log)).sum();
    let tokens: usize = steps.iter().map(|step| step.sample.tokens.len()).sum();
    let items: Vec<Completion> = steps
        .into_iter()
        .map(|step| Completion { prompt: step.prompt_tokens, completion: step.sample.tokens })
        .collect();
    let observer = &mut *context.observer;
    let base = context.policy.score(&items, false, &mut |_, _| !observer.stop()).map_err(interrupted)?;
    Ok(Some((policy - base.iter().sum::<f64>()) / tokens as f64).filter(|kl| kl.is_finite()))
}
