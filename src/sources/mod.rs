//! The sources: a closed set, one file each. A source says what it sees now; what that makes of a slot is for the rules.

use crate::config::{Config, Ssl, SslSource};
use crate::files::Root;
use highwater_rules::figure::Observation;
use highwater_rules::meter::Series;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod cgroup;
pub mod container;
pub mod links;
pub mod network;
pub mod presence;
pub mod ram;
pub mod ssl;

/// The longest note that a source may leave.
pub const NOTE_MAX_BYTES: usize = 1024;
/// How long a source may take that has no more to do than to ask.
const TIMEOUT: Duration = Duration::from_millis(1000);

/// What a source saw in one reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readout {
    /// What it saw.
    pub observations: Vec<Observation>,
    /// Series that should have been there, and why they are not (a configured interface that is gone).
    pub missing: Vec<Missing>,
    /// What the source wants to find again after a restart of the agent: at most [`NOTE_MAX_BYTES`], kept with the slot's record.
    pub note: Option<String>,
    /// What happened since the last reading that makes its figures less than whole, in words for the log.
    pub losses: Vec<String>,
}

/// A series that a source could not read though it answered for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub series: Series,
    /// Why, in words for the log.
    pub why: String,
}

/// A source. Reading it may block: on a socket, on a file system that hangs.
#[derive(Debug)]
pub enum Source {
    /// RAM capacity.
    Ram(ram::Ram),
    /// Network throughput.
    Network(network::Network),
    /// TLS sessions, as HAProxy counts them.
    Haproxy(ssl::haproxy::Haproxy),
    /// TLS sessions, as a server's access log tells of them.
    AccessLog(ssl::access_log::AccessLog),
}

impl Source {
    /// The sources that a configuration asks for: RAM, network, and the TLS sources in the file's order.
    #[must_use]
    pub fn all(config: &Config) -> Vec<Source> {
        let root = Root::new(&config.sampling.root);
        let mut sources = vec![
            Source::Ram(ram::Ram::new(root.clone(), &config.ram)),
            Source::Network(network::Network::new(root.clone(), &config.network)),
        ];
        sources.extend(config.ssl.iter().map(|Ssl { name, source }| match source {
            SslSource::AccessLog(log) => {
                Source::AccessLog(ssl::access_log::AccessLog::new(&root, name, &log.path, &log.rule))
            }
            SslSource::Haproxy(haproxy) => {
                Source::Haproxy(ssl::haproxy::Haproxy::new(&root, name, &haproxy.socket))
            }
        }));
        sources
    }

    /// Its name: `ram`, `network`, `ssl/NAME`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Source::Ram(_) => "ram".to_owned(),
            Source::Network(_) => "network".to_owned(),
            Source::Haproxy(haproxy) => format!("ssl/{}", haproxy.name()),
            Source::AccessLog(log) => format!("ssl/{}", log.name()),
        }
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When it can't tell. That is a gap, never a zero.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        match self {
            Source::Ram(ram) => ram.read(),
            Source::Network(network) => network.read(),
            Source::Haproxy(haproxy) => haproxy.read(),
            Source::AccessLog(log) => log.read(),
        }
    }

    /// Whether reading it can wait for others: a peer, another process, a file system that is not this kernel's own. What the
    /// kernel says of itself, it says at once.
    #[must_use]
    pub fn may_block(&self) -> bool {
        match self {
            Source::Ram(ram) => ram.may_block(),
            Source::Network(network) => network.may_block(),
            Source::Haproxy(_) | Source::AccessLog(_) => true,
        }
    }

    /// How long reading it may take, where the slot is long enough for that.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        match self {
            Source::Ram(_) | Source::Network(_) | Source::Haproxy(_) => TIMEOUT,
            Source::AccessLog(_) => ssl::access_log::TIMEOUT,
        }
    }

    /// Takes up the note that it left with the last record that was kept, before it is read for the first time. Most leave none.
    pub fn resume(&mut self, note: &str) {
        match self {
            Source::AccessLog(log) => log.resume(note),
            Source::Ram(_) | Source::Network(_) | Source::Haproxy(_) => {}
        }
    }

    /// Whether it gives rates, which have bursts.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        !matches!(self, Source::Ram(_))
    }

    /// The series that are gaps when it can't be read and nothing is known from before.
    #[must_use]
    pub fn expected(&self) -> Vec<Series> {
        match self {
            Source::Ram(ram) => vec![ram.series()],
            Source::Network(network) => network.expected(),
            Source::Haproxy(haproxy) => vec![haproxy.series()],
            Source::AccessLog(log) => vec![log.series()],
        }
    }

    /// Interfaces that the configuration names but that don't count, since they stand on others that do: worth a warning.
    #[must_use]
    pub fn duplicates(&self) -> &[String] {
        match self {
            Source::Network(network) => network.duplicates(),
            Source::Ram(_) | Source::Haproxy(_) | Source::AccessLog(_) => &[],
        }
    }
}

/// Why a source can't tell.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file can't be read.
    #[error("can't read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file says something else than it should.
    #[error("{} is not understood: {garbled}", path.display())]
    Garbled {
        /// The file or socket.
        path: PathBuf,
        /// What is wrong with it.
        garbled: Garbled,
    },
    /// A cgroup is not where it should be.
    #[error("there is no cgroup at {}: correct ram.cgroup, or set ram.scope to \"host\"", path.display())]
    NoCgroup {
        /// Where it should be.
        path: PathBuf,
    },
    /// Whether the licensed software runs can't be seen.
    #[error("{} hides processes from the agent: mount it without hidepid, drop ProtectProc from the unit", path.display())]
    ProcessesHidden {
        /// The process directory.
        path: PathBuf,
    },
    /// There is nothing to count by default.
    #[error("{} shows no interface that counts: name those that do in network.interfaces", path.display())]
    NoInterface {
        /// Where interfaces were looked for.
        path: PathBuf,
    },
    /// No interface fits the configured patterns.
    #[error("no interface fits {patterns}: correct network.interfaces; there are {there}")]
    NoneFits {
        /// The patterns.
        patterns: String,
        /// The interfaces that there are.
        there: String,
    },
    /// There is no log.
    #[error("no log at {}: correct `path`, or let the server write its log there", path.display())]
    NoLog {
        /// Where it should be.
        path: PathBuf,
    },
    /// The agent may not read a log.
    #[error("no permission to read {}: add the agent's user to the group that may (often `adm`), and let the directory be searched", path.display())]
    LogNotPermitted {
        /// The log.
        path: PathBuf,
    },
    /// A log's lines are not what they should be.
    #[error("none of {lines} new lines of {} is in the configured format: set `format` to the one that the server writes", path.display())]
    OtherFormat {
        /// The log.
        path: PathBuf,
        /// How many lines there were.
        lines: u64,
    },
    /// Nobody listens at HAProxy's socket.
    #[error("nothing listens at {} ({error}): start HAProxy, or set `socket` to the path in its `stats socket` line", socket.display())]
    NotListening {
        /// The socket.
        socket: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The agent may not connect to HAProxy's socket.
    #[error("no permission to connect to {}: add the agent's user to the socket's group", socket.display())]
    NotPermitted {
        /// The socket.
        socket: PathBuf,
    },
    /// HAProxy does not let its socket's users see its statistics.
    #[error("HAProxy at {} says \"permission denied\": give its `stats socket` line `level user` or more", socket.display())]
    LevelTooLow {
        /// The socket.
        socket: PathBuf,
    },
    /// The peer does not answer, or too slowly.
    #[error("no whole answer from {} within {within_ms} ms", socket.display())]
    TooSlow {
        /// The socket.
        socket: PathBuf,
        /// How long was waited, at least.
        within_ms: u64,
    },
    /// The peer answers without end.
    #[error("the answer from {} is longer than {max} bytes", socket.display())]
    TooLong {
        /// The socket.
        socket: PathBuf,
        /// How much was taken.
        max: usize,
    },
}

impl SourceError {
    fn unreadable(path: &Path, error: io::Error) -> Self {
        SourceError::Unreadable { path: path.to_owned(), error }
    }

    fn garbled(path: &Path, garbled: Garbled) -> Self {
        SourceError::Garbled { path: path.to_owned(), garbled }
    }
}

/// What is wrong with a text that a parser refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Garbled(String);

impl Garbled {
    /// Says what is wrong.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Garbled(why.into())
    }

    /// Says what is wrong and shows where: the beginning of `at`, with nothing in it that could upset a log.
    pub(crate) fn at(why: &str, at: &str) -> Self {
        let shown: String = at.chars().take(40).flat_map(char::escape_debug).collect();
        Garbled(format!("{why} at `{shown}`"))
    }
}

/// A number of digits alone, as the kernel and proxies write their counters. `u64`'s own parser takes a sign, too.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
