//! Secrets that the host keeps: a plugin holds a handle, never the value, and puts it into a header of a request with
//! [`crate::fetch::Request::secret`]. Using it makes the component import `sport:host/secrets`. A native test has
//! those that its [`crate::testing::Host`] was told of.

use crate::Failure;

/// A handle of a secret.
///
/// ```
/// use sport_sdk::{fetch::Request, secrets::Secret};
///
/// let host = sport_sdk::testing::Host::new();
/// host.secret("weather");
/// let token = Secret::lookup("weather")?;
/// let _ = Request::get("https://api.example.com/").secret("authorization", "Bearer ", &token).send();
/// assert_eq!(host.requests()[0].headers[0].1, "Bearer <weather>");
/// # Ok::<(), sport_sdk::Failure>(())
/// ```
#[derive(Debug)]
pub struct Secret {
    #[cfg(target_family = "wasm")]
    handle: crate::bindings::host::sport::host::secrets::Secret,
    #[cfg(not(target_family = "wasm"))]
    name: String,
}

impl Secret {
    /// The secret of this name, if the operator granted one.
    pub fn lookup(name: &str) -> Result<Self, Failure> {
        backend::lookup(name)
    }

    /// Its name.
    pub fn name(&self) -> String {
        #[cfg(target_family = "wasm")]
        return self.handle.name();
        #[cfg(not(target_family = "wasm"))]
        return self.name.clone();
    }

    #[cfg(target_family = "wasm")]
    pub(crate) fn handle(&self) -> &crate::bindings::host::sport::host::secrets::Secret {
        &self.handle
    }
}

fn missing(name: &str) -> Failure {
    Failure::not_found(format!("there is no secret {name}; the operator grants it")).code("secret-missing")
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::{Failure, Secret, missing};
    use crate::FailureKind;
    use crate::bindings::host::sport::host::secrets;

    pub fn lookup(name: &str) -> Result<Secret, Failure> {
        match secrets::lookup(name) {
            Ok(handle) => Ok(Secret { handle }),
            Err(secrets::SecretError::Missing) => Err(missing(name)),
            Err(secrets::SecretError::Denied) => {
                Err(Failure::new(FailureKind::Denied, format!("secret {name} is denied"))
                    .code("secret-denied"))
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::{Failure, Secret, missing};
    use crate::native;

    pub fn lookup(name: &str) -> Result<Secret, Failure> {
        if native::with(|state| state.secrets.contains(name)) {
            return Ok(Secret { name: name.to_owned() });
        }
        Err(missing(name))
    }
}
