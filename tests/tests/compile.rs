//! Components are compiled in a process that has limits of its own.
//!
//! * what the worker compiles is what this process would: it loads and works
//! * too much cpu time, memory or wall time: a clear error, nothing is kept, the next component is compiled
//! * a worker that cannot be started, and one that fails
//! * through the binary: the first use compiles, the second finds it in the cache

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::path::Path;
use std::time::Duration;

use sport_sandbox::{
    ArtifactStore, Branch, Budget, CompileWorker, Compiler, Error, Grants, Limits, Sandbox, SandboxOptions,
    ToolHost, Toolbox,
};
use sport_tests::{binary, component, run, sport};

fn worker() -> CompileWorker {
    CompileWorker::new(binary(), vec!["compile-component".to_owned()])
}

fn sandbox(folder: &Path, worker: CompileWorker) -> Sandbox {
    Sandbox::new(SandboxOptions { compiler: Compiler::Worker(worker), ..SandboxOptions::new(folder) })
        .unwrap()
}

fn calculates(sandbox: &Sandbox) -> bool {
    let tool = sandbox.tool(&component("calculator"), &Grants::none()).unwrap();
    let mut toolbox = Toolbox::new(vec![tool], ArtifactStore::new_in_memory()).unwrap();
    let arguments = serde_json::json!({ "expression": "6*7" });
    let mut branch = Branch::open(&[]).unwrap();
    let outcome = toolbox.invoke("calculate", &arguments, &mut branch, &Budget::new(Limits::tool())).unwrap();
    outcome.structured.unwrap()["result"] == 42
}

/// How compiling CPython ends.
fn python(sandbox: &Sandbox) -> Error {
    sandbox.interpreter(&component("python"), &Grants::new(["tools"]).unwrap()).unwrap_err()
}

#[test]
fn what_the_worker_compiles_works() {
    let folder = tempfile::tempdir().unwrap();
    let aot = folder.path().join("aot");
    assert!(calculates(&sandbox(&aot, worker())));
    // found again, by a sandbox that could not compile it
    let nobody = CompileWorker::new("/nowhere/compiler".into(), Vec::new());
    assert!(calculates(&sandbox(&aot, nobody)));
}

#[test]
fn too_much_is_an_error() {
    let cases = [
        (CompileWorker { cpu: Duration::from_secs(1), ..worker() }, "1 s of cpu time"),
        (CompileWorker { memory_bytes: 32 << 20, ..worker() }, "33554432 bytes of memory"),
        (CompileWorker { wall: Duration::from_millis(200), ..worker() }, "of wall time"),
    ];
    for (worker, what) in cases {
        let folder = tempfile::tempdir().unwrap();
        let limited = sandbox(&folder.path().join("aot"), worker);
        let error = python(&limited);
        assert_eq!(error.code(), "compile-exhausted", "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(python(&limited).code(), "compile-exhausted", "something was kept");
    }
}

#[test]
fn workers_that_do_not_work() {
    let folder = tempfile::tempdir().unwrap();
    let with = |program: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let worker = CompileWorker::new(program.into(), arguments);
        sandbox(&folder.path().join("aot"), worker)
            .tool(&component("calculator"), &Grants::none())
            .unwrap_err()
    };
    let error = with("/nowhere/compiler", &[]);
    assert!(error.code() == "io" && error.to_string().contains("/nowhere/compiler"), "{error}");
    let error = with("/bin/sh", &["-c", "echo broken >&2; exit 9"]);
    assert!(
        error.code() == "compile-failed" && error.to_string().contains("ended with 9: broken"),
        "{error}"
    );
    let error = with("/bin/sh", &["-c", "kill -SEGV $$"]);
    assert!(error.to_string().contains("signal 11"), "{error}");
    let error = with(binary().to_str().unwrap(), &["compile-component", "nonsense"]);
    assert_eq!(error.code(), "compile-failed");
}

#[test]
fn the_binary_compiles_once() {
    let folder = tempfile::tempdir().unwrap();
    let used = |log: &str| {
        let mut command = sport(["plugin", "run", "calculator", "calculate", "{\"expression\": \"6*7\"}"]);
        let (exit, stdout, stderr) = run(command.env("SPORT_CACHE", folder.path()).env("SPORT_LOG", log));
        assert_eq!(exit, 0, "{stderr}");
        assert!(stdout.contains("42"), "{stdout}");
        stderr
    };
    assert!(used("info").contains("compiled a component"));
    assert!(!used("info").contains("compiled a component"));
}
