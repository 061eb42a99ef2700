//! Calls of a tool that gives its arguments back, against the engine alone with the same component.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_sandbox::{ArtifactStore, Budget, Grants, Limits, PluginState, Sandbox, Tool};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use crate::guest::Guest;
use crate::rows::{Better, Failed, Row, Times, alternate};

mod bare {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host", "../../wit/tool"],
        inline: "
            package sport:bare@0.1.0;
            world tool { export sport:tool/tool@0.1.0; }
        ",
        world: "sport:bare/tool",
    });
}

/// Calls in a row of measurements.
const CALLS: usize = 4_000;

pub fn rows(sandbox: &Sandbox, folder: &std::path::Path) -> Result<Vec<Value>, Failed> {
    let bytes = Guest::doing("(call $json (local.get $args) (local.get $args_len))").build();
    let path = folder.join("echo.wasm");
    std::fs::write(&path, &bytes)?;
    let tool = sandbox.tool(&path, &Grants::none())?;
    let store = ArtifactStore::new_in_memory();
    let arguments = json!({ "text": "x".repeat(1024 - 11) });
    let text = arguments.to_string();
    let ours = || {
        let mut state = PluginState::new();
        let outcome = tool.call("probe", &arguments, &store, &mut state, &Budget::new(Limits::tool()));
        let outcome = outcome.map_err(|failure| failure.to_string())?;
        if outcome.structured.as_ref() == Some(&arguments) { Ok(()) } else { Err("another answer".into()) }
    };

    let engine = bare_engine()?;
    let component = Component::new(&engine, &bytes)?;
    let pre = bare::ToolPre::new(Linker::<()>::new(&engine).instantiate_pre(&component)?)?;
    let theirs = || {
        let mut store = Store::new(&engine, ());
        let instance = pre.instantiate(&mut store)?;
        let outcome = instance.sport_tool_tool().call_call(&mut store, "probe", &text)?;
        match outcome {
            Ok(outcome) if outcome.structured.as_deref() == Some(text.as_str()) => Ok(()),
            _ => Err("another answer".into()),
        }
    };
    let [ours, theirs] = alternate(CALLS, ours, theirs)?;
    let name = |what: &str| format!("fresh tool call, 1 KiB of JSON in and out, {what}");
    let (middle, bare) = (ours.median() * 1000.0, theirs.median() * 1000.0);
    let mut rows = vec![
        row(&name("p50"), "us", middle, ("engine alone", bare), 60.0),
        row(
            &name("p99"),
            "us",
            ours.share(0.99) * 1000.0,
            ("engine alone", theirs.share(0.99) * 1000.0),
            300.0,
        ),
    ];
    let times = Row {
        name: "the same, times what the engine alone takes",
        unit: "x",
        value: middle / bare,
        baseline: None,
        goal: Some((2.0, Better::Less)),
    };
    rows.push(times.done());
    let per_second = Row {
        name: "tool calls per second and core",
        unit: "1/s",
        value: CALLS as f64 / (ours.sum() / 1000.0),
        baseline: None,
        goal: Some((10_000.0, Better::More)),
    };
    rows.push(per_second.done());
    rows.push(endless(sandbox, folder)?);
    Ok(rows)
}

/// How long after its deadline an endless loop has ended.
fn endless(sandbox: &Sandbox, folder: &std::path::Path) -> Result<Value, Failed> {
    let path = folder.join("endless.wasm");
    std::fs::write(&path, Guest::doing("(loop $on (br $on)) unreachable").build())?;
    let tool = sandbox.tool(&path, &Grants::none())?;
    let limits = Limits { wall: Duration::from_millis(30), ..Limits::tool() };
    let late = (0..41).map(|_| late(&tool, limits)).collect::<Result<Vec<f64>, Failed>>()?;
    let late = Times::new(late);
    Ok(Row {
        name: "an endless loop has ended after its deadline, p95",
        unit: "ms",
        value: late.share(0.95),
        baseline: None,
        goal: Some((sport_sandbox::timeouts::EPOCH_TICK.as_secs_f64() * 1000.0 + 5.0, Better::Less)),
    }
    .done())
}

fn late(tool: &Tool, limits: Limits) -> Result<f64, Failed> {
    let began = Instant::now();
    let ended = tool.call(
        "probe",
        &json!({}),
        &ArtifactStore::new_in_memory(),
        &mut PluginState::new(),
        &Budget::new(limits),
    );
    let took = began.elapsed();
    match ended {
        Err(failure) if failure.code == "wall-deadline" => Ok((took - limits.wall).as_secs_f64() * 1000.0),
        other => Err(format!("it ended otherwise: {other:?}").into()),
    }
}

/// The engine as somebody would set it up who wants it fast and has no guests to fear: a pool, and nothing that interrupts.
fn bare_engine() -> Result<Engine, Failed> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default()));
    Ok(Engine::new(&config)?)
}

fn row(name: &str, unit: &str, value: f64, baseline: (&str, f64), goal: f64) -> Value {
    Row { name, unit, value, baseline: Some(baseline), goal: Some((goal, Better::Less)) }.done()
}
