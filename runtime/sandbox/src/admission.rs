//! Decides whether a component may be loaded at all. Nothing of it has run or been compiled until then.
//!
//! In this order, so that the first message is the most useful one: is it a component; was it built for a
//! contract that this host takes; is it of the wanted kind; does it ask for no more than it was granted.

use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

use crate::contract::version::{self, Contract};
use crate::error::Error;
use crate::grants::Grants;
use crate::inspect::{self, Inspection, Kind};
use crate::seen::Source;
use crate::{limits, text};

/// A component that may be compiled.
pub(crate) struct Admitted {
    /// Its file name without the ending.
    pub name: String,
    /// Its bytes, where they are needed.
    pub source: Source,
    /// What was found in it.
    pub inspection: Inspection,
    /// The `sport:host` interfaces to link: those that it imports, all of them granted.
    pub interfaces: Vec<String>,
    /// The grants that it was admitted with.
    pub grants: Grants,
}

/// WASI packages that interpreters and foreign components may import; the answers are in `wasi`. `wasi:http` is not among them, and
/// is refused by name wherever it appears.
const WASI: &[&str] =
    &["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"];

/// Decides about a component that was inspected.
pub(crate) fn decide(
    name: String,
    inspection: Inspection,
    source: Source,
    kind: Kind,
    grants: &Grants,
) -> Result<Admitted, Error> {
    let interfaces = check(&name, &inspection, kind, grants)?;
    Ok(Admitted { name, source, inspection, interfaces, grants: grants.clone() })
}

/// The decision itself; gives back the interfaces to link.
pub(crate) fn check(
    name: &str,
    inspection: &Inspection,
    kind: Kind,
    grants: &Grants,
) -> Result<Vec<String>, Error> {
    match kind {
        Kind::Foreign if inspection.kind == Some(kind) => {}
        Kind::Foreign => return Err(wrong_kind(name, kind.name(), inspection)),
        _ => {
            check_contract(name, inspection.contract.as_ref(), kind)?;
            check_kind(name, inspection, kind)?;
        }
    }
    check_imports(name, &inspection.imports, kind, grants)
}

fn check_contract(name: &str, contract: Option<&Contract>, kind: Kind) -> Result<(), Error> {
    let unsupported =
        |found: String| Error::ContractUnsupported { name: name.to_owned(), found, takes: version::taken() };
    let Some(contract) = contract else {
        return Err(unsupported(format!("no `{}` section", version::SECTION)));
    };
    let foreign: Vec<String> = contract
        .packages
        .iter()
        .filter(|(package, version)| !version::takes(package, version))
        .map(|(package, version)| text::clean_line(&format!("{package}@{version}"), 128))
        .collect();
    if !foreign.is_empty() {
        return Err(unsupported(text::listed(&foreign)));
    }
    if contract.packages.is_empty() {
        return Err(unsupported("a section that names no package".to_owned()));
    }
    // Of another kind altogether: the kind check says that better.
    let (package, _) = kind.export();
    let kinds = ["sport:tool", "sport:verifier", "sport:interpreter"];
    let names_a_kind = contract.packages.keys().any(|package| kinds.contains(&package.as_str()));
    if !names_a_kind {
        return Err(unsupported(format!("a section without {package}")));
    }
    Ok(())
}

fn check_kind(name: &str, inspection: &Inspection, kind: Kind) -> Result<(), Error> {
    let (package, interface) = kind.export();
    let export = inspection.exports.iter().find(|export| inspect::unversioned(export) == interface);
    let Some(export) = export else {
        return Err(wrong_kind(name, kind.name(), inspection));
    };
    if !version_of(export).is_some_and(|version| version::takes(package, version)) {
        return Err(Error::ContractUnsupported {
            name: name.to_owned(),
            found: export.clone(),
            takes: version::taken(),
        });
    }
    Ok(())
}

/// The component exports something else than what was wanted. It may export hundreds of thousands of things.
pub(crate) fn wrong_kind(name: &str, wanted: &'static str, inspection: &Inspection) -> Error {
    let found = match inspection.exports.as_slice() {
        [] => "nothing".to_owned(),
        exports => text::listed(exports),
    };
    Error::WrongKind { name: name.to_owned(), wanted, found }
}

/// What becomes of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Types only; reaches nothing.
    Types,
    /// An interface of `sport:host` that reaches nothing outside the call.
    Free,
    /// One that was granted.
    Granted,
    /// One that was not.
    NotGranted,
    /// WASI, answered by the sandbox itself.
    Answered,
    /// Nothing that this host answers to such a component.
    Refused,
}

impl Standing {
    /// In a word, for lists.
    pub fn show(self) -> &'static str {
        match self {
            Self::Types => "types only",
            Self::Free => "always there",
            Self::Granted => "granted",
            Self::NotGranted => "NOT GRANTED",
            Self::Answered => "answered by the sandbox",
            Self::Refused => "REFUSED: this host has no answer to it",
        }
    }
}

/// What becomes of an import of a component of this kind.
pub(crate) fn standing(import: &str, kind: Option<Kind>, grants: &Grants) -> Standing {
    let plain = inspect::unversioned(import);
    let (package, interface) = plain.split_once('/').unwrap_or((plain, ""));
    match package {
        "sport:base" => Standing::Types,
        "sport:host" if interface == "output" && kind != Some(Kind::Interpreter) => Standing::Refused,
        // A session could not be forked by replay if its interpreter reached outside by itself.
        "sport:host"
            if ["fetch", "secrets", "chat"].contains(&interface) && kind == Some(Kind::Interpreter) =>
        {
            Standing::Refused
        }
        "sport:host" if crate::grants::FREE.contains(&interface) => Standing::Free,
        "sport:host" if !crate::grants::GRANTABLE.contains(&interface) => Standing::Refused,
        "sport:host" if grants.allows(interface) => Standing::Granted,
        "sport:host" => Standing::NotGranted,
        _ if matches!(kind, Some(Kind::Interpreter | Kind::Foreign)) && WASI.contains(&package) => {
            Standing::Answered
        }
        _ => Standing::Refused,
    }
}

/// Compares what it imports with what it may have, and gives back the names of the host interfaces to link.
fn check_imports(name: &str, imports: &[String], kind: Kind, grants: &Grants) -> Result<Vec<String>, Error> {
    let mut interfaces = Vec::new();
    let mut missing = Vec::new();
    for import in imports {
        let plain = inspect::unversioned(import);
        let (package, interface) = plain.split_once('/').unwrap_or((plain, ""));
        if package == "sport:host"
            && !version_of(import).is_some_and(|version| version::takes(package, version))
        {
            return Err(Error::ContractUnsupported {
                name: name.to_owned(),
                found: import.clone(),
                takes: version::taken(),
            });
        }
        match standing(import, Some(kind), grants) {
            Standing::Types | Standing::Answered => {}
            Standing::Free | Standing::Granted => interfaces.push(interface.to_owned()),
            Standing::NotGranted | Standing::Refused => missing.push(import.clone()),
        }
    }
    if missing.is_empty() {
        return Ok(interfaces);
    }
    Err(Error::NotGranted {
        name: name.to_owned(),
        missing: text::listed(&missing),
        asked: text::listed(imports),
        granted: grants.show(),
    })
}

/// The version in an interface's name.
pub(crate) fn version_of(name: &str) -> Option<&str> {
    name.split_once('@').map(|(_, version)| version)
}

/// Checks the bytes against the rules of WebAssembly before the compiler sees them, so that damaged bytes get
/// a message and not an accident, and for what the compiler would take minutes for. Done when there is no compiled copy yet.
pub(crate) fn validate(name: &str, bytes: &[u8]) -> Result<(), Error> {
    let features = WasmFeatures::WASM2 | WasmFeatures::EXTENDED_CONST | WasmFeatures::COMPONENT_MODEL;
    let malformed = |error: wasmparser::BinaryReaderError| inspect::malformed(name, bytes, &error);
    Validator::new_with_features(features).validate_all(bytes).map_err(malformed)?;
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CodeSectionEntry(body) = payload.map_err(malformed)? else { continue };
        let (mut blocks, mut loops) = (0_u64, 0_u64);
        for operator in body.get_operators_reader().map_err(malformed)? {
            match operator.map_err(malformed)? {
                Operator::Loop { .. } => loops += 1,
                Operator::Block { .. } | Operator::If { .. } => blocks += 1,
                _ => {}
            }
        }
        for (what, found, limit) in [
            ("the loops of a function", loops, limits::FUNCTION_LOOPS),
            ("the blocks of a function", blocks + loops, limits::FUNCTION_BLOCKS),
        ] {
            if found > limit {
                return Err(Error::TooBig { name: name.to_owned(), what, found, limit });
            }
        }
    }
    Ok(())
}
