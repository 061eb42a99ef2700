//! `sport exec`: runs agent code by itself, with the tools and files that are named and nothing else.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sport_sandbox::{
    ArtifactStore, Budget, Channel, EndingKind, Grants, Limits, RunReport, RunRequest, SessionOptions,
    Toolbox,
};

use crate::exit::{CommandError, Exit};
use crate::paths;

/// Run agent code in the sandbox.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport exec hello.py
  sport exec look.py --tool image --file photo.jpg
  echo 'print(1+1)' | sport exec -

The code sees /task (the files given, read-only), /scratch (its own, in memory) and the tools given, as Python
functions. Nothing else: no network, no environment, no clock of this machine.

Exit codes: 0 it ended by itself, 1 it raised, 5 the sandbox stopped it; its own `exit(n)` is passed on.")]
pub struct Exec {
    /// File with the agent's code, or `-` for standard input
    code: PathBuf,
    /// A tool plugin that the code may call: a first-party name (`image`, `calculator`) or a path
    #[arg(long = "tool", value_name = "NAME|PATH")]
    tools: Vec<String>,
    /// Grant every `--tool` given by path this host interface (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// A file that the code may read as /task/NAME
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Interpreter component: a first-party name or a path
    #[arg(long, default_value = "python", value_name = "NAME|PATH")]
    interpreter: String,
    /// Wall time in seconds
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    wall: f64,
    /// Memory in MiB
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Seed of the code's random numbers and clock
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the whole result as JSON
    #[arg(long)]
    json: bool,
    /// Arguments for the code (`sys.argv[1:]`)
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Exec {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let code = self.read_code()?;
        let limits = self.limits()?;
        let sandbox = super::sandbox()?;
        let store = ArtifactStore::new_in_memory();
        let interpreter =
            sandbox.interpreter(&super::component(&self.interpreter)?, &Grants::new(["tools"])?)?;
        let mut tools = Vec::new();
        for typed in &self.tools {
            let grants = if paths::is_first_party(typed) {
                Grants::new(super::FIRST_PARTY_GRANTS)?
            } else {
                Grants::new(self.grants.iter().map(String::as_str))?
            };
            tools.push(sandbox.tool(&super::component(typed)?, &grants)?);
        }
        let mut toolbox = Toolbox::new(tools, store.clone())?;
        let files = self.files.iter().map(|path| super::task_file(path)).collect::<Result<Vec<_>, _>>()?;
        let mut session = interpreter.open(SessionOptions { seed: self.seed, files, store })?;
        let request = RunRequest { code, stdin: self.stdin()?, arguments: self.arguments.clone() };
        let budget = Budget::new(limits);
        let report = if self.json {
            session.run(&request, &mut toolbox, &budget)
        } else {
            session.run_live(&request, &mut toolbox, &budget, &mut |channel, bytes| show(channel, bytes))
        };
        if self.json {
            super::print_json(&report)?;
        } else {
            print_ending(&report);
        }
        Ok(exit_of(&report))
    }

    fn read_code(&self) -> Result<String, CommandError> {
        let name = self.code.display();
        let bad = |what: String| CommandError::new(Exit::BadInput, "code-unreadable", what);
        if self.code.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| bad(format!("cannot read the code from standard input: {error}")))?;
            return Ok(text);
        }
        std::fs::read_to_string(&self.code)
            .map_err(|error| bad(format!("cannot read the code in {name}: {error}")))
    }

    /// Standard input goes to the code, unless the code itself came that way or nobody typed any.
    fn stdin(&self) -> Result<Option<Vec<u8>>, CommandError> {
        if self.code.as_os_str() == "-" || std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        std::io::stdin().take(MAX_STDIN + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_STDIN {
            let message =
                format!("standard input is larger than {MAX_STDIN} bytes; give it as a `--file` instead");
            return Err(CommandError::new(Exit::BadInput, "stdin-too-large", message));
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    fn limits(&self) -> Result<Limits, CommandError> {
        let mut limits = Limits::interpreter();
        if !(self.wall.is_finite() && self.wall > 0.0 && self.wall <= MAX_WALL_SECONDS) {
            let message = format!("--wall must be above 0 and at most {MAX_WALL_SECONDS} seconds");
            return Err(CommandError::new(Exit::Usage, "bad-wall", message));
        }
        limits.wall = Duration::from_secs_f64(self.wall);
        limits.cpu = limits.cpu.min(limits.wall);
        if let Some(mebibytes) = self.memory {
            limits.memory_bytes = mebibytes.saturating_mul(1 << 20);
        }
        Ok(limits)
    }
}

/// Larger input belongs into a file.
const MAX_STDIN: u64 = 16 << 20;
/// A day: anything longer is a typing error.
const MAX_WALL_SECONDS: f64 = 86_400.0;

/// Output as it is made. A closed pipe is not an error: the code runs on, unheard.
fn show(channel: Channel, bytes: &[u8]) {
    let _ = match channel {
        Channel::Stdout => std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()),
        Channel::Stderr => std::io::stderr().write_all(bytes),
    };
}

fn print_ending(report: &RunReport) {
    if let Some(answer) = &report.answer {
        println!("final answer: {answer}");
    } else if let Some(value) = &report.value {
        println!("{}", value.repr);
    }
    if let Some(raised) = &report.raised {
        match &raised.traceback {
            Some(traceback) => eprintln!("{}", traceback.trim_end()),
            None => eprintln!("{}: {}", raised.class, raised.message),
        }
    }
    if let Some(reason) = &report.reason {
        eprintln!("{}: {reason}", report.ending.name());
    }
}

fn exit_of(report: &RunReport) -> Exit {
    match report.ending {
        EndingKind::Value | EndingKind::Answered => Exit::Done,
        EndingKind::Raised | EndingKind::Unparsed => Exit::Negative,
        EndingKind::Exited => Exit::Code(report.exit_code.unwrap_or(0).clamp(0, 255) as u8),
        EndingKind::Deadline | EndingKind::Exhausted | EndingKind::Trapped | EndingKind::Cancelled => {
            Exit::Stopped
        }
    }
}
