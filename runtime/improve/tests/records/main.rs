//! The parts of a run that need neither sandbox nor policy.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod agreement;
mod common;
mod config;
mod judging;
mod pairing;
mod seeds;
mod statistics;
mod store;
