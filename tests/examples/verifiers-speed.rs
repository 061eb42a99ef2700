//! Measures what judging by the protocol costs beside the verifier itself, and how soon a newcomer judges, and writes the rows as
//! JSON.
//!
//! ```text
//! cargo run --release -p sport-tests --example verifiers-speed -- COMPONENTS AOT_FOLDER ROWS.json
//! ```
//!
//! Rows are medians. The baseline of the protocol is the same verifier called with the same five candidates and nothing around it.

#[path = "../../runtime/sandbox/tests/core/guest.rs"]
#[expect(clippy::expect_used, reason = "it serves the tests, which may panic")]
mod guest;
#[path = "../../runtime/sandbox/examples/sandbox-speed/rows.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod rows;

use std::path::PathBuf;
use std::time::Instant;

use guest::Guest;
use serde_json::{Map, Value, json};
use sport_improve::judging::{self, Case, Member, Panel};
use sport_improve::observation;
use sport_improve::store::{Action, CandidateRow};
use sport_improve::swap::protocol::Newcomer;
use sport_improve::swap::{Verifiers, newcomer};
use sport_policy::types::{Finish, Sample, Sampling};
use sport_sandbox::{
    ArtifactStore, Budget, EndingKind, Grants, Limits, RunReport, Sandbox, SandboxOptions, StepView,
};

use rows::{Better, Failed, Row, Times, alternate};

/// Steps that are judged.
const STEPS: usize = 2_000;

/// Newcomers that are swapped in.
const SWAPS: usize = 40;

fn main() -> Result<(), Failed> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [components, aot_dir, rows_file] = arguments.as_slice() else {
        return Err("usage: verifiers-speed COMPONENTS AOT_FOLDER ROWS.json".into());
    };
    let sandbox = Sandbox::new(SandboxOptions::new(aot_dir.clone()))?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("trivial.wasm");
    std::fs::write(&path, trivial().build())?;
    let verifier = sandbox.verifier(&path, &Grants::none())?;
    let artifacts = ArtifactStore::new_in_memory();
    let candidates: Vec<CandidateRow> = (0..5).map(candidate).collect();
    let panel =
        Panel { revision: 1, members: vec![Member::new(verifier, json!({}), 1.0)], ..Panel::default() };

    let mut number = 0;
    let view = view(&candidates);
    let config = json!({});
    let [ours, theirs] = alternate(
        STEPS,
        || {
            number += 1;
            let step = number.to_string();
            let view = StepView { candidates: Vec::new(), ..view.clone() };
            let case =
                Case { step: view, candidates: &candidates, seed: (1, [&step, "0"]), artifacts: &artifacts };
            judging::judge(&panel, &case)?;
            Ok(())
        },
        || {
            let budget = Budget::new(Limits::verifier());
            let judged = panel.members[0].verifier.judge(&view, &config, &artifacts, &budget);
            judged.map_err(|failure| failure.to_string())?;
            Ok(())
        },
    )?;
    let mut rows = vec![
        row(
            "a step of five candidates judged by the protocol",
            "ms",
            ours.median(),
            Some(("the verifier alone", theirs.median())),
            None,
        ),
        row("the protocol's own part of it", "ms", ours.median() - theirs.median(), None, Some(1.0)),
    ];

    let verifiers = Verifiers::new(panel);
    let named = Newcomer {
        plugin: components.join("self-consistency.wasm").canonicalize()?.to_string_lossy().into_owned(),
        grants: Vec::new(),
        config: Map::new(),
        weight: 1.0,
    };
    let mut times = Vec::new();
    for swap in 0..=SWAPS {
        let began = Instant::now();
        let member = newcomer::load(&sandbox, &named)?;
        newcomer::smoke(&member)?;
        let now = verifiers.now();
        verifiers.replace(Panel {
            revision: now.deciding.revision + 1,
            members: vec![member],
            ..Panel::clone(&now.deciding)
        });
        let view = StepView { candidates: Vec::new(), ..view.clone() };
        let case =
            Case { step: view, candidates: &candidates, seed: (1, ["swap", "0"]), artifacts: &artifacts };
        judging::judge(&verifiers.now().deciding, &case)?;
        if swap > 0 {
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let soon = "from the wish for another verifier to its first judgement, compiled before";
    rows.push(row(soon, "ms", Times::new(times).median(), None, Some(50.0)));

    if let Some(folder) = rows_file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(rows_file, serde_json::to_string_pretty(&json!({ "rows": rows }))?)?;
    Ok(())
}

fn row(name: &str, unit: &str, value: f64, baseline: Option<(&str, f64)>, goal: Option<f64>) -> Value {
    Row { name, unit, value, baseline, goal: goal.map(|goal| (goal, Better::Less)) }.done()
}

/// Passes everybody, with the place as the score.
fn trivial() -> Guest {
    let mut guest = Guest::new();
    guest.traits = 1;
    guest.judge = Some(
        "(local $i i32) (local $out i32) (local $count i32)
         (local.set $count (i32.load offset=44 (local.get $step)))
         (local.set $out (i32.const 8192))
         (i32.store8 (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (local.get $out)) (i32.store (i32.const 1032) (local.get $count))
         (block $done (loop $next
           (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
           (i32.store8 offset=8 (local.get $out) (i32.const 1))
           (f64.store offset=16 (local.get $out) (f64.const 0.5))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (local.set $out (i32.add (local.get $out) (i32.const 40)))
           (br $next)))
         (i32.const 1024)"
            .to_owned(),
    );
    guest
}

fn candidate(number: u32) -> CandidateRow {
    let code = format!("width = image_info(image='cat.png')['width']\nfinal_answer(width + {number})");
    CandidateRow {
        number,
        sampling: Sampling { temperature: 0.7, top_p: 1.0, top_k: 0, seed: u64::from(number) },
        sample: Sample {
            text: code.clone(),
            tokens: Vec::new(),
            log_probs: Vec::new(),
            finish: Finish::Stop,
        },
        action: Action { thought: "I measure it.".to_owned(), code },
        report: Some(RunReport {
            ending: EndingKind::Answered,
            answer: Some(json!(number)),
            ..observation::unparsed()
        }),
        dependences: Vec::new(),
        standing: None,
    }
}

fn view(candidates: &[CandidateRow]) -> StepView {
    StepView {
        query: "How wide is cat.png?".to_owned(),
        files: Vec::new(),
        captions: Vec::new(),
        tools: Vec::new(),
        history: Vec::new(),
        candidates: candidates.iter().map(observation::candidate).collect(),
        depth: 0,
        max_depth: 4,
    }
}
