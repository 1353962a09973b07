//! A ledger that someone has edited: `verify` names what does not fit.

use crate::base;
use crate::home::Home;
use crate::rows;
use rusqlite::Connection;
use serde_json::Value;

fn home() -> Home {
    Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "1h")
}

/// What `verify` finds first, after each statement on a ledger of its own. The row's place is that of its number.
fn check(cases: &[(&str, Value)]) {
    let untouched = home();
    base::three_days(untouched.state_dir());
    untouched.assert_verified();
    for (sql, expect) in cases {
        let home = home();
        std::fs::create_dir(home.state_dir()).unwrap();
        std::fs::copy(untouched.file(), home.file()).unwrap();
        home.meddle(sql);
        let (verdict, code) = home.json_and_code(&["verify"]);
        let bad = &verdict["first_bad"];
        assert!(verdict["ok"] == false && code == 65, "unnoticed: {sql}\n{verdict}");
        assert!(bad["why"].as_str().is_some_and(|why| !why.is_empty()), "{verdict}");
        match expect {
            Value::String(day) => assert_eq!(&bad["day"], day, "{sql}\n{verdict}"),
            Value::Array(gone) => assert_eq!(bad["seq"], gone[0], "{sql}\n{verdict}"),
            seq => {
                assert_eq!(&bad["seq"], seq, "{sql}\n{verdict}");
                let told = slot_of(&home.ledger(), seq);
                assert_eq!(bad["slot"], told, "{sql}\n{verdict}");
            }
        }
        let text = home.ask(&["verify"]);
        assert_eq!(text.status.code(), Some(65), "{text:?}");
    }
}

fn slot_of(ledger: &Connection, seq: &Value) -> i64 {
    rows::one(ledger, "SELECT slot FROM slots WHERE seq = ?1", [seq.as_i64()])
}

/// The row number 10, that was written at position 9.
const TEN: &str = "position = (SELECT position FROM slots WHERE seq = 10)";

#[test]
fn an_edited_sample_is_named() {
    let of_ten = |set: &str, which: &str| format!("UPDATE samples SET {set} WHERE {TEN} AND {which}");
    let cases = [
        of_ten("value = 1.0", "gap IS NULL AND rx IS NULL"),
        of_ten("value = value + 0.5, rx = rx + 0.5", "rx IS NOT NULL"),
        of_ten("rx = rx + 1", "rx IS NOT NULL"),
        of_ten("tx = 0.0", "rx IS NOT NULL"),
        of_ten("rule = 'sum'", "rx IS NOT NULL"),
        of_ten("counter = counter - 1", "counter IS NOT NULL"),
        of_ten("counter_tx = 0", "counter_tx IS NOT NULL"),
        of_ten("incarnation = incarnation + 1", "counter IS NOT NULL"),
        of_ten("value = NULL, rx = NULL, tx = NULL, rule = NULL, gap = 'agent_down'", "gap IS NULL"),
        format!("DELETE FROM samples WHERE {TEN}"),
        format!(
            "INSERT INTO series VALUES (50, 'ssl_tps', 'other'); INSERT INTO samples SELECT position, 50, value, rx, tx, rule, \
                 gap, counter, counter_tx, incarnation FROM samples WHERE {TEN} LIMIT 1"
        ),
    ];
    check(&cases.iter().map(|sql| (sql.as_str(), 10.into())).collect::<Vec<_>>());
    // Of what can't be read, only its number is known.
    let unreadable = [
        of_ten("value = 'much'", "gap IS NULL"),
        format!("PRAGMA foreign_keys = OFF; {}", of_ten("series = 99", "series = 1")),
        format!("UPDATE slots SET slot_s = 7 WHERE {TEN}"),
    ];
    check(&unreadable.iter().map(|sql| (sql.as_str(), Value::Array(vec![10.into()]))).collect::<Vec<_>>());
}

#[test]
fn an_edited_gap_is_named() {
    let first_gap = "(SELECT min(position) FROM samples WHERE gap IS NOT NULL)";
    let untouched = home();
    base::three_days(untouched.state_dir());
    let seq: i64 =
        rows::one(&untouched.ledger(), &format!("SELECT seq FROM slots WHERE position = {first_gap}"), []);
    let sql =
        |set: &str| format!("UPDATE samples SET {set} WHERE position = {first_gap} AND gap IS NOT NULL");
    let other = sql("gap = CASE gap WHEN 'agent_down' THEN 'clock_jump' ELSE 'agent_down' END");
    let filled = sql("gap = NULL, value = 5.0");
    check(&[(&other, seq.into()), (&filled, seq.into())]);
}

#[test]
fn an_edited_slot_is_named() {
    let slot = |set: &str| format!("UPDATE slots SET {set} WHERE {TEN}");
    let cases = [
        slot("at = at + 3600"),
        slot("slot = slot - 1"),
        slot("slot_s = 1800"),
        slot("taken_ms = taken_ms + 1"),
        slot("mono_ms = 0"),
        slot("boot_ms = 0"),
        slot("boot = boot % 3 + 1"),
        slot("clock_step_ms = 9"),
        slot("seq = 500"),
        slot("previous = zeroblob(32)"),
        slot("digest = zeroblob(32)"),
    ];
    check(&cases[..8].iter().map(|sql| (sql.as_str(), 10.into())).collect::<Vec<_>>());
    // What was row 10 calls itself 500.
    check(&[(&cases[8], Value::Array(vec![500.into()])), (&cases[9], 10.into()), (&cases[10], 10.into())]);
    let swap = "UPDATE slots SET digest = (SELECT digest FROM slots o WHERE o.seq = 21 - slots.seq) WHERE seq IN (10, 11)";
    check(&[(swap, 10.into())]);
}

#[test]
fn deleted_and_added_rows_are_named() {
    let gone = |which: &str| format!("DELETE FROM slots WHERE {which}");
    let and_samples = "DELETE FROM samples WHERE position NOT IN (SELECT position FROM slots)";
    let middle = format!("{}; {and_samples}", gone("seq = 10"));
    let newest = format!("{}; {and_samples}", gone("seq = 71"));
    let newer = format!("{}; {and_samples}", gone("seq > 60"));
    let oldest = format!("{}; {and_samples}", gone("seq <= 3"));
    let at = |seq: i64| Value::Array(vec![seq.into()]);
    check(&[
        (&middle, 11.into()),
        (&gone("seq = 10"), 11.into()),
        (&newest, at(71)),
        (&newer, at(61)),
        (&oldest, 4.into()),
        ("DELETE FROM slots", at(1)),
        ("DELETE FROM head", at_none()),
        ("UPDATE state SET value = value + 86400 WHERE key = 'first_start'", 1.into()),
    ]);
    let copy = "INSERT INTO slots SELECT 1000, 72, slot + 1, slot_s, at + 3600, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, \
                digest, digest FROM slots WHERE seq = 71";
    let with_sample = format!(
        "{copy}; INSERT INTO samples SELECT 1000, series, 1e15, rx, tx, rule, NULL, counter, counter_tx, incarnation \
         FROM samples WHERE position = 1"
    );
    let stray = "INSERT INTO samples SELECT 1000, series, 1e15, rx, tx, rule, NULL, counter, counter_tx, incarnation \
                 FROM samples WHERE position = 1";
    check(&[(copy, at(72)), (&with_sample, at(72)), (stray, at_none())]);
}

/// A row that is no slot's.
fn at_none() -> Value {
    Value::Array(vec![Value::Null])
}

#[test]
fn an_edited_outage_is_named() {
    let outage = |set: &str| (format!("UPDATE missed SET {set}"), Value::from(21));
    let cases = [
        outage("reason = 'host_down'"),
        outage("last_slot = last_slot - 1"),
        outage("first_slot = first_slot + 1"),
        outage("to_at = from_at"),
        outage("from_at = from_at + 3600"),
        ("DELETE FROM missed".to_owned(), Value::from(21)),
    ];
    check(&cases.iter().map(|(sql, row)| (sql.as_str(), row.clone())).collect::<Vec<_>>());
}

#[test]
fn an_edited_day_or_peak_is_named() {
    let days = |set: &str| format!("UPDATE days SET {set} WHERE day = '2026-03-01'");
    let peaks = |set: &str| {
        format!(
            "UPDATE peaks SET {set} WHERE day = '2026-03-01' AND subject = 'total' AND meter = 'network_throughput'"
        )
    };
    let cases = [
        peaks("value = value / 2"),
        peaks("at = at + 3600"),
        peaks("runner_up = NULL, runner_up_at = NULL"),
        peaks("p95 = p95 - 1"),
        peaks("rx = 0.0"),
        peaks("definition = 2"),
        peaks("expected = expected + 5"),
        peaks("read = 24, agent_down = 0"),
        peaks("subject = 'eth9'"),
        "DELETE FROM peaks WHERE day = '2026-03-01' AND subject = 'eth0'".to_owned(),
        "INSERT INTO peaks SELECT day, time_zone, 'ssl_tps', 'ghost', definition, 1e9, rx, tx, at, runner_up, runner_up_at, p95, \
         expected, read, clock_jump, host_down, agent_down, counter_reset, source_failed FROM peaks WHERE day = '2026-03-01' LIMIT 1"
            .to_owned(),
        days("read = 24"),
        days("agent_down = 0, host_down = host_down + agent_down"),
        days("expected = expected + 1"),
        days("last_digest = zeroblob(32)"),
        days("first_digest = zeroblob(32)"),
        days("present_slots = 0"),
        days("first_seq = 0"),
        days("last_seq = last_seq - 3"),
        days("closed_at = NULL, read = 24"),
    ];
    let day = || Value::from("2026-03-01");
    check(&cases.iter().map(|sql| (sql.as_str(), day())).collect::<Vec<_>>());
}
