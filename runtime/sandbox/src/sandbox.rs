//! The entry: two engines, the cache of compiled components, one ticker.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::admission::{self, Admitted};
use crate::aot::{AotCache, Notice};
use crate::engine::{self, CallComponent, CallEngine, SessionEngine};
use crate::error::Error;
use crate::grants::Grants;
use crate::inspect::Kind;
use crate::seen::Seen;
use crate::session::Interpreter;
use crate::tool::Tool;
use crate::verifier::Verifier;

/// Where a sandbox keeps its things.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The folder of compiled components. Made (0700) if it is not there.
    pub aot_dir: PathBuf,
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
}

impl Sandbox {
    /// Sets up the engines.
    pub fn new(options: SandboxOptions) -> Result<Self, Error> {
        let call = CallEngine::new()?;
        let session = SessionEngine::new(crate::session::memory_creator())?;
        let aot = AotCache::open(&options.aot_dir)?;
        engine::start_ticker(&call, &session)?;
        Ok(Self { inner: Arc::new(Inner { call, session, aot }) })
    }

    /// Sets who is told before a component is compiled (and not taken from the cache): a large one takes seconds.
    /// The first one set stays.
    pub fn on_compile(&self, notice: Notice) {
        self.inner.aot.set_notice(notice);
    }

    /// Loads a plugin of tools.
    pub fn tool(&self, path: &Path, grants: &Grants) -> Result<Arc<Tool>, Error> {
        let admitted = self.admit(path, Kind::Tool, grants)?;
        let component = self.compile(&admitted)?;
        Ok(Arc::new(Tool::load(&self.inner.call, component, &admitted)?))
    }

    /// Loads a verifier.
    pub fn verifier(&self, path: &Path, grants: &Grants) -> Result<Arc<Verifier>, Error> {
        let admitted = self.admit(path, Kind::Verifier, grants)?;
        let component = self.compile(&admitted)?;
        Ok(Arc::new(Verifier::load(&self.inner.call, component, &admitted)?))
    }

    /// Loads a code interpreter.
    pub fn interpreter(&self, path: &Path, grants: &Grants) -> Result<Arc<Interpreter>, Error> {
        let admitted = self.admit(path, Kind::Interpreter, grants)?;
        Ok(Arc::new(Interpreter::load(&self.inner.session, &self.inner.aot, admitted)?))
    }

    fn admit(&self, path: &Path, kind: Kind, grants: &Grants) -> Result<Admitted, Error> {
        // one shelf for all records, whatever engine the component is for
        let seen = Seen { aot: &self.inner.aot, engine: self.inner.call.engine() };
        admission::admit(path, kind, grants, &seen)
    }

    fn compile(&self, admitted: &Admitted) -> Result<CallComponent, Error> {
        let engine = self.inner.call.engine();
        let bytes = || admitted.source.bytes().map(Cow::Borrowed);
        let digest = &admitted.inspection.digest;
        self.inner.aot.component(engine, &admitted.name, digest, bytes).map(CallComponent)
    }
}
