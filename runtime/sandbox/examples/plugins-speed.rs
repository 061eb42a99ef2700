//! Measures calls of the plugins that come with Sport, and of one with a warm start, and writes the rows as JSON.
//!
//! ```text
//! cargo run --release -p sport-sandbox --example plugins-speed -- COMPONENTS GOLDEN CACHE LINES ROWS.json
//! ```
//!
//! Rows are medians. The baseline of a warm start is the same component admitted with nothing kept: what every process would pay, or
//! every call, if what `warm` leaves were not an image that calls begin with.

#[path = "sandbox-speed/rows.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactRef, ArtifactStore, Budget, Grants, Limits, Outcome, PluginState, Sandbox, SandboxOptions, Tool,
};

use rows::{Better, Failed, Row, Times};

/// Repetitions of a quick call.
const CALLS: usize = 400;

/// Calls tools and times them, in milliseconds.
struct Bench {
    store: ArtifactStore,
}

impl Bench {
    fn call(&self, tool: &Tool, name: &str, arguments: &Value) -> Result<(Outcome, f64), Failed> {
        let budget = Budget::new(Limits::tool());
        let began = Instant::now();
        let outcome = tool.call(name, arguments, &self.store, &mut PluginState::new(), &budget);
        let took = began.elapsed().as_secs_f64() * 1000.0;
        Ok((outcome.map_err(|failure| failure.to_string())?, took))
    }

    fn many(&self, tool: &Tool, name: &str, arguments: &Value, times: usize) -> Result<f64, Failed> {
        let mut took = Vec::with_capacity(times);
        for repeat in 0..=times {
            let (_, time) = self.call(tool, name, arguments)?;
            if repeat > 0 {
                took.push(time);
            }
        }
        Ok(Times::new(took).median())
    }

    fn file(&self, bytes: &[u8], media_type: &str, name: &str) -> Result<Value, Failed> {
        Ok(reference(&self.store.put(bytes, media_type, Some(name))?))
    }
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [components, golden, cache, lines, rows_file] = arguments.as_slice() else {
        return Err("usage: plugins-speed COMPONENTS GOLDEN CACHE LINES ROWS.json".into());
    };
    let sandbox = Sandbox::new(SandboxOptions::new(cache.join("aot")))?;
    let bench = Bench { store: ArtifactStore::new_in_memory() };
    let photograph =
        bench.file(&std::fs::read(cache.join("images/coffee.png"))?, "image/png", "coffee.png")?;
    let own =
        |name: &str| sandbox.tool(&components.join(format!("{name}.wasm")), &Grants::new(["artifacts"])?);
    let quick = |name: &str, value: f64| {
        Row { name, unit: "us", value: value * 1000.0, baseline: None, goal: None }.done()
    };

    let hello = sandbox.tool(&golden.join("hello.wasm"), &Grants::none())?;
    let calculator = own("calculator")?;
    let image = own("image")?;
    let mut rows = vec![
        quick("hello in Rust", bench.many(&hello, "hello", &json!({ "name": "Ada" }), CALLS)?),
        quick(
            "calculate 237 * 83",
            bench.many(&calculator, "calculate", &json!({ "expression": "237 * 83" }), CALLS)?,
        ),
        quick(
            "image_info of coffee.png",
            bench.many(&image, "image_info", &json!({ "image": photograph }), CALLS)?,
        ),
    ];
    rows.extend(reading(&bench, components, cache, lines, &sandbox)?);

    if let Some(folder) = rows_file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(rows_file, serde_json::to_string_pretty(&json!({ "rows": rows }))?)?;
    Ok(())
}

/// The lines in a folder, read within the usual limits of a call.
fn reading(
    bench: &Bench,
    components: &Path,
    cache: &Path,
    folder: &Path,
    sandbox: &Sandbox,
) -> Result<Vec<Value>, Failed> {
    let ready = ocr(sandbox, components, cache)?;
    let began = Instant::now();
    drop(ocr(&Sandbox::new(SandboxOptions::new(cache.join("aot")))?, components, cache)?);
    let kept = began.elapsed().as_secs_f64() * 1000.0;
    let empty = tempfile::tempdir()?;
    let began = Instant::now();
    drop(ocr(&Sandbox::new(SandboxOptions::new(empty.path().join("aot")))?, components, cache)?);
    let anew = began.elapsed().as_secs_f64() * 1000.0;

    let lines: Vec<String> = serde_json::from_slice(&std::fs::read(folder.join("lines.json"))?)?;
    let (mut times, mut right, mut all) = (Vec::new(), 0, 0);
    for (index, line) in lines.iter().enumerate() {
        let name = format!("{index:02}.png");
        let picture = bench.file(&std::fs::read(folder.join(&name))?, "image/png", &name)?;
        let (read, time) = bench.call(&ready, "read_line", &json!({ "image": picture }))?;
        times.push(time);
        let read =
            read.structured.as_ref().and_then(|read| read["text"].as_str()).unwrap_or_default().to_owned();
        all += line.chars().count();
        right += line.chars().count().saturating_sub(distance(line, &read));
    }
    let page = bench.file(&std::fs::read(cache.join("images/page.png"))?, "image/png", "page.png")?;
    let (whole, time) = bench.call(&ready, "read_text", &json!({ "image": page }))?;
    let found = whole.structured.as_ref().and_then(|page| page["lines"].as_array()).map_or(0, Vec::len);
    let row = |name: &str, unit, value, baseline| Row { name, unit, value, baseline, goal: None }.done();
    Ok(vec![
        row(&format!("a line of text read, of {}", lines.len()), "ms", Times::new(times).median(), None),
        Row {
            name: &format!("characters of these lines that are right, of {all}"),
            unit: "%",
            value: 100.0 * right as f64 / all as f64,
            baseline: None,
            goal: Some((95.0, Better::More)),
        }
        .done(),
        row(&format!("page.png found and read, {found} lines"), "ms", time, None),
        row("the reader admitted with its models, from its image", "ms", kept, Some(("anew", anew))),
    ])
}

fn ocr(sandbox: &Sandbox, components: &Path, cache: &Path) -> Result<Arc<Tool>, Failed> {
    let mut grants = Grants::none();
    for name in ["detect.onnx", "recognise.onnx"] {
        grants = grants.with_artifact(name, std::fs::read(cache.join("ocr").join(name))?)?;
    }
    Ok(sandbox.tool(&components.join("ocr.wasm"), &grants)?)
}

/// An artifact among arguments.
fn reference(artifact: &ArtifactRef) -> Value {
    json!({
        "digest": artifact.digest, "media-type": artifact.media_type, "size": artifact.size, "name": artifact.name,
    })
}

/// How many characters have to be changed, put in or taken out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut above = row[0];
        row[0] = line + 1;
        for (place, there) in other.iter().enumerate() {
            let changed = above + usize::from(letter != *there);
            above = row[place + 1];
            row[place + 1] = changed.min(above + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}
