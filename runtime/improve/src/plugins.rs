//! The plugins that a config names: by their paths with grants beside them, or as the operator installed them.

use std::path::Path;
use std::sync::Arc;

use sport_sandbox::{Grants, Interpreter, Registry, Sandbox, Tool, Verifier};

use crate::config::{INSTALLED, config_folder};
use crate::error::Error;

/// Admits plugins.
pub(crate) struct Plugins<'a> {
    sandbox: &'a Sandbox,
    /// The operator's grants, if there are any.
    registry: Option<Registry>,
}

impl<'a> Plugins<'a> {
    /// With the operator's grants as they are now.
    pub fn new(sandbox: &'a Sandbox) -> Result<Self, Error> {
        Ok(Self { sandbox, registry: Registry::open_existing(&config_folder())? })
    }

    /// The interfaces that a plugin is granted.
    pub fn granted(&self, plugin: &Path, grants: &[String]) -> Result<Vec<String>, Error> {
        let Some(name) = installed(plugin) else { return Ok(grants.to_vec()) };
        if !grants.is_empty() {
            return Err(Error::Refused(format!(
                "{INSTALLED}{name} has grants in the config; what an installed plugin is granted stands in plugins.toml: \
                 take them away here, or name its component by its path"
            )));
        }
        let there = self.registry(name)?.get(name)?;
        Ok(there.map(|there| there.grant.interfaces()).unwrap_or_default())
    }

    /// A plugin of tools.
    pub fn tool(&self, plugin: &Path, grants: &[String]) -> Result<Arc<Tool>, Error> {
        Ok(match installed(plugin) {
            Some(name) => self.registry(name)?.tool(self.sandbox, name)?,
            None => self.sandbox.tool(plugin, &Grants::new(grants)?)?,
        })
    }

    /// A verifier.
    pub fn verifier(&self, plugin: &Path, grants: &[String]) -> Result<Arc<Verifier>, Error> {
        Ok(match installed(plugin) {
            Some(name) => self.registry(name)?.verifier(self.sandbox, name)?,
            None => self.sandbox.verifier(plugin, &Grants::new(grants)?)?,
        })
    }

    /// An interpreter.
    pub fn interpreter(&self, plugin: &Path, grants: &[String]) -> Result<Arc<Interpreter>, Error> {
        Ok(match installed(plugin) {
            Some(name) => self.registry(name)?.interpreter(self.sandbox, name)?,
            None => self.sandbox.interpreter(plugin, &Grants::new(grants)?)?,
        })
    }

    fn registry(&self, name: &str) -> Result<&Registry, Error> {
        self.registry.as_ref().ok_or_else(|| {
            let folder = config_folder();
            Error::Refused(format!(
                "plugin {name} is not installed: there are no grants in {}; `sport plugin add` installs one",
                folder.display()
            ))
        })
    }
}

/// The name of an installed plugin, if a config means one.
fn installed(plugin: &Path) -> Option<&str> {
    plugin.to_str()?.strip_prefix(INSTALLED)
}
