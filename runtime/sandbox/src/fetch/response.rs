//! Reads a response, strictly: what two readers could take for different things is refused.
//!
//! Line ends are CRLF, there is one length or chunks and never both or two, and a body that ends early is an
//! error and not a short body.

use super::wire::Wire;
use super::{Code, Fault};
use crate::budget::{Budget, Resource};
use crate::egress::Method;
use crate::limits;

/// A response before secrets are taken out of it.
pub(super) struct Raw {
    pub status: u16,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// At least as much as was wanted, if there was that much.
    pub body: Vec<u8>,
    /// Whether the body's end was reached.
    pub whole: bool,
}

enum Framing {
    Empty,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What has been read of the connection and not been used yet.
struct Inbox<'a, 'w> {
    wire: &'a mut Wire<'w>,
    budget: &'a Budget,
    bytes: Vec<u8>,
    at: usize,
}

/// Reads a response with at most `wanted` bytes of its body (and a little more).
pub(super) fn read(
    wire: &mut Wire<'_>,
    budget: &Budget,
    method: Method,
    wanted: usize,
) -> Result<Raw, Fault> {
    let mut inbox = Inbox { wire, budget, bytes: Vec::new(), at: 0 };
    let mut room = limits::FETCH_HEAD_BYTES;
    loop {
        let head = inbox.until(b"\r\n\r\n", room, "the response's headers")?;
        room -= head.len();
        let (status, version, headers) = parse_head(&head)?;
        if status == 101 {
            return Err(wrong("the server wants another protocol"));
        }
        // Interim responses; they count as part of the head, so there cannot be many.
        if status < 200 {
            continue;
        }
        let framing = framing_of(status, version, method, &headers)?;
        let (body, whole) = inbox.body(&framing, wanted)?;
        return Ok(Raw { status, headers, body, whole });
    }
}

fn wrong(message: impl Into<String>) -> Fault {
    Fault::wrong(Code::Protocol, message)
}

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// Status, minor version and headers.
fn parse_head(head: &[u8]) -> Result<(u16, u8, Headers), Fault> {
    let stray = head.iter().enumerate().any(|(at, byte)| match byte {
        b'\n' => at == 0 || head[at - 1] != b'\r',
        b'\r' => head.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    if stray {
        return Err(wrong("the response's headers have a line end that is none"));
    }
    let mut headers = [httparse::EMPTY_HEADER; limits::FETCH_RESPONSE_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(wrong("the response's headers are not whole")),
        Err(httparse::Error::TooManyHeaders) => {
            let message = format!("the response has more than {} headers", limits::FETCH_RESPONSE_HEADERS);
            return Err(Fault::wrong(Code::TooLarge, message));
        }
        Err(error) => return Err(wrong(format!("the server's answer is not HTTP/1.1: {error}"))),
    }
    let (Some(status @ 100..=599), Some(version)) = (response.code, response.version) else {
        return Err(wrong("the response has no status from 100 to 599"));
    };
    let headers = response
        .headers
        .iter()
        .map(|header| (header.name.as_bytes().to_vec(), header.value.to_vec()))
        .collect();
    Ok((status, version, headers))
}

/// Where the body ends.
fn framing_of(status: u16, version: u8, method: Method, headers: &Headers) -> Result<Framing, Fault> {
    let values = |name: &[u8]| -> Vec<&[u8]> {
        let named = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    };
    let lengths = values(b"content-length");
    let codings = values(b"transfer-encoding");
    if !codings.is_empty() && !lengths.is_empty() {
        return Err(wrong("the response has both a length and a transfer encoding"));
    }
    if lengths.len() > 1 {
        return Err(wrong("the response has more than one length"));
    }
    let length = lengths.first().map(|text| length_of(text)).transpose()?;
    match codings.as_slice() {
        [] => {}
        [coding] if coding.eq_ignore_ascii_case(b"chunked") && version == 1 => {}
        _ => return Err(wrong("the response has a transfer encoding other than chunked")),
    }
    Ok(if method == Method::Head || status == 204 || status == 304 {
        Framing::Empty
    } else if !codings.is_empty() {
        Framing::Chunked
    } else {
        length.map_or(Framing::UntilClose, Framing::Length)
    })
}

fn length_of(text: &[u8]) -> Result<u64, Fault> {
    let digits = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    number.ok_or_else(|| wrong("the response has a length that is no number"))
}

impl Inbox<'_, '_> {
    /// Reads more; false at the end of the connection.
    fn fill(&mut self) -> Result<bool, Fault> {
        // What was used is dropped, so that a long body does not stay twice in memory.
        self.bytes.drain(..self.at);
        self.at = 0;
        let count = self.wire.read(&mut self.bytes)?;
        self.budget
            .charge(Resource::Fetched, count as u64)
            .map_err(|stop| Fault::wrong(Code::TooLarge, stop.to_string()))?;
        Ok(count > 0)
    }

    /// Everything up to and with `end`, which comes within `most` bytes.
    fn until(&mut self, end: &[u8], most: usize, what: &str) -> Result<Vec<u8>, Fault> {
        let mut searched = 0;
        loop {
            let unread = &self.bytes[self.at..];
            // Only what is new is looked at, or one byte at a time would make this quadratic.
            let from = searched.min(unread.len());
            let found = unread[from..].windows(end.len()).position(|window| window == end);
            if let Some(length) = found.map(|at| from + at + end.len()).filter(|length| *length <= most) {
                let found = unread[..length].to_vec();
                self.at += length;
                return Ok(found);
            }
            if found.is_some() || unread.len() > most {
                return Err(Fault::wrong(Code::TooLarge, format!("{what} have more than {most} bytes")));
            }
            searched = unread.len().saturating_sub(end.len() - 1);
            if !self.fill()? {
                return Err(wrong(format!("the connection ended within {what}")));
            }
        }
    }

    /// Moves bytes of the body, at most `count`; 0 at the end of the connection.
    fn take(&mut self, count: u64, into: &mut Vec<u8>) -> Result<u64, Fault> {
        if self.at == self.bytes.len() && !self.fill()? {
            return Ok(0);
        }
        let unread = &self.bytes[self.at..];
        let taken = usize::try_from(count).unwrap_or(usize::MAX).min(unread.len());
        into.extend_from_slice(&unread[..taken]);
        self.at += taken;
        Ok(taken as u64)
    }

    /// The body, or as much of it as is wanted, and whether that is all.
    fn body(&mut self, framing: &Framing, wanted: usize) -> Result<(Vec<u8>, bool), Fault> {
        let mut body = Vec::new();
        match framing {
            Framing::Empty => Ok((body, true)),
            Framing::Length(length) => {
                let whole = self.counted(*length, wanted, &mut body)?;
                Ok((body, whole))
            }
            Framing::UntilClose => {
                // No more than the wanted bytes and one, which says that there are more.
                while body.len() <= wanted {
                    let most = (wanted + 1 - body.len()) as u64;
                    if self.take(most, &mut body)? == 0 {
                        return Ok((body, true));
                    }
                }
                Ok((body, false))
            }
            Framing::Chunked => loop {
                let size = self.chunk_size()?;
                if size == 0 {
                    self.trailers()?;
                    return Ok((body, true));
                }
                if !self.counted(size, wanted, &mut body)? {
                    return Ok((body, false));
                }
                let mut end = Vec::new();
                while end.len() < 2 && self.take(2 - end.len() as u64, &mut end)? > 0 {}
                if end != b"\r\n" {
                    return Err(wrong("a chunk does not end where it says"));
                }
            },
        }
    }

    /// Reads `length` bytes unless there are more than wanted in all; whether it read them.
    fn counted(&mut self, length: u64, wanted: usize, body: &mut Vec<u8>) -> Result<bool, Fault> {
        let mut left = length;
        while left > 0 {
            let room = (wanted + 1).saturating_sub(body.len());
            if room == 0 {
                return Ok(false);
            }
            let taken = self.take(left.min(room as u64), body)?;
            if taken == 0 {
                return Err(wrong(format!("the connection ended {left} bytes before the body's end")));
            }
            left -= taken;
        }
        Ok(true)
    }

    fn chunk_size(&mut self) -> Result<u64, Fault> {
        let line = self.until(b"\r\n", limits::FETCH_CHUNK_LINE_BYTES, "a chunk's size")?;
        let line = &line[..line.len() - 2];
        // Extensions mean nothing to us.
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = digits.trim_ascii_end();
        let size = std::str::from_utf8(digits)
            .ok()
            .filter(|text| (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| u64::from_str_radix(text, 16).ok());
        let stray = line.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        size.filter(|_| !stray).ok_or_else(|| wrong("a chunk has a size that is no number"))
    }

    /// Reads what may follow the last chunk, and drops it.
    fn trailers(&mut self) -> Result<(), Fault> {
        let mut room = limits::FETCH_HEAD_BYTES;
        loop {
            let line = self.until(b"\r\n", room, "the trailers")?;
            room -= line.len();
            if line.len() == 2 {
                return Ok(());
            }
        }
    }
}
