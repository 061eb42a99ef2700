//! From a project to its component.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sport_sandbox::{Grants, Inspection, Kind, inspect};

use super::{Language, Project, javascript, python, rust};
use crate::exit::{CommandError, Exit};

/// A component that was built.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// What was found in it.
    pub inspection: Inspection,
}

/// Builds a project's component, puts it under its final name and looks into it.
pub fn build(project: &Project) -> Result<Built, CommandError> {
    let path = project.component();
    match project.language {
        Language::Rust => place(&rust::build(project)?, &path)?,
        Language::Python => python::build(project, &path)?,
        Language::JavaScript => javascript::build(project, &path)?,
    }
    let inspection = inspect(&path)?;
    if !matches!(inspection.kind, Some(Kind::Tool | Kind::Verifier)) {
        let message = format!(
            "{} has neither a tool nor a verifier in it; put #[tool], #[tools] or #[verifier] of sport_sdk on something",
            Project::show(&path)
        );
        return Err(CommandError::new(Exit::BadInput, "empty-plugin", message));
    }
    Ok(Built { path, inspection })
}

/// What a component asks for that it must be granted.
pub fn asks_for(inspection: &Inspection) -> Vec<String> {
    let none = Grants::none();
    let wanted = inspection.imports.iter().filter(|import| inspection.answer(import, &none) == "NOT GRANTED");
    let plain = |import: &String| {
        let import = import.split('@').next().unwrap_or(import);
        import.trim_start_matches("sport:host/").to_owned()
    };
    wanted.map(plain).collect()
}

/// Copies beside the final place, then renames; a component that is the same as before is left alone, so that what is made of it
/// (compiled code) stays valid.
fn place(from: &Path, to: &Path) -> Result<(), CommandError> {
    let new = std::fs::read(from)?;
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // readable for whom the user's mask says, as what cargo writes is
    let open = std::fs::Permissions::from_mode(0o666);
    let part = tempfile::Builder::new().prefix(".component-").permissions(open).tempfile_in(folder)?;
    std::fs::write(part.path(), new)?;
    part.persist(to).map_err(|error| error.error)?;
    Ok(())
}
