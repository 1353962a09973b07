//! A connection of either kind, and how requests come in on it and answers go out.

use super::http::{self, Answer, REQUEST_LIMIT, Request};
use std::io;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    /// At a Unix socket.
    Unix(UnixStream),
    /// At a port.
    Tcp(TcpStream),
}

/// Why there is no request.
pub(crate) enum Unserved {
    /// The peer has hung up.
    Gone,
    /// It said what is no request here. Nothing more can be read from it.
    Refused(Answer),
}

impl Stream {
    async fn readable(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.readable().await,
            Stream::Tcp(stream) => stream.readable().await,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.writable().await,
            Stream::Tcp(stream) => stream.writable().await,
        }
    }

    fn try_read(&self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.try_read(chunk),
            Stream::Tcp(stream) => stream.try_read(chunk),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.try_write(bytes),
            Stream::Tcp(stream) => stream.try_write(bytes),
        }
    }

    /// The next request. What follows it stays in the buffer.
    pub(crate) async fn receive(&self, buffer: &mut Vec<u8>) -> Result<Request, Unserved> {
        let mut chunk = [0; 1024];
        loop {
            if let Some((request, length)) = http::parse(buffer).map_err(Unserved::Refused)? {
                buffer.drain(..length);
                return Ok(request);
            }
            self.readable().await.map_err(|_| Unserved::Gone)?;
            match self.try_read(&mut chunk) {
                Ok(0) => return Err(Unserved::Gone),
                // At most one chunk more than the longest head: then it is refused above.
                Ok(read) => buffer.extend(chunk.iter().take(read)),
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(Unserved::Gone),
            }
        }
    }

    /// The body behind a head. What follows it stays in the buffer.
    pub(crate) async fn receive_body(&self, buffer: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; if length > 0 { 16 * 1024 } else { 0 }];
        while buffer.len() < length {
            self.readable().await?;
            match self.try_read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => buffer.extend(chunk.iter().take(read)),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let behind = buffer.split_off(length);
        Ok(std::mem::replace(buffer, behind))
    }

    /// Whether it was all sent in time.
    pub(crate) async fn send(&self, mut bytes: &[u8]) -> bool {
        let sending = async {
            while !bytes.is_empty() {
                self.writable().await?;
                match self.try_write(bytes) {
                    Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        matches!(timeout(REQUEST_LIMIT, sending).await, Ok(Ok(())))
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
