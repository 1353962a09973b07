//! Vectors of lines of successions.

use crate::case::{File, Said, file, key, no, signer, trust_verdict, unhex, wire};
use crate::fields;
use highwater_proto::v1::{Envelope, Kind, Succession};
use highwater_rules::sign::hex;
use highwater_rules::trust::{SUCCESSIONS_MAX, follow};
use prost::Message as _;
use serde_json::{Value, json};

/// One key gives way to another.
pub(crate) fn handover(from: &str, to: &str) -> Envelope {
    to_bytes(from, signer(to).public().bytes().to_vec())
}

fn to_bytes(from: &str, next_key: Vec<u8>) -> Envelope {
    let succession = Succession { next_key, made_at: 1_795_000_000 };
    signer(from).seal(Kind::Succession, succession.encode_to_vec())
}

/// What a reader says of a line of successions, knowing its pinned key.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let envelopes: Result<Vec<_>, _> =
        input.as_array().unwrap().iter().map(|one| Envelope::decode(&unhex(one)[..])).collect();
    let Ok(envelopes) = envelopes else { return no("malformed") };
    match follow(&key(&given["pinned"]).unwrap(), &envelopes) {
        Ok(key) => {
            let told = |one: &Envelope| fields::succession(&Succession::decode(&one.payload[..]).unwrap());
            (
                "ok",
                json!({"key": hex(&key.bytes()), "fields": envelopes.iter().map(told).collect::<Vec<_>>()}),
            )
        }
        Err(error) => no(trust_verdict(&error)),
    }
}

/// All of them.
pub(crate) fn vectors() -> File {
    let first = || handover("central", "next");
    let second = || handover("next", "agent");
    let mut flipped = first();
    flipped.signature[0] ^= 1;
    let another_kind = signer("central").seal(Kind::Receipt, first().payload);
    let passed_off = Envelope { kind: Kind::Succession.into(), ..another_kind.clone() };
    let mut weak = vec![0; 32];
    weak[0] = 1;
    let torn = signer("central").seal(Kind::Succession, first().payload[..20].to_vec());
    let cases = vec![
        ("no succession", "ok", "central", vec![]),
        ("one succession", "ok", "central", vec![first()]),
        ("two successions", "ok", "central", vec![first(), second()]),
        ("the line begins before the pinned key", "ok", "next", vec![first(), second()]),
        ("the line ends with the pinned key", "ok", "agent", vec![first(), second()]),
        ("the line is a stranger's and changes nothing", "ok", "stranger", vec![first(), second()]),
        ("a link is missing", "succession", "central", vec![first(), handover("stranger", "agent")]),
        ("the links are in the wrong order", "ok", "central", vec![second(), first()]),
        ("a bit of the signature was changed", "succession", "central", vec![flipped]),
        ("it is another kind of message", "succession", "central", vec![another_kind]),
        ("it was signed as another kind", "succession", "central", vec![passed_off]),
        ("the next key is of 31 bytes", "no_key", "central", vec![to_bytes("central", vec![9; 31])]),
        ("the next key is of small order", "no_key", "central", vec![to_bytes("central", weak)]),
        ("the payload ends within a field", "malformed", "central", vec![torn]),
        ("there are more than 64", "too_many", "central", vec![first(); SUCCESSIONS_MAX + 1]),
    ];
    let cases = cases
        .into_iter()
        .map(|(name, verdict, pinned, line)| {
            let given = json!({"pinned": hex(&signer(pinned).public().bytes())});
            (name, verdict, given, line.iter().map(wire).collect())
        })
        .collect();
    let about = "Envelopes of Successions, in order. given.pinned: the key that is trusted. result.key: the key that is \
                 trusted after them.";
    file("Succession", about, judge, cases)
}
