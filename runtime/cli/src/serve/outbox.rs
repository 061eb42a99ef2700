//! What goes to the client: whole lines, from any thread.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::protocol::{Fault, Id};

/// The way to the client. Clones are the same way.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    out: Mutex<Box<dyn Write + Send>>,
    gone: AtomicBool,
}

impl Outbox {
    /// One that writes to `out`.
    pub fn new(out: Box<dyn Write + Send>) -> Self {
        Self { inner: Arc::new(Inner { out: Mutex::new(out), gone: AtomicBool::new(false) }) }
    }

    /// Sends one message. A client that is gone is found out here, and by [`Self::gone`].
    pub fn send(&self, mut message: Value) {
        if let Value::Object(fields) = &mut message {
            fields.insert("jsonrpc".to_owned(), Value::from("2.0"));
        }
        let mut line = message.to_string();
        line.push('\n');
        let mut out = self.inner.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.inner.gone.store(true, Relaxed);
        }
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, params: Value) {
        self.send(json!({ "method": method, "params": params }));
    }

    /// Whether the client no longer listens.
    pub fn gone(&self) -> bool {
        self.inner.gone.load(Relaxed)
    }

    /// Where the answer to the request `id` goes.
    pub fn reply(&self, id: Option<Id>) -> Reply {
        Reply { id, outbox: self.clone() }
    }
}

/// The answer that a request still has to get. It gets one in any case: one that is dropped says so.
pub struct Reply {
    id: Option<Id>,
    outbox: Outbox,
}

impl Reply {
    /// Answers.
    pub fn answer(mut self, result: Result<Value, Fault>) {
        self.send(result);
    }

    fn send(&mut self, result: Result<Value, Fault>) {
        // A notification gets no answer.
        let Some(id) = self.id.take() else { return };
        self.outbox.send(match result {
            Ok(result) => json!({ "id": id, "result": result }),
            Err(fault) => json!({ "id": id, "error": fault.value() }),
        });
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.send(Err(Fault::new("closed", "the session was closed before this was done")));
    }
}
