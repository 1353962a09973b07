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
pub mod fetch;
pub mod interfaces;
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
    /// Virtual services that are told of as one, since there are more than are to stand alone.
    pub summed: Vec<String>,
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
    /// TLS sessions, as this host's kernel sees them.
    Kernel(ssl::kernel::Kernel),
    /// TLS sessions, as a LoadMaster tells them.
    Loadmaster(ssl::loadmaster::Loadmaster),
    /// TLS sessions, as an exposition for Prometheus tells them.
    Prometheus(ssl::prometheus::Prometheus),
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
                let source = ssl::haproxy::Haproxy::new(&root, name, &haproxy.socket);
                Source::Haproxy(source.with_services(haproxy.services))
            }
            SslSource::Kernel(kernel) => Source::Kernel(ssl::kernel::Kernel::new(&root, name, kernel)),
            SslSource::Loadmaster(settings) => {
                Source::Loadmaster(ssl::loadmaster::Loadmaster::new(name, settings))
            }
            SslSource::Prometheus(settings) => {
                Source::Prometheus(ssl::prometheus::Prometheus::new(&root, name, settings))
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
            Source::Kernel(kernel) => format!("ssl/{}", kernel.name()),
            Source::Loadmaster(loadmaster) => format!("ssl/{}", loadmaster.name()),
            Source::Prometheus(prometheus) => format!("ssl/{}", prometheus.name()),
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
            Source::Kernel(kernel) => kernel.read(),
            Source::Loadmaster(loadmaster) => loadmaster.read(),
            Source::Prometheus(prometheus) => prometheus.read(),
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
            Source::Haproxy(_) | Source::AccessLog(_) | Source::Loadmaster(_) | Source::Prometheus(_) => true,
            Source::Kernel(kernel) => kernel.may_block(),
        }
    }

    /// The stack that a thread needs to read it, in bytes. Most read small files and sockets.
    #[must_use]
    pub const fn stack_bytes(&self) -> usize {
        match self {
            Source::Loadmaster(_) | Source::Prometheus(_) => fetch::STACK_BYTES,
            Source::AccessLog(_) => 256 * 1024,
            Source::Ram(_) | Source::Network(_) | Source::Haproxy(_) | Source::Kernel(_) => 128 * 1024,
        }
    }

    /// How long reading it may take, where the slot is long enough for that.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        match self {
            Source::Ram(_)
            | Source::Network(_)
            | Source::Haproxy(_)
            | Source::Kernel(_)
            | Source::Loadmaster(_)
            | Source::Prometheus(_) => TIMEOUT,
            Source::AccessLog(_) => ssl::access_log::TIMEOUT,
        }
    }

    /// Takes up the note that it left with the last record that was kept, before it is read for the first time. Most leave none.
    pub fn resume(&mut self, note: &str) {
        match self {
            Source::AccessLog(log) => log.resume(note),
            Source::Ram(_)
            | Source::Network(_)
            | Source::Haproxy(_)
            | Source::Kernel(_)
            | Source::Loadmaster(_)
            | Source::Prometheus(_) => {}
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
            Source::Kernel(kernel) => vec![kernel.series()],
            Source::Loadmaster(loadmaster) => vec![loadmaster.series()],
            Source::Prometheus(prometheus) => vec![prometheus.series()],
            Source::AccessLog(log) => vec![log.series()],
        }
    }

    /// Interfaces that the configuration names but that don't count, since they stand on others that do: worth a warning.
    #[must_use]
    pub fn duplicates(&self) -> &[String] {
        match self {
            Source::Network(network) => network.duplicates(),
            Source::Kernel(kernel) => kernel.duplicates(),
            Source::Ram(_)
            | Source::Haproxy(_)
            | Source::AccessLog(_)
            | Source::Loadmaster(_)
            | Source::Prometheus(_) => &[],
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
    #[error("{} shows no interface that counts: name those that do in {key}", path.display())]
    NoInterface {
        /// Where interfaces were looked for.
        path: PathBuf,
        /// Where they can be named.
        key: &'static str,
    },
    /// No interface fits the configured patterns.
    #[error("no interface fits {patterns}: correct {key}; there are {there}")]
    NoneFits {
        /// The patterns.
        patterns: String,
        /// The interfaces that there are.
        there: String,
        /// Where the patterns are.
        key: &'static str,
    },
    /// An interface that is named is not there.
    #[error("no interface is called {names}: correct {key}")]
    NoSuchInterface {
        /// The names.
        names: String,
        /// Where they are named.
        key: &'static str,
    },
    /// More interfaces fit than are counted on.
    #[error("{count} interfaces fit, of at most {max}: name fewer in {key}")]
    TooManyInterfaces {
        /// How many fit.
        count: usize,
        /// How many may.
        max: usize,
        /// Where they are named.
        key: &'static str,
    },
    /// The agent has no right to packet sockets.
    #[error(
        "no right to count packets: give the unit `AmbientCapabilities=CAP_NET_RAW` and AF_PACKET in its \
         `RestrictAddressFamilies=`, or run `setcap cap_net_raw+ep {}`",
        executable.display()
    )]
    NoPacketSockets {
        /// The program.
        executable: PathBuf,
    },
    /// Packet sockets are forbidden to the agent, or this kernel has none.
    #[error("packet sockets are forbidden here: add AF_PACKET to the unit's `RestrictAddressFamilies=`")]
    NoPacketFamily,
    /// The kernel refuses to count on an interface.
    #[error("can't count on {interface} ({error}): it is tried again with the next sample")]
    NotCounted {
        /// The interface.
        interface: String,
        /// Why.
        error: io::Error,
    },
    /// The agent's own interfaces are not the metered host's.
    #[error("the agent is in another network namespace than the host at {}: give its pod `hostNetwork: true`", root.display())]
    OtherNamespace {
        /// The host's root.
        root: PathBuf,
    },
    /// A server gives no whole answer.
    #[error("no answer from {place}: {why}")]
    Unreached {
        /// Where.
        place: String,
        /// Why.
        why: String,
    },
    /// A server's certificate does not hold.
    #[error(
        "{place} is not trusted ({why}): set ca_file to its authority's certificate, or certificate_sha256 to its own's SHA-256"
    )]
    Untrusted {
        /// Where.
        place: String,
        /// Why.
        why: String,
    },
    /// A server does not let the agent in.
    #[error(
        "{place} does not let the agent in ({status}): correct the user, password, key or certificate that the source names"
    )]
    NotLetIn {
        /// Where.
        place: String,
        /// The status that it answered with.
        status: u16,
    },
    /// A server does not do what it is asked.
    #[error("{place} refuses the question: {code} {why}")]
    Refused {
        /// Where.
        place: String,
        /// The status that it answered with.
        code: u64,
        /// Why, in its words.
        why: String,
    },
    /// A server answers something else than it should.
    #[error("the answer from {place} is not understood: {garbled}")]
    GarbledAnswer {
        /// Where.
        place: String,
        /// What is wrong with it.
        garbled: Garbled,
    },
    /// A server answers without end.
    #[error("the answer from {place} is longer than {max} bytes")]
    AnswerTooLong {
        /// Where.
        place: String,
        /// How much was taken.
        max: usize,
    },
    /// A file should hold a secret.
    #[error("{} holds no secret: write it there on one line", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
    /// A file should hold a certificate or its key.
    #[error("{} holds no certificate or key that can be used: give it as PEM, a key without a password", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// An exposition has no series that is to be counted.
    #[error("{place} tells no series {wanted}: {mend}")]
    NoSeries {
        /// Where it was looked for.
        place: String,
        /// What was looked for.
        wanted: String,
        /// What there is instead, and what to do.
        mend: String,
    },
    /// A file is no longer written.
    #[error("{} was last written {age_s} s ago, of at most {max_s} s: start what writes it", path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// How long ago, in seconds.
        age_s: i64,
        /// How long ago it may be, in seconds.
        max_s: i64,
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
