//! Released contracts stay what they were.
//!
//! * the copies under `wit/released/` are those that were released, byte by byte
//! * what is in `wit/` today still has everything of them, unchanged: functions, types, fields, cases, in their order
//! * the components of `tests/golden/`, built when a contract was released, load and answer today
//! * a change that would break is seen by this test, and one that only adds is not

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use sport_sandbox::{
    ArtifactStore, Budget, Content, Grants, Limits, PluginState, Sandbox, SandboxOptions, StepView, digest_of,
};
use sport_tests::root;
use wit_parser::{FunctionKind, Handle, Resolve, Type, TypeDefKind};

/// Packages in the order in which they build on each other.
const PACKAGES: [&str; 5] = ["base", "host", "interpreter", "tool", "verifier"];

/// What was released: version line, package, digest of its text.
const RELEASED: [(&str, &str, &str); 5] = [
    ("0.1", "base", "sha256:15b35c17b12a5ba2476e2bb4d39404392a33faad946ad43d7e83677257f27510"),
    ("0.1", "host", "sha256:a75a5b7fb4f41428f53c0ed00caf0d2c9b34913f0d2661c0adfdc55bd6ca8c09"),
    ("0.1", "interpreter", "sha256:3694b77c3f17f9dcd3ba582e8a58baba83010b8eead69b475e86d7e71aad1c4c"),
    ("0.1", "tool", "sha256:25a2b66e2846964aeef74f906d15052da42cbba9a450fe63ad2e19dacdc51d1d"),
    ("0.1", "verifier", "sha256:ad33839e818d062ee57015f9cae8759006147dace19887981211172ec5194711"),
];

fn wit() -> PathBuf {
    root().join("wit")
}

#[test]
fn released_folders_are_not_changed() {
    for (line, package, digest) in RELEASED {
        let path = wit().join("released").join(line).join(package).join(format!("{package}.wit"));
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            digest_of(&bytes),
            digest,
            "{} was released and is not changed any more; see wit/README.md",
            path.display()
        );
    }
}

/// Everything that a component could be built against: `interface.item` and what it is.
fn items(folder: &Path, change: impl Fn(&str, String) -> String) -> BTreeMap<String, String> {
    let mut resolve = Resolve::default();
    for package in PACKAGES {
        let path = folder.join(package).join(format!("{package}.wit"));
        let text = change(package, std::fs::read_to_string(&path).unwrap());
        resolve.push_str(&path, &text).unwrap();
    }
    let mut items = BTreeMap::new();
    for (_, interface) in &resolve.interfaces {
        let package = &resolve.packages[interface.package.unwrap()].name;
        let name = format!("{}:{}/{}", package.namespace, package.name, interface.name.as_ref().unwrap());
        for (item, id) in &interface.types {
            items.insert(format!("{name}.{item}"), definition(&resolve, &resolve.types[*id].kind));
        }
        for (item, function) in &interface.functions {
            let parameters: Vec<String> = function
                .params
                .iter()
                .map(|parameter| format!("{}: {}", parameter.name, show(&resolve, &parameter.ty)))
                .collect();
            let result = function.result.as_ref().map_or("nothing".to_owned(), |ty| show(&resolve, ty));
            let kind = match function.kind {
                FunctionKind::Freestanding => "function",
                FunctionKind::Method(_) => "method",
                FunctionKind::Static(_) => "static",
                _ => "other",
            };
            items.insert(format!("{name}.{item}"), format!("{kind}({}) -> {result}", parameters.join(", ")));
        }
    }
    items
}

fn show(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => {
            let definition_of = &resolve.types[*id];
            match &definition_of.name {
                Some(name) => name.clone(),
                None => definition(resolve, &definition_of.kind),
            }
        }
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn definition(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let some = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| show(resolve, ty));
    match kind {
        TypeDefKind::Record(record) => {
            let fields =
                record.fields.iter().map(|field| format!("{}: {}", field.name, show(resolve, &field.ty)));
            format!("record {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|case| format!("{}({})", case.name, some(&case.ty)));
            format!("variant {{ {} }}", cases.collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Enum(names) => {
            format!("enum {:?}", names.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>())
        }
        TypeDefKind::Flags(flags) => {
            format!("flags {:?}", flags.flags.iter().map(|flag| flag.name.as_str()).collect::<Vec<_>>())
        }
        TypeDefKind::Tuple(tuple) => {
            format!(
                "tuple<{}>",
                tuple.types.iter().map(|ty| show(resolve, ty)).collect::<Vec<_>>().join(", ")
            )
        }
        TypeDefKind::Option(ty) => format!("option<{}>", show(resolve, ty)),
        TypeDefKind::List(ty) => format!("list<{}>", show(resolve, ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", some(&result.ok), some(&result.err)),
        TypeDefKind::Type(ty) => format!("is {}", show(resolve, ty)),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", show(resolve, &Type::Id(*id))),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", show(resolve, &Type::Id(*id))),
        TypeDefKind::Resource => "resource".to_owned(),
        other => panic!("a type that the contracts do not use: {other:?}"),
    }
}

/// What of a release is missing or different today.
fn broken(released: &BTreeMap<String, String>, today: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |(name, was): (&String, &String)| match today.get(name) {
        Some(is) if is == was => None,
        Some(is) => Some(format!("{name} was {was}, is {is}")),
        None => Some(format!("{name} is gone")),
    };
    released.iter().filter_map(differs).collect()
}

#[test]
fn todays_contracts_have_all_of_them() {
    let as_it_is = |_: &str, text: String| text;
    let released = items(&wit().join("released/0.1"), as_it_is);
    assert!(released.len() > 80, "only {} items", released.len());
    assert_eq!(broken(&released, &items(&wit(), as_it_is)), Vec::<String>::new());
}

#[test]
fn a_change_that_breaks_is_seen() {
    let released = items(&wit().join("released/0.1"), |_, text| text);
    let after = |package: &'static str, from: &'static str, to: &'static str| {
        let changed = items(&wit(), move |name, text| {
            if name != package {
                return text;
            }
            assert!(text.contains(from), "{from} is not in {package}");
            text.replacen(from, to, 1)
        });
        broken(&released, &changed)
    };
    // only adds
    assert!(
        after("host", "run-id: func() -> string;", "run-id: func() -> string;\n  extra: func() -> u32;")
            .is_empty()
    );
    // breaks
    for (package, from, to) in [
        ("host", "run-id: func() -> string;", "run-id: func() -> u64;"),
        ("host", "remaining: func() -> budget;", ""),
        ("host", "enum channel { stdout, stderr }", "enum channel { stdout, stderr, log }"),
        ("tool", "hints: hints,", "hints: hints,\n    more: option<string>,"),
        ("verifier", "enum verdict { pass, fail, abstain }", "enum verdict { fail, pass, abstain }"),
        ("verifier", "max-depth: u32,", ""),
    ] {
        assert!(!after(package, from, to).is_empty(), "{package}: {from} -> {to}");
    }
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/contract-0.1").join(name)
}

#[test]
fn components_of_a_released_contract_load() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxOptions::new(folder.path().join("aot"))).unwrap();
    let budget = || Budget::new(Limits::tool());
    let store = ArtifactStore::new_in_memory();

    let tool = sandbox.tool(&golden("hello.wasm"), &Grants::none()).unwrap();
    let outcome =
        tool.call("hello", &json!({ "name": "Ada" }), &store, &mut PluginState::new(), &budget()).unwrap();
    assert_eq!(outcome.content, [Content::Text { text: "hello, Ada".to_owned() }]);

    let verifier = sandbox.verifier(&golden("strict.wasm"), &Grants::none()).unwrap();
    let step: StepView = serde_json::from_value(json!({
        "query": "6 * 7?", "files": [], "captions": [], "tools": [], "history": [], "depth": 0, "max_depth": 1,
        "candidates": [
            { "thought": "", "code": "final_answer(42)", "observation": [], "answer": 42,
              "execution": { "ending": "answered", "error": null, "tools": [], "dependences": [], "wall_ms": 1 } },
            { "thought": "", "code": "1 / 0", "observation": [], "answer": null,
              "execution": { "ending": "raised", "error": "ZeroDivisionError", "tools": [], "dependences": [], "wall_ms": 1 } },
        ]
    }))
    .unwrap();
    let judged = verifier.judge(&step, &json!({}), &store, &Budget::new(Limits::verifier())).unwrap();
    assert_eq!(judged.len(), 2);
}
