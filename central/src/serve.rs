//! Sockets: accepts connections, speaks TLS and HTTP, bounds everything, and ends in order.

use crate::clock::Clock;
use crate::http::{self, Problem};
use crate::rate::Rates;
use crate::tls::Tls;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a request's headers may take, and how long a connection may be idle.
const HEADERS: Duration = Duration::from_secs(60);
/// How long a whole request may take, its body with it.
const REQUEST: Duration = Duration::from_secs(60);
/// The same for a bundle: up to 64 MiB, from hosts that may be far away.
const BUNDLE: Duration = Duration::from_secs(900);
/// How long requests may go on after the server was told to end.
const DRAIN: Duration = Duration::from_secs(4);
/// How long nothing is accepted after the system had no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Room for a request's headers, in bytes.
const HEADERS_MAX_BYTES: usize = 64 * 1024;

/// Who asks: the other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What one server bounds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: u32,
    /// Requests a second from one address; 0 is without a limit.
    pub requests_per_s: u32,
}

/// What connections share.
#[derive(Clone)]
struct Shared {
    router: Router,
    rates: Arc<Rates>,
    ending: watch::Receiver<bool>,
}

/// Serves until `ending` turns true, and lets requests come to their end, for a few seconds at the most.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<Tls>,
    router: Router,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(limits.connections as usize));
    let rates = Arc::new(Rates::new(limits.requests_per_s));
    let shared = Shared { router, rates, ending: ending.clone() };
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = ended(&mut ending) => break,
        };
        match accepted {
            Ok((stream, peer, turn)) => {
                let (tls, shared) = (tls.config(), shared.clone());
                tokio::spawn(async move {
                    connection(stream, peer, TlsAcceptor::from(tls), shared).await;
                    drop(turn);
                });
            }
            // No descriptors left, or the other end has gone already.
            Err(error) => {
                tracing::debug!(error = %error, "accept_failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Who is not done by then is cut off.
    let _ = timeout(DRAIN, room.acquire_many(limits.connections)).await;
}

/// Waits until the server is to end; one that nobody can tell to has been told.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|end| *end).await;
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let turn = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, turn))
}

async fn connection(stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor, shared: Shared) {
    let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(peer = %peer, error = %error, "handshake_failed"),
        Err(_) => return tracing::debug!(peer = %peer, error = "too slow", "handshake_failed"),
    };
    let mut ending = shared.ending.clone();
    let ip = peer.ip().to_canonical();
    let service = service_fn(move |request| respond(request, ip, shared.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADERS_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = ended(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %peer, error = %error, "connection_failed");
    }
}

async fn respond(
    mut request: Request<Incoming>,
    ip: IpAddr,
    mut shared: Shared,
) -> Result<Response<Body>, Infallible> {
    if !shared.rates.allow(ip, Clock.monotonic()) {
        let problem = Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "this address asks too often",
            "wait as long as Retry-After says; whoever runs central can raise --rate-limit",
        );
        return Ok(problem.retry_after(1).into_response());
    }
    request.extensions_mut().insert(Peer(ip));
    let limit = if http::takes_bundles(request.uri().path()) { BUNDLE } else { REQUEST };
    match timeout(limit, shared.router.call(request)).await {
        Ok(response) => response,
        Err(_) => Ok(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the request took too long",
            "send it again",
        )
        .into_response()),
    }
}
