//! `docs/bundle.md` is enough for an outsider: its Python program, which shares nothing with this code, comes to the same verdicts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use highwater_proto::v1::{
    self, Answer, Envelope, Export, Kind, Outcome, Receipt, Succession, bundle_record, outcome,
};
use highwater_rules::bundle::{BundleError, Reader, Record, Writer};
use highwater_rules::sign::{Identity, hex, sha256};
use prost::Message as _;
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn key(n: u8) -> Identity {
    Identity::from_seed(&[n; 32])
}

fn public(n: u8) -> String {
    hex(&key(n).public().bytes())
}

fn seal(n: u8, kind: Kind, message: &impl prost::Message) -> Envelope {
    key(n).seal(kind, message.encode_to_vec())
}

fn report(sequence: u64) -> v1::Report {
    let day = Some(v1::UsageDay { day: "2026-11-21".to_owned(), ..v1::UsageDay::default() });
    v1::Report { instance: INSTANCE.to_owned(), sequence, day, ..v1::Report::default() }
}

fn outward() -> Vec<Record> {
    let export = Export {
        instance: INSTANCE.to_owned(),
        nonce: vec![7; 32],
        exported_at: 100,
        reports: 2,
        ..Export::default()
    };
    let reports = (1..=2).map(|n| Record::Report(seal(9, Kind::Report, &report(n))));
    [Record::Export(seal(9, Kind::Export, &export))].into_iter().chain(reports).collect()
}

/// Answers by key 2, which key 1 gave way to; the first receipt is of before.
fn inward() -> Vec<Record> {
    let reply = bundle_record::Reply {
        instance: INSTANCE.to_owned(),
        nonce: vec![7; 32],
        read: 2,
        accepted: 2,
        cut: String::new(),
    };
    let succession = Succession { next_key: key(2).public().bytes().to_vec(), made_at: 50 };
    let outcome = |sequence: u64, signer| {
        let report_digest = sha256(&report(sequence).encode_to_vec()).0.to_vec();
        let receipt = Receipt {
            instance: INSTANCE.to_owned(),
            sequence,
            report_digest: report_digest.clone(),
            received_at: -5,
            ..Receipt::default()
        };
        let receipt = outcome::Result::Receipt(seal(signer, Kind::Receipt, &receipt));
        Outcome { report_digest, result: Some(receipt) }
    };
    let answer = Answer {
        nonce: vec![7; 32],
        answered_at: 200,
        outcomes: vec![outcome(1, 1), outcome(2, 2)],
        licences: vec!["a.b.c".to_owned()],
    };
    vec![
        Record::Reply(reply),
        Record::Succession(seal(1, Kind::Succession, &succession)),
        Record::Answer(seal(2, Kind::Answer, &answer)),
    ]
}

fn written(records: Vec<Record>) -> Vec<u8> {
    let mut writer = Writer::new();
    records.into_iter().for_each(|record| writer.put(record).unwrap());
    writer.finish()
}

fn read(bytes: &[u8]) -> Result<(), BundleError> {
    let mut reader = Reader::new();
    reader.feed(bytes, &mut Vec::new())?;
    reader.finish()
}

/// The verifier on these bytes, by a Python that has `cryptography`; `None` where there is none.
fn verified(bytes: &[u8], arguments: &[&str]) -> Option<Output> {
    let able = |python: &&str| {
        Command::new(python)
            .args(["-c", "import cryptography"])
            .output()
            .is_ok_and(|done| done.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(able) else {
        assert!(std::env::var_os("CI").is_none(), "python3-cryptography is missing, and CI must run this");
        let _ = std::io::stderr().write_all(b"skipped: python3-cryptography is not installed\n");
        return None;
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_bundle.py");
    Some(Command::new(python).arg(script).arg(file.path()).args(arguments).output().unwrap())
}

#[test]
fn what_the_writer_writes_an_outsider_reads_and_verifies() {
    let (agent, central) = (public(9), public(1));
    let Some(output) = verified(&written(outward()), &["--agent", &agent]) else { return };
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!(said[0]["export"], INSTANCE);
    assert_eq!(said[0]["reports"][1]["sequence"], 2);
    assert_eq!(said[0]["reports"][1]["digest"], sha256(&report(2).encode_to_vec()).hex());
    let output = verified(&written(inward()), &["--central", &central]).unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!(said[0]["answers"][0]["receipts"][0]["received_at"], -5);
    assert_eq!(said[0]["answers"][0]["licences"], 1);
    let both = [outward(), inward(), outward()].concat();
    assert!(verified(&written(both), &["--agent", &agent, "--central", &central]).unwrap().status.success());
    assert!(verified(&written(vec![]), &[]).unwrap().status.success());
}

#[test]
fn what_is_signed_by_another_or_out_of_place_an_outsider_refuses() {
    let check = |records: Vec<Record>, arguments: &[&str]| {
        verified(&written(records), arguments).map(|output| output.status.code().unwrap())
    };
    let stranger = public(5);
    let Some(code) = check(outward(), &["--agent", &stranger]) else { return };
    assert_eq!(code, 1);
    assert_eq!(check(inward(), &["--central", &stranger]), Some(1));
    assert_eq!(
        check(inward(), &["--central", &public(2)]),
        Some(1),
        "the line must begin with the pinned key"
    );
    assert_eq!(check(outward().split_off(1), &[]), Some(1), "reports without an export");
    assert_eq!(check(inward().split_off(1), &[]), Some(1), "answers without a reply");
    assert_eq!(check(outward(), &["--agent", "77"]), Some(2));
}

#[test]
fn an_outsider_refuses_the_damaged_files_that_the_reader_refuses() {
    let good = written(outward());
    let mut files: Vec<Vec<u8>> = (0..good.len()).step_by(41).map(|length| good[..length].to_vec()).collect();
    for at in (0..good.len()).step_by(53).filter(|at| !(4..10).contains(at)) {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        files.push(flipped);
    }
    files.push([&good[..], &good].concat());
    files.push(b"PK\x03\x04".to_vec());
    for (n, file) in files.iter().enumerate() {
        let Some(output) = verified(file, &[]) else { return };
        assert_eq!(output.status.success(), read(file).is_ok(), "file {n}: {output:?}");
    }
}
