//! The configuration: final types, and how they are made from a TOML file, the environment and the command line.
//!
//! ```text
//! file   -> document -> table --\
//! environment ----------> env ----> layers -> reader -> Config, Warnings, Origins -> show
//! command line -----------------/               \-> Mistakes: all of them, each with its place and its mend
//! ```

#[cfg(test)]
mod access_log_tests;
mod central_url;
mod document;
mod duration;
mod env;
mod gate;
mod keys;
mod kubernetes;
mod layers;
mod ledger;
mod licence;
mod listen;
mod load;
mod log;
mod mistakes;
mod network;
mod pods;
#[cfg(test)]
mod pods_tests;
#[cfg(test)]
mod prometheus_tests;
mod proxy_url;
mod ram;
mod raw;
mod reader;
mod sampling;
mod show;
pub mod ssl;
#[cfg(test)]
mod ssl_tests;
mod state_dir;
mod table;
#[cfg(test)]
mod tests;
mod uplink;
mod zone;

pub use central_url::{CentralUrl, NoCentralUrl};
pub use gate::gate_files;
pub use kubernetes::{Kubernetes, LicenceSecret};
pub use load::{Inputs, Loaded, find_file, load};
pub use mistakes::{MISTAKES_MAX, Mistake, Mistakes, Place, Warning};
pub use pods::{Pods, PodsBy};
pub use proxy_url::{NoProxyUrl, ProxyUrl};
pub use show::{Origin, Origins, Value, effective, show};
pub use ssl::{
    AccessLog, Handshakes, JsonNames, LineForm, Lines, LogRule, Pattern, Piece, Role, Ssl, SslSource,
};

use highwater_rules::day::Calendar;
use highwater_rules::meter::CountRule;
use highwater_rules::slot::SlotLength;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How long readings are kept in the ledger's ring unless configured: 120 days.
pub const DEFAULT_RETENTION_S: u64 = 120 * 86_400;

/// Where the gate of a packaged agent is: its status file and its socket.
pub const GATE_DIR: &str = "/run/highwater";

/// The whole configuration, with every default filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the agent keeps its ledger: `state_dir`.
    pub state_dir: PathBuf,
    /// When and where samples are taken.
    pub sampling: Sampling,
    /// RAM capacity.
    pub ram: Ram,
    /// Network throughput.
    pub network: Network,
    /// TLS sources, in the order of the file. Their names differ.
    pub ssl: Vec<Ssl>,
    /// How long readings are kept, in seconds: `ledger.retention`.
    pub retention_s: u64,
    /// How reports reach central.
    pub uplink: Uplink,
    /// A licence of the operator's own, which is read and never written: `licence.file`. An absolute path.
    pub licence_file: Option<PathBuf>,
    /// Where the metered software is told whether it may run.
    pub gate: Gate,
    /// The cluster whose node the agent runs on; none where no node is named.
    pub kubernetes: Option<Kubernetes>,
    /// Where the agent's metrics can be scraped: `listen.address`.
    pub listen: Listen,
    /// The log.
    pub log: Log,
}

/// `[sampling]`
#[derive(Debug, Clone)]
pub struct Sampling {
    /// The slot's length: `interval`.
    pub interval: SlotLength,
    /// The length of the sub-windows whose highest rate is kept beside the slot's average: `burst`. It divides the slot.
    pub burst: Option<SlotLength>,
    /// The billing day's calendar: `time_zone`.
    pub calendar: Calendar,
    /// The root of the file system that is metered: `/`, or where the host's is mounted.
    pub root: PathBuf,
}

/// `[ram]`
#[derive(Debug, Clone)]
pub struct Ram {
    /// Whose memory counts: `scope`.
    pub scope: RamScope,
    /// The licensed software; where it is configured, RAM counts only while it is there: `presence`.
    pub presence: Option<Presence>,
    /// The cgroup that `scope = "cgroup"` starts from, as `/proc/PID/cgroup` writes it; the agent's own where not given.
    pub cgroup: Option<String>,
    /// Which pods count where `scope = "pods"`, and how they are known.
    pub pods: Pods,
}

/// Whose memory counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RamScope {
    /// The container's limit in a container, else the host's.
    Auto,
    /// MemTotal.
    Host,
    /// The smallest limit from a cgroup up to the root, bounded by MemTotal.
    Cgroup,
    /// The pods of this node.
    #[cfg(feature = "kubernetes")]
    Pods,
}

impl RamScope {
    /// All of them.
    pub const ALL: &'static [RamScope] = &[
        RamScope::Auto,
        RamScope::Host,
        RamScope::Cgroup,
        #[cfg(feature = "kubernetes")]
        RamScope::Pods,
    ];

    /// The word that the configuration uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            RamScope::Auto => "auto",
            RamScope::Host => "host",
            RamScope::Cgroup => "cgroup",
            #[cfg(feature = "kubernetes")]
            RamScope::Pods => "pods",
        }
    }
}

/// How the licensed software is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// A running process of this name (its `comm`, or the file name of its executable).
    Process(String),
    /// A running process of this executable.
    Executable(PathBuf),
}

/// `[network]`
#[derive(Debug, Clone)]
pub struct Network {
    /// Names or patterns (`eth*`) of the interfaces that count: `interfaces`. Empty: chosen by rule.
    pub interfaces: Vec<String>,
    /// How the two directions make one figure: `count`.
    pub count: CountRule,
}

/// `[uplink]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// Where central is: `url`. Where not given, the one that the activation left.
    pub url: Option<CentralUrl>,
    /// Through which proxy it is reached: `proxy`.
    pub proxy: ProxyChoice,
    /// The file of its password, where its URL has a name alone: `proxy_password_file`. It is read for each push.
    pub proxy_password_file: Option<PathBuf>,
    /// The certificates (PEM) that central's is held to: `ca_file`. Where not given, what the activation left, else the host's.
    pub ca_file: Option<PathBuf>,
    /// The agent's own certificate, where central or a proxy before it asks for one.
    pub client: Option<ClientFiles>,
    /// Names of the host, of interfaces and sources leave it as salted hashes only: `hash_names`.
    pub hash_names: bool,
    /// The way that reports go: `transport`.
    pub transport: Transport,
    /// The file of an enrolment token, by which an agent that is not activated activates itself: `enrolment_token_file`.
    pub enrolment_token_file: Option<PathBuf>,
}

impl Default for Uplink {
    fn default() -> Self {
        Uplink {
            url: None,
            proxy: ProxyChoice::Environment,
            proxy_password_file: None,
            ca_file: None,
            client: None,
            hash_names: false,
            transport: Transport::Direct,
            enrolment_token_file: None,
        }
    }
}

/// The agent's own TLS certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The file of the certificate and those between it and its root, as PEM: `client_cert`.
    pub cert: PathBuf,
    /// The file of its private key, as PEM: `client_key`.
    pub key: PathBuf,
}

/// Through which proxy central is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The one that the environment names, if any: `HTTPS_PROXY`, `ALL_PROXY`, but for what `NO_PROXY` lists.
    Environment,
    /// None.
    Direct,
    /// This one.
    Through(ProxyUrl),
}

impl std::fmt::Display for ProxyChoice {
    /// The word that the configuration uses, or the URL without its password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProxyChoice::Environment => f.write_str("environment"),
            ProxyChoice::Direct => f.write_str("none"),
            ProxyChoice::Through(url) => url.fmt(f),
        }
    }
}

/// The way that reports go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// To central itself.
    Direct,
    /// By files that are carried: the agent opens no connection.
    AirGap,
    /// Through object storage: bundles are put there, and their receipts are fetched from there.
    ObjectStore,
}

impl Transport {
    /// All of them.
    pub const ALL: &'static [Transport] = &[Transport::Direct, Transport::AirGap, Transport::ObjectStore];

    /// The word that the configuration uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Transport::Direct => "direct",
            Transport::AirGap => "air-gap",
            Transport::ObjectStore => "object-store",
        }
    }
}

/// `[gate]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The file that tells the gate's state: `status_file`. An absolute path.
    pub status_file: PathBuf,
    /// The Unix socket that tells it: `socket`. An absolute path; `None` switches it off.
    pub socket: Option<PathBuf>,
    /// Commands for `/bin/sh -c`, run in this order on each change of stage: `hooks`.
    pub hooks: Vec<String>,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere: no socket is opened.
    Nowhere,
    /// At a Unix socket, by its absolute path.
    Unix(PathBuf),
    /// At a port of a loopback address.
    Tcp(SocketAddr),
}

/// `[log]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// How a line is written: `format`.
    pub format: LogFormat,
    /// The least level that is written: `level`.
    pub level: LogLevel,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// To systemd's journal where standard output leads there, else `key=value`.
    Auto,
    /// To systemd's journal, in fields.
    Journal,
    /// `key=value`, separated by spaces.
    Logfmt,
    /// One JSON object.
    Json,
}

impl LogFormat {
    /// All of them.
    pub const ALL: &'static [LogFormat] =
        &[LogFormat::Auto, LogFormat::Journal, LogFormat::Logfmt, LogFormat::Json];

    /// The word that the configuration uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LogFormat::Auto => "auto",
            LogFormat::Journal => "journal",
            LogFormat::Logfmt => "logfmt",
            LogFormat::Json => "json",
        }
    }
}

/// The levels of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What stops a part of the job.
    Error,
    /// What needs a look.
    Warn,
    /// A healthy day.
    Info,
    /// What helps to find a fault.
    Debug,
}

impl LogLevel {
    /// All of them.
    pub const ALL: &'static [LogLevel] = &[LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];

    /// The word that the configuration uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }
}
