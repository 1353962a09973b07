//! Amounts of memory and throughput, as they are typed and shown.

const BYTES: &[(&str, u64)] = &[
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("PB", 1_000_000_000_000_000),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];
const BITS: &[(&str, u64)] =
    &[("Tbit", 1_000_000_000_000), ("Gbit", 1_000_000_000), ("Mbit", 1_000_000), ("kbit", 1000), ("bit", 1)];
/// The units that amounts are shown in: memory comes in powers of two.
const SHOWN_BYTES: &[&str] = &["PiB", "TiB", "GiB", "MiB", "KiB", "B"];

/// An amount of memory: `64GiB`, `1.5TB`, or a number of bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    read(text, BYTES).ok_or_else(|| {
        format!("{text:?} is no amount of memory: write it as 64GiB, 1.5TB or a number of bytes")
    })
}

/// A throughput: `10Gbit`, `2.5Gbit`, or a number of bits a second.
pub(super) fn bits(text: &str) -> Result<u64, String> {
    read(text, BITS).ok_or_else(|| {
        format!("{text:?} is no throughput: write it as 10Gbit, 2.5Gbit or a number of bits a second")
    })
}

/// An amount of memory in its largest whole unit.
pub(super) fn shown_bytes(amount: u64) -> String {
    let units = BYTES.iter().filter(|(name, _)| SHOWN_BYTES.contains(name));
    shown(amount, units)
}

/// A throughput in its largest whole unit, a second.
pub(super) fn shown_bits(amount: u64) -> String {
    format!("{}/s", shown(amount, BITS.iter()))
}

fn shown<'u>(amount: u64, mut units: impl Iterator<Item = &'u (&'static str, u64)>) -> String {
    let largest = units.find(|(_, size)| amount >= *size && amount.is_multiple_of(*size));
    largest.map_or_else(|| amount.to_string(), |(name, size)| format!("{} {name}", amount / size))
}

/// A number with or without a fraction, and a unit; what is no whole number of bytes or bits is none.
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let named = units.iter().find_map(|(name, size)| text.strip_suffix(name).map(|number| (number, *size)));
    let (number, size) = named.unwrap_or((text, 1));
    let number = number.trim_end();
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole: u64 = digits(whole).then(|| whole.parse().ok())??;
    let part = match fraction {
        None => 0,
        Some(fraction) => {
            let parts: u64 = digits(fraction).then(|| fraction.parse().ok())??;
            let of = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            let scaled = parts.checked_mul(size)?;
            scaled.is_multiple_of(of).then_some(scaled / of)?
        }
    };
    whole.checked_mul(size)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        for (text, expect) in
            [("64GiB", 64 << 30), ("1.5TB", 1_500_000_000_000), ("4096", 4096), ("7 B", 7), ("0.5KiB", 512)]
        {
            assert_eq!(bytes(text), Ok(expect), "{text}");
        }
        for (text, expect) in [("10Gbit", 10_000_000_000), ("2.5Gbit", 2_500_000_000), ("9", 9)] {
            assert_eq!(bits(text), Ok(expect), "{text}");
        }
        for wrong in
            ["", "GiB", "-1GiB", "1e3", ".5GiB", "1.GiB", "0.3B", "1.0001bit", "99999999999TiB", "5 G", "+5B"]
        {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(bits("10GiB").is_err() && bytes("10Gbit").is_err());
    }

    #[test]
    fn amounts_read_as_they_are_shown() {
        for text in ["64 GiB", "1536 GiB", "1000 B", "1 B"] {
            assert_eq!(shown_bytes(bytes(text).unwrap()), text);
        }
        assert_eq!(shown_bits(2_500_000_000), "2500 Mbit/s");
    }
}
