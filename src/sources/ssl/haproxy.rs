//! TLS sessions and the bytes of frontends as HAProxy counts them, asked at its stats socket.

use super::services::{Service, Services};
use crate::files::Root;
use crate::sources::{Garbled, Readout, SourceError, digits};
use highwater_rules::accepted::{Accepted, Watch};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::tally::{Scrape, Tally, mixed};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Both in one connection, so that the process that names itself is the one that counts: a reload may come between two.
const QUESTION: &[u8] = b"show info;show stat -1 1 -1\n";
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;
const CHUNK_BYTES: usize = 16 * 1024;
/// How long a read waits for the next bytes.
const WAIT_MS: u64 = 50;
/// How many such waits a silent peer has.
const WAITS: usize = 16;
/// Bytes that earn one more read.
const BYTES_A_READ: usize = 1024;
/// How long a peer may be silent: what all waits make together.
pub const SILENCE_MAX_MS: u64 = WAIT_MS * WAITS as u64;
/// The `type` of a row that tells of a frontend.
const FRONTEND: &str = "0";

/// The source of `ssl_tps` and `vs_bytes` at one HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    name: String,
    socket: PathBuf,
    services: Services,
    tally: Tally,
    process: Option<Process>,
    /// Of the counters of sessions, which `clear counters` clears, with `all` and without.
    sessions: Clears,
    /// Of those of bytes, which it clears with `all` only.
    bytes: Clears,
}

/// How often counters were cleared while the agent looked.
#[derive(Debug, Default)]
struct Clears {
    watch: Watch,
    count: u64,
}

impl Clears {
    fn see(&mut self, now: Accepted, is_another: bool) -> u64 {
        if is_another {
            self.watch.begin_anew();
        }
        self.count += u64::from(self.watch.is_cleared(now));
        self.count
    }
}

impl Haproxy {
    /// The source of that name, at the socket below `root`, without virtual services.
    #[must_use]
    pub fn new(root: &Root, name: &str, socket: &Path) -> Self {
        let socket = if root.is_own() { socket.to_owned() } else { root.at(socket) };
        Haproxy {
            name: name.to_owned(),
            socket,
            services: Services::new(name, 0),
            tally: Tally::default(),
            process: None,
            sessions: Clears::default(),
            bytes: Clears::default(),
        }
    }

    /// With the bytes of its frontends, `most` of which stand alone.
    #[must_use]
    pub fn with_services(self, most: usize) -> Self {
        Haproxy { services: Services::new(&self.name, most), ..self }
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The series that it always gives.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::new(Meter::SslTps, &self.name)
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When HAProxy can't be asked, or its answer is not understood or tells of no frontend.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let answer = self.ask()?;
        let text = String::from_utf8_lossy(&answer);
        if text.lines().any(|line| line.trim() == "Permission denied") {
            return Err(SourceError::LevelTooLow { socket: self.socket.clone() });
        }
        let garbled = |garbled| SourceError::garbled(&self.socket, garbled);
        let mut told = told(&text).map_err(garbled)?;
        let is_another = self.process.replace(told.process) != Some(told.process);
        let clears = self.bytes.see(told.connections, is_another);
        if clears > 0 {
            for frontend in &mut told.frontends {
                frontend.incarnation = mixed(&(frontend.incarnation, clears));
            }
        }
        let clears = self.sessions.see(told.handshakes, is_another);
        let starts = BTreeMap::from([(mixed(&(told.process.pid, clears)), told.process.started)]);
        let counters = self.tally.sum(Scrape { values: told.sessions, starts });
        let counters = counters.ok_or_else(|| garbled(Garbled::new("more sessions than can be")))?;
        let observation = Observation { series: self.series(), figure: Figure::Count(counters) };
        let mut readout = Readout { observations: vec![observation], ..Readout::default() };
        self.services.tell(told.frontends, &mut readout);
        Ok(readout)
    }

    /// Asks, and takes the answer to its end. Connecting waits without a limit while HAProxy's backlog is full; that is for
    /// the timeout around the reading of any source.
    fn ask(&self) -> Result<Vec<u8>, SourceError> {
        let mut stream = UnixStream::connect(&self.socket).map_err(|error| self.refused(error))?;
        let unreadable = |error| SourceError::unreadable(&self.socket, error);
        stream.set_read_timeout(Some(Duration::from_millis(WAIT_MS))).map_err(unreadable)?;
        stream.set_write_timeout(Some(Duration::from_millis(SILENCE_MAX_MS))).map_err(unreadable)?;
        match stream.write_all(QUESTION) {
            // It closed at once; what it said before that is still there to be read.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(unreadable(error)),
            _ => {}
        }
        let mut answer = Vec::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        // There is no clock here to hold the whole answer to a deadline. Reads are counted instead: none waits longer than
        // WAIT_MS, and only bytes earn more of them, so that a peer that trickles is cut like one that is silent.
        let mut reads = 0;
        while reads < WAITS + answer.len() / BYTES_A_READ {
            reads += 1;
            match stream.read(&mut chunk) {
                Ok(0) => return Ok(answer),
                Ok(length) => answer.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(unreadable(error)),
            }
            if answer.len() > ANSWER_MAX_BYTES {
                return Err(SourceError::TooLong { socket: self.socket.clone(), max: ANSWER_MAX_BYTES });
            }
        }
        Err(SourceError::TooSlow { socket: self.socket.clone(), within_ms: SILENCE_MAX_MS })
    }

    fn refused(&self, error: io::Error) -> SourceError {
        let socket = self.socket.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                SourceError::NotListening { socket, error }
            }
            io::ErrorKind::PermissionDenied => SourceError::NotPermitted { socket },
            _ => SourceError::unreadable(&socket, error),
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// A process of HAProxy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id. In a container the same one comes back after each restart.
    pub pid: u64,
    /// When it began, in unix seconds; 0 where it does not tell.
    pub started: u64,
}

impl Process {
    /// One number for it; ids have at most 22 bits.
    #[must_use]
    pub const fn incarnation(self) -> u64 {
        self.started.wrapping_shl(22) ^ self.pid
    }
}

/// What HAProxy tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which process of HAProxy's it is.
    pub process: Process,
    /// The sessions of each frontend, new and resumed, by a number for its name. One that has nothing to say of TLS is not there.
    pub sessions: BTreeMap<u64, u64>,
    /// The handshakes of the process, those with servers too, and those of each frontend, good or not.
    pub handshakes: Accepted,
    /// The connections of the process, and of each frontend.
    pub connections: Accepted,
    /// Each frontend and its bytes in and out.
    pub frontends: Vec<Service>,
}

/// What the answer to `show info` and `show stat`, in this order, tells.
///
/// A version without counters of its own for TLS sessions (before 2.4) is taken at `CumSslConns`, which counts failed
/// handshakes, too.
///
/// # Errors
/// When it is no such answer, or not a whole one: half of the frontends would look like a counter that ran backwards, and
/// afterwards like a peak.
pub fn told(answer: &str) -> Result<Told, Garbled> {
    if !answer.ends_with("\n\n") {
        return Err(Garbled::at("HAProxy's answer is cut short", answer));
    }
    let header_at = if answer.starts_with("# ") { Some(0) } else { answer.find("\n# ").map(|at| at + 1) };
    let (info, table) = answer
        .split_at_checked(header_at.unwrap_or(answer.len()))
        .filter(|(_, table)| !table.is_empty())
        .ok_or_else(|| Garbled::at("it is no answer of HAProxy's to `show info;show stat`", answer))?;
    let pid = info_number(info, "Pid")?.ok_or_else(|| Garbled::at("`show info` names no Pid", info))?;
    let process = Process { pid, started: info_number(info, "Start_time_sec")?.unwrap_or(0) };
    let table = frontends(table, process)?;
    let handshakes = Accepted { all: info_number(info, "CumSslConns")?, each: table.handshakes };
    let sessions = match (table.sessions, handshakes.all) {
        (Some(sessions), _) => sessions,
        (None, Some(all)) => BTreeMap::from([(0, all)]),
        (None, None) => {
            return Err(Garbled::new("HAProxy counts no TLS sessions: was it built without OpenSSL?"));
        }
    };
    let connections = Accepted { all: info_number(info, "CumConns")?, each: table.accepted };
    Ok(Told { process, sessions, handshakes, connections, frontends: table.frontends })
}

/// A number in the lines `Key: value` of `show info`; `None` where there is no such key.
fn info_number(info: &str, key: &str) -> Result<Option<u64>, Garbled> {
    let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    value
        .map(|value| digits(value.trim()).ok_or_else(|| Garbled::at(&format!("{key} is no number"), value)))
        .transpose()
}

/// What a statistics table tells of the frontends, by a number for the name of each, or by their names.
struct Table {
    /// Their sessions; `None` where it has no columns for TLS sessions.
    sessions: Option<BTreeMap<u64, u64>>,
    /// Their handshakes, failed ones too; empty where it has no columns for TLS sessions.
    handshakes: BTreeMap<u64, u64>,
    /// Their connections; empty where it does not tell.
    accepted: BTreeMap<u64, u64>,
    /// Their bytes; none where the table does not name them, or tells no bytes.
    frontends: Vec<Service>,
}

fn frontends(table: &str, process: Process) -> Result<Table, Garbled> {
    let mut lines = table.lines();
    let header = lines.next().unwrap_or_default();
    let columns = fields(header.strip_prefix("# ").unwrap_or(header));
    let column = |name: &str| columns.iter().position(|c| c == name);
    let kind = column("type").ok_or_else(|| Garbled::at("the statistics have no column `type`", header))?;
    let named = column("pxname");
    let tls = column("ssl_sess").zip(column("ssl_reused_sess"));
    let failed = column("ssl_failed_handshake");
    let accepted = column("conn_tot");
    let bytes = column("bin").zip(column("bout"));
    let mut table = Table {
        sessions: tls.map(|_| BTreeMap::new()),
        handshakes: BTreeMap::new(),
        accepted: BTreeMap::new(),
        frontends: Vec::new(),
    };
    let mut rows = 0_usize;
    for line in lines.filter(|line| !line.is_empty()) {
        let row = fields(line);
        let cell = |at: usize| row.get(at).ok_or_else(|| Garbled::at("a row is cut short", line));
        if cell(kind)? != FRONTEND {
            continue;
        }
        rows += 1;
        let name = named.map(cell).transpose()?;
        let id = mixed(&name);
        if let (Some((new, reused)), Some(sessions)) = (tls, &mut table.sessions) {
            let (new, reused) = (cell(new)?, cell(reused)?);
            if !(new.is_empty() && reused.is_empty()) {
                let all = sessions.entry(id).or_insert(0_u64);
                *all = all
                    .checked_add(added(new, reused)?)
                    .ok_or_else(|| Garbled::at("more sessions than can be", line))?;
                let failed = failed.map(cell).transpose()?.map_or(Ok(0), |failed| added(failed, ""))?;
                table.handshakes.insert(id, all.saturating_add(failed));
            }
        }
        if let Some(accepted) = accepted {
            let all = table.accepted.entry(id).or_insert(0_u64);
            *all = all.saturating_add(added(cell(accepted)?, "")?);
        }
        if let (Some(name), Some((received, sent))) = (name, bytes) {
            let bytes = added(cell(received)?, cell(sent)?)?;
            let name = name.clone().into_owned();
            table.frontends.push(Service { name, bytes, incarnation: process.incarnation() });
        }
    }
    // Taken for no sessions, it would be a counter that began anew, and afterwards a peak.
    if rows == 0 {
        return Err(Garbled::new("HAProxy tells of no frontend: ask one that has any"));
    }
    if table.sessions.as_ref().is_some_and(BTreeMap::is_empty) {
        return Err(Garbled::new("HAProxy tells of no frontend's TLS sessions: ask one that has any"));
    }
    Ok(table)
}

/// Two counters added up. A frontend may have nothing to say of one, such as one without TLS of sessions.
fn added(one: &str, other: &str) -> Result<u64, Garbled> {
    let count = |cell: &str| if cell.is_empty() { Some(0) } else { digits(cell) };
    let sum = count(one).zip(count(other)).and_then(|(one, other)| one.checked_add(other));
    sum.ok_or_else(|| Garbled::at("no counters", &format!("{one},{other}")))
}

/// The fields of a CSV line. A quoted one may hold commas, and quotes that are written twice.
fn fields(line: &str) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted),
            None => text.split_once(',').map_or((Cow::Borrowed(text), None), |(f, r)| (f.into(), Some(r))),
        };
        fields.push(field);
        rest = after;
    }
    fields
}

/// A field whose opening quote is taken off, and what follows the comma after it.
fn quoted_field(text: &str) -> (Cow<'_, str>, Option<&str>) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('"')) {
        let (field, after) = (text.get(..from + at), text.get(from + at + 1..).unwrap_or_default());
        if after.starts_with('"') {
            from += at + 2;
            continue;
        }
        let field = field.unwrap_or_default().replace("\"\"", "\"");
        return (field.into(), after.split_once(',').map(|(_, rest)| rest));
    }
    (text.replace("\"\"", "\"").into(), None)
}
