//! Interpreter sessions, through the real Python component.
//!
//! * `endings`: every way a run can end, and what the report says of it
//! * `containment`: endless loops, memory bombs, floods, deep recursion; the host goes on
//! * `files`: `/task` and `/scratch`, path tricks, quotas
//! * `forks`: isolation of candidates, replay without effects, forks after bad endings, grandchildren
//! * `memory_forks`: which sessions are forked from memory, and that this is the same as replay
//! * `determinism`: virtual time and seeded random, equal in equal sessions and continued in forks
//! * `image`: which components have their snapshot cut out

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

mod containment;
mod determinism;
mod endings;
mod files;
mod forks;
mod image;
mod memory_forks;
mod support;
