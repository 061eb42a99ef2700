//! `sport exec --serve`: another program drives the sandbox, over this process' standard input and output.
//!
//! The client is trusted (it could start `sport` with anything); the code that it hands over is not. One thread reads what the
//! client sends and never waits for code; every session has a thread of its own. When the input ends, whatever runs is
//! cancelled and the server ends.
//!
//! # Layout
//!
//! * `lines`: what comes in, of bounded length; `outbox`: what goes out; `protocol`: the messages in between;
//! * `server`: the sessions by their names; `session`: what one of them does; `tools`: what its code may call;
//! * `limits`: what bounds all this.

mod limits;
mod lines;
mod outbox;
mod protocol;
mod server;
mod session;
mod tools;

use std::io::BufRead;
use std::sync::Arc;

use serde_json::json;

use crate::exit::{CommandError, Exit};
use lines::Line;
use outbox::{Outbox, Reply};
use protocol::{Fault, Id, Message, Request};
use server::Server;
pub use server::Setup;
use session::Job;

/// Serves until the input ends or nobody listens.
pub fn serve(setup: Setup) -> Result<Exit, CommandError> {
    let outbox = Outbox::new(Box::new(std::io::stdout()));
    let server = Arc::new(Server::new(setup, outbox));
    let result = read(&server, &mut std::io::stdin().lock());
    server.shut();
    result.map(|()| Exit::Done)
}

fn read(server: &Arc<Server>, input: &mut impl BufRead) -> Result<(), CommandError> {
    while !server.outbox.gone() {
        let line = match lines::next(input, limits::LINE_BYTES)? {
            Line::End => break,
            Line::TooLong => {
                let message = format!("a line is longer than {} bytes", limits::LINE_BYTES);
                refuse(server, &Fault::message(message));
                continue;
            }
            Line::Bytes(line) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Line::Bytes(line) => line,
        };
        match serde_json::from_slice(&line) {
            Ok(message) => take(server, message),
            Err(error) if error.is_data() => refuse(server, &Fault::message(error.to_string())),
            Err(error) => refuse(server, &Fault::parse(error.to_string())),
        }
    }
    Ok(())
}

/// An error about something that has no id.
fn refuse(server: &Server, fault: &Fault) {
    server.outbox.send(json!({ "id": null, "error": fault.value() }));
}

fn take(server: &Arc<Server>, message: Message) {
    let Message { id, method, params, result, error } = message;
    match (method, id, result, error) {
        (Some(method), id, None, None) => {
            let reply = server.outbox.reply(id.clone());
            match Request::parse(&method, params) {
                Ok(request) => begin(server, request, id, reply),
                Err(fault) => reply.answer(Err(fault)),
            }
        }
        (None, Some(id), Some(result), None) => server.asks.answered(&id, Ok(result)),
        (None, Some(id), None, Some(error)) => server.asks.answered(&id, Err(error)),
        _ => refuse(server, &Fault::message("neither a request nor an answer to one".to_owned())),
    }
}

/// Begins to do what is asked; whoever does it answers.
fn begin(server: &Arc<Server>, request: Request, id: Option<Id>, reply: Reply) {
    match request {
        Request::Hello(hello) => reply.answer(server.describe(&hello)),
        Request::Open(open) => reply.answer(server.open(open)),
        Request::Run(run) => match server.begun(id.as_ref()) {
            Ok(begun) => {
                let session = run.session.clone();
                server.give(&session, Job::Run(run, id, begun), reply);
            }
            Err(fault) => reply.answer(Err(fault)),
        },
        Request::Fork(of) => {
            server.give(&of.session, Job::Fork, reply);
        }
        Request::Close(of) => server.close(&of.session, reply),
        Request::Cancel(cancel) => reply.answer(Ok(server.cancel(&cancel))),
        Request::Sessions => reply.answer(Ok(json!({ "sessions": server.names() }))),
        Request::ListFiles(of) => {
            server.give(&of.session, Job::ListFiles, reply);
        }
        Request::ReadFile(which) => {
            server.give(&which.session.clone(), Job::ReadFile(which), reply);
        }
        Request::ReadArtifact(which) => {
            server.give(&which.session.clone(), Job::ReadArtifact(which), reply);
        }
    }
}
