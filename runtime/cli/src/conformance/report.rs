//! What was found.

use std::fmt;

use serde::Serialize;
use sport_sandbox::{Inspection, Usage};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Ok,
    /// It holds, or could not be tried, and there is something to think about.
    Note,
    /// It does not hold.
    Mend,
}

/// One thing that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What it is about: a stable word.
    pub name: &'static str,
    /// The tool, where the plugin has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// How it came out.
    pub status: Status,
    /// What was seen.
    pub found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// All that was tried on a component.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The component's digest.
    pub digest: String,
    /// `tool` or `verifier`.
    pub kind: Option<&'static str>,
    /// The checks in their order.
    pub checks: Vec<Check>,
    /// How many calls were made.
    pub calls: u64,
    /// The most that one of them used.
    pub most: Usage,
}

impl Report {
    /// Nothing tried yet.
    pub fn new(inspection: &Inspection) -> Self {
        Self {
            digest: inspection.digest.clone(),
            kind: inspection.kind.map(|kind| kind.name()),
            checks: Vec::new(),
            calls: 0,
            most: Usage::default(),
        }
    }

    /// Whether nothing has to be mended.
    pub fn conforms(&self) -> bool {
        self.checks.iter().all(|check| check.status != Status::Mend)
    }

    /// Something holds.
    pub fn ok(&mut self, name: &'static str, tool: Option<&str>, found: impl Into<String>) {
        self.push(name, tool, Status::Ok, found.into(), None);
    }

    /// Something is worth a thought.
    pub fn note(&mut self, name: &'static str, tool: Option<&str>, found: impl Into<String>, mend: &str) {
        self.push(name, tool, Status::Note, found.into(), Some(mend.to_owned()));
    }

    /// Something does not hold.
    pub fn mend(&mut self, name: &'static str, tool: Option<&str>, found: impl Into<String>, mend: &str) {
        self.push(name, tool, Status::Mend, found.into(), Some(mend.to_owned()));
    }

    /// Whether a fresh instance says the same of itself.
    pub fn described(&mut self, same: bool) {
        if same {
            self.ok("describe", None, "it calls nothing, and says the same twice");
        } else {
            let mend = "give constants: what a plugin says of itself is what the operator approves";
            self.mend("describe", None, "it says something else the second time", mend);
        }
    }

    fn push(
        &mut self,
        name: &'static str,
        tool: Option<&str>,
        status: Status,
        found: String,
        mend: Option<String>,
    ) {
        self.checks.push(Check { name, tool: tool.map(str::to_owned), status, found, mend });
    }

    /// Counts a call.
    pub fn used(&mut self, usage: &Usage) {
        self.calls += 1;
        self.keep(usage);
    }

    /// Keeps the most that was used of anything.
    pub fn keep(&mut self, usage: &Usage) {
        self.most.wall_us = self.most.wall_us.max(usage.wall_us);
        self.most.cpu_us = self.most.cpu_us.max(usage.cpu_us);
        self.most.memory_bytes = self.most.memory_bytes.max(usage.memory_bytes);
        self.most.host_calls = self.most.host_calls.max(usage.host_calls);
        self.most.log_bytes = self.most.log_bytes.max(usage.log_bytes);
        self.most.artifact_bytes = self.most.artifact_bytes.max(usage.artifact_bytes);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |check: &Check| match &check.tool {
            Some(tool) => format!("{tool}: {}", check.name),
            None => check.name.to_owned(),
        };
        let width = self.checks.iter().map(|check| name(check).chars().count()).max().unwrap_or(0);
        for check in &self.checks {
            let status = match check.status {
                Status::Ok => "ok",
                Status::Note => "note",
                Status::Mend => "MEND",
            };
            writeln!(f, "{status:<5} {:<width$}  {}", name(check), check.found)?;
            if let Some(mend) = &check.mend {
                writeln!(f, "{:5} {:width$}  to do: {mend}", "", "")?;
            }
        }
        let to_mend = self.checks.iter().filter(|check| check.status == Status::Mend).count();
        let verdict = match to_mend {
            0 => "it conforms".to_owned(),
            1 => "1 thing to mend".to_owned(),
            more => format!("{more} things to mend"),
        };
        write!(f, "{verdict} ({} calls)", self.calls)
    }
}
