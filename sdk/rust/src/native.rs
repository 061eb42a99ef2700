//! The host of a native build, in memory: what [`crate::testing::Host`] sets up and the modules of the interface ask.
//!
//! One per thread, and `cargo test` runs each test in a thread of its own, so tests do not see each other's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::Value;

use crate::chat::{Answer as Answered, ChatError, Question};
use crate::context::Budget;
use crate::fetch::{FetchError, Response};
use crate::kv::Entry;
use crate::testing::{Asked, Record};
use crate::{Failure, Outcome};

/// What answers requests to one URL.
pub type Answer = Rc<dyn Fn(&Asked) -> Result<Response, FetchError>>;

/// What answers calls of one other tool.
pub type OtherTool = Rc<dyn Fn(Value) -> Result<Outcome, Failure>>;

/// What answers questions for one role.
pub type Model = Rc<dyn Fn(&Question) -> Result<Answered, ChatError>>;

/// Everything that the host knows.
pub struct State {
    pub artifacts: HashMap<String, Vec<u8>>,
    pub keys: BTreeMap<String, Entry>,
    /// Never goes back, as in the real one: a key that is written again after it was deleted has another revision.
    pub last_revision: u64,
    pub log: Vec<Record>,
    pub progress: Vec<(f64, String)>,
    pub run_id: String,
    pub budget: Budget,
    pub answers: HashMap<String, Answer>,
    pub requests: Vec<Asked>,
    pub secrets: BTreeSet<String>,
    pub tools: BTreeMap<String, OtherTool>,
    pub models: BTreeMap<String, Model>,
    pub questions: Vec<Question>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            artifacts: HashMap::new(),
            keys: BTreeMap::new(),
            last_revision: 0,
            log: Vec::new(),
            progress: Vec::new(),
            run_id: "native".to_owned(),
            budget: Budget { wall_ms_left: u64::MAX, calls_left: u32::MAX, tokens_left: None },
            answers: HashMap::new(),
            requests: Vec::new(),
            secrets: BTreeSet::new(),
            tools: BTreeMap::new(),
            models: BTreeMap::new(),
            questions: Vec::new(),
        }
    }
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Works on this thread's host. `work` must not run foreign code, which could ask the host again.
pub fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    STATE.with_borrow_mut(work)
}
