//! Agents that are killed, and agents that meet another.

use crate::agent::eventually;
use crate::home::Home;
use crate::host::Host;
use crate::line::Line;
use crate::rows;

#[test]
fn what_was_logged_is_in_the_ledger_however_often_it_is_killed() {
    let home = Home::new();
    let mut logged: Vec<i64> = Vec::new();
    for round in 0..3 {
        let mut agent = home.run();
        agent.slots(2 + round % 2);
        let log = agent.kill();
        logged.extend(log.iter().filter(|l| l.is_slot()).map(Line::slot));
        home.assert_verified();
    }
    let ledger = home.ledger();
    let written = rows::slots(&ledger);
    let lost: Vec<_> = logged.iter().filter(|slot| !written.contains(slot)).collect();
    assert!(lost.is_empty(), "{lost:?} were logged and are not in {written:?}");
    let mut once = written.clone();
    once.dedup();
    assert_eq!(once, written, "no slot is written twice");
    // Whatever was missed between two agents was missed for one reason; and no time is unaccounted for.
    let reasons: Vec<String> = rows::column(&ledger, "SELECT DISTINCT reason FROM missed");
    assert!(reasons.iter().all(|reason| reason == "agent_down"), "{reasons:?}");
    let missed: i64 =
        rows::one(&ledger, "SELECT coalesce(sum(last_slot - first_slot + 1), 0) FROM missed", []);
    assert_eq!(written.len() as i64 + missed, written[written.len() - 1] - written[0] + 1);
}

#[test]
fn slots_in_which_it_was_dead_are_agent_down() {
    let home = Home::new();
    let mut agent = home.run();
    let last = agent.slots(2)[1].slot();
    agent.kill();
    eventually("two more slots", || {
        let output = std::process::Command::new("date").arg("+%s").output().unwrap();
        let now: i64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        (now > last + 4).then_some(())
    });
    let mut agent = home.run();
    let missed = agent.event("slots_missed");
    assert_eq!(missed.get("reason"), Some("agent_down"));
    agent.stop();
    let ledger = home.ledger();
    let (first, reason): (i64, String) = ledger
        .query_row("SELECT first_slot, reason FROM missed ORDER BY position DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(first > last && reason == "agent_down", "{first} {last} {reason}");
    home.assert_verified();
}

/// The counters of the slot before are in the ledger: a restart in the middle of a slot costs nothing of it.
#[test]
fn a_restart_within_a_slot_loses_nothing_of_it() {
    let host = Host::new();
    let home = Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "4s").at_root(host.root());
    let mut agent = home.run();
    let before = agent.slots(1)[0].slot();
    host.traffic(1_400_000, 2_000_000);
    agent.kill();
    let mut agent = home.run();
    let after = agent.slots(1)[0].clone();
    agent.stop();
    assert_eq!(after.slot(), before + 1, "it is back in time");
    let ledger = home.ledger();
    let step = rows::steps(&ledger, "network_throughput", "eth0")[1].clone();
    let received = step.amount(step.rx.expect("a reading, not a gap")) / 8.0;
    assert!((received - 400_000.0).abs() < 1.0, "{step:?}");
    assert_eq!(rows::one::<i64>(&ledger, "SELECT count(*) FROM missed", []), 0);
    home.assert_verified();
}

#[test]
fn a_second_agent_on_the_same_ledger_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let mut agent = home.run();
    agent.slots(1);
    let second = home.ask(&["run"]);
    let message = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(69), "{message}");
    assert!(message.contains(&format!("pid {}", agent.pid())), "{message}");
    agent.slots(2);
    agent.stop();
    // The lock goes with its holder, however it ends.
    let mut agent = home.run();
    agent.slots(1);
    agent.kill();
    let mut agent = home.run();
    agent.slots(1);
    agent.stop();
    home.assert_verified();
}

#[test]
fn an_agent_that_starts_while_a_command_holds_the_ledger_waits_for_it() {
    let home = Home::new();
    let mut agent = home.run();
    agent.slots(1);
    agent.stop();
    let file = std::fs::File::options().write(true).open(home.state_dir().join("highwater.lock")).unwrap();
    let whole = nix::libc::flock { l_type: 1, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_OFD_SETLK(&whole)).unwrap();
    let mut agent = home.run();
    // It has looked, and looks again.
    eventually("an agent that waits", || {
        let path = format!("/proc/{}/stat", agent.pid());
        let stat = highwater::files::read_bounded(path.as_ref(), 4096).unwrap();
        stat.contains(") S ").then_some(())
    });
    drop(file);
    agent.slots(1);
    agent.stop();
}
