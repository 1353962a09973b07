//! `highwater logs-schema`: the contract of the log's events, which `cargo xtask assets` made from docs/log-events.md.

use super::Outcome;
use super::packed::{packed, print_packed};

pub(super) fn print_it() -> Outcome {
    print_packed(packed!("log-events.schema.json"))?;
    Ok(0)
}
