//! Requests over TLS, against a server with an authority of its own.
//!
//! * a certificate that the operator trusts, for a name and for an address; a request larger than TLS's buffers
//! * an unknown authority, another name, an expired certificate: `tls`, and no byte of the request has left
//! * a server that speaks no TLS, that closes or says nothing during the handshake
//! * a body that ends without TLS's own end is an error; a secret is scrubbed behind TLS too

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sport_sandbox::{Egress, Grants, HostRule};

use crate::net::{Ask, Body, Connection, Header, Names, Server, ask, get, secret, with_body, write};
use crate::support::Bench;

/// An authority, and a server certificate of it.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(certificate.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server's settings for these names.
    fn server(&self, names: &[&str], expired: bool) -> Arc<ServerConfig> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }

    fn grants(&self, server: &Server) -> Grants {
        let rules = ["https://api.example.com", "https://127.0.0.1"]
            .map(|host| HostRule::parse(&format!("{host}:{}", server.port)).unwrap().allowing_private());
        let egress = Egress::new(rules.to_vec()).with_resolver(Names::new(&[&["127.0.0.1"]]));
        Grants::none().with_egress(egress.with_roots(self.pem.as_bytes()).unwrap())
    }
}

fn serving(
    config: Arc<ServerConfig>,
    answer: impl Fn(&str, &mut dyn Connection) + Send + Sync + 'static,
) -> Server {
    let wrap = move |stream: TcpStream| -> Box<dyn Connection> {
        Box::new(Polite(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)))
    };
    Server::wrapped(wrap, answer)
}

/// Says goodbye when it is dropped.
struct Polite(StreamOwned<ServerConnection, TcpStream>);

impl std::io::Read for Polite {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Polite {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Polite {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
    }
}

fn at(server: &Server, host: &str) -> String {
    format!("https://{host}:{}/", server.port)
}

#[test]
fn trusted_servers() {
    let bench = Bench::new();
    let authority = Authority::new();
    let server = serving(authority.server(&["api.example.com", "127.0.0.1"], false), |request, out| {
        write(out, with_body(&request.len().to_string()).as_bytes());
    });
    let big = Ask { method: "PUT", body: Body::Zeros(1 << 20), ..get(at(&server, "127.0.0.1")) };
    let seen = ask(&bench, &authority.grants(&server), &[get(at(&server, "api.example.com")), big]);
    assert!(seen[0].body().parse::<usize>().unwrap() < 300);
    assert!(seen[1].body().parse::<usize>().unwrap() > 1 << 20);

    let until_close = serving(authority.server(&["api.example.com"], false), |_, out| {
        write(out, b"HTTP/1.1 200 OK\r\n\r\nto the end");
    });
    let seen = ask(&bench, &authority.grants(&until_close), &[get(at(&until_close, "api.example.com"))]);
    assert_eq!(seen[0].body(), "to the end");
}

#[test]
fn servers_that_prove_nothing() {
    let bench = Bench::new();
    let (authority, stranger) = (Authority::new(), Authority::new());
    for config in [
        stranger.server(&["api.example.com"], false),
        authority.server(&["other.example.com"], false),
        authority.server(&["api.example.com"], true),
    ] {
        let server = serving(config, |_, out| write(out, with_body("reached").as_bytes()));
        let seen = ask(&bench, &authority.grants(&server), &[get(at(&server, "api.example.com"))]);
        assert_eq!(seen[0].error(), ("tls", false), "{seen:?}");
        assert!(seen[0].message().contains("certificate"), "{seen:?}");
        assert!(server.requests().is_empty());
    }
    // Not TLS at all, gone at once, and silent.
    let ask_raw = |server: &Server| {
        let quick = Ask { timeout_ms: Some(300), ..get(at(server, "api.example.com")) };
        ask(&bench, &authority.grants(server), &[quick])[0].error()
    };
    let plain = |first: &'static [u8]| {
        let wrap = move |mut stream: TcpStream| -> Box<dyn Connection> {
            let _ = stream.write_all(first);
            if first.is_empty() {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
            Box::new(stream)
        };
        Server::wrapped(wrap, |_, _| {})
    };
    assert_eq!(ask_raw(&plain(b"HTTP/1.1 400 Bad Request\r\n\r\n")), ("tls", false));
    assert_eq!(ask_raw(&plain(b"")), ("tls", false));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let rule = HostRule::parse(&format!("127.0.0.1:{port}")).unwrap();
    let grants = Grants::none().with_egress(Egress::new(vec![rule]));
    let quick = Ask { timeout_ms: Some(100), ..get(format!("https://127.0.0.1:{port}/")) };
    assert_eq!(ask(&bench, &grants, &[quick])[0].error(), ("deadline", false));
    assert!(Egress::default().with_roots(b"nothing").is_err());
}

#[test]
fn a_body_that_is_cut_off() {
    let bench = Bench::new();
    let authority = Authority::new();
    let config = authority.server(&["api.example.com"], false);
    let wrap = move |stream: TcpStream| -> Box<dyn Connection> {
        Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream))
    };
    let server = Server::wrapped(wrap, |_, out| write(out, b"HTTP/1.1 200 OK\r\n\r\nhalf of"));
    let seen = ask(&bench, &authority.grants(&server), &[get(at(&server, "api.example.com"))]);
    assert_eq!(seen[0].error(), ("protocol", true));
}

#[test]
fn secrets_behind_tls() {
    let bench = Bench::new();
    let authority = Authority::new();
    let server = serving(authority.server(&["api.example.com"], false), |request, out| {
        write(out, with_body(request).as_bytes());
    });
    let bound = format!("api.example.com:{}", server.port);
    let grants = authority.grants(&server).with_secrets(secret("token", "hunter2-hunter2", &[&bound]));
    let with_token =
        |host| Ask { headers: vec![("x-token", Header::Secret("", "token"))], ..get(at(&server, host)) };
    let seen = ask(&bench, &grants, &[with_token("api.example.com"), with_token("127.0.0.1")]);
    assert!(seen[0].body().contains("x-token: [secret token]\r\n"), "{seen:?}");
    assert!(server.requests()[0].contains("x-token: hunter2-hunter2\r\n"));
    assert_eq!(seen[1].error(), ("denied", false));
}
