//! `sport run`: looking at runs.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sport_improve::Summary;
use sport_improve::store::Folder;
use sport_improve::summary::Iteration;

use crate::exit::{CommandError, Exit};

/// Look at a run.
#[derive(Debug, Args)]
pub struct Run {
    #[command(subcommand)]
    command: RunCommand,
}

#[derive(Debug, Subcommand)]
enum RunCommand {
    /// Show what a run has come to; works while it goes on
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    /// The run directory
    run: PathBuf,
    /// Print the whole summary as JSON
    #[arg(long)]
    json: bool,
}

impl Run {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let RunCommand::Show(show) = self.command;
        let folder = Folder::open_to_read(&show.run)?;
        let summary = Summary::read(&folder)?;
        if show.json {
            super::print_json(&summary)?;
        } else {
            print(&summary, folder.path());
        }
        Ok(Exit::Done)
    }
}

/// Prints a summary for a person.
pub fn print(summary: &Summary, folder: &Path) {
    println!();
    println!("run {} (seed {}): {}", summary.run, summary.seed, summary.outcome);
    if let Some(reason) = &summary.reason {
        println!("  {reason}");
    }
    for iteration in &summary.iterations {
        print_iteration(iteration);
    }
    print_families(&summary.iterations);
    if let Some(comparison) = &summary.comparison {
        println!();
        println!(
            "iteration {} against base: {:+.1} points, 95 % paired interval {:+.1} to {:+.1} ({} tasks up, {} down)",
            comparison.iteration,
            comparison.difference * 100.0,
            comparison.low * 100.0,
            comparison.high * 100.0,
            comparison.tasks_up,
            comparison.tasks_down,
        );
        println!(
            "families: {} up, {} down, sign test p = {:.3}",
            comparison.families_up, comparison.families_down, comparison.sign_test_p
        );
    }
    println!();
    if let Some(adapter) = summary.iterations.iter().rev().find_map(|iteration| iteration.adapter.as_ref()) {
        println!("adapter  {}", folder.join(adapter).display());
    }
    println!("report   {}", folder.join("report.html").display());
}

fn print_iteration(iteration: &Iteration) {
    println!();
    let name = name(iteration);
    let held_out = &iteration.held_out;
    if held_out.total > 0 {
        println!(
            "{name}: held-out success {}/{} = {:.1} % [{:.0}, {:.0}]",
            held_out.correct,
            held_out.total,
            100.0 * held_out.correct as f64 / held_out.total as f64,
            held_out.low * 100.0,
            held_out.high * 100.0,
        );
    } else {
        println!("{name}: not evaluated yet");
    }
    if iteration.tasks > 0 {
        let endings: Vec<String> =
            iteration.endings.iter().map(|(ending, count)| format!("{ending} {count}")).collect();
        println!(
            "  {} tasks, {} steps, {} candidates ({})",
            iteration.tasks,
            iteration.steps,
            iteration.candidates,
            endings.join(", ")
        );
        let verdicts = &iteration.verdicts;
        println!(
            "  {} judgements (pass {}, fail {}, abstain {}), {} winners{}, {} pairs",
            iteration.judgements,
            verdicts.pass,
            verdicts.fail,
            verdicts.abstain,
            iteration.winners,
            iteration
                .winners_precision
                .map_or_else(String::new, |share| format!(" of which {:.0} % truly right", share * 100.0)),
            iteration.pairs,
        );
    }
    if let Some(sft) = &iteration.sft {
        println!(
            "  SFT: {} items, {} steps, loss {:.3} → {:.3}",
            sft.items, sft.steps, sft.first_loss, sft.loss
        );
    }
    if let Some(dpo) = &iteration.dpo {
        println!(
            "  DPO: {} pairs, {} steps, loss {:.3} → {:.3}, margin {:.2}, accuracy {:.0} %",
            dpo.items,
            dpo.steps,
            dpo.first_loss,
            dpo.loss,
            dpo.margin,
            dpo.accuracy * 100.0
        );
    }
    let minutes: Vec<String> =
        iteration.seconds.iter().map(|(stage, seconds)| format!("{stage} {:.1}", seconds / 60.0)).collect();
    println!("  minutes: {}", minutes.join(", "));
}

/// A row per family, a column per iteration.
fn print_families(iterations: &[Iteration]) {
    let Some(base) = iterations.first().filter(|base| !base.families.is_empty()) else { return };
    let evaluated: Vec<&Iteration> =
        iterations.iter().filter(|iteration| iteration.held_out.total > 0).collect();
    let width = base.families.keys().map(|family| family.chars().count()).max().unwrap_or(0).max(6);
    println!();
    print!("{:<width$}", "family");
    for iteration in &evaluated {
        print!("  {:>12}", name(iteration));
    }
    println!();
    for family in base.families.keys() {
        print!("{family:<width$}");
        for iteration in &evaluated {
            let count = iteration.families.get(family).copied().unwrap_or_default();
            print!("  {:>12}", format!("{}/{}", count.correct, count.total));
        }
        println!();
    }
}

fn name(iteration: &Iteration) -> String {
    if iteration.number == 0 { "base".to_owned() } else { format!("iteration {}", iteration.number) }
}
