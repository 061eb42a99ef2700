//! An admitted interpreter: compiled, linked once, and ready to open sessions.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use super::image::strip;
use super::memory::{AtRest, Image, Place, Start, with_start};
use super::rest;
use super::snapshot::Snapshot;
use super::state::SessionState;
use crate::admission::Admitted;
use crate::aot::AotCache;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::compile::Profile;
use crate::contract::imports;
use crate::contract::interpreter::{Interpreter as Bindings, InterpreterPre};
use crate::engine::{self, SessionEngine};
use crate::error::Error;
use crate::files::FileView;
use crate::host::{self, HostState as _, Phase};
use crate::limits::{self, Limits};
use crate::seen::Source;
use crate::wasi::descriptor::Held;
use crate::{call, stack, text, wasi};

/// What an interpreter says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterpreterInfo {
    /// `python`, `javascript`, …
    pub language: String,
    /// The language's version.
    pub version: String,
    /// Packages beyond the language's own that code may import.
    pub packages: Vec<String>,
}

/// An admitted interpreter in this process.
pub(crate) struct LocalInterpreter {
    name: String,
    digest: String,
    info: InterpreterInfo,
    engine: SessionEngine,
    linked: InterpreterPre<SessionState>,
    /// The snapshot that every instance starts from, if the component had one of the known shape.
    image: Option<Arc<Image>>,
    /// Why a copy of a session's memory is not a copy of the session, if it is not.
    restless: Option<String>,
}

impl fmt::Debug for LocalInterpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalInterpreter")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A live instance.
pub(crate) struct Instance {
    pub store: Store<SessionState>,
    pub bindings: Bindings,
    /// Where its memory lies, if it began with an image.
    place: Option<Arc<Place>>,
    /// What its memory began from, if not from the interpreter's own image.
    pub began: Option<Arc<Snapshot>>,
    /// The handles that its guest held before any agent code ran.
    pub held_at_start: Vec<Held>,
}

impl Instance {
    /// Its memory, while nothing runs.
    pub fn at_rest(&mut self) -> Option<AtRest<'_>> {
        let place = self.place.as_ref()?;
        // SAFETY: the memory is that of the instance in `store`, which lives as long as the store; the guest runs only
        // with a mutable borrow of the store, and all of `self` is borrowed mutably for as long as the result lives.
        Some(unsafe { AtRest::new(place) })
    }

    /// What every instance runs first, so that all hold the same handles from the start. `describe` is where an
    /// interpreter takes those that it will always need (files, for Python): it may use WASI, and nothing of `sport:host`.
    fn prelude(&mut self) -> wasmtime::Result<()> {
        let host = self.store.data_mut().host();
        host.phase = Phase::Describe;
        host.budget.enter_thread();
        let (store, bindings) = (&mut self.store, &self.bindings);
        let describe = || bindings.sport_interpreter_interpreter().call_describe(store).map(drop);
        stack::with_room(limits::SESSION_WASM_STACK + limits::HOST_STACK, describe)??;
        let state = self.store.data_mut();
        state.host().phase = Phase::Work;
        self.held_at_start = state.held();
        Ok(())
    }
}

impl LocalInterpreter {
    /// Compiles (or takes from the cache), links, and asks the component what it is.
    pub(crate) fn load(engine: &SessionEngine, aot: &AotCache, admitted: Admitted) -> Result<Self, Error> {
        let Admitted { name, source, inspection, interfaces, .. } = admitted;
        let compiled = compile(engine, aot, &name, &inspection.digest, &source)?;
        Self::link(engine, &name, &inspection.digest, &interfaces, compiled)?.described()
    }

    /// Links what was compiled. None of the component's code runs.
    pub fn link(
        engine: &SessionEngine,
        name: &str,
        digest: &str,
        interfaces: &[String],
        compiled: Compiled,
    ) -> Result<Self, Error> {
        let Compiled { component, image, restless, .. } = compiled;
        let bad =
            |error: wasmtime::Error| Error::Compile { name: name.to_owned(), reason: format!("{error:#}") };
        let mut linker = Linker::<SessionState>::new(engine.engine());
        wasi::link(&mut linker).map_err(bad)?;
        for interface in interfaces {
            link(&mut linker, interface).map_err(bad)?;
        }
        let linked = linker.instantiate_pre(&component).and_then(InterpreterPre::new).map_err(bad)?;
        Ok(Self {
            name: name.to_owned(),
            digest: digest.to_owned(),
            info: InterpreterInfo { language: String::new(), version: String::new(), packages: Vec::new() },
            engine: engine.clone(),
            linked,
            image,
            restless,
        })
    }

    /// Asks the component what it is.
    pub fn described(mut self) -> Result<Self, Error> {
        let room = limits::SESSION_WASM_STACK + limits::HOST_STACK;
        self.info = stack::with_room(room, || self.describe())
            .map_err(|error| Error::Engine { reason: format!("cannot start a thread: {error}") })??;
        Ok(self)
    }

    /// The component's file name without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's digest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the interpreter says of itself.
    pub fn info(&self) -> &InterpreterInfo {
        &self.info
    }

    /// Why a copy of a session's memory would not be a copy of the session; none if it is.
    pub(super) fn restless(&self) -> Option<&str> {
        self.restless.as_deref()
    }

    /// What the memory of every instance begins with.
    pub(super) fn image(&self) -> Option<&Arc<Image>> {
        self.image.as_ref()
    }

    /// An instance for a session, after its prelude. With a snapshot its memory is made for it; the snapshot itself is
    /// put in later, over what the prelude wrote.
    pub(crate) fn instantiate(
        &self,
        state: SessionState,
        snapshot: Option<&Arc<Snapshot>>,
    ) -> wasmtime::Result<Instance> {
        let mut instance = tracing::trace_span!("instantiate").in_scope(|| self.fresh(state, snapshot))?;
        tracing::trace_span!("prelude").in_scope(|| instance.prelude())?;
        Ok(instance)
    }

    /// An instance of which nothing has run.
    fn fresh(&self, state: SessionState, snapshot: Option<&Arc<Snapshot>>) -> wasmtime::Result<Instance> {
        let mut store = Store::new(self.engine.engine(), state);
        engine::arm(&mut store);
        let start = match (snapshot, &self.image) {
            (Some(snapshot), _) => Some(snapshot.start()),
            (None, Some(image)) => Some(Start { image: Arc::clone(image), size: 0 }),
            (None, None) => None,
        };
        let (bindings, place) = with_start(start, || self.linked.instantiate(&mut store))?;
        Ok(Instance { store, bindings, place, began: snapshot.cloned(), held_at_start: Vec::new() })
    }

    /// Asks the component what it is. Every import of `sport:host` traps meanwhile.
    fn describe(&self) -> Result<InterpreterInfo, Error> {
        let bad = |reason: String| Error::Describe { name: self.name.clone(), reason };
        // The language's runtime is a large thing by itself, so memory and host calls are those of a session.
        let session = Limits::interpreter();
        let limits = Limits {
            memory_bytes: session.memory_bytes,
            host_calls: session.host_calls,
            ..Limits::describe()
        };
        let limits =
            Limits { table_elements: session.table_elements, random_bytes: session.random_bytes, ..limits };
        let budget = Budget::new(limits);
        let mut state = SessionState::new(
            budget.clone(),
            ArtifactStore::new_in_memory(),
            &self.digest,
            FileView::default(),
            0,
        );
        state.host().phase = Phase::Describe;
        budget.enter_thread();
        let mut instance = self.fresh(state, None).map_err(|error| bad(format!("{error:#}")))?;
        let guest = instance.bindings.sport_interpreter_interpreter();
        let info = guest.call_describe(&mut instance.store);
        let info =
            info.map_err(|error| bad(call::judge(&error, instance.store.data_mut().host()).message))?;
        let packages: Vec<String> = info
            .packages
            .iter()
            .take(limits::TOOLS_PER_PLUGIN)
            .map(|package| text::clean_line(package, limits::NAME_BYTES))
            .collect();
        Ok(InterpreterInfo {
            language: text::clean_line(&info.language, limits::NAME_BYTES),
            version: text::clean_line(&info.version, limits::NAME_BYTES),
            packages,
        })
    }
}

/// What the image is called in the cache of compiled components.
const IMAGE: &str = "img";

/// What the reason is called there why sessions cannot be copied by their memory.
const RESTLESS: &str = "restless";

/// The reason where they can: the cache takes an empty file for none.
const AT_REST: &str = "at rest";

/// A compiled component.
pub(crate) struct Compiled {
    pub component: Component,
    /// The image that its memory starts from.
    pub image: Option<Arc<Image>>,
    /// Why its memory is not all of its state, if it is not.
    pub restless: Option<String>,
    /// What its code is kept under.
    pub key: String,
}

/// Compiles, or takes from the cache.
pub(crate) fn compile(
    engine: &SessionEngine,
    aot: &AotCache,
    name: &str,
    digest: &str,
    source: &Source,
) -> Result<Compiled, Error> {
    let engine = engine.engine();
    // Compiled without its data it is another component; the version is that of the way of cutting.
    let cut_digest = format!("{digest}cut2");
    if let Some(file) = aot.beside(engine, &cut_digest, IMAGE)?
        && let Ok(image) = Image::from_file(file)
        && let Some(reason) = aot.beside(engine, &cut_digest, RESTLESS)?
        && let Ok(reason) = std::io::read_to_string(reason)
    {
        let restless = (reason != AT_REST).then_some(reason);
        let component = aot.component(engine, Profile::Session, name, &cut_digest, || {
            strip(source.bytes()?)
                .map(|cut| Cow::Owned(cut.component))
                .map_err(|error| unsuited(name, &error))
        })?;
        return Ok(Compiled { component, image: Some(Arc::new(image)), restless, key: cut_digest });
    }
    let bytes = source.bytes()?;
    match strip(bytes) {
        Ok(cut) => {
            let component = aot.component(engine, Profile::Session, name, &cut_digest, || {
                Ok(Cow::Borrowed(&cut.component[..]))
            })?;
            let restless = rest::check(bytes).err().map(|error| error.to_string());
            if let Some(reason) = &restless {
                tracing::info!(name, %reason, "the interpreter's sessions are forked by replay");
            }
            let reason = restless.as_deref().unwrap_or(AT_REST);
            let kept = aot
                .keep_beside(engine, &cut_digest, RESTLESS, reason.as_bytes())
                .and_then(|()| aot.keep_beside(engine, &cut_digest, IMAGE, &cut.image));
            if let Err(error) = kept {
                tracing::warn!(name, %error, "cannot keep an interpreter's memory image");
            }
            let kept = aot.beside(engine, &cut_digest, IMAGE)?;
            let image = match kept {
                Some(file) => Image::from_file(file),
                None => Image::from_bytes(&cut.image),
            };
            let image = image.map_err(Error::io("map the memory image of", name))?;
            Ok(Compiled { component, image: Some(Arc::new(image)), restless, key: cut_digest })
        }
        // Not even its description could be had, and to lay the memory out would take it here and now.
        Err(super::image::Unsuited::TooLarge(found)) => Err(Error::TooBig {
            name: name.to_owned(),
            what: "its memory at the start in bytes",
            found,
            limit: limits::SESSION_MEMORY_BYTES,
        }),
        Err(reason) => {
            tracing::warn!(name, %reason, "the interpreter's memory cannot be mapped; its sessions start slower");
            let component =
                aot.component(engine, Profile::Session, name, digest, || Ok(Cow::Borrowed(bytes)))?;
            let restless = Some(reason.to_string());
            Ok(Compiled { component, image: None, restless, key: digest.to_owned() })
        }
    }
}

fn unsuited(name: &str, error: &super::image::Unsuited) -> Error {
    Error::Compile { name: name.to_owned(), reason: error.to_string() }
}

/// Links one `sport:host` interface. A session answers three of them itself: output goes to the run, tools are the
/// caller's, and what is left of a budget is recorded for forks.
fn link(linker: &mut Linker<SessionState>, interface: &str) -> wasmtime::Result<()> {
    match interface {
        "output" => imports::output::add_to_linker::<_, HasSelf<SessionState>>(linker, |state| state),
        "context" => imports::context::add_to_linker::<_, HasSelf<SessionState>>(linker, |state| state),
        "tools" => imports::tools::add_to_linker::<_, HasSelf<SessionState>>(linker, |state| state),
        other => host::link(linker, other).map(drop),
    }
}
