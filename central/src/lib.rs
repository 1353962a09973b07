//! highwater-central: takes usage reports from agents, and answers with signed receipts.
//!
//! ```text
//!   clock, secrets   what the host gives: time, random numbers
//!   model            what central knows of
//!   store            where it keeps that (SQLite)
//!   keys             what it signs with
//!   central          the state that requests share
//!   http             what can be asked over HTTPS
//!   serve            sockets, TLS, signals
//!   commands         what an operator types
//! ```
//!
//! Uses go upward in this list only.

pub mod central;
pub mod clock;
pub mod commands;
pub mod http;
pub mod keys;
pub mod model;
pub mod secrets;
pub mod store;
