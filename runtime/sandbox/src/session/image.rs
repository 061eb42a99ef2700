//! Takes the snapshot of the language runtime out of a component, so that it can be mapped instead of copied.
//!
//! An interpreter built from a snapshot carries its whole initialised memory as data segments (CPython: 20 MB in some
//! thousand pieces). The engine would copy them into every new instance, since its own copy-on-write images do not go
//! together with a memory creator, which forks need. So the host does once, when it compiles the component, what the
//! engine would do each time: it lays the segments out in one image and compiles the component without them. The image
//! is mapped privately into every instance: an instance starts in well under a millisecond, and shares all pages that
//! it never writes.
//!
//! This is done only for the one shape that is understood in full: a single core module, at the component's top and
//! instantiated once, has memory and data; its segments all go to fixed places; nothing refers to them again. Whatever
//! else comes is left as it is and runs on plain memory, slower to start and otherwise the same. After the cut the
//! result is compared with the original, piece by piece.

use std::ops::Range;

use wasm_encoder::{Component, Module, RawSection};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind, DataKind, Encoding, Operator, Parser,
    Payload,
};

use crate::limits;

/// WebAssembly's page.
const PAGE: usize = 64 << 10;

/// A component without its snapshot, and the snapshot.
pub(crate) struct Stripped {
    /// The component to compile.
    pub component: Vec<u8>,
    /// The memory from address 0 on, whole pages.
    pub image: Vec<u8>,
}

/// Why a component is left as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsuited {
    /// Not the shape that is understood.
    #[error("{0}")]
    Shape(&'static str),
    /// Its memory begins with more bytes than a session may have.
    #[error("the memory begins with {0} bytes")]
    TooLarge(u64),
    /// It does not parse.
    #[error(transparent)]
    Parse(#[from] wasmparser::BinaryReaderError),
}

/// A piece of a binary at the top level: a section with its number and the place of its content.
type Piece = (u8, Range<usize>);

/// Section numbers.
const CORE_MODULE: u8 = 1;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;

/// Cuts the snapshot out.
pub(crate) fn strip(bytes: &[u8]) -> Result<Stripped, Unsuited> {
    let survey = Survey::of(bytes)?;
    let module = survey.main.ok_or(Unsuited::Shape("no core module at the top has memory and data"))?;
    let image = lay_out(&bytes[module.clone()])?;
    let mut component = Component::new();
    for (id, range) in pieces(bytes)? {
        if id == CORE_MODULE && range == module {
            let cut = without_data(&bytes[range])?;
            component.section(&RawSection { id, data: &cut });
        } else {
            component.section(&RawSection { id, data: &bytes[range] });
        }
    }
    let component = component.finish();
    compare(bytes, &component, &module)?;
    Ok(Stripped { component, image })
}

/// What must hold for the whole component.
#[derive(Default)]
struct Survey {
    /// The one core module with a memory, if it is at the top.
    main: Option<Range<usize>>,
}

impl Survey {
    fn of(bytes: &[u8]) -> Result<Self, Unsuited> {
        let mut survey = Self::default();
        let mut depth = 0_usize;
        let mut at_top: u32 = 0;
        let mut main_index = None;
        let mut started = 0;
        let mut here: Option<(Range<usize>, u32)> = None;
        // Every payload of every module, in order, with the parser's own nesting.
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { unchecked_range, .. } => {
                    depth += 1;
                    here = Some((unchecked_range, at_top));
                    if depth == 1 {
                        at_top += 1;
                    }
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::MemorySection(section) if section.count() > 0 => {
                    let Some((range, index)) = here.clone().filter(|_| depth == 1) else {
                        return Err(Unsuited::Shape("a nested module has a memory"));
                    };
                    if survey.main.replace(range).is_some() {
                        return Err(Unsuited::Shape("more than one core module has a memory"));
                    }
                    main_index = Some(index);
                }
                Payload::DataSection(section) if section.count() > 0 => {
                    let same = here.as_ref().is_some_and(|(range, _)| survey.main.as_ref() == Some(range));
                    if !(same && depth == 1) {
                        return Err(Unsuited::Shape("a core module without a memory of its own has data"));
                    }
                }
                Payload::InstanceSection(section) => {
                    for instance in section {
                        if let wasmparser::Instance::Instantiate { module_index, .. } = instance?
                            && depth == 0
                            && Some(module_index) == main_index
                        {
                            started += 1;
                        }
                    }
                }
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        if matches!(import?.ty, wasmparser::ComponentTypeRef::Module(_)) {
                            return Err(Unsuited::Shape("it imports a core module"));
                        }
                    }
                }
                Payload::ComponentAliasSection(section) => {
                    for alias in section {
                        // An alias would shift the module numbers that are counted here, or start the module elsewhere.
                        if let ComponentAlias::InstanceExport {
                            kind: ComponentExternalKind::Module, ..
                        }
                        | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } = alias?
                        {
                            return Err(Unsuited::Shape("it takes a core module from somewhere else"));
                        }
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        if export?.kind == ComponentExternalKind::Module {
                            return Err(Unsuited::Shape("it exports a core module"));
                        }
                    }
                }
                _ => {}
            }
        }
        if started != 1 {
            return Err(Unsuited::Shape("the core module with the memory is not instantiated exactly once"));
        }
        Ok(survey)
    }
}

/// Lays a module's data segments out as its memory has them at the start.
fn lay_out(module: &[u8]) -> Result<Vec<u8>, Unsuited> {
    let mut minimum = 0;
    let mut image: Vec<u8> = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if matches!(import?.ty, wasmparser::TypeRef::Memory(_)) {
                        return Err(Unsuited::Shape("the core module imports a second memory"));
                    }
                }
            }
            Payload::MemorySection(section) => {
                if section.count() != 1 {
                    return Err(Unsuited::Shape("the core module has several memories"));
                }
                for memory in section {
                    let memory = memory?;
                    if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
                        return Err(Unsuited::Shape("the memory is shared, of 64 bits, or of odd pages"));
                    }
                    minimum = usize::try_from(memory.initial).unwrap_or(usize::MAX).saturating_mul(PAGE);
                    if minimum as u64 > limits::SESSION_MEMORY_BYTES {
                        return Err(Unsuited::TooLarge(minimum as u64));
                    }
                }
            }
            Payload::StartSection { .. } => {
                return Err(Unsuited::Shape("the core module has a start function"));
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    if matches!(operator?, Operator::MemoryInit { .. } | Operator::DataDrop { .. }) {
                        return Err(Unsuited::Shape("the core module's code uses its data segments"));
                    }
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    let segment = segment?;
                    let DataKind::Active { memory_index: 0, offset_expr } = segment.kind else {
                        return Err(Unsuited::Shape("a data segment is not placed at the start"));
                    };
                    let mut operators = offset_expr.get_operators_reader();
                    let (Operator::I32Const { value }, Operator::End) =
                        (operators.read()?, operators.read()?)
                    else {
                        return Err(Unsuited::Shape("a data segment's place is computed"));
                    };
                    // An address in memory is the unsigned reading of the constant.
                    let start = value.cast_unsigned() as usize;
                    let end = start + segment.data.len();
                    if end > minimum {
                        return Err(Unsuited::Shape("a data segment lies outside the memory"));
                    }
                    if image.len() < end {
                        image.resize(end.next_multiple_of(PAGE), 0);
                    }
                    image[start..end].copy_from_slice(segment.data);
                }
            }
            _ => {}
        }
    }
    if image.is_empty() {
        return Err(Unsuited::Shape("there is no data"));
    }
    Ok(image)
}

/// A core module without its data segments and their count.
fn without_data(module: &[u8]) -> Result<Vec<u8>, Unsuited> {
    let mut cut = Module::new();
    for (id, range) in pieces(module)? {
        if id != DATA && id != DATA_COUNT {
            cut.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(cut.finish())
}

/// Checks that nothing but the data is gone.
fn compare(original: &[u8], stripped: &[u8], module: &Range<usize>) -> Result<(), Unsuited> {
    const DIFFERS: Unsuited = Unsuited::Shape("the component without its data differs in something else");
    let before = pieces(original)?;
    let after = pieces(stripped)?;
    if before.len() != after.len() {
        return Err(DIFFERS);
    }
    for ((id, old), (new_id, new)) in before.into_iter().zip(after) {
        let (old_bytes, new_bytes) = (&original[old.clone()], &stripped[new]);
        let same = if id == CORE_MODULE && old == *module {
            let kept = pieces(old_bytes)?.into_iter().filter(|(id, _)| *id != DATA && *id != DATA_COUNT);
            let kept = kept.map(|(id, range)| (id, &old_bytes[range]));
            kept.eq(pieces(new_bytes)?.into_iter().map(|(id, range)| (id, &new_bytes[range])))
        } else {
            old_bytes == new_bytes
        };
        if !same || id != new_id {
            return Err(DIFFERS);
        }
    }
    Ok(())
}

/// The sections at the top level of a module or component.
fn pieces(bytes: &[u8]) -> Result<Vec<Piece>, Unsuited> {
    let mut found = Vec::new();
    let mut parser = Parser::new(0);
    let mut at = 0;
    loop {
        let chunk = parser.parse(&bytes[at..], true)?;
        let wasmparser::Chunk::Parsed { consumed, payload } = chunk else {
            return Err(Unsuited::Shape("it ends in the middle"));
        };
        at += consumed;
        match payload {
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => {}
            Payload::End(_) => return Ok(found),
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let id = if bytes[unchecked_range.start..].starts_with(b"\0asm\x01\0\0\0") {
                    CORE_MODULE
                } else {
                    4
                };
                // The nested binary has a parser of its own, which is not wanted here; this one is past it already.
                at = unchecked_range.end;
                if at > bytes.len() {
                    return Err(Unsuited::Shape("it ends in the middle"));
                }
                found.push((id, unchecked_range));
            }
            Payload::CodeSectionStart { range, .. } => {
                at = range.end;
                parser.skip_section();
                found.push((10, range));
            }
            other => {
                let Some((id, range)) = other.as_section() else {
                    return Err(Unsuited::Shape("it has something that is no section"));
                };
                found.push((id, range));
            }
        }
    }
}
