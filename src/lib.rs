//! highwater, the edge metering agent.
//!
//! ```text
//!   clock, config -> sources -> sampler -> (rules) -> recorder -> ledger -> reporter -> uplink -> keeper -> gate
//!                     (I/O)    (timeouts)   (pure)    (memory)   (SQLite)   (when)     (HTTPS)   (grace)   (file, socket, hooks)
//!
//!   daemon   the loop that turns this once a slot
//!   commands what an operator types
//! ```
//!
//! ARCHITECTURE.md draws the whole; `tests/layering.rs` holds the imports to it.

pub mod clock;
pub mod config;
pub mod files;

pub mod host;

pub mod bundle;
pub mod gate;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod ledger;
pub mod roots;
pub mod sources;
pub mod uplink;

pub mod courier;

pub mod node;

pub mod licence;

pub mod keeper;
pub mod recorder;
pub mod sampler;

mod daemon;
mod enroller;
mod events;
mod joined;
mod json;
mod listen;
mod log;
mod notify;
mod renewer;
mod report_json;
mod reporter;
mod room;
mod steward;
mod tls;
mod wake;

pub mod commands;

/// Whether this build has Kubernetes support: container images have, packages of hosts have not.
pub const HAS_KUBERNETES: bool = cfg!(feature = "kubernetes");
