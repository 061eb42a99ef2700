//! Tests of the libtorch backend, in one binary since linking takes longer than running; one file per behaviour,
//! each with the list of its cases at its head. The golden files lie in `tests/golden`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod adapter_files;
mod common;
mod draw;
mod library;
mod parity;
mod requests;
mod sampling;
mod training;
mod tree;
