//! What holds the host together when several guests meet: nested calls, plugin state, artifacts, pool slots, sessions and forks.
//!
//! * a fresh instance per call: after a trap, after a deadline, globals, a thousand loads
//! * nesting: a budget above (wall, memory, tool calls, host calls), a cycle, a cycle of two, too deep, a tool that is not granted any
//! * artifacts: a digest that was learned, passed on to another tool, given back; a file name with a path
//! * state: keys, values, counts and bytes over the quota, another plugin's keys, old revisions, a call that trapped
//! * the pool: another tenant's bytes in a slot that is used again; no slot left; many threads at once
//! * sessions: a run that ended badly, its forks, two sessions, sixty forks, names left for the next step, a cancel
//! * two tools of one name

use std::sync::Barrier;
use std::time::Duration;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, Failure, FileView, Limits, Outcome, PluginState, RunRequest, Tool,
    ToolHost as _, Toolbox, digest_of,
};

use crate::case::{Case, brief, case, ending_of, outcome_of, run};
use crate::guest::{Guest, import};
use crate::host::{Host, NoTools};

const SPIN: &str = "(loop $again (br $again)) unreachable";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    instances(&mut cases);
    nesting(&mut cases);
    artifacts(&mut cases);
    state(&mut cases);
    pool(&mut cases);
    sessions(&mut cases);
    cases.push(case("two tools of one name", "duplicate-tool", |host| {
        let one = host.load(Guest::answering("1"), &[]).unwrap();
        let two = host.load(Guest::answering("2"), &[]).unwrap();
        Toolbox::new(vec![one, two], ArtifactStore::new_in_memory()).unwrap_err().code().to_owned()
    }));
    cases
}

fn call_with(
    tool: &Tool,
    arguments: &Value,
    state: &mut PluginState,
    limits: Limits,
) -> Result<Outcome, Failure> {
    tool.call("probe", arguments, &ArtifactStore::new_in_memory(), state, &Budget::new(limits))
}

fn instances(cases: &mut Vec<Case>) {
    for (name, expected, bad) in [
        ("a trap in the middle, then the same tool again", "answers 1, trapped, answers 1", "unreachable"),
        ("a deadline in the middle, then the same tool again", "answers 1, wall-deadline, answers 1", SPIN),
        (
            "a full stack, then the same tool again",
            "answers 1, stack-exhausted, answers 1",
            "(call $down) unreachable",
        ),
    ] {
        cases.push(case(name, expected, move |host| {
            let mut guest = Guest::new();
            guest.top = "(func $down (call $down) (call $down))".to_owned();
            let text = guest.text("1");
            guest.call = format!(
                "(if (i32.gt_u (local.get $args_len) (i32.const 2)) (then {bad})) (call $json {text})"
            );
            let tool = host.load(guest, &[]).unwrap();
            let call = |arguments| {
                outcome_of(&call_with(&tool, &arguments, &mut PluginState::new(), brief(Limits::tool())))
            };
            [call(json!({})), call(json!({ "bad": true })), call(json!({}))].join(", ")
        }));
    }
    cases.push(case("a component loaded and dropped a thousand times", "no growth", |host| {
        let component = Guest::answering("1").build();
        let load = |times: usize| (0..times).for_each(|_| drop(host.load_bytes(&component, &[]).unwrap()));
        load(100);
        let before = crate::host::resident_memory();
        load(1000);
        let grown = crate::host::resident_memory().saturating_sub(before) >> 10;
        if grown < 8 << 10 { "no growth".to_owned() } else { format!("{grown} KiB more") }
    }));
    cases.push(case("a global that counts calls", "answers 1, answers 1, answers 1", |host| {
        let mut guest = Guest::new();
        guest.top = "(global $calls (mut i32) (i32.const 48))".to_owned();
        guest.call = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 4096) (global.get $calls)) (call $json (i32.const 4096) (i32.const 1))"
            .to_owned();
        let tool = host.load(guest, &[]).unwrap();
        let call = || outcome_of(&call_with(&tool, &json!({}), &mut PluginState::new(), Limits::tool()));
        [call(), call(), call()].join(", ")
    }));
}

fn named(name: &str, mut guest: Guest) -> Guest {
    guest.name = name.to_owned();
    guest
}

/// A tool that calls another and gives its result back, or its failure's code.
fn caller(name: &str, callee: &str, arguments: &str) -> Guest {
    let mut guest = named(name, Guest::new());
    guest.top = import::INVOKE.to_owned();
    let (callee, arguments) = (guest.text(callee), guest.text(arguments));
    guest.call = format!(
        "(call $invoke {callee} {arguments} (i32.const 512))
         (if (result i32) (i32.load8_u (i32.const 512))
            (then (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524))))
            (else (call $json (i32.load (i32.const 528)) (i32.load (i32.const 532)))))"
    );
    guest
}

/// Calls `outer` among these tools on a budget.
fn nested(host: &Host, guests: Vec<Guest>, limits: Limits) -> String {
    let plugins = guests.into_iter().map(|guest| host.load(guest, &["tools"]).unwrap()).collect();
    let toolbox = Toolbox::new(plugins, ArtifactStore::new_in_memory()).unwrap();
    let mut branch = Branch { files: FileView::new(&[]).unwrap(), state: PluginState::new() };
    outcome_of(&(&toolbox).invoke("outer", &json!({}), &mut branch, &Budget::new(limits)))
}

const BOMB: &str = "(loop $again
    (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $again)) unreachable";

fn nesting(cases: &mut Vec<Case>) {
    cases.push(case("a nested call past the caller's deadline", "wall-deadline", |host| {
        nested(
            host,
            vec![caller("outer", "leaf", "{}"), named("leaf", Guest::doing(SPIN))],
            brief(Limits::tool()),
        )
    }));
    cases.push(case("a nested call past the caller's cpu time", "cpu-deadline", |host| {
        let limits = Limits { cpu: Duration::from_millis(200), ..Limits::tool() };
        nested(host, vec![caller("outer", "leaf", "{}"), named("leaf", Guest::doing(SPIN))], limits)
    }));
    cases.push(case("a nested call past the caller's memory", "answers \"memory-exhausted\"", |host| {
        let limits = Limits { memory_bytes: 32 << 20, ..Limits::tool() };
        nested(host, vec![caller("outer", "leaf", "{}"), named("leaf", Guest::doing(BOMB))], limits)
    }));
    cases.push(case("a nested call past the caller's host calls", "host-calls-exhausted", |host| {
        let mut leaf = named(
            "leaf",
            Guest::doing("(loop $again (call $remaining (i32.const 512)) (br $again)) unreachable"),
        );
        leaf.top = import::REMAINING.to_owned();
        let limits = Limits { host_calls: 100, ..Limits::tool() };
        // The caller asks nothing more of the host after that, so it is the nested call's failure that it gives back.
        nested(host, vec![caller("outer", "leaf", "{}"), leaf], limits)
            .replace("answers \"host-calls-exhausted\"", "host-calls-exhausted")
    }));
    cases.push(case("more nested calls than the caller has", "answers \"tool-calls-exhausted\"", |host| {
        let guests = vec![
            caller("outer", "middle", "{}"),
            caller("middle", "leaf", "{}"),
            named("leaf", Guest::answering("7")),
        ];
        nested(host, guests, Limits { tool_calls: 1, ..Limits::tool() })
    }));
    cases.push(case("a tool that calls itself", "answers \"tool-cycle\"", |host| {
        nested(host, vec![caller("outer", "outer", "{}")], Limits::tool())
    }));
    cases.push(case("two tools that call each other", "answers \"tool-cycle\"", |host| {
        nested(host, vec![caller("outer", "inner", "{}"), caller("inner", "outer", "{}")], Limits::tool())
    }));
    cases.push(case("calls five levels deep", "answers \"nesting-too-deep\"", |host| {
        let mut guests = vec![caller("outer", "t1", "{}"), named("t5", Guest::answering("7"))];
        guests.extend((1..5).map(|level| caller(&format!("t{level}"), &format!("t{}", level + 1), "{}")));
        nested(host, guests, Limits::tool())
    }));
    for (name, arguments) in [("that are none", "{"), ("100,000 deep", &"[".repeat(100_000)[..])] {
        let arguments = arguments.to_owned();
        cases.push(case(&format!("nested arguments {name}"), "answers \"bad-guest-value\"", move |host| {
            nested(
                host,
                vec![caller("outer", "leaf", &arguments), named("leaf", Guest::answering("7"))],
                Limits::tool(),
            )
        }));
    }
    cases.push(case("a nested call of a tool with a huge name", "answers \"no-such-tool\"", |host| {
        nested(host, vec![caller("outer", &"x".repeat(100_000), "{}")], Limits::tool())
    }));
    cases.push(case("a tool that was granted no tools", "not-granted", |host| {
        host.load(caller("probe", "leaf", "{}"), &[]).unwrap_err().code().to_owned()
    }));
}

fn artifacts(cases: &mut Vec<Case>) {
    let secret = || digest_of(b"secret");
    let reading = |digest: &str| {
        let mut guest = Guest::new();
        guest.input_schema =
            r#"{"type":"object","properties":{"file":{"format":"sport-artifact"},"note":{}}}"#.to_owned();
        guest.top = import::READ.to_owned();
        let (digest, kind) = (guest.text(digest), guest.text("text/plain"));
        guest.call = format!(
            "(call $read {digest} {kind} (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i64.const 0) (i32.const 100) (i32.const 512))
             (if (result i32) (i32.load8_u (i32.const 512))
                (then (call $quoted (i32.load (i32.const 520)) (i32.load (i32.const 524))))
                (else (call $quoted (i32.load (i32.const 516)) (i32.load (i32.const 520)))))"
        );
        guest
    };
    let out_of_reach = "answers \"artifact-out-of-reach\"";
    for (name, digest, arguments) in [
        ("a digest that was learned", secret(), json!({})),
        ("a digest hidden in another argument", secret(), json!({ "note": { "digest": secret() } })),
        ("a digest that is a path", "sha256:../../../etc/passwd".to_owned(), json!({})),
        ("a digest of another case", secret().to_uppercase(), json!({})),
        ("an empty digest", String::new(), json!({})),
    ] {
        cases.push(case(name, out_of_reach, move |host| {
            let store = ArtifactStore::new_in_memory();
            store.put(b"secret", "text/plain", None).unwrap();
            let tool = host.load(reading(&digest), &["artifacts"]).unwrap();
            outcome_of(&tool.call(
                "probe",
                &arguments,
                &store,
                &mut PluginState::new(),
                &Budget::new(Limits::tool()),
            ))
        }));
    }
    cases.push(case("a digest passed on to another tool", out_of_reach, move |host| {
        let store = ArtifactStore::new_in_memory();
        store.put(b"secret", "text/plain", None).unwrap();
        let arguments = json!({ "file": { "digest": secret() } }).to_string();
        let outer = host.load(caller("outer", "leaf", &arguments), &["tools"]).unwrap();
        let leaf = host.load(named("leaf", reading(&secret())), &["artifacts"]).unwrap();
        let toolbox = Toolbox::new(vec![outer, leaf], store).unwrap();
        let mut branch = Branch { files: FileView::new(&[]).unwrap(), state: PluginState::new() };
        outcome_of(&(&toolbox).invoke("outer", &json!({}), &mut branch, &Budget::new(Limits::tool())))
    }));
    cases.push(case("agent code that names a digest", "no-such-file", move |host| {
        let store = ArtifactStore::new_in_memory();
        store.put(b"secret", "text/plain", None).unwrap();
        let toolbox =
            Toolbox::new(vec![host.load(reading(&secret()), &["artifacts"]).unwrap()], store).unwrap();
        let mut branch = Branch { files: FileView::new(&[]).unwrap(), state: PluginState::new() };
        let arguments = json!({ "file": secret() });
        outcome_of(&(&toolbox).invoke("probe", &arguments, &mut branch, &Budget::new(Limits::tool())))
    }));
}

/// A guest that writes one key and gives back the failure's code, or `true`.
fn writing(key: &str, value: &str) -> Guest {
    let mut guest = Guest::new();
    guest.top = import::KV_SET.to_owned();
    let (key, value, text) = (guest.text(key), guest.text(value), guest.text("true"));
    guest.call = format!(
        "(call $set {key} {value} (i32.const 0) (i64.const 0) (i32.const 512))
         (if (result i32) (i32.load8_u (i32.const 512))
            (then (call $quoted (i32.load (i32.const 524)) (i32.load (i32.const 528))))
            (else (call $json {text})))"
    );
    guest
}

fn state(cases: &mut Vec<Case>) {
    let write = |key: String, value: String| {
        move |host: &Host| {
            let tool = host.load(writing(&key, &value), &["kv"]).unwrap();
            outcome_of(&call_with(&tool, &json!({}), &mut PluginState::new(), Limits::tool()))
        }
    };
    cases.push(case("a key without a name", "answers \"kv-bad-key\"", write(String::new(), String::new())));
    cases.push(case("a key of 257 bytes", "answers \"kv-bad-key\"", write("k".repeat(257), String::new())));
    cases.push(case(
        "a value of 64 KiB and one",
        "answers \"kv-value-too-big\"",
        write("k".to_owned(), "v".repeat(65_537)),
    ));
    cases.push(case(
        "a key like a path",
        "answers true",
        write("../../other/key".to_owned(), "v".to_owned()),
    ));
    // A loop over keys of four digits, until the host refuses: its code.
    let filling = |value: u32| {
        let mut guest = Guest::new();
        guest.top = import::KV_SET.to_owned();
        guest.call = format!(
            "(local $n i32) (local.set $n (i32.const 1000))
             (loop $again
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (i32.store (i32.const 8192) (i32.add (i32.const 0x30303030) (i32.or
                    (i32.and (local.get $n) (i32.const 15))
                    (i32.or (i32.shl (i32.and (local.get $n) (i32.const 0xf0)) (i32.const 4))
                    (i32.or (i32.shl (i32.and (local.get $n) (i32.const 0xf00)) (i32.const 8))
                            (i32.shl (i32.and (local.get $n) (i32.const 0xf000)) (i32.const 12)))))))
                (call $set (i32.const 8192) (i32.const 4) (i32.const 16384) (i32.const {value}) (i32.const 0) (i64.const 0) (i32.const 512))
                (br_if $again (i32.eqz (i32.load8_u (i32.const 512)))))
             (call $quoted (i32.load (i32.const 524)) (i32.load (i32.const 528)))"
        );
        guest
    };
    for (name, value) in [("more keys than the quota", 0), ("more bytes than the quota", 65_536)] {
        cases.push(case(name, "answers \"kv-full\"", move |host| {
            let tool = host.load(filling(value), &["kv"]).unwrap();
            outcome_of(&call_with(&tool, &json!({}), &mut PluginState::new(), Limits::tool()))
        }));
    }
    cases.push(case("another plugin's key", "answers true, answers null", |host| {
        let mut reader = Guest::new();
        reader.top = import::KV_GET.to_owned();
        let (key, there, none) = (reader.text("key"), reader.text("\"there\""), reader.text("null"));
        // The case of the option lies at 520.
        reader.call = format!(
            "(call $get {key} (i32.const 512))
             (if (result i32) (i32.load8_u (i32.const 520)) (then (call $json {there})) (else (call $json {none})))"
        );
        let (writer, reader) = (host.load(writing("key", "secret"), &["kv"]).unwrap(), host.load(reader, &["kv"]).unwrap());
        let mut state = PluginState::new();
        [&writer, &reader].map(|tool| outcome_of(&call_with(tool, &json!({}), &mut state, Limits::tool()))).join(", ")
    }));
    cases.push(case("a write before a trap", "trapped, nothing kept", |host| {
        let mut guest = writing("key", "value");
        guest.call.push_str(" (drop) unreachable");
        let tool = host.load(guest, &["kv"]).unwrap();
        let mut state = PluginState::new();
        let outcome = outcome_of(&call_with(&tool, &json!({}), &mut state, Limits::tool()));
        let kept = if state.get(tool.digest(), "key").is_some() { "it is kept" } else { "nothing kept" };
        format!("{outcome}, {kept}")
    }));
}

fn pool(cases: &mut Vec<Case>) {
    cases.push(case("another tenant's bytes in a slot", "0 found", |host| {
        // The first writes a pattern over 48 MiB, the second looks through as much for eight bytes of it in a row.
        let secret = Guest::doing(
            "(drop (memory.grow (i32.const 768)))
             (memory.fill (i32.const 262144) (i32.const 0xa7) (i32.const 50331648)) (call $json (i32.const 4096) (i32.const 0))",
        );
        let mut looking = Guest::new();
        looking.call = "(local $at i32) (local $found i32)
            (drop (memory.grow (i32.const 768)))
            (loop $again
                (if (i64.eq (i64.load (local.get $at)) (i64.const 0xa7a7a7a7a7a7a7a7)) (then (local.set $found (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $again (i32.lt_u (local.get $at) (i32.const 50593792))))
            (i32.store8 (i32.const 4096) (i32.add (i32.const 48) (local.get $found))) (call $json (i32.const 4096) (i32.const 1))"
            .to_owned();
        let (secret, looking) = (host.load(secret, &[]).unwrap(), host.load(looking, &[]).unwrap());
        let mut found = 0;
        for _ in 0..12 {
            let _ = call_with(&secret, &json!({}), &mut PluginState::new(), Limits::tool());
            let seen = outcome_of(&call_with(&looking, &json!({}), &mut PluginState::new(), Limits::tool()));
            found += usize::from(seen != "answers 0");
        }
        format!("{found} found")
    }));
    cases.push(case("another tenant's functions in a table", "0 found", |host| {
        let mut secret = Guest::answering("1");
        secret.top = "(table $t 5000 funcref) (func $f) (elem declare func $f)".to_owned();
        secret.call = format!("(table.fill $t (i32.const 0) (ref.func $f) (i32.const 5000)) {}", secret.call);
        let mut looking = Guest::new();
        looking.top = "(table $t 5000 funcref)".to_owned();
        looking.call = "(local $at i32) (local $found i32)
            (loop $again
                (if (i32.eqz (ref.is_null (table.get $t (local.get $at)))) (then (local.set $found (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $at) (i32.const 5000))))
            (i32.store8 (i32.const 4096) (i32.add (i32.const 48) (local.get $found))) (call $json (i32.const 4096) (i32.const 1))"
            .to_owned();
        let (secret, looking) = (host.load(secret, &[]).unwrap(), host.load(looking, &[]).unwrap());
        let mut found = 0;
        for _ in 0..80 {
            let _ = call_with(&secret, &json!({}), &mut PluginState::new(), Limits::tool());
            let seen = outcome_of(&call_with(&looking, &json!({}), &mut PluginState::new(), Limits::tool()));
            found += usize::from(seen != "answers 0");
        }
        format!("{found} found")
    }));
    cases.push(case(
        "more calls at once than there are slots",
        "16 wall-deadline, then pool-exhausted (retryable)",
        |host| {
            // Each of these may nest three levels, so each takes four of the 64 slots; and none ends before all have begun.
            let mut guest = Guest::doing(SPIN);
            guest.top = import::INVOKE.to_owned();
            let tool = host.load(guest, &["tools"]).unwrap();
            let started = Barrier::new(17);
            std::thread::scope(|scope| {
                let calls: Vec<_> = (0..16)
                    .map(|_| {
                        scope.spawn(|| {
                            started.wait();
                            let limits = Limits { wall: Duration::from_millis(1500), ..Limits::tool() };
                            outcome_of(&call_with(&tool, &json!({}), &mut PluginState::new(), limits))
                        })
                    })
                    .collect();
                started.wait();
                std::thread::sleep(Duration::from_millis(500));
                let refused =
                    call_with(&tool, &json!({}), &mut PluginState::new(), Limits::tool()).unwrap_err();
                let ended = calls
                    .into_iter()
                    .map(|call| call.join().unwrap())
                    .filter(|code| code == "wall-deadline")
                    .count();
                let retryable = if refused.retryable { " (retryable)" } else { "" };
                format!("{ended} wall-deadline, then {}{retryable}", refused.code)
            })
        },
    ));
    cases.push(case("hostile and honest calls from eight threads", "0 wrong", |host| {
        let honest = host.load(Guest::answering("7"), &[]).unwrap();
        let hostile = [SPIN, BOMB, "unreachable"].map(|body| host.load(Guest::doing(body), &[]).unwrap());
        let codes = ["wall-deadline", "memory-exhausted", "trapped"];
        let wrong = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let (honest, hostile) = (&honest, &hostile);
                    scope.spawn(move || {
                        let limits = Limits {
                            wall: Duration::from_millis(100),
                            memory_bytes: 16 << 20,
                            ..Limits::tool()
                        };
                        (0..24)
                            .filter(|round| {
                                let (tool, expected) = match (thread + round) % 8 {
                                    kind @ 0..3 => (&hostile[kind], codes[kind]),
                                    _ => (honest, "answers 7"),
                                };
                                let limits = if expected == "wall-deadline" {
                                    limits
                                } else {
                                    Limits { wall: Limits::tool().wall, ..limits }
                                };
                                outcome_of(&call_with(tool, &json!({}), &mut PluginState::new(), limits))
                                    != expected
                            })
                            .count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        format!("{wrong} wrong")
    }));
}

fn sessions(cases: &mut Vec<Case>) {
    let over =
        "trapped: the session is over: its last run ended as deadline; fork it to go on from before that";
    cases.push(case("a run after one that ended badly", over, |host| {
        let mut session = host.session(Vec::new());
        run(&mut session, "while True: pass", brief(Limits::interpreter()));
        ending_of(&run(&mut session, "1", Limits::interpreter()))
    }));
    for (name, bad) in [
        ("deadline", "x = 2\nwhile True: pass"),
        ("memory", "x = 2\ny = []\nwhile True: y.append(bytearray(1 << 20))"),
        ("abort", "x = 2\nimport os\nos.abort()"),
        ("flood", "x = 2\nwhile True: print('x' * 9999)"),
    ] {
        cases.push(case(&format!("the fork after a bad end, {name}"), "value: 1 ['a']", move |host| {
            let mut session = host.session(Vec::new());
            run(&mut session, "x = 1\nopen('a', 'w').write('kept')", Limits::interpreter());
            let bad = format!("open('b', 'w').write('lost')\n{bad}");
            let limits = Limits { wall: Duration::from_secs(2), ..Limits::interpreter() };
            run(&mut session, &bad, limits);
            let mut fork = session.fork().unwrap();
            ending_of(&run(&mut fork, "import os\nprint(x, os.listdir('/scratch'))", Limits::interpreter()))
        }));
    }
    cases.push(case("two sessions that look for each other", "value: False [] False", |host| {
        let mut one = host.session(Vec::new());
        run(&mut one, "import builtins, sys\nbuiltins.secret = sys.secret = secret = 1\nopen('secret', 'w').close()", Limits::interpreter());
        let mut two = host.session(Vec::new());
        let code = "import os, sys, builtins\nprint('secret' in globals(), os.listdir('/scratch'), hasattr(sys, 'secret') or hasattr(builtins, 'secret'))";
        ending_of(&run(&mut two, code, Limits::interpreter()))
    }));
    cases.push(case("forks that look for each other", "value: [0] ['0']", |host| {
        let mut parent = host.session(Vec::new());
        run(&mut parent, "x = [0]\nopen('0', 'w').close()", Limits::interpreter());
        let mut forks: Vec<_> = (0..6).map(|_| parent.fork().unwrap()).collect();
        for (index, fork) in forks.iter_mut().enumerate().skip(1) {
            run(fork, &format!("x.append({index})\nopen('{index}', 'w').close()"), Limits::interpreter());
        }
        ending_of(&run(&mut forks[0], "import os\nprint(x, os.listdir('/scratch'))", Limits::interpreter()))
    }));
    cases.push(case("sixty forks of a session of 100 MiB", "60 of 60", |host| {
        let mut parent = host.session(Vec::new());
        run(&mut parent, "x = bytearray(b'x') * (100 << 20)", Limits::interpreter());
        let mut forks: Vec<_> = (0..60).map(|_| parent.fork().unwrap()).collect();
        let good = forks
            .iter_mut()
            .filter_map(|fork| {
                run(fork, "x[5] = 1\nprint(sum(x[:9]))", Limits::interpreter())
                    .stdout
                    .starts_with("961")
                    .then_some(())
            })
            .count();
        let grown = crate::host::resident_memory() >> 20;
        // Each holds the pages that it touched; a copy for each would be 7 GB.
        if grown < 3000 { format!("{good} of 60") } else { format!("{good} of 60 in {grown} MiB") }
    }));
    cases.push(case("a run on a budget that is cancelled", "cancelled: the call was cancelled", |host| {
        let budget = Budget::new(Limits::interpreter());
        let mut session = host.session(Vec::new());
        let report = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(100));
                budget.cancel();
            });
            let request = RunRequest { code: "while True: pass".to_owned(), ..RunRequest::default() };
            session.run(&request, &mut NoTools, &budget)
        });
        ending_of(&report)
    }));
    cases.push(case("a step that leaves traps for the next", "value: 3", |host| {
        let mut session = host.session(Vec::new());
        let code = "import builtins, sys, atexit, threading, gc\n\
                    builtins.print = builtins.len = None\nsys.stdout = sys.displayhook = None\n\
                    sys.settrace(lambda *a: 1 / 0)\nsys.meta_path.clear()\nfinal_answer = display = None\nsys.setrecursionlimit(60)";
        run(&mut session, code, Limits::interpreter());
        ending_of(&run(&mut session, "import json\nprint(len([1, 2, 3]))", Limits::interpreter()))
    }));
    cases.push(case("code of ten megabytes", "exhausted: memory", |host| {
        let code = "x = 1\n".repeat(1_700_000);
        let limits = Limits { wall: Duration::from_secs(30), ..Limits::interpreter() };
        ending_of(&run(&mut host.session(Vec::new()), &code, limits))
    }));
    cases.push(case("code that is no text", "raised: SyntaxError", |host| {
        ending_of(&run(&mut host.session(Vec::new()), "\0\u{1b}[2J", Limits::interpreter()))
    }));
}
