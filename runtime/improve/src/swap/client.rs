//! Asking a run that goes on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::control::{LONGEST, address};
use super::protocol::{Reply, Request};
use crate::error::Error;

/// How long an answer may take: a newcomer is compiled and tried meanwhile, and a critic asks its model.
const ANSWER: Duration = Duration::from_secs(900);

/// Asks the process that works on a run. None when none does.
pub fn ask(run: &Path, request: &Request) -> Result<Option<Reply>, Error> {
    let socket = address(run)?;
    let mut stream = match UnixStream::connect(socket.path()) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Error::io("connect to", socket.shown())(error)),
    };
    let failed = |action| Error::io(action, socket.shown());
    stream.set_read_timeout(Some(ANSWER)).map_err(failed("ask"))?;
    let mut line = serde_json::to_string(request).map_err(|error| Error::Internal(error.to_string()))?;
    line.push('\n');
    stream.write_all(line.as_bytes()).map_err(failed("ask"))?;
    let mut answer = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut answer).map_err(failed("read the answer of"))?;
    let reply = serde_json::from_str(&answer)
        .map_err(|error| Error::Internal(format!("the run's answer cannot be read: {error}")))?;
    Ok(Some(reply))
}
