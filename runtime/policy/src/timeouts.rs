//! Every wait of this crate, by name.

use std::time::Duration;

/// Longest silence of a native backend (no progress, no reply) before the policy is given up. An optimiser step
/// reports no progress and may take minutes on a busy small machine; half an hour is no longer slowness.
pub const BACKEND_SILENCE: Duration = Duration::from_secs(30 * 60);

/// How long loading may take: hundreds of gigabytes from a slow disk, but not for ever.
pub const BACKEND_OPEN: Duration = Duration::from_secs(60 * 60);

/// How long dropping a policy waits for its thread. A thread that still computes then is left to itself.
pub const BACKEND_CLOSE: Duration = Duration::from_secs(10);
