//! Every number that bounds a served sandbox, with its reason. What bounds the code is in `sport_sandbox::limits`.

use std::time::Duration;

/// Longest line from the client: the largest task file as base64 and some code.
pub const LINE_BYTES: usize = 192 << 20;

/// Open sessions. One takes a thread and, with CPython, some 3 to 30 MB of memory of its own.
pub const SESSIONS: usize = 256;

/// Requests that wait for one session. Who has more to do opens more sessions.
pub const QUEUE: usize = 64;

/// Bytes of a file in one answer; larger files are read in parts.
pub const READ_BYTES: u64 = 16 << 20;

/// Bytes of a file that is handed to a tool of the client, and that such a tool hands back.
pub const TOOL_FILE_BYTES: u64 = 32 << 20;

/// Tools that a client may bring along to a session.
pub const CLIENT_TOOLS: usize = 128;

/// How often a run that waits for the client's tool looks at its deadline and whether it was cancelled. The wait itself ends
/// with the wall time of the run.
pub const TOOL_POLL: Duration = Duration::from_millis(10);

/// How long the server waits at its end for what it cannot cancel.
pub const SHUT: Duration = Duration::from_secs(3);
