//! The entry: two engines, the cache of compiled components, one ticker.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::admission::{self, Admitted};
use crate::aot::{AotCache, Notice};
use crate::chat::Models;
use crate::compile::{Compiler, Profile};
use crate::engine::{self, CallComponent, CallEngine, SessionEngine};
use crate::error::Error;
use crate::grants::Grants;
use crate::inspect::{self, Inspection, Kind};
use crate::isolation::Isolation;
use crate::registry::Described;
use crate::seen::Seen;
use crate::session::Interpreter;
use crate::tool::Tool;
use crate::verifier::Verifier;
use crate::warm;

/// Where a sandbox keeps its things.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The folder of compiled components. Made (0700) if it is not there.
    pub aot_dir: PathBuf,
    /// Where components are compiled that are not in that folder yet.
    pub compiler: Compiler,
    /// Where interpreters run.
    pub isolation: Isolation,
    /// The models that components may be granted to ask.
    pub models: Models,
}

impl SandboxOptions {
    /// This folder; components are compiled, and interpreters run, in this process.
    pub fn new(aot_dir: impl Into<PathBuf>) -> Self {
        Self {
            aot_dir: aot_dir.into(),
            compiler: Compiler::default(),
            isolation: Isolation::default(),
            models: Models::none(),
        }
    }
}

/// Admits components. Clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    call: CallEngine,
    session: SessionEngine,
    aot: AotCache,
    isolation: Isolation,
    models: Models,
}

impl Sandbox {
    /// Sets up the engines.
    pub fn new(options: SandboxOptions) -> Result<Self, Error> {
        let call = CallEngine::new()?;
        let session = SessionEngine::new(crate::session::memory_creator())?;
        let aot = AotCache::open(&options.aot_dir, options.compiler)?;
        engine::start_ticker(&[call.engine(), session.engine()])?;
        let SandboxOptions { isolation, models, .. } = options;
        Ok(Self { inner: Arc::new(Inner { call, session, aot, isolation, models }) })
    }

    /// Sets who is told before a component is compiled (and not taken from the cache): a large one takes seconds.
    /// The first one set stays.
    pub fn on_compile(&self, notice: Notice) {
        self.inner.aot.set_notice(notice);
    }

    /// Loads a plugin of tools: one that was built for this, or a component that knows nothing of it, whose functions are its
    /// tools then.
    pub fn tool(&self, path: &Path, grants: &Grants) -> Result<Arc<Tool>, Error> {
        let name = inspect::stem(path);
        let (inspection, source) = self.seen().inspect(&name, path)?;
        let kind = if inspection.kind == Some(Kind::Foreign) { Kind::Foreign } else { Kind::Tool };
        let admitted = admission::decide(name, inspection, source, kind, grants)?;
        self.load_tool(&admitted).map(Arc::new)
    }

    /// Loads a verifier.
    pub fn verifier(&self, path: &Path, grants: &Grants) -> Result<Arc<Verifier>, Error> {
        let admitted = self.admit(path, Kind::Verifier, grants)?;
        self.load_verifier(&admitted).map(Arc::new)
    }

    /// Loads a code interpreter.
    pub fn interpreter(&self, path: &Path, grants: &Grants) -> Result<Arc<Interpreter>, Error> {
        let admitted = self.admit(path, Kind::Interpreter, grants)?;
        self.load_interpreter(admitted).map(Arc::new)
    }

    /// Loads whatever kind of plugin it is, if `check` has nothing against what was found in it. Nothing is compiled before.
    pub(crate) fn load(
        &self,
        name: &str,
        path: &Path,
        grants: &Grants,
        check: impl FnOnce(&Inspection) -> Result<(), Error>,
    ) -> Result<(Loaded, Inspection), Error> {
        let (inspection, source) = self.seen().inspect(name, path)?;
        check(&inspection)?;
        let kind = inspection
            .kind
            .ok_or_else(|| admission::wrong_kind(name, "tool, verifier or interpreter", &inspection))?;
        let found = inspection.clone();
        let admitted = admission::decide(name.to_owned(), inspection, source, kind, grants)?;
        let loaded = match kind {
            Kind::Tool | Kind::Foreign => Loaded::Tool(Box::new(self.load_tool(&admitted)?)),
            Kind::Verifier => Loaded::Verifier(Box::new(self.load_verifier(&admitted)?)),
            Kind::Interpreter => Loaded::Interpreter(Box::new(self.load_interpreter(admitted)?)),
        };
        Ok((loaded, found))
    }

    fn admit(&self, path: &Path, kind: Kind, grants: &Grants) -> Result<Admitted, Error> {
        let name = inspect::stem(path);
        let (inspection, source) = self.seen().inspect(&name, path)?;
        admission::decide(name, inspection, source, kind, grants)
    }

    /// One shelf for all records, whatever engine the component is for.
    fn seen(&self) -> Seen<'_> {
        Seen { aot: &self.inner.aot, engine: self.inner.call.engine() }
    }

    fn load_tool(&self, admitted: &Admitted) -> Result<Tool, Error> {
        let Inner { call, session, aot, models, .. } = &*self.inner;
        let component = if warm::wanted(&admitted.inspection) {
            warm::component(call, session, aot, admitted)?
        } else {
            self.compile(admitted)?
        };
        Tool::load(call, component, admitted, models)
    }

    fn load_verifier(&self, admitted: &Admitted) -> Result<Verifier, Error> {
        Verifier::load(&self.inner.call, self.compile(admitted)?, admitted, &self.inner.models)
    }

    fn load_interpreter(&self, admitted: Admitted) -> Result<Interpreter, Error> {
        Interpreter::load(&self.inner.session, &self.inner.aot, &self.inner.isolation, admitted)
    }

    fn compile(&self, admitted: &Admitted) -> Result<CallComponent, Error> {
        let engine = self.inner.call.engine();
        let bytes = || admitted.source.bytes().map(Cow::Borrowed);
        let digest = &admitted.inspection.digest;
        self.inner.aot.component(engine, Profile::Call, &admitted.name, digest, bytes).map(CallComponent)
    }
}

/// A plugin of some kind.
pub(crate) enum Loaded {
    Tool(Box<Tool>),
    Verifier(Box<Verifier>),
    Interpreter(Box<Interpreter>),
}

impl Loaded {
    /// What it says of itself.
    pub fn described(&self) -> Described {
        match self {
            Self::Tool(tool) => Described::Tools(tool.descriptors().to_vec()),
            Self::Verifier(verifier) => Described::Verifier(verifier.descriptor().clone()),
            Self::Interpreter(interpreter) => Described::Interpreter(interpreter.info().clone()),
        }
    }
}
