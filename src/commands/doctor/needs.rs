//! What the configured sources need beyond the sandbox of the unit, and the drop-in that gives it.

use super::Check;
use super::rights::Rights;
use crate::config::{Config, Loaded, SslSource, Value, effective};
use crate::files::{Root, read_bounded};
use crate::ledger::Ledger;
use std::path::{Path, PathBuf};

/// Where a package puts the drop-ins.
const DROP_INS: &str = "/usr/share/highwater/drop-ins";
/// Where processes are looked at: always this host's, as the lock is.
pub(super) const PROC: &str = "/proc";
const COMM_MAX_BYTES: usize = 64;

/// A right that is missing: who needs what, and the drop-in that gives it.
struct Lack {
    what: String,
    drop_in: &'static str,
}

/// Whether the agent that runs has the rights that its sources need; where none runs, whether this process has, if it is in a unit.
pub(super) fn rights(loaded: &Loaded) -> Check {
    let name = "rights";
    let proc = Path::new(PROC);
    let agent = agent(&loaded.config.state_dir);
    let (who, process) = match &agent {
        Some(pid) => (format!("the agent ({pid})"), pid.as_str()),
        None => ("this process".to_owned(), "self"),
    };
    let rights = match Rights::of(proc, process) {
        Ok(rights) => rights,
        Err(error) => return Check::good(name, format!("not known: {who} can't be looked at: {error}")),
    };
    let Some(unit) = rights.unit.as_deref().filter(|unit| agent.is_some() || is_own(unit)) else {
        let seen = if agent.is_some() { "runs in no unit of systemd's" } else { "no agent runs in a unit" };
        return Check::good(name, format!("{seen}: each source says itself what it lacks"));
    };
    let lacks = lacks(loaded, &rights);
    if lacks.is_empty() {
        return Check::good(name, format!("{who} in {unit} has those that its sources need"));
    }
    let mut detail: Vec<String> = vec![format!("{who} in {unit} lacks some that its sources need:")];
    detail.extend(lacks.iter().map(|lack| format!("{}: drop-in {}", lack.what, lack.drop_in)));
    detail.push(format!(
        "copy the drop-ins named from {DROP_INS} to /etc/systemd/system/{unit}.d/, then `systemctl daemon-reload` and \
         `systemctl restart {unit}`"
    ));
    Check::bad(name, detail.join("\n"))
}

fn is_own(unit: &str) -> bool {
    unit.starts_with("highwater")
}

/// The process of the agent that holds a state directory, if one does.
pub(super) fn agent(state_dir: &Path) -> Option<String> {
    process(Path::new(PROC), &Ledger::writer(state_dir)?)
}

/// The process that a lock's holder names, if it is an agent: a number of another namespace may be anyone's.
fn process(proc: &Path, holder: &str) -> Option<String> {
    let pid = holder.strip_prefix("pid ")?;
    let comm =
        read_bounded(&proc.join(pid.parse::<u32>().ok()?.to_string()).join("comm"), COMM_MAX_BYTES).ok()?;
    (comm.trim_end() == "highwater").then(|| pid.to_owned())
}

fn lacks(loaded: &Loaded, rights: &Rights) -> Vec<Lack> {
    let config = &loaded.config;
    let mut lacks = Vec::new();
    if config.ram.presence.is_some() && rights.hides_processes {
        let what = "ram.presence: other users' processes are hidden".to_owned();
        lacks.push(Lack { what, drop_in: "presence.conf" });
    }
    lacks.extend(config.ssl.iter().filter_map(|ssl| {
        let (why, drop_in) = of_source(config, &ssl.source, rights)?;
        Some(Lack { what: format!("ssl/{}: {why}", ssl.name), drop_in })
    }));
    lacks.extend(secrets(loaded).into_iter().filter_map(|(key, path)| {
        let at = rights.kept_from_reading(&path)?;
        Some(Lack { what: format!("{key}: no right to read {}", at.display()), drop_in: "credentials.conf" })
    }));
    lacks
}

fn of_source(config: &Config, source: &SslSource, rights: &Rights) -> Option<(String, &'static str)> {
    let root = Root::new(&config.sampling.root);
    match source {
        SslSource::Kernel(_) => {
            (!rights.counts_packets()).then(|| ("no right CAP_NET_RAW".to_owned(), "kernel.conf"))
        }
        SslSource::Haproxy(haproxy) => {
            let at = rights.kept_from_connecting(&root.at(&haproxy.socket))?;
            Some((format!("no right at {}", at.display()), "haproxy-socket.conf"))
        }
        SslSource::AccessLog(log) => {
            let at = rights.kept_from_reading(&root.at(&log.path))?;
            Some((format!("no right to read {}", at.display()), "logs.conf"))
        }
        SslSource::Loadmaster(_) | SslSource::Prometheus(_) => None,
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
        Value::Text(path) => Some((key, PathBuf::from(path))),
        _ => None,
    })
    .collect()
}
