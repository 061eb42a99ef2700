//! Candidates for every step: a tree of width n without back-tracking.
//!
//! Tasks go through in waves. A wave samples the next step of all its unfinished tasks in one batch, stores what
//! was drawn, then runs and judges the steps on a few threads. Everything drawn in a batch is stored in one
//! transaction before any of it runs, so a resumed run finds either the whole batch or none of it and draws the
//! same batch again.

use std::time::Instant;

use serde_json::json;
use sport_policy::types::{Prompt, SampleRequest, Sampling};

use super::execute::Live;
use super::verify::Clock;
use super::{Context, interrupted, needs, pool, put_on_adapter};
use crate::error::Error;
use crate::observer::Stage;
use crate::seed::{Purpose, seed};
use crate::store::{CandidateRow, NewStep, TaskEnding};
use crate::task::{Split, Task};

/// Explores the training tasks of an iteration.
pub fn explore(context: &mut Context<'_>, iteration: u32) -> Result<(), Error> {
    let folder = context.folder;
    let store = &folder.store;
    if store.stage_done(iteration, Stage::Explore)? {
        return Ok(());
    }
    needs(store, iteration, Stage::Synthesize)?;
    let adapter = put_on_adapter(folder, context.policy, iteration.saturating_sub(1))?;
    let tasks = store.tasks(iteration, Split::Train)?;
    let total = tasks.len() as u64;
    let mut done = 0;
    context.observer.begin(iteration, Stage::Explore, total, "tasks");
    for wave in tasks.chunks(folder.config.explore.wave as usize) {
        let began = Instant::now();
        let clock = Clock::default();
        let unfinished: Vec<Task> =
            wave.iter().filter(|(_, ending)| ending.is_none()).map(|(task, _)| task.clone()).collect();
        done += (wave.len() - unfinished.len()) as u64;
        let result = explore_wave(context, iteration, unfinished, adapter, &clock, &mut done, total);
        let judging = clock.seconds(context.equipment.threads);
        store.add_seconds(iteration, Stage::Explore, (began.elapsed().as_secs_f64() - judging).max(0.0))?;
        store.add_seconds(iteration, Stage::Verify, judging)?;
        result?;
    }
    let endings = store.task_endings(iteration)?;
    let result = json!({
        "tasks": total,
        "endings": endings.iter().map(|(ending, count)| (ending.name(), count)).collect::<std::collections::BTreeMap<_, _>>(),
    });
    store.end_stage(iteration, Stage::Explore, 0.0, &result)?;
    let words: Vec<String> =
        endings.iter().map(|(ending, count)| format!("{count} {}", ending.name())).collect();
    context.observer.end(iteration, Stage::Explore, &format!("{total} tasks: {}", words.join(", ")));
    Ok(())
}

/// Explores tasks that are no training tasks, in the same way, with the policy as it stands. Those that ended are left alone.
pub(crate) fn explore_beside(
    context: &mut Context<'_>,
    iteration: u32,
    tasks: Vec<(Task, Option<TaskEnding>)>,
) -> Result<(), Error> {
    let adapter = put_on_adapter(context.folder, context.policy, iteration.saturating_sub(1))?;
    let (total, mut done) = (tasks.len() as u64, 0);
    let clock = Clock::default();
    for wave in tasks.chunks(context.folder.config.explore.wave as usize) {
        let unfinished: Vec<Task> =
            wave.iter().filter(|(_, ending)| ending.is_none()).map(|(task, _)| task.clone()).collect();
        done += (wave.len() - unfinished.len()) as u64;
        explore_wave(context, iteration, unfinished, adapter, &clock, &mut done, total)?;
    }
    Ok(())
}

fn explore_wave(
    context: &mut Context<'_>,
    iteration: u32,
    tasks: Vec<Task>,
    adapter: bool,
    clock: &Clock,
    done: &mut u64,
    total: u64,
) -> Result<(), Error> {
    let (folder, equipment) = (context.folder, context.equipment);
    let mut lives =
        tasks.into_iter().map(|task| Live::load(&folder.store, task)).collect::<Result<Vec<_>, _>>()?;
    while !lives.is_empty() {
        // after a resume some tasks of the wave are a step behind: they catch up before anything new is drawn,
        // so that the batch is the one that the uninterrupted run would have drawn
        if lives.iter().all(|live| live.open.is_none()) {
            sample(context, &mut lives, adapter)?;
        }
        pool::each(
            &mut lives,
            equipment.threads,
            |live| live.advance(folder, equipment, clock),
            || !context.observer.stop(),
        )?;
        let before = lives.len();
        lives.retain(|live| !live.ended);
        *done += (before - lives.len()) as u64;
        context.observer.advance(iteration, Stage::Explore, *done, total);
    }
    Ok(())
}

/// Draws the next step of all tasks in one batch.
fn sample(context: &mut Context<'_>, lives: &mut [Live], adapter: bool) -> Result<(), Error> {
    let store = &context.folder.store;
    let explore = &context.folder.config.explore;
    let tools = context.equipment.tool_infos();
    let mut requests = Vec::with_capacity(lives.len());
    for live in lives.iter() {
        let depth = live.decided.to_string();
        // where what came to mind first was wrong, less likely actions are worth a look
        let rise = explore.temperature_rise * live.without_winner as f32;
        let candidates = (0..explore.candidates as usize)
            .map(|number| Sampling {
                temperature: explore.temperature[number] + rise,
                top_p: explore.top_p[number],
                top_k: explore.top_k[number],
                seed: seed(
                    context.folder.config.run.seed,
                    Purpose::Sample,
                    &[&live.task.id, &depth, &number.to_string()],
                ),
            })
            .collect();
        requests.push(SampleRequest {
            prompt: Prompt::Text(context.form.render(&live.task, &tools, &live.past())?),
            candidates,
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
    let steps: Vec<NewStep> = lives
        .iter()
        .zip(requests)
        .zip(responses)
        .map(|((live, request), response)| NewStep {
            task: live.task.id.clone(),
            depth: live.decided,
            prompt: match request.prompt {
                Prompt::Text(text) => text,
                Prompt::Tokens(_) => String::new(),
            },
            prompt_tokens: response.prompt_tokens,
            candidates: request
                .candidates
                .into_iter()
                .zip(response.samples)
                .enumerate()
                .map(|(number, (sampling, sample))| CandidateRow {
                    number: number as u32,
                    sampling,
                    action: context.form.action(&sample),
                    sample,
                    report: None,
                    dependences: Vec::new(),
                    standing: None,
                })
                .collect(),
        })
        .collect();
    store.fail_points.pass("sampled")?;
    store.put_samples(&steps)?;
    store.fail_points.pass("samples-stored")?;
    for live in lives {
        live.open = store.steps(&live.task.id)?.pop();
    }
    Ok(())
}
