//! Progress of long work: bars with rate and time left on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sport_improve::{Observer, Stage};

/// Draws a run's stages on standard error.
pub struct Progress {
    terminal: bool,
    quiet: bool,
    stop: Arc<AtomicBool>,
    bar: Option<ProgressBar>,
    begun: Instant,
    unit: &'static str,
    said: Instant,
}

/// Off a terminal a stage says how far it is at most this often.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(15);

impl Progress {
    /// `quiet` says nothing at all (`--json`); `stop` is set by an interrupt.
    pub fn new(quiet: bool, stop: Arc<AtomicBool>) -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self { terminal, quiet, stop, bar: None, begun: now, unit: "", said: now }
    }

    fn say(&self, text: &str) {
        if self.quiet {
        } else if let Some(bar) = &self.bar {
            bar.println(text);
        } else {
            eprintln!("{text}");
        }
    }
}

impl Observer for Progress {
    fn begin(&mut self, iteration: u32, stage: Stage, total: u64, unit: &'static str) {
        (self.begun, self.said, self.unit) = (Instant::now(), Instant::now(), unit);
        if self.terminal && !self.quiet {
            let bar = ProgressBar::new(total);
            bar.set_style(style(total > 0));
            bar.set_message(format!("{} {stage}", place(iteration)));
            bar.set_prefix(unit);
            bar.enable_steady_tick(Duration::from_millis(200));
            self.bar = Some(bar);
        }
    }

    fn advance(&mut self, iteration: u32, stage: Stage, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(total) && total > 0 {
                bar.set_length(total);
                bar.set_style(style(true));
            }
            bar.set_position(done);
        } else if !self.quiet && self.said.elapsed() >= PLAIN_LINE_EVERY {
            self.said = Instant::now();
            let rate = done as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
            let left = if rate > 0.0 { total.saturating_sub(done) as f64 / rate } else { 0.0 };
            eprintln!(
                "{} {stage}: {done}/{total} {}, {rate:.1}/s, {left:.0} s left",
                place(iteration),
                self.unit
            );
        }
    }

    fn end(&mut self, iteration: u32, stage: Stage, result: &str) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        self.say(&format!("{:<12} {:<10} {seconds:>6.1} s  {result}", place(iteration), stage.name()));
    }

    fn note(&mut self, text: &str) {
        self.say(text);
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn place(iteration: u32) -> String {
    if iteration == 0 { "base".to_owned() } else { format!("iteration {iteration}") }
}

fn style(known: bool) -> ProgressStyle {
    let template = if known {
        "{msg:<24} {bar:30} {pos}/{len} {prefix}  {per_sec}, {eta} left"
    } else {
        "{msg:<24} {spinner} {pos} {prefix}  {elapsed}"
    };
    // The template is a constant of this file; the default style is the harmless other case.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A flag that the first interrupt from the keyboard sets; the second one ends the process as usual.
pub fn interrupt_flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    let installed = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(crate::exit::Exit::Interrupted.number()));
        }
        eprintln!("\nstopping at the next safe place; press again to stop at once");
    });
    if let Err(error) = installed {
        tracing::warn!("no handler for interrupts: {error}");
    }
    flag
}
