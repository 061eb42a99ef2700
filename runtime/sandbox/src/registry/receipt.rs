//! What was approved, exactly: kept beside the grants, compared at every load.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::grants::Grants;
use crate::inspect::{Inspection, Kind};
use crate::judging::VerifierDescriptor;
use crate::session::InterpreterInfo;
use crate::types::ToolDescriptor;

/// The form of the file.
const VERSION: u32 = 1;

/// What an operator saw when a plugin was added or approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    version: u32,
    /// Where the component lay.
    pub source: std::path::PathBuf,
    /// Its digest then.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it is for.
    pub kind: Kind,
    /// Everything that it asked for.
    pub imports: Vec<String>,
    /// What was in the files that its warm start is handed: their digests, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, String>,
    /// What it said of itself.
    pub described: Described,
    /// When, in seconds since 1970.
    pub approved: u64,
}

/// What a component says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Described {
    /// Its tools.
    Tools(Vec<ToolDescriptor>),
    /// The verifier that it is.
    Verifier(VerifierDescriptor),
    /// The interpreter that it is.
    Interpreter(InterpreterInfo),
}

/// A difference between what was approved and what is there now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is about, for example `tool forecast: description`.
    pub what: String,
    /// As it was approved; nothing if it is new.
    pub before: String,
    /// As it is; nothing if it is gone.
    pub after: String,
}

impl Receipt {
    /// Of a component as it is now.
    pub(super) fn new(
        source: &std::path::Path,
        inspection: &Inspection,
        grants: &Grants,
        described: Described,
    ) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            version: VERSION,
            source: source.to_owned(),
            digest: inspection.digest.clone(),
            size: inspection.size,
            kind: described.kind(),
            imports: inspection.imports.clone(),
            artifacts: grants.artifact_digests(),
            described,
            approved: now.map_or(0, |since| since.as_secs()),
        }
    }

    /// Whether it is of the very same component that says the very same.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let Self { version: _, source, digest, size, kind, imports, artifacts, described, approved: _ } =
            self;
        *source == other.source
            && *digest == other.digest
            && *size == other.size
            && *kind == other.kind
            && *imports == other.imports
            && *artifacts == other.artifacts
            && *described == other.described
    }

    /// Reads a receipt's text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let receipt: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if receipt.version != VERSION {
            return Err(format!("it is of version {}, this is version {VERSION}", receipt.version));
        }
        Ok(receipt)
    }

    /// What of the component's request differs, which is known before anything of it is compiled.
    pub(super) fn changed_request(&self, source: &std::path::Path, imports: &[String]) -> Vec<Change> {
        let mut changes = Changes::default();
        changes.compare("its source", &self.source.display().to_string(), &source.display().to_string());
        let sorted = |imports: &[String]| {
            let mut imports = imports.to_vec();
            imports.sort();
            imports.join(", ")
        };
        changes.compare("what it asks for", &sorted(&self.imports), &sorted(imports));
        changes.found
    }

    /// Which of the files that its warm start is handed hold something else.
    pub(super) fn changed_artifacts(&self, now: &BTreeMap<String, String>) -> Vec<Change> {
        let mut changes = Changes::default();
        let nothing = String::new();
        let names: BTreeSet<&String> = self.artifacts.keys().chain(now.keys()).collect();
        for name in names {
            let before = self.artifacts.get(name).unwrap_or(&nothing);
            changes.compare(&format!("artifact {name}"), before, now.get(name).unwrap_or(&nothing));
        }
        changes.found
    }

    /// What of its own words differs.
    pub(super) fn changed_words(&self, now: &Described) -> Vec<Change> {
        let mut changes = Changes::default();
        match (&self.described, now) {
            (Described::Tools(before), Described::Tools(after)) => changes.tools(before, after),
            (before, after) => changes.compare("what it says of itself", &text(before), &text(after)),
        }
        changes.found
    }
}

impl Described {
    /// What such a component is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Tools(_) => Kind::Tool,
            Self::Verifier(_) => Kind::Verifier,
            Self::Interpreter(_) => Kind::Interpreter,
        }
    }
}

#[derive(Default)]
struct Changes {
    found: Vec<Change>,
}

impl Changes {
    fn compare(&mut self, what: &str, before: &str, after: &str) {
        if before != after {
            // For a person to read, on a terminal: what a schema says must not rearrange the lines.
            let clean = |text: &str| crate::text::clean(text, usize::MAX);
            let (before, after) = (clean(before), clean(after));
            self.found.push(Change { what: what.to_owned(), before, after });
        }
    }

    fn tools(&mut self, before: &[ToolDescriptor], after: &[ToolDescriptor]) {
        let named =
            |tools: &[ToolDescriptor], name: &str| tools.iter().find(|tool| tool.name == name).cloned();
        for was in before {
            let Some(is) = named(after, &was.name) else {
                self.compare(&format!("tool {}", was.name), &was.description, "");
                continue;
            };
            let about = |part: &str| format!("tool {}: {part}", was.name);
            self.compare(&about("title"), &text(&was.title), &text(&is.title));
            self.compare(&about("description"), &was.description, &is.description);
            self.compare(&about("input schema"), &text(&was.input_schema), &text(&is.input_schema));
            self.compare(&about("output schema"), &text(&was.output_schema), &text(&is.output_schema));
            self.compare(&about("hints"), &text(&was.hints), &text(&is.hints));
        }
        for is in after.iter().filter(|is| named(before, &is.name).is_none()) {
            self.compare(&format!("tool {}", is.name), "", &is.description);
        }
    }
}

/// A value's JSON, to compare and to show.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
