//! `[gate]`: where the metered software is told whether it may run.

use super::Gate;
use super::env::{self, Env};
use super::mistakes::{Fault, Place};
use super::raw::Raw;
use super::reader::{Reader, Setting, absolute};
use super::show::Origin;
use super::state_dir::first_of_list;
use std::path::{Path, PathBuf};

const STATUS_FILE: &str = "gate.status_file";
const SOCKET: &str = "gate.socket";
/// The status file's name.
const FILE: &str = "gate.json";
const RUNTIME_DIRECTORY: &str = "RUNTIME_DIRECTORY";
/// The state directory of a packaged agent; its gate is in [`super::GATE_DIR`].
const PACKAGED_STATE_DIR: &str = "/var/lib/highwater";
/// Switches the socket off.
pub(super) const NONE: &str = "none";
/// How many hooks there may be.
const HOOKS_MAX: usize = 16;
/// The longest path of a Unix socket, without the zero byte that ends it.
pub(super) const SOCKET_MAX_BYTES: usize = 107;

/// `[gate]`.
pub(super) fn read(reader: &mut Reader, env: &Env, state_dir: Option<&Path>) -> Option<Gate> {
    let (dir, origin) = directory(env, state_dir);
    let status_file = reader.take(STATUS_FILE, dir.join(FILE), status_file);
    let socket = reader.take(SOCKET, Some(dir.join("gate.sock")), socket);
    let hooks = reader.value("gate.hooks", Vec::new(), hooks);
    let (status_file, socket, hooks) = (status_file?, socket?, hooks?);
    if let Some(origin) = origin {
        let places = [(STATUS_FILE, &status_file.place), (SOCKET, &socket.place)];
        for (key, _) in places.into_iter().filter(|(_, place)| place.is_none()) {
            reader.origins.set(key, origin.clone());
        }
    }
    differ(reader, &status_file, &socket)?;
    Some(Gate { status_file: status_file.value, socket: socket.value, hooks })
}

/// Where file and socket are unless configured, and what says so: of a packaged agent a place that every user may look into.
fn directory(env: &Env, state_dir: Option<&Path>) -> (PathBuf, Option<Origin>) {
    // What can't be written in a TOML file can't be shown, nor given back.
    let plain = |path: &Path| path.to_str().is_some_and(|text| !text.chars().any(char::is_control));
    let systemd = env::get(env, RUNTIME_DIRECTORY).map(first_of_list).map(PathBuf::from);
    if let Some(path) = systemd.filter(|path| path.is_absolute() && plain(path)) {
        return (path, Some(Origin::Env(RUNTIME_DIRECTORY.to_owned())));
    }
    (in_state_dir(state_dir), None)
}

fn in_state_dir(state_dir: Option<&Path>) -> PathBuf {
    match state_dir {
        Some(dir) if dir != Path::new(PACKAGED_STATE_DIR) => dir.to_owned(),
        _ => PathBuf::from(super::GATE_DIR),
    }
}

fn status_file(raw: &Raw) -> Result<PathBuf, Fault> {
    let path = absolute(raw)?;
    let ends_as_a_directory = raw.text()?.ends_with('/');
    if ends_as_a_directory || path.file_name().is_none() {
        return Err(Fault::new(
            "a directory is no status file",
            "write the file's name too: /run/highwater/gate.json",
        ));
    }
    Ok(path)
}

fn socket(raw: &Raw) -> Result<Option<PathBuf>, Fault> {
    if raw.text()? == NONE {
        return Ok(None);
    }
    let path = absolute(raw)
        .map_err(|fault| Fault::new(fault.message, "write the whole path, from / on, or \"none\""))?;
    if path.as_os_str().len() > SOCKET_MAX_BYTES {
        let message = format!("a socket's path has at most {SOCKET_MAX_BYTES} bytes");
        return Err(Fault::new(message, "take a shorter path, or \"none\""));
    }
    Ok(Some(path))
}

/// An array of commands; in the environment a single one, since a comma may be part of a command.
fn hooks(raw: &Raw) -> Result<Vec<String>, Fault> {
    let commands: Vec<Result<&str, Fault>> = match raw {
        Raw::Bare(text) if text.trim().is_empty() => Vec::new(),
        Raw::Bare(_) => vec![raw.text()],
        Raw::List(items) => items.iter().map(Raw::text).collect(),
        Raw::Text(_) | Raw::Whole(_) | Raw::Truth(_) | Raw::Other(_) => {
            return Err(Fault::new(
                "an array of commands is expected",
                "write it in brackets: [\"systemctl stop product\"]",
            ));
        }
    };
    if commands.len() > HOOKS_MAX {
        let message = format!("{} hooks, of at most {HOOKS_MAX}", commands.len());
        return Err(Fault::new(message, "put them into one script"));
    }
    let mut good = Vec::new();
    let mut faults = Vec::new();
    for command in commands {
        match command {
            Ok(command) if command.trim().is_empty() => {
                faults.push(Fault::new("a hook is empty", "write a command, or leave it out"));
            }
            Ok(command) => good.push(command.to_owned()),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(Fault::all(faults)) }
}

fn differ(reader: &mut Reader, file: &Setting<PathBuf>, socket: &Setting<Option<PathBuf>>) -> Option<()> {
    if socket.value.as_ref() != Some(&file.value) {
        return Some(());
    }
    let (key, place): (_, Option<&Place>) = match &socket.place {
        Some(place) => (SOCKET, Some(place)),
        None => (STATUS_FILE, file.place.as_ref()),
    };
    let fault =
        Fault::new("the status file and the socket have the same path", "give one of them another path");
    reader.refuse(key, place, fault);
    None
}

/// The status files that a reader who was told no path looks at, the first that is fresh counting: the configured one; where
/// nothing says where the agent keeps its state, that of a packaged agent before the reader's own; and where systemd says it, which
/// may speak of a reader's unit, as the metered software's often is one, that of the agent whose directory that is not after it.
#[must_use]
pub fn gate_files(loaded: Option<&super::Loaded>) -> Vec<PathBuf> {
    let packaged = Path::new(super::GATE_DIR).join(FILE);
    let Some(loaded) = loaded else { return vec![packaged] };
    let own = loaded.config.gate.status_file.clone();
    let by_state = in_state_dir(Some(&loaded.config.state_dir)).join(FILE);
    let is_env = |origin: Origin, names: &[&str]| match origin {
        Origin::Env(name) => names.contains(&name.as_str()),
        Origin::Default | Origin::File { .. } | Origin::Flag(_) => false,
    };
    let state = || loaded.origins.get("state_dir");
    let is_home = is_env(state(), &["HOME", "XDG_STATE_HOME"]);
    let is_unit = is_env(state(), &["STATE_DIRECTORY"]);
    let mut files = match loaded.origins.get(STATUS_FILE) {
        Origin::Default if is_home => vec![packaged, own],
        Origin::Default if is_unit => vec![own, packaged],
        Origin::Env(name) if name == RUNTIME_DIRECTORY && (is_home || is_unit) => {
            vec![own, packaged, by_state]
        }
        Origin::Env(name) if name == RUNTIME_DIRECTORY => vec![own, by_state],
        _ => vec![own],
    };
    files.dedup();
    files
}
