//! highwater-central: takes usage reports from agents, and answers with signed receipts.
//!
//! ```text
//!   clock, secrets, files   what the host gives: time, random numbers, files
//!   data_dir                where everything is kept
//!   model                   what central knows of
//!   histogram               how long things took
//!   store                   where it keeps that (SQLite)
//!   keys, enrol             what it signs with; how enrolment tokens are made
//!   shapes                  the JSON that the REST API and `--json` share
//!   licences                what is offered, renewed, fetched, issued
//!   intake                  a batch of reports -> its signed answer
//!   activate                who wants to join -> its signed grant
//!   object_store            buckets: signed URLs, and what lies there
//!   bodies                  room for what is being read
//!   metrics, watched        what is counted, as Prometheus reads it; what is asked for again and again
//!   central                 the state that requests share
//!   bundles                 files that are carried -> the file that goes back
//!   uploads                 an agent that asks where to upload to -> its signed URLs
//!   pick_up                 what agents put there -> the receipts beside it
//!   http                    what can be asked over HTTPS
//!   certificates, tls       what the server shows of itself
//!   rate, serve             sockets and bounds
//!   notify                  what systemd is told
//!   log                     how a log line is written
//!   commands                what an operator types
//! ```
//!
//! Uses go upward in this list only.
#![forbid(unsafe_code)]

pub mod activate;
pub mod bodies;
pub mod bundles;
pub mod central;
pub mod certificates;
pub mod clock;
pub mod commands;
pub mod data_dir;
pub mod enrol;
pub mod files;
pub mod histogram;
pub mod http;
pub mod intake;
pub mod keys;
pub mod licences;
pub mod log;
pub mod metrics;
pub mod model;
pub mod notify;
pub mod object_store;
pub mod pick_up;
pub mod rate;
pub mod secrets;
pub mod serve;
pub mod shapes;
pub mod store;
pub mod tls;
pub mod uploads;
pub mod watched;
