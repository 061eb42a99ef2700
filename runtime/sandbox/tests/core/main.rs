//! The core of the sandbox, by behaviour: one module each, with its list of cases at the top.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod admission;
mod artifacts;
mod cache;
mod chat;
mod containment;
mod egress;
mod fetch;
mod foreign;
mod grants;
mod guest;
mod nesting;
mod net;
mod registry;
mod registry_model;
mod schema;
mod secrets;
mod state;
mod support;
mod tls;
mod verifier;
mod waiting;
mod warm;
