//! Where it is asked: bound, listened at, answered. One request a connection: nobody keeps one open, and nothing has to wake for it.

use super::{KEY, ListenError, Published, exposition, health};
use crate::clock;
use crate::config::Listen;
use crate::gate::http::{Answer, REQUEST_LIMIT, Request};
use crate::gate::seats::{Seat, Seats};
use crate::gate::socket::{self, ACCEPT_PAUSE, SocketFile};
use crate::gate::stream::{Stream, Unserved};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

/// How many connections are served at a time.
const CONNECTIONS_MAX: usize = 8;
/// What `/metrics` answers with.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

enum Door {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Door {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Door::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
            Door::Tcp(listener) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
        }
    }
}

/// A listener that runs. Dropped, it is gone.
pub(super) struct Server {
    task: JoinHandle<()>,
    _file: Option<SocketFile>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Begins to listen; `None` where nothing is configured.
    pub(super) fn start(
        address: &Listen,
        published: &watch::Sender<Published>,
    ) -> Result<Option<Server>, ListenError> {
        let (door, file) = match address {
            Listen::Nowhere => return Ok(None),
            Listen::Unix(path) => {
                let (listener, file) = socket::bind(path, KEY)?;
                (Door::Unix(listener), Some(file))
            }
            Listen::Tcp(address) => (Door::Tcp(port(*address)?), None),
        };
        Ok(Some(Server { task: tokio::spawn(accept(door, published.subscribe())), _file: file }))
    }
}

fn port(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = || {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    bound().map_err(|source| ListenError::Tcp { address, source })
}

async fn accept(door: Door, published: watch::Receiver<Published>) {
    let mut seats = Seats::default();
    loop {
        let Ok(stream) = door.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if seats.make_room(CONNECTIONS_MAX) {
            let published = published.clone();
            seats.seat(|seat| tokio::spawn(serve(stream, published, seat)).abort_handle());
        } else {
            // A fresh connection has room for a short answer: this does not wait for its peer.
            let busy = Answer::wrong(503, "too many connections: try again");
            stream.send(&busy.bytes(false, true)).await;
        }
        // Whoever has sent a request already is answered before the next one may take its seat.
        yield_now().await;
    }
}

async fn serve(stream: Stream, published: watch::Receiver<Published>, seat: Seat) {
    let received = timeout(REQUEST_LIMIT, stream.receive(&mut Vec::new())).await;
    seat.is_busy();
    let (answer, with_body) = match received {
        Ok(Ok(request)) => (answer(&request, &published), request.method != "HEAD"),
        Ok(Err(Unserved::Gone)) => return,
        Ok(Err(Unserved::Refused(answer))) => (answer, true),
        Err(_) => (Answer::wrong(408, "the request did not arrive in time"), true),
    };
    stream.send(&answer.bytes(false, with_body)).await;
}

fn answer(request: &Request, published: &watch::Receiver<Published>) -> Answer {
    let published = || published.borrow().clone();
    let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
    match request.path.as_str() {
        "/metrics" | "/healthz" | "/readyz" if !is_read => Answer::wrong_method("GET"),
        "/metrics" => match published() {
            Some(turn) => Answer { media: EXPOSITION, ..Answer::new(200, exposition::write(&turn.figures)) },
            None => Answer::wrong(503, "the agent has only just begun"),
        },
        "/healthz" => health::alive(&published(), clock::mono_ms()),
        "/readyz" => health::ready(&published(), clock::mono_ms()),
        _ => Answer::wrong(404, "there are /metrics, /healthz and /readyz"),
    }
}
