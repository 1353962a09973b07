//! `highwater-central key`.

use super::Outcome;
use super::common::{Common, print, print_json, table};
use crate::keys;
use crate::shapes::KeyShape;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Lists the public keys that receipts are signed with, or were
    List(Show),
    /// Makes a new key that signs from now on
    ///
    /// The key before it signs that it gives way: agents that trust that one follow by themselves, and enrolment tokens stay good. Old
    /// keys are kept, as the receipts that they signed must come out the same.
    Rotate(Show),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Prints JSON: {"keys":[…]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, command: &Keys) -> Outcome {
    let (options, rotate) = match command {
        Keys::List(options) => (options, false),
        Keys::Rotate(options) => (options, true),
    };
    let shapes = common.with(async |tools| {
        if rotate {
            keys::rotate(&*tools.store, tools.by.clone()).await?;
        }
        Ok(KeyShape::all(&tools.store.signing_keys().await?))
    })?;
    if options.json {
        print_json(&json!({ "keys": shapes }))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = shapes
        .into_iter()
        .map(|key| {
            let signs = if key.current { "signs" } else { "kept" };
            vec![key.id, signs.to_owned(), key.made_at, key.fingerprint]
        })
        .collect();
    print(&table(&["KEY", "", "MADE", "FINGERPRINT"], &rows))?;
    Ok(0)
}
