//! The words of metering: what is measured, of what, and why a figure may be missing.

use std::fmt;
use std::str::FromStr;

/// The subject under which an instance's sum over all subjects of a meter is told.
pub const TOTAL: &str = "total";

/// A word that is none of those expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not one of {}", expected.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What would have been right.
    pub expected: Vec<&'static str>,
}

/// Declares an enum whose variants have one stable name and one stable number each: the name stands in logs, JSON and the
/// ledger's views, the number in the ledger and under its digests.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// All of them, in their stable order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name that logs, JSON and the command line use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The number that the ledger keeps and digests cover. Never reused.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $($name::$variant => $code),+ }
            }

            /// The variant of a number kept in a ledger, if there is one.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err(UnknownWord { word: word.to_owned(), expected: vec![$($word),+] }),
                }
            }
        }
    };
}

words! {
    /// What is measured.
    Meter {
        /// Bytes of RAM that the metered software could use.
        RamCapacity = 1 "ram_capacity",
        /// Bit/s through the counted interfaces, averaged over the slot.
        NetworkThroughput = 2 "network_throughput",
        /// New TLS sessions per second, full and resumed handshakes alike, averaged over the slot.
        SslTps = 3 "ssl_tps",
        /// Bytes through a virtual service within the slot, both directions added up.
        VsBytes = 4 "vs_bytes",
        /// Bit/s through the counted interfaces: the highest rate of any sub-window of the slot.
        NetworkThroughputBurst = 5 "network_throughput_burst",
        /// New TLS sessions per second: the highest rate of any sub-window of the slot.
        SslTpsBurst = 6 "ssl_tps_burst",
    }
}

words! {
    /// Why a slot has no reading. Ordered by how far the cause reaches: where a slot has several, the first is told.
    GapReason {
        /// The wall clock was set, so that the slot never was, or its length is not what the clock says.
        ClockJump = 1 "clock_jump",
        /// The host was off, rebooting or suspended.
        HostDown = 2 "host_down",
        /// The host was up, but the agent was not there to read, or could not keep what it read.
        AgentDown = 3 "agent_down",
        /// A counter ran backwards or began anew, so that its difference says nothing.
        CounterReset = 4 "counter_reset",
        /// The source gave an error, nonsense, or no answer in time.
        SourceFailed = 5 "source_failed",
    }
}

words! {
    /// How an interface's two directions make one billable figure.
    CountRule {
        /// The larger of the two: a load balancer receives each byte once and sends it once.
        Max = 1 "max",
        /// What was received.
        Rx = 2 "rx",
        /// What was sent.
        Tx = 3 "tx",
        /// Both added up.
        Sum = 4 "sum",
    }
}

impl Meter {
    /// The base unit of the meter's values.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Meter::RamCapacity | Meter::VsBytes => "bytes",
            Meter::NetworkThroughput | Meter::NetworkThroughputBurst => "bit/s",
            Meter::SslTps | Meter::SslTpsBurst => "sessions/s",
        }
    }

    /// Whether it is the highest rate of any sub-window of the slot. The highest rates of several series need not be of the same
    /// sub-window, and can't be added up: such a meter's total is an entry of its own, with the subject [`TOTAL`].
    #[must_use]
    pub const fn is_burst(self) -> bool {
        matches!(self, Meter::NetworkThroughputBurst | Meter::SslTpsBurst)
    }
    /// The meter of this one's bursts, where it is a rate that has them.
    #[must_use]
    pub const fn burst(self) -> Option<Meter> {
        match self {
            Meter::NetworkThroughput => Some(Meter::NetworkThroughputBurst),
            Meter::SslTps => Some(Meter::SslTpsBurst),
            Meter::RamCapacity | Meter::VsBytes | Meter::NetworkThroughputBurst | Meter::SslTpsBurst => None,
        }
    }
}

impl CountRule {
    /// The billable figure of two directions.
    #[must_use]
    pub fn apply(self, rx: f64, tx: f64) -> f64 {
        match self {
            CountRule::Max => rx.max(tx),
            CountRule::Rx => rx,
            CountRule::Tx => tx,
            CountRule::Sum => rx + tx,
        }
    }
}

/// A meter and what it is measured of: `host`, an interface's name, a TLS source's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// What is measured.
    pub meter: Meter,
    /// Of what.
    pub subject: String,
}

impl Series {
    /// The series of `meter` for `subject`.
    pub fn new(meter: Meter, subject: impl Into<String>) -> Self {
        Series { meter, subject: subject.into() }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.meter, self.subject)
    }
}
