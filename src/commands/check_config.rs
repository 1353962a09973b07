//! `highwater check-config`: what is in effect, or all that is wrong.

use super::{Failure, Outcome, exit, print_json};
use crate::config::{Loaded, Mistakes, effective, show};
use crate::log::print;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::{self, Write as _};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn check(loaded: Result<Loaded, Mistakes>, options: &Options) -> Outcome {
    match loaded {
        Ok(loaded) if options.json => {
            print_json(&good(&loaded)?)?;
            Ok(0)
        }
        Ok(loaded) => {
            print(&show(&loaded))?;
            for warning in &loaded.warnings {
                writeln!(io::stderr(), "highwater: warning: {warning}")?;
            }
            Ok(0)
        }
        Err(mistakes) if options.json => {
            print_json(&bad(&mistakes))?;
            Ok(exit::CONFIG)
        }
        Err(mistakes) => Err(mistakes.into()),
    }
}

fn good(loaded: &Loaded) -> Result<Value, Failure> {
    let mut config = Map::new();
    for (key, value, origin) in effective(loaded) {
        let value = serde_json::to_value(value).map_err(|e| Failure::new(exit::DATA, e.to_string()))?;
        config.insert(key, json!({"value": value, "origin": origin.to_string()}));
    }
    let warnings: Vec<Value> = loaded
        .warnings
        .iter()
        .map(|w| json!({"place": w.place.to_string(), "message": w.message, "mend": w.mend}))
        .collect();
    Ok(json!({"ok": true, "config": config, "warnings": warnings, "mistakes": []}))
}

fn bad(mistakes: &Mistakes) -> Value {
    let all: Vec<Value> = mistakes
        .all()
        .iter()
        .map(|m| json!({"place": m.place.to_string(), "message": m.message, "mend": m.mend}))
        .collect();
    json!({"ok": false, "config": null, "warnings": [], "mistakes": all})
}
