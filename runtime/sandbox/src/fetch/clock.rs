//! The time of one request: the call's budget and the request's own deadline, asked at every tick of a wait.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::{Code, Fault};
use crate::budget::Budget;
use crate::timeouts;

/// When a request must end.
pub(super) struct Clock<'a> {
    budget: &'a Budget,
    deadline: Instant,
    timeout: Duration,
}

impl<'a> Clock<'a> {
    /// Starts now. The request's own time is narrowed, never widened, by what the guest asks for.
    pub fn start(budget: &'a Budget, asked: Option<Duration>, most: Duration) -> Self {
        let timeout = asked.unwrap_or(most).min(most);
        Self { budget, deadline: Instant::now() + timeout, timeout }
    }

    /// The budget that the request runs on.
    pub fn budget(&self) -> &'a Budget {
        self.budget
    }

    /// Whether to go on: the budget's end stops the guest, the request's own is an error that it sees.
    pub fn check(&self) -> Result<(), Fault> {
        self.budget.check().map_err(Fault::Stop)?;
        if Instant::now() >= self.deadline {
            let message = format!("the request took longer than its {} ms", self.timeout.as_millis());
            return Err(Fault::wrong(Code::Deadline, message));
        }
        Ok(())
    }

    /// How long to wait until the next check.
    pub fn tick(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Never nothing, or a wait that is up in a moment would spin until then.
        timeouts::EPOCH_TICK.min(left).max(Duration::from_millis(1))
    }

    /// Waits until a socket is ready for one of `wanted`, or until `until`; whether it is.
    pub fn wait(&self, socket: &impl AsFd, wanted: PollFlags, until: Option<Instant>) -> Result<bool, Fault> {
        loop {
            self.check()?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
            let tick = Timespec { tv_sec: 0, tv_nsec: self.tick().subsec_nanos().into() };
            match poll(&mut [PollFd::new(socket, wanted)], Some(&tick)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(Fault::wrong(Code::Other, format!("cannot wait: {error}"))),
            }
        }
    }
}
