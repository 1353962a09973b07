//! `kind = "kernel"`.

use super::super::mistakes::{Fault, quoted};
use super::super::network;
use super::super::raw::Raw;
use super::super::show::{Value, interfaces};
use super::{Keys, Kind, SslSource};

/// How many ports there may be.
const PORTS_MAX: usize = 64;
/// The word for every port.
const ALL: &str = "all";

pub(super) const KIND: Kind = Kind { word: "kernel", keys: &["interfaces", "ports"], read };

/// This host's kernel, at its network interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Names and patterns (`*` at the end) of the interfaces to count on: `interfaces`. Empty: those that network throughput is
    /// counted on by default.
    pub interfaces: Vec<String>,
    /// The servers' ports: `ports`. Empty: all.
    pub ports: Vec<u16>,
}

impl Kernel {
    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        let ports = match self.ports.as_slice() {
            [] => Value::Text(ALL.to_owned()),
            ports => Value::Numbers(ports.iter().map(|port| u64::from(*port)).collect()),
        };
        vec![("interfaces", interfaces(&self.interfaces)), ("ports", ports)]
    }
}

fn read(keys: &mut Keys<'_>) -> Option<SslSource> {
    let interfaces = keys.take("interfaces", network::interfaces);
    let ports = keys.take("ports", ports);
    Some(SslSource::Kernel(Kernel {
        interfaces: interfaces?.unwrap_or_default(),
        ports: ports?.unwrap_or_default(),
    }))
}

fn ports(raw: &Raw) -> Result<Vec<u16>, Fault> {
    const MEND: &str = "write them in brackets: [443, 8443]; or \"all\"";
    let items = match raw {
        Raw::Text(text) if text == ALL => return Ok(Vec::new()),
        Raw::List(items) if !items.is_empty() => items,
        _ => return Err(Fault::new("an array of port numbers is expected, or \"all\"", MEND)),
    };
    if items.len() > PORTS_MAX {
        let message = format!("{} ports, of at most {PORTS_MAX}", items.len());
        return Err(Fault::new(message, "leave the key out to count on all, or take a second source"));
    }
    let mut good: Vec<u16> = Vec::new();
    let mut faults = Vec::new();
    for item in items {
        match port(item) {
            Ok(port) if good.contains(&port) => {
                faults.push(Fault::new(format!("the port {port} is named twice"), "name it once"));
            }
            Ok(port) => good.push(port),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(Fault::all(faults)) }
}

fn port(raw: &Raw) -> Result<u16, Fault> {
    const MEND: &str = "take whole numbers from 1 to 65535, without quotes";
    match raw {
        Raw::Whole(number) => u16::try_from(*number)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| Fault::new(format!("{number} is no port"), MEND)),
        Raw::Text(text) | Raw::Bare(text) => Err(Fault::new(format!("{} is no port", quoted(text)), MEND)),
        Raw::Truth(_) | Raw::List(_) | Raw::Other(_) => Err(Fault::new("a port's number is expected", MEND)),
    }
}
