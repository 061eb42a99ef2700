//! Components that know nothing of Sport, as tools: any world whose functions take and give plain values.
//!
//! Each exported function is a tool. Its name is that of the function (`add`), with package and interface in front where it
//! stands in one (`calc_ops_mul_div` of `local:calc/ops`); its schemas come from its WIT types ([`schema`]), its description
//! from the `package-docs` section where there is one ([`docs`]). Nothing of the component runs for that. Values go through
//! [`value`].
//!
//! What such a component may import is WASI 0.2 without `wasi:http`, and gets from it what an interpreter does: an empty machine of
//! its own, with a clock and random numbers that are the same in every call, and no files but those that it makes in memory.

mod docs;
mod schema;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{ComponentExportIndex, InstancePre, Linker, Type, Val};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::admission::Admitted;
use crate::artifacts::ArtifactStore;
use crate::call;
use crate::contract::lift;
use crate::engine::{CallComponent, CallEngine};
use crate::error::Error;
use crate::files::FileView;
use crate::host::{HostCx, HostState};
use crate::schema::Schema;
use crate::tool::Schemas;
use crate::types::{Failure, FailureKind, Hints, Outcome, ToolDescriptor};
use crate::wasi::stdio::{Channel, Output};
use crate::wasi::{self, WasiCx, WasiState};
use crate::{inspect, limits, text};

/// The functions of a foreign component.
pub(crate) struct Foreign {
    pre: InstancePre<ForeignState>,
    functions: HashMap<String, Function>,
}

struct Function {
    index: ComponentExportIndex,
    parameters: Vec<(String, Type)>,
    result: Option<Type>,
}

/// The state of a foreign component's store.
pub(crate) struct ForeignState {
    host: HostCx,
    wasi: WasiCx,
}

impl HostState for ForeignState {
    fn host(&mut self) -> &mut HostCx {
        &mut self.host
    }
}

impl WasiState for ForeignState {
    fn parts(&mut self) -> (&mut HostCx, &mut WasiCx) {
        (&mut self.host, &mut self.wasi)
    }
}

impl WasiView for ForeignState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        wasi::view(self)
    }
}

/// A tool that was found: what it says of itself, and its schemas.
pub(crate) type Found = (ToolDescriptor, Schemas);

impl Foreign {
    /// Links the component and finds its tools. None of its code runs.
    pub fn load(
        engine: &CallEngine,
        component: &CallComponent,
        admitted: &Admitted,
    ) -> Result<(Self, Vec<Found>), Error> {
        let name = &admitted.name;
        let bad = |error: wasmtime::Error| Error::compile(name, &error);
        let mut linker = Linker::<ForeignState>::new(engine.engine());
        wasi::link(&mut linker).map_err(bad)?;
        let pre = linker.instantiate_pre(&component.0).map_err(bad)?;
        let docs = docs::of(admitted.source.bytes()?);
        let describe = |reason: String| Error::Describe { name: name.clone(), reason };
        let mut found = BTreeMap::new();
        let mut left_out = Vec::new();
        for export in exports(engine, component) {
            let shown = export.shown();
            match export.tool(name, &docs) {
                Ok((descriptor, schemas, function)) => {
                    let called = descriptor.name.clone();
                    if found.insert(called.clone(), (descriptor, schemas, function)).is_some() {
                        let reason = format!("two of its functions would be called {called}; rename one");
                        return Err(describe(reason));
                    }
                }
                Err(reason) => left_out.push(format!("{shown}: {reason}")),
            }
            if found.len() > limits::TOOLS_PER_PLUGIN {
                let reason = format!("more than {} functions; they are its tools", limits::TOOLS_PER_PLUGIN);
                return Err(describe(reason));
            }
        }
        if found.is_empty() {
            let why = if left_out.is_empty() { "there are none".to_owned() } else { text::listed(&left_out) };
            return Err(describe(format!("none of its functions can be called as a tool ({why})")));
        }
        if !left_out.is_empty() {
            tracing::info!(name, left_out = text::listed(&left_out), "functions that are no tools");
        }
        let mut functions = HashMap::new();
        let mut tools = Vec::new();
        for (called, (descriptor, schemas, function)) in found {
            functions.insert(called, function);
            tools.push((descriptor, schemas));
        }
        Ok((Self { pre, functions }, tools))
    }

    /// Calls a function. The arguments were checked against its schema, and files among them are references within reach.
    pub fn call(
        &self,
        engine: &CallEngine,
        host: HostCx,
        slots: u32,
        tool: &str,
        arguments: &Value,
    ) -> Result<(Outcome, HostCx), Failure> {
        let missing =
            || Failure::new(FailureKind::NotFound, "no-such-tool", format!("there is no tool {tool}"));
        let function = self.functions.get(tool).ok_or_else(missing)?;
        let parameters = value::lower_all(&function.parameters, arguments, &host.store)?;
        let store = host.store.clone();
        let (output, words) = listening(&host);
        // The seed is the same in every call, and so is time: such a component is told nothing of this machine.
        let wasi = WasiCx::new(FileView::default(), 0, output);
        let work = |store: &mut wasmtime::Store<ForeignState>| {
            // A byte of a list is a whole value on its way.
            store.set_hostcall_fuel(limits::FOREIGN_HOSTCALL_FUEL);
            let instance =
                tracing::trace_span!("instantiate").in_scope(|| self.pre.instantiate(&mut *store))?;
            let _run = tracing::trace_span!("run").entered();
            let called = instance
                .get_func(&mut *store, function.index)
                .ok_or_else(|| wasmtime::Error::msg("the function is not there"))?;
            let mut results = vec![Val::Bool(false); usize::from(function.result.is_some())];
            called.call(&mut *store, &parameters, &mut results)?;
            Ok(results)
        };
        let ended = call::run(engine, ForeignState { host, wasi }, u64::MAX, slots, work);
        let (results, state) = ended.map_err(|failure| words.added_to(failure))?;
        let ForeignState { mut host, .. } = state;
        let result = results.into_iter().next();
        let outcome = value::outcome(function.result.as_ref(), result, &mut host.reach, &store)?;
        Ok((outcome, host))
    }
}

/// An exported function with the names that lead to it.
struct Export {
    interface: Option<String>,
    name: String,
    ty: ComponentFunc,
    index: ComponentExportIndex,
}

/// All functions that a component exports, at the top and in interfaces.
fn exports(engine: &CallEngine, component: &CallComponent) -> Vec<Export> {
    let (engine, component) = (engine.engine(), &component.0);
    let mut found = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => {
                if let Some(index) = component.get_export_index(None, name) {
                    found.push(Export { interface: None, name: name.to_owned(), ty, index });
                }
            }
            ComponentItem::ComponentInstance(instance) => {
                let Some(parent) = component.get_export_index(None, name) else { continue };
                for (function, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item.ty
                        && let Some(index) = component.get_export_index(Some(&parent), function)
                    {
                        let interface = Some(name.to_owned());
                        found.push(Export { interface, name: function.to_owned(), ty, index });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

impl Export {
    /// The function's name for people.
    fn shown(&self) -> String {
        let shown = match &self.interface {
            Some(interface) => format!("{interface}.{}", self.name),
            None => self.name.clone(),
        };
        text::clean_line(&shown, limits::SHORT_TEXT_BYTES)
    }

    /// The name that agents call it by: `package_interface_function` in letters, digits and underscores.
    fn called(&self) -> Result<String, String> {
        let interface = self.interface.as_deref().map(inspect::unversioned);
        // The namespace says who made it, not what it does.
        let interface = interface.map(|name| name.split_once(':').map_or(name, |(_, rest)| rest));
        let parts: Vec<&str> = interface.into_iter().chain([self.name.as_str()]).collect();
        let name: String =
            parts.join("_").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        lift::name(&name, "function name").map_err(|failure| failure.message)
    }

    fn tool(
        &self,
        component: &str,
        docs: &docs::Docs,
    ) -> Result<(ToolDescriptor, Schemas, Function), String> {
        if self.ty.async_() {
            return Err("it is asynchronous".to_owned());
        }
        let name = self.called()?;
        let parameters: Vec<_> = self.ty.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        let mut results = self.ty.results();
        let result = results.next();
        let input = schema::of_parameters(&parameters)?;
        let output = result.as_ref().map(schema::of_result).transpose()?.flatten();
        let compiled = |schema: &Value, top| Schema::parse(&schema.to_string(), top);
        let schemas = Schemas {
            input: compiled(&input, Some("object"))?,
            output: output.as_ref().map(|schema| compiled(schema, None)).transpose()?,
        };
        let said = docs.function(self.interface.as_deref(), &self.name);
        let description = said.unwrap_or_else(|| format!("The function `{}` of {component}.", self.shown()));
        let descriptor = ToolDescriptor {
            name,
            title: None,
            description: text::clean(&description, limits::DESCRIPTION_BYTES),
            input_schema: input,
            output_schema: output,
            // It claims nothing.
            hints: Hints::default(),
        };
        Ok((descriptor, schemas, Function { index: self.index, parameters, result }))
    }
}

/// The end of what the guest wrote to standard error: a panic's words, mostly.
#[derive(Clone, Default)]
struct Words(Arc<Mutex<Vec<u8>>>);

fn listening(host: &HostCx) -> (Arc<Output>, Words) {
    let words = Words::default();
    let output = Arc::new(Output::default());
    let heard = words.clone();
    let watcher = move |channel: Channel, bytes: &[u8]| {
        if channel == Channel::Stderr {
            let mut heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.extend_from_slice(bytes);
            let excess = heard.len().saturating_sub(limits::MESSAGE_BYTES);
            heard.drain(..excess);
        }
    };
    output.begin(host.budget.clone(), Some(Box::new(watcher)));
    (output, words)
}

impl Words {
    fn added_to(&self, mut failure: Failure) -> Failure {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = text::clean_line(&String::from_utf8_lossy(&heard), limits::SHORT_TEXT_BYTES);
        if failure.code == "trapped" && !words.is_empty() {
            failure.message = format!("{}; it said: {words}", failure.message);
        }
        failure
    }
}

/// The store that files come from and go to, as the conversions see it.
type Store = ArtifactStore;
