//! Named points at which a test may stop a run, as a crash would.
//!
//! `SPORT_FAIL_POINT=name:3` stops at the third passing of `name` with an error, `SPORT_FAIL_POINT=abort:name:3`
//! ends the process there without any clean-up.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Error;

/// At most one point, with a count down.
#[derive(Debug, Default)]
pub(crate) struct FailPoints {
    point: Option<Point>,
}

#[derive(Debug)]
struct Point {
    name: String,
    left: AtomicU32,
    abort: bool,
}

impl FailPoints {
    /// Nothing fails.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `[abort:]name[:count]`.
    pub fn parse(text: &str) -> Self {
        let (abort, rest) = text.strip_prefix("abort:").map_or((false, text), |rest| (true, rest));
        let (name, count) =
            rest.rsplit_once(':').map_or((rest, None), |(name, count)| (name, count.parse().ok()));
        Self { point: Some(Point { name: name.to_owned(), left: AtomicU32::new(count.unwrap_or(1)), abort }) }
    }

    /// As `SPORT_FAIL_POINT` says.
    pub fn from_environment() -> Self {
        std::env::var("SPORT_FAIL_POINT").map_or_else(|_| Self::none(), |text| Self::parse(&text))
    }

    /// Passes the point `name`.
    pub fn pass(&self, name: &str) -> Result<(), Error> {
        let Some(point) = self.point.as_ref().filter(|point| point.name == name) else { return Ok(()) };
        let before =
            point.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if before != Ok(1) {
            return Ok(());
        }
        if point.abort {
            std::process::abort();
        }
        Err(Error::FailPoint(name.to_owned()))
    }
}
