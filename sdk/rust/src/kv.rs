//! Small state that outlives a call, the plugin's own: another plugin has other keys, and so has another branch of
//! a step until one of them wins. Using it makes the component import `sport:host/kv`, which must be granted.

use crate::Failure;

/// A value with its revision.
///
/// ```
/// use sport_sdk::kv::{self, Entry};
///
/// let revision = kv::set("a", b"1")?;
/// assert_eq!(kv::get("a")?, Some(Entry { value: b"1".to_vec(), revision }));
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// Grows with every write of the key.
    pub revision: u64,
}

/// The value of a key.
///
/// ```
/// assert_eq!(sport_sdk::kv::get("nothing")?, None);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn get(key: &str) -> Result<Option<Entry>, Failure> {
    backend::get(key)
}

/// Writes a key, whatever it held, and gives its new revision.
///
/// ```
/// use sport_sdk::kv;
///
/// let first = kv::set("a", b"1")?;
/// assert!(kv::set("a", b"2")? > first);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn set(key: &str, value: &[u8]) -> Result<u64, Failure> {
    backend::set(key, value, None)
}

/// Writes a key if it still has this revision (0: if it does not exist), else fails with kind conflict.
///
/// ```
/// use sport_sdk::{FailureKind, kv};
///
/// let revision = kv::set_if("count", b"1", 0)?; // only if there is none
/// kv::set_if("count", b"2", revision)?;
/// assert_eq!(kv::set_if("count", b"3", revision).unwrap_err().kind, FailureKind::Conflict);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn set_if(key: &str, value: &[u8], expected: u64) -> Result<u64, Failure> {
    backend::set(key, value, Some(expected))
}

/// Removes a key; whether there was one.
///
/// ```
/// assert!(!sport_sdk::kv::delete("nothing")?);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn delete(key: &str) -> Result<bool, Failure> {
    backend::delete(key, None)
}

/// Removes a key if it still has this revision, else fails with kind conflict.
///
/// ```
/// use sport_sdk::kv;
///
/// let revision = kv::set("a", b"1")?;
/// assert!(kv::delete_if("a", revision)?);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn delete_if(key: &str, expected: u64) -> Result<bool, Failure> {
    backend::delete(key, Some(expected))
}

/// All keys with a prefix.
///
/// ```
/// use sport_sdk::kv;
///
/// kv::set("city/ulm", b"")?;
/// kv::set("river/danube", b"")?;
/// assert_eq!(kv::keys("city/")?, ["city/ulm"]);
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
pub fn keys(prefix: &str) -> Result<Vec<String>, Failure> {
    backend::keys(prefix)
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::Entry;
    use crate::Failure;
    use crate::bindings::host::sport::host::kv;

    /// Keys per host call.
    const PAGE: u32 = 256;

    pub fn get(key: &str) -> Result<Option<Entry>, Failure> {
        let entry = kv::get(key).map_err(Failure::from_host)?;
        Ok(entry.map(|entry| Entry { value: entry.value, revision: entry.revision }))
    }

    pub fn set(key: &str, value: &[u8], expected: Option<u64>) -> Result<u64, Failure> {
        kv::set(key, value, expected).map_err(Failure::from_host)
    }

    pub fn delete(key: &str, expected: Option<u64>) -> Result<bool, Failure> {
        kv::delete(key, expected).map_err(Failure::from_host)
    }

    pub fn keys(prefix: &str) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = kv::list_keys(prefix, cursor.as_deref(), PAGE).map_err(Failure::from_host)?;
            keys.extend(page.keys);
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }
}

/// Keys in memory, with the host's limits.
#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::Entry;
    use crate::{Failure, FailureKind, native};

    /// The host's own limits (`limits.rs` of the sandbox): a test should meet them before the sandbox does.
    const KEY_BYTES: usize = 256;
    const VALUE_BYTES: usize = 64 << 10;

    fn check(present: Option<&Entry>, expected: Option<u64>) -> Result<(), Failure> {
        match expected {
            Some(expected) if expected != present.map_or(0, |entry| entry.revision) => {
                Err(Failure::new(FailureKind::Conflict, "the key has another revision"))
            }
            _ => Ok(()),
        }
    }

    pub fn get(key: &str) -> Result<Option<Entry>, Failure> {
        Ok(native::with(|state| state.keys.get(key).cloned()))
    }

    pub fn set(key: &str, value: &[u8], expected: Option<u64>) -> Result<u64, Failure> {
        if key.is_empty() || key.len() > KEY_BYTES {
            let message = format!("a key has 1 to {KEY_BYTES} bytes, this has {}", key.len());
            return Err(Failure::invalid_input(message).code("kv-bad-key"));
        }
        if value.len() > VALUE_BYTES {
            let message = format!("a value may have {VALUE_BYTES} bytes, this has {}", value.len());
            return Err(Failure::invalid_input(message).code("kv-value-too-big"));
        }
        native::with(|state| {
            check(state.keys.get(key), expected)?;
            state.last_revision += 1;
            let entry = Entry { value: value.to_vec(), revision: state.last_revision };
            state.keys.insert(key.to_owned(), entry);
            Ok(state.last_revision)
        })
    }

    pub fn delete(key: &str, expected: Option<u64>) -> Result<bool, Failure> {
        native::with(|state| {
            check(state.keys.get(key), expected)?;
            Ok(state.keys.remove(key).is_some())
        })
    }

    pub fn keys(prefix: &str) -> Result<Vec<String>, Failure> {
        Ok(native::with(|state| state.keys.keys().filter(|key| key.starts_with(prefix)).cloned().collect()))
    }
}
