//! The ring: once it has gone round, the file grows no more.

use crate::base::{self, Dice, FIRST_DAY};
use crate::home::Home;
use crate::rows;
use highwater::ledger::Ledger;
use highwater_rules::slot::Slot;

#[test]
fn a_short_ring_goes_round_and_the_file_stays_as_it_is() {
    let home = Home::new().with("HIGHWATER_LEDGER__RETENTION", "4s");
    let config = home.json(&["check-config"]);
    assert!(config["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "{config}");
    let mut agent = home.run();
    agent.slots(6);
    let pages = || rows::one::<i64>(&home.ledger(), "SELECT page_count FROM pragma_page_count", []);
    let once_round = pages();
    agent.slots(9);
    assert_eq!(pages(), once_round);
    let log = agent.stop();
    let logged: Vec<i64> = log.iter().filter(|l| l.is_slot()).map(crate::line::Line::slot).collect();
    assert_eq!(rows::slots(&home.ledger()), logged[logged.len() - 4..], "what is kept is the newest");
    home.assert_verified();
    assert_eq!(home.json(&["verify"])["slots"], 4);
}

#[test]
fn five_rounds_of_anything_take_the_pages_of_one() {
    let home =
        Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "30s").with("HIGHWATER_LEDGER__RETENTION", "4h10m");
    let plan = base::plan(30, 500);
    let mut ledger = base::open(home.state_dir(), plan.clone());
    let first = plan.length.slot_at(FIRST_DAY).0;
    let mut dice = Dice(42);
    let pages = || rows::one::<i64>(&home.ledger(), "SELECT page_count FROM pragma_page_count", []);
    let mut after = Vec::new();
    for round in 0..5 {
        for slot in 0..500 {
            ledger
                .append(&base::record(Slot(first + round * 500 + slot), plan.length, &mut dice), &[])
                .unwrap();
        }
        assert_eq!(ledger.verify().unwrap().first_bad, None, "round {round}");
        after.push(pages());
    }
    // All within one day: each closed day adds its peaks, which are kept for three years.
    assert_eq!(after, [after[0]; 5]);
    drop(ledger);
    home.assert_verified();
}

#[test]
fn a_reader_sees_one_moment_while_the_agent_writes_on() {
    let home = Home::bare();
    let plan = base::plan(300, 10);
    let mut ledger = base::open(home.state_dir(), plan.clone());
    let first = plan.length.slot_at(FIRST_DAY).0;
    let mut dice = Dice(3);
    for slot in 0..25 {
        ledger.append(&base::record(Slot(first + slot), plan.length, &mut dice), &[]).unwrap();
    }
    let reader = Ledger::open_reader(home.state_dir(), plan.clone()).unwrap();
    for slot in 25..40 {
        ledger.append(&base::record(Slot(first + slot), plan.length, &mut dice), &[]).unwrap();
        let verdict = reader.verify().unwrap();
        assert_eq!((verdict.first_bad, verdict.slots), (None, 10), "after slot {slot}");
    }
}
