//! `sport:host/kv`: small state, per plugin and per branch.

use crate::contract::base;
use crate::contract::imports::kv;
use crate::contract::lower;
use crate::host::HostCx;
use crate::limits;

impl kv::Host for HostCx {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<kv::Entry>, base::Failure>> {
        self.enter()?;
        let entry = self.state.get(&self.plugin, &key);
        Ok(Ok(entry.map(|entry| kv::Entry { value: entry.value.to_vec(), revision: entry.revision })))
    }

    fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        expected: Option<u64>,
    ) -> wasmtime::Result<Result<u64, base::Failure>> {
        self.enter()?;
        Ok(self.state.set(&self.plugin, &key, &value, expected).map_err(lower::failure))
    }

    fn delete(
        &mut self,
        key: String,
        expected: Option<u64>,
    ) -> wasmtime::Result<Result<bool, base::Failure>> {
        self.enter()?;
        Ok(self.state.delete(&self.plugin, &key, expected).map_err(lower::failure))
    }

    fn list_keys(
        &mut self,
        prefix: String,
        cursor: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<kv::Page, base::Failure>> {
        self.enter()?;
        let limit = (limit as usize).clamp(1, limits::KV_KEYS);
        let (keys, cursor) = self.state.keys(&self.plugin, &prefix, cursor.as_deref(), limit);
        Ok(Ok(kv::Page { keys, cursor }))
    }
}
