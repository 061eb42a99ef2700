//! The call this plugin is part of. In a native test there is none: the run is `native`, the budget without end.

/// What is left of the caller's budget.
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
pub fn run_id() -> String {
    backend::run_id()
}

/// What is left of the caller's budget. Recorded, and replayed in forks.
pub fn remaining() -> Budget {
    backend::remaining()
}

/// Says how far the work is, from 0 to 1.
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
