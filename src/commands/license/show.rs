//! `highwater license show`: the licence that counts, or a file that may be installed.

use super::super::{Failure, Outcome, exit, print_json};
use super::site::{Site, not_activated};
use super::words::{self, Row};
use crate::config::Loaded;
use crate::keeper;
use crate::licence::{Origin, read_text};
use crate::log::{at, print};
use clap::Args;
use highwater_rules::licence::{self, Claims, LicenceState};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::commands) struct Options {
    /// Check this licence instead of the one that counts; nothing is installed
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// The three dates that are not the licence's own.
struct Dates {
    next_report_due: Option<i64>,
    grace_end: i64,
    contract_end: Option<i64>,
}

pub(super) fn show(loaded: &Loaded, options: &Options) -> Outcome {
    let mut site = Site::read(loaded)?;
    let dates = dates(loaded, &mut site)?;
    let (claims, origin, state) = match &options.file {
        Some(file) => {
            let claims = check(&site, file)?;
            let state = licence::state(Some(&claims), site.keeper.now_s());
            (Some(claims), format!("{}, not installed", file.display()), state)
        }
        None => {
            let claims = site.loaded.claims().cloned();
            (claims, told_origin(&site, loaded), site.keeper.licence_state())
        }
    };
    let word = match (&options.file, &site.loaded.licence) {
        (Some(_), _) => Some("file"),
        (None, Some((_, origin, _))) => Some(origin.word()),
        (None, None) => None,
    };
    if options.json {
        let claims = claims.as_ref();
        print_json(&json!({
            "state": state.word(),
            "origin": word,
            "renew_from": claims.and_then(words::renew_from).map(at),
            "licence": claims.map(words::json),
            "problems": words::problems(&site.loaded.problems),
            "next_report_due": dates.next_report_due.map(at),
            "grace_end": at(dates.grace_end),
            "contract_end": dates.contract_end.map(at),
        }))?;
    } else {
        print(&text(&site, claims.as_ref(), origin, state, &dates))?;
    }
    let is_good = options.file.is_none() || state == LicenceState::Valid;
    Ok(if is_good { 0 } else { exit::DATA })
}

/// The licence in a file that is yet to be installed.
fn check(site: &Site, file: &Path) -> Result<Claims, Failure> {
    let token = read_text(file).map_err(|error| {
        let code = if error.is_permission() { exit::PERMISSION } else { exit::DATA };
        Failure::new(code, error.to_string())
    })?;
    if site.keys.is_empty() {
        return Err(not_activated());
    }
    let checked = licence::read(&token, &site.keys()).and_then(|claims| {
        claims.is_for(&site.holder())?;
        Ok(claims)
    });
    checked.map_err(|error| Failure::new(exit::DATA, format!("{}: {error}", file.display())))
}

fn dates(loaded: &Loaded, site: &mut Site) -> Result<Dates, Failure> {
    let calendar = &loaded.config.sampling.calendar;
    let now_s = site.mark.wall_ms.div_euclid(1000);
    let standing = site.keeper.standing();
    let next_report_due = keeper::next_report_due(&site.ledger, calendar, standing, now_s)?;
    let contract_end = standing.contract_end;
    Ok(Dates { next_report_due, grace_end: site.keeper.turn(&site.mark).end, contract_end })
}

fn told_origin(site: &Site, loaded: &Loaded) -> String {
    match site.loaded.licence.as_ref().map(|(_, origin, _)| origin) {
        Some(Origin::Agent) => {
            let path = loaded.config.state_dir.join(crate::licence::FILE_NAME);
            format!("{}, the agent's own", path.display())
        }
        Some(Origin::Operator) => {
            let path = loaded.config.licence_file.clone().unwrap_or_default();
            format!("{}, which licence.file names", path.display())
        }
        None => "nowhere".to_owned(),
    }
}

fn text(site: &Site, claims: Option<&Claims>, origin: String, state: LicenceState, dates: &Dates) -> String {
    let mut rows: Vec<Row> = vec![("licence", words::headline(claims, state, site.keeper.now_s()))];
    if let Some(claims) = claims {
        rows.push(("from", origin));
        rows.extend(words::rows(claims));
    }
    for problem in &site.loaded.problems {
        rows.push(("not used", problem.to_string()));
    }
    if let Err(error) = &site.joined {
        rows.push(("activation", error.to_string()));
    }
    let due = dates.next_report_due.map_or_else(|| "none is due before activation".to_owned(), at);
    let contract_end = match dates.contract_end {
        Some(end) => at(end),
        None if site.who.identity.is_some() => "the contract has none".to_owned(),
        None => "no contract before activation".to_owned(),
    };
    let others: [Row; 3] =
        [("next report due", due), ("end of grace", at(dates.grace_end)), ("end of contract", contract_end)];
    format!("{}\nother dates, which are not the licence's:\n{}", words::lines(&rows), words::lines(&others))
}
