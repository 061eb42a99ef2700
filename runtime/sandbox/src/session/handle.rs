//! An interpreter and its sessions as the rest of the world has them: in this process, or behind a second wall.

use std::fmt;
use std::sync::Arc;

use super::fork::{ForkError, Made};
use super::interpreter::{InterpreterInfo, LocalInterpreter};
use super::run::LocalSession;
use crate::admission::Admitted;
use crate::aot::AotCache;
use crate::artifacts::ArtifactStore;
use crate::branch::{Branch, ToolHost};
use crate::budget::Budget;
use crate::engine::SessionEngine;
use crate::error::Error;
use crate::files::{FileView, TaskFile};
use crate::isolation::{Domain, Isolation, RemoteSession};
use crate::types::{RunReport, RunRequest};
use crate::wasi::stdio::Channel;

/// An admitted interpreter.
pub struct Interpreter {
    place: Place,
}

enum Place {
    Here(Arc<LocalInterpreter>),
    Away(Arc<Domain>),
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("name", &self.name())
            .field("digest", &self.digest())
            .field("isolated", &self.process().is_some())
            .finish_non_exhaustive()
    }
}

impl Interpreter {
    /// Loads it into this process or into one of its own.
    pub(crate) fn load(
        engine: &SessionEngine,
        aot: &AotCache,
        isolation: &Isolation,
        admitted: Admitted,
    ) -> Result<Self, Error> {
        let place = match isolation {
            Isolation::None => Place::Here(Arc::new(LocalInterpreter::load(engine, aot, admitted)?)),
            Isolation::Process(worker) => Place::Away(Arc::new(Domain::load(engine, aot, worker, admitted)?)),
        };
        Ok(Self { place })
    }

    /// The component's file name without the ending.
    pub fn name(&self) -> &str {
        match &self.place {
            Place::Here(here) => here.name(),
            Place::Away(away) => away.name(),
        }
    }

    /// The component's digest.
    pub fn digest(&self) -> &str {
        match &self.place {
            Place::Here(here) => here.digest(),
            Place::Away(away) => away.digest(),
        }
    }

    /// What the interpreter says of itself.
    pub fn info(&self) -> &InterpreterInfo {
        match &self.place {
            Place::Here(here) => here.info(),
            Place::Away(away) => away.info(),
        }
    }

    /// The process that it runs in, if it has one of its own and that is alive.
    pub fn process(&self) -> Option<u32> {
        match &self.place {
            Place::Here(_) => None,
            Place::Away(away) => away.process(),
        }
    }

    /// Opens a session.
    pub fn open(self: &Arc<Self>, options: SessionOptions) -> Result<Session, Error> {
        let SessionOptions { seed, files, store } = options;
        let files = FileView::new(&files)?;
        let live = match &self.place {
            Place::Here(here) => {
                let session = LocalSession::open(Arc::clone(here), seed, files, store)?;
                Live::Here(Box::new(session))
            }
            Place::Away(away) => {
                let session = RemoteSession::open(Arc::clone(away), seed, files, store)?;
                Live::Away(Box::new(session))
            }
        };
        Ok(Session { interpreter: Arc::clone(self), live })
    }
}

/// What a session is opened with.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Decides every random number that the code draws.
    pub seed: u64,
    /// What lies in `/task`.
    pub files: Vec<TaskFile>,
    /// Where artifacts are kept.
    pub store: ArtifactStore,
}

/// One instance of an interpreter and everything its code has made so far.
pub struct Session {
    interpreter: Arc<Interpreter>,
    live: Live,
}

enum Live {
    Here(Box<LocalSession>),
    Away(Box<RemoteSession>),
}

/// Does the same with a session, wherever it is.
macro_rules! with {
    ($live:expr, $session:ident => $work:expr) => {
        match $live {
            Live::Here($session) => $work,
            Live::Away($session) => $work,
        }
    };
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("interpreter", &self.interpreter)
            .field("steps", &self.steps())
            .field("healthy", &self.healthy())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The interpreter that this is a session of.
    pub fn interpreter(&self) -> &Arc<Interpreter> {
        &self.interpreter
    }

    /// How many steps were committed.
    pub fn steps(&self) -> usize {
        with!(&self.live, session => session.steps())
    }

    /// Whether more can be run. When not, [`Self::fork`] gives the state before the run that ended badly.
    pub fn healthy(&self) -> bool {
        with!(&self.live, session => session.healthy())
    }

    /// Files and plugin state after the last committed step.
    pub fn branch(&self) -> &Branch {
        with!(&self.live, session => session.branch())
    }

    /// How it came to be.
    pub fn made(&self) -> &Made {
        with!(&self.live, session => session.made())
    }

    /// A session with the state that this one has after its last committed step. The two share nothing from then on.
    ///
    /// No tool is called for it, and nothing is shown. Made from this session's memory where that is all there is to it, else
    /// by doing its steps again; [`Self::made`] of the fork tells.
    pub fn fork(&self) -> Result<Self, ForkError> {
        self.forked(false)
    }

    /// [`Self::fork`], always by doing the steps again: for comparing the two.
    pub fn fork_by_replay(&self) -> Result<Self, ForkError> {
        self.forked(true)
    }

    fn forked(&self, by_replay: bool) -> Result<Self, ForkError> {
        let live = match &self.live {
            Live::Here(session) if by_replay => Live::Here(Box::new(session.fork_by_replay()?)),
            Live::Here(session) => Live::Here(Box::new(session.fork()?)),
            Live::Away(session) => Live::Away(Box::new(session.fork(by_replay)?)),
        };
        Ok(Self { interpreter: Arc::clone(&self.interpreter), live })
    }

    /// Keeps the state after the last committed step, so that a fork is quick also after a later run that ended badly (which
    /// takes the instance with it). Forking keeps it too. Without it such a fork does the steps again.
    pub fn keep(&self) {
        with!(&self.live, session => session.keep());
    }

    /// Runs agent code. Its tool calls go to `tools`, everything it uses is charged to `budget`.
    ///
    /// On a session that is not [healthy](Self::healthy) nothing is run; the report says so.
    pub fn run(&mut self, request: &RunRequest, tools: &mut dyn ToolHost, budget: &Budget) -> RunReport {
        with!(&mut self.live, session => session.run_with(request, tools, budget, None))
    }

    /// The same, with the output shown to `sink` as it is made.
    pub fn run_live(
        &mut self,
        request: &RunRequest,
        tools: &mut dyn ToolHost,
        budget: &Budget,
        sink: &mut dyn FnMut(Channel, &[u8]),
    ) -> RunReport {
        with!(&mut self.live, session => session.run_with(request, tools, budget, Some(sink)))
    }
}
