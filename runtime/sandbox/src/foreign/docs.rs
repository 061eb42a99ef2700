//! What the author wrote above a function: the `package-docs` section, which tools of the component model put into a component.
//!
//! A byte for the version, then JSON: `worlds` and `interfaces` by name, in them `funcs`, `func_exports` and
//! `interface_exports` with `docs`. It is a convention, so nothing in it is insisted on.

use serde_json::Value;
use wasmparser::{Parser, Payload};

use crate::inspect::unversioned;
use crate::limits;

/// The section's name.
const SECTION: &str = "package-docs";

/// The texts of a component.
pub(super) struct Docs(Value);

/// Reads them; none are there where there is no section, or one that is large or odd.
pub(super) fn of(bytes: &[u8]) -> Docs {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            Ok(Payload::CustomSection(section)) if depth == 1 && section.name() == SECTION => {
                let data = section.data();
                let text = data.strip_prefix(&[0]).or_else(|| data.strip_prefix(&[1])).unwrap_or(data);
                if text.len() <= limits::SCHEMA_BYTES {
                    return Docs(serde_json::from_slice(text).unwrap_or_default());
                }
            }
            Err(_) => break,
            _ => {}
        }
    }
    Docs(Value::Null)
}

impl Docs {
    /// What is said of a function.
    pub fn function(&self, interface: Option<&str>, name: &str) -> Option<String> {
        let said = |value: &Value| {
            let docs = value.get(name)?;
            let docs = docs.as_str().or_else(|| docs.get("docs")?.as_str())?.trim();
            (!docs.is_empty()).then(|| docs.to_owned())
        };
        let worlds =
            self.0.get("worlds").and_then(Value::as_object).into_iter().flat_map(|worlds| worlds.values());
        let Some(interface) = interface else {
            return worlds.filter_map(|world| world.get("func_exports")).find_map(said);
        };
        let full = unversioned(interface);
        let short = full.rsplit('/').next().unwrap_or(full);
        let known = self.0.get("interfaces").into_iter();
        let inline = worlds.filter_map(|world| world.get("interface_exports"));
        let mut interfaces = known.chain(inline);
        interfaces.find_map(|all| {
            [interface, full, short].iter().find_map(|name| said(all.get(name)?.get("funcs")?))
        })
    }
}
