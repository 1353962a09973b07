//! The API server of the cluster whose node the agent runs on: the few calls that the agent makes, over its own HTTP client.
//!
//! ```text
//! config, credentials (token, ca.crt) -> api -> an answer, or error: with the rule that is missing
//!                                         |
//!   cluster  lease  secret  event  status  review      what the agent asks and changes
//! ```

pub mod api;
pub mod cluster;
pub mod error;
pub mod event;
pub mod lease;
pub mod review;
pub mod rule;
pub mod secret;
pub mod status;

pub use api::{Answer, Api};
pub use error::ApiError;
pub use rule::Rule;
