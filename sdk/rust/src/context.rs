//! The call this plugin is part of. In a native test there is none: the run is `native`, the budget without end.

/// What is left of the caller's budget.
///
/// ```
/// assert_eq!(sport_sdk::context::remaining().tokens_left, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Wall time in milliseconds.
    pub wall_ms_left: u64,
    /// Calls of other tools.
    pub calls_left: u32,
    /// Tokens of models, where a model may be asked.
    pub tokens_left: Option<u64>,
}

/// The run's id.
///
/// ```
/// assert_eq!(sport_sdk::context::run_id(), "native");
/// ```
pub fn run_id() -> String {
    backend::run_id()
}

/// What is left of the caller's budget. Recorded, and replayed in forks.
///
/// ```
/// use sport_sdk::{Failure, FailureKind, context};
///
/// fn work() -> Result<(), Failure> {
///     if context::remaining().wall_ms_left < 1000 {
///         return Err(Failure::new(FailureKind::Deadline, "too little time is left"));
///     }
///     Ok(())
/// }
/// assert!(work().is_ok());
/// ```
pub fn remaining() -> Budget {
    backend::remaining()
}

/// Says how far the work is, from 0 to 1.
///
/// ```
/// sport_sdk::context::progress(0.25, "a quarter of the rows");
/// ```
pub fn progress(done: f64, message: &str) {
    backend::progress(done, message);
}

#[cfg(target_family = "wasm")]
mod backend {
    use super::Budget;
    use crate::bindings::host::sport::host::context;

    pub fn run_id() -> String {
        context::run_id()
    }

    pub fn remaining() -> Budget {
        let context::Budget { wall_ms_left, calls_left, tokens_left } = context::remaining();
        Budget { wall_ms_left, calls_left, tokens_left }
    }

    pub fn progress(done: f64, message: &str) {
        context::progress(done, message);
    }
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use super::Budget;
    use crate::native;

    pub fn run_id() -> String {
        native::with(|state| state.run_id.clone())
    }

    pub fn remaining() -> Budget {
        native::with(|state| state.budget)
    }

    pub fn progress(done: f64, message: &str) {
        native::with(|state| state.progress.push((done, message.to_owned())));
    }
}
