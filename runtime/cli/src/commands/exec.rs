//! `sport exec`: runs agent code by itself, with the tools and files that are named and nothing else.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sport_sandbox::{
    ArtifactStore, Budget, Channel, EndingKind, Limits, RunReport, RunRequest, SessionOptions, Toolbox,
};

use super::IsolationFlag;
use crate::budget::BudgetFlags;
use crate::exit::{CommandError, Exit};
use crate::serve;

/// Run agent code in the sandbox.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport exec hello.py
  sport exec look.py --tool image --file photo.jpg
  echo 'print(1+1)' | sport exec -
  sport exec count.py --stdin words.txt -- --longest
  sport exec --serve --tool image

The code sees /task (the files given, read-only), /scratch (its own, in memory) and the tools given, as Python functions. \
Nothing else: no network, no environment, no clock of this machine.

With --serve another program drives the sandbox: JSON-RPC lines over standard input and output, sessions and forks by \
their names (docs/serve.md; sdk/python has a client). The budget is then the most that one run can be given.

Exit codes: 0 it ended by itself, 1 it raised, 5 the sandbox stopped it; its own `exit(n)` is passed on.")]
pub struct Exec {
    /// File with the agent's code, or `-` for standard input
    #[arg(required_unless_present = "serve")]
    code: Option<PathBuf>,
    /// Serve sessions to the program that started this one
    #[arg(long, conflicts_with_all = ["code", "stdin", "json", "arguments"])]
    serve: bool,
    /// A plugin whose tools the code may call: an installed one, one of Sport's own (`image`, `calculator`), or a path
    #[arg(long = "tool", value_name = "NAME|PATH")]
    tools: Vec<String>,
    /// Grant every `--tool` given by path this host interface (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// A file that the code may read as /task/NAME
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The interpreter: an installed one, one of Sport's own, or a path
    #[arg(long, default_value = "python", value_name = "NAME|PATH")]
    interpreter: String,
    /// Give the code this file as its standard input; `-` is that of `sport` itself
    #[arg(long, value_name = "PATH")]
    stdin: Option<PathBuf>,
    /// Seed of the code's random numbers and clock
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print the whole result as JSON
    #[arg(long)]
    json: bool,
    /// Arguments for the code (`sys.argv[1:]`)
    #[arg(last = true)]
    arguments: Vec<String>,
    #[command(flatten)]
    isolation: IsolationFlag,
    #[command(flatten)]
    budget: BudgetFlags,
}

impl Exec {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let limits = self.budget.apply(Limits::interpreter())?;
        // Before the sandbox is set up: what cannot be read need not wait for it.
        let request = self.code.as_deref().map(|code| self.request(code)).transpose()?;
        let sandbox = super::sandbox(self.isolation)?;
        let interpreter = super::interpreter(&sandbox, &self.interpreter)?;
        let tools = self.tools.iter().map(|name| super::tool(&sandbox, name, &self.grants));
        let tools = tools.collect::<Result<Vec<_>, _>>()?;
        let files = self.files.iter().map(|path| super::task_file(path)).collect::<Result<Vec<_>, _>>()?;
        let Some(request) = request else {
            return serve::serve(serve::Setup { interpreter, tools, files, limits, seed: self.seed });
        };
        let store = ArtifactStore::new_in_memory();
        let mut toolbox = Toolbox::new(tools, store.clone())?;
        let mut session = interpreter.open(SessionOptions { seed: self.seed, files, store })?;
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

    /// The code with its input and arguments.
    fn request(&self, code: &Path) -> Result<RunRequest, CommandError> {
        let is_dash = |path: &Path| path.as_os_str() == "-";
        let stdin = self.stdin.as_deref();
        if is_dash(code) && stdin.is_some_and(is_dash) {
            let message = "the code and its input cannot both be standard input; put one into a file";
            return Err(CommandError::new(Exit::Usage, "stdin-twice", message));
        }
        let read = |path: &Path, what: &str| {
            let bytes = if is_dash(path) { read_some(std::io::stdin()) } else { read_file(path) };
            bytes.map_err(|error| {
                let message = format!("cannot read {what} from {}: {error}", path.display());
                CommandError::new(Exit::BadInput, "unreadable", message)
            })
        };
        let text = String::from_utf8(read(code, "the code")?).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let message = format!("the code in {} is not UTF-8 (at byte {at})", code.display());
            CommandError::new(Exit::BadInput, "unreadable", message)
        })?;
        let stdin = stdin.map(|path| read(path, "standard input")).transpose()?;
        Ok(RunRequest { code: text, stdin, arguments: self.arguments.clone() })
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    read_some(std::fs::File::open(path)?)
}

fn read_some(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        let message = format!("it is larger than {MAX_INPUT} bytes; give it as a `--file` instead");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// Larger code is a mistake, and larger input belongs into a file.
const MAX_INPUT: u64 = 16 << 20;

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
