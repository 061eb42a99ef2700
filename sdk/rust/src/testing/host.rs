//! The host of a native test.

use std::marker::PhantomData;
use std::rc::Rc;

use serde_json::Value;

use super::{Judge, Tool};
use crate::chat::{Answer, ChatError, Question};
use crate::context::Budget;
use crate::fetch::{FetchError, Response};
use crate::native::{self, State};
use crate::verify::{Judgement, Step};
use crate::{Artifact, Failure, Outcome, log};

/// A host in memory. From [`Host::new`] until it is dropped it is the host of this thread: what the plugin asks, and what the test
/// itself does through [`crate::kv`] and the others, reaches it. Nothing outside is reached.
///
/// ```
/// use sport_sdk::fetch::{Request, Response};
/// use sport_sdk::testing::Host;
///
/// let host = Host::new();
/// host.answer("https://api.example.com/now", Response { status: 200, body: b"warm".to_vec(), ..Response::default() });
/// assert_eq!(Request::get("https://api.example.com/now").send()?.text(), "warm");
/// assert_eq!(host.requests()[0].url, "https://api.example.com/now");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub struct Host {
    /// The thread's host before this one, which comes back after it.
    before: Option<State>,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

/// A log record of the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How much it matters.
    pub level: log::Level,
    /// What it says.
    pub message: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// A request that the plugin made. Where a header has a secret in it, its value is the prefix and `<NAME>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// For example `GET`.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body, empty where there is none.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Host")
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            native::with(|state| *state = before);
        }
    }
}

impl Host {
    /// A host with nothing in it.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// assert!(sport_sdk::kv::keys("")?.is_empty());
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn new() -> Self {
        let before = native::with(std::mem::take);
        Self { before: Some(before), thread: PhantomData }
    }

    /// Calls a tool of the plugin.
    ///
    /// ```
    /// use sport_sdk::{json, testing::Host, tool};
    ///
    /// /// Doubles a number.
    /// #[tool]
    /// fn double(number: i64) -> i64 {
    ///     number * 2
    /// }
    ///
    /// let failure = Host::new().call(SPORT_TOOLS, "double", json!({})).unwrap_err();
    /// assert_eq!(failure.code, "missing-argument");
    /// ```
    pub fn call(&self, tools: &'static [Tool], name: &str, arguments: Value) -> Result<Outcome, Failure> {
        super::call(tools, name, arguments)
    }

    /// Judges a step; an example is at [`super::judge`].
    pub fn judge(&self, judge: &Judge, step: &Step, config: Value) -> Result<Vec<Judgement>, Failure> {
        super::judge(judge, step, config)
    }

    /// Puts a file into the store, for the plugin to be given.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// assert_eq!(host.file("a.txt", "text/plain", b"hi").text()?, "hi");
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn file(&self, name: &str, media_type: &str, bytes: &[u8]) -> Artifact {
        crate::artifact::store(bytes.to_vec(), media_type.to_owned(), Some(name.to_owned()))
    }

    /// Answers requests to this URL; an example is at [`Host`].
    pub fn answer(&self, url: &str, response: Response) {
        self.answer_with(url, move |_| Ok(response.clone()));
    }

    /// Answers requests to this URL with what a function makes of them.
    ///
    /// ```
    /// use sport_sdk::fetch::{Request, Response};
    ///
    /// let host = sport_sdk::testing::Host::new();
    /// host.answer_with("https://example.com/", |asked| Ok(Response { body: asked.body.clone(), ..Response::default() }));
    /// assert_eq!(Request::post("https://example.com/", b"echo").send()?.text(), "echo");
    /// # Ok::<(), sport_sdk::Failure>(())
    /// ```
    pub fn answer_with(&self, url: &str, answer: impl Fn(&Asked) -> Result<Response, FetchError> + 'static) {
        native::with(|state| state.answers.insert(url.to_owned(), Rc::new(answer)));
    }

    /// Knows a secret of this name.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// host.secret("token");
    /// assert!(sport_sdk::secrets::Secret::lookup("token").is_ok());
    /// ```
    pub fn secret(&self, name: &str) {
        native::with(|state| state.secrets.insert(name.to_owned()));
    }

    /// Has another tool that the plugin may call; an example is at [`crate::tools`].
    pub fn tool(&self, name: &str, tool: impl Fn(Value) -> Result<Outcome, Failure> + 'static) {
        native::with(|state| state.tools.insert(name.to_owned(), Rc::new(tool)));
    }

    /// Has a model for this role; examples are at [`crate::chat`].
    pub fn model(&self, role: &str, model: impl Fn(&Question) -> Result<Answer, ChatError> + 'static) {
        native::with(|state| state.models.insert(role.to_owned(), Rc::new(model)));
    }

    /// The questions that the plugin asked of models.
    ///
    /// ```
    /// use sport_sdk::chat::Question;
    ///
    /// let host = sport_sdk::testing::Host::new();
    /// let _ = Question::new("judge").user("hello?").ask();
    /// assert_eq!(host.questions()[0].model, "judge");
    /// ```
    pub fn questions(&self) -> Vec<Question> {
        native::with(|state| state.questions.clone())
    }

    /// Says what is left of the caller's budget.
    ///
    /// ```
    /// use sport_sdk::context::{self, Budget};
    ///
    /// let host = sport_sdk::testing::Host::new();
    /// host.budget(Budget { wall_ms_left: 10, calls_left: 0, tokens_left: None });
    /// assert_eq!(context::remaining().wall_ms_left, 10);
    /// ```
    pub fn budget(&self, budget: Budget) {
        native::with(|state| state.budget = budget);
    }

    /// Says what the run is called.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// host.run_id("run-7");
    /// assert_eq!(sport_sdk::context::run_id(), "run-7");
    /// ```
    pub fn run_id(&self, id: &str) {
        native::with(|state| state.run_id = id.to_owned());
    }

    /// What the plugin wrote to the log.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// sport_sdk::log::warn("odd");
    /// assert_eq!(host.log()[0].message, "odd");
    /// ```
    pub fn log(&self) -> Vec<Record> {
        native::with(|state| state.log.clone())
    }

    /// How far the plugin said that it was.
    ///
    /// ```
    /// let host = sport_sdk::testing::Host::new();
    /// sport_sdk::context::progress(0.5, "half");
    /// assert_eq!(host.progress(), [(0.5, "half".to_owned())]);
    /// ```
    pub fn progress(&self) -> Vec<(f64, String)> {
        native::with(|state| state.progress.clone())
    }

    /// The requests that the plugin made; an example is at [`Host`].
    pub fn requests(&self) -> Vec<Asked> {
        native::with(|state| state.requests.clone())
    }
}
