//! `[listen]`: where the agent's metrics can be scraped.

use super::gate::{NONE, SOCKET_MAX_BYTES};
use super::mistakes::{Fault, quoted};
use super::raw::Raw;
use super::reader::Reader;
use super::{Gate, Listen};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const ADDRESS: &str = "listen.address";
const UNIX: &str = "unix:";
const MEND: &str =
    "take \"127.0.0.1:9464\", \"[::1]:9464\", \"unix:/run/highwater/metrics.sock\" or \"none\"";

impl fmt::Display for Listen {
    /// As the configuration writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Nowhere => f.write_str(NONE),
            Listen::Unix(path) => write!(f, "{UNIX}{}", path.display()),
            Listen::Tcp(address) => address.fmt(f),
        }
    }
}

/// `[listen]`.
pub(super) fn read(reader: &mut Reader, gate: Option<&Gate>) -> Option<Listen> {
    let setting = reader.take(ADDRESS, Listen::Nowhere, address)?;
    if let (Listen::Unix(path), Some(gate)) = (&setting.value, gate)
        && (gate.socket.as_ref() == Some(path) || gate.status_file == *path)
    {
        let fault = Fault::new("the gate has the same path", "give one of them another path");
        reader.refuse(ADDRESS, setting.place.as_ref(), fault);
        return None;
    }
    Some(setting.value)
}

fn address(raw: &Raw) -> Result<Listen, Fault> {
    let text = raw.text().map_err(|fault| Fault::new(fault.message, MEND))?;
    if text == NONE {
        return Ok(Listen::Nowhere);
    }
    if let Some(path) = text.strip_prefix(UNIX) {
        return unix(path);
    }
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Err(Fault::new(format!("{} is no address with a port", quoted(text)), MEND));
    };
    if !address.ip().is_loopback() {
        let message =
            format!("{address} can be reached from other hosts, and whoever asks there is answered");
        let mend = "take a loopback address, such as \"127.0.0.1:9464\"; for other hosts put a proxy before it that asks who they are";
        return Err(Fault::new(message, mend));
    }
    if address.port() == 0 {
        return Err(Fault::new("port 0 is none", MEND));
    }
    Ok(Listen::Tcp(address))
}

fn unix(path: &str) -> Result<Listen, Fault> {
    if !Path::new(path).is_absolute() || path.ends_with('/') {
        return Err(Fault::new(format!("{} is no absolute path of a socket", quoted(path)), MEND));
    }
    if path.len() > SOCKET_MAX_BYTES {
        let message = format!("a socket's path has at most {SOCKET_MAX_BYTES} bytes");
        return Err(Fault::new(message, "take a shorter path"));
    }
    Ok(Listen::Unix(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        match (address(&Raw::Text(text.to_owned())), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found.to_string(), expect),
            (Err(fault), Err(part)) => {
                let told = format!("{}: {}", fault.message, fault.mend);
                assert!(told.contains(part), "{text}: {told}");
            }
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn only_this_host_may_ask() {
        check("none", Ok("none"));
        check("127.0.0.1:9464", Ok("127.0.0.1:9464"));
        check("127.8.0.1:1", Ok("127.8.0.1:1"));
        check("[::1]:9464", Ok("[::1]:9464"));
        check("unix:/run/highwater/metrics.sock", Ok("unix:/run/highwater/metrics.sock"));
        check("0.0.0.0:9464", Err("take a loopback address"));
        check("[::]:9464", Err("take a loopback address"));
        check("192.0.2.1:9464", Err("other hosts"));
        check("127.0.0.1", Err("no address with a port"));
        check("localhost:9464", Err("127.0.0.1:9464"));
        check("127.0.0.1:0", Err("port 0"));
        check("unix:run/x", Err("no absolute path"));
        check("unix:/run/", Err("no absolute path"));
        check(&format!("unix:/{}", "x".repeat(107)), Err("at most 107 bytes"));
        check("", Err("empty"));
    }
}
