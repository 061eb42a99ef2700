//! `sport verifier audit` and what tuning asks for, through the binary and with real components.

#![allow(clippy::unwrap_used, missing_docs, reason = "a panic is a failed test")]

mod command;
mod gate;
mod mutants;
mod support;
