//! Golden vectors: `proto/vectors/*.json` hold, for every message, bytes that are right and bytes that are not, and what a reader
//! must say of each. Programs in other languages are held to the same files (`docs/wire.md`).
//!
//! `HIGHWATER_BLESS=1 cargo test -p highwater-rules --test vectors` writes them anew. Whoever does so changes the wire format: what
//! was written before must keep its verdict.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this test reads the repository's own files, and fails where it can't"
)]

mod activation;
mod answer;
mod case;
mod fields;
mod grant;
mod licence;
mod line;
mod receipt;
mod report;
mod succession;
mod token;

use case::{File, Said};
use serde_json::Value;
use std::path::PathBuf;

type Judge = fn(&Value, &Value) -> Said;

type Make = fn() -> File;

/// Each file's name, who makes it, and who judges its cases.
const FILES: [(&str, Make, Judge); 9] = [
    ("activation", activation::vectors, activation::judge),
    ("answer", answer::vectors, answer::judge),
    ("grant", grant::vectors, grant::judge),
    ("licence", licence::vectors, licence::judge),
    ("line", line::vectors, line::judge),
    ("receipt", receipt::vectors, receipt::judge),
    ("report", report::vectors, report::judge),
    ("succession", succession::vectors, succession::judge),
    ("token", token::vectors, token::judge),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto/vectors")
}

fn committed(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

#[test]
fn todays_code_makes_the_committed_bytes() {
    let bless = std::env::var_os("HIGHWATER_BLESS").is_some();
    for (name, make, _) in FILES {
        let made = serde_json::to_string_pretty(&make()).unwrap() + "\n";
        if bless {
            std::fs::write(folder().join(format!("{name}.json")), made).unwrap();
        } else {
            assert!(made == committed(name), "{name}.json: today's code makes other bytes");
        }
    }
}

#[test]
fn every_verdict_comes_out_as_written() {
    for (name, make, judge) in FILES {
        // While the files are written anew by the other test, those just made are judged.
        let file = match std::env::var_os("HIGHWATER_BLESS") {
            Some(_) => make(),
            None => serde_json::from_str(&committed(name)).unwrap(),
        };
        for case in &file.cases {
            let (verdict, result) = judge(&case.given, &case.input);
            assert_eq!(verdict, case.verdict, "{name}.json: {}", case.name);
            assert_eq!(result, case.result, "{name}.json: {}", case.name);
        }
    }
}

#[test]
fn no_file_in_the_folder_is_held_by_no_one() {
    let mut there: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let held: Vec<String> = FILES.iter().map(|(name, _, _)| format!("{name}.json")).collect();
    assert_eq!(there, held);
}

#[test]
fn every_message_has_good_and_bad_vectors_with_names_of_their_own() {
    for (name, make, _) in FILES {
        let cases = make().cases;
        let good = cases.iter().filter(|case| case.verdict == "ok").count();
        assert!(good > 0 && good < cases.len(), "{name}: {good} good ones of {}", cases.len());
        let names: std::collections::BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len(), "{name}: two cases have one name");
    }
}
