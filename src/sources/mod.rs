//! The sources: a closed set, one file each. A source says what it sees now; what that makes of a slot is for the rules.

#[cfg(feature = "kubernetes")]
use crate::config::RamScope;
use crate::config::{Config, Ssl, SslSource};
use crate::files::Root;
use highwater_rules::figure::Observation;
use highwater_rules::meter::Series;
use std::time::Duration;

pub mod cgroup;
pub mod container;
mod error;
pub mod fetch;
pub mod interfaces;
pub mod links;
pub mod network;
#[cfg(feature = "kubernetes")]
pub mod pods;
pub mod presence;
pub mod ram;
pub mod ssl;

pub use error::{Garbled, SourceError};

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
    /// RAM capacity of the pods of this node.
    #[cfg(feature = "kubernetes")]
    Pods(pods::Pods),
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
    /// TLS sessions, as expositions of pods of this node tell them.
    #[cfg(feature = "kubernetes")]
    Scraped(ssl::prometheus::Scraped),
    /// TLS sessions, as a server's access log tells of them.
    AccessLog(ssl::access_log::AccessLog),
}

impl Source {
    /// The sources that a configuration asks for: RAM, network, and the TLS sources in the file's order.
    #[must_use]
    pub fn all(config: &Config) -> Vec<Source> {
        let root = Root::new(&config.sampling.root);
        #[cfg(feature = "kubernetes")]
        let users = pods::Users::new(config);
        #[cfg(feature = "kubernetes")]
        let ram = match config.ram.scope {
            RamScope::Pods => Source::Pods(pods::Pods::new(&root, &config.ram.pods, users.of_ram())),
            RamScope::Auto | RamScope::Host | RamScope::Cgroup => {
                Source::Ram(ram::Ram::new(root.clone(), &config.ram))
            }
        };
        #[cfg(not(feature = "kubernetes"))]
        let ram = Source::Ram(ram::Ram::new(root.clone(), &config.ram));
        let mut sources = vec![ram, Source::Network(network::Network::new(root.clone(), &config.network))];
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
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(settings) => {
                Source::Scraped(ssl::prometheus::Scraped::new(name, settings, users.of_ssl(name)))
            }
        }));
        sources
    }

    /// Its name: `ram`, `network`, `ssl/NAME`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Source::Ram(_) => "ram".to_owned(),
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) => "ram".to_owned(),
            Source::Network(_) => "network".to_owned(),
            Source::Haproxy(haproxy) => format!("ssl/{}", haproxy.name()),
            Source::Kernel(kernel) => format!("ssl/{}", kernel.name()),
            Source::Loadmaster(loadmaster) => format!("ssl/{}", loadmaster.name()),
            Source::Prometheus(prometheus) => format!("ssl/{}", prometheus.name()),
            #[cfg(feature = "kubernetes")]
            Source::Scraped(scraped) => format!("ssl/{}", scraped.name()),
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
            #[cfg(feature = "kubernetes")]
            Source::Pods(pods) => pods.read(),
            Source::Network(network) => network.read(),
            Source::Haproxy(haproxy) => haproxy.read(),
            Source::Kernel(kernel) => kernel.read(),
            Source::Loadmaster(loadmaster) => loadmaster.read(),
            Source::Prometheus(prometheus) => prometheus.read(),
            #[cfg(feature = "kubernetes")]
            Source::Scraped(scraped) => scraped.read(),
            Source::AccessLog(log) => log.read(),
        }
    }

    /// Whether reading it can wait for others: a peer, another process, a file system that is not this kernel's own. What the
    /// kernel says of itself, it says at once.
    #[must_use]
    pub fn may_block(&self) -> bool {
        match self {
            Source::Ram(ram) => ram.may_block(),
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) | Source::Scraped(_) => true,
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
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) | Source::Scraped(_) => fetch::STACK_BYTES,
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
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) => pods::TIMEOUT,
            #[cfg(feature = "kubernetes")]
            Source::Scraped(_) => ssl::prometheus::SCRAPED_TIMEOUT,
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
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) | Source::Scraped(_) => {}
        }
    }

    /// Whether it gives rates, which have bursts.
    #[must_use]
    pub fn has_rates(&self) -> bool {
        match self {
            Source::Ram(_) => false,
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) => false,
            _ => true,
        }
    }

    /// Whether a series that it told of and no longer tells of has ended without a gap: pods come and go, and their source tells the
    /// total itself.
    #[must_use]
    pub const fn ends_series(&self) -> bool {
        match self {
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) => true,
            _ => false,
        }
    }

    /// What it asks early in a slot, so that the answer is there at the slot's end.
    #[cfg(feature = "kubernetes")]
    #[must_use]
    pub fn asks_early(&self) -> Option<&std::sync::Arc<pods::Shared>> {
        match self {
            Source::Pods(pods) => pods.user().map(pods::User::shared),
            Source::Scraped(scraped) => scraped.user().map(pods::User::shared),
            _ => None,
        }
    }

    /// The series that are gaps when it can't be read and nothing is known from before.
    #[must_use]
    pub fn expected(&self) -> Vec<Series> {
        match self {
            Source::Ram(ram) => vec![ram.series()],
            #[cfg(feature = "kubernetes")]
            Source::Pods(pods) => vec![pods.series()],
            Source::Network(network) => network.expected(),
            Source::Haproxy(haproxy) => vec![haproxy.series()],
            Source::Kernel(kernel) => vec![kernel.series()],
            Source::Loadmaster(loadmaster) => vec![loadmaster.series()],
            Source::Prometheus(prometheus) => vec![prometheus.series()],
            #[cfg(feature = "kubernetes")]
            Source::Scraped(scraped) => vec![scraped.series()],
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
            #[cfg(feature = "kubernetes")]
            Source::Pods(_) | Source::Scraped(_) => &[],
        }
    }
}

/// A number of digits alone, as the kernel and proxies write their counters. `u64`'s own parser takes a sign, too.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
