//! Looks into a component without compiling or running any of it.
//!
//! Only section headers and small sections are read: the contract, what it imports and exports, how large and
//! how nested it is. Every count is bounded here, because the compiler behind it is not made for hostile
//! sizes.

mod types;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmparser::{ComponentExternalKind, Encoding, Parser, Payload};

use crate::artifacts::digest_of;
use crate::contract::version::{Contract, SECTION};
use crate::error::Error;
use crate::grants::Grants;
use crate::{admission, limits, text};
use types::Types;

/// What a component is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exports `sport:tool/tool`.
    Tool,
    /// Exports `sport:verifier/verifier`.
    Verifier,
    /// Exports `sport:interpreter/interpreter`.
    Interpreter,
    /// Built against no contract of Sport's; its own functions are its tools.
    Foreign,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Verifier => "verifier",
            Self::Interpreter => "interpreter",
            Self::Foreign => "foreign tool",
        }
    }

    /// The contract package and the interface that it exports; a foreign component has none of them.
    pub(crate) fn export(self) -> (&'static str, &'static str) {
        match self {
            Self::Tool | Self::Foreign => ("sport:tool", "sport:tool/tool"),
            Self::Verifier => ("sport:verifier", "sport:verifier/verifier"),
            Self::Interpreter => ("sport:interpreter", "sport:interpreter/interpreter"),
        }
    }
}

/// What was found in a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inspection {
    /// `sha256:` and 64 hex digits, over the file.
    pub digest: String,
    /// The file's size in bytes.
    pub size: u64,
    /// What it is for, by its exports; none when it exports no interface of Sport's.
    pub kind: Option<Kind>,
    /// The contract that it was built against; none when it carries no such section.
    pub contract: Option<Contract>,
    /// Everything it imports: its request for capabilities.
    pub imports: Vec<String>,
    /// Everything it exports.
    pub exports: Vec<String>,
}

impl Inspection {
    /// What becomes of one of its imports under these grants, in a few words.
    pub fn answer(&self, import: &str, grants: &Grants) -> &'static str {
        admission::standing(import, self.kind, grants).show()
    }
}

/// A component's file name without its ending: what it is called in messages and lists.
pub(crate) fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let stem = text::clean_line(&stem, limits::NAME_BYTES);
    if stem.is_empty() { "component".to_owned() } else { stem }
}

/// Reads and inspects a component. Nothing is compiled.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let bytes = read(path)?;
    inspect_bytes(&stem(path), &bytes)
}

/// Reads a component's file under the size limit.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // Without waiting: to open a pipe would wait for its other end, for ever if there is none.
    let mut how = File::options();
    how.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = how.open(path).map_err(Error::io("read", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    if !metadata.is_file() {
        let reason = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file");
        return Err(Error::io("read", path)(reason));
    }
    let size = metadata.len();
    let too_big = |found| Error::TooBig {
        name: stem(path),
        what: "its file in bytes",
        found,
        limit: limits::COMPONENT_BYTES,
    };
    if size > limits::COMPONENT_BYTES {
        return Err(too_big(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // The file may grow while it is read.
    file.take(limits::COMPONENT_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > limits::COMPONENT_BYTES {
        return Err(too_big(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Inspects a component's bytes.
pub(crate) fn inspect_bytes(name: &str, bytes: &[u8]) -> Result<Inspection, Error> {
    let mut walk = Walk {
        name,
        depth: 0,
        counts: BTreeMap::new(),
        types: Types::default(),
        callable: false,
        contract: None,
        imports: vec![],
        exports: vec![],
    };
    walk.all(bytes)?;
    let kind = [Kind::Tool, Kind::Verifier, Kind::Interpreter]
        .into_iter()
        .find(|kind| walk.exports.iter().any(|export| unversioned(export) == kind.export().1))
        .or_else(|| is_foreign(&walk).then_some(Kind::Foreign));
    Ok(Inspection {
        digest: digest_of(bytes),
        size: bytes.len() as u64,
        kind,
        contract: walk.contract,
        imports: walk.imports,
        exports: walk.exports,
    })
}

/// Whether it knows nothing of Sport, and has something that may be called.
fn is_foreign(walk: &Walk<'_>) -> bool {
    let of_sport = |name: &String| name.starts_with("sport:");
    walk.contract.is_none() && walk.callable && !walk.imports.iter().chain(&walk.exports).any(of_sport)
}

/// An interface's name without its version.
pub(crate) fn unversioned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name)
}

struct Walk<'a> {
    name: &'a str,
    /// Components and modules around the section at hand; 1 is the component itself.
    depth: usize,
    counts: BTreeMap<&'static str, u64>,
    types: Types,
    /// Something is exported that may hold functions.
    callable: bool,
    contract: Option<Contract>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Walk<'_> {
    fn all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let malformed = |error: wasmparser::BinaryReaderError| self::malformed(self.name, bytes, &error);
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(malformed)? {
                Payload::Version { encoding, .. } => {
                    if self.depth == 0 && encoding == Encoding::Module {
                        return Err(Error::NotAComponent {
                            name: self.name.to_owned(),
                            reason: "it is a core module; build it with `wasm-component-ld` as the linker"
                                .to_owned(),
                        });
                    }
                    self.depth += 1;
                    self.count("its nesting", self.depth as u64, limits::NESTED_COMPONENTS)?;
                }
                Payload::End(_) => self.depth -= 1,
                Payload::ModuleSection { .. } => self.add("core modules", 1, limits::CORE_MODULES)?,
                Payload::ComponentSection { .. } => self.add("components", 1, limits::CORE_MODULES)?,
                Payload::TypeSection(section) => self.add_types(section.count())?,
                Payload::CoreTypeSection(section) => self.add_types(section.count())?,
                Payload::ComponentTypeSection(section) => {
                    self.add_types(section.count())?;
                    if self.depth == 1 {
                        self.types.defined(section).map_err(malformed)?;
                    }
                }
                Payload::InstanceSection(section) => self.add_items(section.count())?,
                Payload::ComponentInstanceSection(section) => self.add_items(section.count())?,
                Payload::ComponentAliasSection(section) => {
                    self.add_items(section.count())?;
                    if self.depth == 1 {
                        self.types.aliased(section).map_err(malformed)?;
                    }
                }
                Payload::ComponentCanonicalSection(section) => self.add_items(section.count())?,
                Payload::ImportSection(section) => self.add_items(section.count())?,
                Payload::ExportSection(section) => self.add_items(section.count())?,
                Payload::GlobalSection(section) => self.add_items(section.count())?,
                Payload::ElementSection(section) => self.add_items(section.count())?,
                Payload::DataSection(section) => self.add_items(section.count())?,
                Payload::TableSection(section) => {
                    self.add("tables", u64::from(section.count()), limits::STORE_TABLES as u64)?;
                }
                Payload::MemorySection(section) => {
                    self.add("memories", u64::from(section.count()), limits::STORE_MEMORIES as u64)?;
                }
                Payload::CodeSectionStart { count, .. } => {
                    self.add("functions", u64::from(count), limits::FUNCTIONS)?;
                }
                Payload::CodeSectionEntry(body) => {
                    self.count("a function in bytes", body.range().len() as u64, limits::FUNCTION_BYTES)?;
                }
                Payload::ComponentImportSection(section) => {
                    self.add_items(section.count())?;
                    // Only the outermost component asks the host; what is inside is wired by it.
                    if self.depth == 1 {
                        for import in section {
                            let import = import.map_err(malformed)?;
                            let name = shown(import.name.name);
                            // Those of the contract and of WASI are listed all the same, for whoever looks.
                            let known = name.starts_with("sport:") || name.starts_with("wasi:");
                            if !self.types.imported(&import.ty) || known {
                                self.imports.push(name);
                            }
                        }
                    }
                }
                Payload::ComponentExportSection(section) => {
                    self.add_items(section.count())?;
                    if self.depth == 1 {
                        for export in section {
                            let export = export.map_err(malformed)?;
                            self.types.exported(export.kind);
                            self.callable |= matches!(
                                export.kind,
                                ComponentExternalKind::Func | ComponentExternalKind::Instance
                            );
                            self.exports.push(shown(export.name.name));
                        }
                    }
                }
                Payload::CustomSection(section) if section.name() == SECTION => {
                    self.contract(section.data())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn contract(&mut self, data: &[u8]) -> Result<(), Error> {
        let unsupported = |found: String| Error::ContractUnsupported {
            name: self.name.to_owned(),
            found,
            takes: crate::contract::version::taken(),
        };
        if data.len() > limits::SCHEMA_BYTES {
            return Err(unsupported(format!("a section of {} bytes", data.len())));
        }
        let mut contract: Contract = serde_json::from_slice(data)
            .map_err(|error| unsupported(format!("a section that cannot be read ({error})")))?;
        if !contract
            .packages
            .iter()
            .flat_map(|(name, version)| [name, version])
            .all(|text| text::is_plain(text))
        {
            return Err(unsupported("a section with control characters in its names".to_owned()));
        }
        contract.sdk = shown(&contract.sdk);
        // The SDK's section lies in the core module; a build step may add one at the top. They must agree.
        if self.contract.as_ref().is_some_and(|found| found.packages != contract.packages) {
            return Err(unsupported("two sections that contradict each other".to_owned()));
        }
        self.contract.get_or_insert(contract);
        Ok(())
    }

    fn add_types(&mut self, count: u32) -> Result<(), Error> {
        self.add("types", u64::from(count), limits::TYPES)
    }

    fn add_items(&mut self, count: u32) -> Result<(), Error> {
        self.add("imports, exports and other items", u64::from(count), limits::ITEMS)
    }

    fn add(&mut self, what: &'static str, count: u64, limit: u64) -> Result<(), Error> {
        let sum = self.counts.entry(what).or_insert(0);
        *sum += count;
        let sum = *sum;
        self.count(what, sum, limit)
    }

    fn count(&self, what: &'static str, found: u64, limit: u64) -> Result<(), Error> {
        if found > limit {
            return Err(Error::TooBig { name: self.name.to_owned(), what, found, limit });
        }
        Ok(())
    }
}

fn shown(name: &str) -> String {
    text::clean_line(name, limits::SHORT_TEXT_BYTES)
}

/// Bytes that cannot be taken apart, in words.
pub(crate) fn malformed(name: &str, bytes: &[u8], error: &wasmparser::BinaryReaderError) -> Error {
    let reason = if bytes.is_empty() {
        "the file is empty".to_owned()
    } else if !bytes.starts_with(b"\0asm") {
        "the file does not begin like WebAssembly".to_owned()
    } else if error.offset() >= bytes.len() {
        format!("the file ends too early, after {} bytes", bytes.len())
    } else {
        // The validator quotes names from the file.
        let what = text::clean_line(error.message(), limits::SHORT_TEXT_BYTES);
        format!("its bytes are damaged: {what} (at byte {})", error.offset())
    };
    Error::NotAComponent { name: name.to_owned(), reason }
}
