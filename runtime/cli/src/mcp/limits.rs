//! Every number and every wait of `sport mcp`, with its reason. What bounds the code itself is in `sport_sandbox::limits`.

use std::time::Duration;

/// Largest message from a client: the largest file as base64, and some code. What is longer is not read.
pub const MESSAGE_BYTES: usize = 24 << 20;

/// Largest file that a client hands in: a photograph as a camera writes it. Larger ones are given by `--file`.
pub const FILE_BYTES: usize = 16 << 20;

/// Files that one call hands in.
pub const FILES: usize = 64;

/// Largest answer: the official TypeScript client hangs up at 10 MB.
pub const ANSWER_BYTES: usize = 9 << 20;

/// Bytes of a resource in one answer: as base64 they are 8 MiB. Larger ones are read in parts.
pub const READ_BYTES: usize = 6 << 20;

/// Output of one run where the operator says nothing. It is in an answer twice, as text and as a field, and a byte of it can
/// take six there; a model is shown far less.
pub const OUTPUT_BYTES: u64 = 256 << 10;

/// Artifacts that are kept for the client, in bytes and in number; the oldest go first.
pub const SHELF_BYTES: usize = 256 << 20;
/// See [`SHELF_BYTES`].
pub const SHELF_PIECES: usize = 1_024;

/// A picture up to this size is also shown inside the result, so that a model sees it without another round trip.
pub const SHOWN_IMAGE_BYTES: usize = 512 << 10;

/// All such pictures of one result.
pub const SHOWN_BYTES: usize = 2 << 20;

/// Links to a session's files in one result; the rest is in the structured result.
pub const LINKS: usize = 32;

/// Open sessions. One takes, with CPython, some 3 to 30 MB of memory of its own.
pub const SESSIONS: usize = 64;

/// Calls that wait for one session. Who has more to do opens more sessions.
pub const QUEUE: usize = 16;

/// Calls under way at once; each takes a thread. What is beyond it is refused at once and may be tried again.
pub const CALLS: usize = 32;

/// Clients over HTTP: those with a connection that lasts, and the requests of those without one.
pub const CLIENTS: usize = 128;

/// A client over HTTP that says nothing for so long has gone: its person is at lunch for less.
pub const CLIENT_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// Open sockets: a client has one for its requests and one on which it listens.
pub const SOCKETS: usize = 256;

/// Shortest bearer token, in characters: 128 bits as base64 are 22.
pub const TOKEN_LEAST: usize = 22;

/// Largest file with a bearer token.
pub const TOKEN_FILE_BYTES: u64 = 4 << 10;

/// A session that nobody used for so long, in seconds, is closed where the operator says nothing. A model that thinks, and a
/// person who approves a call, take minutes.
pub const SESSION_IDLE_SECONDS: u64 = 30 * 60;

/// How long a call waits for its turn in a session: the longest run before it, and some.
pub const TURN: Duration = Duration::from_secs(10 * 60);

/// How often it is looked whether tools were added, changed or removed, and whether sessions are idle. A change is taken up
/// when two looks in a row saw the same: a file that is being written is not loaded by halves.
pub const REGISTRY_POLL: Duration = Duration::from_millis(500);

/// How long a list of tools may be kept by a client that does not listen for changes.
pub const LIST_FRESH: Duration = Duration::from_secs(5);

/// How often a client that asked for it hears of progress.
pub const PROGRESS: Duration = Duration::from_millis(500);

/// Output in one message of progress; of more, the last is shown.
pub const PROGRESS_BYTES: usize = 2 << 10;

/// How long a client may leave a notification untaken.
pub const NOTIFY: Duration = Duration::from_secs(5);

/// A client over HTTP has so long for the head of a request,
pub const HEAD: Duration = Duration::from_secs(10);

/// and so long for the rest of it: the largest message on a slow line.
pub const BODY: Duration = Duration::from_secs(60);

/// How long the server waits at its end for what was cancelled.
pub const SHUT: Duration = Duration::from_secs(3);
