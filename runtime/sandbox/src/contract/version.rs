//! The contract versions that this host takes.
//!
//! A component carries a custom section `sport:contract` with JSON such as
//! `{"packages":{"sport:tool":"0.1.0"},"sdk":"sport-sdk 0.1.0"}`. While a contract is 0.x a minor version may
//! break, so the major and the minor number must be equal; patch versions only add words of explanation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The name of the custom section.
pub const SECTION: &str = "sport:contract";

/// The packages of `wit/` and the versions that this host takes.
pub const CONTRACTS: &[(&str, &str)] = &[
    ("sport:base", "0.1.0"),
    ("sport:host", "0.1.0"),
    ("sport:interpreter", "0.1.0"),
    ("sport:tool", "0.1.0"),
    ("sport:verifier", "0.1.0"),
];

/// What the section holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Package and version.
    pub packages: BTreeMap<String, String>,
    /// What wrote it.
    #[serde(default)]
    pub sdk: String,
}

/// Whether a package of this version is taken.
pub fn takes(package: &str, version: &str) -> bool {
    CONTRACTS
        .iter()
        .any(|(name, ours)| *name == package && line(ours).is_some() && line(ours) == line(version))
}

/// The versions that are taken, for messages.
pub fn taken() -> String {
    CONTRACTS.iter().map(|(name, version)| format!("{name}@{version}")).collect::<Vec<_>>().join(", ")
}

/// Major and minor number; none for a pre-release, which promises nothing.
fn line(version: &str) -> Option<(u64, u64)> {
    let version = semver::Version::parse(version).ok()?;
    version.pre.is_empty().then_some((version.major, version.minor))
}
