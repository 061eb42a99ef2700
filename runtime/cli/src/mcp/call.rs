//! A call under way: on a thread of its own and on a budget, stopped when the client no longer wants it, with word of its
//! progress meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use rmcp::{Peer, RoleServer};
use sport_sandbox::{Budget, Failure, FailureKind};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

use super::limits;

/// Stops what runs on a budget when whoever waited for it is gone, for whatever reason.
struct StopWhenDropped(Budget);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        // Nothing runs on it any longer if it came to its end.
        self.0.cancel();
    }
}

/// What the client is told while it waits.
#[derive(Clone, Default)]
pub struct Words {
    text: Arc<Mutex<Vec<u8>>>,
}

impl Words {
    /// Adds output. Of too much, the last is kept.
    pub fn add(&self, bytes: &[u8]) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(limits::PROGRESS_BYTES)..];
        text.extend_from_slice(bytes);
        let beyond = text.len().saturating_sub(limits::PROGRESS_BYTES);
        text.drain(..beyond);
    }

    fn take(&self) -> Option<String> {
        let bytes = std::mem::take(&mut *self.text.lock().unwrap_or_else(PoisonError::into_inner));
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Does `work` on a thread for it. When the request is cancelled, so is the budget, and `work` ends within some ticks.
pub async fn run<T: Send + 'static>(
    context: &RequestContext<RoleServer>,
    name: &str,
    budget: &Budget,
    words: &Words,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let _stop = StopWhenDropped(budget.clone());
    let mut job = tokio::task::spawn_blocking(work);
    let mut progress = Progress::of(context, name, budget.limits().wall);
    let first = tokio::time::Instant::now() + limits::PROGRESS;
    let mut ticks = interval_at(first, limits::PROGRESS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut cancelled = false;
    let result = loop {
        tokio::select! {
            biased;
            // Ends by itself: the budget has a deadline.
            result = &mut job => break result,
            () = context.ct.cancelled(), if !cancelled => {
                cancelled = true;
                budget.cancel();
            }
            _ = ticks.tick(), if progress.is_some() => {
                if let Some(progress) = &mut progress {
                    progress.tell(words);
                }
            }
        }
    };
    if let Some(progress) = progress {
        progress.end().await;
    }
    result.map_err(|error| {
        tracing::error!(%error, "a call ended in a panic");
        Failure::new(
            FailureKind::Internal,
            "internal",
            format!("{name}: a fault of sport's own; its log says more"),
        )
    })
}

/// Word of progress, for a client that asked for it.
struct Progress {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    name: String,
    began: Instant,
    total: Duration,
    /// The last word, while it is on its way.
    sending: Option<JoinHandle<()>>,
}

impl Progress {
    fn of(context: &RequestContext<RoleServer>, name: &str, total: Duration) -> Option<Self> {
        let token = context.meta.get_progress_token()?;
        let (peer, name) = (context.peer.clone(), name.to_owned());
        Some(Self { peer, token, name, began: Instant::now(), total, sending: None })
    }

    /// Seconds of those that there are, and what was printed since the last time.
    fn tell(&mut self, words: &Words) {
        // A client that does not read hears less, and holds nothing up.
        if self.sending.as_ref().is_some_and(|sending| !sending.is_finished()) {
            return;
        }
        let message = words.take().unwrap_or_else(|| format!("{} is at work", self.name));
        let param = ProgressNotificationParam::new(self.token.clone(), self.began.elapsed().as_secs_f64())
            .with_total(self.total.as_secs_f64())
            .with_message(message);
        let peer = self.peer.clone();
        self.sending = Some(tokio::spawn(async move {
            if !matches!(timeout(limits::NOTIFY, peer.notify_progress(param)).await, Ok(Ok(()))) {
                tracing::debug!("the client did not take word of progress");
            }
        }));
    }

    /// The answer comes after the last word.
    async fn end(self) {
        if let Some(sending) = self.sending {
            // Has its own deadline.
            let _ = sending.await;
        }
    }
}
