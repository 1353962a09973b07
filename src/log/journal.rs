//! Entries of systemd's journal, in its native protocol: a datagram of fields for each event.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Where the journal takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";
/// The longest name of a field that the journal takes.
const NAME_MAX_BYTES: usize = 64;
/// What comes before an event's key.
const PREFIX: &str = "HIGHWATER_";

/// Whether `output` leads to the journal: systemd says in `JOURNAL_STREAM` which device and inode do.
pub(super) fn leads_there(stream: Option<&OsStr>, output: impl AsFd) -> bool {
    let Some((device, inode)) = stream.and_then(OsStr::to_str).and_then(|stream| stream.split_once(':'))
    else {
        return false;
    };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else { return false };
    nix::sys::stat::fstat(output).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode))
}

/// The way to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    to: PathBuf,
}

impl Journal {
    /// The host's. It need not be there: that shows when an entry is sent.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub(super) fn new() -> io::Result<Self> {
        Self::at(Path::new(SOCKET))
    }

    fn at(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A journal that has stalled never stalls the agent.
        socket.set_nonblocking(true)?;
        Ok(Journal { socket, to: path.to_owned() })
    }

    /// Whether the journal has taken an entry.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        // The address is given each time: the journal may have been restarted with another socket.
        self.socket.send_to(&entry.0, &self.to).is_ok()
    }
}

/// An entry that is being made.
#[derive(Debug, Default)]
pub(super) struct Entry(Vec<u8>);

impl Entry {
    /// Adds a key of an event's. A name that the journal would not take is left out: the message has it.
    pub(super) fn key(&mut self, key: &str, value: &str) {
        if key == "event" {
            self.field("EVENT", value);
            return;
        }
        let name = [PREFIX, &key.to_ascii_uppercase()].concat();
        let fits = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if fits && name.len() <= NAME_MAX_BYTES {
            self.field(&name, value);
        }
    }

    /// The entry as a whole: what is shown of it, and how grave it is (as syslog counts).
    pub(super) fn finish(&mut self, priority: &str, message: &str) {
        self.field("PRIORITY", priority);
        self.field("SYSLOG_IDENTIFIER", "highwater");
        self.field("MESSAGE", message);
    }

    /// `NAME=value`; a value with a line break is told by its length.
    fn field(&mut self, name: &str, value: &str) {
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    /// The fields of a datagram, as the journal reads them.
    fn fields(mut datagram: &[u8]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut found = Vec::new();
        while !datagram.is_empty() {
            let end = datagram.iter().position(|b| *b == b'\n').unwrap();
            let (line, rest) = datagram.split_at(end);
            match line.iter().position(|b| *b == b'=') {
                Some(at) => {
                    found.push((text(&line[..at]), text(&line[at + 1..])));
                    datagram = &rest[1..];
                }
                None => {
                    let length = u64::from_le_bytes(rest[1..9].try_into().unwrap()) as usize;
                    found.push((text(line), text(&rest[9..9 + length])));
                    assert_eq!(rest[9 + length], b'\n');
                    datagram = &rest[10 + length..];
                }
            }
        }
        found
    }

    #[test]
    fn an_entry_arrives_with_each_key_as_a_field_and_no_value_makes_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let peer = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::at(&path).unwrap();
        let mut entry = Entry::default();
        entry.key("event", "source_failed");
        entry.key("source", "ssl/front");
        entry.key("error", "two\nPRIORITY=0\nlines");
        entry.key(&"k".repeat(60), "too long a name");
        entry.key("odd-key", "no name of a field");
        entry.finish("4", "level=warn event=source_failed");
        assert!(journal.takes(&entry));
        let mut datagram = [0; 4096];
        let length = peer.recv(&mut datagram).unwrap();
        let expect = [
            ("EVENT", "source_failed"),
            ("HIGHWATER_SOURCE", "ssl/front"),
            ("HIGHWATER_ERROR", "two\nPRIORITY=0\nlines"),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "highwater"),
            ("MESSAGE", "level=warn event=source_failed"),
        ];
        assert_eq!(
            fields(&datagram[..length]),
            expect.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_journal_that_is_not_there_or_has_no_room_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journal = Journal::at(&path).unwrap();
        let entry = Entry(b"MESSAGE=x\n".to_vec());
        assert!(!journal.takes(&entry), "nobody is there");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let taken = (0..100_000).take_while(|_| journal.takes(&entry)).count();
        assert!(taken > 0 && taken < 100_000, "it came to an end instead of waiting: {taken}");
    }

    #[test]
    fn the_stream_is_the_journals_where_device_and_inode_are_the_ones_that_systemd_names() {
        let file = tempfile::tempfile().unwrap();
        let meta = file.metadata().unwrap();
        let there = |stream: &str| leads_there(Some(OsStr::new(stream)), &file);
        assert!(there(&format!("{}:{}", meta.dev(), meta.ino())));
        let next = format!("{}:{}", meta.dev(), meta.ino() + 1);
        for other in [next.as_str(), "", ":", "x:y", "8"] {
            assert!(!there(other), "{other}");
        }
        assert!(!leads_there(None, &file));
    }
}
