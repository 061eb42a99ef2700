//! `sport plugin add | list | approve | remove`: the operator's grants.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sport_sandbox::{Change, Described, Grant, HostRule, Installed, Pin, Registry, State, components_in};

use crate::commands::artifact::GrantedFile;
use crate::commands::{self, IsolationFlag};
use crate::exit::{CommandError, Exit};
use crate::paths;

/// `sport plugin add`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sport plugin add weather.wasm --grant artifacts
  sport plugin add build/forecast.wasm --name weather --tool forecast --pin
  sport plugin add look.wasm --model vision
  sport plugin add reader.wasm --artifact letters.onnx=models/v4.onnx
  sport plugin add plugins/")]
pub struct Add {
    /// A component, or a folder of them
    path: PathBuf,
    /// What to call it; its file name when not given
    #[arg(long)]
    name: Option<String>,
    /// Grant it this host interface (`artifacts`, `kv`, `tools`)
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Let it ask this host with `fetch` (`api.example.com`, `*.example.com`, `http://localhost:8080`); can be given again
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostRule>,
    /// Let it ask the model of this role (`vision`) with `chat`; `models.toml` says which it is; can be given again
    #[arg(long = "model", value_name = "ROLE")]
    models: Vec<String>,
    /// Hand it this file for its warm start; the name is the file's unless it is given; can be given again
    #[arg(long = "artifact", value_name = "[NAME=]PATH")]
    artifacts: Vec<GrantedFile>,
    /// Only this one of its tools may be called; can be given again
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// Grant it to these very bytes: built anew, it must be approved again
    #[arg(long)]
    pin: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// `sport plugin list`
#[derive(Debug, Args)]
pub struct List {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// `sport plugin approve`
#[derive(Debug, Args)]
pub struct Approve {
    /// The installed plugin
    name: String,
    /// Grant it this host interface too
    #[arg(long = "grant", value_name = "INTERFACE")]
    grants: Vec<String>,
    /// Approve without being asked
    #[arg(long)]
    yes: bool,
}

/// `sport plugin remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// The installed plugin
    name: String,
}

impl Add {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let sources = self.sources()?;
        let registry = Registry::open(&paths::config())?;
        let sandbox = commands::sandbox(IsolationFlag::default())?;
        let artifacts = self.artifacts()?;
        let mut added = Vec::new();
        for (name, source) in sources {
            if commands::is_first_party(&name) {
                let message = format!(
                    "{name} is the name of one of sport's own plugins; give yours another with --name"
                );
                return Err(CommandError::new(Exit::Usage, "name-taken", message));
            }
            let grant = Grant {
                imports: self.grants.clone(),
                hosts: self.hosts.clone(),
                models: self.models.clone(),
                artifacts: artifacts.clone(),
                tools: (!self.tools.is_empty()).then(|| self.tools.clone()),
                pin: self.pin.then_some(Pin::Digest),
                ..Grant::new(source, &[])
            };
            let installed = registry.add(&sandbox, &name, grant)?;
            if !self.json {
                println!("added {name}: {}", summary(&installed));
            }
            added.push(value(&registry, &installed));
        }
        if self.json {
            commands::print_json(&added)?;
        }
        Ok(Exit::Done)
    }

    /// The files to hand over, at absolute paths: the grants are read from anywhere.
    fn artifacts(&self) -> Result<BTreeMap<String, PathBuf>, CommandError> {
        let mut files = BTreeMap::new();
        for GrantedFile { name, path } in &self.artifacts {
            let whole = std::fs::canonicalize(path).map_err(|error| {
                let message =
                    format!("cannot find {}: {error}; check the path given with --artifact", path.display());
                CommandError::new(Exit::BadInput, "file-missing", message)
            })?;
            if files.insert(name.clone(), whole).is_some() {
                let message = format!("--artifact names {name} twice");
                return Err(CommandError::new(Exit::Usage, "one-name", message));
            }
        }
        Ok(files)
    }

    fn sources(&self) -> Result<Vec<(String, PathBuf)>, CommandError> {
        if !self.path.is_dir() {
            let own = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            return Ok(vec![(self.name.clone().or(own).unwrap_or_default(), self.path.clone())]);
        }
        let found = components_in(&self.path)?;
        if self.name.is_some() && found.len() != 1 {
            let message =
                format!("{} has {} components; --name is for one", self.path.display(), found.len());
            return Err(CommandError::new(Exit::Usage, "one-name", message));
        }
        if found.is_empty() {
            let message = format!("no component (*.wasm) in {}", self.path.display());
            return Err(CommandError::new(Exit::BadInput, "component-missing", message));
        }
        let named = |(name, path)| (self.name.clone().unwrap_or(name), path);
        Ok(found.into_iter().map(named).collect())
    }
}

impl List {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let folder = paths::config();
        let registry = commands::registry()?;
        let installed = registry.as_ref().map(Registry::list).transpose()?.unwrap_or_default();
        if self.json {
            let all: Vec<_> =
                installed.iter().filter_map(|one| Some(value(registry.as_ref()?, one))).collect();
            commands::print_json(&all)?;
            return Ok(Exit::Done);
        }
        if installed.is_empty() {
            println!("no plugin is installed in {}; `sport plugin add PATH` installs one", folder.display());
        }
        for one in &installed {
            let state = registry.as_ref().map(|registry| registry.state(one));
            println!("{}  {}", one.name, state.as_ref().map_or(String::new(), show_state));
            println!("  from     {}", one.grant.source.display());
            println!("  granted  {}", granted(&one.grant));
            if let Some(receipt) = &one.receipt {
                println!("  offers   {}", offers(&receipt.described, &one.grant));
            }
        }
        Ok(Exit::Done)
    }
}

impl Approve {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let registry = Registry::open(&paths::config())?;
        let sandbox = commands::sandbox(IsolationFlag::default())?;
        // With what it would be granted, or a plugin that asks for more could not even be looked at.
        let look = registry.look(&sandbox, &self.name, &self.grants)?;
        if look.changes.is_empty() {
            println!("{} is what was approved", self.name);
            return Ok(Exit::Done);
        }
        show_changes(&self.name, &look.changes);
        if !self.yes && !confirmed(&self.name)? {
            println!("not approved; nothing was changed");
            return Ok(Exit::Negative);
        }
        let installed = registry.approve(&sandbox, &self.name, &look)?;
        println!("approved {}: {}", self.name, summary(&installed));
        Ok(Exit::Done)
    }
}

impl Remove {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        Registry::open(&paths::config())?.remove(&self.name)?;
        println!("removed {} and its grants", self.name);
        Ok(Exit::Done)
    }
}

fn show_changes(name: &str, changes: &[Change]) {
    println!("{name} differs from what was approved:");
    for change in changes {
        println!("  {}", change.what);
        for (mark, text) in [("-", &change.before), ("+", &change.after)] {
            for line in text.lines() {
                println!("    {mark} {line}");
            }
        }
    }
}

/// Asks on the terminal. Where there is none, nobody can have looked.
fn confirmed(name: &str) -> Result<bool, CommandError> {
    if !std::io::stdin().is_terminal() {
        let message = format!(
            "nobody is there to ask; look at the changes and run `sport plugin approve {name} --yes`"
        );
        return Err(CommandError::new(Exit::Usage, "nobody-to-ask", message));
    }
    print!("approve? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn summary(installed: &Installed) -> String {
    let offers = installed.receipt.as_ref().map(|receipt| offers(&receipt.described, &installed.grant));
    format!("{}; granted {}", offers.unwrap_or_default(), granted(&installed.grant))
}

fn granted(grant: &Grant) -> String {
    let interfaces = grant.interfaces();
    let mut what = if interfaces.is_empty() { "nothing".to_owned() } else { interfaces.join(", ") };
    if !grant.hosts.is_empty() {
        let host =
            |rule: &HostRule| format!("{rule}{}", if rule.allows_private() { " (private)" } else { "" });
        let hosts: Vec<String> = grant.hosts.iter().map(host).collect();
        what += &format!("; hosts {}", hosts.join(", "));
    }
    if !grant.secrets.is_empty() {
        let names: Vec<&str> = grant.secrets.keys().map(String::as_str).collect();
        what += &format!("; secrets {}", names.join(", "));
    }
    if !grant.models.is_empty() {
        what += &format!("; models {}", grant.models.join(", "));
    }
    if !grant.artifacts.is_empty() {
        let names: Vec<&str> = grant.artifacts.keys().map(String::as_str).collect();
        what += &format!("; handed {}", names.join(", "));
    }
    if let Some(roots) = &grant.roots {
        what += &format!("; trusts {}", roots.display());
    }
    if let Some(calls) = &grant.calls {
        what += &format!("; may call {}", calls.join(", "));
    }
    if grant.pin.is_some() {
        what += ", pinned to its digest";
    }
    what
}

fn offers(described: &Described, grant: &Grant) -> String {
    match described {
        Described::Tools(tools) => {
            let offered =
                |name: &str| grant.tools.as_ref().is_none_or(|only| only.iter().any(|one| one == name));
            let names: Vec<&str> =
                tools.iter().map(|tool| tool.name.as_str()).filter(|name| offered(name)).collect();
            let word = if names.len() == 1 { "tool" } else { "tools" };
            format!("{word} {}", names.join(", "))
        }
        Described::Verifier(verifier) => format!("verifier {}", verifier.name),
        Described::Interpreter(info) => format!("interpreter of {} {}", info.language, info.version),
    }
}

fn show_state(state: &State) -> String {
    match state {
        State::Ready => "ready".to_owned(),
        State::Rebuilt => {
            "built anew since it was approved; what it says is compared when it is loaded".to_owned()
        }
        State::Changed(what) => format!("NOT LOADED until you approve it: {what} changed"),
        State::Unusable(why) => format!("NOT LOADED: {why}"),
    }
}

fn value(registry: &Registry, installed: &Installed) -> serde_json::Value {
    let state = registry.state(installed);
    json!({
        "name": installed.name,
        "grant": installed.grant,
        "receipt": installed.receipt,
        "state": state.name(),
        "detail": show_state(&state),
    })
}
