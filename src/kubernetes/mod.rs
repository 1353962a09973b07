//! The API server of the cluster whose node the agent runs on: the few calls that the agent makes, over its own HTTP client.
//!
//! ```text
//! config, credentials (token, ca.crt) -> api -> an answer, or error: with the rule that is missing
//! ```

pub mod api;
pub mod error;
pub mod rule;

pub use api::{Answer, Api};
pub use error::ApiError;
pub use rule::Rule;
