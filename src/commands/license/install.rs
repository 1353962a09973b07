//! `highwater license install`: a licence that was carried here.

use super::super::activate::wake_the_agent;
use super::super::{Failure, Outcome, exit, print_json};
use super::site::{Site, not_activated};
use super::words;
use crate::config::Loaded;
use crate::licence::{self, InstallError, Installed, Origin, read_text};
use crate::log::{at, print};
use clap::Args;
use highwater_rules::licence::{Claims, LicenceState, TOKEN_MAX_BYTES, state};
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::commands) struct Options {
    /// The licence: a file, or `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(super) fn install(loaded: &Loaded, options: &Options) -> Outcome {
    let token = token(&options.file)?;
    let site = Site::read(loaded)?;
    if site.keys.is_empty() {
        return Err(not_activated());
    }
    let state_dir = &loaded.config.state_dir;
    let installed = licence::install(state_dir, &token, &site.keys(), &site.holder(), site.who.revoked_at)?;
    let (word, claims) = match &installed {
        Installed::Newer(claims) => ("newer", claims),
        Installed::Same(claims) => ("same", claims),
        Installed::Older(claims) => ("older", claims),
    };
    if matches!(installed, Installed::Newer(_)) {
        wake_the_agent(loaded)?;
    }
    if options.json {
        print_json(&json!({
            "installed": word == "newer",
            "compared": word,
            "licence": words::json(claims),
        }))?;
    }
    match &installed {
        Installed::Older(claims) => Err(older(&site, claims)),
        _ if options.json => Ok(0),
        Installed::Same(claims) => tell("it is installed already: nothing was changed", &site, claims),
        Installed::Newer(claims) => tell("installed", &site, claims),
    }
}

fn tell(head: &str, site: &Site, claims: &Claims) -> Outcome {
    let now_s = site.keeper.now_s();
    let state = state(Some(claims), now_s);
    let mut text = format!("{head}\n");
    text.push_str(&words::lines(&[("licence", words::headline(Some(claims), state, now_s))]));
    text.push_str(&words::lines(&words::rows(claims)));
    if state == LicenceState::Expired {
        text.push_str("it has expired: fetch a newer one from central\n");
    }
    if let Some((counts, Origin::Operator, _)) = &site.loaded.licence
        && counts.replaces(claims)
    {
        text.push_str("the file that licence.file names holds a newer one, which counts\n");
    }
    print(&text)?;
    Ok(0)
}

/// Nothing was changed, and why.
fn older(site: &Site, claims: &Claims) -> Failure {
    let issued = at(claims.issued_at);
    let than = match (site.who.revoked_at, &site.loaded.licence) {
        (Some(revoked_at), _) if claims.issued_at <= revoked_at => {
            format!("the revocation of {}: ask whoever runs central for a new one", at(revoked_at))
        }
        (_, Some((counts, ..))) => format!("the one that is installed, of {}", at(counts.issued_at)),
        (_, None) => "the one that is installed".to_owned(),
    };
    Failure::new(exit::DATA, format!("nothing was changed: this licence, of {issued}, is older than {than}"))
}

/// The licence's text.
fn token(file: &Path) -> Result<String, Failure> {
    if file != Path::new("-") {
        return read_text(file).map_err(|error| {
            let code = if error.is_permission() { exit::PERMISSION } else { exit::DATA };
            Failure::new(code, error.to_string())
        });
    }
    let mut text = String::new();
    // A byte more than any licence: that one is too long shows when it is read.
    let max = TOKEN_MAX_BYTES as u64 + 64;
    std::io::stdin()
        .take(max)
        .read_to_string(&mut text)
        .map_err(|e| Failure::new(exit::DATA, format!("standard input holds no licence: {e}")))?;
    Ok(text.trim().to_owned())
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let code = match &error {
            _ if error.is_permission() => exit::PERMISSION,
            InstallError::Licence(_) => exit::DATA,
            InstallError::Io { .. } => exit::UNAVAILABLE,
        };
        Failure::new(code, error.to_string())
    }
}
