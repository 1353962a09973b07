//! Vectors of lines: which report follows which, and which one of a day counts.

use crate::case::{File, Said, file, key, no, signer, unhex, wire};
use crate::report::{FIRST, Shape, opened, payload};
use highwater_proto::v1::Kind;
use highwater_rules::chain::Digest;
use highwater_rules::lineage::{Line, Place, place};
use highwater_rules::sign::{hex, sha256};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a reader says of reports in the order in which they came, knowing the agent's key.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let key = key(&given["key"]);
    let mut lines = vec![Line { id: 0, sequence: 0, digest: None }];
    let mut counts: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new()];
    let mut holders: Vec<([u8; 32], usize)> = Vec::new();
    let mut places = Vec::new();
    for sealed in input.as_array().unwrap() {
        let (payload, report) = match opened(key.as_ref(), &unhex(sealed)) {
            Ok(opened) => opened,
            Err(verdict) => return no(verdict),
        };
        let digest = sha256(&payload);
        if let Some((_, line)) = holders.iter().find(|(known, _)| *known == digest.0) {
            places.push(json!({"line": line, "place": "again"}));
            continue;
        }
        let previous = <[u8; 32]>::try_from(&report.previous[..]).ok();
        let holder = holders.iter().find(|(known, _)| Some(*known) == previous).map(|(_, line)| *line);
        let line = match place(report.sequence, previous.map(Digest), &lines, holder).unwrap() {
            Place::Next(line) => {
                places.push(json!({"line": line, "place": "next"}));
                line
            }
            Place::AfterHole { line, missing } => {
                places.push(json!({"line": line, "place": "after_hole", "missing": missing}));
                line
            }
            Place::Fork { from } => {
                let line = lines.len();
                places.push(json!({"line": line, "place": "fork", "from": from}));
                lines.push(Line { id: line, sequence: 0, digest: None });
                counts.push(BTreeMap::new());
                line
            }
        };
        lines[line] = Line { id: line, sequence: report.sequence, digest: Some(digest) };
        holders.push((digest.0, line));
        let day = report.day.unwrap();
        let of_day = counts[line].entry(format!("{} {}", day.day, day.time_zone)).or_default();
        *of_day = report.sequence.max(*of_day);
    }
    ("ok", json!({"places": places, "counts": counts}))
}

/// All of them.
pub(crate) fn vectors() -> File {
    let agent = signer("agent");
    let given = json!({"key": hex(&agent.public().bytes())});
    let partial = payload(Shape { revision: None, made_at: 1_795_176_300, ..FIRST });
    let next = |sequence, previous: &[u8], day, made_at| {
        payload(Shape { sequence, previous: Some(previous), day, made_at, ..FIRST })
    };
    let closed = next(2, &partial, 20, 1_795_219_501);
    let later = next(3, &closed, 21, 1_795_305_901);
    let again = payload(Shape {
        sequence: 4,
        previous: Some(&later),
        revision: Some(2),
        made_at: 1_795_305_999,
        ..FIRST
    });
    let cloned = next(3, &closed, 21, 1_795_305_977);
    let cloned_on = next(4, &cloned, 22, 1_795_392_301);
    let anew = payload(Shape { made_at: 1_795_500_000, ..FIRST });
    let stray = wire(&signer("stranger").seal(Kind::Report, later.clone()));
    let line = |payloads: &[&Vec<u8>]| -> Value {
        payloads.iter().map(|one| wire(&agent.seal(Kind::Report, (*one).clone()))).collect()
    };
    let mut mixed = line(&[&partial, &closed]);
    mixed.as_array_mut().unwrap().push(stray);
    let cases = vec![
        (
            "a partial report, the closed day, the next day, and the first day closed again",
            line(&[&partial, &closed, &later, &again]),
            "ok",
        ),
        ("one report comes twice", line(&[&partial, &closed, &closed]), "ok"),
        ("a report is missing", line(&[&partial, &closed, &again]), "ok"),
        ("the first that comes is the fourth", line(&[&again]), "ok"),
        (
            "a clone goes on from the second report, and then both go on",
            line(&[&partial, &closed, &later, &cloned, &cloned_on, &again]),
            "ok",
        ),
        ("the state was lost, and numbers begin anew", line(&[&partial, &closed, &anew]), "ok"),
        ("another instance's key signed the third", mixed, "key"),
    ];
    let cases =
        cases.into_iter().map(|(name, input, verdict)| (name, verdict, given.clone(), input)).collect();
    let about = "Envelopes of Reports in the order in which they came. given.key: the agent's public key. result.places: where \
                 each belongs. result.counts: by line, the sequence number that counts for each day.";
    file("Reports of one key", about, judge, cases)
}
