//! Reports: what a closed day becomes on the wire, and what central takes for one.

use crate::chain::Digest;
use crate::coverage::Coverage;
use crate::facts::DayFacts;
use crate::meter::{CountRule, GapReason, Meter, TOTAL};
use crate::node::{self, Node};
use crate::peaks::{DaySummary, PEAK_DEFINITION, Peak, SeriesDay};
use crate::sign::{hex, sha256};
use highwater_proto::v1;
use prost::Message as _;
use std::collections::BTreeSet;

/// The longest payload of a report that is made or taken: some two thousand series.
pub const REPORT_MAX_BYTES: usize = 256 * 1024;
/// The longest name of a subject, time zone or version that central takes, in bytes.
pub const NAME_MAX_BYTES: usize = 256;
/// The most slots that a day can have: 25 hours of seconds.
const DAY_MAX_SLOTS: u64 = 25 * 3600;

/// How subjects are named in reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// As they are.
    Plain,
    /// As salted hashes: the first 8 bytes of SHA-256(salt || name), in hexadecimal. Words that name no one (`total`, `host`,
    /// `cgroup`) stay.
    Hashed([u8; 16]),
}

/// Subjects that every instance has, which tell nothing of its owner.
const COMMON_NAMES: [&str; 3] = [TOTAL, "host", "cgroup"];

impl Names {
    /// A name as it may leave the host.
    #[must_use]
    pub fn told(&self, name: &str) -> String {
        match self {
            Names::Hashed(salt) if !COMMON_NAMES.contains(&name) => {
                let salted = [&salt[..], name.as_bytes()].concat();
                hex(sha256(&salted).0.split_at(8).0)
            }
            _ => name.to_owned(),
        }
    }
}

/// Where in the ledger's chain a day lies: rows by their number in the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainSpan {
    /// Its first row.
    pub first_row: i64,
    /// Its last row; one less than the first where it has none.
    pub last_row: i64,
    /// The digest before the first row.
    pub first_digest: Digest,
    /// The digest of the last row.
    pub last_digest: Digest,
}

/// What a report is made from.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The instance's id.
    pub instance: &'a str,
    /// The report's number, from 1.
    pub sequence: u64,
    /// The digest of the report before it.
    pub previous: Option<Digest>,
    /// The day's figures.
    pub summary: &'a DaySummary,
    /// What else its slots say.
    pub day: &'a DayFacts,
    /// The zone whose day it is.
    pub time_zone: &'a str,
    /// The slot's length, in seconds.
    pub slot_s: i64,
    /// How often the day was closed; `None` while it is open.
    pub revision: Option<i64>,
    /// Where in the chain it lies.
    pub chain: ChainSpan,
    /// The agent's version.
    pub agent_version: &'a str,
    /// Now, in unix seconds.
    pub made_at: i64,
    /// The agent's first start, in unix seconds.
    pub first_start: i64,
    /// What became of an earlier ledger that was damaged.
    pub damaged: Option<&'a str>,
    /// How subjects are named.
    pub names: &'a Names,
    /// The node of a cluster that the instance runs on.
    pub node: Option<&'a Node>,
}

/// The payload of a report: the bytes that are signed, kept and sent.
#[must_use]
pub fn write(facts: &Facts<'_>) -> Vec<u8> {
    let summary = facts.summary;
    let report = v1::Report {
        instance: facts.instance.to_owned(),
        sequence: facts.sequence,
        previous: facts.previous.map(|d| d.0.to_vec()).unwrap_or_default(),
        day: Some(v1::UsageDay {
            day: summary.day.date.to_string(),
            time_zone: facts.time_zone.to_owned(),
            until: summary.until,
            slot_s: u32::try_from(facts.slot_s).unwrap_or(0),
            coverage: Some(coverage(&summary.coverage)),
            series: summary.series.iter().map(|one| series(one, summary, facts.names)).collect(),
            present_slots: summary.present_slots,
            present_first: summary.present.map(|(first, _)| first),
            present_last: summary.present.map(|(_, last)| last),
        }),
        partial: facts.revision.is_none(),
        revision: facts.revision.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        chain: Some(v1::Chain {
            first_row: facts.chain.first_row.max(0).unsigned_abs(),
            last_row: facts.chain.last_row.max(0).unsigned_abs(),
            first_digest: facts.chain.first_digest.0.to_vec(),
            last_digest: facts.chain.last_digest.0.to_vec(),
        }),
        hourly_ram: facts
            .day
            .hourly_ram
            .iter()
            .map(|(hour, bytes)| v1::HourlyRam { hour: *hour, bytes: *bytes })
            .collect(),
        clock: Some(v1::Clock {
            steps: facts.day.clock_steps,
            largest_ms: facts.day.largest_step_ms,
            boots: facts.day.boots,
        }),
        agent_version: facts.agent_version.to_owned(),
        made_at: facts.made_at,
        first_start: facts.first_start,
        damaged: facts.damaged.unwrap_or_default().to_owned(),
        names_hashed: matches!(facts.names, Names::Hashed(_)),
        node: facts.node.map(|node| node.told(facts.names)),
    };
    report.encode_to_vec()
}

fn coverage(coverage: &Coverage) -> v1::Coverage {
    let missed = coverage
        .reasons()
        .map(|(reason, slots)| v1::coverage::Missed { reason: i32::from(reason.code()), slots })
        .collect();
    v1::Coverage { read: coverage.read, missed }
}

fn series(one: &SeriesDay, day: &DaySummary, names: &Names) -> v1::SeriesDay {
    let directions = one.peak.and_then(|p| p.reading.directions);
    v1::SeriesDay {
        meter: i32::from(one.series.meter.code()),
        subject: names.told(&one.series.subject),
        definition: PEAK_DEFINITION,
        peak: one.peak.map(|peak| v1::Reading {
            rx: directions.map(|d| d.rx),
            tx: directions.map(|d| d.tx),
            ..reading(&peak)
        }),
        runner_up: one.runner_up.map(|peak| reading(&peak)),
        p95: one.p95,
        coverage: (one.coverage != day.coverage).then(|| coverage(&one.coverage)),
        rule: directions.map_or(0, |d| i32::from(d.rule.code())),
    }
}

fn reading(peak: &Peak) -> v1::Reading {
    v1::Reading { value: peak.reading.value, at: peak.at, rx: None, tx: None }
}

/// Why some bytes are no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a report: {0}")]
pub struct Malformed(String);

fn malformed<T>(what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(what.into()))
}

/// Reads a report and holds it to what can be: only such a one is a bill's basis. Fields that this version does not know are passed
/// over (and stay under the signature).
///
/// # Errors
/// When the bytes are no report, or say what can't be.
pub fn read(payload: &[u8]) -> Result<v1::Report, Malformed> {
    if payload.len() > REPORT_MAX_BYTES {
        return malformed(format!("{} bytes long; {REPORT_MAX_BYTES} are the most", payload.len()));
    }
    let report = v1::Report::decode(payload).map_err(|e| Malformed(e.to_string()))?;
    if !is_uuid(&report.instance) {
        return malformed("the instance's id is no UUID");
    }
    if report.sequence == 0 || i64::try_from(report.sequence).is_err() {
        return malformed("the sequence number is not from 1 to 2^63");
    }
    if !matches!(report.previous.len(), 0 | 32) {
        return malformed("the digest of the report before it is not of 32 bytes");
    }
    let Some(chain) = &report.chain else { return malformed("it names no stretch of the chain") };
    if chain.first_digest.len() != 32 || chain.last_digest.len() != 32 {
        return malformed("a digest of the chain is not of 32 bytes");
    }
    // A day without rows ends one row before it begins.
    if chain.last_row.saturating_add(1) < chain.first_row || i64::try_from(chain.last_row).is_err() {
        return malformed("the chain's last row is before its first");
    }
    if report.hourly_ram.iter().any(|h| !(1..=25).contains(&h.hour))
        || !report.hourly_ram.is_sorted_by(|a, b| a.hour < b.hour)
    {
        return malformed("the hours of RAM capacity are not hours of a day, in order");
    }
    for (what, text) in [("version", &report.agent_version), ("damaged", &report.damaged)] {
        if text.len() > NAME_MAX_BYTES {
            return malformed(format!("{what} is longer than {NAME_MAX_BYTES} bytes"));
        }
    }
    if let Some(told) = &report.node {
        node::check(&told.cluster, &told.name, &told.hardware).map_err(|e| Malformed(e.to_string()))?;
    }
    match &report.day {
        Some(day) => check_day(day)?,
        None => return malformed("it tells no day"),
    }
    Ok(report)
}

fn check_day(day: &v1::UsageDay) -> Result<(), Malformed> {
    if day.day.len() != 10 || day.day.parse::<jiff::civil::Date>().is_err() {
        return malformed(format!("{:?} is no date", day.day.chars().take(16).collect::<String>()));
    }
    if day.time_zone.is_empty() || day.time_zone.len() > NAME_MAX_BYTES {
        return malformed("it names no time zone");
    }
    if !(1..=3600).contains(&day.slot_s) {
        return malformed("a slot is from 1 s to an hour");
    }
    check_coverage(day.coverage.as_ref())?;
    // In no order that could be relied on: hashed names are not sorted.
    let mut names = BTreeSet::new();
    for one in &day.series {
        if one.subject.is_empty() || one.subject.len() > NAME_MAX_BYTES {
            return malformed("a subject is without a name, or its name is too long");
        }
        if !names.insert((one.meter, one.subject.as_str())) {
            return malformed(format!("{} is told twice", one.subject));
        }
        check_series(one)?;
    }
    Ok(())
}

fn check_series(one: &v1::SeriesDay) -> Result<(), Malformed> {
    let figure = |value: f64| value.is_finite() && value >= 0.0;
    let readings = [&one.peak, &one.runner_up].into_iter().flatten();
    let values = readings.flat_map(|r| [Some(r.value), r.rx, r.tx]).chain([one.p95]).flatten();
    for value in values {
        if !figure(value) {
            return malformed(format!("{} has a figure that is none", one.subject));
        }
    }
    let peak = one.peak.as_ref().map(|r| r.value);
    let above = [one.runner_up.as_ref().map(|r| r.value), one.p95].into_iter().flatten();
    if above.into_iter().any(|value| peak.is_none_or(|peak| value > peak)) {
        return malformed(format!("{} has a figure above its peak", one.subject));
    }
    one.coverage.as_ref().map_or(Ok(()), |own| check_coverage(Some(own)))
}

fn check_coverage(coverage: Option<&v1::Coverage>) -> Result<(), Malformed> {
    let Some(coverage) = coverage else { return malformed("it tells no coverage") };
    let slots = coverage.missed.iter().fold(u64::from(coverage.read), |sum, m| sum + u64::from(m.slots));
    if slots > DAY_MAX_SLOTS || coverage.missed.len() > 64 {
        return malformed("more slots than a day has");
    }
    Ok(())
}

/// Whether a text is a UUID in lower-case hexadecimal (RFC 9562, section 4).
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// The word of a meter in a report; `None` for one that this version does not know.
#[must_use]
pub fn meter(series: &v1::SeriesDay) -> Option<Meter> {
    u8::try_from(series.meter).ok().and_then(Meter::from_code)
}

/// The word of a gap's reason in a report; `None` for one that this version does not know.
#[must_use]
pub fn gap(missed: &v1::coverage::Missed) -> Option<GapReason> {
    u8::try_from(missed.reason).ok().and_then(GapReason::from_code)
}

/// The rule of a peak's value in a report; `None` where it has none.
#[must_use]
pub fn rule(series: &v1::SeriesDay) -> Option<CountRule> {
    u8::try_from(series.rule).ok().and_then(CountRule::from_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Calendar;
    use crate::meter::Series;
    use crate::record::{Directions, Reading};
    use jiff::civil::date;
    use proptest::prelude::*;

    fn summary(interfaces: usize) -> DaySummary {
        let day = Calendar::utc().day(date(2026, 11, 20));
        let mut coverage = Coverage::default();
        coverage.read = 280;
        coverage.miss(GapReason::HostDown, 8);
        let at = |n: i64| day.start + n * 300;
        let peak = |value: f64, n| Some(Peak { reading: Reading::plain(value), at: at(n) });
        let directed = |rx: f64, tx: f64, n| {
            Some(Peak { reading: Reading::directed(Directions { rx, tx, rule: CountRule::Max }), at: at(n) })
        };
        let ram = |subject: &str| SeriesDay {
            series: Series::new(Meter::RamCapacity, subject),
            peak: peak(67_435_167_744.0, 17),
            runner_up: peak(67_435_167_744.0, 18),
            p95: Some(67_435_167_744.0),
            coverage,
        };
        let network = |subject: String| SeriesDay {
            series: Series::new(Meter::NetworkThroughput, subject),
            peak: directed(1.234_567_890_1e9, 0.987_654_321e9, 200),
            runner_up: directed(1.1e9 / 3.0, 0.9e9 / 7.0, 201),
            p95: Some(1.0e9 / 3.0),
            coverage,
        };
        let tls = |subject: &str| SeriesDay {
            series: Series::new(Meter::SslTps, subject),
            peak: peak(1234.0 / 300.0, 12),
            runner_up: peak(1233.0 / 300.0, 13),
            p95: Some(1000.0 / 300.0),
            coverage,
        };
        let mut series = vec![ram("host"), ram(TOTAL)];
        series.extend((0..interfaces).map(|n| network(format!("enp{n}s0f1"))));
        series.push(network(TOTAL.to_owned()));
        series.extend([tls("haproxy"), tls(TOTAL)]);
        DaySummary { until: day.end, day, coverage, series, present_slots: 280, present: Some((1, 2)) }
    }

    fn bytes(summary: &DaySummary, names: &Names) -> Vec<u8> {
        bytes_of(summary, names, None)
    }

    fn bytes_of(summary: &DaySummary, names: &Names, node: Option<&Node>) -> Vec<u8> {
        let day = DayFacts {
            hourly_ram: (1..=24).map(|h| (h, 67_435_167_744)).collect(),
            boots: 1,
            ..DayFacts::default()
        };
        write(&Facts {
            instance: "0f8fad5b-d9cb-469f-a165-70867728950e",
            sequence: 90,
            previous: Some(Digest([5; 32])),
            summary,
            day: &day,
            time_zone: "Europe/Berlin",
            slot_s: 300,
            revision: Some(1),
            chain: ChainSpan {
                first_row: 25_633,
                last_row: 25_920,
                first_digest: Digest([1; 32]),
                last_digest: Digest([2; 32]),
            },
            agent_version: "0.1.0",
            made_at: 1_795_219_203,
            first_start: 1_787_443_203,
            damaged: None,
            names,
            node,
        })
    }

    #[test]
    fn a_day_of_ten_series_takes_less_than_two_kibibytes() {
        let ten = summary(5);
        assert_eq!(ten.series.len(), 10);
        let payload = bytes(&ten, &Names::Plain);
        let sealed = crate::sign::Identity::from_seed(&[1; 32]).seal(v1::Kind::Report, payload);
        assert!(sealed.encoded_len() <= 2048, "{} bytes", sealed.encoded_len());
    }

    #[test]
    fn a_report_reads_as_it_was_written() {
        let day = summary(1);
        let report = read(&bytes(&day, &Names::Plain)).unwrap();
        let told = report.day.unwrap();
        assert_eq!((told.day.as_str(), report.partial, report.revision), ("2026-11-20", false, 1));
        assert_eq!(
            told.series.iter().map(|s| meter(s).unwrap()).collect::<Vec<_>>(),
            day.series.iter().map(|s| s.series.meter).collect::<Vec<_>>()
        );
        let network = told.series.iter().find(|s| s.subject == "enp0s0f1").unwrap();
        assert_eq!(
            (rule(network), network.peak.as_ref().unwrap().rx),
            (Some(CountRule::Max), Some(1.234_567_890_1e9))
        );
        assert_eq!(gap(&told.coverage.unwrap().missed[0]), Some(GapReason::HostDown));
    }

    #[test]
    fn names_leave_the_host_as_hashes_where_privacy_asks_for_it() {
        let payload = bytes(&summary(1), &Names::Hashed([4; 16]));
        let report = read(&payload).unwrap();
        let subjects: Vec<String> = report.day.unwrap().series.into_iter().map(|s| s.subject).collect();
        assert!(report.names_hashed);
        assert_eq!(subjects[..2], ["host", TOTAL]);
        assert!(
            subjects[2].len() == 16 && subjects[2].bytes().all(|b| b.is_ascii_hexdigit()),
            "{subjects:?}"
        );
        assert!(!String::from_utf8_lossy(&payload).contains("enp0"));
        assert_ne!(Names::Hashed([4; 16]).told("eth0"), Names::Hashed([5; 16]).told("eth0"));
    }

    #[test]
    fn a_report_names_its_node_and_hashes_the_name_as_every_other() {
        let node = Node {
            cluster: "7b0c6f4e-0000-4000-8000-00000000abcd".to_owned(),
            name: "node-a".to_owned(),
            hardware: "00112233445566ff".to_owned(),
        };
        let told = |names: &Names| read(&bytes_of(&summary(1), names, Some(&node))).unwrap().node.unwrap();
        let plain = told(&Names::Plain);
        assert_eq!(
            (plain.cluster, plain.name, plain.hardware, plain.name_hashed),
            (node.cluster.clone(), "node-a".to_owned(), node.hardware.clone(), false)
        );
        let names = Names::Hashed([4; 16]);
        let hashed = told(&names);
        assert_eq!((hashed.name, hashed.name_hashed), (names.told("node-a"), true));
        assert_eq!(hashed.cluster, node.cluster);
        assert_eq!(read(&bytes(&summary(1), &names)).unwrap().node, None, "outside a cluster");
    }

    #[test]
    fn what_cannot_be_is_no_report() {
        let good = v1::Report::decode(&bytes(&summary(1), &Names::Plain)[..]).unwrap();
        type Spoil = fn(&mut v1::Report);
        let spoilt: [(&str, Spoil); 14] = [
            ("UUID", |r| r.instance = "../../etc".into()),
            ("sequence", |r| r.sequence = 0),
            ("32 bytes", |r| r.previous = vec![1]),
            ("chain", |r| r.chain = None),
            ("last row", |r| r.chain.as_mut().unwrap().last_row = 1),
            ("no day", |r| r.day = None),
            ("no date", |r| r.day.as_mut().unwrap().day = "2026-02-30".into()),
            ("slot", |r| r.day.as_mut().unwrap().slot_s = 0),
            ("figure that is none", |r| {
                r.day.as_mut().unwrap().series[0].peak.as_mut().unwrap().value = f64::NAN;
            }),
            ("above its peak", |r| r.day.as_mut().unwrap().series[0].p95 = Some(1e99)),
            ("more slots", |r| r.day.as_mut().unwrap().coverage.as_mut().unwrap().read = u32::MAX),
            ("hours", |r| r.hourly_ram[0].hour = 99),
            ("cluster", |r| r.node = Some(v1::Node { name: "a".into(), ..v1::Node::default() })),
            ("told twice", |r| {
                let day = r.day.as_mut().unwrap();
                day.series.push(day.series[0].clone());
            }),
        ];
        for (says, spoil) in spoilt {
            let mut report = good.clone();
            spoil(&mut report);
            let error = read(&report.encode_to_vec()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(read(&vec![0; REPORT_MAX_BYTES + 1]).is_err());
    }

    #[test]
    fn a_field_of_a_later_version_does_not_hinder() {
        let mut payload = bytes(&summary(1), &Names::Plain);
        // Field 1000, as text.
        payload.extend_from_slice(&[0xc2, 0x3e, 3, b'n', b'e', b'w']);
        assert!(read(&payload).is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
