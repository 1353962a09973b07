//! SIGUSR1 and SIGHUP.

use crate::home::Home;
use crate::line::Line;
use crate::rows;
use nix::sys::signal::Signal;

#[test]
fn sigusr1_logs_an_extra_sample_and_writes_no_row() {
    let home = Home::new();
    let mut agent = home.run();
    agent.slots(2);
    let extras = 3;
    for _ in 0..extras {
        agent.signal(Signal::SIGUSR1);
        let extra = agent.line("extra sample", |line| line.get("extra") == Some("true"));
        assert_eq!((extra.event(), extra.get("slot")), ("sampled", None));
        assert!(extra.number("ram_capacity") > 0.0);
    }
    agent.slots(2);
    let log = agent.stop();
    let logged: Vec<i64> = log.iter().filter(|l| l.is_slot()).map(Line::slot).collect();
    assert_eq!(log.iter().filter(|l| l.get("extra").is_some()).count(), extras);
    let ledger = home.ledger();
    assert_eq!(rows::slots(&ledger), logged);
    assert_eq!(rows::one::<i64>(&ledger, "SELECT count(DISTINCT slot) FROM slots", []), logged.len() as i64);
    home.assert_verified();
}

#[test]
fn sighup_follows_a_good_file_and_keeps_the_old_one_in_place_of_a_bad_one() {
    let home = Home::bare().configured("[sampling]\ninterval = \"2s\"\n");
    let mut agent = home.run();
    assert_eq!(agent.event("started").get("interval_s"), Some("2"));
    agent.slots(1);

    home.write_config("[sampling]\ninterval = \"1s\"\n");
    agent.signal(Signal::SIGHUP);
    assert_eq!(agent.event("reloaded").get("interval_s"), Some("1"));
    agent.slots(3);

    home.write_config("[sampling]\ninterval = \"7s\"\nintervall = 1\n");
    agent.signal(Signal::SIGHUP);
    let failed = agent.event("reload_failed");
    let error = failed.get("error").unwrap();
    assert!(error.contains("intervall") && error.contains('7'), "every mistake is told: {error}");
    agent.slots(2);

    home.write_config("state_dir = \"/elsewhere\"\n");
    agent.signal(Signal::SIGHUP);
    // The variable that every test sets goes before the file: this changes nothing.
    agent.event("reloaded");
    home.write_config("[sampling]\ninterval = \"1s\"\n[log]\nformat = \"json\"\n");
    agent.signal(Signal::SIGHUP);
    agent.event("reloaded");
    let json = agent.slots(1).remove(0);
    assert!(json.get("readings").unwrap().contains("ram_capacity"), "{json:?}");
    agent.stop();

    let ledger = home.ledger();
    let lengths: Vec<i64> = rows::column(&ledger, "SELECT DISTINCT slot_s FROM slots ORDER BY slot_s");
    assert!(lengths.starts_with(&[1, 2]), "{lengths:?}");
    home.assert_verified();
}

#[test]
fn another_state_dir_is_refused_while_the_agent_runs() {
    let home = Home::new().configured("");
    let (here, elsewhere) = (home.tree.at("state"), home.tree.at("elsewhere"));
    home.write_config(&format!("state_dir = \"{}\"\n", here.display()));
    let mut command = home.command(crate::home::HIGHWATER);
    let mut agent = crate::agent::Agent::spawn(command.env_remove("HIGHWATER_STATE_DIR").arg("run"));
    agent.slots(1);
    home.write_config(&format!("state_dir = \"{}\"\n", elsewhere.display()));
    agent.signal(Signal::SIGHUP);
    let failed = agent.event("reload_failed");
    assert!(failed.get("error").unwrap().contains("restart"), "{failed:?}");
    let before = agent.slots(2);
    agent.stop();
    assert!(!elsewhere.exists());
    assert!(rows::slots(&home.ledger()).contains(&before[1].slot()));
}
