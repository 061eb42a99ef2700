//! Which of a component's imports are types only: they reach nothing, so they are no request.
//!
//! A component whose functions use types of an interface imports that interface, even if nobody is to implement anything. To tell
//! such an import from others, the indices of the component's types are counted along with its sections.

use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentAliasSectionReader, ComponentExternalKind,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, ComponentTypeSectionReader,
    InstanceTypeDeclaration, TypeBounds,
};

/// The types of the outermost component so far, by index: whether each is an instance with nothing but types in it.
#[derive(Default)]
pub(super) struct Types {
    only_types: Vec<bool>,
}

impl Types {
    /// A section of types.
    pub fn defined(&mut self, section: ComponentTypeSectionReader<'_>) -> Result<(), BinaryReaderError> {
        for ty in section {
            let only = match ty? {
                ComponentType::Instance(parts) => {
                    let mut exports = parts.iter().filter_map(|part| match part {
                        InstanceTypeDeclaration::Export { ty, .. } => Some(ty),
                        _ => None,
                    });
                    exports.clone().next().is_some() && exports.all(is_plain_type)
                }
                _ => false,
            };
            self.only_types.push(only);
        }
        Ok(())
    }

    /// A section of aliases, some of which are types.
    pub fn aliased(&mut self, section: ComponentAliasSectionReader<'_>) -> Result<(), BinaryReaderError> {
        for alias in section {
            let is_type = matches!(
                alias?,
                ComponentAlias::InstanceExport { kind: ComponentExternalKind::Type, .. }
                    | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Type, .. }
            );
            if is_type {
                self.only_types.push(false);
            }
        }
        Ok(())
    }

    /// An import; says whether it is types only.
    pub fn imported(&mut self, ty: &ComponentTypeRef) -> bool {
        match ty {
            ComponentTypeRef::Type(_) => {
                self.only_types.push(false);
                is_plain_type(ty)
            }
            ComponentTypeRef::Instance(index) => {
                usize::try_from(*index).ok().and_then(|index| self.only_types.get(index)) == Some(&true)
            }
            _ => false,
        }
    }

    /// An export; that of a type is a type of its own.
    pub fn exported(&mut self, kind: ComponentExternalKind) {
        if kind == ComponentExternalKind::Type {
            self.only_types.push(false);
        }
    }
}

/// A resource is not: somebody has to make it.
fn is_plain_type(ty: &ComponentTypeRef) -> bool {
    matches!(ty, ComponentTypeRef::Type(TypeBounds::Eq(_)))
}
