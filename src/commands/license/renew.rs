//! `highwater license renew`: asks central for the next licence now.

use super::super::activate::wake_the_agent;
use super::super::run::runtime;
use super::super::{Failure, Outcome, exit, print_json};
use super::site::{Site, not_activated};
use super::words;
use crate::config::Loaded;
use crate::joined::{Joined, is_air_gapped};
use crate::licence::Installed;
use crate::log::{at, print};
use crate::renewer;
use crate::uplink::licence::{Asked, Question, ask};
use crate::uplink::{Client, Environment, Settings};
use clap::Args;
use highwater_rules::licence::{Claims, Status};
use highwater_rules::renewal::Outcome as Answered;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::commands) struct Options {
    /// Print JSON (docs/json.md)
    #[arg(long)]
    json: bool,
}

/// What came of it.
struct Renewed {
    claims: Option<Claims>,
    is_newer: bool,
    /// From when on central gives another.
    allowed_from: Option<i64>,
    /// What else hinders it.
    error: Option<String>,
}

pub(super) fn renew(loaded: &Loaded, options: &Options) -> Outcome {
    let site = Site::read(loaded)?;
    let joined = site.joined()?;
    if is_air_gapped(&loaded.config.uplink, Some(&joined.enrolment)) {
        return Err(Failure::new(
            exit::UNAVAILABLE,
            "air-gapped: this instance opens no connection\n    fetch its licence elsewhere (highwater license fetch), and install it \
             here: highwater license install FILE",
        ));
    }
    let asked = exchange(loaded, &site, joined)?;
    let state_dir = &loaded.config.state_dir;
    let pinned = joined.pinned(&asked.renewed.key, &asked.successions, state_dir)?;
    let renewed = take_up(loaded, &site, pinned.as_ref().unwrap_or(joined), asked)?;
    if renewed.is_newer || pinned.is_some() {
        wake_the_agent(loaded)?;
    }
    if options.json {
        print_json(&json!({
            "renewed": renewed.is_newer,
            "allowed_from": renewed.allowed_from.map(at),
            "error": renewed.error,
            "licence": renewed.claims.as_ref().map(words::json),
        }))?;
    }
    tell(&site, &renewed, options)
}

fn exchange(loaded: &Loaded, site: &Site, joined: &Joined) -> Result<Asked, Failure> {
    let settings = Settings::of(&loaded.config.uplink, Some(&joined.enrolment), Environment::read())
        .ok_or_else(not_activated)?;
    let client = Client::new(&settings)?;
    let question = Question {
        instance: site.ledger.instance().to_owned(),
        held: site.loaded.claims().map(|claims| claims.id.clone()),
        now_s: site.mark.wall_ms.div_euclid(1000),
    };
    let runtime = runtime()?;
    let asked = runtime.block_on(ask(&client, &joined.identity, joined.enrolment.pinned(), &question));
    drop(client);
    runtime.shutdown_background();
    Ok(asked?)
}

fn take_up(loaded: &Loaded, site: &Site, joined: &Joined, asked: Asked) -> Result<Renewed, Failure> {
    let held = site.loaded.claims().cloned();
    match asked.renewed.outcome {
        Answered::Licence(token) => {
            let state_dir = &loaded.config.state_dir;
            let installed = renewer::take_up(state_dir, site.ledger.instance(), &token, joined, &site.who)?;
            let (Installed::Newer(claims) | Installed::Same(claims) | Installed::Older(claims)) = &installed;
            let revoked = claims.status == Status::Revoked;
            let error = revoked.then(|| format!("central revoked the licence at {}", at(claims.issued_at)));
            let is_newer = matches!(installed, Installed::Newer(_)) && !revoked;
            Ok(Renewed { claims: Some(claims.clone()), is_newer, allowed_from: None, error })
        }
        Answered::Refused { allowed_from: Some(from), .. } => {
            Ok(Renewed { claims: held, is_newer: false, allowed_from: Some(from), error: None })
        }
        Answered::Refused { message, .. } => {
            let error = Some(format!("central gives no licence: {message}"));
            Ok(Renewed { claims: held, is_newer: false, allowed_from: None, error })
        }
    }
}

fn tell(site: &Site, renewed: &Renewed, options: &Options) -> Outcome {
    if let Some(from) = renewed.allowed_from {
        let message = format!(
            "not yet: central renews this licence from {} on, when two thirds of its term have passed\n    nothing is to be done: \
             the agent asks by itself",
            at(from)
        );
        return Err(Failure::new(exit::UNAVAILABLE, message));
    }
    if let Some(error) = &renewed.error {
        return Err(Failure::new(exit::UNAVAILABLE, format!("{error}\n    ask whoever runs central")));
    }
    let Some(claims) = renewed.claims.as_ref().filter(|_| !options.json) else { return Ok(0) };
    let head = if renewed.is_newer { "renewed" } else { "central gave the one that is installed" };
    let now_s = site.keeper.now_s();
    let state = highwater_rules::licence::state(Some(claims), now_s);
    let rows = [("licence", words::headline(Some(claims), state, now_s))];
    print(&format!("{head}\n{}{}", words::lines(&rows), words::lines(&words::rows(claims))))?;
    Ok(0)
}
