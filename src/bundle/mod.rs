//! Files that are carried: what is written into one, and what is read out of one.
//!
//! ```text
//! ledger, identity, keeper -> outgoing -> output      reports -> FILE.hwb, or standard output
//! FILE.hwb -> incoming -> (reporter, or a running agent)
//! ```
//!
//! The form of the file is the rules' (docs/bundle.md). Nothing here believes anything: it sorts out what is this instance's.

mod error;
mod incoming;
mod outgoing;
mod output;

pub(crate) use error::ExportError;
pub use error::{OutputError, ReadError};
pub use incoming::{Incoming, KEPT_MAX_BYTES, Reply, read_bytes, read_file, read_stream};
pub(crate) use outgoing::{Exported, Exporter};
pub use output::Output;
