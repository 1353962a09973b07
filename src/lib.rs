//! highwater, the edge metering agent.
//!
//! ```text
//!   clock, config -> sources -> sampler -> (rules) -> recorder -> ledger
//!                     (I/O)    (timeouts)   (pure)    (memory)   (SQLite)
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
pub mod ledger;
pub mod sources;
pub mod uplink;

pub mod recorder;
pub mod sampler;

mod daemon;
mod events;
mod json;
mod log;
mod wake;

pub mod commands;
