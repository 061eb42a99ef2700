//! Tests of the policy crate, one file per behaviour, one binary to link.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod abi;
mod adapters;
mod chat_template;
mod forms;
mod model_files;
mod scripted;
mod support;
mod tokens;
