//! What the environment sets: `HIGHWATER_SECTION__KEY`.

use super::keys::{KEYS, SSL, is_secret, nearest, variable};
use super::layers::{Given, Layer};
use super::mistakes::{Fault, Mistakes, Place, Warning, quoted};
use super::raw::Raw;
use std::ffi::{OsStr, OsString};

const PREFIX: &str = "HIGHWATER_";
/// Names the file.
pub(super) const CONFIG: &str = "HIGHWATER_CONFIG";

/// An environment, as the process was given it.
pub(super) type Env = [(OsString, OsString)];

/// A variable's value, unless it is empty.
pub(super) fn get<'a>(env: &'a Env, name: &str) -> Option<&'a OsStr> {
    env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
}

/// The layer that the environment gives.
///
/// Variables without a double underscore are not ours but for the top-level keys: Kubernetes sets `HIGHWATER_SERVICE_HOST`
/// and its like wherever a service is named highwater.
pub(super) fn layer(env: &Env, mistakes: &mut Mistakes, warnings: &mut Vec<Warning>) -> Layer {
    let mut layer = Layer::new();
    for (name, value) in env {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let place = Place::Env(name.clone().into_owned());
        if let Some(key) = KEYS.iter().copied().find(|key| variable(key) == *name) {
            match value.to_str() {
                Some(text) => {
                    let given = Given { raw: Raw::Bare(text.to_owned()), place };
                    layer.entry(key).or_insert(given);
                }
                None => mistakes.push(
                    place,
                    Fault::new(
                        match is_secret(key) {
                            true => "the value is no UTF-8".to_owned(),
                            false => format!("the value {} is no UTF-8", quoted(&value.to_string_lossy())),
                        },
                        "set it in UTF-8",
                    ),
                ),
            }
        } else if rest.contains("__") {
            mistakes.push(place, unknown(rest));
        } else if let Some(meant) = KEYS.iter().map(|k| variable(k)).find(|v| v.replace("__", "_") == *name) {
            warnings.push(Warning {
                place,
                message: "this variable is ignored".to_owned(),
                mend: format!("section and key are parted by two underscores: {meant}"),
            });
        }
    }
    layer
}

fn unknown(rest: &str) -> Fault {
    let message = "no key of the configuration has this name";
    if rest.split("__").next().is_some_and(|section| section.eq_ignore_ascii_case(SSL)) {
        return Fault::new(message, "TLS sources are set in the file only: [[ssl]]");
    }
    let names: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
    let bare = names.iter().filter_map(|name| name.strip_prefix(PREFIX));
    let mend = match nearest(rest, bare) {
        Some(meant) => format!("did you mean {PREFIX}{meant}?"),
        None => format!("the variables are {}", names.join(", ")),
    };
    Fault::new(message, mend)
}
