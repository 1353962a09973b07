//! Why a source can't tell: each names the place, and what to do about it.

use super::cgroup::Hierarchy;
use std::io;
use std::path::{Path, PathBuf};

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
    #[error(
        "there is no cgroup at {} in the hierarchy that limits memory here ({}): correct ram.cgroup, or set ram.scope to \"host\"",
        path.display(), hierarchy.word()
    )]
    NoCgroup {
        /// Where it should be.
        path: PathBuf,
        /// In which hierarchy.
        hierarchy: Hierarchy,
    },
    /// Whether the licensed software runs can't be seen.
    #[error("{} hides processes from the agent: under systemd install the drop-in presence.conf (docs/systemd.md), and mount it without hidepid", path.display())]
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
        "no right to count packets: under the packaged unit install the drop-in kernel.conf (docs/systemd.md); a unit of your own \
         needs `AmbientCapabilities=CAP_NET_RAW`, AF_PACKET in `RestrictAddressFamilies=`, and `PrivateUsers=no`; without systemd \
         run `setcap cap_net_raw+ep {}`",
        executable.display()
    )]
    NoPacketSockets {
        /// The program.
        executable: PathBuf,
    },
    /// Packet sockets are forbidden to the agent, or this kernel has none.
    #[error(
        "packet sockets are forbidden here: install the drop-in kernel.conf (docs/systemd.md), or add AF_PACKET to the unit's \
         `RestrictAddressFamilies=`"
    )]
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
    /// A server shows another certificate than the one that is configured.
    #[error(
        "{place} is not trusted: it shows a certificate with the SHA-256 {shown}, which is not the configured certificate_sha256: \
         set it to that if the certificate is the server's own, else look for what stands between"
    )]
    OtherCertificate {
        /// Where.
        place: String,
        /// The SHA-256 of what it shows.
        shown: String,
    },
    /// A server shows the certificate of an authority as its own.
    #[error(
        "{place} is not trusted ({why}): its own certificate is an authority's, which ca_file can't hold it to: set \
         certificate_sha256 to its SHA-256 instead of ca_file"
    )]
    ShowsAuthority {
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
    /// A file says that it was written later than now: it would count as fresh for long after nobody writes it.
    #[error(
        "{} was last written {ahead_s} s from now, of at most {max_s} s: correct the clock of the host that writes it, or of this one",
        path.display()
    )]
    Ahead {
        /// The file.
        path: PathBuf,
        /// How far from now, in seconds.
        ahead_s: i64,
        /// How far it may be, in seconds.
        max_s: i64,
    },
    /// There is no log.
    #[error(
        "no log at {}: correct `path`, or let the server write its log there; what is below /tmp or /home the packaged unit does not see",
        path.display()
    )]
    NoLog {
        /// Where it should be.
        path: PathBuf,
    },
    /// The agent may not read a log.
    #[error(
        "no permission to read {}: under systemd `sudo highwater doctor` names the drop-in (logs.conf, with the log's group) or the \
         setting that keeps it from there; else add the agent's user to the group that may, and let the directory be searched",
        path.display()
    )]
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
    /// The API server does not tell of pods, or of the node.
    #[cfg(feature = "kubernetes")]
    #[error("{0}")]
    Api(std::sync::Arc<crate::kubernetes::ApiError>),
    /// The API server has asked not to be asked.
    #[cfg(feature = "kubernetes")]
    #[error("the API server asked to be left alone for {left_s} s more: it is asked again after that")]
    AskedToWait {
        /// For how long, in seconds.
        left_s: i64,
    },
    /// Pods are to be told by the API server, and nobody says of which node.
    #[cfg(feature = "kubernetes")]
    #[error(
        "which node this is, nobody says: set HIGHWATER_KUBERNETES__NODE from spec.nodeName, as the chart does"
    )]
    NoNode,
    /// There is no kubelet's cgroup.
    #[cfg(feature = "kubernetes")]
    #[error(
        "no cgroup of a kubelet's (kubepods) is below {} ({}): mount the host's /sys at sys below sampling.root, or take ram.pods = \"api\"",
        path.display(), hierarchy.word()
    )]
    NoKubepods {
        /// Where it was looked for.
        path: PathBuf,
        /// In which hierarchy.
        hierarchy: Hierarchy,
    },
    /// A pod's annotation names no place of metrics.
    #[cfg(feature = "kubernetes")]
    #[error(
        "the pod {pod} says `highwater.dev/scrape: {text}`, which names no metrics: write PORT, or PORT/PATH such as 8404/metrics"
    )]
    NoScrape {
        /// `NAMESPACE/NAME`.
        pod: String,
        /// What it says.
        text: String,
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
    #[error(
        "no permission to connect to {}: under the packaged unit install the drop-in haproxy-socket.conf, with the socket's group \
         (docs/systemd.md); without it add the agent's user to that group",
        socket.display()
    )]
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
    pub(super) fn unreadable(path: &Path, error: io::Error) -> Self {
        SourceError::Unreadable { path: path.to_owned(), error }
    }

    pub(super) fn garbled(path: &Path, garbled: Garbled) -> Self {
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
