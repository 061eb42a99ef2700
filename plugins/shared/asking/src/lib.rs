//! Asks a model for a JSON answer, on behalf of a verifier.
//!
//! # Layout
//!
//! * [`data`]: foreign text as data that cannot pass for anything else in the question;
//! * [`answer`]: finding the one JSON object in what a model said;
//! * [`ask`]: a question, its answer, and exactly one repair.
//!
//! Invariants: an answer that cannot be read is a failure `bad-answer` and never a default; where a model's words hold two different
//! answers, neither is taken.

pub mod answer;
pub mod ask;
pub mod data;
