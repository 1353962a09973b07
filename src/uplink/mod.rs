//! The uplink: what speaks with central, and what an activation leaves on the host.
//!
//! ```text
//! config, enrolment, environment -> settings -> client -> push      reports -> receipts
//!                       proxy, roots, tls --/        \--> activate  a token -> a grant -> enrolment
//!                                                    \--> licence   the one held -> the next one
//! ```
//!
//! Nothing of it lives between two pushes: the client, its certificates and its connections go with it.

pub mod activate;
mod carried;
mod certificates;
pub mod client;
pub mod enrolment;
pub mod environment;
mod error;
pub mod identity;
pub mod licence;
mod line;
pub mod object_store;
pub mod pending;
pub(crate) mod private_file;
mod problem;
mod proxy;
pub mod push;
pub mod random;
mod resolver;
mod retry_after;
pub mod settings;
pub mod upload;

pub(crate) use certificates::check_pem;
pub use client::Client;
pub use enrolment::{Enrolment, EnrolmentError};
pub use environment::Environment;
pub use error::{Phase, TlsFault, UplinkError};
pub use identity::{Identity, IdentityError};
pub use object_store::ObjectStoreError;
pub use push::{Outgoing, PushError, Pushed};
pub use settings::{Limits, Settings};
