//! `highwater logs-schema`: the contract of the log's events, which `cargo xtask assets` made from docs/log-events.md.

use super::Outcome;
use crate::log::print;

pub(super) fn print_it() -> Outcome {
    print(include_str!("../../packaging/log-events.schema.json"))?;
    Ok(0)
}
