//! `[ram]`: whose memory counts, and while which software is there.

use super::mistakes::Fault;
use super::raw::Raw;
use super::reader::{Reader, absolute};
use super::{Presence, Ram, RamScope, pods};

/// `[ram]`.
pub(super) fn read(reader: &mut Reader) -> Option<Ram> {
    let scope = reader.value("ram.scope", RamScope::Auto, ram_scope);
    let presence = reader.take("ram.presence", None, |raw| presence(raw).map(Some));
    let cgroup = reader.take("ram.cgroup", None, |raw| cgroup(raw).map(Some));
    let pods = pods::read(reader, scope);
    let (scope, presence, cgroup, pods) = (scope?, presence?, cgroup?, pods?);
    #[cfg(feature = "kubernetes")]
    if scope == RamScope::Pods {
        if presence.value.is_some() {
            let mend = "leave it out: a pod counts while it is there";
            let fault = Fault::new("a process says nothing to scope = \"pods\"", mend);
            reader.refuse("ram.presence", presence.place.as_ref(), fault);
            return None;
        }
        if cgroup.value.is_some() {
            let mend = "leave it out: pods have cgroups of their own";
            let fault = Fault::new("a cgroup says nothing to scope = \"pods\"", mend);
            reader.warn("ram.cgroup", cgroup.place.as_ref(), fault);
        }
    }
    if let (RamScope::Host, Some(_)) = (scope, &cgroup.value) {
        let fault = Fault::new(
            "a cgroup says nothing to scope = \"host\"",
            "set scope = \"cgroup\", or leave it out",
        );
        reader.warn("ram.cgroup", cgroup.place.as_ref(), fault);
    }
    Some(Ram { scope, presence: presence.value, cgroup: cgroup.value, pods })
}

fn ram_scope(raw: &Raw) -> Result<RamScope, Fault> {
    #[cfg(not(feature = "kubernetes"))]
    if raw.text() == Ok("pods") {
        return Err(Fault::no_kubernetes());
    }
    raw.choice(RamScope::ALL, RamScope::word)
}

fn presence(raw: &Raw) -> Result<Presence, Fault> {
    let text = raw.text()?;
    if !text.contains('/') {
        return Ok(Presence::Process(text.to_owned()));
    }
    absolute(raw).map(Presence::Executable).map_err(|fault| {
        Fault::new(
            fault.message,
            "write the executable's whole path from / on, or a process name without a slash",
        )
    })
}

fn cgroup(raw: &Raw) -> Result<String, Fault> {
    let path = absolute(raw).map_err(|fault| {
        Fault::new(fault.message, "write it as /proc/PID/cgroup does, from / on, without /sys/fs/cgroup")
    })?;
    if path.starts_with("/sys/fs/cgroup") {
        let mend = "leave /sys/fs/cgroup out: write it as /proc/PID/cgroup does";
        return Err(Fault::new("a cgroup is named within its hierarchy", mend));
    }
    Ok(raw.text()?.to_owned())
}
