//! The unit that the agent runs in, and whether it does.

use super::needs::{PROC, agent};
use super::rights::{Rights, group_id};
use super::unit::Unit;
use super::{Check, manager};
use crate::clock;
use std::path::{Path, PathBuf};

/// The unit of the packages.
const PACKAGED: &str = "highwater.service";
/// One that was started anew so often, and no longer ago than this, is not yet well.
const LOOP_RESTARTS: u64 = 3;
const LOOP_US: u64 = 60_000_000;
/// What waitid(2) calls an end by exit.
const EXITED: u64 = 1;

/// The agent of this state directory, and its unit.
pub(super) struct Service {
    /// Its unit, or why nothing is judged by one.
    pub(super) unit: Result<Unit, String>,
    /// The number of its process, where it runs.
    pub(super) agent: Option<String>,
    /// Whether it is another user's, so that what this one may do says nothing of the agent.
    pub(super) is_anothers: bool,
}

impl Service {
    /// The agent that keeps a state directory.
    pub(super) fn look(state_dir: &Path) -> Self {
        let proc = Path::new(PROC);
        let holder = agent(state_dir);
        let its_unit = holder.as_deref().and_then(|pid| Rights::of(proc, pid).ok()?.unit);
        let unit = unit(state_dir, its_unit, holder.as_deref());
        let main = unit
            .as_ref()
            .ok()
            .filter(|unit| unit.number("MainPID") > 0)
            .map(|unit| unit.get("MainPID").to_owned());
        let agent = holder.or(main);
        let own = Rights::of(proc, "self").ok();
        let is_in_unit = own.is_some_and(|own| {
            own.unit.is_some() && own.unit == unit.as_ref().ok().map(|unit| unit.name.clone())
        });
        let user = nix::unistd::geteuid();
        let runs_as = agent.as_deref().and_then(|pid| Rights::of(proc, pid).ok()).map(|rights| rights.uid());
        let is_anothers =
            !user.is_root() && !is_in_unit && runs_as.map_or(unit.is_ok(), |uid| uid != user.as_raw());
        Service { unit, agent, is_anothers }
    }

    /// Whether the unit runs, and will run again.
    pub(super) fn check(&self) -> Check {
        let name = "service";
        match &self.unit {
            Err(why) => Check::good(name, why.clone()),
            Ok(unit) => match faults(unit, self.agent.as_deref(), clock::mono_us().unsigned_abs()) {
                Ok(how) => Check::good(name, how),
                Err(faults) => Check::bad(name, faults),
            },
        }
    }
}

/// The unit that an agent runs in; where none runs, or not in one, the packaged unit, if the state directory is its.
fn unit(state_dir: &Path, its_unit: Option<String>, pid: Option<&str>) -> Result<Unit, String> {
    if !manager::is_booted() {
        return Err("no systemd manages this host: the agent is judged by its process alone".to_owned());
    }
    if let Some(unit) = its_unit.map(|name| Unit::ask(&name)).transpose()?.flatten()
        && pid == Some(unit.get("MainPID"))
    {
        return Ok(unit);
    }
    match Unit::ask(PACKAGED)? {
        Some(unit) if unit.keeps(state_dir) => Ok(unit),
        Some(unit) => {
            let own =
                unit.state_dirs().next().map_or_else(|| "none".to_owned(), |dir| dir.display().to_string());
            Err(format!(
                "{PACKAGED} keeps its state in {own}, not in {}: it is not looked at; `--state-dir {own}` asks for it",
                state_dir.display()
            ))
        }
        None => Err(format!("systemd has no unit {PACKAGED}: the agent is judged by its process alone")),
    }
}

/// How a unit does: what is wrong with it, with what to do, or that it is fine.
fn faults(unit: &Unit, agent: Option<&str>, now_us: u64) -> Result<String, String> {
    let name = &unit.name;
    let again = format!("`systemctl daemon-reload` and `systemctl restart {name}`");
    let mut faults = missing(unit, |group| group_id(group).is_some(), Path::exists);
    if !faults.is_empty() {
        faults.push(format!("then {again}"));
    }
    let how = match state(unit, now_us) {
        Ok(how) => how,
        // What is missing tells why it ended, and is told first.
        Err(told) => {
            faults.extend(told);
            let main = unit.get("MainPID");
            faults.extend(agent.filter(|pid| *pid != main).map(|pid| {
                format!("an agent that is not the unit's (pid {pid}) holds the state directory: end that one first")
            }));
            String::new()
        }
    };
    let stale = unit.is_stale().then(|| format!("its files were changed since systemd read them: {again}"));
    if faults.is_empty() {
        return Ok([Some(how), stale].into_iter().flatten().collect::<Vec<_>>().join("\n"));
    }
    faults.extend(stale);
    Err(faults.join("\n"))
}

/// What a unit names and the host has not: systemd then starts nothing at all.
fn missing(unit: &Unit, has_group: impl Fn(&str) -> bool, has_file: impl Fn(&Path) -> bool) -> Vec<String> {
    let name = &unit.name;
    let said = |setting, word: &str| {
        unit.says(setting, word).map_or_else(
            || format!("the unit ({setting}=)"),
            |file| format!("{} ({setting}=)", file.display()),
        )
    };
    let groups = unit.words("SupplementaryGroups").map(|group| ("SupplementaryGroups", group));
    let own = (unit.get("DynamicUser") != "yes").then(|| unit.words("Group").map(|group| ("Group", group)));
    let groups = groups.chain(own.into_iter().flatten()).filter(|(_, group)| !has_group(group)).map(|(setting, group)| {
        format!(
            "{name} can't be started (216/GROUP): there is no group {group}, which {} names: install what brings it, or name \
             the right group there, or remove the file",
            said(setting, group)
        )
    });
    let all = unit.credentials();
    let lost = all.iter().filter_map(|credential| {
        let source: &PathBuf = credential.source.as_ref().filter(|source| !has_file(source))?;
        Some(format!(
            "{name} can't be started (243/CREDENTIALS): there is no {}, which {} names (LoadCredential=): write the secret \
             there, or correct the path, or remove the line",
            source.display(),
            credential.said_in.display()
        ))
    });
    groups.chain(lost).collect()
}

/// Whether a unit runs: how, or what is wrong.
fn state(unit: &Unit, now_us: u64) -> Result<String, Vec<String>> {
    let name = &unit.name;
    let (active, sub) = (unit.get("ActiveState"), unit.get("SubState"));
    let restarts = unit.number("NRestarts");
    let is_enabled = unit.get("UnitFileState").starts_with("enabled");
    let why = format!("why: `journalctl -u {} -p err -n 20`", name.trim_end_matches(".service"));
    let ended = end(unit);
    match unit.get("LoadState") {
        "loaded" => {}
        "masked" => {
            return Ok(format!("{name} is masked: systemd never starts it (`systemctl unmask {name}`)"));
        }
        other => {
            let look = format!("`systemctl status {name}` and `systemd-analyze verify {name}` tell why");
            return Err(vec![format!("{name} can't be loaded ({other}): {look}")]);
        }
    }
    let since_us = now_us.saturating_sub(unit.number("ActiveEnterTimestampMonotonic"));
    let is_looping = restarts >= LOOP_RESTARTS && since_us < LOOP_US;
    match active {
        "active" | "reloading" if !is_looping => {
            Ok(format!("{name} is {active} ({sub}), {}", times(restarts)))
        }
        "active" | "reloading" => Err(vec![
            format!(
                "{name} runs for {} s now, but ends again and again: {}",
                since_us / 1_000_000,
                times(restarts)
            ),
            why,
        ]),
        "activating" if restarts == 0 && sub != "auto-restart" => Ok(format!("{name} is being started")),
        // The first time may be the last.
        "activating" if restarts == 0 => {
            Err(vec![format!("{name} has ended, and is started again by itself soon: {ended}"), why])
        }
        "activating" => Err(vec![format!("{name} ends again and again: {ended}; {}", times(restarts)), why]),
        "failed" => Err(vec![
            format!("{name} has failed, and is not tried again: {ended}; {}", times(restarts)),
            why,
            format!("then `systemctl restart {name}`"),
        ]),
        _ if is_enabled => {
            let mut told =
                vec![format!("{name} is enabled, but does not run ({active}): {ended}; {}", times(restarts))];
            if unit.get("Result") != "success" {
                told.push(why);
            }
            told.push(format!("`systemctl start {name}`"));
            Err(told)
        }
        _ => {
            Ok(format!("{name} does not run ({active}), and is not enabled: `systemctl enable --now {name}`"))
        }
    }
}

fn times(restarts: u64) -> String {
    match restarts {
        0 => "not restarted by itself".to_owned(),
        1 => "restarted by itself once".to_owned(),
        more => format!("restarted by itself {more} times"),
    }
}

/// How its process ended last, in systemd's words and numbers.
fn end(unit: &Unit) -> String {
    match unit.get("StatusText") {
        "" => result(unit),
        // What it said last of itself: where it could not begin, why.
        said => format!("{}; it said: {}", result(unit), said.escape_debug()),
    }
}

fn result(unit: &Unit) -> String {
    let status = unit.number("ExecMainStatus");
    let result = unit.get("Result");
    if unit.number("ExecMainCode") == 0 {
        return format!("last result {result}");
    }
    if unit.number("ExecMainCode") != EXITED {
        return format!("last result {result}, by signal {status}");
    }
    let word = match status {
        0 => "",
        64 => " (wrong usage)",
        65 => " (bad data)",
        69 => " (something is unavailable)",
        77 => " (no permission)",
        78 => " (wrong configuration: `highwater check-config`)",
        203 => "/EXEC (the program can't be started)",
        216 => "/GROUP (a group is missing)",
        217 => "/USER (the user is missing)",
        226 => "/NAMESPACE (a path that the unit names is missing)",
        238 => "/STATE_DIRECTORY (it can't be made)",
        243 => "/CREDENTIALS (a credential's file is missing)",
        _ => "",
    };
    format!("last result {result}, exit status {status}{word}")
}

#[cfg(test)]
mod tests {
    use super::super::golden::{self, RUNNING, WITHOUT_GROUP};
    use super::*;

    /// A minute and more after the golden unit became active.
    const LATER_US: u64 = 90_000_000;

    fn told(lines: &str, now_us: u64) -> Result<String, Vec<String>> {
        state(&golden::unit(&format!("{RUNNING}{lines}")), now_us)
    }

    fn fails(lines: &str, expect: &[&str]) {
        let said = told(lines, LATER_US).unwrap_err().join("\n");
        for part in expect {
            assert!(said.contains(part), "{lines:?}: {said}");
        }
    }

    #[test]
    fn a_unit_that_runs_is_fine_and_one_that_is_just_being_started() {
        assert_eq!(
            told("", LATER_US).unwrap(),
            "highwater.service is active (running), not restarted by itself"
        );
        assert!(
            told("ActiveState=activating\nSubState=start\n", LATER_US).unwrap().contains("being started")
        );
        // A kill long ago is no loop.
        assert!(told("NRestarts=7\n", LATER_US).unwrap().contains("7 times"));
    }

    #[test]
    fn one_that_was_stopped_has_failed_or_loops_is_told_of_with_its_last_result_and_the_next_command() {
        let journal = "`journalctl -u highwater -p err -n 20`";
        fails(
            "ActiveState=inactive\nSubState=dead\n",
            &["enabled, but does not run", "last result success", "`systemctl start highwater.service`"],
        );
        fails(
            "ActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=78\nNRestarts=1\n",
            &[
                "has failed",
                "exit-code, exit status 78 (wrong configuration",
                "once",
                journal,
                "systemctl restart",
            ],
        );
        fails(
            "ActiveState=failed\nResult=watchdog\nExecMainCode=3\nExecMainStatus=6\n",
            &["last result watchdog, by signal 6", journal],
        );
        fails(WITHOUT_GROUP, &["again and again", "exit status 216/GROUP", "2 times", journal]);
        let first = "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainCode=1\nExecMainStatus=69\n";
        let once = ["has ended, and is started again by itself soon", "exit status 69", journal];
        fails(first, &once);
        assert!(!told(first, LATER_US).unwrap_err().concat().contains("again and again"));
        fails(
            "ActiveState=activating\nSubState=start\nNRestarts=4\n",
            &["again and again", "4 times", journal],
        );
        fails(
            "ActiveState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=69\nStatusText=another agent uses it\n",
            &["exit status 69 (something is unavailable); it said: another agent uses it"],
        );
        fails("LoadState=bad-setting\n", &["bad-setting", "systemd-analyze verify"]);
        let young = told("NRestarts=3\n", 9_000_000).unwrap_err().join("\n");
        assert!(young.contains("runs for 1 s now") && young.contains(journal), "{young}");
    }

    #[test]
    fn one_that_somebody_turned_off_is_as_he_wants_it() {
        let off = told("ActiveState=inactive\nUnitFileState=disabled\n", LATER_US).unwrap();
        assert!(off.contains("`systemctl enable --now highwater.service`"), "{off}");
        assert!(told("LoadState=masked\nActiveState=inactive\n", LATER_US).unwrap().contains("unmask"));
    }

    #[test]
    fn a_group_that_is_missing_is_named_with_the_drop_in_that_names_it() {
        let file = "/etc/systemd/system/highwater.service.d/haproxy-socket.conf";
        let unit = golden::unit(&format!("{RUNNING}{WITHOUT_GROUP}"))
            .with_file(file.into(), "[Service]\nSupplementaryGroups=haproxy\n")
            .with_file(
                "/etc/systemd/system/highwater.service.d/logs.conf".into(),
                "[Service]\nSupplementaryGroups=adm\n",
            );
        let lacking = missing(&unit, |group| group == "adm", |_| true);
        let [said] = lacking.as_slice() else { panic!("{lacking:?}") };
        assert!(
            said.contains("no group haproxy") && said.contains(file) && said.contains("216/GROUP"),
            "{said}"
        );
        assert!(missing(&unit, |_| true, |_| true).is_empty());
        // The group of a dynamic user is made with it; that of another is not.
        let own = golden::unit(&format!("{RUNNING}DynamicUser=no\nGroup=metering\n"));
        assert!(missing(&own, |_| false, |_| true).concat().contains("no group metering"));
        assert!(missing(&golden::unit(RUNNING), |_| false, |_| true).is_empty());
    }

    #[test]
    fn a_credentials_file_that_is_missing_is_named_with_the_drop_in_that_names_it() {
        let file = "/etc/systemd/system/highwater.service.d/credentials.conf";
        let text = "[Service]\nLoadCredential=a:/etc/highwater/a\nLoadCredential=\nLoadCredential=b:/etc/highwater/b\n\
                    SetCredential=c:/word\nLoadCredential=d:relative\n";
        let unit = golden::unit(RUNNING).with_file(file.into(), text);
        let lacking = missing(&unit, |_| true, |_| false);
        let [said] = lacking.as_slice() else { panic!("{lacking:?}") };
        assert!(
            said.contains("no /etc/highwater/b") && said.contains(file) && said.contains("243"),
            "{said}"
        );
        assert!(missing(&unit, |_| true, |path| path.ends_with("b")).is_empty());
    }

    #[test]
    fn files_that_systemd_has_not_read_yet_and_an_agent_beside_the_unit_are_told_of() {
        let stale = golden::unit(&format!("{RUNNING}NeedDaemonReload=yes\n"));
        assert!(faults(&stale, Some("93"), LATER_US).unwrap().contains("`systemctl daemon-reload`"));
        let stopped =
            golden::unit(&format!("{RUNNING}MainPID=0\nActiveState=activating\nSubState=auto-restart\n"));
        let said = faults(&stopped, Some("77"), LATER_US).unwrap_err();
        assert!(said.contains("pid 77") && said.contains("end that one first"), "{said}");
    }
}
