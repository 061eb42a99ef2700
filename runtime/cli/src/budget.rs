//! The flags that bound what code or a tool may use.

use std::time::Duration;

use clap::Args;
use sport_sandbox::Limits;
use sport_sandbox::limits::MIB;

use crate::exit::{CommandError, Exit};

/// What it may use; each flag replaces one of the sandbox's own limits.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Budget")]
pub struct BudgetFlags {
    /// Wall time in seconds, tool calls included
    #[arg(long, value_name = "SECONDS")]
    wall: Option<f64>,
    /// Cpu time in seconds, tool calls included
    #[arg(long, value_name = "SECONDS")]
    cpu: Option<f64>,
    /// Memory in MiB, that of the tools it calls included: 768 if not given, of which code by itself gets 256; more goes to it
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Output in KiB; what is written beyond it ends the run
    #[arg(long, value_name = "KIB")]
    output: Option<u64>,
    /// How many tools it may call
    #[arg(long, value_name = "COUNT")]
    tool_calls: Option<u64>,
    /// How many times it may call into the host (every print and file operation is one)
    #[arg(long, value_name = "COUNT")]
    host_calls: Option<u64>,
    /// How many questions its tools may ask of models
    #[arg(long, value_name = "COUNT")]
    model_calls: Option<u64>,
    /// How many tokens these questions and their answers may take
    #[arg(long, value_name = "COUNT")]
    tokens: Option<u64>,
}

/// A day: anything longer is a typing error.
const MAX_SECONDS: f64 = 86_400.0;

impl BudgetFlags {
    /// `limits` with what was given.
    pub fn apply(&self, mut limits: Limits) -> Result<Limits, CommandError> {
        if let Some(wall) = seconds("--wall", self.wall)? {
            limits.wall = wall;
            limits.cpu = limits.cpu.min(wall);
        }
        limits.cpu = seconds("--cpu", self.cpu)?.unwrap_or(limits.cpu);
        if let Some(mebibytes) = self.memory {
            limits.memory_bytes = mebibytes.saturating_mul(MIB);
        }
        if let Some(kibibytes) = self.output {
            limits.output_bytes = kibibytes.saturating_mul(1 << 10);
        }
        limits.tool_calls = self.tool_calls.unwrap_or(limits.tool_calls);
        limits.host_calls = self.host_calls.unwrap_or(limits.host_calls);
        limits.model_calls = self.model_calls.unwrap_or(limits.model_calls);
        limits.tokens = self.tokens.unwrap_or(limits.tokens);
        Ok(limits)
    }
}

fn seconds(flag: &str, given: Option<f64>) -> Result<Option<Duration>, CommandError> {
    let Some(given) = given else { return Ok(None) };
    if given.is_finite() && given > 0.0 && given <= MAX_SECONDS {
        return Ok(Some(Duration::from_secs_f64(given)));
    }
    let message = format!("{flag} must be above 0 and at most {MAX_SECONDS} seconds");
    Err(CommandError::new(Exit::Usage, "bad-budget", message))
}
