//! The hash chain: each slot's digest covers its own bytes and the digest before it, so that no row can be changed, dropped or
//! put in without all that follow it telling.

use crate::record::{Counters, Entry, SlotRecord};
use sha2::{Digest as _, Sha256};

/// The version of [`canonical`]: its first byte.
pub const CANONICAL_VERSION: u8 = 1;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// In lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

/// The digest that stands before an instance's first slot: SHA-256 of `highwater chain 1`, the instance's id, and the agent's first
/// start in unix seconds (as decimal text), each on a line of its own. The grace period is counted from that start.
#[must_use]
pub fn genesis(instance: &str, first_start: i64) -> Digest {
    let mut hash = Sha256::new();
    hash.update(b"highwater chain 1\n");
    hash.update(format!("{instance}\n{first_start}\n"));
    Digest(hash.finalize().into())
}

/// The digest of a slot's record after the one before it: SHA-256(previous || canonical bytes).
#[must_use]
pub fn digest(previous: &Digest, record: &SlotRecord) -> Digest {
    let mut hash = Sha256::new();
    hash.update(previous.0);
    hash.update(canonical(record));
    Digest(hash.finalize().into())
}

/// The bytes of a record that its digest covers; `docs/ledger.md` describes them for readers in other languages.
///
/// Integers are big-endian, strings are UTF-8 behind a 16-bit length, figures are IEEE 754 doubles, and what may be missing
/// stands behind a byte that is 1 where it is there and 0 where not.
#[must_use]
pub fn canonical(record: &SlotRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + record.entries.len() * 64);
    out.push(CANONICAL_VERSION);
    int(&mut out, record.slot.0);
    int(&mut out, record.length.seconds());
    int(&mut out, record.taken.wall_ms);
    int(&mut out, record.taken.mono_ms);
    int(&mut out, record.taken.boot_ms);
    text(&mut out, &record.taken.boot_id);
    int(&mut out, record.clock_step_ms);
    count(&mut out, record.missed.len());
    for missed in &record.missed {
        int(&mut out, missed.first.0);
        int(&mut out, missed.last.0);
        out.push(missed.reason.code());
    }
    count(&mut out, record.entries.len());
    for one in &record.entries {
        entry(&mut out, one);
    }
    out
}

fn entry(out: &mut Vec<u8>, entry: &Entry) {
    out.push(entry.series.meter.code());
    text(out, &entry.series.subject);
    match &entry.outcome {
        Ok(reading) => {
            out.push(0);
            figure(out, reading.value);
            optional(out, reading.directions, |out, d| {
                figure(out, d.rx);
                figure(out, d.tx);
                out.push(d.rule.code());
            });
        }
        Err(gap) => out.push(gap.code()),
    }
    optional(out, entry.counters, |out, c: Counters| {
        out.extend_from_slice(&c.first.to_be_bytes());
        optional(out, c.second, |out, second| out.extend_from_slice(&second.to_be_bytes()));
        out.extend_from_slice(&c.incarnation.to_be_bytes());
    });
}

fn int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn figure(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

fn count(out: &mut Vec<u8>, items: usize) {
    out.extend_from_slice(&u32::try_from(items).unwrap_or(u32::MAX).to_be_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    // A longer text than 64 KiB is cut in the length and in the bytes alike, so that no two records share their bytes by it.
    let bytes = text.as_bytes();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes.get(..usize::from(length)).unwrap_or(bytes));
}

fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{CountRule, GapReason, Meter, Series};
    use crate::record::{Directions, Mark, Missed, Reading};
    use crate::slot::{Slot, SlotLength};
    use proptest::prelude::*;

    fn record() -> SlotRecord {
        SlotRecord {
            slot: Slot(5_983_333),
            length: SlotLength::default(),
            taken: Mark {
                wall_ms: 1_795_000_200_004,
                mono_ms: 86_400_123,
                boot_ms: 86_400_124,
                boot_id: "b".into(),
            },
            clock_step_ms: -7,
            missed: vec![Missed { first: Slot(1), last: Slot(2), reason: GapReason::HostDown }],
            entries: vec![
                Entry {
                    series: Series::new(Meter::RamCapacity, "host"),
                    outcome: Ok(Reading::plain(25_165_824.0)),
                    counters: None,
                },
                Entry {
                    series: Series::new(Meter::NetworkThroughput, "eth0"),
                    outcome: Ok(Reading::directed(Directions { rx: 1.5, tx: 2.5, rule: CountRule::Max })),
                    counters: Some(Counters { first: 10, second: Some(20), incarnation: 0 }),
                },
                Entry {
                    series: Series::new(Meter::SslTps, "haproxy"),
                    outcome: Err(GapReason::SourceFailed),
                    counters: None,
                },
            ],
        }
    }

    #[test]
    fn the_canonical_bytes_and_digests_never_change() {
        // Golden: written down once, computed again with Python's struct and hashlib (tests/ledger_outsider.rs keeps doing so on whole ledgers).
        let bytes = canonical(&record());
        assert_eq!(bytes.len(), 167);
        let first = digest(&genesis("i", 7), &record());
        assert_eq!(genesis("i", 7).hex(), "42a25ea963efe3377218b2d2eecbe5f6b71a49ea95193a64051ce541e992d8b3");
        assert_eq!(first.hex(), "601f88dbd91742a6bd5e8453a068066189b840487cb62abecc061d4a1f0bfee8");
    }

    #[test]
    fn every_field_of_a_record_is_under_its_digest() {
        let whole = digest(&genesis("i", 7), &record());
        let changes: [fn(&mut SlotRecord); 14] = [
            |r| r.slot = Slot(5),
            |r| r.length = SlotLength::new(60).unwrap(),
            |r| r.taken.wall_ms += 1,
            |r| r.taken.mono_ms += 1,
            |r| r.taken.boot_ms += 1,
            |r| r.taken.boot_id.push('x'),
            |r| r.clock_step_ms = 0,
            |r| r.missed[0].reason = GapReason::AgentDown,
            |r| r.missed.clear(),
            |r| r.entries[0].outcome = Ok(Reading::plain(1.0)),
            |r| r.entries[1].counters = Some(Counters { first: 11, second: Some(20), incarnation: 0 }),
            |r| {
                r.entries[1].outcome =
                    Ok(Reading::directed(Directions { rx: 1.5, tx: 2.5, rule: CountRule::Sum }));
            },
            |r| r.entries[2].outcome = Err(GapReason::CounterReset),
            |r| r.entries[2].series.subject = "other".into(),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut changed = record();
            change(&mut changed);
            assert_ne!(digest(&genesis("i", 7), &changed), whole, "change {i}");
        }
        assert_ne!(digest(&genesis("j", 7), &record()), whole);
    }

    proptest! {
        #[test]
        fn records_that_differ_in_how_text_is_split_have_other_bytes(a in ".{0,12}", b in ".{0,12}") {
            prop_assume!(a != b);
            let with = |subject: &str| {
                let mut r = record();
                r.entries[2].series.subject = subject.to_owned();
                canonical(&r)
            };
            prop_assert_ne!(with(&a), with(&b));
        }
    }
}
