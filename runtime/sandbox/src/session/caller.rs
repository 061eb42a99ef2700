//! The way from the guest's thread to whoever runs the session.
//!
//! A run's guest gets a thread of its own, with a stack that fits it whatever the caller's thread has; the caller's
//! thread meanwhile answers the guest's tool calls and shows its output. So a [`ToolHost`] and an output sink need not
//! be `Send`, and every tool call runs where the caller expects it.

use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;

use crate::branch::{Branch, ToolHost};
use crate::budget::Budget;
use crate::judging::ToolInfo;
use crate::types::{Failure, Outcome};
use crate::wasi::stdio::Channel;

/// Shown what a run prints, as it is made.
pub(crate) type Sink<'sink> = dyn FnMut(Channel, &[u8]) + 'sink;

/// What the guest's thread asks for.
pub(crate) enum Ask {
    /// The list of tools.
    Tools,
    /// A tool call.
    Invoke(Box<(String, Value, Branch, Budget)>),
    /// Shows output; no answer is waited for.
    Show(Channel, Vec<u8>),
}

/// The answer.
pub(crate) enum Answer {
    /// To [`Ask::Tools`].
    Tools(Vec<ToolInfo>),
    /// To [`Ask::Invoke`]: the outcome, and the branch as the tool left it.
    Invoked(Box<(Result<Outcome, Failure>, Branch)>),
}

/// The guest's end.
pub(crate) struct Caller {
    asks: Sender<Ask>,
    answers: Receiver<Answer>,
}

/// The other end.
pub(crate) struct Desk {
    asks: Receiver<Ask>,
    answers: Sender<Answer>,
}

/// The caller's thread is gone, in a panic.
#[derive(Debug, thiserror::Error)]
#[error("the caller of the session went away")]
pub(crate) struct Gone;

/// Both ends.
pub(crate) fn line() -> (Caller, Desk) {
    let (ask, asks) = channel();
    let (answer, answers) = channel();
    (Caller { asks: ask, answers }, Desk { asks, answers: answer })
}

impl Caller {
    /// The list of tools.
    pub fn tools(&self) -> Result<Vec<ToolInfo>, Gone> {
        self.asks.send(Ask::Tools).map_err(|_| Gone)?;
        match self.answers.recv() {
            Ok(Answer::Tools(tools)) => Ok(tools),
            _ => Err(Gone),
        }
    }

    /// Calls a tool. It waits as long as the tool host takes, which works on `budget`.
    pub fn invoke(
        &self,
        name: String,
        arguments: Value,
        branch: Branch,
        budget: Budget,
    ) -> Result<(Result<Outcome, Failure>, Branch), Gone> {
        self.asks.send(Ask::Invoke(Box::new((name, arguments, branch, budget)))).map_err(|_| Gone)?;
        match self.answers.recv() {
            Ok(Answer::Invoked(answer)) => Ok(*answer),
            _ => Err(Gone),
        }
    }

    /// Something that shows output to the caller.
    pub fn shower(&self) -> impl FnMut(Channel, &[u8]) + Send + use<> {
        let asks = self.asks.clone();
        move |channel, bytes| {
            // Nobody there to look: the output is kept for the report anyway.
            let _ = asks.send(Ask::Show(channel, bytes.to_vec()));
        }
    }
}

impl Desk {
    /// Answers until the guest's end is dropped.
    pub fn serve(self, tools: &mut dyn ToolHost, mut sink: Option<&mut Sink<'_>>) {
        for ask in self.asks {
            let answer = match ask {
                Ask::Tools => Answer::Tools(tools.tools()),
                Ask::Invoke(ask) => {
                    let (name, arguments, mut branch, budget) = *ask;
                    let outcome = tools.invoke(&name, &arguments, &mut branch, &budget);
                    Answer::Invoked(Box::new((outcome, branch)))
                }
                Ask::Show(channel, bytes) => {
                    if let Some(sink) = &mut sink {
                        sink(channel, &bytes);
                    }
                    continue;
                }
            };
            if self.answers.send(answer).is_err() {
                return;
            }
        }
    }
}
