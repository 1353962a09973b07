//! The way to central, and how much grace is left where nothing goes it.

use super::super::{license, open_reader};
use super::needs::{PROC, agent};
use super::{Check, is_root};
use crate::config::Loaded;
use crate::files::read_bounded;
use crate::joined;
use crate::log::at;
use crate::uplink::{Client, Environment, Settings, UplinkError};
use highwater_rules::grace::Stage;
use highwater_rules::licence::Because;
use std::path::Path;

/// What the kernel lets a program be started with is less, but for the largest stacks.
const ENVIRON_MAX_BYTES: usize = 2 << 20;

/// Whether central can be reached through the proxy, and its certificate is trusted.
pub(super) async fn central(loaded: &Loaded) -> Check {
    let name = "central";
    let config = &loaded.config;
    let ledger = match open_reader(loaded) {
        Ok(ledger) => Some(ledger),
        Err(error) if error.is_permission() && !is_root() => {
            return Check::unseen(
                name,
                "whether the instance is activated, and where, is not for this user to see",
            );
        }
        // Without a ledger there is no instance, and no activation of it.
        Err(_) => None,
    };
    let joined = match ledger.map(|ledger| joined::joined(&config.state_dir, ledger.instance())) {
        None | Some(Ok(None)) => None,
        Some(Ok(Some(joined))) => Some(joined),
        Some(Err(error)) => return Check::bad(name, error.to_string()),
    };
    let enrolment = joined.as_ref().map(|joined| &joined.enrolment);
    if joined::is_air_gapped(&config.uplink, enrolment) {
        return Check::good(
            name,
            "air-gapped: no connection is opened, reports are carried (`highwater export`)",
        );
    }
    let Some(settings) = Settings::of(&config.uplink, enrolment, environment(loaded)) else {
        return Check::good(name, "not activated, and uplink.url is not set: there is none to reach yet");
    };
    match reach(&settings).await {
        Ok(way) => Check::good(name, way),
        Err(error) => Check::bad(name, format!("{error}\n{}", error.mend())),
    }
}

/// The running agent's, which its unit may have given a proxy; where it is not ours to see, this process's.
fn environment(loaded: &Loaded) -> Environment {
    let proc = Path::new(PROC);
    let of_agent = agent(&loaded.config.state_dir)
        .and_then(|pid| read_bounded(&proc.join(pid).join("environ"), ENVIRON_MAX_BYTES).ok());
    of_agent.map_or_else(Environment::read, |environ| Environment::of_process(&environ))
}

async fn reach(settings: &Settings) -> Result<String, UplinkError> {
    let client = Client::new(settings)?;
    client.reach().await?;
    let by = client.proxy().map_or_else(|| "without a proxy".to_owned(), |proxy| format!("through {proxy}"));
    Ok(format!("{} is reached {by}, and its certificate is trusted", client.central()))
}

/// How much grace is left; nothing where there is no ledger yet.
pub(super) fn grace(loaded: &Loaded) -> Option<Check> {
    let name = "grace";
    let (ruling, is_activated) = license::ruling(loaded)?;
    let grace = &ruling.grace;
    let stage = ruling.verdict.stage;
    let left =
        format!("gate {}, {} days of grace left, until {}", stage.word(), grace.days_left, at(grace.end));
    if stage == Stage::Open {
        return Some(Check::good(name, left));
    }
    let mend = match ruling.verdict.because {
        Because::Licence => "the licence is why: `highwater license show`",
        Because::Contract => "the contract has ended: ask the vendor",
        Because::Grace if is_activated => {
            "let a report reach central: `highwater push` tells what hinders it; or carry it: `highwater export`"
        }
        Because::Grace => "activate the instance: `highwater activate`",
    };
    Some(Check::bad(name, format!("{left}\n{mend}")))
}
