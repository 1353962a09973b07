//! Vectors of reports.

use crate::case::{self, File, Said, file, forged, key, no, seal_verdict, signer, unhex, wire};
use crate::fields;
use curve25519_dalek::Scalar;
use highwater_proto::v1::{self, Envelope, Kind, Report};
use highwater_rules::chain::Digest;
use highwater_rules::coverage::Coverage;
use highwater_rules::day::Calendar;
use highwater_rules::facts::DayFacts;
use highwater_rules::meter::{CountRule, GapReason, Meter, Series, TOTAL};
use highwater_rules::node::{self, Node};
use highwater_rules::peaks::{DaySummary, Peak, SeriesDay};
use highwater_rules::record::{Directions, Reading};
use highwater_rules::report::{self, ChainSpan, Facts, Names};
use highwater_rules::sign::{PublicKey, hex, sha256};
use prost::Message as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// The instance of all vectors.
pub(crate) const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
/// Its first start.
pub(crate) const FIRST_START: i64 = 1_795_132_812;
const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";

/// What tells one report of the vectors from another.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) sequence: u64,
    pub(crate) previous: Option<&'a [u8]>,
    pub(crate) day: i8,
    /// `None` in a partial report.
    pub(crate) revision: Option<i64>,
    pub(crate) names: &'a Names,
    pub(crate) made_at: i64,
    pub(crate) is_in_cluster: bool,
}

/// The instance's first report: of a day that has ended.
pub(crate) const FIRST: Shape<'_> = Shape {
    sequence: 1,
    previous: None,
    day: 20,
    revision: Some(1),
    names: &Names::Plain,
    made_at: 1_795_219_501,
    is_in_cluster: false,
};

/// The node of the vectors that are of one.
pub(crate) fn node() -> v1::Node {
    Node::new(CLUSTER, "node-a", &node::hardware(CLUSTER, "EC2A1B00-1234-5678-9ABC-DEF012345678"))
        .unwrap()
        .told(&Names::Plain)
}

/// The payload of a report as the agent writes it. `previous` is the payload before it.
pub(crate) fn payload(shape: Shape<'_>) -> Vec<u8> {
    let calendar = Calendar::utc();
    let day = calendar.day(jiff::civil::date(2026, 11, shape.day));
    let hours = if shape.revision.is_some() { 24 } else { 12 };
    let mut coverage = Coverage::default();
    coverage.read = hours * 12 - 3;
    coverage.miss(GapReason::HostDown, 2);
    coverage.miss(GapReason::CounterReset, 1);
    let summary = DaySummary {
        until: day.start + i64::from(hours) * 3600,
        coverage,
        series: series(day.start, coverage),
        present_slots: hours * 12 - 2,
        present: Some((day.start + 300, day.start + i64::from(hours) * 3600)),
        day,
    };
    let facts = DayFacts {
        hourly_ram: (1..=hours).filter(|hour| *hour != 7).map(|hour| (hour, 67_435_167_744)).collect(),
        clock_steps: 1,
        largest_step_ms: -1250,
        boots: 2,
    };
    let rows = i64::from(shape.day) * 300;
    let node = node();
    let node = Node::new(&node.cluster, &node.name, &node.hardware).unwrap();
    report::write(&Facts {
        instance: INSTANCE,
        sequence: shape.sequence,
        previous: shape.previous.map(sha256),
        summary: &summary,
        day: &facts,
        time_zone: "UTC",
        slot_s: 300,
        revision: shape.revision,
        chain: ChainSpan {
            first_row: rows,
            last_row: rows + i64::from(hours) * 12 - 3,
            first_digest: Digest([0x11; 32]),
            last_digest: Digest([0x22; 32]),
        },
        agent_version: "0.1.0",
        made_at: shape.made_at,
        first_start: FIRST_START,
        damaged: None,
        names: shape.names,
        node: shape.is_in_cluster.then_some(&node),
    })
}

fn series(start: i64, coverage: Coverage) -> Vec<SeriesDay> {
    let mut nearly = coverage;
    nearly.read += 1;
    let ram = |subject: &str| SeriesDay {
        series: Series::new(Meter::RamCapacity, subject),
        peak: Some(Peak { reading: Reading::plain(67_435_167_744.0), at: start + 300 }),
        runner_up: Some(Peak { reading: Reading::plain(67_435_167_744.0), at: start + 600 }),
        p95: Some(67_435_167_744.0),
        coverage: nearly,
    };
    let network = |subject: &str| SeriesDay {
        series: Series::new(Meter::NetworkThroughput, subject),
        peak: Some(Peak {
            reading: Reading::directed(Directions { rx: 1.5e9, tx: 0.1, rule: CountRule::Max }),
            at: start + 3600,
        }),
        runner_up: Some(Peak { reading: Reading::plain(1.0e9 / 3.0), at: start + 7200 }),
        p95: Some(1.0e9 / 3.0),
        coverage,
    };
    let silent = SeriesDay {
        series: Series::new(Meter::SslTps, TOTAL),
        peak: None,
        runner_up: None,
        p95: None,
        coverage,
    };
    vec![ram("host"), ram(TOTAL), network("eth0"), network(TOTAL), silent]
}

/// What a reader says of a report, knowing the agent's key.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    match opened(key(&given["key"]).as_ref(), &unhex(input)) {
        Ok((payload, report)) => (
            "ok",
            json!({"digest": sha256(&payload).hex(), "payload": hex(&payload), "fields": fields::report(&report)}),
        ),
        Err(verdict) => no(verdict),
    }
}

/// A report and its payload, or the verdict against it.
pub(crate) fn opened(key: Option<&PublicKey>, bytes: &[u8]) -> Result<(Vec<u8>, Report), &'static str> {
    let key = key.ok_or("no_key")?;
    let envelope = Envelope::decode(bytes).map_err(|_| "malformed")?;
    let payload = key.open(&envelope, Kind::Report).map_err(seal_verdict)?;
    let report = report::read(payload).map_err(|_| "malformed")?;
    Ok((payload.to_vec(), report))
}

/// All of them.
pub(crate) fn vectors() -> File {
    let agent = signer("agent");
    let given = json!({"key": hex(&agent.public().bytes())});
    let seal = |payload: Vec<u8>| agent.seal(Kind::Report, payload);
    let first = payload(FIRST);
    let second = Shape {
        sequence: 2,
        previous: Some(&first),
        day: 21,
        revision: None,
        made_at: 1_795_262_700,
        ..FIRST
    };
    let hashed = Shape { names: &Names::Hashed([0x5a; 16]), ..FIRST };
    let clustered = Shape { is_in_cluster: true, ..FIRST };
    let hidden = Shape { is_in_cluster: true, ..hashed };
    let mut good: Vec<(&str, &str, Value)> = vec![
        ("the first report of an instance", "ok", wire(&seal(first.clone()))),
        ("a partial report, after the first", "ok", wire(&seal(payload(second)))),
        ("names are salted hashes", "ok", wire(&seal(payload(hashed)))),
        ("it is of a node of a cluster", "ok", wire(&seal(payload(clustered)))),
        ("the node's name is a salted hash", "ok", wire(&seal(payload(hidden)))),
        ("it has every meter that there is", "ok", wire(&seal(of_every_meter(&first)))),
        ("it has fields and words of a later version", "ok", wire(&seal(of_later_version(&first)))),
        ("the envelope has a field of a later version", "ok", case::extended(&seal(first.clone()))),
    ];
    good.extend(forged("agent", Kind::Report, &first));
    let mut cases: Vec<(&str, &str, Value, Value)> =
        good.into_iter().map(|(name, verdict, input)| (name, verdict, given.clone(), input)).collect();
    for (name, spoil) in SPOILT {
        let mut report = Report::decode(&first[..]).unwrap();
        spoil(&mut report);
        cases.push((name, "malformed", given.clone(), wire(&seal(report.encode_to_vec()))));
    }
    let mut torn = first.clone();
    torn.pop();
    cases.push(("the payload's last byte was never there", "malformed", given.clone(), wire(&seal(torn))));
    cases.push(weak(&first));
    let no_point = json!({"key": hex(&[2; 32])});
    cases.push(("the key is no point of the curve", "no_key", no_point, wire(&seal(first.clone()))));
    cases.push(("the signature's R is of small order", "signature", given, wire(&small_order(&first))));
    let about =
        "Envelope of a Report. given.key: the agent's public key. result.digest: the SHA-256 of the payload.";
    file("Report", about, judge, cases)
}

/// The payload with the meters that it does not have yet: bytes of virtual services, and bursts.
fn of_every_meter(payload: &[u8]) -> Vec<u8> {
    let mut report = Report::decode(payload).unwrap();
    let day = report.day.as_mut().unwrap();
    for (meter, subject, value) in [
        (v1::Meter::VsBytes, "haproxy/front", 7_500_000_000.0),
        (v1::Meter::VsBytes, TOTAL, 7_500_000_000.0),
        (v1::Meter::NetworkThroughputBurst, TOTAL, 9.5e9),
        (v1::Meter::SslTpsBurst, TOTAL, 1.0e4 / 3.0),
    ] {
        let reading = |at| v1::Reading { value, at, ..v1::Reading::default() };
        day.series.push(v1::SeriesDay {
            meter: meter.into(),
            subject: subject.to_owned(),
            definition: 1,
            peak: Some(reading(1_795_136_700)),
            runner_up: Some(reading(1_795_137_000)),
            p95: Some(value),
            ..v1::SeriesDay::default()
        });
    }
    report.encode_to_vec()
}

/// The payload of a version to come: fields that none knows yet, on two levels, and words beyond those of today.
fn of_later_version(payload: &[u8]) -> Vec<u8> {
    let mut report = Report::decode(payload).unwrap();
    let day = report.day.as_mut().unwrap();
    day.series[0].meter = 77;
    day.coverage.as_mut().unwrap().missed[0].reason = 78;
    day.series[2].rule = 79;
    let mut bytes = report.encode_to_vec();
    // A second `day` with an unknown field only: a reader puts it together with the first.
    bytes.extend_from_slice(&[0x22, 6]);
    bytes.extend_from_slice(&case::FUTURE);
    bytes.extend_from_slice(&case::FUTURE);
    bytes
}

type Spoil = fn(&mut Report);

/// Reports that are signed by the right key, and say what can't be.
const SPOILT: [(&str, Spoil); 28] = [
    ("the instance's id is no UUID", |r| r.instance = "../../etc/passwd".into()),
    ("the instance's id is in capitals", |r| r.instance = INSTANCE.to_uppercase()),
    ("the sequence number is 0", |r| r.sequence = 0),
    ("`previous` is of 31 bytes", |r| r.previous = vec![1; 31]),
    ("it names no stretch of the chain", |r| r.chain = None),
    ("the chain's last row is before its first", |r| r.chain.as_mut().unwrap().last_row = 1),
    ("it tells no day", |r| r.day = None),
    ("a digest of the chain is of 31 bytes", |r| {
        r.chain.as_mut().unwrap().first_digest.pop();
    }),
    ("a date with the year at its end", |r| r.day.as_mut().unwrap().day = "20-11-2026".into()),
    ("no time zone", |r| r.day.as_mut().unwrap().time_zone.clear()),
    ("no coverage", |r| r.day.as_mut().unwrap().coverage = None),
    ("a subject without a name", |r| r.day.as_mut().unwrap().series[0].subject.clear()),
    ("a version of 257 bytes", |r| r.agent_version = "1".repeat(257)),
    ("a peak below zero", |r| {
        let one = &mut r.day.as_mut().unwrap().series[4];
        one.peak = Some(v1::Reading { value: -1.0, ..v1::Reading::default() });
    }),
    ("a percentile without a peak", |r| r.day.as_mut().unwrap().series[4].p95 = Some(0.0)),
    ("30 February", |r| r.day.as_mut().unwrap().day = "2026-02-30".into()),
    ("a slot of no length", |r| r.day.as_mut().unwrap().slot_s = 0),
    ("a peak that is no number", |r| {
        r.day.as_mut().unwrap().series[0].peak.as_mut().unwrap().value = f64::NAN;
    }),
    ("a percentile above the peak", |r| r.day.as_mut().unwrap().series[0].p95 = Some(1e99)),
    ("more slots than a day has", |r| {
        r.day.as_mut().unwrap().coverage.as_mut().unwrap().read = 90_001;
    }),
    ("a 26th hour", |r| r.hourly_ram.last_mut().unwrap().hour = 26),
    ("a node without a cluster", |r| r.node = Some(v1::Node { cluster: String::new(), ..node() })),
    ("a cluster's id in capitals", |r| r.node = Some(v1::Node { cluster: CLUSTER.to_uppercase(), ..node() })),
    ("a cluster's id of 65 letters", |r| r.node = Some(v1::Node { cluster: "c".repeat(65), ..node() })),
    ("a node's name with a blank", |r| r.node = Some(v1::Node { name: "node a".into(), ..node() })),
    ("a node's name of 254 letters", |r| r.node = Some(v1::Node { name: "n".repeat(254), ..node() })),
    ("a hardware id of 15 digits", |r| r.node = Some(v1::Node { hardware: "0".repeat(15), ..node() })),
    ("a series is told twice, with others between", |r| {
        let day = r.day.as_mut().unwrap();
        day.series.push(day.series[0].clone());
    }),
];

/// A key of small order takes a signature that no one made.
fn weak(payload: &[u8]) -> (&'static str, &'static str, Value, Value) {
    let mut point = [0; 32];
    point[0] = 1;
    let mut signature = vec![0; 64];
    signature[0] = 1;
    let envelope = Envelope {
        kind: Kind::Report.into(),
        payload: payload.to_vec(),
        key_id: sha256(&point).0[..16].to_vec(),
        signature,
    };
    ("a key of small order takes any signature", "no_key", json!({"key": hex(&point)}), wire(&envelope))
}

/// A signature that only who holds the secret can make, with the neutral point for R and h a for S: it fits by the equation, but
/// whoever makes one such may say later that it was made by no one.
fn small_order(payload: &[u8]) -> Envelope {
    let agent = signer("agent");
    let mut point = [0; 32];
    point[0] = 1;
    let wide = |parts: &[&[u8]]| -> [u8; 64] { Sha512::digest(parts.concat()).into() };
    let mut secret: [u8; 32] = wide(&[&[1; 32]])[..32].try_into().unwrap();
    secret[0] &= 248;
    secret[31] = (secret[31] & 127) | 64;
    let signed = [b"highwater/v1/report\0", payload].concat();
    let challenge = Scalar::from_bytes_mod_order_wide(&wide(&[&point, &agent.public().bytes(), &signed]));
    let scalar = challenge * Scalar::from_bytes_mod_order(secret);
    let signature = [point, scalar.to_bytes()].concat();
    Envelope { signature, ..agent.seal(Kind::Report, payload.to_vec()) }
}
