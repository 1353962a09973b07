//! What central knows of: contracts, tokens, activations, reports, alarms, keys, and who changed what.
//!
//! Moments are unix seconds of central's clock, unless a field says otherwise. Ids are UUIDs as text.

mod activation;
mod alarm;
mod audit;
mod bounds;
mod contract;
mod figures;
mod key;
mod licence;
mod limits;
mod node;
mod page;
mod report;
mod service_token;
mod token;
mod upload;

pub use activation::{
    Activation, ActivationChange, ActivationFilter, ActivationState, Denied, Granted, HostFacts, Joining,
};
pub use alarm::{Alarm, AlarmFilter, AlarmKind};
pub use audit::{AuditFilter, AuditRow, By};
pub use contract::{BLOCK_UNCONFIRMED_S, Contract, ContractChange, ContractStatus, Mode, NewContract};
pub use figures::{COMMIT_BOUNDS_S, Durations, Figures};
pub use key::{AdminToken, SigningKey};
pub use licence::{Due, Licence, LicenceFilter, LicenceOf, Licensee, Unlicensed};
pub use limits::LimitsChange;
pub use node::{
    Cluster, ClusterDay, ClusterDaysFilter, ClusterMeter, Member, NodeFacts, NodeIdentity, Stay, ToldDay,
    check_cluster_name, days, nodes,
};
pub use page::{PAGE_DEFAULT, PAGE_MAX, Page};
pub use report::{Arrival, Decision, Line, Placed, ReceiptFacts, ReportFilter, ReportRow, StoredReport};
pub use service_token::{NewServiceToken, ServiceToken};
pub use token::{Confirm, NewToken, Token};
pub use upload::Upload;

/// A closed set of words: how each is kept and shown, and back.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that the database, JSON and the command line use.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// What a word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::from_word(text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|one| one.word()).collect();
                    format!("{text:?} is none of: {}", words.join(", "))
                })
            }
        }
    };
}
pub(crate) use words;
