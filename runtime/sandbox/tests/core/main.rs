//! The core of the sandbox, by behaviour: one module each, with its list of cases at the top.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod admission;
mod artifacts;
mod cache;
mod containment;
mod grants;
mod guest;
mod nesting;
mod schema;
mod state;
mod support;
mod verifier;
