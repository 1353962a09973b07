//! `[[ssl]]`: the sources of TLS sessions.

use super::keys::nearest;
use super::layers::{Given, SslTable};
use super::mistakes::{Fault, Place, quoted};
use super::raw::Raw;
use super::reader::{Reader, absolute};
use super::show::Origin;
use super::{Ssl, SslSource};
use highwater_rules::meter::TOTAL;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where HAProxy's stats socket is unless configured.
const DEFAULT_HAPROXY_SOCKET: &str = "/run/haproxy/admin.sock";
const HAPROXY: &str = "haproxy";
/// Kinds that a later version brings.
const PLANNED: &[&str] = &["prometheus", "access_log", "kernel", "loadmaster"];
const NAME_MAX_BYTES: usize = 64;
/// The longest path of a Unix socket.
const SOCKET_MAX_BYTES: usize = 107;

/// All sources, or none where any is wrong.
pub(super) fn read(reader: &mut Reader) -> Option<Vec<Ssl>> {
    let tables = std::mem::take(&mut reader.layers.ssl);
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let mut sources = Some(Vec::with_capacity(tables.len()));
    for (n, table) in tables.iter().enumerate() {
        let source = one(reader, n, table);
        let source = source.filter(|ssl| distinct(reader, &mut seen, table, ssl));
        sources = sources.zip(source).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    sources
}

fn one(reader: &mut Reader, n: usize, table: &SslTable) -> Option<Ssl> {
    let kind = match table.values.get("kind") {
        Some(_) => take(reader, n, table, "kind", "", kind),
        None => {
            let fault = Fault::new("this TLS source has no kind", "add kind = \"haproxy\"");
            reader.mistakes.push(table.place.clone(), fault);
            None
        }
    };
    let socket = take(reader, n, table, "socket", PathBuf::from(DEFAULT_HAPROXY_SOCKET), socket);
    let name = take(reader, n, table, "name", kind.unwrap_or_default().to_owned(), name);
    kind?;
    Some(Ssl { name: name?, source: SslSource::Haproxy { socket: socket? } })
}

fn take<T>(
    reader: &mut Reader,
    n: usize,
    table: &SslTable,
    key: &'static str,
    default: T,
    parse: impl Fn(&Raw) -> Result<T, Fault>,
) -> Option<T> {
    let Some(Given { raw, place }) = table.values.get(key) else { return Some(default) };
    match parse(raw) {
        Ok(value) => {
            reader.origins.set(&format!("ssl.{n}.{key}"), Origin::of(place));
            Some(value)
        }
        Err(fault) => {
            let fault = Fault::new(format!("ssl.{key}: {}", fault.message), fault.mend);
            reader.mistakes.push(place.clone(), fault);
            None
        }
    }
}

fn kind(raw: &Raw) -> Result<&'static str, Fault> {
    let text = raw.text()?;
    if text == HAPROXY {
        return Ok(HAPROXY);
    }
    let only = "the only kind in this version is \"haproxy\"";
    if PLANNED.contains(&text) {
        return Err(Fault::new(format!("the kind {} is not in this version", quoted(text)), only));
    }
    let mend = match nearest(text, std::iter::once(HAPROXY)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => only.to_owned(),
    };
    Err(Fault::new(format!("the kind {} is unknown", quoted(text)), mend))
}

fn socket(raw: &Raw) -> Result<PathBuf, Fault> {
    let path = absolute(raw)?;
    if path.as_os_str().len() > SOCKET_MAX_BYTES {
        let message = format!("a socket's path has at most {SOCKET_MAX_BYTES} bytes");
        return Err(Fault::new(message, "place HAProxy's stats socket at a shorter path"));
    }
    Ok(path)
}

fn name(raw: &Raw) -> Result<String, Fault> {
    let text = raw.text()?;
    if text.len() > NAME_MAX_BYTES {
        return Err(Fault::new(format!("longer than {NAME_MAX_BYTES} bytes"), "take a shorter name"));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)) {
        let message = format!("{} has a character that a name may not have", quoted(text));
        return Err(Fault::new(message, "use letters, digits and . _ : -"));
    }
    if text == TOTAL {
        return Err(Fault::new("\"total\" is the name of the sum over all sources", "take another name"));
    }
    Ok(text.to_owned())
}

/// A name makes a series: two sources of one name would be added up unseen.
fn distinct(reader: &mut Reader, seen: &mut BTreeMap<String, Place>, table: &SslTable, ssl: &Ssl) -> bool {
    let place = table.values.get("name").map_or(&table.place, |given| &given.place);
    let Some(first) = seen.get(&ssl.name) else {
        seen.insert(ssl.name.clone(), place.clone());
        return true;
    };
    let message = format!("the TLS source at {first} is also named {}", quoted(&ssl.name));
    reader.mistakes.push(place.clone(), Fault::new(message, "give one of them another: name = \"...\""));
    false
}
