//! Every number that bounds a guest, with its reason. Times are in [`crate::timeouts`].
//!
//! They are large enough for honest work (a 24-megapixel photograph passes through the image tool) and small
//! enough that a hostile guest costs one call, never the host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::timeouts;

/// One mebibyte.
pub const MIB: u64 = 1 << 20;

/// What one call, run or judgement may use. A nested call gets the smaller of its own and what its caller has
/// left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall time from the budget's making, time inside host calls included.
    pub wall: Duration,
    /// Cpu time of the threads that run the guest.
    pub cpu: Duration,
    /// Linear memory, summed over all memories of all instances in the call.
    pub memory_bytes: u64,
    /// Table elements, summed likewise.
    pub table_elements: u64,
    /// Live component handles in a store.
    pub handles: u32,
    /// Entries in the host's resource table of a store.
    pub resources: u32,
    /// Host bytes that one crossing from guest to host may allocate.
    pub hostcall_fuel: usize,
    /// Calls from the guest into the host.
    pub host_calls: u64,
    /// Nested tool calls.
    pub tool_calls: u64,
    /// Bytes written to the output channels; the rest is cut.
    pub output_bytes: u64,
    /// Bytes of log records; the rest is counted and dropped.
    pub log_bytes: u64,
    /// Bytes put into the artifact store.
    pub artifact_bytes: u64,
    /// Random bytes drawn.
    pub random_bytes: u64,
    /// Requests to the outside.
    pub fetches: u64,
    /// Bytes of such requests and of their responses.
    pub fetched_bytes: u64,
    /// Questions to models.
    pub model_calls: u64,
    /// Tokens of these questions and of their answers; the last answer may go beyond it.
    pub tokens: u64,
}

impl Limits {
    /// One tool call.
    pub fn tool() -> Self {
        Self {
            wall: timeouts::TOOL_WALL,
            cpu: timeouts::TOOL_CPU,
            // A 24-megapixel photograph is 72 MB as RGB, and a decoder with a copy and a result holds three
            // or four.
            memory_bytes: 512 * MIB,
            // A Rust guest has some hundreds of functions in its table; a big one some ten thousand.
            table_elements: 100_000,
            handles: 1_024,
            resources: 1_024,
            // An artifact is written in chunks of 1 MiB; arguments and results are JSON of at most 1 MiB.
            hostcall_fuel: (8 * MIB) as usize,
            // A 64 MiB artifact read in chunks of 1 MiB is 64 calls; a guest that reads in 4 KiB steps still
            // passes.
            host_calls: 20_000,
            tool_calls: 32,
            output_bytes: 256 << 10,
            log_bytes: 256 << 10,
            artifact_bytes: 256 * MIB,
            random_bytes: 64 << 10,
            // A paged list or a page with its pictures; more is a crawler.
            fetches: 32,
            fetched_bytes: 64 * MIB,
            model_calls: 16,
            tokens: 64 << 10,
        }
    }

    /// One run of agent code.
    pub fn interpreter() -> Self {
        Self {
            wall: timeouts::INTERPRETER_WALL,
            cpu: timeouts::INTERPRETER_CPU,
            // CPython starts at 23 MB; 256 MiB hold lists of some millions of objects. A nested tool call is
            // charged to the same budget, so there is room for one with a large photograph on top.
            memory_bytes: 768 * MIB,
            table_elements: 400_000,
            handles: 4_096,
            resources: 4_096,
            hostcall_fuel: (16 * MIB) as usize,
            // Every print and every file operation is one; a loop that prints a hundred thousand lines is
            // stopped by the output budget first.
            host_calls: 200_000,
            tool_calls: 64,
            output_bytes: 2 * MIB,
            log_bytes: 256 << 10,
            artifact_bytes: 512 * MIB,
            random_bytes: MIB,
            // What its tools fetch is charged to the run too.
            fetches: 128,
            fetched_bytes: 256 * MIB,
            model_calls: 64,
            tokens: 256 << 10,
        }
    }

    /// One judgement of a step.
    pub fn verifier() -> Self {
        Self {
            wall: timeouts::VERIFIER_WALL,
            cpu: timeouts::VERIFIER_CPU,
            memory_bytes: 256 * MIB,
            table_elements: 100_000,
            handles: 1_024,
            resources: 1_024,
            hostcall_fuel: (8 * MIB) as usize,
            host_calls: 20_000,
            tool_calls: 8,
            output_bytes: 0,
            log_bytes: 256 << 10,
            artifact_bytes: 0,
            random_bytes: 0,
            fetches: 32,
            fetched_bytes: 64 * MIB,
            model_calls: 32,
            tokens: 128 << 10,
        }
    }

    /// A tool's `warm`, once for a component and its artifacts: it reads them, and computes.
    pub fn warm() -> Self {
        Self {
            wall: timeouts::WARM_WALL,
            cpu: timeouts::WARM_CPU,
            memory_bytes: WARM_MEMORY_BYTES,
            // All artifacts in steps of 64 KiB.
            host_calls: 4_096,
            log_bytes: 64 << 10,
            ..Self::describe()
        }
    }

    /// A plugin's `describe`.
    pub fn describe() -> Self {
        Self {
            wall: timeouts::DESCRIBE,
            cpu: timeouts::DESCRIBE,
            memory_bytes: 128 * MIB,
            host_calls: 0,
            tool_calls: 0,
            output_bytes: 0,
            log_bytes: 0,
            artifact_bytes: 0,
            random_bytes: 0,
            fetches: 0,
            fetched_bytes: 0,
            model_calls: 0,
            tokens: 0,
            ..Self::tool()
        }
    }
}

/// Memory of a tool's `warm`: what it leaves becomes data of a component, of which the compiler takes [`COMPONENT_BYTES`] at most.
/// A model of 30 MB is there twice while it is loaded.
pub const WARM_MEMORY_BYTES: u64 = 256 * MIB;

/// Memory of an interpreter session by itself, nested tools not counted, on the usual budget; see [`Limits::interpreter`].
pub const SESSION_MEMORY_BYTES: u64 = 256 * MIB;

/// What a session may have by itself on a budget: as much as usual, and all that the budget has beyond the usual. What is left
/// is for the tools that it calls.
pub(crate) fn session_memory(limits: &Limits) -> u64 {
    SESSION_MEMORY_BYTES + limits.memory_bytes.saturating_sub(Limits::interpreter().memory_bytes)
}

/// Memories, tables and core instances of one store: a component of the SDK has 1, 1 or 2, and 3; CPython's
/// has 1, 3 and about 30.
pub const STORE_MEMORIES: usize = 8;
/// See [`STORE_MEMORIES`].
pub const STORE_TABLES: usize = 32;
/// See [`STORE_MEMORIES`].
pub const STORE_INSTANCES: usize = 96;

/// Core instances of one tool or verifier. The SDK's own in Rust have 3; one in Python has CPython's 38, since each of its
/// shared libraries and adapters is one.
pub const CALL_CORE_INSTANCES: u32 = 64;

/// Levels of nested tool calls: agent code, a tool, its helper, and one more.
pub const NESTING_DEPTH: usize = 4;

/// Slots of the pool for tool and verifier calls: one per running thread, nested ones included. 64 memories
/// of 4 GiB reserved address space are 256 GiB, far below what any 64-bit kernel gives, and 64 slots with
/// their guards are some hundred mappings of the 65,530 that Linux allows.
pub const POOL_SLOTS: u32 = 64;

/// Largest single memory in the pool.
pub const POOL_MEMORY_BYTES: usize = 512 << 20;

/// Bytes of a freed slot that are zeroed by hand and kept, so that the next small call takes no page faults.
pub const POOL_KEEP_RESIDENT: usize = 1 << 20;

/// The guest's stack in a tool or verifier call.
pub const CALL_WASM_STACK: usize = 512 << 10;

/// The guest's stack in a session. CPython's own limit of 1000 levels must be met before this one is, or code that recurses
/// through C (a `__repr__` that asks for its own `repr`, a `key=` that sorts) traps where it should raise a RecursionError.
pub const SESSION_WASM_STACK: usize = 8 << 20;

/// Native stack that must be left for host functions beyond the guest's.
pub const HOST_STACK: usize = 1 << 20;

/// Largest component file: CPython with its library is 28 MB.
pub const COMPONENT_BYTES: u64 = 96 * MIB;

/// Largest JSON text that crosses the border, either way.
pub const JSON_BYTES: usize = MIB as usize;

/// Deepest nesting of such JSON: what a person could still read, and safe for recursive code.
pub const JSON_DEPTH: usize = 64;

/// Largest JSON Schema of a plugin.
pub const SCHEMA_BYTES: usize = 64 << 10;

/// Deepest schema.
pub const SCHEMA_DEPTH: usize = 32;

/// Values in a schema, names left out: each takes some hundred bytes of the host once it is compiled.
pub const SCHEMA_VALUES: usize = 4_096;

/// Patterns in a schema, and the compiled size of one: letters of any script take 40 KB.
pub const SCHEMA_PATTERNS: usize = 32;
/// See [`SCHEMA_PATTERNS`].
pub const PATTERN_BYTES: usize = 256 << 10;

/// References in a schema: compiling follows them one inside the other.
pub const SCHEMA_REFERENCES: usize = 256;

/// References and branches in a row that look at the same value. With the deepest value they are some 600 calls inside each other,
/// which a thread's stack of 2 MiB holds.
pub const SCHEMA_IN_PLACE: usize = 8;

/// Steps of one check of a value by its schema: half a million numbers in a list take as many; all of them take less than
/// a second.
pub const SCHEMA_STEPS: u64 = 8_000_000;

/// Steps that a byte of text costs where a pattern is matched: at worst every state of the pattern looks at it.
pub const PATTERN_STEPS: usize = 32;

/// Tools of one plugin.
pub const TOOLS_PER_PLUGIN: usize = 64;

/// Longest tool, verifier or plugin name.
pub const NAME_BYTES: usize = 64;

/// Longest description.
pub const DESCRIPTION_BYTES: usize = 4 << 10;

/// Longest title, code or other short text of a guest.
pub const SHORT_TEXT_BYTES: usize = 256;

/// Longest error message of a guest.
pub const MESSAGE_BYTES: usize = 4 << 10;

/// Pieces of content in one outcome.
pub const CONTENT_PIECES: usize = 64;

/// Longest text piece.
pub const TEXT_BYTES: usize = MIB as usize;

/// Longest single read or append of an artifact; larger ones go in chunks.
pub const ARTIFACT_CHUNK: usize = MIB as usize;

/// Largest artifact: a 24-megapixel photograph as an uncompressed file is 72 MB.
pub const ARTIFACT_BYTES: u64 = 128 * MIB;

/// Artifacts that one call may reach, those it made included.
pub const ARTIFACTS_PER_CALL: usize = 1_024;

/// Open artifact writers of one call.
pub const ARTIFACT_WRITERS: usize = 16;

/// Longest key and value in a plugin's state, and how many keys a plugin may have.
pub const KV_KEY_BYTES: usize = 256;
/// See [`KV_KEY_BYTES`].
pub const KV_VALUE_BYTES: usize = 64 << 10;
/// See [`KV_KEY_BYTES`].
pub const KV_KEYS: usize = 1_024;
/// Bytes of all values of one plugin.
pub const KV_TOTAL_BYTES: usize = 4 * MIB as usize;

/// Longest single log record; longer ones are cut.
pub const LOG_RECORD_BYTES: usize = 4 << 10;

/// Log records that are kept with a call, so that a trap can be explained by the guest's own last words.
pub const LOG_KEPT: usize = 16;

/// Judgements' evidence: quotes per judgement and bytes per quote.
pub const EVIDENCE_QUOTES: usize = 16;

/// Bytes of all files in a session's `/scratch`: room for some photographs as uncompressed files; forks share
/// what they do not change.
pub const SCRATCH_BYTES: u64 = 64 * MIB;

/// Files and directories in `/scratch`.
pub const SCRATCH_FILES: usize = 1_024;

/// Levels of directories below `/scratch`; deeper trees serve only to break whoever walks them.
pub const SCRATCH_DEPTH: usize = 16;

/// Longest path and longest part of one, as on Linux.
pub const PATH_BYTES: usize = 4_096;
/// See [`PATH_BYTES`].
pub const FILE_NAME_BYTES: usize = 255;

/// Files in `/task` and the size of one: each is read into memory once. The size is that of an artifact,
/// since that is how tools get at it.
pub const TASK_FILES: usize = 256;
/// See [`TASK_FILES`].
pub const TASK_FILE_BYTES: u64 = ARTIFACT_BYTES;

/// Longest read or write of a file in one crossing; longer ones come back short, which every caller must
/// expect.
pub const FILE_CHUNK: usize = MIB as usize;

/// Text of a question to a model, and of its answer.
pub const CHAT_BYTES: usize = MIB as usize;

/// Images of a question: three photographs. As base64 they are a third larger, and a request has that much.
pub const CHAT_IMAGE_BYTES: usize = 24 << 20;

/// Messages of a question.
pub const CHAT_MESSAGES: usize = 256;

/// Texts that end an answer; no endpoint takes more.
pub const CHAT_STOPS: usize = 4;

/// Choices that are compared at once.
pub const CHAT_CHOICES: usize = 64;

/// Tokens of an answer where the component says nothing, and the most that it may say.
pub const CHAT_TOKENS: u32 = 1_024;
/// See [`CHAT_TOKENS`].
pub const CHAT_TOKENS_MOST: u32 = 16_384;

/// Answers that an endpoint's cache keeps.
pub const CHAT_CACHE_BYTES: usize = 32 << 20;

/// Random bytes in one crossing.
pub const RANDOM_CHUNK: u64 = 64 << 10;

/// Addresses of a name that are tried: a name that has thousands makes a request a scan.
pub const FETCH_ADDRESSES: usize = 8;

/// Mapped pieces of one snapshot: each is a mapping of every fork, and a process may have 65,530.
pub const SNAPSHOT_PIECES: usize = 256;

/// Instances of a family of sessions that wait for its next forks: a step forks five candidates.
pub const IDLE_INSTANCES: usize = 5;

/// Memory that one of them may hold of its own: CPython writes to 3 MB in every session, and 10 MB are a candidate that worked.
pub const IDLE_BYTES: usize = 16 << 20;

/// Longest header of a message from a worker process: a report with its value, its answer and the names of all files, as JSON,
/// where a character may take six. What is parsed from it can take ten times as much.
pub const WORKER_HEADER_BYTES: u64 = 24 * MIB;

/// Bytes of a file that a foreign component is given: on the way to it every byte is a value of some forty.
pub const FOREIGN_BYTES: usize = 4 << 20;

/// What a foreign component may pass to the host at once, for the same reason: as many bytes as it may be given.
pub const FOREIGN_HOSTCALL_FUEL: usize = 192 << 20;

/// Most bytes behind such a header: all of `/scratch`, or everything that a run may display.
pub const WORKER_BODY_BYTES: u64 = 512 * MIB;

/// Descriptors that a worker process may hold: a session takes a socket in each of two threads and a file for every snapshot.
pub const WORKER_DESCRIPTORS: u64 = 8_192;

/// Largest file that a worker process may make; they are in memory, and hold a session's memory for its forks.
pub const WORKER_FILE_BYTES: u64 = 4 << 30;

/// Steps that a session remembers for its forks; a task has at most eight.
pub const SESSION_STEPS: usize = 1_024;

/// Pieces that one run may display.
pub const DISPLAYS: usize = CONTENT_PIECES;

/// Bounds on a component's structure, checked before it is compiled. CPython through componentize-py has
/// about 30 core modules, 20,000 functions and 60,000 items (its shared libraries are linked through
/// globals).
pub const CORE_MODULES: u64 = 128;
/// See [`CORE_MODULES`].
pub const NESTED_COMPONENTS: u64 = 6;
/// See [`CORE_MODULES`].
pub const FUNCTIONS: u64 = 200_000;
/// Largest function body: CPython's largest is some 200 KB; the compiler's time grows faster than a body
/// does.
pub const FUNCTION_BYTES: u64 = MIB;
/// Blocks, loops and branches of a function. The compiler's time grows with the square of the loops (a hundred thousand take
/// minutes), and what it keeps for the next function with the blocks (300,000 nested ones are 200 MiB). CPython's largest
/// function has 200 KB in all.
pub const FUNCTION_BLOCKS: u64 = 50_000;
/// See [`FUNCTION_BLOCKS`].
pub const FUNCTION_LOOPS: u64 = 10_000;
/// See [`CORE_MODULES`].
pub const TYPES: u64 = 50_000;
/// See [`CORE_MODULES`].
pub const ITEMS: u64 = 500_000;

/// Memory that compiling one component may take beyond the engine itself: CPython takes about 1 GB with two threads, and more
/// with more.
pub const COMPILE_MEMORY_BYTES: u64 = 6 << 30;
/// Largest native code of one component: CPython's has 45 MB.
pub const COMPILED_BYTES: u64 = 512 * MIB;

/// Properties at the top of a schema.
pub const SCHEMA_PROPERTIES: usize = 128;
/// Names in an error message that lists what a component has; the rest is counted.
pub const NAMES_SHOWN: usize = 32;
/// Further errors that are counted in the message about a value that does not fit.
pub const SCHEMA_ERRORS: usize = 8;
/// Fuel of one judgement, about one unit an instruction: the same bound on every machine, some 20 s on a slow
/// one.
pub const VERIFIER_FUEL: u64 = 20_000_000_000;
/// Candidates of a step, and steps before it, as a verifier is shown them.
pub const STEP_CANDIDATES: usize = 256;

/// Longest text form of a value and longest traceback in a report; a model is shown far less of it.
pub const VALUE_BYTES: usize = 256 << 10;

/// Longest URL: what servers take at most, by and large.
pub const URL_BYTES: usize = 8 << 10;
/// Headers of a guest's request, and bytes of them; browsers send some twenty, in 2 KiB.
pub const FETCH_HEADERS: usize = 64;
/// See [`FETCH_HEADERS`].
pub const FETCH_REQUEST_HEAD_BYTES: usize = 16 << 10;
/// Largest body of a request: a photograph as JPEG. A crossing into the host holds twice that.
pub const FETCH_REQUEST_BYTES: usize = 4 * MIB as usize;
/// Largest body of a response; the rest is cut. A photograph or a table; it is in the host's memory and in the
/// guest's at once.
pub const FETCH_BODY_BYTES: usize = 16 * MIB as usize;
/// Headers of a response (interim ones included) in bytes, and how many; servers' own limits are half of that.
pub const FETCH_HEAD_BYTES: usize = 64 << 10;
/// See [`FETCH_HEAD_BYTES`].
pub const FETCH_RESPONSE_HEADERS: usize = 128;
/// Longest line that says how long a chunk is: eight digits, and extensions that nobody uses.
pub const FETCH_CHUNK_LINE_BYTES: usize = 256;
/// Names looked up at once, for all plugins of a sandbox; each is a thread that cannot be stopped.
pub const LOOKUPS: u32 = 8;
/// Shortest secret: what is shorter turns up by chance in what servers send, and would be taken for it.
pub const SECRET_MIN_BYTES: usize = 8;
/// Longest secret: the largest tokens (signed, with claims) have some 2 KiB.
pub const SECRET_MAX_BYTES: usize = 4 << 10;
/// Secrets of one plugin; each is looked for in some twenty spellings.
pub const SECRETS: usize = 16;
/// Handles of secrets that a call may hold.
pub const SECRET_HANDLES: usize = 64;
