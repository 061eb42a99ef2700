//! One file per command, and what they share.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;
use sport_improve::config::INSTALLED;
use sport_sandbox::{
    CompileWorker, Compiler, Grants, Installed, Interpreter, Isolation, Models, Registry, Sandbox,
    SandboxOptions, SessionWorker, TaskFile, Tool, Verifier,
};

use crate::exit::{CommandError, Exit};
use crate::paths;

pub mod artifact;
pub mod compile;
pub mod doctor;
pub mod exec;
pub mod improve;
pub mod mcp;
pub mod plugin;
pub mod run;
pub mod session;
pub mod verifier;

/// Where agent code runs.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct IsolationFlag {
    /// Run agent code in a process of its own, sealed off from this machine: a second wall around the sandbox
    #[arg(long, value_enum, value_name = "WALL", default_value_t)]
    isolation: Wall,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Wall {
    /// The sandbox alone
    #[default]
    None,
    /// A sealed process around it
    Process,
}

/// The sandbox with its compiled-code cache. What is not in it is compiled by this program in a process with limits.
pub fn sandbox(isolation: IsolationFlag) -> Result<Sandbox, CommandError> {
    let program = std::env::current_exe()?;
    let worker = CompileWorker::new(program.clone(), vec![compile::NAME.to_owned()]);
    let isolation = match isolation.isolation {
        Wall::None => Isolation::None,
        Wall::Process => {
            Isolation::Process(SessionWorker { program, arguments: vec![session::NAME.to_owned()] })
        }
    };
    let models = registry()?.map_or(Ok(Models::none()), |registry| registry.models())?;
    let options = SandboxOptions {
        compiler: Compiler::Worker(worker),
        isolation,
        models,
        ..SandboxOptions::new(paths::cache().join("aot"))
    };
    let sandbox = Sandbox::new(options)?;
    if std::io::stderr().is_terminal() {
        sandbox.on_compile(say_compiling);
    }
    Ok(sandbox)
}

/// The interpreter takes some ten seconds the first time; somebody who watches should know what for.
fn say_compiling(name: &str, bytes: usize) {
    if bytes > 4 << 20 {
        eprintln!("compiling {name} for this machine ({} MB), once", bytes >> 20);
    }
}

/// What somebody typed where a plugin belongs.
enum Typed {
    /// A file, with what is granted on the command line.
    Path(PathBuf),
    /// An installed one, with what was granted when it was installed.
    Installed(Registry, Box<Installed>),
    /// One of Sport's own.
    FirstParty(PathBuf),
}

/// A path, or the name of an installed plugin, or else of one of Sport's own. An error says how to get what is not there.
fn typed(typed: &str) -> Result<Typed, CommandError> {
    if !paths::is_name(typed) {
        let path = PathBuf::from(typed);
        if path.is_file() {
            return Ok(Typed::Path(path));
        }
        let message = format!("no component at {}; check the path", path.display());
        return Err(CommandError::new(Exit::BadInput, "component-missing", message));
    }
    if let Some(registry) = registry()?
        && let Some(installed) = registry.get(typed)?
    {
        return Ok(Typed::Installed(registry, Box::new(installed)));
    }
    let path = paths::first_party(typed);
    if path.is_file() {
        return Ok(Typed::FirstParty(path));
    }
    let message = format!(
        "no plugin `{typed}`: none of that name is installed (`sport plugin list`), and sport's own are not at {}; \
         run `make components`, or give a path",
        path.display()
    );
    Err(CommandError::new(Exit::NotSetUp, "component-missing", message))
}

/// Whether a plugin of Sport's own has this name.
pub fn is_first_party(name: &str) -> bool {
    paths::is_name(name) && paths::first_party(name).is_file()
}

/// The operator's grants, if there are any yet.
pub fn registry() -> Result<Option<Registry>, CommandError> {
    Ok(Registry::open_existing(&paths::config())?)
}

/// A plugin of tools as typed; `grants` are those of the command line, which are for paths.
pub fn tool(sandbox: &Sandbox, name: &str, grants: &[String]) -> Result<Arc<Tool>, CommandError> {
    tool_granted(sandbox, name, &Grants::new(grants)?)
}

/// The same with whatever can be granted.
pub fn tool_granted(sandbox: &Sandbox, name: &str, grants: &Grants) -> Result<Arc<Tool>, CommandError> {
    Ok(match typed(name)? {
        Typed::Path(path) => sandbox.tool(&path, grants)?,
        Typed::Installed(registry, installed) => registry.tool(sandbox, &installed.name)?,
        Typed::FirstParty(path) => {
            let grants =
                artifact::with_artifacts(Grants::new(FIRST_PARTY_GRANTS)?, &artifact::first_party(name)?)?;
            sandbox.tool(&path, &grants)?
        }
    })
}

/// A plugin as a run's config names it: by its absolute path, or as installed.
pub fn named(name: &str) -> Result<String, CommandError> {
    let path = match typed(name)? {
        Typed::Installed(_, installed) => return Ok(format!("{INSTALLED}{}", installed.name)),
        Typed::Path(path) | Typed::FirstParty(path) => std::fs::canonicalize(path)?,
    };
    path.into_os_string().into_string().map_err(|path| {
        let message = format!("{} is not UTF-8; move the file", path.display());
        CommandError::new(Exit::BadInput, "file-name", message)
    })
}

/// A verifier as typed; `grants` are those of the command line, which are for paths.
pub fn verifier(sandbox: &Sandbox, name: &str, grants: &[String]) -> Result<Arc<Verifier>, CommandError> {
    Ok(match typed(name)? {
        Typed::Path(path) => sandbox.verifier(&path, &Grants::new(grants)?)?,
        Typed::Installed(registry, installed) => registry.verifier(sandbox, &installed.name)?,
        Typed::FirstParty(path) => sandbox.verifier(&path, &Grants::new(grants)?)?,
    })
}

/// An interpreter as typed. It may call the tools that it is given; that is what it is for.
pub fn interpreter(sandbox: &Sandbox, name: &str) -> Result<Arc<Interpreter>, CommandError> {
    Ok(match typed(name)? {
        Typed::Path(path) | Typed::FirstParty(path) => {
            sandbox.interpreter(&path, &Grants::new(["tools"])?)?
        }
        Typed::Installed(registry, installed) => registry.interpreter(sandbox, &installed.name)?,
    })
}

/// Where a plugin's component lies and what it is granted, without loading it.
pub fn where_and_what(name: &str) -> Result<(PathBuf, Grants), CommandError> {
    Ok(match typed(name)? {
        Typed::Path(path) => (path, Grants::none()),
        Typed::Installed(_, installed) => {
            // only the names: for a look, no secret has to be there
            let grants = Grants::new(installed.grant.interfaces())?;
            (installed.grant.source, grants)
        }
        Typed::FirstParty(path) => (path, Grants::new(FIRST_PARTY_GRANTS)?),
    })
}

/// What a first-party tool needs: reading the artifacts that it is handed.
const FIRST_PARTY_GRANTS: [&str; 1] = ["artifacts"];

/// A file given with `--file`, under its own name.
pub fn task_file(path: &Path) -> Result<TaskFile, CommandError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        let message = format!("{} has no file name that the code could use", path.display());
        return Err(CommandError::new(Exit::BadInput, "file-name", message));
    };
    if !path.is_file() {
        let message = format!("no file at {}; check the path given with --file", path.display());
        return Err(CommandError::new(Exit::BadInput, "file-missing", message));
    }
    Ok(TaskFile { name: name.to_owned(), path: path.to_owned() })
}

/// Prints `value` as indented JSON with a newline.
pub fn print_json(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::new(Exit::Internal, "json", error.to_string()))?;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
