//! An admitted interpreter: compiled, linked once, and ready to open sessions.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::{HasSelf, Linker};

use super::image::strip;
use super::memory::{Image, with_image};
use super::run::{Session, SessionOptions};
use super::state::SessionState;
use crate::admission::Admitted;
use crate::aot::AotCache;
use crate::artifacts::ArtifactStore;
use crate::budget::Budget;
use crate::contract::imports;
use crate::contract::interpreter::{Interpreter as Bindings, InterpreterPre};
use crate::engine::{self, SessionEngine};
use crate::error::Error;
use crate::files::FileView;
use crate::host::{self, HostState as _, Phase};
use crate::limits::{self, Limits};
use crate::seen::Source;
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

/// An admitted interpreter.
pub struct Interpreter {
    name: String,
    digest: String,
    info: InterpreterInfo,
    engine: SessionEngine,
    linked: InterpreterPre<SessionState>,
    /// The snapshot that every instance starts from, if the component had one of the known shape.
    image: Option<Arc<Image>>,
}

impl fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A live instance.
pub(crate) struct Instance {
    pub store: Store<SessionState>,
    pub bindings: Bindings,
}

impl Interpreter {
    /// Compiles (or takes from the cache), links, and asks the component what it is.
    pub(crate) fn load(engine: &SessionEngine, aot: &AotCache, admitted: Admitted) -> Result<Self, Error> {
        let Admitted { name, source, inspection, interfaces } = admitted;
        let (component, image) = compile(engine, aot, &name, &inspection.digest, &source)?;
        let bad =
            |error: wasmtime::Error| Error::Compile { name: name.clone(), reason: format!("{error:#}") };
        let mut linker = Linker::<SessionState>::new(engine.engine());
        wasi::link(&mut linker).map_err(bad)?;
        for interface in &interfaces {
            link(&mut linker, interface).map_err(bad)?;
        }
        let linked = linker.instantiate_pre(&component).and_then(InterpreterPre::new).map_err(bad)?;
        let mut interpreter = Self {
            name,
            digest: inspection.digest,
            info: InterpreterInfo { language: String::new(), version: String::new(), packages: Vec::new() },
            engine: engine.clone(),
            linked,
            image,
        };
        let room = limits::SESSION_WASM_STACK + limits::HOST_STACK;
        interpreter.info = stack::with_room(room, || interpreter.describe())
            .map_err(|error| Error::Engine { reason: format!("cannot start a thread: {error}") })??;
        Ok(interpreter)
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

    /// Opens a session.
    pub fn open(self: &Arc<Self>, options: SessionOptions) -> Result<Session, Error> {
        Session::open(Arc::clone(self), options)
    }

    /// A fresh instance: nothing of it has run.
    pub(crate) fn instantiate(&self, state: SessionState) -> wasmtime::Result<Instance> {
        let mut store = Store::new(self.engine.engine(), state);
        engine::arm(&mut store);
        let bindings = with_image(self.image.as_ref(), || self.linked.instantiate(&mut store))?;
        Ok(Instance { store, bindings })
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
        let mut instance = self.instantiate(state).map_err(|error| bad(format!("{error:#}")))?;
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

/// The compiled component and the image its memory starts from.
fn compile(
    engine: &SessionEngine,
    aot: &AotCache,
    name: &str,
    digest: &str,
    source: &Source,
) -> Result<(wasmtime::component::Component, Option<Arc<Image>>), Error> {
    let engine = engine.engine();
    // Compiled without its data it is another component; the version is that of the way of cutting.
    let cut_digest = format!("{digest}cut1");
    if let Some(file) = aot.beside(engine, &cut_digest, IMAGE)?
        && let Ok(image) = Image::from_file(file)
    {
        let component = aot.component(engine, name, &cut_digest, || {
            strip(source.bytes()?)
                .map(|cut| Cow::Owned(cut.component))
                .map_err(|error| unsuited(name, &error))
        })?;
        return Ok((component, Some(Arc::new(image))));
    }
    let bytes = source.bytes()?;
    match strip(bytes) {
        Ok(cut) => {
            let component =
                aot.component(engine, name, &cut_digest, || Ok(Cow::Borrowed(&cut.component[..])))?;
            if let Err(error) = aot.keep_beside(engine, &cut_digest, IMAGE, &cut.image) {
                tracing::warn!(name, %error, "cannot keep an interpreter's memory image");
            }
            let kept = aot.beside(engine, &cut_digest, IMAGE)?;
            let image = match kept {
                Some(file) => Image::from_file(file),
                None => Image::from_bytes(&cut.image),
            };
            let image = image.map_err(Error::io("map the memory image of", name))?;
            Ok((component, Some(Arc::new(image))))
        }
        Err(reason) => {
            tracing::warn!(name, %reason, "the interpreter's memory cannot be mapped; its sessions start slower");
            Ok((aot.component(engine, name, digest, || Ok(Cow::Borrowed(bytes)))?, None))
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
