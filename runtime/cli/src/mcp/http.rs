//! Streamable HTTP. A request must hold the bearer token, be for a host of this server (a page that had its name resolved to
//! this machine is not), and come from no web page, or from one that the operator named.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::server::{Handler, Shared};
use super::{Token, limits};
use crate::exit::{CommandError, Exit};

/// Where the protocol is.
const PATH: &str = "/mcp";

/// Where the server listens and whom it lets in.
pub struct Door {
    /// The address.
    pub address: SocketAddr,
    /// Who has this may come in.
    pub token: Token,
    /// Names of this server, beside those of this machine itself.
    pub hosts: Vec<String>,
    /// Web pages that may ask.
    pub origins: Vec<String>,
}

type Service = StreamableHttpService<Handler, LocalSessionManager>;
type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Serves until it is told to stop.
pub async fn serve(shared: Arc<Shared>, door: Door, stop: Arc<Notify>) -> Result<(), CommandError> {
    let Door { address, token, hosts, origins } = door;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let message = format!("cannot listen on {address}: {error}; choose another port with --http");
        CommandError::new(Exit::BadInput, "address", message)
    })?;
    let address = listener.local_addr()?;
    let mut config = StreamableHttpServerConfig::default()
        .with_allowed_origins(origins)
        .enforce_origin_validation()
        .with_max_request_body_bytes(limits::MESSAGE_BYTES);
    config.allowed_hosts.extend(hosts);
    let places = Arc::new(Semaphore::new(limits::CLIENTS));
    let free = Arc::clone(&places);
    let handler = move || {
        let place = Arc::clone(&places).try_acquire_owned().map_err(|_| {
            std::io::Error::other(format!("{} clients are connected, the most there may be", limits::CLIENTS))
        })?;
        Ok(Handler::new(Arc::clone(&shared), Some(place)))
    };
    let ending = config.cancellation_token.clone();
    let mut manager = LocalSessionManager::default();
    manager.session_config.keep_alive = Some(limits::CLIENT_IDLE);
    let service = StreamableHttpService::new(handler, Arc::new(manager), config);
    let sockets = Arc::new(Semaphore::new(limits::SOCKETS));
    super::tell(&format!("listening on http://{address}{PATH}"));
    if !address.ip().is_loopback() {
        super::tell("others on the network can read the token on its way; put a proxy with TLS in front");
    }
    loop {
        // Beyond the most that there may be, a client waits until another one is done.
        let socket = tokio::select! {
            socket = Arc::clone(&sockets).acquire_owned() => socket,
            () = stop.notified() => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    // Too many files are open, for example: without a pause this loop would spin.
                    tokio::time::sleep(limits::PROGRESS).await;
                    continue;
                }
            },
            () = stop.notified() => break,
        };
        // An answer is several small writes; held back for the client's word on the first, it would take 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection will be slow");
        }
        let inside = Inside { service: service.clone(), token: token.clone(), free: Arc::clone(&free) };
        tokio::spawn(async move {
            connection(stream, inside).await;
            drop(socket);
        });
    }
    ending.cancel();
    Ok(())
}

/// What is behind the door.
#[derive(Clone)]
struct Inside {
    service: Service,
    token: Token,
    /// Places for clients that are free.
    free: Arc<Semaphore>,
}

async fn connection(stream: TcpStream, inside: Inside) {
    let answer = service_fn(|request| {
        let inside = inside.clone();
        async move { Ok::<_, Infallible>(answer(request, &inside).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(request: Request<Incoming>, Inside { service, token, free }: &Inside) -> Answer {
    // Before anything else of it is looked at.
    if !token.is_in(request.headers().get(AUTHORIZATION)) {
        let mut answer = refusal(StatusCode::UNAUTHORIZED, "the bearer token is missing or wrong");
        answer.headers_mut().insert(WWW_AUTHENTICATE, hyper::header::HeaderValue::from_static("Bearer"));
        return answer;
    }
    if request.uri().path() != PATH {
        return refusal(StatusCode::NOT_FOUND, "the protocol is at /mcp");
    }
    // A client that is here already has its place. (Who takes the last one at this moment makes it an error of the server.)
    if free.available_permits() == 0 && !request.headers().contains_key("mcp-session-id") {
        let message =
            format!("{} clients are connected, the most there may be; try again later", limits::CLIENTS);
        return refusal(StatusCode::SERVICE_UNAVAILABLE, &message);
    }
    let (head, body) = request.into_parts();
    let body = match timeout(limits::BODY, Limited::new(body, limits::MESSAGE_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let message = format!("the request is broken or longer than {} bytes", limits::MESSAGE_BYTES);
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, &message);
        }
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive"),
    };
    service.handle(Request::from_parts(head, Full::new(body))).await
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{message}\n"))).boxed());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
