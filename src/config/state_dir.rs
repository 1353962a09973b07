//! `state_dir`: where the agent keeps its ledger.

use super::env::{self, Env};
use super::mistakes::{Fault, quoted};
use super::reader::Reader;
use super::show::Origin;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

const KEY: &str = "state_dir";

/// The configured directory, made absolute; else the one that systemd, XDG or the home directory give.
pub(super) fn read(reader: &mut Reader, env: &Env, cwd: &Path) -> Option<PathBuf> {
    let setting = reader.take(KEY, None, |raw| Ok(Some(PathBuf::from(raw.text()?))))?;
    let (path, place) = match setting.value {
        Some(path) => (cwd.join(path), setting.place),
        None => {
            let Some((path, name)) = default(env) else {
                reader.refuse(KEY, None, nowhere());
                return None;
            };
            reader.origins.set(KEY, Origin::Env(name.to_owned()));
            (path, Some(super::Place::Env(name.to_owned())))
        }
    };
    // What can't be written in a TOML file can't be shown, nor given back.
    if path.to_str().is_none_or(|text| text.chars().any(char::is_control)) {
        let message = format!(
            "the path {} is no UTF-8, or has a control character",
            quoted(&path.as_os_str().to_string_lossy())
        );
        reader.refuse(
            KEY,
            place.as_ref(),
            Fault::new(message, "set state_dir to an absolute path of plain text"),
        );
        return None;
    }
    // `./x` and `x//y` are written shorter; `..` stays, since links may make it mean something else.
    Some(path.components().collect())
}

fn default(env: &Env) -> Option<(PathBuf, &'static str)> {
    let absolute = |name: &str| env::get(env, name).map(Path::new).filter(|path| path.is_absolute());
    let systemd = env::get(env, "STATE_DIRECTORY").map(first_of_list).map(PathBuf::from);
    if let Some(path) = systemd.filter(|path| path.is_absolute()) {
        return Some((path, "STATE_DIRECTORY"));
    }
    if let Some(path) = absolute("XDG_STATE_HOME") {
        return Some((path.join("highwater"), "XDG_STATE_HOME"));
    }
    absolute("HOME").map(|home| (home.join(".local/state/highwater"), "HOME"))
}

/// The first directory of a list that systemd gives, parted by colons.
pub(super) fn first_of_list(list: &OsStr) -> OsString {
    let first = list.as_bytes().split(|b| *b == b':').next().unwrap_or_default();
    OsStr::from_bytes(first).to_owned()
}

fn nowhere() -> Fault {
    Fault::new(
        "there is nowhere to keep the ledger: the key is not set, nor is any of STATE_DIRECTORY, XDG_STATE_HOME and HOME",
        "set state_dir = \"/var/lib/highwater\" in the file, or HIGHWATER_STATE_DIR",
    )
}
