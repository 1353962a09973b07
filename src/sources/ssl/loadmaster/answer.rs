//! What a LoadMaster's answer to `stats` says, in whichever of its two forms.

use crate::sources::ssl::services::Service;
use crate::sources::{Garbled, digits};

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The statistics.
    Stats(Stats),
    /// A refusal.
    Refused {
        /// The code that it names: an HTTP status.
        code: u64,
        /// Why, in its words.
        why: String,
    },
}

/// What is metered of the statistics.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// New TLS sessions per second, as it shows them now; firmware before 7.2.50 may not tell them.
    pub tps: Option<f64>,
    /// Its virtual services and the bytes through each.
    pub services: Vec<Service>,
}

/// The longest word of a refusal that is kept, in characters.
const WHY_MAX: usize = 200;

impl Answer {
    /// A refusal, with no more of its words than a log takes.
    pub(super) fn refused(code: u64, why: &str) -> Self {
        Answer::Refused { code, why: why.trim().chars().take(WHY_MAX).collect() }
    }
}

/// The highest rate that is believed, per second: a processor core makes some thousands, and no appliance has a hundred thousand.
const RATE_MAX: f64 = 1e9;

/// The rate that a text tells.
pub(super) fn rate(text: &str) -> Result<f64, Garbled> {
    let rate = text.parse().ok().filter(|rate| (0.0..=RATE_MAX).contains(rate));
    rate.ok_or_else(|| Garbled::at("TPS is no rate from 0 to 1000000000 a second", text))
}

/// A virtual service, as its fields are read one by one.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) address: String,
    pub(super) port: String,
    pub(super) protocol: String,
    pub(super) index: String,
    pub(super) bytes: String,
}

impl Fields {
    /// The service. `None` where it has no address: it is a part of another, which has, and whose bytes hold its own.
    ///
    /// # Errors
    /// When it lacks what names it or counts it.
    pub(super) fn service(&self) -> Result<Option<Service>, Garbled> {
        let Fields { address, port, protocol, index, bytes } = self;
        if address.is_empty() {
            return Ok(None);
        }
        let named = [("VSPort", port), ("VSProt", protocol), ("Index", index), ("TotalBytes", bytes)];
        if let Some((lacks, _)) = named.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(Garbled::at(&format!("a virtual service has no {lacks}"), address));
        }
        let number = |name: &str, text: &str| {
            digits(text).ok_or_else(|| Garbled::at(&format!("{name} is no count"), text))
        };
        let name = if address.contains(':') && !address.starts_with('[') {
            format!("[{address}]:{port}/{protocol}")
        } else {
            format!("{address}:{port}/{protocol}")
        };
        // A service that was deleted and made again has another index, and begins at zero.
        Ok(Some(Service { name, bytes: number("TotalBytes", bytes)?, incarnation: number("Index", index)? }))
    }
}
