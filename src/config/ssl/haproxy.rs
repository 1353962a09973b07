//! `kind = "haproxy"`.

use super::super::mistakes::Fault;
use super::super::raw::Raw;
use super::super::reader::absolute;
use super::super::show::Value;
use super::services::{self, SERVICES};
use super::{Keys, Kind, SslSource};
use std::path::PathBuf;

/// Where HAProxy's stats socket is unless configured.
const DEFAULT_SOCKET: &str = "/run/haproxy/admin.sock";
/// The longest path of a Unix socket.
const SOCKET_MAX_BYTES: usize = 107;

pub(super) const KIND: Kind = Kind { word: "haproxy", keys: &["socket", SERVICES], read };

/// HAProxy, at its stats socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Haproxy {
    /// The path of the socket: `socket`.
    pub socket: PathBuf,
    /// How many frontends have a series of their own: `services`.
    pub services: usize,
}

impl Haproxy {
    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("socket", Value::Text(self.socket.to_string_lossy().into_owned())),
            (SERVICES, Value::Whole(self.services as u64)),
        ]
    }
}

fn read(keys: &mut Keys<'_>) -> Option<SslSource> {
    let (socket, services) = (keys.take("socket", socket), services::read(keys));
    let socket = socket?.unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
    Some(SslSource::Haproxy(Haproxy { socket, services: services? }))
}

fn socket(raw: &Raw) -> Result<PathBuf, Fault> {
    let path = absolute(raw)?;
    if path.as_os_str().len() > SOCKET_MAX_BYTES {
        let message = format!("a socket's path has at most {SOCKET_MAX_BYTES} bytes");
        return Err(Fault::new(message, "place HAProxy's stats socket at a shorter path"));
    }
    Ok(path)
}
