//! `sport mcp`: serves tools and the interpreter to clients of the Model Context Protocol.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sport_sandbox::{Limits, timeouts};

use super::IsolationFlag;
use crate::budget::BudgetFlags;
use crate::exit::{CommandError, Exit};
use crate::mcp::{self, Catalogue, Door, Sessions, Shared, Token, Wanted};

/// Serve tools and the interpreter to any MCP client.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport mcp                                  every installed plugin of tools, and Python
  sport mcp --tool image --file photo.jpg    these tools and no others, and Python
  sport mcp --no-interpreter
  SPORT_MCP_TOKEN=… sport mcp --http 8080    for clients on this machine, over HTTP

A client starts it by itself, for example with {\"command\": \"sport\", \"args\": [\"mcp\"]}, and speaks to it over its standard \
input and output; with --http it listens on 127.0.0.1 and asks for the bearer token. docs/mcp.md says more.

What is served is what the operator granted: without --tool every plugin that `sport plugin add` installed, also one that is \
added meanwhile. A client cannot change that. The budget is the most that one run of agent code can be given; a tool has \
30 seconds, and --deadline gives it less.")]
pub struct Mcp {
    /// Serve this plugin's tools and no others: an installed one, one of Sport's own (`image`, `calculator`), or a path
    #[arg(long = "tool", value_name = "NAME|PATH")]
    tools: Vec<String>,
    /// Grant every `--tool` given by path this host interface (`artifacts`, `kv`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// A file that tools and code may read, by its name or as /task/NAME
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// The interpreter: an installed one, one of Sport's own, or a path
    #[arg(long, default_value = "python", value_name = "NAME|PATH")]
    interpreter: String,
    /// Serve tools alone
    #[arg(long)]
    no_interpreter: bool,
    /// How long a tool may take; less than the sandbox's 30 seconds
    #[arg(long = "deadline", value_name = "TOOL=SECONDS", value_parser = deadline)]
    deadlines: Vec<(String, Duration)>,
    /// Seed of the random numbers and the clock of sessions that are opened without one
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Close a session that was not used for so long
    #[arg(long, value_name = "SECONDS", default_value_t = mcp::SESSION_IDLE_SECONDS, value_parser = clap::value_parser!(u64).range(1..))]
    session_idle: u64,
    /// Serve over HTTP, on this port of 127.0.0.1 or on this address; port 0 is one that is free
    #[arg(long, value_name = "PORT|ADDRESS:PORT", value_parser = address)]
    http: Option<SocketAddr>,
    /// The file with the bearer token, which only its owner may read; else SPORT_MCP_TOKEN holds it
    #[arg(long, value_name = "PATH", requires = "http")]
    token_file: Option<PathBuf>,
    /// A name of this server beside localhost, as clients write it in `Host`
    #[arg(long = "allow-host", value_name = "HOST", requires = "http")]
    hosts: Vec<String>,
    /// A web page that may ask, for example https://app.example.com:443; none may if not given
    #[arg(long = "allow-origin", value_name = "ORIGIN", requires = "http", value_parser = origin)]
    origins: Vec<String>,
    #[command(flatten)]
    isolation: IsolationFlag,
    #[command(flatten)]
    budget: BudgetFlags,
}

impl Mcp {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let limits =
            self.budget.apply(Limits { output_bytes: mcp::OUTPUT_BYTES, ..Limits::interpreter() })?;
        // Before anything is loaded: without a token nothing is served.
        let door = match self.http {
            Some(address) => {
                let token = Token::read(self.token_file.as_deref())?;
                Some(Door { address, token, hosts: self.hosts, origins: self.origins })
            }
            None => None,
        };
        let files = self.files.iter().map(|path| super::task_file(path)).collect::<Result<Vec<_>, _>>()?;
        // Each call opens them anew; one that cannot be opened is said now.
        sport_sandbox::FileView::new(&files)?;
        let sandbox = super::sandbox(self.isolation)?;
        let sessions = if self.no_interpreter {
            None
        } else {
            let interpreter = super::interpreter(&sandbox, &self.interpreter)?;
            Some(Sessions::new(interpreter, limits, self.seed, Duration::from_secs(self.session_idle)))
        };
        let mut reserved = vec![mcp::PUT.to_owned()];
        if let Some(sessions) = &sessions {
            reserved.extend(mcp::names(&sessions.interpreter.info().language));
        }
        let deadlines: BTreeMap<String, Duration> = self.deadlines.into_iter().collect();
        let wanted = Wanted {
            typed: self.tools,
            grants: self.grants,
            deadlines,
            deadline: timeouts::TOOL_WALL,
            reserved,
        };
        let shared = Shared::new(Catalogue::open(sandbox, wanted)?, sessions, files);
        match door {
            Some(door) => mcp::serve_http(shared, door),
            None => mcp::serve_pipe(shared),
        }
    }
}

/// `TOOL=SECONDS`
fn deadline(text: &str) -> Result<(String, Duration), String> {
    let (tool, seconds) = text.split_once('=').ok_or("write it as TOOL=SECONDS")?;
    let most = timeouts::TOOL_WALL;
    let seconds: f64 = seconds.parse().map_err(|_| format!("{seconds:?} is no number of seconds"))?;
    let deadline = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero() && *time <= most);
    let deadline =
        deadline.ok_or_else(|| format!("a deadline is above 0 and at most {} seconds", most.as_secs()))?;
    Ok((tool.to_owned(), deadline))
}

/// A port of this machine, or an address.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| "write a port, or an address and a port, for example 127.0.0.1:8080".to_owned())
}

/// An origin with its port: one without would stand for all ports.
fn origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let port = rest.and_then(|rest| rest.rsplit_once(':')).map(|(_, port)| port);
    if port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        return Ok(text.to_owned());
    }
    Err("write it with its port, for example https://app.example.com:443".to_owned())
}
