//! `sport mcp`, message by message, as a client sees it. The official clients meet it in `tests/peers`.
//!
//! * `tools`: what is listed, calls, failures, deadlines, progress, cancelled calls, the end of the input; both lives of MCP
//! * `files`: what a client hands in and reads back: links, `data:` URIs, granted files, and what is too large or not there
//! * `sessions`: open, run, fork, close; stopped runs; turns; limits that only narrow; files of a session
//! * `changes`: a plugin that is added, swapped, changed so that it needs approval, removed; who hears of it
//! * `http`: token, host, origin, sizes, sessions, a client that hangs up; what is refused before anything is served

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod changes;
mod client;
mod files;
mod http;
mod sessions;
mod tools;
