//! A TLS server that answers what a test tells it to, byte for byte.

use super::authority::{Authority, Pair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What a server does when it was asked.
pub(crate) enum Act {
    /// Sends these bytes, and waits for the next request.
    Say(Vec<u8>),
    /// Sends these bytes, and closes the connection.
    Break(Vec<u8>),
    /// Sends these bytes, and then nothing until the client goes.
    Stall(Vec<u8>),
    /// Sends these bytes, and then the same byte again and again: at once, or one in a while.
    Forever(Vec<u8>, bool),
}

type Script = Arc<dyn Fn(&Request) -> Act + Send + Sync>;

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    /// How many connections are open.
    pub(crate) open: Arc<AtomicUsize>,
}

impl Server {
    /// A server at localhost with a good certificate.
    pub(crate) fn start(script: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let pair = authority.server(&["localhost", "127.0.0.1"]);
        Self::with(&pair, None, &authority, script)
    }

    /// A server with this certificate.
    pub(crate) fn with(
        pair: &Pair,
        clients: Option<&Authority>,
        authority: &Authority,
        script: impl Fn(&Request) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, open) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let server = Server {
            port,
            ca_pem: authority.pem.clone(),
            requests: Arc::clone(&requests),
            open: Arc::clone(&open),
        };
        let (tls, script): (_, Script) = (pair.tls(clients), Arc::new(script));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let (tls, script) = (Arc::clone(&tls), Arc::clone(&script));
                let (requests, open) = (Arc::clone(&requests), Arc::clone(&open));
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // A client that goes away is what many tests are about.
                    let _ = serve(connection, tls, &script, &requests);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

fn serve(
    connection: TcpStream,
    tls: Arc<ServerConfig>,
    script: &Script,
    requests: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut stream = StreamOwned::new(ServerConnection::new(tls).map_err(std::io::Error::other)?, connection);
    while let Some(request) = read_request(&mut stream)? {
        requests.lock().unwrap().push(request.clone());
        match script(&request) {
            Act::Say(bytes) => stream.write_all(&bytes)?,
            Act::Break(bytes) => {
                stream.write_all(&bytes)?;
                stream.conn.send_close_notify();
                return stream.flush();
            }
            Act::Stall(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                return stream.read(&mut [0; 1]).map(|_| ());
            }
            Act::Forever(bytes, at_once) => {
                stream.write_all(&bytes)?;
                stream.sock.set_read_timeout(Some(Duration::from_millis(20)))?;
                loop {
                    let more = if at_once { &[b'x'; 16 * 1024][..] } else { b"x" };
                    stream.write_all(more)?;
                    stream.flush()?;
                    // The pause of a slow server: nothing comes to be read.
                    if !at_once && matches!(stream.sock.read(&mut [0; 1]), Ok(0)) {
                        return Ok(());
                    }
                }
            }
        }
        stream.flush()?;
    }
    Ok(())
}

/// One request, or none where the client has closed.
pub(crate) fn read_request(stream: &mut impl Read) -> std::io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request { head, body }))
}

/// An answer of HTTP, whole.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// What a central answers when all is well.
pub(crate) fn good(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "content-type: application/x-protobuf\r\n", body)
}

/// Waits until something is so, but not for ever.
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let (_keep, never) = std::sync::mpsc::channel::<()>();
    for _ in 0..500 {
        if so() {
            return;
        }
        let _ = never.recv_timeout(Duration::from_millis(10));
    }
    panic!("not within five seconds: {what}");
}
