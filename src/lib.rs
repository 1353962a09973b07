//! highwater, the edge metering agent.

pub mod config;
pub mod files;
pub mod host;
pub mod sources;
