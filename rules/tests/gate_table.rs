//! Every row of the tables of `docs/gate.md`, held to the rule.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this test reads the repository's own files, and fails where it can't"
)]

use highwater_rules::grace::{GRACE_S, Stage};
use highwater_rules::licence::{Because, LicenceState, Mode, Verdict, gate};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The rows of the tables under "Every case", cell by cell, with so many columns.
fn rows(columns: usize) -> Vec<Vec<String>> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/gate.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, cases) = page.split_once("## Every case").unwrap();
    let cases = cases.split("\n## ").next().unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let tables = cases.lines().filter(|line| line.starts_with('|')).map(cells);
    tables
        .filter(|row: &Vec<String>| row.len() == columns && row[0] != "mode" && !row[0].starts_with("---"))
        .collect()
}

fn mode(cell: &str) -> Mode {
    Mode::from_word(cell).unwrap_or_else(|| panic!("{cell} is no mode"))
}

fn licence(cell: &str) -> LicenceState {
    LicenceState::from_word(cell).unwrap_or_else(|| panic!("{cell} is no state of a licence"))
}

fn stage(cell: &str) -> Stage {
    Stage::from_word(cell).unwrap_or_else(|| panic!("{cell} is no stage"))
}

fn verdict(stage_cell: &str, because: &str) -> Verdict {
    let because = Because::from_word(because).unwrap_or_else(|| panic!("{because} is no cause"));
    Verdict { stage: stage(stage_cell), because }
}

#[test]
fn every_mode_licence_and_stage_of_grace_has_one_row_and_the_gate_says_what_it_says() {
    let rows = rows(5);
    for row in &rows {
        let says = gate(mode(&row[0]), licence(&row[1]), stage(&row[2]), None, GRACE_S);
        assert_eq!(says, verdict(&row[3], &row[4]), "{row:?}");
        let far = gate(mode(&row[0]), licence(&row[1]), stage(&row[2]), Some(GRACE_S), GRACE_S);
        assert_eq!(far, says, "a contract that ends far away says nothing: {row:?}");
    }
    let cases: BTreeSet<&[String]> = rows.iter().map(|row| &row[..3]).collect();
    assert_eq!((rows.len(), cases.len()), (32, 32), "2 modes x 4 states x 4 stages");
}

#[test]
fn every_row_of_the_contracts_end_says_what_the_gate_says() {
    let rows = rows(6);
    for row in &rows {
        let days: i64 = row[3].strip_suffix(" days").unwrap().parse().unwrap();
        let left_s = Some(days * 86_400);
        let says = gate(mode(&row[0]), licence(&row[1]), stage(&row[2]), left_s, GRACE_S);
        assert_eq!(says, verdict(&row[4], &row[5]), "{row:?}");
    }
    let causes: BTreeSet<&str> = rows.iter().map(|row| row[5].as_str()).collect();
    assert!(rows.len() >= 16 && causes.len() == 3, "{causes:?}");
}
