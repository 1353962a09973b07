//! A licence in words and in JSON.

use super::super::units;
use crate::licence::{LicenceFileError, Loaded};
use crate::log::at;
use highwater_rules::licence::{
    Claims, LicenceState, Limits, Mode, Status, Subject, renewal_allowed_from, renewal_wanted_from,
};
use highwater_rules::meter::Meter;
use serde_json::{Value, json};

/// A row for people: its name, and what it says.
pub(super) type Row = (&'static str, String);

/// What a licence says.
pub(super) fn json(claims: &Claims) -> Value {
    let limits = &claims.limits;
    let (instance, cluster) = match &claims.subject {
        Subject::Instance(id) => (Some(id), None),
        Subject::Cluster(id) => (None, Some(id)),
    };
    json!({
        "id": claims.id,
        "issued_at": at(claims.issued_at),
        "not_before": at(claims.not_before),
        "expires_at": at(claims.expires_at),
        "instance": instance,
        "cluster": cluster,
        "identity": claims.identity,
        "contract": claims.contract,
        "product": claims.product,
        "customer": claims.customer,
        "email": claims.email,
        "mode": claims.mode.word(),
        "status": claims.status.word(),
        "features": claims.features,
        "limits": {
            "ram_bytes": limits.ram_bytes,
            "throughput_bps": limits.throughput_bps,
            "throughput_tier": limits.throughput_tier,
            "ssl_tps": limits.ssl_tps,
        },
        "grace_s": claims.grace_s,
        "slot_s": claims.slot_s,
        "contract_end": claims.contract_end.map(at),
    })
}

/// From when on the agent asks for the next one by itself; `None` where it never does.
pub(super) fn renew_from(claims: &Claims) -> Option<i64> {
    let renews = claims.mode == Mode::Online && claims.status == Status::Active;
    renews.then(|| renewal_wanted_from(claims))
}

/// What `status` tells of the licence.
pub(in crate::commands) fn brief_json(loaded: &Loaded, state: LicenceState) -> Value {
    let licence = loaded.licence.as_ref();
    json!({
        "state": state.word(),
        "id": licence.map(|(claims, ..)| &claims.id),
        "expires_at": licence.map(|(claims, ..)| at(claims.expires_at)),
        "renew_from": loaded.claims().and_then(renew_from).map(at),
        "origin": licence.map(|(_, origin, _)| origin.word()),
        "problem": loaded.problems.first().map(ToString::to_string),
    })
}

/// The same, for people.
pub(in crate::commands) fn brief(loaded: &Loaded, state: LicenceState, now_s: i64) -> Vec<Row> {
    let mut rows = vec![("licence", headline(loaded.claims(), state, now_s))];
    rows.extend(loaded.problems.iter().map(|problem| ("", problem.to_string())));
    rows
}

/// What a licence is worth, and until when.
pub(super) fn headline(claims: Option<&Claims>, state: LicenceState, now_s: i64) -> String {
    let Some(claims) = claims else {
        return match state {
            LicenceState::Revoked => "revoked: central took it back".to_owned(),
            _ => "none".to_owned(),
        };
    };
    let expires = at(claims.expires_at);
    let left = units::span(claims.expires_at.saturating_sub(now_s));
    match state {
        LicenceState::Valid => {
            let renewal = match renew_from(claims) {
                Some(from) => format!("renews itself from {}", at(from)),
                None => "does not renew itself".to_owned(),
            };
            format!("valid until {expires} ({left} left); {renewal}")
        }
        LicenceState::Expired => format!("expired at {expires}"),
        LicenceState::Revoked if claims.status == Status::Revoked => {
            format!("revoked at {}", at(claims.issued_at))
        }
        LicenceState::Revoked => format!("revoked after it was issued at {}", at(claims.issued_at)),
        LicenceState::Missing => format!("not yet valid: it begins at {}", at(claims.not_before)),
    }
}

/// All that a licence says but its state.
pub(super) fn rows(claims: &Claims) -> Vec<Row> {
    let or_none = |text: Option<&str>| text.map_or_else(|| "nobody".to_owned(), shown);
    let mut rows = vec![
        ("id", claims.id.clone()),
        ("for", claims.subject.to_string()),
        ("counted for", claims.identity.clone()),
        ("product", shown(&claims.product)),
        ("customer", shown(&claims.customer)),
        ("registered to", or_none(claims.email.as_deref())),
        ("contract", claims.contract.clone()),
        ("mode", mode(claims)),
        (
            "features",
            if claims.features.is_empty() {
                "none named".to_owned()
            } else {
                shown(&claims.features.join(", "))
            },
        ),
    ];
    rows.extend(limits(&claims.limits));
    if let Some(slot_s) = claims.slot_s {
        rows.push(("slot length", format!("{}, which the contract wants", span(slot_s))));
    }
    rows.push(("grace period", format!("{} after each receipt", span(claims.grace_s))));
    rows.push(("issued", at(claims.issued_at)));
    rows
}

fn mode(claims: &Claims) -> String {
    match claims.mode {
        Mode::Online => {
            let allowed = at(renewal_allowed_from(claims));
            format!("online: central gives the next one from {allowed}")
        }
        Mode::Offline => "offline: the next one is fetched and installed by hand".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
fn limits(limits: &Limits) -> Vec<Row> {
    let of = |meter: Meter, value: Option<u64>| value.map(|value| units::human(meter, value as f64));
    let named: [(&'static str, Option<String>); 4] = [
        ("RAM limit", of(Meter::RamCapacity, limits.ram_bytes)),
        ("network limit", of(Meter::NetworkThroughput, limits.throughput_bps)),
        ("network tier", limits.throughput_tier.as_deref().map(shown)),
        ("TLS limit", of(Meter::SslTps, limits.ssl_tps)),
    ];
    let rows: Vec<Row> = named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if rows.is_empty() { vec![("limits", "none".to_owned())] } else { rows }
}

fn span(seconds: u64) -> String {
    units::span(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Lines of names and values.
pub(super) fn lines(rows: &[Row]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<15}  {value}\n")).collect()
}

/// Why files do not count, as strings.
pub(super) fn problems(problems: &[LicenceFileError]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
