//! `highwater license`: shows, installs, renews and fetches licences.

mod fetch;
mod install;
mod renew;
mod show;
mod site;
mod words;

pub(super) use site::look;
pub(super) use words::{brief, brief_json};

use super::{Common, Outcome, load};
use crate::config::Loaded;
use crate::keeper::Ruling;
use clap::Subcommand;
use highwater_rules::licence::LicenceState;
use site::Site;

/// What to do about a licence that has ended.
const MEND: &str = "`highwater license renew` asks central for a new one; where there is no way to central: `highwater license install FILE`";

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Shows the licence that counts, or checks a file before it is installed
    Show(show::Options),
    /// Puts a licence that was carried here into the place of an older one
    ///
    /// It must be signed by central's key and be for this instance. A running agent follows at once. A licence that is older than the
    /// one that is there changes nothing, and neither does the same one again.
    Install(install::Options),
    /// Asks central for the next licence now
    ///
    /// The agent does this by itself, in the last three days of a licence. Central gives a new one only after two thirds of a term, and
    /// says from when on.
    Renew(renew::Options),
    /// Fetches an instance's licence from central, on a host without an agent
    ///
    /// For a host between an air-gapped site and central. It needs neither a state directory nor a configuration, only a service token
    /// of the instance's contract, which whoever runs central makes: `highwater-central service-token create`. What is fetched is
    /// carried to the instance, and installed there: `highwater license install FILE`.
    Fetch(fetch::Options),
}

/// What `doctor` tells of the licence, and whether it is fine; nothing before the first activation.
pub(super) fn check(loaded: &Loaded) -> Option<(bool, String)> {
    let site = Site::read(loaded).ok()?;
    let state = site.keeper.licence_state();
    let is_needed = site.who.identity.is_some();
    let (headline, problems) = (brief(&site.loaded, state, site.keeper.now_s()), &site.loaded.problems);
    let ok = problems.is_empty() && matches!(state, LicenceState::Valid | LicenceState::Missing);
    let mut detail: Vec<String> = headline.into_iter().map(|(_, told)| told).collect();
    if matches!(state, LicenceState::Expired | LicenceState::Revoked) {
        detail.push(MEND.to_owned());
    }
    is_needed.then(|| (ok, detail.join("\n")))
}

/// What the gate is to say, and whether the instance is activated; nothing where there is no ledger yet.
pub(super) fn ruling(loaded: &Loaded) -> Option<(Ruling, bool)> {
    let mut site = Site::read(loaded).ok()?;
    let ruling = site.keeper.rule(&site.mark);
    Some((ruling, site.who.identity.is_some()))
}

pub(super) fn run(common: &Common, action: &Action) -> Outcome {
    match action {
        Action::Show(options) => show::show(&load(common)?, options),
        Action::Install(options) => install::install(&load(common)?, options),
        Action::Renew(options) => renew::renew(&load(common)?, options),
        Action::Fetch(options) => fetch::fetch(options),
    }
}
