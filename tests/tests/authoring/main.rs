//! Writing a plugin, as somebody does who has the binary and nothing of this repository.
//!
//! * `transcript`: what docs/writing-plugins.md shows is what happens, in Rust and in Python: made, built, tested, run; the
//!   sizes of the hello worlds and of the component
//! * `projects`: names that are refused, nothing overwritten, no project, a component with neither a tool nor a verifier; verifiers
//!   of both languages
//! * `broken`: what does not build says which file, which line, which function: types, syntax, hints, docstrings, imports
//! * `conformance`: every fault that the kit looks for is found in a plugin that has it, and none in one that has not; what a
//!   plugin asks for; what Python has no machine for
//! * `warm`: a tool with a warm start is tested with its file, run, installed; another file is approved first; without its file it
//!   is not loaded, and says what to do
//! * `watch`: a change is built and tested again, a save without a change is none, what is broken is said and then goes on
//!
//! Cargo's folder is `target/authoring` for all of them, so that the SDK's dependencies are built once.

#![allow(clippy::unwrap_used, reason = "a panic is a failed test")]

mod broken;
mod conformance;
mod projects;
mod support;
mod transcript;
mod warm;
mod watch;
