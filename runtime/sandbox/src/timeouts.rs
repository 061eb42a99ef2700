//! Every wait of this crate, with its reason. No code waits without a name from this table.

use std::time::Duration;

/// How often the engines' epochs advance, and so how finely a running guest is checked. At 10 ms a stopped
/// guest ends within two ticks of its deadline, and 100 wake-ups a second cost nothing measurable.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Wall time of one tool call: a resize of a 24-megapixel photograph takes some seconds on a slow machine.
pub const TOOL_WALL: Duration = Duration::from_secs(30);

/// Cpu time of one tool call.
pub const TOOL_CPU: Duration = Duration::from_secs(20);

/// Wall time of one run of agent code, its tool calls included.
pub const INTERPRETER_WALL: Duration = Duration::from_secs(60);

/// Cpu time of one run of agent code, its tool calls included.
pub const INTERPRETER_CPU: Duration = Duration::from_secs(30);

/// Wall time of one judgement of a whole step.
pub const VERIFIER_WALL: Duration = Duration::from_secs(60);

/// Cpu time of one judgement of a whole step.
pub const VERIFIER_CPU: Duration = Duration::from_secs(30);

/// Wall and cpu time of a plugin's `describe`: it only returns constants.
pub const DESCRIBE: Duration = Duration::from_secs(5);

/// Wall time of a tool's `warm`, on a machine that is busy with other things.
pub const WARM_WALL: Duration = Duration::from_secs(120);

/// Cpu time of a tool's `warm`: to read a model of some megabytes takes a second.
pub const WARM_CPU: Duration = Duration::from_secs(30);

/// Wall time of one replayed step of a fork. The step came to its end within its own limits once; this only
/// ends what went wrong, and is wide enough for a machine that is busier than it was then.
pub const REPLAY_WALL: Duration = Duration::from_secs(180);

/// Cpu time of one replayed step.
pub const REPLAY_CPU: Duration = Duration::from_secs(60);

/// How long a command that changes grants waits for another one: it compiles a component meanwhile, which is a minute for the
/// largest on a slow machine.
pub const REGISTRY_LOCK: Duration = Duration::from_secs(120);

/// Cpu time of compiling one component, over all threads: CPython takes 20 s on two slow cores.
pub const COMPILE_CPU: Duration = Duration::from_secs(180);

/// Wall time of the same, on a machine that is busy with other things.
pub const COMPILE_WALL: Duration = Duration::from_secs(600);

/// A worker process of an interpreter: to start, load native code and say what it is; to begin a session, beside the steps that
/// it does again.
pub const WORKER_START: Duration = Duration::from_secs(60);

/// How often the host looks at a run's budget while it waits for a worker's word.
pub const WORKER_TICK: Duration = Duration::from_millis(10);

/// How long a worker has to end a run by itself after its budget ended or it was cancelled, before it is ended as a whole:
/// some ticks of the epoch on a busy machine, and the sending of what was printed.
pub const WORKER_GRACE: Duration = Duration::from_secs(5);

/// How long a worker may leave what it was sent unread.
pub const WORKER_WRITE: Duration = Duration::from_secs(30);

/// How often a compile worker is looked at whether it has ended; small beside the 50 ms that a tool takes.
pub const COMPILE_POLL: Duration = Duration::from_millis(2);

/// One request to the outside, from the lookup of its name to the last byte; a guest may ask for less. Less than
/// [`TOOL_WALL`], so that a tool whose server hangs can still say so.
pub const FETCH: Duration = Duration::from_secs(20);

/// One question to a model: a long answer takes a minute or two. The call that asks has its own wall time, mostly less.
pub const CHAT: Duration = Duration::from_secs(180);

/// Before a model is asked again that was busy or not reached; twice as long each time.
pub const CHAT_RETRY: Duration = Duration::from_millis(500);

/// The longest such wait: a server that wants more is given up on, and the component told how long.
pub const CHAT_RETRY_MOST: Duration = Duration::from_secs(20);

/// Connecting to one of a name's addresses before the next is tried: two lost packets sent again, and some.
pub const FETCH_CONNECT: Duration = Duration::from_secs(5);
