//! One connection for one request: a non-blocking socket to a checked address, with TLS or without.
//!
//! Reading and writing go on side by side, since a server may answer before it has read everything. Every
//! wait ends at a tick to ask the clock. `sent` is set where the system took the first byte that carries part
//! of the request, and nowhere else.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::clock::Clock;
use super::{Code, Fault};
use crate::egress::Host;
use crate::timeouts;

/// Bytes read in one go.
const CHUNK: usize = 16 << 10;

/// A connection on which one request is under way.
pub(super) struct Wire<'a> {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    clock: &'a Clock<'a>,
    /// Whether a byte of the request may have left this machine.
    sent: &'a Cell<bool>,
    request: &'a [u8],
    /// How much of the request was given to the socket or to TLS.
    written: usize,
    /// The server reads no more; what it has to say may still be there.
    deaf: bool,
}

impl<'a> Wire<'a> {
    /// Connects to the first address that answers.
    pub fn dial(addresses: &[SocketAddr], clock: &'a Clock<'a>, sent: &'a Cell<bool>) -> Result<Self, Fault> {
        let mut last = "it has no address".to_owned();
        for address in addresses {
            match try_address(*address, clock)? {
                Ok(socket) => {
                    return Ok(Self {
                        socket,
                        tls: None,
                        clock,
                        sent,
                        request: &[],
                        written: 0,
                        deaf: false,
                    });
                }
                Err(reason) => last = reason,
            }
        }
        Err(Fault::wrong(Code::Connect, format!("cannot connect: {last}")))
    }

    /// Agrees on TLS; the server must prove that it is `host`.
    pub fn secure(&mut self, host: &Host, config: Arc<ClientConfig>) -> Result<(), Fault> {
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone())
                .map_err(|error| Fault::wrong(Code::Tls, error.to_string()))?,
            Host::Address(address) => ServerName::IpAddress((*address).into()),
        };
        let tls = ClientConnection::new(config, name).map_err(|error| tls_fault(&error))?;
        self.tls = Some(tls);
        // Also until nothing of the handshake waits to be written: what leaves after that is the request.
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking() || tls.wants_write()) {
            self.clock.check()?;
            let moved = self.write_records()? | self.read_records()?;
            if self.deaf {
                return Err(Fault::wrong(Code::Tls, "the server closed the connection during the handshake"));
            }
            if !moved {
                self.wait()?;
            }
        }
        Ok(())
    }

    /// Begins to send the request; it goes out while [`Self::read`] waits.
    pub fn send(&mut self, request: &'a [u8]) {
        self.request = request;
    }

    /// Reads what there is, at least a byte; 0 at the end.
    pub fn read(&mut self, into: &mut Vec<u8>) -> Result<usize, Fault> {
        loop {
            self.clock.check()?;
            let written = self.write()?;
            let mut chunk = [0; CHUNK];
            let found = match &mut self.tls {
                None => self.socket.read(&mut chunk),
                Some(tls) => tls.reader().read(&mut chunk),
            };
            match found {
                Ok(count) => {
                    into.extend_from_slice(&chunk[..count]);
                    return Ok(count);
                }
                Err(error) if is_pause(&error) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(broken("the connection was cut off"));
                }
                Err(error) => return Err(broken(&error.to_string())),
            }
            if !written && !self.read_records()? {
                self.wait()?;
            }
        }
    }

    /// Writes some of the request; whether anything moved.
    fn write(&mut self) -> Result<bool, Fault> {
        if self.deaf {
            return Ok(false);
        }
        let left = &self.request[self.written..];
        if let Some(tls) = &mut self.tls {
            let taken = if left.is_empty() {
                0
            } else {
                tls.writer().write(left).map_err(|error| broken(&error.to_string()))?
            };
            self.written += taken;
            return Ok(self.write_records()? || taken > 0);
        }
        if left.is_empty() {
            return Ok(false);
        }
        match self.socket.write(left) {
            Ok(count) => {
                self.written += count;
                self.sent.set(self.sent.get() || count > 0);
                Ok(count > 0)
            }
            Err(error) if is_pause(&error) => Ok(false),
            Err(_) => {
                self.deaf = true;
                Ok(true)
            }
        }
    }

    /// Gives TLS records to the socket; whether any byte went.
    fn write_records(&mut self) -> Result<bool, Fault> {
        let Some(tls) = &mut self.tls else { return Ok(false) };
        let mut moved = false;
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(0) => break,
                Ok(_) => {
                    moved = true;
                    // The handshake was written out before the request was begun.
                    self.sent.set(self.sent.get() || self.written > 0);
                }
                Err(error) if is_pause(&error) => break,
                Err(_) => {
                    self.deaf = true;
                    return Ok(true);
                }
            }
        }
        Ok(moved)
    }

    /// Takes TLS records from the socket; whether any byte came, or the end.
    fn read_records(&mut self) -> Result<bool, Fault> {
        let Some(tls) = &mut self.tls else { return Ok(false) };
        if !tls.wants_read() {
            return Ok(false);
        }
        match tls.read_tls(&mut self.socket) {
            Ok(count) => {
                if count == 0 && tls.is_handshaking() {
                    self.deaf = true;
                }
                if let Err(error) = tls.process_new_packets() {
                    // The alert that tells the server why.
                    let _ = tls.write_tls(&mut self.socket);
                    return Err(tls_fault(&error));
                }
                Ok(true)
            }
            Err(error) if is_pause(&error) => Ok(false),
            Err(error) if tls.is_handshaking() => {
                Err(Fault::wrong(Code::Tls, format!("the connection broke during the handshake: {error}")))
            }
            Err(error) => Err(broken(&error.to_string())),
        }
    }

    fn wait(&self) -> Result<(), Fault> {
        let pending = match &self.tls {
            Some(tls) => tls.wants_write() || self.written < self.request.len(),
            None => self.written < self.request.len(),
        };
        let mut wanted = PollFlags::IN;
        if pending && !self.deaf {
            wanted |= PollFlags::OUT;
        }
        self.clock.wait(&self.socket, wanted, None).map(drop)
    }
}

/// Connects to one address; the inner error is a reason to try the next.
fn try_address(address: SocketAddr, clock: &Clock<'_>) -> Result<Result<TcpStream, String>, Fault> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let begin = || -> io::Result<(TcpStream, bool)> {
        let socket = TcpStream::from(socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?);
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        match connect(&socket, &address) {
            Ok(()) => Ok((socket, true)),
            Err(Errno::INPROGRESS | Errno::INTR) => Ok((socket, false)),
            Err(error) => Err(error.into()),
        }
    };
    let (socket, connected) = match begin() {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if connected {
        return Ok(Ok(socket));
    }
    if !clock.wait(&socket, PollFlags::OUT, Some(Instant::now() + timeouts::FETCH_CONNECT))? {
        return Ok(Err(format!("no answer within {} ms", timeouts::FETCH_CONNECT.as_millis())));
    }
    Ok(match sockopt::socket_error(&socket) {
        Ok(Ok(())) => Ok(socket),
        Ok(Err(error)) | Err(error) => Err(io::Error::from(error).to_string()),
    })
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn broken(reason: &str) -> Fault {
    Fault::wrong(Code::Protocol, format!("the connection broke before the answer was whole: {reason}"))
}

fn tls_fault(error: &rustls::Error) -> Fault {
    Fault::wrong(Code::Tls, format!("no trusted TLS connection: {error}"))
}
