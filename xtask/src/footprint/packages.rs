//! The Debian packages that a measurement needs.

use std::path::PathBuf;

use crate::shell;

/// A program, and the package that brings it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needed {
    pub(super) program: &'static str,
    pub(super) package: &'static str,
}

const fn needed(program: &'static str, package: &'static str) -> Needed {
    Needed { program, package }
}

pub(super) const COMPILER: Needed = needed("cc", "gcc");
pub(super) const PERF: Needed = needed("perf", "linux-perf");
pub(super) const STRACE: Needed = needed("strace", "strace");
pub(super) const VALGRIND: Needed = needed("valgrind", "valgrind");
pub(super) const VNSTAT: Needed = needed("vnstatd", "vnstat");
pub(super) const SADC: Needed = needed("sadc", "sysstat");
pub(super) const NODE_EXPORTER: Needed = needed("prometheus-node-exporter", "prometheus-node-exporter");
/// A header and not a program, found by asking dpkg.
const SQLITE_HEADER: &str = "libsqlite3-dev";

/// Installs what a comparison with the peers needs and is missing, when it may; says what it does. The agent alone
/// needs only a counter of system calls.
pub(super) fn install_missing(root: bool, agent_alone: bool) {
    let all = [STRACE, PERF, COMPILER, VALGRIND, VNSTAT, SADC, NODE_EXPORTER];
    let wanted = all.get(..if agent_alone { 1 } else { all.len() }).unwrap_or_default();
    let missing =
        wanted.iter().filter(|one| shell::find_program(one.program).is_none()).map(|one| one.package);
    let header = (!agent_alone && version(SQLITE_HEADER).is_none()).then_some(SQLITE_HEADER);
    let missing: Vec<&str> = missing.chain(header).collect();
    if missing.is_empty() {
        return;
    }
    if !root {
        println!("missing, and not root to install: {}", missing.join(" "));
        return;
    }
    println!("installing with apt-get: {}", missing.join(" "));
    let fixed = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-remove"];
    let mut arguments = fixed.to_vec();
    arguments.push("--no-install-recommends");
    arguments.extend(&missing);
    // One package that cannot be had takes its own row away, not the whole measurement.
    if let Err(error) = shell::run("env", &arguments) {
        println!("not installed: {error:#}");
    }
}

/// Where a needed program is, or why its figures are left out.
pub(super) fn locate(needed: Needed) -> anyhow::Result<PathBuf> {
    let Needed { program, package } = needed;
    shell::find_program(program).ok_or_else(|| {
        anyhow::anyhow!("{program} is missing (Debian package {package}, installed only by root)")
    })
}

/// The upstream version of an installed package.
pub(super) fn version(package: &str) -> Option<String> {
    let full = shell::run("dpkg-query", &["-W", "-f=${db:Status-Status} ${Version}", package]).ok()?;
    let full = full.strip_prefix("installed ")?;
    let without_epoch = full.split_once(':').map_or(full, |(_, rest)| rest);
    Some(without_epoch.split(['-', '+', '~']).next().unwrap_or(without_epoch).to_owned())
}
