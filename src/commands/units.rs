//! Figures and tables for people.

use highwater_rules::meter::Meter;
use std::fmt;

/// A figure of a meter, in the unit that its size asks for: bytes in powers of 1024, bits per second in powers of 1000.
pub(super) fn human(meter: Meter, value: f64) -> String {
    match meter {
        Meter::RamCapacity | Meter::VsBytes => {
            scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
        }
        Meter::NetworkThroughput | Meter::NetworkThroughputBurst => {
            scaled(value, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
        }
        Meter::SslTps | Meter::SslTpsBurst => format!("{} TPS", three_digits(value)),
    }
}

/// A stretch of time, in its two largest units: `1 d 3 h`, `4 min 5 s`.
pub(super) fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (length, unit) in units {
        if rest >= length && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / length));
            rest %= length;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// What is said of an end of grace that comes `ahead_s` seconds before the one that the calendar gives; nothing of less than a minute.
pub(super) fn earlier(ahead_s: i64) -> String {
    if ahead_s < 60 {
        return String::new();
    }
    format!(
        ", {} earlier than by the calendar: the clock was set back, or showed less than the host was up",
        span(ahead_s)
    )
}

fn scaled(value: f64, base: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        if value < base {
            break;
        }
        value /= base;
        unit = larger;
    }
    format!("{} {unit}", three_digits(value))
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v == 0.0 || v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// A table whose columns are as wide as their widest cell.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        let mut table = Table { rows: Vec::new() };
        table.row(head);
        table
    }

    pub(super) fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|c| (*c).to_owned()).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let line: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_in_the_unit_their_size_asks_for() {
        for (meter, value, expect) in [
            (Meter::RamCapacity, 0.0, "0 B"),
            (Meter::RamCapacity, 1023.0, "1023 B"),
            (Meter::RamCapacity, 25_165_824_000.0, "23.4 GiB"),
            (Meter::NetworkThroughput, 999.0, "999 bit/s"),
            (Meter::NetworkThroughput, 1_500_000_000.0, "1.50 Gbit/s"),
            (Meter::NetworkThroughput, 1e18, "1000000 Tbit/s"),
            (Meter::SslTps, 13.763, "13.8 TPS"),
            (Meter::VsBytes, 25_165_824_000.0, "23.4 GiB"),
            (Meter::NetworkThroughputBurst, 1_500_000_000.0, "1.50 Gbit/s"),
            (Meter::SslTpsBurst, 13.763, "13.8 TPS"),
        ] {
            assert_eq!(human(meter, value), expect);
        }
    }
}
