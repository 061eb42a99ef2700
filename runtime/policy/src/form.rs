//! Prompt forms: how a step becomes a prompt, and how what the policy wrote becomes an action.
//!
//! Small models live or die by this: the same model that solves one task in six in a raw few-shot form solves
//! none through its chat template. So it is a file that a run names in its config, and its digest is stored.
//!
//! # The file
//!
//! TOML; unknown keys are errors. `examples/forms/few-shot.toml` is a commented example.
//!
//! ```toml
//! form = 1                   # version of this format
//! kind = "raw"               # or "chat"
//! max_tokens = 96            # of one action
//! stop = ["\n```"]           # an action ends where one of these appears; it is cut off
//! primer = "```python\n"     # the beginning of every answer, written into the prompt; may be empty
//! observation_chars = 400    # longer observations keep their beginning and their end
//!
//! [raw]
//! # The whole prompt before the primer. A line break at the end stays.
//! template = '''
//! Question: {{ query }}
//! {% for step in steps %}
//! …
//! {% endfor %}
//! '''
//!
//! [chat]                     # instead of [raw], with kind = "chat"; needs a model with a chat template
//! system = '''…'''           # optional
//! user = '''{{ query }}'''
//! assistant = '''{{ step.thought }}…{{ step.code }}'''     # a past step's action
//! observation = '''{{ step.observation }}'''               # what came of it, as the next user message
//! [[chat.examples]]          # optional, between system and user
//! role = "user"
//! content = "…"
//! ```
//!
//! Templates are Jinja (minijinja, blocks trimmed as in chat templates) over
//! `query`; `files` (list of names); `captions` (list of texts, one a file, or empty); `tools` (list of `{name,
//! signature, description}`); `steps` (list of `{thought, code, observation}`, oldest first); `depth` (number of
//! past steps). In `[chat]`, `assistant` and `observation` see `step` as well.
//!
//! # The action
//!
//! `primer` and the sample's text are read as one text. The code is what stands in its first code fence
//! (three backticks with or without `python` or `py`), up to the closing fence or to the end. What stands
//! before is the thought, without the labels `Thought:` and `Code:`; it may be empty. With no fence at all, or no code in it,
//! there is no action. With `fence = false` the whole text is code.
//!
//! # Text that is not ours
//!
//! Queries, captions, observations and old actions come from outside. `<|` in them is written as `< |`, so that
//! a photograph's caption or a program's output cannot play the part of a special token and end a turn.

use std::path::Path;

use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::{bad, hex};
use crate::template::{self, Message};

/// Version of the file format.
const VERSION: u32 = 1;

/// What a form is rendered over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepText {
    /// The task's query.
    pub query: String,
    /// Names of the task's files, as agent code may write them.
    pub files: Vec<String>,
    /// A caption per file, or none at all.
    pub captions: Vec<String>,
    /// The tools that agent code may call.
    pub tools: Vec<ToolText>,
    /// Past steps, oldest first.
    pub steps: Vec<PastStep>,
    /// Number of past steps.
    pub depth: u32,
}

/// A tool, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolText {
    /// Its name.
    pub name: String,
    /// How it is called: `image_info(image=)`.
    pub signature: String,
    /// What it does.
    pub description: String,
}

/// A step that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastStep {
    /// The winner's thought.
    pub thought: String,
    /// The winner's code.
    pub code: String,
    /// What came of it, whole: the form cuts it.
    pub observation: String,
}

/// What a policy does in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Action {
    /// May be empty.
    pub thought: String,
    /// Never empty.
    pub code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Raw,
    Chat,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormFile {
    form: u32,
    kind: Kind,
    max_tokens: u32,
    #[serde(default)]
    stop: Vec<String>,
    #[serde(default)]
    primer: String,
    #[serde(default = "default_observation_chars")]
    observation_chars: usize,
    #[serde(default = "yes")]
    fence: bool,
    raw: Option<RawForm>,
    chat: Option<ChatForm>,
}

/// Enough for a short traceback or a result; a small model loses the question behind more.
fn default_observation_chars() -> usize {
    800
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForm {
    template: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChatForm {
    system: Option<String>,
    user: String,
    assistant: String,
    observation: String,
    #[serde(default)]
    examples: Vec<Example>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    role: Role,
    content: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Role {
    User,
    Assistant,
}

/// A prompt form that was read and checked.
#[derive(Clone, Debug)]
pub struct PromptForm {
    file: FormFile,
    body: Body,
    digest: String,
}

#[derive(Clone, Debug)]
enum Body {
    Raw(RawForm),
    Chat(ChatForm),
}

impl PromptForm {
    /// Reads a form file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            what: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|message| bad(path, message))
    }

    /// Reads a form from text; the error says what is wrong in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut file: FormFile = toml::from_str(text).map_err(|error| one_line(text, &error))?;
        if file.form != VERSION {
            return Err(format!(
                "`form = {}` is a version that this program does not read; use {VERSION}",
                file.form
            ));
        }
        if file.max_tokens == 0 {
            return Err("`max_tokens` is 0; give the length of an action in tokens".to_owned());
        }
        if file.observation_chars < 16 {
            return Err("`observation_chars` is below 16; give at least that".to_owned());
        }
        if file.stop.iter().any(String::is_empty) {
            return Err("`stop` holds an empty string; remove it".to_owned());
        }
        let body = match (file.kind, file.raw.take(), file.chat.take()) {
            (Kind::Raw, Some(raw), None) => Body::Raw(raw),
            (Kind::Chat, None, Some(chat)) => Body::Chat(chat),
            (Kind::Raw, ..) => return Err("`kind = \"raw\"` needs a [raw] table and no other".to_owned()),
            (Kind::Chat, ..) => return Err("`kind = \"chat\"` needs a [chat] table and no other".to_owned()),
        };
        let form = Self { file, body, digest: format!("sha256:{}", hex(&Sha256::digest(text))) };
        form.check()?;
        Ok(form)
    }

    /// Renders a made-up step, so that a mistake in a template shows when the file is read.
    fn check(&self) -> Result<(), String> {
        let probe = StepText {
            query: "query".to_owned(),
            files: vec!["file".to_owned()],
            captions: vec!["caption".to_owned()],
            tools: vec![ToolText::default()],
            steps: vec![PastStep { code: "code".to_owned(), ..PastStep::default() }],
            depth: 1,
        };
        let rendered = match &self.body {
            Body::Raw(raw) => self.text("[raw] template", &raw.template, &probe, None),
            Body::Chat(chat) => self
                .messages(chat, &probe)
                .map(|messages| messages.into_iter().map(|message| message.content).collect::<String>()),
        }
        .map_err(|error| error.to_string())?;
        if rendered.contains("query") { Ok(()) } else { Err("no template uses {{ query }}".to_owned()) }
    }

    /// `sha256:` of the file's text.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// At most this many tokens per action.
    pub fn max_tokens(&self) -> u32 {
        self.file.max_tokens
    }

    /// Where an action ends.
    pub fn stop(&self) -> &[String] {
        &self.file.stop
    }

    /// The end of every prompt, and the beginning of every answer.
    pub fn primer(&self) -> &str {
        &self.file.primer
    }

    /// Whether [`PromptForm::render`] needs the model's chat template.
    pub fn needs_chat_template(&self) -> bool {
        matches!(self.body, Body::Chat(_))
    }

    /// The prompt of a step, primer included.
    pub fn render(&self, step: &StepText, chat_template: Option<&str>) -> Result<String, Error> {
        let step = self.tame(step);
        let mut prompt = match &self.body {
            Body::Raw(raw) => self.text("[raw] template", &raw.template, &step, None)?,
            Body::Chat(chat) => {
                let template = chat_template.ok_or_else(|| {
                    Error::BadRequest(
                        "the prompt form is of kind \"chat\", but the model brings no chat template; use a form of \
                         kind \"raw\""
                            .to_owned(),
                    )
                })?;
                let messages = serde_json::to_value(self.messages(chat, &step)?)
                    .map_err(|error| Error::BadRequest(error.to_string()))?;
                let context =
                    template::Context { add_generation_prompt: true, ..template::Context::default() };
                template::render(template, &messages, &context)?
            }
        };
        prompt.push_str(&self.file.primer);
        Ok(prompt)
    }

    /// The messages of a chat form, old actions and their observations in turn.
    fn messages(&self, chat: &ChatForm, step: &StepText) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        if let Some(system) = &chat.system {
            messages.push(Message::new("system", self.text("[chat] system", system, step, None)?));
        }
        messages.extend(chat.examples.iter().map(|example| {
            let role = match example.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            Message::new(role, example.content.clone())
        }));
        messages.push(Message::new("user", self.text("[chat] user", &chat.user, step, None)?));
        for past in &step.steps {
            let action = self.text("[chat] assistant", &chat.assistant, step, Some(past))?;
            let observation = self.text("[chat] observation", &chat.observation, step, Some(past))?;
            messages.push(Message::new("assistant", action));
            messages.push(Message::new("user", observation));
        }
        Ok(messages)
    }

    fn text(
        &self,
        name: &str,
        source: &str,
        step: &StepText,
        past: Option<&PastStep>,
    ) -> Result<String, Error> {
        // A raw prompt goes on where the template ends, so its last line break counts; a message has none.
        let environment = template::environment(matches!(self.body, Body::Raw(_)))?;
        let values = minijinja::context! {
            query => step.query.as_str(),
            files => Serde(&step.files),
            captions => Serde(&step.captions),
            tools => Serde(&step.tools),
            steps => Serde(&step.steps),
            depth => step.depth,
            step => past.map_or(Value::UNDEFINED, |past| Serde(past).into()),
        };
        environment
            .template_from_named_str(name, source)
            .and_then(|template| template.render(values))
            .map_err(|error| Error::BadRequest(format!("prompt form: {}", template::explain_text(&error))))
    }

    /// The step with observations cut and special tokens taken apart.
    fn tame(&self, step: &StepText) -> StepText {
        let tame = |text: &String| text.replace("<|", "< |");
        StepText {
            query: tame(&step.query),
            files: step.files.iter().map(tame).collect(),
            captions: step.captions.iter().map(tame).collect(),
            tools: step.tools.clone(),
            steps: step
                .steps
                .iter()
                .map(|past| PastStep {
                    thought: tame(&past.thought),
                    code: tame(&past.code),
                    observation: tame(&self.observation(&past.observation)),
                })
                .collect(),
            depth: step.depth,
        }
    }

    /// An observation as the policy gets to see it: white space at the ends cut, the middle left out if it is long.
    pub fn observation(&self, text: &str) -> String {
        let text = text.trim_end();
        let most = self.file.observation_chars;
        let length = text.chars().count();
        if length <= most {
            return text.to_owned();
        }
        // The end of a traceback says what is wrong, the beginning of an output says what it is.
        let (head, tail) = (most / 2, most - most / 2);
        let start: String = text.chars().take(head).collect();
        let end: String = text.chars().skip(length - tail).collect();
        format!("{start}\n... ({} characters left out) ...\n{end}", length - head - tail)
    }

    /// The action in a sample's text, or `None` when it holds no code.
    pub fn parse_action(&self, text: &str) -> Option<Action> {
        let full = format!("{}{text}", self.file.primer);
        if !self.file.fence {
            return action("", &full);
        }
        let (before, code) = split_fence(&full)?;
        action(before, code)
    }
}

/// Thought and code, cleaned.
fn action(thought: &str, code: &str) -> Option<Action> {
    // Empty lines at the front and white space at the end mean nothing; indentation does.
    let mut code = code.trim_end();
    while let Some((line, rest)) = code.split_once('\n')
        && line.trim().is_empty()
    {
        code = rest;
    }
    if code.trim().is_empty() {
        return None;
    }
    let thought = thought.trim();
    let thought = thought.strip_prefix("Thought:").unwrap_or(thought).trim_start();
    let thought = thought.strip_suffix("Code:").unwrap_or(thought).trim_end();
    Some(Action { thought: thought.to_owned(), code: code.to_owned() })
}

/// What stands before the first fence, and what stands in it.
fn split_fence(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once("```")?;
    // The rest of the opening line is the language; anything else there means that it is no opening fence.
    let (language, body) = after.split_once('\n')?;
    if !matches!(language.trim(), "" | "python" | "py" | "python3") {
        return None;
    }
    // A fence closes at the beginning of a line: backticks inside a string do not.
    let end = if body.starts_with("```") { Some(0) } else { body.find("\n```") };
    Some((before, end.map_or(body, |end| &body[..end])))
}

/// What is wrong in a TOML file, with the line.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        format!("line {}: ", before.matches('\n').count() + 1)
    });
    format!(
        "{}{}",
        line.unwrap_or_default(),
        error.message().split_whitespace().collect::<Vec<_>>().join(" ")
    )
}
