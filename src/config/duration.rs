//! Durations as the configuration writes them: `5m`, `120d`, `1h30m`, or a number of seconds.

/// No sensible duration is longer than this.
const TEXT_MAX_BYTES: usize = 40;
/// The units, longest first. A day has 24 hours.
const UNITS: &[(&str, u64)] = &[("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// What every message about a duration ends with.
pub(super) const MEND: &str =
    r#"write whole days, hours, minutes or seconds, such as "120d", "1h", "5m" or "300s""#;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DurationError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A minus sign, a fraction, a letter first.
    #[error("a number is expected where `{0}` stands")]
    Number(char),
    /// The last number stands alone.
    #[error("its last number has no unit")]
    Unitless,
    /// Letters that are no unit.
    #[error("the unit `{0}` is none of d, h, m and s")]
    Unit(String),
    /// `5m1h`, `5m5m`.
    #[error("the units must fall from days to seconds, each at most once")]
    Order,
    /// More than can be counted or is sensible.
    #[error("it is too long")]
    TooLong,
}

/// The whole seconds of a text.
pub(super) fn parse(text: &str) -> Result<u64, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if text.len() > TEXT_MAX_BYTES {
        return Err(DurationError::TooLong);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| DurationError::TooLong);
    }
    let mut rest = text;
    let mut total = 0u64;
    let mut units = UNITS.iter();
    while let Some(first) = rest.chars().next() {
        let digits = leading(rest, |c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(DurationError::Number(first));
        }
        rest = rest.get(digits.len()..).unwrap_or_default();
        let unit = leading(rest, |c| !c.is_ascii_digit());
        rest = rest.get(unit.len()..).unwrap_or_default();
        if unit.is_empty() {
            return Err(DurationError::Unitless);
        }
        if !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(DurationError::Unit(unit.escape_debug().to_string()));
        }
        let (_, seconds) = units.find(|(name, _)| *name == unit).ok_or(DurationError::Order)?;
        let part = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(*seconds));
        total = part.and_then(|part| total.checked_add(part)).ok_or(DurationError::TooLong)?;
    }
    Ok(total)
}

fn leading(text: &str, keep: fn(char) -> bool) -> &str {
    let end = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Seconds, in the longest unit that writes them as a whole number: `5m`, `120d`, `90s`.
pub(super) fn write(seconds: u64) -> String {
    let fits = |unit: &&(&str, u64)| seconds > 0 && seconds.is_multiple_of(unit.1);
    let (name, length) = UNITS.iter().find(fits).copied().unwrap_or(("s", 1));
    format!("{}{name}", seconds / length)
}
