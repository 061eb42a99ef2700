//! Whether an interpreter keeps its whole state in its one memory, so that a copy of the memory is a copy of the session.
//!
//! Between two calls a component's state is its memories, its core globals, its tables, and the handles that it holds. The
//! handles are compared at every fork (see [`super::fork`]); the rest is decided here, once, from the code:
//!
//! * *One memory*: [`super::image`] accepts no other shape.
//! * *Tables stay as they were made*: no instruction that could be reached changes one, nor drops an element segment.
//! * *Globals are at rest*: the only one that is written is the stack pointer, which a call that came back has put back.
//! * *No start function*, so a new instance is in the state that its data describes.
//!
//! Code counts as reachable from the exports that the component really uses, and from every function whose address is
//! taken. A runtime linker's dead code, which writes hundreds of globals, so does not count, nor does what is called only
//! while a snapshot is made ([`ONLY_AT_BUILD`]). Both that and the stack pointer are known by name, which is the component's
//! own word: one that lies about it spoils nothing but its own forks.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentType, ElementItems, ExternalKind,
    FunctionBody, Instance, InstantiationArgKind, Operator, Parser, Payload, TypeRef,
};

/// Why copying the memory would not be enough.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Restless {
    /// Something lives elsewhere.
    #[error("{0}")]
    Elsewhere(String),
    /// It does not parse.
    #[error(transparent)]
    Parse(#[from] wasmparser::BinaryReaderError),
}

/// The global that compilers keep their stack in.
const STACK_POINTER: &str = "__stack_pointer";

/// Of the adapter from WASI's first preview: called when the snapshot is complete, so that nothing of the build stays in it.
const ONLY_AT_BUILD: &str = "reset_adapter_state";

/// Checks a component of the shape that [`super::image::strip`] accepts.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Restless> {
    let survey = Survey::of(bytes)?;
    for (number, module) in survey.modules.iter().enumerate() {
        let used = survey.used.get(&(number as u32));
        module.check(used).map_err(|what| Restless::Elsewhere(format!("core module {number} {what}")))?;
    }
    Ok(())
}

/// The core modules at the component's top, and which of their exports are used.
#[derive(Default)]
struct Survey<'a> {
    modules: Vec<Core<'a>>,
    instances: Vec<Made<'a>>,
    /// Core functions: the instance and export that each is; none for those that the engine makes.
    functions: Vec<Option<(u32, &'a str)>>,
    used: BTreeMap<u32, BTreeSet<&'a str>>,
}

/// A core instance.
enum Made<'a> {
    /// Of a module.
    From(u32),
    /// Put together: its functions by name, as core functions.
    Of(BTreeMap<&'a str, u32>),
}

impl<'a> Survey<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Restless> {
        let mut survey = Self::default();
        // Whether what is open at each level is a module.
        let mut open: Vec<bool> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let at_top = open.is_empty();
            match payload? {
                Payload::ModuleSection { .. } => {
                    if !at_top {
                        return Err(Restless::Elsewhere("a nested component has core modules".to_owned()));
                    }
                    survey.modules.push(Core::default());
                    open.push(true);
                }
                Payload::ComponentSection { .. } => open.push(false),
                Payload::End(_) => {
                    open.pop();
                }
                Payload::InstanceSection(section) if at_top => {
                    for instance in section {
                        survey.instance(instance?);
                    }
                }
                Payload::ComponentAliasSection(section) if at_top => {
                    for alias in section {
                        if let ComponentAlias::CoreInstanceExport {
                            kind: ExternalKind::Func | ExternalKind::FuncExact,
                            instance_index,
                            name,
                        } = alias?
                        {
                            // To name it is not to use it yet.
                            survey.functions.push(Some((instance_index, name)));
                        }
                    }
                }
                Payload::ComponentTypeSection(section) if at_top => {
                    for ty in section {
                        if let ComponentType::Resource { dtor: Some(destructor), .. } = ty? {
                            survey.uses_function(destructor);
                        }
                    }
                }
                Payload::ComponentCanonicalSection(section) if at_top => {
                    for function in section {
                        survey.canonical(function?);
                    }
                }
                payload if open.last() == Some(&true) => {
                    if let Some(module) = survey.modules.last_mut() {
                        module.take(payload)?;
                    }
                }
                _ => {}
            }
        }
        Ok(survey)
    }

    fn instance(&mut self, instance: Instance<'a>) {
        let (module_index, args) = match instance {
            Instance::Instantiate { module_index, args } => (module_index, args),
            Instance::FromExports(exports) => {
                let functions = exports
                    .iter()
                    .filter(|export| matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact))
                    .map(|export| (export.name, export.index));
                self.instances.push(Made::Of(functions.collect()));
                return;
            }
        };
        for arg in &args {
            let InstantiationArgKind::Instance = arg.kind;
            let wanted: Vec<&str> = self
                .modules
                .get(module_index as usize)
                .map(|module| {
                    module
                        .imports
                        .iter()
                        .filter(|(from, _)| *from == arg.name)
                        .map(|(_, name)| *name)
                        .collect()
                })
                .unwrap_or_default();
            for name in wanted {
                self.uses(arg.index, name);
            }
        }
        self.instances.push(Made::From(module_index));
    }

    fn canonical(&mut self, function: CanonicalFunction) {
        let options = match &function {
            CanonicalFunction::Lift { core_func_index, options, .. } => {
                self.uses_function(*core_func_index);
                options
            }
            CanonicalFunction::Lower { options, .. } => options,
            _ => &Box::default(),
        };
        for option in options {
            if let CanonicalOption::Realloc(index)
            | CanonicalOption::PostReturn(index)
            | CanonicalOption::Callback(index) = option
            {
                self.uses_function(*index);
            }
        }
        if !matches!(function, CanonicalFunction::Lift { .. }) {
            self.functions.push(None);
        }
    }

    fn uses_function(&mut self, index: u32) {
        if let Some(Some((instance, name))) = self.functions.get(index as usize) {
            self.uses(*instance, name);
        }
    }

    fn uses(&mut self, instance: u32, name: &'a str) {
        match self.instances.get(instance as usize) {
            Some(Made::From(module)) => {
                self.used.entry(*module).or_default().insert(name);
            }
            Some(Made::Of(functions)) => {
                if let Some(function) = functions.get(name).copied() {
                    self.uses_function(function);
                }
            }
            None => {}
        }
    }
}

/// What matters of one core module.
#[derive(Default)]
struct Core<'a> {
    /// All imports: module and name.
    imports: Vec<(&'a str, &'a str)>,
    imported_functions: u32,
    /// The globals that are the stack pointer.
    stack_pointers: BTreeSet<u32>,
    globals: u32,
    /// Exported functions by name.
    exports: Vec<(&'a str, u32)>,
    /// Functions whose address is taken.
    roots: Vec<u32>,
    has_start: bool,
    bodies: Vec<Body>,
}

/// What matters of one function.
#[derive(Default)]
struct Body {
    calls: Vec<u32>,
    /// Globals that it writes.
    writes: Vec<u32>,
    /// What else it changes.
    changes: Option<&'static str>,
}

impl<'a> Core<'a> {
    fn take(&mut self, payload: Payload<'a>) -> Result<(), Restless> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.imports.push((import.module, import.name));
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => self.imported_functions += 1,
                        TypeRef::Global(_) => {
                            if import.name == STACK_POINTER {
                                self.stack_pointers.insert(self.globals);
                            }
                            self.globals += 1;
                        }
                        _ => {}
                    }
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let global = global?;
                    self.take_references(global.init_expr.get_operators_reader())?;
                    self.globals += 1;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => {
                            self.exports.push((export.name, export.index));
                        }
                        ExternalKind::Global if export.name == STACK_POINTER => {
                            self.stack_pointers.insert(export.index);
                        }
                        _ => {}
                    }
                }
            }
            Payload::StartSection { .. } => self.has_start = true,
            Payload::ElementSection(section) => {
                for element in section {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                self.roots.push(function?);
                            }
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                self.take_references(expression?.get_operators_reader())?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let body = self.read(&body)?;
                self.bodies.push(body);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_references(&mut self, operators: wasmparser::OperatorsReader<'_>) -> Result<(), Restless> {
        for operator in operators {
            if let Operator::RefFunc { function_index } = operator? {
                self.roots.push(function_index);
            }
        }
        Ok(())
    }

    fn read(&mut self, body: &FunctionBody<'_>) -> Result<Body, Restless> {
        let mut read = Body::default();
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    read.calls.push(function_index);
                }
                Operator::RefFunc { function_index } => self.roots.push(function_index),
                Operator::GlobalSet { global_index } => read.writes.push(global_index),
                Operator::TableSet { .. }
                | Operator::TableGrow { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. } => read.changes = Some("changes a table"),
                Operator::ElemDrop { .. } => read.changes = Some("drops an element segment"),
                _ => {}
            }
        }
        read.calls.sort_unstable();
        read.calls.dedup();
        read.writes.sort_unstable();
        read.writes.dedup();
        Ok(read)
    }

    /// `used` are the exports that somebody may call.
    fn check(&self, used: Option<&BTreeSet<&str>>) -> Result<(), &'static str> {
        if self.has_start {
            return Err("has a start function");
        }
        let used = |name: &str| name != ONLY_AT_BUILD && used.is_some_and(|used| used.contains(name));
        let exported = self.exports.iter().filter(|(name, _)| used(name)).map(|(_, function)| *function);
        let mut waiting: Vec<u32> = self.roots.iter().copied().chain(exported).collect();
        let mut reached = BTreeSet::new();
        while let Some(function) = waiting.pop() {
            // An imported function is some other module's.
            let Some(place) = function.checked_sub(self.imported_functions) else { continue };
            let Some(body) = self.bodies.get(place as usize).filter(|_| reached.insert(place)) else {
                continue;
            };
            if let Some(change) = body.changes {
                return Err(change);
            }
            if body.writes.iter().any(|global| !self.stack_pointers.contains(global)) {
                return Err("writes a global besides its stack pointer");
            }
            waiting.extend(&body.calls);
        }
        Ok(())
    }
}
