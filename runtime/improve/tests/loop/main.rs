//! Whole runs: scripted policy, real components, real sandbox.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod bad_input;
mod determinism;
mod photographs;
mod resume;
mod setting;
mod signal;
mod stages;
mod whole;
