//! The host that all cases run on, and how it is told that it is well.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sport_sandbox::{
    ArtifactStore, Branch, Budget, CompileWorker, Compiler, Error, Failure, FailureKind, Grants, Interpreter,
    Limits, Outcome, PluginState, Sandbox, SandboxOptions, Session, SessionOptions, TaskFile, Tool, ToolHost,
    ToolInfo,
};

use crate::case::{ending_of, outcome_of, run};
use crate::guest::Guest;

/// How far resident memory may lie above the baseline after a case. Three things stay and are no leaks: instances of the
/// interpreter that are kept at hand, up to 1 MiB of each slot of the pool that was used, and what the allocator cannot give
/// back, since it lies between allocations that live on. A leak of one guest's
/// memory (256 MiB and more in the largest cases), or of an eighth of a mebibyte in every case, does not fit.
const SLACK: usize = 80 << 20;

/// How long threads may take to be gone after they were joined, and freed memory to be given back.
const SETTLES: Duration = Duration::from_secs(2);

/// Honest code that uses files and time. The first such call of a process also starts the threads of `wasmtime-wasi`'s
/// executor, which stay.
const WARM: &str = "import time\nopen('w', 'w').write('x')\ntime.sleep(1)\nprint(1 + 1)";

/// One process's sandbox, with an honest tool and the interpreter.
pub struct Host {
    pub folder: tempfile::TempDir,
    pub sandbox: Sandbox,
    honest: Arc<Tool>,
    python: Arc<Interpreter>,
    baseline: Footprint,
    watched: Watched,
}

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    memory: usize,
    threads: usize,
    descriptors: usize,
}

/// The case at hand, and since when.
type Watched = Arc<Mutex<Option<(String, Instant)>>>;

impl Host {
    /// Everything that is made once is made here, before the baseline is taken: engines, pools, the epoch threads, the mapped
    /// interpreter. Components are compiled in processes of their own. A case that runs longer than `hangs` ends the process.
    pub fn new(hangs: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Nothing of an earlier run may be known of a hostile component; but to compile CPython takes half a minute.
        let worker = CompileWorker::new(sport_tests::binary(), vec!["compile-component".to_owned()]);
        let options = |aot_dir: PathBuf| SandboxOptions {
            compiler: Compiler::Worker(worker.clone()),
            isolation: sport_tests::isolation(),
            ..SandboxOptions::new(aot_dir)
        };
        let sandbox = Sandbox::new(options(folder.path().join("aot"))).expect("a sandbox");
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aot");
        let interpreters = Sandbox::new(options(kept)).expect("a sandbox");
        let python = sport_tests::component("python");
        let python = interpreters.interpreter(&python, &Grants::new(["tools"]).expect("a grant"));
        let path = folder.path().join("honest.wasm");
        std::fs::write(&path, Guest::answering("7").build()).expect("the component is written");
        let honest = sandbox.tool(&path, &Grants::none()).expect("the honest tool");
        let watched = Watched::default();
        watch(Arc::clone(&watched), hangs);
        let mut host = Self {
            folder,
            sandbox,
            honest,
            python: python.expect("the interpreter"),
            baseline: Footprint::now(),
            watched,
        };
        // Twice: what the first honest calls leave behind is no leak.
        for _ in 0..2 {
            host.works().expect("an honest call works before anything else");
        }
        // The second session starts the thread that keeps instances at hand; it has some to make.
        std::thread::sleep(SETTLES);
        host.baseline = Footprint::now();
        host
    }

    /// Names the case at hand to the thread that looks for hanging ones.
    pub fn watch(&self, name: Option<&str>) {
        let case = name.map(|name| (name.to_owned(), Instant::now()));
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = case;
    }

    /// After a case: honest calls on the same host work, memory came back, no thread and no descriptor is left.
    pub fn is_well(&self) -> Result<(), String> {
        self.works()?;
        let until = Instant::now() + SETTLES;
        loop {
            let now = Footprint::now();
            let problem = now.exceeds(&self.baseline);
            if problem.is_none() || Instant::now() > until {
                return problem.map_or(Ok(()), Err);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Resident memory in MiB: before all cases, and now.
    pub fn memory(&self) -> (usize, usize) {
        (self.baseline.memory >> 20, Footprint::now().memory >> 20)
    }

    fn works(&self) -> Result<(), String> {
        let store = ArtifactStore::new_in_memory();
        let budget = Budget::new(Limits::tool());
        let answer = self.honest.call("probe", &json!({}), &store, &mut PluginState::new(), &budget);
        if outcome_of(&answer) != "answers 7" {
            return Err(format!("an honest tool on the same host gave {answer:?}"));
        }
        let report = run(&mut self.session(Vec::new()), WARM, Limits::interpreter());
        if ending_of(&report) != "value: 2" {
            return Err(format!("honest code on the same host gave {report:?}"));
        }
        Ok(())
    }

    /// Writes a component's file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.wasm"));
        std::fs::write(&path, bytes).expect("the component is written");
        path
    }

    /// Loads a guest as a tool.
    pub fn load(&self, guest: Guest, grants: &[&str]) -> Result<Arc<Tool>, Error> {
        self.load_bytes(&guest.build(), grants)
    }

    /// Loads a component as a tool.
    pub fn load_bytes(&self, bytes: &[u8], grants: &[&str]) -> Result<Arc<Tool>, Error> {
        self.sandbox.tool(&self.file("probe", bytes), &Grants::new(grants).expect("known grants"))
    }

    /// A fresh session with these files in `/task`.
    pub fn session(&self, files: Vec<TaskFile>) -> Session {
        self.python
            .open(SessionOptions { seed: 7, files, store: ArtifactStore::new_in_memory() })
            .expect("a session")
    }
}

impl Footprint {
    fn now() -> Self {
        // SAFETY: takes no pointers; only gives free memory of the allocator back to the system.
        unsafe { libc::malloc_trim(0) };
        Self {
            memory: resident_memory(),
            threads: entries("/proc/self/task"),
            descriptors: entries("/proc/self/fd"),
        }
    }

    fn exceeds(self, baseline: &Self) -> Option<String> {
        let mib = |bytes: usize| bytes >> 20;
        if self.threads > baseline.threads {
            return Some(format!("there are {} threads instead of {}", self.threads, baseline.threads));
        }
        if self.descriptors > baseline.descriptors {
            let more = self.descriptors - baseline.descriptors;
            return Some(format!("{more} file descriptors more are open"));
        }
        (self.memory > baseline.memory + SLACK)
            .then(|| format!("resident memory is {} MiB, was {} MiB", mib(self.memory), mib(baseline.memory)))
    }
}

fn entries(folder: &str) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Resident memory of this process in bytes.
pub fn resident_memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    // SAFETY: takes no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages * usize::try_from(page).unwrap_or(4096)
}

/// Ends the process when a case hangs: nothing else could.
fn watch(watched: Watched, hangs: Duration) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let case = watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((name, since)) = case
                && since.elapsed() > hangs
            {
                eprintln!("FAILED {name}\n       it hangs: no end after {} s", hangs.as_secs());
                std::process::exit(101);
            }
        }
    });
}

/// A caller that offers no tools.
pub struct NoTools;

impl ToolHost for NoTools {
    fn tools(&self) -> Vec<ToolInfo> {
        Vec::new()
    }

    fn invoke(&mut self, _: &str, _: &Value, _: &mut Branch, _: &Budget) -> Result<Outcome, Failure> {
        Err(Failure::new(FailureKind::NotFound, "no-such-tool", "there are no tools here"))
    }
}
