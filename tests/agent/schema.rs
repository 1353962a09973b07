//! `highwater logs-schema` and what an agent really logs, held to one another by a validator that is not ours.

use crate::contract;
use crate::faked;
use crate::home::Home;
use crate::line::Line;
use crate::tools;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether there is a Python with a validator; else the test is skipped.
fn without_validator() -> bool {
    let mut trial = Command::new("python3");
    trial.args(["-c", "import jsonschema.validators as v; v.Draft202012Validator"]).stderr(Stdio::null());
    let works = trial.status().is_ok_and(|status| status.success());
    !works && tools::skipped("Python's jsonschema is not installed")
}

/// Whether all lines fit, and what the validator says.
fn validate(home: &Home, lines: &[String]) -> (bool, String) {
    let schema = home.ask(&["logs-schema"]);
    assert!(schema.status.success(), "{schema:?}");
    home.tree.write("schema.json", schema.stdout);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify_log.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(home.tree.at("schema.json")).arg("--strict");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // It reads all before it writes anything.
    child.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn texts(log: &[Line]) -> Vec<String> {
    log.iter().map(|line| line.text().to_owned()).collect()
}

#[test]
fn a_recorded_day_and_an_eventful_life_fit_the_schema() {
    let Some(library) = faked::library() else { return };
    if without_validator() {
        return;
    }
    let home = Home::bare().with("HIGHWATER_LOG__FORMAT", "json").with("HIGHWATER_LOG__LEVEL", "debug");
    let mut agent = faked::run(&home, &library, "2026-06-08 23:40:00", 2400);
    let days = [agent.event("day_closed"), agent.event("day_closed")];
    assert_eq!(days.map(|day| day.get("day").unwrap().to_owned()), ["2026-06-08", "2026-06-09"]);
    let mut log = agent.kill();
    let sampled = log.iter().filter(|line| line.is_slot()).count();
    assert!(sampled > 200, "a day of five minutes each: {sampled}");
    log.extend(contract::a_life("json"));
    let (fits, said) = validate(&home, &texts(&log));
    assert!(fits, "{said}");
}

#[test]
fn what_is_not_in_the_contract_does_not_fit_the_schema() {
    if without_validator() {
        return;
    }
    let home = Home::bare();
    let with =
        |more: &str| format!("{{\"time\":\"2026-11-22T01:00:12.000Z\",\"level\":\"info\",\"event\":{more}}}");
    let fits = |more: &str| validate(&home, &[with(more)]).0;
    assert!(fits(r#""source_recovered","source":"ram""#));
    assert!(fits(r#""source_recovered","source":"ram","dropped_lines":3"#));
    assert!(!fits(r#""source_recovered","source":7"#), "a type");
    assert!(!fits(r#""source_recovered""#), "a key that is missing");
    assert!(!fits(r#""source_recovered","source":"ram","odd":1"#), "a key that is not known");
    assert!(!fits(r#""odd""#), "an event that is not known");
    assert!(!fits(r#""stopped","signal":"SIGHUP""#), "a word that is not among those listed");
    assert!(!fits(r#""source_failed","source":"ram","error":"x""#), "a level that the event does not have");
}

#[test]
fn every_example_of_the_page_fits_the_schema() {
    if without_validator() {
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/log-events.md");
    let page = highwater::files::read_bounded(&page, 1 << 20).unwrap();
    let examples = page.lines().filter_map(|line| line.strip_prefix("    {").map(|rest| format!("{{{rest}")));
    let examples: Vec<String> = examples.collect();
    assert!(examples.len() > 1, "{examples:?}");
    let (fits, said) = validate(&Home::bare(), &examples);
    assert!(fits, "{said}");
}
