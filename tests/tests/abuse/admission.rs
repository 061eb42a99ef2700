//! Bytes that are no component, components that are too much, and files that are no files. Nothing of them runs.
//!
//! * no component: nothing, text, a core module, a header alone, ELF, every sixteenth of a real component, damaged lengths,
//!   flipped bits of a small component and of a real one: a clear error or a component that works, never a panic
//! * too much: 100 MiB, 200,001 functions, nested components, 129 modules, types, tables, memories, a function of more than a megabyte
//! * much, but admitted: 30,000 functions, a `br_table` of a million cases, 6,000 nested blocks, a function of 15,000 locals
//! * types: lists in lists, tuples that double, a record of 100,000 fields
//! * contract: none, empty, not JSON, an array, deep, huge, another version, a pre-release, an unknown package, two that disagree,
//!   escapes in it
//! * imports: not granted, unknown, of WASI, `wasi:http`, of another version, `output` in a tool, 50,000 of them
//! * exports: none, another kind, another version
//! * paths: a folder, a pipe, devices, a socket, a link in a circle, a missing file
//! * grants and folders: names that are no grants, a cache that others can write, a cache that is a link

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::json;
use sport_sandbox::{ArtifactStore, Budget, Grants, Limits, PluginState, Sandbox, SandboxOptions, inspect};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, CustomSection, InstanceType,
    RawSection,
};

use crate::case::{Case, case};
use crate::guest::Guest;
use crate::host::Host;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    no_component(&mut cases);
    too_much(&mut cases);
    types(&mut cases);
    contracts(&mut cases);
    imports(&mut cases);
    exports(&mut cases);
    paths(&mut cases);
    grants(&mut cases);
    cases
}

fn good() -> Vec<u8> {
    Guest::answering("1").build()
}

/// The admission code of some bytes. Every message is one line and not endless.
fn code(host: &Host, bytes: &[u8]) -> String {
    match host.load_bytes(bytes, &[]) {
        Ok(_) => "admitted".to_owned(),
        Err(error) => {
            let message = error.to_string();
            let shown: String = message.chars().take(200).collect();
            if message.len() > 20_000 || message.contains(char::is_control) {
                return format!("{} with a message of {} bytes: {shown:?}", error.code(), message.len());
            }
            error.code().to_owned()
        }
    }
}

fn bytes(cases: &mut Vec<Case>, name: &str, expected: &str, bytes: impl FnOnce() -> Vec<u8> + 'static) {
    cases.push(case(name, expected, move |host| code(host, &bytes())));
}

/// A component with further sections.
fn with(mut component: Vec<u8>, more: Component) -> Vec<u8> {
    const HEADER: usize = 8;
    component.extend_from_slice(&more.finish()[HEADER..]);
    component
}

fn no_component(cases: &mut Vec<Case>) {
    bytes(cases, "nothing", "not-a-component", Vec::new);
    bytes(cases, "text", "not-a-component", || b"print(1)".to_vec());
    bytes(cases, "a megabyte of zeros", "not-a-component", || vec![0; 1 << 20]);
    bytes(cases, "a program of the machine", "not-a-component", || b"\x7fELF\x02\x01\x01\0".repeat(99));
    bytes(cases, "half a header", "not-a-component", || b"\0asm".to_vec());
    bytes(cases, "a core module", "not-a-component", || wat::parse_str("(module)").unwrap());
    bytes(cases, "a header alone", "contract-unsupported", || Component::new().finish());
    bytes(cases, "a later version of the format", "not-a-component", || b"\0asm\x7f\0\x01\0".to_vec());
    bytes(cases, "rubbish after the end", "not-a-component", || [good(), b"rubbish".to_vec()].concat());
    bytes(cases, "a section of 4 GiB", "not-a-component", || {
        [good(), b"\0\xff\xff\xff\xff\x0f".to_vec()].concat()
    });
    bytes(cases, "a count of four thousand million", "component-too-big", || {
        [good(), b"\x0a\x06\xff\xff\xff\xff\x0f\x00".to_vec()].concat()
    });
    for part in 1..16 {
        bytes(cases, &format!("a real component, cut at {part}/16"), "not-a-component", move || {
            let whole = std::fs::read(sport_tests::component("calculator")).unwrap();
            whole[..whole.len() * part / 16].to_vec()
        });
    }
    cases.push(case("flipped bits of a small component", "no harm", |host| flipped(host, &good(), 300)));
    cases.push(case("flipped bits of a real component", "no harm", |host| {
        flipped(host, &std::fs::read(sport_tests::component("calculator")).unwrap(), 4)
    }));
    cases.push(case("runs of zeros in a small component", "no harm", |host| {
        let whole = good();
        let wrong = (0..60).find_map(|index| {
            let mut bytes = whole.clone();
            let at = index * whole.len() / 60;
            let end = (at + 16).min(whole.len());
            bytes[at..end].fill(0);
            harm(host, &bytes)
        });
        wrong.unwrap_or("no harm".to_owned())
    }));
}

/// Flips bits at seeded places, one at a time.
fn flipped(host: &Host, whole: &[u8], times: u64) -> String {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let wrong = (0..times).find_map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(seed >> 33).unwrap() % whole.len();
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << (seed >> 30 & 7);
        harm(host, &bytes)
    });
    wrong.unwrap_or("no harm".to_owned())
}

/// Loads and, if it is admitted, calls what it offers; the message of an error if there is something wrong with it.
fn harm(host: &Host, bytes: &[u8]) -> Option<String> {
    match host.load_bytes(bytes, &[]) {
        Err(error) => {
            let message = error.to_string();
            (message.len() > 20_000 || message.contains(char::is_control)).then_some(message)
        }
        Ok(tool) => {
            let limits = Limits { wall: std::time::Duration::from_millis(200), ..Limits::tool() };
            let store = ArtifactStore::new_in_memory();
            let (name, mut state) = (&tool.descriptors()[0].name, PluginState::new());
            // Whatever it answers: it did so in the sandbox.
            let _ = tool.call(name, &json!({}), &store, &mut state, &Budget::new(limits));
            None
        }
    }
}

/// A guest with this at the top of its module.
fn with_top(top: String) -> Vec<u8> {
    let mut guest = Guest::answering("1");
    guest.top = top;
    guest.build()
}

fn too_much(cases: &mut Vec<Case>) {
    cases.push(case("a file of 100 MiB", "component-too-big", |host| {
        let path = host.file("large", b"");
        std::fs::File::options().write(true).open(&path).unwrap().set_len(100 << 20).unwrap();
        let error = host.sandbox.tool(&path, &Grants::none()).unwrap_err();
        std::fs::remove_file(path).unwrap();
        error.code().to_owned()
    }));
    bytes(cases, "200,001 functions", "component-too-big", || with_top("(func)".repeat(200_001)));
    bytes(cases, "30,000 functions", "admitted", || with_top("(func)".repeat(30_000)));
    bytes(cases, "200 core modules", "component-too-big", || {
        let module = wat::parse_str("(module)").unwrap();
        let mut more = Component::new();
        for _ in 0..200 {
            more.section(&RawSection { id: 1, data: &module });
        }
        with(good(), more)
    });
    for levels in [7, 2000] {
        bytes(cases, &format!("components nested {levels} deep"), "component-too-big", move || {
            (1..levels).fold(Component::new().finish(), |inner, _| {
                let mut outer = Component::new();
                outer.section(&RawSection { id: 4, data: &inner });
                outer.finish()
            })
        });
    }
    bytes(cases, "60,000 types", "component-too-big", || with_top("(type (func))".repeat(60_000)));
    bytes(cases, "forty tables", "component-too-big", || with_top("(table 1 funcref)".repeat(40)));
    bytes(cases, "600,000 globals", "component-too-big", || {
        with_top("(global i32 (i32.const 0))".repeat(600_000))
    });
    bytes(cases, "a function of more than a megabyte", "component-too-big", || {
        with_top(format!("(func {})", "(drop (i32.const 1))".repeat(400_000)))
    });
    bytes(cases, "a br_table of a million cases", "compile-failed", || {
        with_top(format!("(func (param i32) (block (br_table {} (local.get 0))))", "0 ".repeat(1_000_000)))
    });
    bytes(cases, "a br_table of two million cases", "component-too-big", || {
        with_top(format!("(func (param i32) (block (br_table {} (local.get 0))))", "0 ".repeat(2_000_000)))
    });
    // As bytes: the text parser would recurse.
    let blocks = |count| with_code(&[&b"\x02\x40".repeat(count)[..], &b"\x0b".repeat(count)].concat(), 0);
    bytes(cases, "300,000 nested blocks", "component-too-big", move || blocks(300_000));
    bytes(cases, "6,000 nested blocks", "admitted", move || blocks(6_000));
    bytes(cases, "a function of 15,000 locals", "admitted", || {
        let sets: Vec<u8> = (0..15_000_u32).flat_map(|n| [&b"\x20\x00\x21"[..], &leb(n)].concat()).collect();
        with_code(&sets, 15_000)
    });
    bytes(cases, "a function of more locals than there may be", "not-a-component", || {
        with_code(b"", 4_000_000_000)
    });
    // The compiler's time grows with the square of these.
    let loops = |count| with_code(&b"\x03\x40\x41\x00\x0d\x00\x0b".repeat(count), 0);
    bytes(cases, "a hundred thousand loops in a function", "component-too-big", move || loops(100_000));
    bytes(cases, "a thousand loops in a function", "admitted", move || loops(1_000));
    bytes(cases, "thirty thousand additions", "admitted", || {
        with_code(&[&b"\x41\x01"[..], &b"\x41\x01\x6a".repeat(30_000), b"\x1a"].concat(), 0)
    });
}

fn leb(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(u8::try_from(value & 127).unwrap() | 128);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A good component with one more core module, of one function with this code.
fn with_code(code: &[u8], locals: u32) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    let mut types = wasm_encoder::TypeSection::new();
    types.ty().function([], []);
    let mut functions = wasm_encoder::FunctionSection::new();
    functions.function(0);
    let mut body = wasm_encoder::Function::new((locals > 0).then_some((locals, wasm_encoder::ValType::I32)));
    body.raw(code.iter().copied());
    body.instruction(&wasm_encoder::Instruction::End);
    let mut section = wasm_encoder::CodeSection::new();
    section.function(&body);
    module.section(&types).section(&functions).section(&section);
    let mut more = Component::new();
    more.section(&RawSection { id: 1, data: &module.finish() });
    with(good(), more)
}

fn types(cases: &mut Vec<Case>) {
    use wasm_encoder::{
        ComponentValType::{Primitive, Type},
        PrimitiveValType::U8,
    };
    // Numbers of types are counted from those that the good component has.
    let base = || wasmparser::Validator::new().validate_all(&good()).unwrap().as_ref().component_type_count();
    let with_types = |types: ComponentTypeSection| {
        let mut more = Component::new();
        more.section(&types);
        with(good(), more)
    };
    bytes(cases, "lists in lists, 20,000 deep", "not-a-component", move || {
        let base = base();
        let mut types = ComponentTypeSection::new();
        types.defined_type().list(Primitive(U8));
        (0..20_000).for_each(|n| types.defined_type().list(Type(base + n)));
        with_types(types)
    });
    bytes(cases, "tuples that double sixty times", "not-a-component", move || {
        let base = base();
        let mut types = ComponentTypeSection::new();
        types.defined_type().tuple([Primitive(U8)]);
        (0..60).for_each(|n| types.defined_type().tuple([Type(base + n), Type(base + n)]));
        with_types(types)
    });
    bytes(cases, "a tuple of a million fields", "not-a-component", move || {
        let mut types = ComponentTypeSection::new();
        types.defined_type().tuple(vec![Primitive(U8); 1_000_000]);
        with_types(types)
    });
    bytes(cases, "a type of a type that is not there", "not-a-component", move || {
        let mut types = ComponentTypeSection::new();
        types.defined_type().list(Type(4_000_000_000));
        with_types(types)
    });
}

fn contracts(cases: &mut Vec<Case>) {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let huge = format!(r#"{{"packages":{{"sport:tool":"0.1.0"}},"sdk":"{}"}}"#, "x".repeat(70_000));
    let many: Vec<String> = (0..2_000).map(|n| format!(r#""a:b{n}":"9.9.9""#)).collect();
    let many = format!(r#"{{"packages":{{{}}}}}"#, many.join(","));
    for (name, contract) in [
        ("none", None),
        ("empty", Some("")),
        ("no JSON", Some("sport:tool 0.1.0")),
        ("an array", Some("[]")),
        ("deep", Some(&deep[..])),
        ("of 70 KiB", Some(&huge)),
        ("no packages", Some(r#"{"packages":{}}"#)),
        ("another minor version", Some(r#"{"packages":{"sport:tool":"0.2.0"}}"#)),
        ("another major version", Some(r#"{"packages":{"sport:tool":"1.0.0"}}"#)),
        ("a pre-release", Some(r#"{"packages":{"sport:tool":"0.1.0-rc.1"}}"#)),
        ("a version that is none", Some(r#"{"packages":{"sport:tool":"latest"}}"#)),
        ("an unknown package", Some(r#"{"packages":{"sport:tool":"0.1.0","evil:thing":"0.1.0"}}"#)),
        ("two thousand unknown packages", Some(&many)),
        ("escapes in a package", Some("{\"packages\":{\"sport:tool\":\"0.1.0\",\"\\u001b[2J\\n\":\"1\"}}")),
    ] {
        let contract = contract.map(str::to_owned);
        bytes(cases, &format!("a contract, {name}"), "contract-unsupported", move || {
            let mut guest = Guest::answering("1");
            guest.contract = contract;
            guest.build()
        });
    }
    bytes(cases, "two contracts that disagree", "contract-unsupported", || {
        with_section("sport:contract", br#"{"packages":{"sport:tool":"0.1.1"}}"#)
    });
    bytes(cases, "a thousand contracts that disagree", "contract-unsupported", || {
        (0..1000).fold(good(), |bytes, n| {
            let text = format!(r#"{{"packages":{{"sport:tool":"0.1.{n}"}}}}"#);
            append(bytes, "sport:contract", text.as_bytes())
        })
    });
    bytes(cases, "a custom section of 20 MiB", "admitted", || with_section("notes", &vec![7; 20 << 20]));
    bytes(cases, "a custom section of no name and no UTF-8", "not-a-component", || {
        [good(), b"\0\x03\x02\xff\xfe".to_vec()].concat()
    });
    cases.push(case("escapes in what a contract says of its maker", "clean", |host| {
        let mut guest = Guest::answering("1");
        guest.contract = Some(
            "{\"packages\":{\"sport:tool\":\"0.1.0\"},\"sdk\":\"a\\u001b]0;b\\u0007\\u202e\"}".to_owned(),
        );
        let found = inspect(&host.file("escapes", &guest.build())).unwrap();
        let sdk = found.contract.unwrap().sdk;
        if sdk.chars().any(|c| c.is_control() || c == '\u{202e}') {
            format!("{sdk:?}")
        } else {
            "clean".to_owned()
        }
    }));
}

fn with_section(name: &str, data: &[u8]) -> Vec<u8> {
    append(good(), name, data)
}

fn append(component: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let mut more = Component::new();
    more.section(&CustomSection { name: name.into(), data: data.into() });
    with(component, more)
}

/// A component that also imports these interfaces, all of them empty.
fn importing<'a>(component: Vec<u8>, names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let base = wasmparser::Validator::new().validate_all(&component).unwrap().as_ref().component_type_count();
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    let mut imports = ComponentImportSection::new();
    for name in names {
        imports.import(name, ComponentTypeRef::Instance(base));
    }
    let mut more = Component::new();
    more.section(&types).section(&imports);
    with(component, more)
}

fn imports(cases: &mut Vec<Case>) {
    for (expected, name) in [
        ("not-granted", "sport:host/kv@0.1.0"),
        ("not-granted", "sport:host/tools@0.1.0"),
        ("not-granted", "sport:host/artifacts@0.1.0"),
        ("not-granted", "sport:host/secrets@0.1.0"),
        ("not-granted", "sport:host/output@0.1.0"),
        ("not-granted", "sport:host/shell@0.1.0"),
        ("contract-unsupported", "sport:host/log@0.9.0"),
        ("contract-unsupported", "sport:host/log"),
        ("not-granted", "wasi:cli/environment@0.2.0"),
        ("not-granted", "wasi:filesystem/types@0.2.0"),
        ("not-granted", "wasi:sockets/tcp@0.2.0"),
        ("not-granted", "wasi:http/outgoing-handler@0.2.0"),
        ("not-granted", "evil:thing/everything"),
        ("not-granted", "run"),
    ] {
        bytes(cases, &format!("importing {name}"), expected, move || importing(good(), [name]));
    }
    bytes(cases, "fifty thousand imports", "not-granted", || {
        let names: Vec<String> = (0..50_000).map(|n| format!("evil:thing/i{n}")).collect();
        let mut more = Component::new();
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut imports = ComponentImportSection::new();
        for name in &names {
            imports.import(name, ComponentTypeRef::Instance(99));
        }
        more.section(&types).section(&imports);
        with(good(), more)
    });
    cases.push(case("an interpreter that imports wasi:http", "not-granted", |host| {
        let python = std::fs::read(sport_tests::component("python")).unwrap();
        let path = host.file("http", &importing(python, ["wasi:http/outgoing-handler@0.2.0"]));
        let error = host.sandbox.interpreter(&path, &Grants::new(["tools"]).unwrap()).unwrap_err();
        std::fs::remove_file(path).unwrap();
        error.code().to_owned()
    }));
}

fn exports(cases: &mut Vec<Case>) {
    bytes(cases, "no export", "wrong-kind", || {
        append(Component::new().finish(), "sport:contract", crate::guest::CONTRACT.as_bytes())
    });
    bytes(cases, "a verifier instead of a tool", "wrong-kind", || {
        let mut guest = Guest::new();
        guest.judge = Some("unreachable".to_owned());
        guest.build()
    });
    cases.push(case("a tool instead of a verifier", "wrong-kind", |host| {
        host.sandbox.verifier(&host.file("tool", &good()), &Grants::none()).unwrap_err().code().to_owned()
    }));
    cases.push(case("a tool instead of an interpreter", "wrong-kind", |host| {
        host.sandbox.interpreter(&host.file("tool", &good()), &Grants::none()).unwrap_err().code().to_owned()
    }));
    bytes(cases, "an export of another version", "contract-unsupported", || {
        replaced(good(), b"sport:tool/tool@0.1.0", b"sport:tool/tool@0.7.0")
    });
    bytes(cases, "an export that is called alike", "wrong-kind", || {
        replaced(good(), b"sport:tool/tool@0.1.0", b"sport:tool/tooI@0.1.0")
    });
}

/// The component with a name replaced by one of the same length, wherever it stands, so that nothing else moves.
fn replaced(mut bytes: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    for at in places {
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    bytes
}

fn paths(cases: &mut Vec<Case>) {
    let at = |path: &'static str| {
        move |host: &Host| host.sandbox.tool(Path::new(path), &Grants::none()).unwrap_err().code().to_owned()
    };
    for (name, path) in [
        ("a folder", "/tmp"),
        ("the null device", "/dev/null"),
        ("a device without an end", "/dev/zero"),
        ("random numbers", "/dev/urandom"),
        ("memory of this process", "/proc/self/mem"),
        ("nothing there", "/nowhere/x.wasm"),
        ("no name", ""),
    ] {
        cases.push(case(&format!("a path to {name}"), "io", at(path)));
    }
    cases.push(case("a path to a pipe", "io", |host| {
        let path = host.folder.path().join("pipe.wasm");
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: the name is a text with a NUL at its end, and lives until the call is over.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let error = host.sandbox.tool(&path, &Grants::none()).unwrap_err();
        std::fs::remove_file(path).unwrap();
        error.code().to_owned()
    }));
    cases.push(case("a path to a socket", "io", |host| {
        let path = host.folder.path().join("socket.wasm");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = host.sandbox.tool(&path, &Grants::none()).unwrap_err();
        std::fs::remove_file(path).unwrap();
        error.code().to_owned()
    }));
    cases.push(case("a path to a link to itself", "io", |host| {
        let path = host.folder.path().join("circle.wasm");
        symlink(&path, &path).unwrap();
        let error = host.sandbox.tool(&path, &Grants::none()).unwrap_err();
        std::fs::remove_file(path).unwrap();
        error.code().to_owned()
    }));
}

fn grants(cases: &mut Vec<Case>) {
    for name in ["shell", "*", "", "kv ", "KV", "sport:host/kv", "../kv", "kv,tools", "code", "Chat"] {
        cases.push(case(&format!("a grant called {name:?}"), "unknown-grant", move |_| {
            Grants::new([name]).map_or_else(|error| error.code().to_owned(), |_| "granted".to_owned())
        }));
    }
    cases.push(case("a cache that others can write", "cache-folder", |host| {
        let folder = host.folder.path().join("open");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        cache(&folder)
    }));
    cases.push(case("a cache that is a link", "cache-folder", |host| {
        let (real, link) = (host.folder.path().join("real"), host.folder.path().join("link"));
        std::fs::create_dir_all(&real).unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o700)).unwrap();
        let _ = std::fs::remove_file(&link);
        symlink(&real, &link).unwrap();
        cache(&link)
    }));
}

fn cache(folder: &Path) -> String {
    let made = Sandbox::new(SandboxOptions::new(folder));
    made.map_or_else(|error| error.code().to_owned(), |_| "used".to_owned())
}
