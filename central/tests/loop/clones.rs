//! Machines that were one, and machines put back to an older state: both sides' reports are kept, and nobody gains grace.

use crate::central::Central;
use crate::home::Home;

/// An instance that has joined and reported `reports` times; no agent runs.
fn reported(central: &Central, reports: usize) -> Home {
    let home = Home::new();
    home.join(central, "90d");
    report(&home, reports);
    home
}

/// Runs the agent until it has reported so often; gives the identities that its receipts name.
fn report(home: &Home, reports: usize) -> Vec<String> {
    let mut agent = home.run();
    let mut split = Vec::new();
    for _ in 0..reports {
        agent.slots(2);
        let outcome = home.push_open_day();
        assert!(outcome["accepted"].as_i64().unwrap() >= 1, "{outcome}");
        agent.event("report_accepted");
    }
    for line in agent.stop() {
        if line.event() == "identity_split" {
            split.push(line.get("now").unwrap().to_owned());
        }
    }
    split
}

fn identity(home: &Home) -> String {
    home.status()["activation"]["identity"].as_str().unwrap().to_owned()
}

#[test]
fn a_cloned_machine_becomes_an_identity_of_its_own_and_nothing_is_lost() {
    let central = Central::start();
    let first = reported(&central, 2);
    let clone = first.copied();
    assert_eq!(report(&first, 2), Vec::<String>::new());
    let split = report(&clone, 2);
    assert_eq!(split.len(), 1, "the clone is told once");
    assert_ne!(split[0], identity(&first));
    assert_eq!(central.sequences(&identity(&first)), [1, 2, 3, 4]);
    assert_eq!(central.sequences(&split[0]), [3, 4]);
    assert_eq!(central.alarms(), [("fork".to_owned(), split[0].clone())]);
    for home in [&first, &clone] {
        let outbox = home.status()["outbox"].clone();
        assert_eq!((&outbox["receipted"], &outbox["pending"]), (&4.into(), &0.into()));
    }
    // Both go on as they are.
    assert_eq!((report(&first, 1), report(&clone, 1)), (vec![], vec![]));
    assert_eq!((central.reports().len(), central.alarms().len()), (8, 1));
}

#[test]
fn a_machine_that_is_put_back_goes_on_under_another_identity() {
    let central = Central::start();
    let home = reported(&central, 2);
    let snapshot = home.copied();
    report(&home, 2);
    let end = home.status()["gate"]["grace_end"].as_str().unwrap().to_owned();
    home.restore(&snapshot.state_dir());
    let status = home.status();
    assert!(status["gate"]["grace_end"].as_str().unwrap() <= end.as_str(), "{status}");
    let split = report(&home, 1);
    assert_eq!(split.len(), 1);
    assert_eq!((central.sequences(&split[0]), central.alarms().len()), (vec![3], 1));
    assert_eq!(central.reports().len(), 5);
}

#[test]
fn a_ledger_put_back_alone_numbers_on_and_gains_no_grace() {
    let Some(home) = Home::new().with_clock() else { return };
    let central = Central::start();
    home.join(&central, "90d");
    report(&home, 1);
    let snapshot = home.copied();
    report(&home, 2);
    home.set_clock(40 * 86_400);
    let mut agent = home.run();
    agent.slots(2);
    agent.stop();
    let left = home.status()["gate"]["seconds_left"].as_i64().unwrap();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(home.file(name));
        if snapshot.file(name).exists() {
            std::fs::copy(snapshot.file(name), home.file(name)).unwrap();
        }
    }
    // The snapshot is of another day: its clock says nothing.
    home.set_clock(0);
    let mut agent = home.run();
    agent.slots(2);
    let after = home.status();
    assert!(after["gate"]["seconds_left"].as_i64().unwrap() <= left, "{after} {left}");
    let outcome = home.push_open_day();
    assert_eq!(outcome["parked"], 0, "{outcome}");
    agent.stop();
    let numbers = central.sequences(&identity(&home));
    // What waited in the ledger that is gone can't be sent; its number is not given twice.
    assert!(numbers.starts_with(&[1, 2, 3]) && numbers.len() > 3, "{numbers:?}");
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert_eq!(numbers.len(), central.reports().len(), "no other identity came of it");
}

#[test]
fn golden_images_become_two_identities_when_they_join() {
    let central = Central::start();
    let first = Home::new();
    let mut agent = first.run();
    agent.slots(2);
    agent.stop();
    let second = first.copied();
    let token = central.token("90d");
    let granted = [&first, &second].map(|home| home.join_by(&central.url(), &central.ca_file, &token));
    assert_eq!(granted[0]["instance"], granted[1]["instance"]);
    assert_ne!(granted[0]["identity"], granted[1]["identity"]);
    for (home, grant) in [&first, &second].into_iter().zip(&granted) {
        assert_eq!(report(home, 2), Vec::<String>::new());
        assert_eq!(central.sequences(grant["identity"].as_str().unwrap()), [1, 2]);
    }
    let kinds: Vec<String> = central.alarms().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["key_reuse"]);
}
