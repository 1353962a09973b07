//! Days of 23, 24 and 25 hours, under a clock that runs an hour a second.

use crate::agent::Agent;
use crate::faked;
use crate::home::Home;
use crate::line::Line;

struct Day {
    zone: &'static str,
    /// An hour or so before the day begins, in UTC.
    from: &'static str,
    date: &'static str,
    expected: i64,
}

const DAYS: [Day; 3] = [
    Day { zone: "Europe/Berlin", from: "2026-03-28 22:30:00", date: "2026-03-29", expected: 276 },
    Day { zone: "Europe/Berlin", from: "2026-10-24 21:30:00", date: "2026-10-25", expected: 300 },
    Day { zone: "UTC", from: "2026-06-09 23:30:00", date: "2026-06-10", expected: 288 },
];

fn home(day: &Day) -> Home {
    Home::bare().with("HIGHWATER_SAMPLING__TIME_ZONE", day.zone)
}

fn check(home: &Home, day: &Day, closed: &Line) {
    assert_eq!(closed.get("time_zone"), Some(day.zone));
    assert_eq!(closed.number("expected"), day.expected as f64, "{closed:?}");
    let peaks = home.json(&["peaks", "--from", day.date, "--to", day.date]);
    let told = &peaks["days"][0];
    assert_eq!((&told["closed"], &told["time_zone"]), (&true.into(), &day.zone.into()), "{peaks}");
    let coverage = &told["coverage"];
    assert_eq!(coverage["expected"], day.expected, "{peaks}");
    let read = coverage["read"].as_i64().unwrap();
    assert_eq!(closed.number("read"), read as f64, "the log and the ledger agree");
    let missed: i64 =
        coverage["missed"].as_object().unwrap().values().filter_map(serde_json::Value::as_i64).sum();
    assert_eq!(read + missed, day.expected, "{peaks}");
    // A slot lasts 83 ms here: a busy machine may miss some, but hardly most.
    assert!(read > day.expected / 4, "{peaks}");
    let total = |p: &&serde_json::Value| p["meter"] == "ram_capacity" && p["subject"] == "total";
    let ram = told["peaks"].as_array().unwrap().iter().find(total).unwrap();
    assert_eq!(ram["value"].as_f64().unwrap(), closed.number("ram_capacity"));
    home.assert_verified();
}

#[test]
fn days_of_23_24_and_25_hours_close_with_the_slots_that_they_have() {
    let Some(library) = faked::library() else { return };
    let homes: Vec<Home> = DAYS.iter().map(home).collect();
    let agents: Vec<Agent> =
        homes.iter().zip(&DAYS).map(|(home, day)| faked::run(home, &library, day.from, 3600)).collect();
    for ((mut agent, home), day) in agents.into_iter().zip(&homes).zip(&DAYS) {
        let closed = agent.line(day.date, |l| l.event() == "day_closed" && l.get("day") == Some(day.date));
        agent.slots(1);
        // How long a stop takes is told by a clock that runs true: it is of no matter to the others here.
        agent.stop();
        check(home, day, &closed);
    }
}
