//! What the configured sources need beyond the sandbox of the unit, and what gives it.

use super::blocker::{GroupDropIn, not_read};
use super::rights::{Rights, Way};
use super::service::Service;
use super::unit::Unit;
use super::{Check, credentials, sandbox};
use crate::config::ssl::Exposition;
use crate::config::{Config, Loaded, SslSource};
use crate::files::{Root, read_bounded};
use crate::ledger::Ledger;
use std::path::{Path, PathBuf};

/// Where a package puts the drop-ins.
const DROP_INS: &str = "/usr/share/highwater/drop-ins";
/// Where processes are looked at: always this host's, as the lock is.
pub(super) const PROC: &str = "/proc";
const COMM_MAX_BYTES: usize = 64;
const LOGS: GroupDropIn = GroupDropIn { file: "logs.conf", group: "adm" };
const HAPROXY: GroupDropIn = GroupDropIn { file: "haproxy-socket.conf", group: "haproxy" };
const KERNEL: &str = "kernel.conf";
const PRESENCE: &str = "presence.conf";

/// What stands in a source's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    /// The source, as checks name it, or the key.
    pub(super) who: String,
    pub(super) what: String,
    pub(super) mend: String,
}

/// What is known of all sources' needs.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) lacks: Vec<Lack>,
    /// What is not for this user to see, and who needs it.
    pub(super) unseen: Vec<(String, PathBuf)>,
}

/// Those who judge by a unit and by rights: what the agent has, or would have.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) rights: &'a Rights,
    pub(super) unit: Option<&'a Unit>,
}

/// Whether the agent has the rights that its sources need: by its unit and its process; where there is neither, by this process, if it
/// is in a unit.
pub(super) fn rights(loaded: &Loaded, service: &Service) -> Check {
    let proc = Path::new(PROC);
    let process = service.agent.as_deref().map(|pid| (pid, Rights::of(proc, pid)));
    let Ok(unit) = &service.unit else { return by_process(loaded, process) };
    let by_unit = found(loaded, Judge { rights: &Rights::given(unit), unit: Some(unit) });
    if !by_unit.lacks.is_empty() {
        let mut detail = vec![format!("{} does not give what the sources need:", unit.name)];
        detail.extend(by_unit.lacks.iter().map(Lack::line));
        detail.push(how(&unit.name, &by_unit));
        return Check::bad("rights", detail.join("\n"));
    }
    if let Some((pid, Ok(rights))) = &process {
        let by_process = found(loaded, Judge { rights, unit: Some(unit) });
        if !by_process.lacks.is_empty() {
            let what: Vec<String> =
                by_process.lacks.iter().map(|lack| format!("{}: {}", lack.who, lack.what)).collect();
            return Check::bad(
                "rights",
                format!(
                    "the agent ({pid}) was started before {} gave what its sources need: `systemctl restart {}`\n{}",
                    unit.name,
                    unit.name,
                    what.join("\n")
                ),
            );
        }
    }
    if let Some((who, path)) = by_unit.unseen.first() {
        return Check::unseen("rights", format!("{who}: {} is not this user's to look at", path.display()));
    }
    Check::good("rights", format!("{} gives those that its sources need", unit.name))
}

fn by_process(loaded: &Loaded, agent: Option<(&str, std::io::Result<Rights>)>) -> Check {
    let name = "rights";
    let has_agent = agent.is_some();
    let (who, rights) = match agent {
        Some((pid, rights)) => (format!("the agent ({pid})"), rights),
        None => ("this process".to_owned(), Rights::of(Path::new(PROC), "self")),
    };
    let rights = match rights {
        Ok(rights) => rights,
        Err(error) => return Check::good(name, format!("not known: {who} can't be looked at: {error}")),
    };
    let Some(unit) = rights.unit.as_deref().filter(|unit| has_agent || unit.starts_with("highwater")) else {
        let seen = if has_agent { "runs in no unit of systemd's" } else { "no agent runs in a unit" };
        return Check::good(name, format!("{seen}: each source says itself what it lacks"));
    };
    let found = found(loaded, Judge { rights: &rights, unit: None });
    if found.lacks.is_empty() {
        return Check::good(name, format!("{who} in {unit} has those that its sources need"));
    }
    let mut detail: Vec<String> = vec![format!("{who} in {unit} lacks some that its sources need:")];
    detail.extend(found.lacks.iter().map(Lack::line));
    detail.push(how(unit, &found));
    Check::bad(name, detail.join("\n"))
}

/// The sources that this process lacks rights for, by their names.
pub(super) fn own_lacks(loaded: &Loaded) -> Vec<String> {
    let Ok(rights) = Rights::of(Path::new(PROC), "self") else { return Vec::new() };
    let found = found(loaded, Judge { rights: &rights, unit: None });
    let who = found.lacks.iter().map(|lack| &lack.who).chain(found.unseen.iter().map(|(who, _)| who));
    who.map(|who| source_of(who)).collect()
}

/// The source that is meant by who lacks something, as reports name it.
pub(super) fn source_of(who: &str) -> String {
    if who == "ram.presence" { "ram" } else { who.split(' ').next().unwrap_or(who) }.to_owned()
}

/// How what is named is put into the unit.
fn how(unit: &str, found: &Found) -> String {
    let reload = format!("`systemctl daemon-reload` and `systemctl restart {unit}`");
    if found.lacks.iter().any(|lack| lack.mend.contains("drop-in ")) {
        format!("copy the drop-ins named from {DROP_INS} to /etc/systemd/system/{unit}.d/, then {reload}")
    } else {
        format!("after a change of the unit {reload}")
    }
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

/// What stands in the way of all sources, and of the files of secrets that are configured.
pub(super) fn found(loaded: &Loaded, judge: Judge<'_>) -> Found {
    let config = &loaded.config;
    let mut found = Found::default();
    if config.ram.presence.is_some() {
        found.lacks.extend(judge.to_see_processes());
    }
    for ssl in &config.ssl {
        judge.source(config, &format!("ssl/{}", ssl.name), &ssl.source, &mut found);
    }
    credentials::found(loaded, judge, &mut found);
    found
}

impl Judge<'_> {
    fn to_see_processes(self) -> Option<Lack> {
        if !self.rights.hides_processes
            && self.unit.is_none_or(|unit| sandbox::hides_processes(unit).is_none())
        {
            return None;
        }
        let setting = self.unit.and_then(sandbox::hides_processes);
        let mend = match &setting {
            Some(_) => self.setting(PRESENCE, "ProtectProc=default"),
            None => format!("drop-in {PRESENCE}, or mount the host's /proc without hidepid"),
        };
        let by = setting.map_or_else(String::new, |setting| format!(" ({setting})"));
        let what = format!("other users' processes are hidden{by}");
        Some(Lack { who: "ram.presence".to_owned(), what, mend })
    }

    fn source(self, config: &Config, who: &str, source: &SslSource, found: &mut Found) {
        let root = Root::new(&config.sampling.root);
        match source {
            SslSource::Kernel(_) => found.lacks.extend(self.to_count_packets(who)),
            SslSource::Haproxy(haproxy) => self.file(who, &root.at(&haproxy.socket), HAPROXY, found),
            SslSource::AccessLog(log) => self.file(who, &root.at(&log.path), LOGS, found),
            #[cfg(feature = "kubernetes")]
            SslSource::Scraped(_) => {}
            SslSource::Prometheus(prometheus) => {
                if let Exposition::File(path) = &prometheus.place {
                    self.file(who, &root.at(path), LOGS, found);
                }
            }
            SslSource::Loadmaster(_) => {}
        }
    }

    fn to_count_packets(self, who: &str) -> Option<Lack> {
        let lacking = self.unit.map_or_else(Vec::new, sandbox::keeps_from_packets);
        let what = match lacking.as_slice() {
            [] if self.rights.counts_packets() => return None,
            [] => "no right CAP_NET_RAW".to_owned(),
            settings => format!("no packet can be counted without {}", settings.join(", ")),
        };
        let mend = match lacking.as_slice() {
            [] => format!("drop-in {KERNEL}"),
            settings => self.setting(KERNEL, &settings.join(", ")),
        };
        Some(Lack { who: who.to_owned(), what, mend })
    }

    /// What gives a setting: the drop-in, or, where that is installed and the setting does not hold, whatever undoes it.
    fn setting(self, drop_in: &str, setting: &str) -> String {
        if let Some(unread) = self.unit.and_then(|unit| unit.unread(drop_in)) {
            return not_read(unread);
        }
        self.unit.and_then(|unit| Some((unit, unit.drop_in(drop_in)?))).map_or_else(
            || format!("drop-in {drop_in}"),
            |(unit, installed)| {
                format!(
                    "{} is installed, but does not say so, or a later file undoes it: `systemctl cat {}`, and set {setting}",
                    installed.display(),
                    unit.name
                )
            },
        )
    }

    /// A log or a socket.
    fn file(self, who: &str, path: &Path, drop_in: GroupDropIn, found: &mut Found) {
        if let Some(hidden) = self.unit.and_then(|unit| sandbox::hides(unit, path)) {
            found.lacks.push(Lack {
                who: who.to_owned(),
                what: format!("{} is hidden from the unit ({})", path.display(), hidden.by),
                mend: hidden.mend,
            });
            return;
        }
        let is_socket = drop_in == HAPROXY;
        match if is_socket { self.rights.to_connect(path) } else { self.rights.to_read(path) } {
            Way::Open => {}
            Way::Unseen(place) => found.unseen.push((who.to_owned(), place)),
            Way::Shut(blocker) => found.lacks.push(Lack {
                who: who.to_owned(),
                what: blocker.to_string(),
                mend: blocker.mend(self.unit, self.rights.is_in(blocker.gid), drop_in),
            }),
        }
    }
}

impl Lack {
    fn line(&self) -> String {
        format!("{}: {}: {}", self.who, self.what, self.mend)
    }
}
