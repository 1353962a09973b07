//! Vectors of answers to batches of reports.

use crate::case::{File, Said, altered, answer_verdict, file, key, no, signer, unhex, wire};
use crate::fields;
use crate::receipt::{receipt, sent};
use crate::report::{FIRST, INSTANCE, Shape, payload};
use crate::succession::handover;
use highwater_proto::v1::{
    Answer, Envelope, Kind, Outcome, Receipt, Refusal, ReportResponse, outcome, refusal,
};
use highwater_rules::receipt::believe;
use highwater_rules::sign::{hex, sha256};
use prost::Message as _;
use serde_json::{Value, json};

const NONCE: [u8; 16] = [0xa5; 16];

/// What a reader says of an answer, knowing its pinned key, its nonce and the reports that it sent.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let body = unhex(input);
    let reports: Vec<_> = given["sent"].as_array().unwrap().iter().map(sent).collect();
    match believe(&body, &key(&given["pinned"]).unwrap(), &unhex(&given["nonce"]), &reports) {
        Ok(believed) => {
            let response = ReportResponse::decode(&body[..]).unwrap();
            let answer = Answer::decode(&response.answer.unwrap().payload[..]).unwrap();
            ("ok", json!({"key": hex(&believed.key.bytes()), "fields": fields::answer(&answer)}))
        }
        Err(error) => no(answer_verdict(&error)),
    }
}

/// The two reports that were sent.
fn reports() -> [Vec<u8>; 2] {
    let first = payload(FIRST);
    let second = payload(Shape { sequence: 2, previous: Some(&first), day: 21, ..FIRST });
    [first, second]
}

/// The answer as central gives it: a receipt for the first report, a refusal of the second.
fn answer(receipt_by: &str, change: impl FnOnce(&mut Envelope)) -> Answer {
    let [first, second] = reports();
    let mut sealed = signer(receipt_by).seal(Kind::Receipt, receipt(1, &first).encode_to_vec());
    change(&mut sealed);
    let refusal = Refusal {
        reason: refusal::Reason::Contract.into(),
        message: "the contract was revoked".into(),
        for_good: false,
    };
    Answer {
        nonce: NONCE.to_vec(),
        answered_at: 1_795_219_503,
        outcomes: vec![
            Outcome {
                report_digest: sha256(&first).0.to_vec(),
                result: Some(outcome::Result::Receipt(sealed)),
            },
            Outcome {
                report_digest: sha256(&second).0.to_vec(),
                result: Some(outcome::Result::Refusal(refusal)),
            },
        ],
        ..Answer::default()
    }
}

fn body(answer: &Answer, by: &str, successions: Vec<Envelope>) -> Value {
    let answer = Some(signer(by).seal(Kind::Answer, answer.encode_to_vec()));
    wire(&ReportResponse { answer, successions })
}

fn spoilt(spoil: impl FnOnce(&mut Answer)) -> Value {
    let mut other = answer("central", |_| ());
    spoil(&mut other);
    body(&other, "central", vec![])
}

fn good() -> Vec<(&'static str, &'static str, Value)> {
    let plain = answer("central", |_| ());
    let late = spoilt(|a| {
        let Some(outcome::Result::Refusal(refusal)) = &mut a.outcomes[1].result else { panic!() };
        refusal.reason = 42;
    });
    vec![
        ("a receipt and a refusal", "ok", body(&plain, "central", vec![])),
        ("the reason of the refusal is of a later version", "ok", late),
        ("it brings licences", "ok", {
            spoilt(|a| a.licences = vec!["eyJhbGciOiJFZERTQSJ9.e30.c2lnbmVk".into(), "second".into()])
        }),
        (
            "central's key has changed",
            "ok",
            body(&answer("next", |_| ()), "next", vec![handover("central", "next")]),
        ),
        ("the receipt was given before the key changed", "ok", {
            body(&plain, "next", vec![handover("central", "next")])
        }),
        (
            "the whole line of keys is shown, from before the pinned one",
            "ok",
            body(
                &answer("next", |_| ()),
                "next",
                vec![handover("stranger", "central"), handover("central", "next")],
            ),
        ),
    ]
}

fn bad() -> Vec<(&'static str, &'static str, Value)> {
    let plain = answer("central", |_| ());
    let sealed = signer("central").seal(Kind::Answer, plain.encode_to_vec());
    let whole = |answer: Envelope| wire(&ReportResponse { answer: Some(answer), successions: vec![] });
    let passed_off = signer("central").seal(Kind::Receipt, plain.encode_to_vec());
    let mut cut = ReportResponse { answer: Some(sealed.clone()), successions: vec![] }.encode_to_vec();
    cut.pop();
    let other = Receipt { sequence: 2, ..receipt(1, &reports()[0]) };
    vec![
        ("an old answer is played again", "nonce", spoilt(|a| a.nonce = vec![0xa4; 16])),
        ("another key signed it", "key", body(&plain, "stranger", vec![])),
        ("a stranger shows a line of its own", "key", {
            body(&plain, "next", vec![handover("stranger", "next")])
        }),
        ("the line of keys is forged", "succession", {
            let mut forged = handover("central", "next");
            forged.signature[0] ^= 1;
            body(&answer("next", |_| ()), "next", vec![forged])
        }),
        ("the old key signs after it gave way", "key", {
            body(&plain, "central", vec![handover("central", "next")])
        }),
        ("a bit of the answer was changed", "signature", whole(altered(&sealed))),
        ("it is a receipt", "kind", whole(passed_off)),
        ("its last byte is missing", "malformed", hex(&cut).into()),
        ("it is empty", "malformed", "".into()),
        (
            "a bit of the receipt was changed before the answer was signed",
            "signature",
            body(&answer("central", |receipt| *receipt = altered(receipt)), "central", vec![]),
        ),
        ("the receipt is signed by another key", "key", body(&answer("stranger", |_| ()), "central", vec![])),
        (
            "the receipt is for another sequence number",
            "foreign",
            body(
                &answer("central", |receipt| {
                    *receipt = signer("central").seal(Kind::Receipt, other.encode_to_vec());
                }),
                "central",
                vec![],
            ),
        ),
        ("one report is not answered", "outcomes", spoilt(|a| drop(a.outcomes.pop()))),
        ("the reports are answered in another order", "outcomes", spoilt(|a| a.outcomes.reverse())),
        ("a report has neither receipt nor refusal", "outcomes", spoilt(|a| a.outcomes[1].result = None)),
    ]
}

/// All of them.
pub(crate) fn vectors() -> File {
    let told = |(n, payload): (usize, &Vec<u8>)| json!({"instance": INSTANCE, "sequence": n + 1, "digest": sha256(payload).hex()});
    let given = json!({
        "pinned": hex(&signer("central").public().bytes()),
        "nonce": hex(&NONCE),
        "sent": reports().iter().enumerate().map(told).collect::<Vec<_>>(),
    });
    let cases = good().into_iter().chain(bad());
    let cases = cases.map(|(name, verdict, input)| (name, verdict, given.clone(), input)).collect();
    let about = "ReportResponse: the body of the answer to a batch. given.pinned: the key of central's that the sender trusts; \
                 given.nonce, given.sent: what the batch brought. result.key: the key to pin from now on.";
    file("Answer", about, judge, cases)
}
