//! Sessions behind a second wall.
//!
//! * `same`: what comes out is what comes out without it, to the byte: reports, files, artifacts, forks, replays
//! * `walls`: what the process has given up, as the kernel tells
//! * `ends`: the process dies, hangs, is killed in a run and between runs: what is lost and what comes back
//! * `strangers`: processes that say what no worker says
//! * `seal`: what a sealed process cannot do
//! * `binary`: the same through `sport exec` and `sport exec --serve`

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod binary;
mod ends;
mod same;
mod seal;
mod strangers;
mod support;
mod walls;
