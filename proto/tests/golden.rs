//! Bytes of the wire never change their meaning.

use highwater_proto::v1::{Coverage, GapReason, Meter, Reading, SeriesDay, UsageDay, coverage};
use prost::Message as _;

fn day() -> UsageDay {
    let missed = vec![coverage::Missed { reason: GapReason::AgentDown.into(), slots: 2 }];
    let coverage = Some(Coverage { read: 286, missed });
    UsageDay {
        day: "2026-11-20".into(),
        time_zone: "UTC".into(),
        until: 1_795_219_200,
        slot_s: 300,
        coverage: coverage.clone(),
        series: vec![SeriesDay {
            meter: Meter::NetworkThroughput.into(),
            subject: "total".into(),
            definition: 1,
            peak: Some(Reading { value: 1.5e9, at: 1_795_190_700, rx: Some(1.5e9), tx: Some(0.5e9) }),
            runner_up: None,
            p95: Some(1.0e9),
            coverage,
            ..SeriesDay::default()
        }],
        present_slots: 286,
        ..UsageDay::default()
    }
}

/// Written down once: a later version must read these bytes as the same day.
const GOLDEN: &str = "0a0a323032362d31312d323012035554431880fc86b00d20ac022a09089e02120408031002324208021205746f74616c1801222109000000c00b5ad64110d8be83b00d19000000c00b5ad641210000000065cdbd41310000000065cdcd413a09089e02120408031002389e02";

#[test]
fn a_day_written_by_the_first_version_reads_as_it_was_meant() {
    let hex: String = day().encode_to_vec().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, GOLDEN);
    let bytes: Vec<u8> =
        (0..GOLDEN.len()).step_by(2).map(|i| u8::from_str_radix(&GOLDEN[i..i + 2], 16).unwrap()).collect();
    assert_eq!(UsageDay::decode(bytes.as_slice()).unwrap(), day());
}
