//! Chat templates: a list of messages to one text, byte for byte as `transformers` renders it.
//!
//! The templates that models bring are Jinja as Python's HF library sets it up: blocks trimmed, Python's string
//! methods, its `tojson`, `raise_exception` and `strftime_now`. minijinja is set up to the same effect. Templates
//! are somebody else's text: they have no access to anything but the messages, and their work is bounded by fuel.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Work that one rendering may take, in instructions and bytes written: a thousand messages of a page each need less.
const FUEL: u64 = 10_000_000;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Text.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: content.into() }
    }
}

/// What a template may use besides the messages.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// End with the beginning of an assistant's message.
    pub add_generation_prompt: bool,
    /// Tool descriptions, or null.
    pub tools: serde_json::Value,
    /// Text of the beginning-of-sequence token.
    pub bos_token: String,
    /// Text of the end-of-sequence token.
    pub eos_token: String,
}

/// Renders a chat template over messages of any JSON form.
pub fn render(template: &str, messages: &serde_json::Value, context: &Context) -> Result<String, Error> {
    let mut environment = environment(false)?;
    let template = remove_generation_marks(template);
    environment.add_template("chat template", &template).map_err(explain)?;
    let values = minijinja::context! {
        messages => Serde(messages),
        tools => Serde(&context.tools),
        documents => Value::from(()),
        add_generation_prompt => context.add_generation_prompt,
        bos_token => context.bos_token.as_str(),
        eos_token => context.eos_token.as_str(),
    };
    environment.get_template("chat template").and_then(|template| template.render(values)).map_err(explain)
}

/// One line about a template that failed.
pub(crate) fn explain(error: minijinja::Error) -> Error {
    Error::BadRequest(explain_text(&error))
}

pub(crate) fn explain_text(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{}{line}: {detail}", error.name().unwrap_or("template"))
}

/// Jinja as HF sets it up; also what prompt forms are written in.
pub(crate) fn environment(keep_last_newline: bool) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(keep_last_newline)
        .build()
        .map_err(explain)?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(format_like_python);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_function("raise_exception", |message: String| -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| strftime(&format));
    Ok(environment)
}

/// `{% generation %}` marks what an assistant wrote, for training on whole conversations. It renders nothing.
fn remove_generation_marks(template: &str) -> String {
    let mut out = template.to_owned();
    for word in ["generation", "endgeneration"] {
        for open in ["{%", "{%-"] {
            for close in ["%}", "-%}"] {
                // An `if true` block trims white space as the mark does and changes nothing else.
                let body = if word == "generation" { "if true" } else { "endif" };
                out = out.replace(&format!("{open} {word} {close}"), &format!("{open} {body} {close}"));
            }
        }
    }
    out
}

/// Prints `True`, `False` and `None` as Python does.
fn format_like_python(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    let text = match value.kind() {
        ValueKind::None => Some("None"),
        ValueKind::Bool => Some(if value.is_true() { "True" } else { "False" }),
        _ => None,
    };
    match text {
        Some(text) => out.write_str(text).map_err(|_| minijinja::Error::from(ErrorKind::WriteFailure)),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// `json.dumps(value, ensure_ascii=False, indent=…)`: Python puts blanks after `,` and `:`.
fn tojson(value: &Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Accepted and of no effect, as in HF's own defaults.
    let _: Option<bool> = options.get("ensure_ascii")?;
    let _: Option<Value> = options.get("separators")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let mut json = serde_json::to_value(value)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    if sort_keys == Some(true) {
        json.sort_all_objects();
    }
    let mut out = String::new();
    dump(&json, indent, 0, &mut out);
    Ok(Value::from_safe_string(out))
}

fn dump(value: &serde_json::Value, indent: Option<usize>, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    let separator = if indent.is_some() { "," } else { ", " };
    let items: Vec<(Option<&String>, &serde_json::Value)> = match value {
        serde_json::Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        serde_json::Value::Object(items) => items.iter().map(|(key, item)| (Some(key), item)).collect(),
        // With `ensure_ascii` off, Python and serde_json escape the same characters in the same way.
        plain => return out.push_str(&plain.to_string()),
    };
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (index, (key, item)) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        line(depth + 1, out);
        if let Some(key) = key {
            out.push_str(&serde_json::Value::String((*key).clone()).to_string());
            out.push_str(": ");
        }
        dump(item, indent, depth + 1, out);
    }
    if !items.is_empty() {
        line(depth, out);
    }
    out.push(close);
}

/// The date that every template sees. A prompt that held the day of its rendering would make equal runs differ.
const TODAY: (u32, &str, &str, &str, &str, u32) = (1, "01", "Jan", "January", "Thursday", 2026);

/// Python's `strftime` of 1 January 2026, midnight.
fn strftime(format: &str) -> Result<String, minijinja::Error> {
    let (day, month, month_short, month_long, weekday, year) = TODAY;
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('m') => out.push_str(month),
            Some('b') => out.push_str(month_short),
            Some('B') => out.push_str(month_long),
            Some('A') => out.push_str(weekday),
            Some('a') => out.push_str(&weekday[..3]),
            Some('Y') => out.push_str(&year.to_string()),
            Some('y') => out.push_str(&format!("{:02}", year % 100)),
            Some('H' | 'M' | 'S') => out.push_str("00"),
            Some('%') => out.push('%'),
            other => {
                let message = format!("strftime_now does not know %{}", other.unwrap_or(' '));
                return Err(minijinja::Error::new(ErrorKind::InvalidOperation, message));
            }
        }
    }
    Ok(out)
}
