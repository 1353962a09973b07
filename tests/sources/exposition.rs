//! Expositions: what is read of them, in the forms that servers write and those that they should not.

use highwater::config::ssl::{Compare, Counts, Exposition, Matcher, Preset, Prometheus};
use highwater::sources::ssl::prometheus::exposition::{Intake, Told, Wanted};
use highwater::sources::ssl::prometheus::sample::Sample;
use highwater_rules::pattern::Pattern;
use proptest::prelude::*;

pub(crate) fn settings(place: Exposition, counts: Counts, matchers: Vec<Matcher>) -> Prometheus {
    Prometheus { place, counts, matchers }
}

fn wanted(metric: &str, matchers: Vec<Matcher>) -> Wanted {
    Wanted { metric: metric.to_owned(), matchers }
}

fn read(wanted: &Wanted, pieces: &[&[u8]]) -> Result<Told, String> {
    let mut intake = Intake::new(wanted);
    for piece in pieces {
        intake.take(piece).map_err(|e| e.to_string())?;
    }
    intake.end().map_err(|e| e.to_string())
}

fn sum(metric: &str, matchers: Vec<Matcher>, text: &str) -> u64 {
    read(&wanted(metric, matchers), &[text.as_bytes()]).unwrap().scrape.values.values().sum()
}

fn matcher(label: &str, compare: Compare) -> Matcher {
    Matcher { label: label.to_owned(), compare }
}

const TEXT: &str = r#"# HELP tls_total Sessions with "quotes" and \n.
# TYPE tls_total counter
tls_total{proxy="web",code="200"} 1
tls_total { proxy = "web" , code = "404" , } 20 1700000000000
  tls_total{code="200",proxy="api"}	300
tls_total{proxy="",code="500"} 4e3
tls_total{proxy="a \"b\" \\ \n }, c"} 50000.0
{"tls_total",proxy="utf8","härte.grad"="x"} 600000
tls_total_created{proxy="web"} 1.7e9
tls 7
other{x="y"} NaN
other_negative -1
process_start_time_seconds 1.7e+09

"#;

#[test]
fn counters_are_chosen_by_their_labels_and_summed() {
    let is = |value: &str| Compare::Is(value.to_owned());
    let not = |value: &str| Compare::IsNot(value.to_owned());
    let fits = |value: &str| Compare::Fits(Pattern::parse(value).unwrap());
    let fits_not = |value: &str| Compare::FitsNot(Pattern::parse(value).unwrap());
    for (matchers, expect) in [
        (vec![], 654_321),
        (vec![("proxy", is("web"))], 21),
        (vec![("proxy", not("web"))], 654_300),
        (vec![("proxy", is(""))], 4000),
        (vec![("code", fits("2.."))], 301),
        (vec![("code", fits("2"))], 0),
        (vec![("code", fits_not("2.."))], 654_020),
        (vec![("code", fits(""))], 650_000),
        (vec![("code", fits(".+")), ("proxy", is("web"))], 21),
        (vec![("none", is(""))], 654_321),
        (vec![("none", fits(".+"))], 0),
        (vec![("härte.grad", is("x"))], 600_000),
        (vec![("proxy", is("a \"b\" \\ \n }, c"))], 50_000),
    ] {
        let named: Vec<Matcher> = matchers.into_iter().map(|(label, c)| matcher(label, c)).collect();
        assert_eq!(sum("tls_total", named.clone(), TEXT), expect, "{named:?}");
    }
    let told = read(&wanted("tls_total", Vec::new()), &[TEXT.as_bytes()]).unwrap();
    assert!(told.scrape.starts.len() == 1);
}

#[test]
fn openmetrics_is_understood_up_to_its_end() {
    let text = "# TYPE tls counter\n# UNIT tls sessions\ntls_total{a=\"1\"} 17.0 1520879607.789 # {trace=\"KOO\"} 0.6 1.5\n\
                tls_total{a=\"2\"} 3 # {} 1\ntls_created{a=\"1\"} 1520430000.123\n# EOF\n";
    assert_eq!(sum("tls_total", Vec::new(), text), 20);
    assert_eq!(sum("tls_total", Vec::new(), text.trim_end()), 20, "the end may stand without a line's end");
    let more = format!("{text}tls_total 5\n");
    assert!(read(&wanted("tls_total", Vec::new()), &[more.as_bytes()]).unwrap_err().contains("EOF"));
}

#[test]
fn what_is_no_count_is_told_and_never_taken_for_one() {
    for (text, why) in [
        ("tls_total NaN\n", "no count"),
        ("tls_total +Inf\n", "no count"),
        ("tls_total -1\n", "no count"),
        ("tls_total 1.5\n", "no count"),
        ("tls_total 1e300\n", "no count"),
        ("tls_total x\n", "no count"),
        ("tls_total 5 now\n", "more than a value"),
        ("tls_total 5 5 5\n", "more than a value"),
        ("tls_total\n", "no value"),
        ("tls_total{a=\"1\"}\n", "no value"),
        ("tls_total{a=\"1\" 5\n", "labels without an end"),
        ("tls_total{a=\"1} 5\n", "not closed"),
        ("tls_total{a=1} 5\n", "no label's value"),
        ("tls_total{1a=\"1\"} 5\n", "no label's name"),
        ("tls_total{a=\"1\",a=\"2\"} 5\n", "twice"),
        ("tls_total{a=\"1\"} 5\ntls_total{a=\"1\",b=\"\"} 5\n", "twice"),
        ("tls_total{b=\"2\",a=\"1\"} 5\ntls_total{a=\"1\",b=\"2\"} 6\n", "twice"),
        ("{\"tls_total\",a=\"1\"} 5\ntls_total{a=\"1\"} 6\n", "twice"),
        ("# TYPE tls_total gauge\ntls_total 5\n", "no counter"),
        ("process_start_time_seconds soon\ntls_total 5\n", "no time"),
        ("tls_total 5\ntls_total{a=\"1\"} 12", "cut short"),
        ("<html>\n", "no sample"),
        ("{\"error\": \"no\"}\n", "no = behind"),
        ("other\n", "no value"),
        ("{} 5\n", "no metric's name"),
    ] {
        let error = read(&wanted("tls_total", Vec::new()), &[text.as_bytes()]).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(read(&wanted("tls_total", Vec::new()), &[b"tls_total{a=\"\xff\"} 5\n"]).is_err());
}

/// The expositions of each server: the count, and what is not to be in it.
#[test]
fn presets_find_their_counter_in_the_servers_own_expositions() {
    for (preset, text, expect) in [
        (Preset::Haproxy, include_str!("../fixtures/expositions/haproxy-2.6.txt"), 597),
        (Preset::Envoy, include_str!("../fixtures/expositions/envoy.txt"), 1207),
        (Preset::NginxPlus, include_str!("../fixtures/expositions/nginx-plus.txt"), 9441),
    ] {
        assert_eq!(sum(preset.metric(), Vec::new(), text), expect, "{preset:?}");
    }
}

#[derive(Debug, Clone)]
struct Written {
    name: String,
    labels: Vec<(String, String)>,
    value: u64,
    form: u8,
}

/// The slow way round: a sample is made first, and then written in one of the many forms that mean the same.
fn written() -> impl Strategy<Value = Written> {
    let label = ("[a-z_][a-z0-9_]{0,4}", "[ -~äß\n\"\\\\{},=#]{0,12}");
    (
        prop_oneof![Just("tls_total"), Just("tls_totals"), Just("other")],
        prop::collection::vec(label, 0..4),
        any::<u64>(),
        any::<u8>(),
    )
        .prop_map(|(name, labels, value, form)| {
            let labels: std::collections::BTreeMap<String, String> = labels.into_iter().collect();
            Written { name: name.to_owned(), labels: labels.into_iter().collect(), value, form }
        })
}

fn line(sample: &Written) -> String {
    let has = |bit: u8| sample.form & (1 << bit) != 0;
    let blank = if has(0) { " " } else { "" };
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let mut labels: Vec<String> = sample
        .labels
        .iter()
        .map(|(name, value)| format!("{name}{blank}={blank}\"{}\"", escaped(value)))
        .collect();
    if has(1) {
        labels.reverse();
    }
    if has(2) {
        labels.insert(0, format!("\"{}\"", sample.name));
    }
    let comma = if has(3) && !labels.is_empty() { "," } else { "" };
    let braces = format!("{{{blank}{}{comma}{blank}}}", labels.join(&format!("{blank},{blank}")));
    let name = if has(2) { "" } else { &sample.name };
    let braces = if labels.is_empty() && has(4) { "" } else { &braces };
    let end = ["", " 1700000000000", "\t1.5 # {a=\"b\"} 1", " # {} 2"][usize::from(sample.form >> 5) % 4];
    format!("{blank}{name}{blank}{braces} {}{end}{}\n", sample.value, if has(5) { "\r" } else { "" })
}

proptest! {
    #[test]
    fn a_sample_is_read_as_it_was_written(sample in written()) {
        let text = line(&sample);
        let read = Sample::parse(text.trim_end_matches('\n')).unwrap().unwrap();
        prop_assert_eq!(&read.name, &sample.name);
        let labels: Vec<(String, String)> =
            read.labels.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        let expect: Vec<_> = sample.labels.iter().filter(|(_, v)| !v.is_empty()).cloned().collect();
        prop_assert_eq!(labels, expect);
        prop_assert_eq!(read.count().unwrap(), sample.value);
    }

    #[test]
    fn however_it_is_cut_the_same_is_told(
        samples in prop::collection::vec(written(), 0..8), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text: String = samples.iter().map(line).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
        let wanted = wanted("tls_total", Vec::new());
        let whole = read(&wanted, &[text.as_bytes()]).map(|told| told.scrape);
        prop_assert_eq!(&read(&wanted, &pieces).map(|told| told.scrape), &whole);
        // Held against the samples themselves, read in no way.
        let mine: Vec<_> = samples.iter().filter(|s| s.name == "tls_total").collect();
        let key = |s: &&Written| s.labels.iter().filter(|(_, v)| !v.is_empty()).cloned().collect::<Vec<_>>();
        let distinct: std::collections::BTreeSet<_> = mine.iter().map(key).collect();
        match whole {
            Ok(scrape) => {
                prop_assert_eq!(distinct.len(), mine.len());
                let sum = |values: &mut dyn Iterator<Item = u64>| values.fold(0_u128, |sum, v| sum + u128::from(v));
                prop_assert_eq!(sum(&mut scrape.values.values().copied()), sum(&mut mine.iter().map(|s| s.value)));
            }
            Err(_) => prop_assert!(distinct.len() < mine.len()),
        }
    }

    #[test]
    fn noise_is_refused_or_passed_over(text in "(tls_total|[{}\",=# \n\\\\a0-9.]){0,40}", bytes in any::<Vec<u8>>()) {
        let wanted = wanted("tls_total", Vec::new());
        let _ = read(&wanted, &[text.as_bytes(), &bytes]);
        let _ = Sample::parse(&text);
    }
}
