//! The registry against a plain map: whatever is done to it and to the components, it loads exactly what was approved.
//!
//! * random sequences of add, rebuild, other words, another request, approve, pin, remove and reopen

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use sport_sandbox::{Grant, Pin, Registry};

use crate::support::{Bench, Guest, import};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// What a component's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Build {
    /// Changes the bytes and nothing that is approved.
    number: u8,
    words: u8,
    asks: bool,
}

#[derive(Clone, Debug)]
enum Deed {
    Add { name: usize, granted: bool, pinned: bool },
    Remove { name: usize },
    Build { name: usize, build: Build },
    Approve { name: usize, granted: bool },
    Reopen,
}

fn deed() -> impl Strategy<Value = Deed> {
    let name = 0..NAMES.len();
    let build =
        (0..2_u8, 0..2_u8, any::<bool>()).prop_map(|(number, words, asks)| Build { number, words, asks });
    prop_oneof![
        (name.clone(), any::<bool>(), any::<bool>()).prop_map(|(name, granted, pinned)| Deed::Add {
            name,
            granted,
            pinned
        }),
        name.clone().prop_map(|name| Deed::Remove { name }),
        (name.clone(), build).prop_map(|(name, build)| Deed::Build { name, build }),
        (name, any::<bool>()).prop_map(|(name, granted)| Deed::Approve { name, granted }),
        Just(Deed::Reopen),
    ]
}

/// What the model remembers of an installed plugin.
#[derive(Clone, Copy, Debug)]
struct Approved {
    build: Build,
    granted: bool,
    pinned: bool,
}

fn component(build: Build) -> Vec<u8> {
    let mut guest = Guest::answering(&build.number.to_string());
    guest.description = format!("words {}", build.words);
    if build.asks {
        guest.top = import::KV_GET.to_owned();
    }
    guest.build()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_loads_exactly_what_was_approved(deeds in prop::collection::vec(deed(), 1..24)) {
        let bench = Bench::new();
        let folder = bench.folder.path().join("config");
        let mut registry = Registry::open(&folder).unwrap();
        let first = Build { number: 0, words: 0, asks: false };
        let mut files: Vec<Build> = vec![first; NAMES.len()];
        let paths: Vec<PathBuf> = NAMES.iter().map(|name| bench.file(name, &component(first))).collect();
        let mut model: BTreeMap<usize, Approved> = BTreeMap::new();
        for deed in deeds {
            match deed {
                Deed::Add { name, granted, pinned } => {
                    let imports = if granted { vec!["kv".to_owned()] } else { Vec::new() };
                    let pin = pinned.then_some(Pin::Digest);
                    let grant = Grant { imports, pin, ..Grant::new(&paths[name], &[]) };
                    let may = !model.contains_key(&name) && (granted || !files[name].asks);
                    prop_assert_eq!(registry.add(&bench.sandbox, NAMES[name], grant).is_ok(), may);
                    if may {
                        model.insert(name, Approved { build: files[name], granted, pinned });
                    }
                }
                Deed::Remove { name } => {
                    prop_assert_eq!(registry.remove(NAMES[name]).is_ok(), model.remove(&name).is_some());
                }
                Deed::Build { name, build } => {
                    files[name] = build;
                    bench.file(NAMES[name], &component(build));
                }
                Deed::Approve { name, granted } => {
                    let more = if granted { vec!["kv".to_owned()] } else { Vec::new() };
                    let there = model.get_mut(&name);
                    let granted = granted || there.as_ref().is_some_and(|there| there.granted);
                    let may = there.is_some() && (granted || !files[name].asks);
                    let look = registry.look(&bench.sandbox, NAMES[name], &more);
                    let approved = look.and_then(|look| registry.approve(&bench.sandbox, NAMES[name], &look));
                    prop_assert_eq!(approved.is_ok(), may);
                    if let (Some(there), true) = (there, may) {
                        *there = Approved { build: files[name], granted, ..*there };
                    }
                }
                Deed::Reopen => registry = Registry::open(&folder).unwrap(),
            }
            let listed: Vec<String> = registry.list().unwrap().into_iter().map(|one| one.name).collect();
            let known: Vec<&str> = model.keys().map(|name| NAMES[*name]).collect();
            prop_assert_eq!(listed, known);
            for (name, approved) in &model {
                let (was, is) = (approved.build, files[*name]);
                let same = was.words == is.words && was.asks == is.asks;
                let same = same && (!approved.pinned || was == is);
                let loaded = registry.tool(&bench.sandbox, NAMES[*name]);
                prop_assert_eq!(loaded.is_ok(), same, "{:?}: approved {:?}, is {:?}", loaded, approved, is);
            }
        }
    }
}
