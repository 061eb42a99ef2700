//! The Python interpreter component, through the sandbox: what agent code can rely on.
//!
//! The details of each part are tested natively, in `plugins/interpreters/python/tests`; here it is the built component
//! that runs, with the library as it was frozen into it.
//!
//! * `answers`: values and answers as the host gets them
//! * `errors`: what a model reads when its code fails
//! * `files`: names of files, `display`, what is left open
//! * `library`: every module that the component says it has, and that they work without the folder they came from
//! * `resilience`: what a step breaks does not break the next
//! * `tools`: tools as functions

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a failed test")]

mod answers;
mod errors;
mod files;
mod library;
mod resilience;
mod support;
mod tools;
