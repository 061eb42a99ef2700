//! What an operator lets a component reach.
//!
//! A grant is the name of a `sport:host` interface. Nothing is granted by default, and a component cannot ask
//! at run time: its import list is its request, compared with the grants before it is compiled.
//!
//! `artifacts` reaches what a call was handed. The files of [`Grants::with_artifact`] are handed to a tool's warm start.
//!
//! `chat` reaches the models that the operator has set up, all of them or those of [`Grants::with_models`].
//!
//! Two interfaces need more than their name. `fetch` reaches the hosts of [`Grants::with_egress`] and no other,
//! `secrets` knows those of [`Grants::with_secrets`]; without them every request is denied and every secret is
//! missing, so that the bare names are harmless. `fetch` brings `secrets` with it, since its contract names
//! the handles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::artifacts::digest_of;
use crate::egress::Egress;
use crate::error::Error;
use crate::secrets::Secrets;
use crate::types::ArtifactRef;
use crate::{host, limits, text};

/// Interfaces that reach nothing outside the call; always linked.
pub(crate) const FREE: &[&str] = &["log", "context", "output"];

/// Interfaces that can be granted.
pub(crate) const GRANTABLE: &[&str] = &["artifacts", "kv", "tools", "secrets", "fetch", "chat"];

/// Interfaces of the contract that this version of the host does not answer yet.
const LATER: &[&str] = &["code"];

/// A file that a tool is handed for its warm start.
#[derive(Clone)]
pub(crate) struct GrantedArtifact {
    pub name: String,
    pub digest: String,
    pub bytes: Arc<[u8]>,
}

impl GrantedArtifact {
    /// What a guest is told of it.
    pub fn reference(&self) -> ArtifactRef {
        ArtifactRef {
            digest: self.digest.clone(),
            media_type: self.media_type().to_owned(),
            size: self.bytes.len() as u64,
            name: Some(self.name.clone()),
        }
    }

    /// Nobody says what it is: the tool that asks for it knows.
    pub fn media_type(&self) -> &'static str {
        "application/octet-stream"
    }
}

impl fmt::Debug for GrantedArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedArtifact")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// A set of granted interfaces, with the hosts and secrets that go with them.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    names: BTreeSet<&'static str>,
    egress: Egress,
    secrets: Secrets,
    /// The tools of others that may be called with `tools`; none means all.
    calls: Option<Arc<BTreeSet<String>>>,
    /// The roles of the models that may be asked with `chat`; none means all.
    models: Option<Arc<BTreeSet<String>>>,
    /// What a tool's `warm` is handed, by name.
    artifacts: Vec<GrantedArtifact>,
}

impl Grants {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// These interfaces of `sport:host`, for example `["artifacts", "kv"]`.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut set = BTreeSet::new();
        for name in names {
            let name = name.as_ref();
            // What is free anyway may be named too: a copied list of imports should work.
            if FREE.contains(&name) {
                continue;
            }
            let Some(known) = GRANTABLE.iter().find(|known| **known == name) else {
                let name = if LATER.contains(&name) {
                    format!("{name} (in the contract, but not answered by this version)")
                } else {
                    name.to_owned()
                };
                return Err(Error::UnknownGrant { name, known: GRANTABLE.join(", ") });
            };
            set.insert(*known);
        }
        Ok(Self { names: set, ..Self::default() })
    }

    /// The same with hosts for `fetch`, which is granted by that if there are any.
    #[must_use]
    pub fn with_egress(mut self, egress: Egress) -> Self {
        if !egress.is_empty() {
            self.names.insert("fetch");
        }
        self.egress = egress;
        self
    }

    /// The same with values for `secrets`, which is granted by that if there are any.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Secrets) -> Self {
        if !secrets.is_empty() {
            self.names.insert("secrets");
        }
        self.secrets = secrets;
        self
    }

    /// The same with only these tools of other plugins to call, where `tools` is granted.
    #[must_use]
    pub fn with_calls<S: AsRef<str>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.calls = Some(Arc::new(names.into_iter().map(|name| name.as_ref().to_owned()).collect()));
        self
    }

    /// The tools of other plugins that may be called; none means all.
    pub(crate) fn calls(&self) -> Option<&Arc<BTreeSet<String>>> {
        self.calls.as_ref()
    }

    /// The same with models to ask, by their roles; `chat` is granted by that if there are any.
    #[must_use]
    pub fn with_models<S: AsRef<str>>(mut self, roles: impl IntoIterator<Item = S>) -> Self {
        let roles: BTreeSet<String> = roles.into_iter().map(|role| role.as_ref().to_owned()).collect();
        if !roles.is_empty() {
            self.names.insert("chat");
        }
        self.models = Some(Arc::new(roles));
        self
    }

    /// The same with a file that a tool's `warm` is handed, under a name that the tool knows. `artifacts` is granted by that.
    /// Fails when there is one of that name, when the name is no file name, and when all together are larger than an artifact
    /// may be.
    pub fn with_artifact(mut self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, Error> {
        let bytes = bytes.into();
        let bad = |reason: String| Error::Invalid {
            what: format!("granted artifact {:?}", text::clean_line(name, limits::NAME_BYTES)),
            reason,
        };
        if host::artifacts::file_name(name).as_deref() != Some(name) {
            return Err(bad("its name is no file name".to_owned()));
        }
        if self.artifacts.iter().any(|there| there.name == name) {
            return Err(bad("there is one of that name already".to_owned()));
        }
        let size = self.artifacts.iter().map(|there| there.bytes.len()).sum::<usize>() + bytes.len();
        if size as u64 > limits::ARTIFACT_BYTES {
            return Err(bad(format!(
                "all of them together have {size} bytes, the most is {}",
                limits::ARTIFACT_BYTES
            )));
        }
        self.names.insert("artifacts");
        let digest = digest_of(&bytes);
        self.artifacts.push(GrantedArtifact { name: name.to_owned(), digest, bytes });
        self.artifacts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(self)
    }

    /// The same with what is in a file.
    pub fn with_artifact_file(self, name: &str, path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(Error::io("read", path))?;
        // One byte more: what is too large is told by who counts them all.
        file.take(limits::ARTIFACT_BYTES + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        self.with_artifact(name, bytes)
    }

    /// The digests of these files, by name.
    pub(crate) fn artifact_digests(&self) -> BTreeMap<String, String> {
        self.artifacts.iter().map(|artifact| (artifact.name.clone(), artifact.digest.clone())).collect()
    }

    /// The files that a tool's `warm` is handed, by name.
    pub(crate) fn artifacts(&self) -> &[GrantedArtifact] {
        &self.artifacts
    }

    /// The roles of the models that may be asked; none means all.
    pub(crate) fn models(&self) -> Option<&Arc<BTreeSet<String>>> {
        self.models.as_ref()
    }

    /// The hosts that may be asked.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// The secrets that may be used.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Whether an interface may be linked.
    pub fn allows(&self, interface: &str) -> bool {
        FREE.contains(&interface)
            || self.names.contains(interface)
            || (interface == "secrets" && self.names.contains("fetch"))
    }

    /// The granted interfaces.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().copied()
    }

    /// For messages: what is granted, `nothing` when it is nothing.
    pub(crate) fn show(&self) -> String {
        if self.names.is_empty() {
            return "nothing".to_owned();
        }
        self.names().map(|name| format!("sport:host/{name}")).collect::<Vec<_>>().join(", ")
    }
}
