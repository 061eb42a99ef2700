//! The checks of a plugin of tools.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{
    ArtifactStore, Budget, Error, Failure, FailureKind, Grants, Limits, Outcome, PluginState, Sandbox,
    Schema, Tool, ToolDescriptor,
};

use super::cases;
use super::draw::Draw;
use super::generate::Generator;
use super::report::Report;

/// Right inputs of a tool that are tried.
const RIGHT: usize = 24;

/// Right inputs that are made wrong in every way.
const MADE_WRONG: usize = 3;

/// What the SDKs and the host answer where arguments are not what the schema asks for. On arguments that fit the schema, it is the schema that is
/// wrong.
const NOT_BY_SCHEMA: &[&str] = &["bad-arguments", "invalid-argument", "missing-argument", "unknown-argument"];

/// What the sandbox answers where it stopped a call.
const STOPPED: &[&str] = &[
    "wall-deadline",
    "cpu-deadline",
    "memory-exhausted",
    "tables-exhausted",
    "host-calls-exhausted",
    "artifacts-exhausted",
    "fuel-exhausted",
    "stack-exhausted",
    "hostcall-exhausted",
    "handles-exhausted",
];

/// What the host answers where a result is not what it must be.
const BAD_VALUE: &str = "bad-guest-value";

/// Repeated calls of a tool that calls itself deterministic: what changes with time may be the same twice.
const REPEATED: usize = 12;

/// A picture of one pixel: what most tools that take a file want, and small.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdac\xfc\xcf\xc0P\x0f\0\x04\x85\x01\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82";

/// Runs them all.
pub fn check(
    sandbox: &Sandbox,
    component: &Path,
    grants: &Grants,
    cases: &[Value],
    report: &mut Report,
) -> Result<(), Error> {
    let tool = sandbox.tool(component, grants)?;
    // a fresh instance is asked again
    let again = sandbox.tool(component, grants)?;
    report.described(tool.descriptors() == again.descriptors());
    let store = ArtifactStore::new_in_memory();
    let files = [
        store.put(PIXEL, "image/png", Some("pixel.png"))?,
        store.put(b"one line\nanother\n", "text/plain", Some("lines.txt"))?,
    ];
    let files = files.iter().filter_map(|file| serde_json::to_value(file).ok()).collect::<Vec<_>>();
    cases::tools(&tool, component, cases, report)?;
    for descriptor in tool.descriptors() {
        let mut run = Run { tool: &tool, descriptor, store: &store, report: &mut *report };
        run.all(&files, cases);
    }
    Ok(())
}

/// One tool at work.
struct Run<'a> {
    tool: &'a Arc<Tool>,
    descriptor: &'a ToolDescriptor,
    store: &'a ArtifactStore,
    report: &'a mut Report,
}

/// What came of right inputs.
#[derive(Default)]
struct Seen {
    done: Vec<(Value, Outcome)>,
    failed: Vec<(Value, Failure)>,
}

impl Run<'_> {
    fn all(&mut self, files: &[Value], cases: &[Value]) {
        let name = self.descriptor.name.clone();
        let schema = match Schema::parse(&self.descriptor.input_schema.to_string(), Some("object")) {
            Ok(schema) => schema,
            Err(reason) => {
                return self.mend(
                    "schema",
                    format!("the input schema cannot be used: {reason}"),
                    "write it within the limits",
                );
            }
        };
        let generator = Generator::new(&schema, files);
        let mut draw = Draw::new(self.tool.digest(), &name);
        let mut right = own_arguments(cases, &name, &schema);
        right.extend(generator.valid(RIGHT, &mut draw));
        self.schema(&generator, right.first());
        let seen = self.right(right);
        self.output(&seen);
        self.wrong(&generator, &seen);
        self.deterministic(&seen);
    }

    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.report.ok(check, Some(&self.descriptor.name), found);
    }

    fn note(&mut self, check: &'static str, found: impl Into<String>, mend: &str) {
        self.report.note(check, Some(&self.descriptor.name), found, mend);
    }

    fn mend(&mut self, check: &'static str, found: impl Into<String>, mend: &str) {
        self.report.mend(check, Some(&self.descriptor.name), found, mend);
    }

    fn call(&mut self, arguments: &Value) -> Result<Outcome, Failure> {
        let budget = Budget::new(Limits::tool());
        let result =
            self.tool.call(&self.descriptor.name, arguments, self.store, &mut PluginState::new(), &budget);
        self.report.used(&budget.usage());
        result
    }

    /// What the schema says of itself.
    fn schema(&mut self, generator: &Generator<'_>, right: Option<&Value>) {
        let raw = &self.descriptor.input_schema;
        let dialect = raw.get("$schema").and_then(Value::as_str);
        if dialect.is_some_and(|dialect| !dialect.contains("2020-12")) {
            let found = format!("it is written for {}", dialect.unwrap_or_default());
            return self.mend("schema", found, "write it for JSON Schema 2020-12, and leave $schema out");
        }
        if self.descriptor.description.trim().is_empty() {
            return self.mend(
                "schema",
                "the tool has no description",
                "say what it does: it is all that a model knows of it",
            );
        }
        let Some(right) = right else {
            let mend =
                "add a case to cases.json, or `examples` to the schema, so that there is something to try";
            return self.note("schema", "no input that it takes could be made up", mend);
        };
        if generator.takes_unknown(right) {
            let mend = "set additionalProperties to false: a model that misspells a name should hear of it";
            return self.note("schema", "it takes arguments of any name", mend);
        }
        self.ok("schema", "valid 2020-12, within the limits, closed");
    }

    /// Inputs that the schema takes.
    fn right(&mut self, right: Vec<Value>) -> Seen {
        let mut seen = Seen::default();
        let before = std::mem::take(&mut self.report.most);
        for arguments in right {
            match self.call(&arguments) {
                Ok(outcome) => seen.done.push((arguments, outcome)),
                Err(failure) => seen.failed.push((arguments, failure)),
            }
        }
        if let Some((arguments, failure)) = seen.failed.iter().find(|(_, failure)| is_limit(failure)) {
            let found = format!("{} on {}", failure.message, shown(arguments));
            self.mend("limits", found, "do less in one call, or refuse what is too much with kind exhausted");
        } else {
            let most = &self.report.most;
            let found =
                format!("at most {} ms and {} MB in a call", most.wall_us / 1000, most.memory_bytes >> 20);
            self.ok("limits", found);
        }
        self.report.keep(&before);
        let tried = seen.done.len() + seen.failed.len();
        let by_schema = |failure: &Failure| NOT_BY_SCHEMA.contains(&failure.code.as_str());
        let broken = |failure: &Failure| failure.kind == FailureKind::Internal && failure.code != BAD_VALUE;
        if let Some((arguments, failure)) = seen.failed.iter().find(|(_, failure)| by_schema(failure)) {
            let found =
                format!("its schema takes {}, the tool does not: {}", shown(arguments), failure.message);
            self.mend("right inputs", found, "make the schema say what the tool takes");
        } else if let Some((arguments, failure)) = seen.failed.iter().find(|(_, failure)| broken(failure)) {
            let found = format!("{} ({}) on {}", failure.message, failure.code, shown(arguments));
            self.mend(
                "right inputs",
                found,
                "answer what cannot be done with a failure of kind invalid-input or not-found",
            );
        } else if seen.done.is_empty()
            && tried > 0
            && !seen.failed.iter().any(|(_, failure)| failure.code == BAD_VALUE)
        {
            let (arguments, failure) = &seen.failed[0];
            let found = format!("none of {tried} was accepted; {} on {}", failure.message, shown(arguments));
            self.note(
                "right inputs",
                found,
                "let the schema say more (enum, pattern, examples), or add a case to cases.json",
            );
        } else if !seen.done.is_empty() {
            let refused = seen.failed.len();
            let found = match refused {
                0 => format!("all {tried} accepted"),
                _ => format!("{} of {tried} accepted, {refused} refused with a reason", seen.done.len()),
            };
            self.ok("right inputs", found);
        }
        let unnamed = |failure: &Failure| failure.code == "unnamed" || failure.message.trim().is_empty();
        if let Some((arguments, failure)) = seen.failed.iter().find(|(_, failure)| unnamed(failure)) {
            let found =
                format!("on {}: code {:?}, message {:?}", shown(arguments), failure.code, failure.message);
            self.mend("failures", found, "give every failure a kebab-case code and a sentence");
        } else if !seen.failed.is_empty() {
            self.ok("failures", format!("{} with code and message", seen.failed.len()));
        }
        seen
    }

    /// What came back is what the output schema says. The host checks it at every call; this says so.
    fn output(&mut self, seen: &Seen) {
        let bad = seen.failed.iter().find(|(_, failure)| failure.code == BAD_VALUE);
        if let Some((arguments, failure)) = bad {
            let found = format!("{} on {}", failure.message, shown(arguments));
            return self.mend(
                "output",
                found,
                "give back what the output schema says, or make the schema say what is given back",
            );
        }
        match (&self.descriptor.output_schema, seen.done.len()) {
            (_, 0) => self.note("output", "no call came back with a result", "add a case to cases.json"),
            (Some(_), count) => self.ok("output", format!("{count} results match the output schema")),
            (None, count) => self.ok("output", format!("{count} results, text or content only")),
        }
    }

    /// Inputs that the schema refuses, given to the component without the host's own check before it.
    fn wrong(&mut self, generator: &Generator<'_>, seen: &Seen) {
        let right = seen.done.iter().map(|(arguments, _)| arguments);
        let right = right.chain(seen.failed.iter().map(|(arguments, _)| arguments)).take(MADE_WRONG);
        let wrong: Vec<_> = right.flat_map(|arguments| generator.wrong(arguments)).collect();
        let count = wrong.len();
        for wrong in wrong {
            let budget = Budget::new(Limits::tool());
            let result =
                self.tool.call_unchecked(&self.descriptor.name, &wrong.arguments, self.store, &budget);
            self.report.used(&budget.usage());
            let found = match result {
                Err(failure) if failure.kind == FailureKind::InvalidInput => continue,
                Err(failure) => format!("{}: {} ({})", wrong.deed, failure.message, failure.code),
                Ok(_) => format!("{}: it was accepted, and the schema refuses it", wrong.deed),
            };
            let mend = "answer arguments that do not fit with kind invalid-input; not every host checks before it calls";
            return self.mend("wrong inputs", found, mend);
        }
        if count > 0 {
            self.ok("wrong inputs", format!("{count} refused with invalid-input"));
        }
    }

    /// The same again gives the same, if the author says so.
    fn deterministic(&mut self, seen: &Seen) {
        if !self.descriptor.hints.deterministic {
            return;
        }
        let rounds = REPEATED.div_ceil(seen.done.len().max(1));
        for (arguments, outcome) in &seen.done {
            for _ in 0..rounds {
                if self.call(arguments).as_ref() != Ok(outcome) {
                    let found = format!("another result on the same input {}", shown(arguments));
                    let mend = "take the hint off, or what changes between calls out";
                    return self.mend("deterministic", found, mend);
                }
            }
        }
        if !seen.done.is_empty() {
            let count = rounds * seen.done.len();
            self.ok("deterministic", format!("{count} calls repeated with the same result"));
        }
    }
}

/// Whether the sandbox stopped the call.
fn is_limit(failure: &Failure) -> bool {
    STOPPED.contains(&failure.code.as_str())
}

/// The arguments of the author's own cases that the schema takes as they stand.
fn own_arguments(cases: &[Value], name: &str, schema: &Schema) -> Vec<Value> {
    let own = cases.iter().filter(|case| case["tool"] == *name && case.get("files").is_none());
    let own =
        own.filter_map(|case| case.get("arguments")).filter(|arguments| schema.check(arguments).is_ok());
    own.cloned().collect()
}

/// A value, cut to what fits into a line.
pub fn shown(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
