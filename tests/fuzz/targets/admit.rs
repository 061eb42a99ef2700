//! Bytes as a component's file.
//!
//! * inspection, the decision about contract, kind and imports, and the validator take any bytes without a panic;
//! * what is said about them is one line of bounded size, with a code;
//! * more grants never refuse what fewer admitted, and no kind is admitted with an import that was not granted;
//! * a small component that passes, also one of another world, is compiled and asked to describe itself: an error or a tool, and an honest tool
//!   still works after it.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use sport_fuzz::{Bench, assert_one_line, echo, honest_call_works};
use sport_sandbox::{Error, Grants, Inspection, Kind, Tool, fuzzing};

/// Compiling takes the compiler's time under a sanitizer, which is not what is looked for here.
const COMPILED_BYTES: usize = 24 << 10;

/// Three lists of at most 32 names of at most 256 bytes, and words around them.
const MESSAGE_BYTES: usize = 32 << 10;

static BENCH: LazyLock<(Bench, Arc<Tool>)> = LazyLock::new(|| {
    let bench = Bench::new();
    let echo = bench.load("echo", echo());
    (bench, echo)
});

fuzz_target!(|bytes: &[u8]| {
    let all = Grants::new(["artifacts", "kv", "tools", "secrets", "fetch"]).expect("known grants");
    for kind in [Kind::Tool, Kind::Verifier, Kind::Interpreter, Kind::Foreign] {
        let with_nothing = judged(fuzzing::admit(bytes, kind, &Grants::none()));
        let with_all = judged(fuzzing::admit(bytes, kind, &all));
        let Some(inspection) = with_nothing else { continue };
        assert!(with_all.is_some(), "more grants admit less: {inspection:?}");
        let sport = inspection.imports.iter().filter(|import| import.starts_with("sport:host/"));
        for import in sport {
            let free = ["log@", "context@", "output@"];
            let interface = import.trim_start_matches("sport:host/");
            let free = free.iter().any(|name| interface.starts_with(name)) && kind != Kind::Foreign;
            assert!(free, "{import} was granted by nobody");
        }
        if matches!(kind, Kind::Tool | Kind::Foreign) && bytes.len() <= COMPILED_BYTES {
            load(bytes);
        }
    }
});

fn judged(admitted: Result<Inspection, Error>) -> Option<Inspection> {
    match admitted {
        Ok(inspection) => Some(inspection),
        Err(error) => {
            assert_one_line(&error.to_string(), MESSAGE_BYTES);
            assert_one_line(error.code(), 64);
            None
        }
    }
}

fn load(bytes: &[u8]) {
    let (bench, echo) = &*BENCH;
    let path = bench.folder.path().join("fuzzed.wasm");
    std::fs::write(&path, bytes).expect("the file is written");
    match bench.sandbox.tool(&path, &Grants::none()) {
        Ok(tool) => {
            for descriptor in tool.descriptors() {
                assert_one_line(&descriptor.name, 64);
            }
        }
        Err(error) => assert_one_line(&error.to_string(), MESSAGE_BYTES),
    }
    honest_call_works(echo);
    // What was compiled is not needed again.
    for shelf in std::fs::read_dir(bench.folder.path().join("aot")).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(shelf.path()).into_iter().flatten().flatten() {
            let _ = std::fs::remove_file(file.path());
        }
    }
}
