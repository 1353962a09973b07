//! Asks a running agent at its socket.

use super::http::{CONTROL_LIMIT, REQUEST_LIMIT};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The longest answer.
const ANSWER_MAX_BYTES: usize = 1 << 20;
const HEADERS_MAX: usize = 32;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or may be asked.
    #[error("cannot ask the agent at its socket {path}: {source}: start it, or name the socket that gate.socket sets", path = path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the agent at {path} broke off: {source}: look at its log", path = path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No answer came in time.
    #[error("the agent at {path} has not answered within {seconds} s: look at its log", path = path.display())]
    Late {
        /// The socket.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What came is no answer of an agent's.
    #[error("what listens at {path} does not answer as highwater does: name the socket that gate.socket sets", path = path.display())]
    Foreign {
        /// The socket.
        path: PathBuf,
    },
}

/// Sends a request without a body, such as `GET` `/v1/gate`; gives the answer's status and JSON.
///
/// # Errors
/// When there is no answer, or none of an agent's. An answer that refuses is no error: its status tells.
pub async fn request(path: &Path, method: &str, target: &str) -> Result<(u16, Value), ClientError> {
    request_with(path, method, target, &[]).await
}

/// Like [`request`], with a body.
///
/// # Errors
/// As there.
pub async fn request_with(
    path: &Path,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<(u16, Value), ClientError> {
    // An order may take its time; the rest is at hand.
    let limit: Duration = REQUEST_LIMIT + if method == "POST" { CONTROL_LIMIT } else { REQUEST_LIMIT };
    let late = |_| ClientError::Late { path: path.to_owned(), seconds: limit.as_secs() };
    let bytes = timeout(limit, exchange(path, method, target, body)).await.map_err(late)??;
    parse(&bytes).ok_or_else(|| ClientError::Foreign { path: path.to_owned() })
}

async fn exchange(path: &Path, method: &str, target: &str, body: &[u8]) -> Result<Vec<u8>, ClientError> {
    let broken = |source: io::Error| ClientError::Broken { path: path.to_owned(), source };
    let refused = |source: io::Error| ClientError::Connect { path: path.to_owned(), source };
    let stream = UnixStream::connect(path).await.map_err(refused)?;
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: highwater\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let bytes = [head.as_bytes(), body].concat();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        stream.writable().await.map_err(broken)?;
        match stream.try_write(rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // A server that has no room answers without having read: what it said is there to be read.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(broken(error)),
        }
    }
    receive(&stream).await.map_err(broken)
}

async fn receive(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend(chunk.iter().take(read)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // It hung up on what it had not read, after its answer.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !bytes.is_empty() => {
                return Ok(bytes);
            }
            Err(error) => return Err(error),
        }
        if bytes.len() > ANSWER_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too long"));
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(u16, Value)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let value = serde_json::from_slice(bytes.get(length..)?).ok()?;
    Some((head.code?, value))
}
