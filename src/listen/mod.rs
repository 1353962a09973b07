//! The listener: `/metrics`, `/healthz` and `/readyz` for whoever may ask on this host. Off unless configured.
//!
//! ```text
//!   Figures -> Published -> server -> exposition -> page     /metrics
//!                                 \-> health                 /healthz, /readyz
//! ```
//!
//! The loop publishes at the end of each turn, and only where there is a listener. docs/metrics.md is the contract.

mod exposition;
mod figures;
mod health;
mod page;
mod server;

pub(crate) use figures::{Figures, LedgerFigures, ReportFigures};

use crate::clock;
use crate::config::Listen;
use crate::gate::GateError;
use server::Server;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Why the agent does not listen. Metering goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The Unix socket can't be bound.
    #[error(transparent)]
    Unix(#[from] GateError),
    /// The port can't be bound.
    #[error("cannot listen at {address}: {source}: {}", mend(source))]
    Tcp {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// What to do where a port can't be bound: one below 1024 is refused, whoever else has it.
fn mend(source: &io::Error) -> String {
    if source.kind() == io::ErrorKind::PermissionDenied {
        return format!("take a port of 1024 or above in {KEY}");
    }
    format!("free the port, or set {KEY} to another")
}

/// The key of the configuration that says where.
const KEY: &str = "listen.address";

/// What is answered from: the figures of the loop's last turn, and until when the next one must have come, on the monotonic clock
/// in milliseconds.
#[derive(Debug, Clone)]
struct Turn {
    figures: Figures,
    next_by_ms: i64,
}

type Published = Option<Arc<Turn>>;

/// How much later than it is due a turn may come, beside the half slot that sources may take, in milliseconds.
const TURN_SLACK_MS: i64 = 60_000;

/// The listener.
pub(crate) struct Listener {
    address: Listen,
    server: Option<Server>,
    published: watch::Sender<Published>,
}

impl Listener {
    /// Begins to listen where it is configured. To be called within a tokio runtime. What fails is told, and never fatal.
    pub(crate) fn open(address: &Listen) -> (Listener, Option<ListenError>) {
        let mut listener =
            Listener { address: Listen::Nowhere, server: None, published: watch::Sender::new(None) };
        let error = listener.follow(address);
        (listener, error)
    }

    /// Follows a changed configuration.
    pub(crate) fn follow(&mut self, address: &Listen) -> Option<ListenError> {
        let is_as_before = self.address == *address && self.server.is_some() == (*address != Listen::Nowhere);
        if is_as_before {
            return None;
        }
        // The old one goes first: its place may be the new one's.
        self.server = None;
        self.address = address.clone();
        match Server::start(address, &self.published) {
            Ok(server) => {
                self.server = server;
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Whether anybody could ask.
    pub(crate) const fn is_on(&self) -> bool {
        self.server.is_some()
    }

    /// Publishes the figures of a turn that ends now; the next one is due in `next_in_s` seconds at the latest.
    pub(crate) fn publish(&self, figures: Figures, next_in_s: i64) {
        let patience_ms = figures.slot_s.saturating_mul(500).saturating_add(TURN_SLACK_MS);
        let next_by_ms =
            clock::mono_ms().saturating_add(next_in_s.saturating_mul(1000)).saturating_add(patience_ms);
        self.published.send_replace(Some(Arc::new(Turn { figures, next_by_ms })));
    }

    /// Ends to listen, at a clean stop.
    pub(crate) fn close(&mut self) {
        self.server = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_and_one_that_needs_a_right_have_their_own_mends() {
        let told = |source: io::ErrorKind| {
            ListenError::Tcp { address: ([127, 0, 0, 1], 80).into(), source: source.into() }.to_string()
        };
        assert!(
            told(io::ErrorKind::AddrInUse).ends_with(": free the port, or set listen.address to another")
        );
        let denied = told(io::ErrorKind::PermissionDenied);
        assert!(denied.ends_with(": take a port of 1024 or above in listen.address"), "{denied}");
    }
}
