//! Files of passwords, keys and certificates: whether the agent gets at them, and which key or line of the unit is to be changed.

use super::needs::{Found, Judge, Lack};
use super::rights::Way;
use super::sandbox;
use super::unit::Unit;
use crate::config::{Loaded, Value, effective};
use std::path::{Path, PathBuf};

/// The drop-in that hands secrets over.
const DROP_IN: &str = "credentials.conf";

/// Adds what stands in the way of the files that are configured.
pub(super) fn found(loaded: &Loaded, judge: Judge<'_>, found: &mut Found) {
    for (key, path) in secrets(loaded) {
        look(&key, &path, judge, found);
    }
}

fn look(key: &str, path: &Path, judge: Judge<'_>, found: &mut Found) {
    let lack = |what: String, mend: String| Lack { who: key.to_owned(), what, mend };
    if let Some(unit) = judge.unit
        && let Ok(id) = path.strip_prefix(unit.credentials_dir())
    {
        // What systemd hands over, only the agent gets: its mode says nothing of others.
        let id = id.to_string_lossy();
        let handed = unit.credentials();
        if handed.iter().all(|credential| credential.id != id) {
            let known: Vec<&str> = handed.iter().map(|credential| credential.id.as_str()).collect();
            let what = match known.as_slice() {
                [] => format!("{} hands over no credential", unit.name),
                known => format!("{} hands over no credential {id}, but {}", unit.name, known.join(", ")),
            };
            found.lacks.push(lack(what, handing(unit, &id, "the secret's file")));
        }
        return;
    }
    let hidden = judge.unit.and_then(|unit| sandbox::hides(unit, path));
    let what = match (hidden, judge.rights.to_read(path)) {
        (Some(hidden), _) => format!("{} is hidden from the unit ({})", path.display(), hidden.by),
        (None, Way::Open) => return,
        (None, Way::Unseen(place)) => return found.unseen.push((key.to_owned(), place)),
        (None, Way::Shut(blocker)) => blocker.to_string(),
    };
    let name = key.rsplit(['.', ' ']).next().unwrap_or(key);
    let mend = match judge.unit {
        None => format!("drop-in {DROP_IN}"),
        Some(unit) => {
            let handed =
                unit.credentials().into_iter().find(|credential| credential.source.as_deref() == Some(path));
            let to = |id: &str| format!("{name} = \"{}\"", unit.credentials_dir().join(id).display());
            match handed {
                Some(credential) => format!(
                    "the unit hands it over already ({}): set {}",
                    credential.said_in.display(),
                    to(&credential.id)
                ),
                None => {
                    let id = path.file_name().unwrap_or_default().to_string_lossy();
                    format!("{}, and set {}", handing(unit, &id, &path.display().to_string()), to(&id))
                }
            }
        }
    };
    found.lacks.push(lack(what, mend));
}

/// What makes a unit hand over a file.
fn handing(unit: &Unit, id: &str, file: &str) -> String {
    let line = format!("LoadCredential={id}:{file}");
    match unit.drop_in(DROP_IN) {
        Some(installed) => format!("add {line} to {}", installed.display()),
        None => format!("drop-in {DROP_IN} with {line}"),
    }
}

/// The files of passwords, keys and certificates that are configured, by their keys.
fn secrets(loaded: &Loaded) -> Vec<(String, PathBuf)> {
    let is_secret = |key: &str| {
        let name = key.rsplit('.').next().unwrap_or_default();
        name.ends_with("_file") && name != "status_file"
            || matches!(name, "client_key" | "client_cert" | "client_certificate")
    };
    let rows = effective(loaded).into_iter().filter(|(key, _, _)| is_secret(key));
    rows.filter_map(|(key, value, _)| match value {
        Value::Text(path) => Some((told(loaded, &key), PathBuf::from(path))),
        _ => None,
    })
    .collect()
}

/// A key as people know it: that of a source by the source's name, as the file has no numbers.
fn told(loaded: &Loaded, key: &str) -> String {
    let of_source = || {
        let (number, name) = key.strip_prefix("ssl.")?.split_once('.')?;
        Some(format!("ssl/{} {name}", loaded.config.ssl.get(number.parse::<usize>().ok()?)?.name))
    };
    of_source().unwrap_or_else(|| key.to_owned())
}
