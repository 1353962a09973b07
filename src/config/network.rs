//! `[network]`.

use super::Network;
use super::mistakes::{Fault, quoted};
use super::raw::Raw;
use super::reader::Reader;
use highwater_rules::meter::CountRule;

/// How many names and patterns there may be.
const INTERFACES_MAX: usize = 256;
/// The longest name that Linux gives an interface.
const NAME_MAX_BYTES: usize = 15;
const AUTO: &str = "auto";

/// `[network]`.
pub(super) fn read(reader: &mut Reader) -> Option<Network> {
    let interfaces = reader.value("network.interfaces", Vec::new(), interfaces);
    let count =
        reader.value("network.count", CountRule::Max, |raw| raw.choice(CountRule::ALL, CountRule::word));
    Some(Network { interfaces: interfaces?, count: count? })
}

/// Names and patterns of interfaces; none where it is "auto".
pub(super) fn interfaces(raw: &Raw) -> Result<Vec<String>, Fault> {
    let names: Vec<Result<&str, Fault>> = match raw {
        Raw::Text(text) if text == AUTO => Vec::new(),
        Raw::Bare(text) if text == AUTO || text.trim().is_empty() => Vec::new(),
        Raw::Bare(text) => text.split(',').map(|name| Ok(name.trim())).collect(),
        Raw::List(items) => items.iter().map(Raw::text).collect(),
        Raw::Text(_) | Raw::Whole(_) | Raw::Truth(_) | Raw::Other(_) => {
            return Err(Fault::new(
                "an array of names is expected, or \"auto\"",
                "write it in brackets: [\"eth0\"]",
            ));
        }
    };
    if names.len() > INTERFACES_MAX {
        let message = format!("{} interfaces, of at most {INTERFACES_MAX}", names.len());
        return Err(Fault::new(message, "use patterns, such as \"eth*\""));
    }
    let mut good: Vec<String> = Vec::new();
    let mut faults = Vec::new();
    for name in names {
        let fitting = name.and_then(|name| name_fits(name).map(|()| name));
        match fitting {
            Ok(name) if good.iter().any(|earlier| earlier == name) => {
                faults.push(Fault::new(format!("{} is named twice", quoted(name)), "name it once"));
            }
            Ok(name) => good.push(name.to_owned()),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(Fault::all(faults)) }
}

/// A name that an interface could have, or a pattern of one.
fn name_fits(name: &str) -> Result<(), Fault> {
    let refused =
        |why: &str| Err(Fault::new(format!("{} {why}", quoted(name)), "name interfaces as `ip link` does"));
    if name == AUTO {
        return Err(Fault::new(
            "\"auto\" stands alone",
            "write interfaces = \"auto\", or name the interfaces",
        ));
    }
    if name.is_empty() {
        return refused("is no name");
    }
    if name.bytes().filter(|b| *b != b'*').count() > NAME_MAX_BYTES {
        return refused("is longer than 15 bytes, which is more than an interface's name has");
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/' || c == ',') {
        return refused("has a character that no interface's name has");
    }
    if name.trim_end_matches('*').contains('*') || name.ends_with("**") {
        return refused("has a `*` elsewhere than at its end, once");
    }
    Ok(())
}
