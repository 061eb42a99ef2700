//! `sport doctor` and `sport version`: what this machine can do, and how to get the rest.

use clap::Args;
use serde::Serialize;
use sport_sandbox::Seal;

use crate::exit::{CommandError, Exit};
use crate::paths;

/// Say what this machine can do, and how to get the rest.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Print the versions of sport and of what it runs on.
#[derive(Debug, Args)]
pub struct Version {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    found: String,
    /// What to do when it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    /// What does not work without it.
    needed_for: &'static str,
}

const COMPONENTS: [&str; 11] = [
    "python",
    "image",
    "calculator",
    "plot",
    "table",
    "search",
    "execution-facts",
    "rules",
    "self-consistency",
    "counterfactual",
    "llm-critic",
];

impl Doctor {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let checks = [cpu(), cache(), components(), second_wall(), images(), model(), torch()];
        let healthy = checks.iter().all(|check| check.ok);
        if self.json {
            super::print_json(&serde_json::json!({ "healthy": healthy, "checks": checks }))?;
        } else {
            for check in &checks {
                let mark = if check.ok { "ok     " } else { "MISSING" };
                println!("{mark} {:<11} {}", check.name, check.found);
                if let Some(remedy) = check.remedy {
                    println!("                    needed for {}; {remedy}", check.needed_for);
                }
            }
        }
        Ok(if healthy { Exit::Done } else { Exit::Negative })
    }
}

impl Version {
    /// Runs it.
    pub fn run(self) -> Result<Exit, CommandError> {
        let versions = serde_json::json!({
            "sport": env!("CARGO_PKG_VERSION"),
            "contracts": sport_sandbox::CONTRACTS.iter().map(|(name, version)| format!("{name}@{version}")).collect::<Vec<_>>(),
            "policy-abi": sport_policy::abi::ABI,
        });
        if self.json {
            super::print_json(&versions)?;
        } else {
            println!("sport {}", env!("CARGO_PKG_VERSION"));
            for (name, version) in sport_sandbox::CONTRACTS {
                println!("{name}@{version}");
            }
            println!("policy abi {}", sport_policy::abi::ABI);
        }
        Ok(Exit::Done)
    }
}

fn check(
    name: &'static str,
    ok: bool,
    found: String,
    needed_for: &'static str,
    remedy: &'static str,
) -> Check {
    Check { name, ok, found, needed_for, remedy: (!ok).then_some(remedy) }
}

fn cpu() -> Check {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    #[cfg(target_arch = "x86_64")]
    let bf16 = if std::arch::is_x86_feature_detected!("avx512bf16") {
        "bf16 in hardware"
    } else {
        "no bf16 in hardware"
    };
    #[cfg(not(target_arch = "x86_64"))]
    let bf16 = "bf16 not looked for";
    let found = format!("{} threads, {}, {bf16}", threads, std::env::consts::ARCH);
    check("cpu", true, found, "everything", "")
}

fn cache() -> Check {
    let folder = paths::cache();
    let made = std::fs::create_dir_all(&folder).and_then(|()| tempfile_in(&folder));
    let (ok, found) = match made {
        Ok(()) => (true, folder.display().to_string()),
        Err(error) => (false, format!("{} cannot be written: {error}", folder.display())),
    };
    check("cache", ok, found, "everything", "set SPORT_CACHE to a folder of yours")
}

fn tempfile_in(folder: &std::path::Path) -> std::io::Result<()> {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}

fn components() -> Check {
    let folder = paths::components();
    let missing: Vec<_> =
        COMPONENTS.into_iter().filter(|name| !folder.join(format!("{name}.wasm")).is_file()).collect();
    let found = if missing.is_empty() {
        format!("{} in {}", COMPONENTS.join(", "), folder.display())
    } else {
        format!("no {} in {}", missing.join(", "), folder.display())
    };
    check("components", missing.is_empty(), found, "`exec` and `improve`", "run `make components`")
}

/// Asks a process of its own, since what it gives up is given up for good.
fn second_wall() -> Check {
    let probe = || -> Result<String, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let output = std::process::Command::new(program).args([super::session::NAME, "--probe"]).output();
        let output = output.map_err(|error| error.to_string())?;
        let seal: Seal = serde_json::from_slice(&output.stdout).map_err(|_| {
            let words = String::from_utf8_lossy(&output.stderr);
            words.trim().trim_start_matches("error: ").to_owned()
        })?;
        let network = if seal.network_namespace {
            "no network at all"
        } else {
            "no new sockets (this machine gives a plain user no network namespace)"
        };
        Ok(format!("a sealed process: filtered system calls, {network}"))
    };
    let (ok, found) = match probe() {
        Ok(found) => (true, found),
        Err(reason) => (false, reason),
    };
    check("second wall", ok, found, "`--isolation process`", "a kernel that takes seccomp filters is needed")
}

fn images() -> Check {
    let folder = paths::cache().join("images");
    let count = std::fs::read_dir(&folder).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "png" || end == "jpg"))
            .count()
    });
    check(
        "photographs",
        count > 0,
        format!("{count} in {}", folder.display()),
        "the quickstart",
        "run `make images`",
    )
}

fn model() -> Check {
    let path = paths::cache().join("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    let found = if size > 0 {
        format!("{} ({} MB)", path.display(), size / 1_000_000)
    } else {
        format!("none at {}", path.display())
    };
    check("model", size > 0, found, "the quickstart", "run `make model`")
}

fn torch() -> Check {
    let library = paths::torch_backend();
    let (ok, found) = match sport_policy::native::probe(&library) {
        Ok(()) => (true, library.display().to_string()),
        Err(error) => (false, error.to_string()),
    };
    check("torch", ok, found, "`improve` with a real model", "run `make torch`")
}
