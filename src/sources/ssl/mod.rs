//! The sources of TLS sessions, one file each. Their figures are summed for the instance.

pub mod access_log;
pub mod haproxy;
pub mod kernel;
pub mod loadmaster;
pub mod prometheus;
pub mod services;
