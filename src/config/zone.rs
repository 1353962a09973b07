//! `sampling.time_zone`: a zone of the tz database, and the one that was probably meant.

use super::keys::nearest;
use super::mistakes::{Fault, quoted};
use super::raw::Raw;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone and its name as the tz database writes it.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) zone: TimeZone,
}

impl Zone {
    pub(super) fn utc() -> Self {
        Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

/// The host's tz database goes first, since it may be newer; the bundled one serves hosts that have none or few zones.
pub(super) fn parse(raw: &Raw) -> Result<Zone, Fault> {
    let name = raw.text()?;
    if name == "UTC" {
        return Ok(Zone::utc());
    }
    let bundled = TimeZoneDatabase::bundled();
    let found = TimeZone::get(name).or_else(|_| bundled.get(name)).ok().filter(|zone| !zone.is_unknown());
    if let Some(zone) = found {
        let name = zone.iana_name().unwrap_or(name).to_owned();
        return Ok(Zone { name, zone });
    }
    let known: Vec<String> =
        bundled.available().map(|n| n.to_string()).filter(|n| n != "Etc/Unknown").collect();
    let mend = match nearest_zone(name, &known) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "take \"UTC\" or an IANA name, such as \"Europe/Berlin\" or \"America/New_York\"".to_owned(),
    };
    Err(Fault::new(format!("the time zone {} is unknown", quoted(name)), mend))
}

/// The zone whose name, or whose city, is nearest.
fn nearest_zone<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let city = |zone: &'a str| zone.rsplit('/').next().unwrap_or(zone);
    let written = name.replace(' ', "_");
    let names = known.iter().map(String::as_str);
    let exact = names.clone().find(|zone| city(zone).eq_ignore_ascii_case(&written));
    exact.or_else(|| nearest(&written, names.clone())).or_else(|| {
        let meant = nearest(&written, names.clone().map(city))?;
        names.clone().find(|zone| city(zone) == meant)
    })
}
