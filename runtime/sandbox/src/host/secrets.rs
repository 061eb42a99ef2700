//! `sport:host/secrets`: handles of secrets. Only `fetch` puts a value where one stands.

use wasmtime::component::Resource as Handle;

use crate::contract::imports::secrets;
use crate::host::HostCx;
use crate::limits;

/// A secret as a guest holds it.
#[derive(Debug)]
pub struct SecretHandle {
    /// Its name; the value stays with the grants.
    pub name: String,
}

impl secrets::Host for HostCx {
    fn lookup(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Handle<SecretHandle>, secrets::SecretError>> {
        self.enter()?;
        let known = self.network.as_ref().is_some_and(|network| network.secrets().contains(&name));
        if !known {
            return Ok(Err(secrets::SecretError::Missing));
        }
        if self.secret_handles >= limits::SECRET_HANDLES {
            return Ok(Err(secrets::SecretError::Denied));
        }
        let handle = self.table.push(SecretHandle { name })?;
        self.secret_handles += 1;
        Ok(Ok(handle))
    }
}

impl secrets::HostSecret for HostCx {
    fn name(&mut self, secret: Handle<SecretHandle>) -> wasmtime::Result<String> {
        self.enter()?;
        Ok(self.table.get(&secret)?.name.clone())
    }

    fn drop(&mut self, secret: Handle<SecretHandle>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        self.secret_handles = self.secret_handles.saturating_sub(1);
        Ok(())
    }
}
