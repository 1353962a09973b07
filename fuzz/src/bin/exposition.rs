//! Expositions, cut in two anywhere: any bytes give what they say or an error, and the cut changes nothing.
#![no_main]

use highwater::config::ssl::{Compare, Matcher};
use highwater::sources::ssl::prometheus::exposition::{Intake, Wanted};
use highwater_rules::pattern::Pattern;
use highwater_rules::tally::{Scrape, Tally};
use libfuzzer_sys::fuzz_target;

fn read(wanted: &Wanted, pieces: &[&[u8]]) -> Option<Scrape> {
    let mut intake = Intake::new(wanted);
    for piece in pieces {
        intake.take(piece).ok()?;
    }
    Some(intake.end().ok()?.scrape)
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let mut matchers = Vec::new();
    // The first line may be a pattern.
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if let Ok(pattern) = Pattern::parse(&String::from_utf8_lossy(line)) {
        let _ = pattern.fits("10.0.0.1:443");
        matchers.push(Matcher { label: "a".to_owned(), compare: Compare::FitsNot(pattern) });
    }
    let wanted = Wanted { metric: "a_total".to_owned(), matchers };
    let whole = read(&wanted, &[bytes]);
    let (one, other) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    assert_eq!(read(&wanted, &[one, other]), whole);
    if let Some(scrape) = whole {
        let mut tally = Tally::default();
        let first = tally.sum(scrape.clone());
        assert_eq!(tally.sum(scrape), first);
    }
});
