//! What can be asked over HTTPS. One file a resource.

mod problem;

pub use problem::Problem;

use crate::central::Central;
use axum::Router;

/// All routes.
pub fn router(central: Central) -> Router {
    Router::new().with_state(central)
}
