//! What a second wall costs: sessions in a process of their own beside sessions in this one.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sport_sandbox::{
    Grants, Interpreter, Isolation, Made, Sandbox, SandboxOptions, Session, SessionWorker, Toolbox,
};

use crate::rows::{Failed, Row, alternate};
use crate::{REPEATS, exec, open};

/// Runs, or calls of a tool, in one repetition.
const MANY: usize = 50;

/// All rows. `here` is the interpreter in this process.
pub fn rows(
    components: &Path,
    aot_dir: &Path,
    here: &Arc<Interpreter>,
    toolbox: &Toolbox,
) -> Result<Vec<Value>, Failed> {
    let away = [domain(components, aot_dir)?, domain(components, aot_dir)?];
    let mut rows = Vec::new();
    let mut beside = |name: &str, work: &dyn Fn(&Arc<Interpreter>) -> Result<(), Failed>, times: usize| {
        let [ours, theirs] = alternate(REPEATS, || work(&away[0]), || work(here))?;
        let each = 1.0 / times as f64;
        let baseline = Some(("without", theirs.median() * each));
        let row = Row {
            name: &format!("behind a second wall: {name}"),
            unit: "ms",
            value: ours.median() * each,
            baseline,
            goal: None,
        };
        rows.push(row.done());
        Ok::<_, Failed>(())
    };
    beside(
        "a fresh Python session, print(1+1), dropped",
        &|python| exec(&mut open(python)?, "print(1+1)", &mut toolbox.clone()),
        1,
    )?;
    beside(
        "a run in a session that is open",
        &|python| {
            let mut session = open(python)?;
            (0..MANY).try_for_each(|_| exec(&mut session, "x = 1", &mut toolbox.clone()))
        },
        MANY,
    )?;
    beside(
        "a tool called from agent code",
        &|python| {
            let code = format!("for n in range({MANY}): calculate(expression=\"237 * 83\")");
            exec(&mut open(python)?, &code, &mut toolbox.clone())
        },
        MANY,
    )?;
    beside(
        "five forks of a session, each with a run, and four drops",
        &|python| {
            let mut parent = open(python)?;
            exec(&mut parent, "x = 0", &mut toolbox.clone())?;
            for number in 0..5 {
                let mut fork = parent.fork()?;
                if *fork.made() != Made::FromMemory {
                    return Err(format!("not forked from memory: {:?}", fork.made()).into());
                }
                exec(&mut fork, &format!("x += {number}"), &mut toolbox.clone())?;
            }
            Ok(())
        },
        1,
    )?;
    rows.extend(side_by_side(here, &away, toolbox)?);
    Ok(rows)
}

fn domain(components: &Path, aot_dir: &Path) -> Result<Arc<Interpreter>, Failed> {
    let example = std::env::current_exe()?;
    let program = example.ancestors().nth(2).map(|folder| folder.join("sport"));
    let program = program.filter(|program| program.is_file()).ok_or("no `sport` beside the examples")?;
    let isolation = Isolation::Process(SessionWorker { program, arguments: vec!["run-sessions".to_owned()] });
    let sandbox = Sandbox::new(SandboxOptions { isolation, ..SandboxOptions::new(aot_dir) })?;
    Ok(sandbox.interpreter(&components.join("python.wasm"), &Grants::new(["tools"])?)?)
}

/// Five candidates of one step, each with work of its own, at once: in this process, in another, in two others that both hold
/// the parent; against all one after the other in this.
fn side_by_side(
    here: &Arc<Interpreter>,
    away: &[Arc<Interpreter>],
    toolbox: &Toolbox,
) -> Result<Vec<Value>, Failed> {
    let parents_in = |pythons: &[Arc<Interpreter>]| -> Result<Vec<Session>, Failed> {
        let parent = |python| {
            let mut parent = open(python)?;
            exec(&mut parent, "x = 0", &mut toolbox.clone())?;
            Ok(parent)
        };
        pythons.iter().map(parent).collect()
    };
    let candidate = |parent: &Session| -> Result<(), String> {
        let mut fork = parent.fork().map_err(|error| error.to_string())?;
        let code = "for n in range(300_000): x += n";
        exec(&mut fork, code, &mut toolbox.clone()).map_err(|error| error.to_string())
    };
    let local = parents_in(std::slice::from_ref(here))?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut rows = Vec::new();
    for (place, parents) in [
        ("one process", parents_in(std::slice::from_ref(here))?),
        ("one process behind a second wall", parents_in(&away[..1])?),
        ("two processes behind a second wall", parents_in(away)?),
    ] {
        let at_once = || {
            std::thread::scope(|scope| {
                let parents = parents.iter().cycle().take(5);
                let threads: Vec<_> = parents.map(|parent| scope.spawn(|| candidate(parent))).collect();
                threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic".to_owned())?)
            })
        };
        let [ours, theirs] = alternate(
            REPEATS / 2,
            || at_once().map_err(Failed::from),
            || (0..5).try_for_each(|_| candidate(&local[0])).map_err(Failed::from),
        )?;
        let row = Row {
            name: &format!("five candidates of one step side by side in {place}, {cores} cores"),
            unit: "ms",
            value: ours.median(),
            baseline: Some(("one after the other", theirs.median())),
            goal: None,
        };
        rows.push(row.done());
    }
    Ok(rows)
}
