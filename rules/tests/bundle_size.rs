//! How long a bundle of a quarter is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use highwater_proto::v1;
use highwater_rules::bundle::{Record, Writer};
use highwater_rules::sign::{Identity, sha256};
use prost::Message as _;

const DAYS: u64 = 90;
const SERIES: u64 = 10;
const MAX_BYTES: usize = 150 * 1024;

/// Bits that nothing predicts, as peaks are.
fn noise(seed: &str) -> u64 {
    sha256(seed.as_bytes()).0.iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// A day's figure: with a fraction, as rates have.
fn figure(seed: &str) -> f64 {
    f64::from(u32::try_from(noise(seed) >> 32).unwrap()) / 300.0
}

fn report(day: u64, previous: Vec<u8>) -> v1::Report {
    let starts = 1_795_000_000 + i64::try_from(day).unwrap() * 86_400;
    let at = |what: &str| starts + i64::try_from(noise(what) % 288).unwrap() * 300;
    let series = |n: u64| {
        let (rx, tx) = (figure(&format!("rx {day} {n}")), figure(&format!("tx {day} {n}")));
        let value = rx.max(tx);
        let part = |what: &str| value * figure(&format!("{what} {day} {n}")) / 15_000_000.0;
        let peak = v1::Reading { value, at: at(&format!("peak {day} {n}")), rx: Some(rx), tx: Some(tx) };
        let runner_up =
            v1::Reading { value: part("up"), at: at(&format!("up {day} {n}")), rx: None, tx: None };
        v1::SeriesDay {
            meter: 2,
            subject: format!("eth{n}"),
            definition: 1,
            peak: Some(peak),
            runner_up: Some(runner_up),
            p95: Some(part("p95")),
            coverage: None,
            rule: 1,
        }
    };
    v1::Report {
        instance: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        sequence: day + 1,
        previous,
        day: Some(v1::UsageDay {
            day: format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28),
            time_zone: "Europe/Berlin".to_owned(),
            until: starts + 86_400,
            slot_s: 300,
            coverage: Some(v1::Coverage { read: 288, missed: vec![] }),
            series: (0..SERIES).map(series).collect(),
            present_slots: 288,
            present_first: Some(starts),
            present_last: Some(starts + 86_400),
        }),
        revision: 1,
        chain: Some(v1::Chain {
            first_row: day * 288 + 1,
            last_row: day * 288 + 288,
            first_digest: sha256(&day.to_be_bytes()).0.to_vec(),
            last_digest: sha256(&(day + 1).to_be_bytes()).0.to_vec(),
        }),
        hourly_ram: (1..=24)
            .map(|hour| v1::HourlyRam { hour, bytes: noise(&format!("ram {day} {hour}")) >> 28 })
            .collect(),
        clock: Some(v1::Clock { steps: 0, largest_ms: 0, boots: 1 }),
        agent_version: "0.1.0".to_owned(),
        made_at: starts + 86_700,
        first_start: 1_794_000_000,
        ..v1::Report::default()
    }
}

#[test]
fn ninety_days_of_ten_series_are_under_150_kib() {
    let identity = Identity::from_seed(&[1; 32]);
    let mut writer = Writer::new();
    let mut previous = Vec::new();
    for day in 0..DAYS {
        let payload = report(day, previous).encode_to_vec();
        highwater_rules::report::read(&payload).expect("central takes it");
        previous = sha256(&payload).0.to_vec();
        writer.put(Record::Report(identity.seal(v1::Kind::Report, payload))).unwrap();
    }
    let bytes = writer.finish().len();
    assert!(bytes < MAX_BYTES, "{bytes} bytes");
    assert!(bytes > 30 * 1024, "{bytes} bytes: the figures of the test are too easy to pack");
}
