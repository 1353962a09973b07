//! Vectors of receipts.

use crate::case::{File, Said, answer_verdict, extended, file, forged, key, no, signer, unhex, wire};
use crate::fields;
use crate::report::{FIRST, INSTANCE, payload};
use highwater_proto::v1::{Answer, Envelope, Kind, Outcome, Receipt, ReportResponse, Terms, outcome};
use highwater_rules::chain::Digest;
use highwater_rules::receipt::{Fate, Sent, believe};
use highwater_rules::sign::{Identity, hex, sha256};
use prost::Message as _;
use serde_json::{Value, json};

/// What the contract of all vectors allows.
pub(crate) fn terms() -> Terms {
    Terms { contract: "K-2026-0042".into(), contract_end: 1_826_668_800, grace_s: 7_776_000 }
}

/// The receipt of a report's payload.
pub(crate) fn receipt(sequence: u64, payload: &[u8]) -> Receipt {
    Receipt {
        instance: INSTANCE.into(),
        sequence,
        report_digest: sha256(payload).0.to_vec(),
        received_at: 1_795_219_502,
        identity: INSTANCE.into(),
        terms: Some(terms()),
    }
}

/// A report as a case gives it.
pub(crate) fn sent(value: &Value) -> Sent {
    Sent {
        instance: value["instance"].as_str().unwrap().to_owned(),
        sequence: value["sequence"].as_u64().unwrap(),
        digest: Digest(unhex(&value["digest"]).try_into().unwrap()),
    }
}

/// What a reader says of a receipt, knowing central's key and the report.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let (key, sent) = (key(&given["key"]).unwrap(), sent(&given["report"]));
    let Ok(envelope) = Envelope::decode(&unhex(input)[..]) else { return no("malformed") };
    // Receipts come in answers. This one is signed by the right key, so that all hangs on the receipt.
    let central = signer_of(&key.bytes());
    let result = Some(outcome::Result::Receipt(envelope.clone()));
    let outcomes = vec![Outcome { report_digest: sent.digest.0.to_vec(), result }];
    let answer = Answer { nonce: vec![0; 16], answered_at: 0, outcomes, ..Answer::default() };
    let answer = Some(central.seal(Kind::Answer, answer.encode_to_vec()));
    let body = ReportResponse { answer, successions: vec![] }.encode_to_vec();
    match believe(&body, &key, &[0; 16], &[sent]) {
        Ok(believed) => {
            let [Fate::Receipted { receipt, .. }] = &believed.fates[..] else { panic!("a receipt is one") };
            ("ok", json!({"payload": hex(&envelope.payload), "fields": fields::receipt(receipt)}))
        }
        Err(error) => no(answer_verdict(&error)),
    }
}

fn signer_of(public: &[u8; 32]) -> Identity {
    let names = crate::case::SIGNERS.iter().map(|(name, _)| signer(name));
    names.into_iter().find(|one| one.public().bytes() == *public).unwrap()
}

type Spoil = fn(&mut Receipt);

const FOREIGN: [(&str, Spoil); 6] = [
    ("it is for another instance", |r| r.instance = "1f8fad5b-d9cb-469f-a165-70867728950e".into()),
    ("it is for another sequence number", |r| r.sequence = 2),
    ("it is for another report of this number", |r| r.report_digest = sha256(b"another").0.to_vec()),
    ("its digest is cut off", |r| r.report_digest.truncate(31)),
    ("it is without terms", |r| r.terms = None),
    ("whom it counts for is no UUID", |r| r.identity = "someone".into()),
];

/// All of them.
pub(crate) fn vectors() -> File {
    let report = payload(FIRST);
    let central = signer("central");
    let given = json!({
        "key": hex(&central.public().bytes()),
        "report": {"instance": INSTANCE, "sequence": 1, "digest": sha256(&report).hex()},
    });
    let good = receipt(1, &report);
    let seal = |receipt: &Receipt| central.seal(Kind::Receipt, receipt.encode_to_vec());
    let split = Receipt { identity: "9f8fad5b-d9cb-469f-a165-70867728950e".into(), ..good.clone() };
    let mut later = good.encode_to_vec();
    later.extend_from_slice(&crate::case::FUTURE);
    let mut cases = vec![
        ("the receipt of the first report", "ok", wire(&seal(&good))),
        ("the report is counted for an identity of its own", "ok", wire(&seal(&split))),
        ("it has a field of a later version", "ok", wire(&central.seal(Kind::Receipt, later))),
        ("the envelope has a field of a later version", "ok", extended(&seal(&good))),
    ];
    cases.extend(forged("central", Kind::Receipt, &good.encode_to_vec()));
    for (name, spoil) in FOREIGN {
        let mut other = good.clone();
        spoil(&mut other);
        cases.push((name, "foreign", wire(&seal(&other))));
    }
    let torn = good.encode_to_vec()[..50].to_vec();
    cases.push(("the payload ends within a field", "malformed", wire(&central.seal(Kind::Receipt, torn))));
    let cases =
        cases.into_iter().map(|(name, verdict, input)| (name, verdict, given.clone(), input)).collect();
    let about =
        "Envelope of a Receipt. given.key: central's public key; given.report: the report that was sent.";
    file("Receipt", about, judge, cases)
}
