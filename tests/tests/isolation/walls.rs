//! What a worker process has given up, as the kernel tells of it.
//!
//! * a filter of system calls, no new rights, on every thread
//! * no environment; no file but sockets, files in memory, its page table and what every program begins with
//! * a network namespace of its own, where a process here can have one
//! * not to be traced by another process of the same user; no core files

use std::path::{Path, PathBuf};

use crate::support::{Tools, domain, open, printed, request};
use sport_sandbox::{Budget, Limits};

fn status(task: &Path) -> String {
    std::fs::read_to_string(task.join("status")).unwrap()
}

#[track_caller]
fn field(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
}

/// Whether a process on this machine can have a network namespace of its own.
fn namespaces() -> bool {
    let tried = std::process::Command::new("unshare").args(["--user", "--net", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn what_the_kernel_tells() {
    let python = domain();
    let mut session = open(&python);
    printed(&mut session, "open('/scratch/a', 'w').write('a')\nimport time\ntime.sleep(1)");
    let _fork = session.fork().unwrap();
    let process = PathBuf::from(format!("/proc/{}", python.process().unwrap()));

    // A container has filters of its own around all of this.
    let filters = |status: &str| field(status, "Seccomp_filters").parse::<u32>().unwrap();
    let own = filters(&status(Path::new("/proc/self")));
    let threads: Vec<_> =
        std::fs::read_dir(process.join("task")).unwrap().map(|task| task.unwrap().path()).collect();
    assert!(threads.len() >= 3, "{threads:?}");
    for thread in &threads {
        let status = status(thread);
        assert_eq!(field(&status, "Seccomp"), "2", "{thread:?}");
        assert_eq!(filters(&status), own + 3, "{thread:?}");
        assert_eq!(field(&status, "NoNewPrivs"), "1", "{thread:?}");
    }
    let limits = std::fs::read_to_string(process.join("limits")).unwrap();
    for (name, value) in [("Max core file size", "0"), ("Max locked memory", "0"), ("Max open files", "8192")]
    {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        assert_eq!(line[name.len()..].split_whitespace().next(), Some(value), "{line}");
    }
    // Whoever may not trace it may not look at these; root may, and does not see what is not there.
    let root = field(&status(Path::new("/proc/self")), "Uid").starts_with('0');
    match std::fs::read(process.join("environ")) {
        Ok(environment) => assert_eq!(environment, b"", "the environment is not empty"),
        Err(error) => assert!(!root, "{error}"),
    }
    if root {
        for descriptor in std::fs::read_dir(process.join("fd")).unwrap() {
            let target = std::fs::read_link(descriptor.unwrap().path()).unwrap();
            let target = target.to_string_lossy();
            let harmless = ["socket:[", "pipe:[", "/memfd:sport-fork", "/dev/null", "/proc/", "anon_inode:"];
            // the interpreter's code and image may stay open
            let own = target.ends_with(".cwasm") || target.ends_with(".img");
            assert!(own || harmless.iter().any(|start| target.starts_with(start)), "{target}");
        }
        let namespace = |of: &Path| std::fs::read_link(of.join("ns/net")).unwrap();
        assert_eq!(namespace(&process) != namespace(Path::new("/proc/self")), namespaces());
    }
}

#[test]
fn a_tool_with_a_network_is_not_in_it() {
    // Tools run in the host: what a tool may reach, the process that called it may not.
    let python = domain();
    let report = open(&python).run(
        &request("echo(value=1)"),
        &mut Tools::default(),
        &Budget::new(Limits::interpreter()),
    );
    assert_eq!(report.usage.tool_calls, 1, "{report:?}");
}

#[test]
fn it_ends_with_its_last_session() {
    let python = domain();
    let session = open(&python);
    let process = PathBuf::from(format!("/proc/{}", python.process().unwrap()));
    drop(python);
    assert!(process.exists());
    drop(session);
    assert!(!process.exists());
}
