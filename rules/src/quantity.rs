//! Quantities, as Kubernetes writes amounts of memory: `512Mi`, `1.5G`, `12e6`, `128974848000m`.
//!
//! No number of floating point is used, which could not hold them: a bill's figure is what a careful reader gets by hand.

/// The longest quantity that is read, in bytes. A server writes the shortest form, of 20 bytes at most.
pub const QUANTITY_MAX_BYTES: usize = 64;
/// Exponents beyond this say nothing more of a number with [`QUANTITY_MAX_BYTES`] digits: it is too large, or next to nothing.
const EXPONENT_MAX: i32 = 200;

/// The suffixes of powers of ten, with their exponents.
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// The suffixes of powers of two, with their exponents.
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// Why a text is no quantity of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoQuantity {
    /// It has no digits, or something else than digits and one point before its suffix.
    #[error("it has no number")]
    NoNumber,
    /// It has a suffix that there is not.
    #[error("its suffix is none of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, or e and an exponent")]
    NoSuffix,
    /// There is no memory below zero.
    #[error("it is negative")]
    Negative,
    /// It is longer than any server writes one.
    #[error("it is longer than {QUANTITY_MAX_BYTES} bytes")]
    TooLong,
}

/// The bytes that a quantity stands for. A fraction of a byte is rounded up; what is above 2^63 - 1 counts as that, both as
/// Kubernetes does it.
///
/// # Errors
/// When it is no quantity, or below zero.
pub fn bytes(text: &str) -> Result<u64, NoQuantity> {
    if text.len() > QUANTITY_MAX_BYTES {
        return Err(NoQuantity::TooLong);
    }
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(NoQuantity::NoNumber);
    }
    let scale = scale(suffix)?;
    if negative && number.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        return Err(NoQuantity::Negative);
    }
    let exponent = if let Scale::Ten(exponent) = scale { exponent } else { 0 };
    let mut fixed = Fixed::new(whole, fraction, exponent);
    if let Scale::Two(doublings) = scale {
        (0..doublings).for_each(|_| fixed.double());
    }
    Ok(fixed.rounded_up())
}

enum Scale {
    Ten(i32),
    Two(u32),
}

fn scale(suffix: &str) -> Result<Scale, NoQuantity> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(word, _)| *word == suffix) {
        return Ok(Scale::Ten(*exponent));
    }
    if let Some((_, doublings)) = BINARY.iter().find(|(word, _)| *word == suffix) {
        return Ok(Scale::Two(*doublings));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(NoQuantity::NoSuffix)?;
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NoQuantity::NoSuffix);
    }
    // Digits alone fail to parse only where there are too many of them.
    let exponent = digits.parse::<i32>().unwrap_or(i32::MAX).min(EXPONENT_MAX);
    Ok(Scale::Ten(sign * exponent))
}

/// A number as a whole one and the decimal digits behind its point.
struct Fixed {
    whole: u128,
    fraction: Vec<u8>,
}

impl Fixed {
    /// `WHOLE.FRACTION` with its point moved by `exponent` digits to the right.
    fn new(whole: &str, fraction: &str, exponent: i32) -> Self {
        let digits = || whole.bytes().chain(fraction.bytes()).map(|b| b.saturating_sub(b'0'));
        let point = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent);
        let before = usize::try_from(point).unwrap_or(0);
        let zeros_before = usize::try_from(point.saturating_neg()).unwrap_or(0);
        // Digits that are not written are zeros, on either side.
        let whole = digits().chain(std::iter::repeat(0)).take(before);
        let whole = whole.fold(0_u128, |sum, digit| sum.saturating_mul(10).saturating_add(u128::from(digit)));
        let fraction = std::iter::repeat_n(0, zeros_before).chain(digits().skip(before)).collect();
        Fixed { whole, fraction }
    }

    fn double(&mut self) {
        let mut carry = 0;
        for digit in self.fraction.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
        self.whole = self.whole.saturating_mul(2).saturating_add(u128::from(carry));
    }

    fn rounded_up(&self) -> u64 {
        let rest = u128::from(self.fraction.iter().any(|digit| *digit > 0));
        let most = i64::MAX.unsigned_abs();
        u64::try_from(self.whole.saturating_add(rest)).unwrap_or(most).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_of_a_quantity_is_what_the_reference_says() {
        let cases = [
            ("0", 0),
            ("128974848", 128_974_848),
            ("+5", 5),
            ("-0", 0),
            ("129e6", 129_000_000),
            ("12E6", 12_000_000),
            ("1e+3", 1000),
            ("1500e-3", 2),
            ("129M", 129_000_000),
            ("128974848000m", 128_974_848),
            ("123Mi", 128_974_848),
            ("512M", 512_000_000),
            ("1536Mi", 1_610_612_736),
            ("1.5Gi", 1_610_612_736),
            (".5Ki", 512),
            ("5.Ki", 5120),
            ("1k", 1000),
            ("3Ti", 3 << 40),
            ("2Pi", 2 << 50),
            ("1Ei", 1 << 60),
            ("1E", 1_000_000_000_000_000_000),
            ("1G", 1_000_000_000),
            ("1T", 1_000_000_000_000),
            ("1P", 1_000_000_000_000_000),
            ("31457280Ki", 30 << 30),
        ];
        for (text, expect) in cases {
            assert_eq!(bytes(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn a_fraction_of_a_byte_is_rounded_up_and_never_lost() {
        for (text, expect) in [
            ("1m", 1),
            ("1n", 1),
            ("1u", 1),
            ("1001m", 2),
            ("0.0000000000000000000000000000000000001Ei", 1),
            ("1.00000000000000000000000000000000000000000000000000000001", 2),
            ("0.1Ki", 103),
            ("1e-200", 1),
            ("0e-200", 0),
            ("0.000m", 0),
        ] {
            assert_eq!(bytes(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn what_is_larger_than_can_be_said_is_the_largest() {
        for text in ["9223372036854775808", "8Ei", "100E", "1e40", "1e99999999999", "999999999999999999999Ei"]
        {
            assert_eq!(bytes(text), Ok(9_223_372_036_854_775_807), "{text}");
        }
        assert_eq!(bytes("0e99999999999"), Ok(0));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "-", "+", ".", "Mi", "1..2", "1.2.3", "e3", " 1", "١"] {
            assert_eq!(bytes(text), Err(NoQuantity::NoNumber), "{text:?}");
        }
        for text in [
            "1 ", "1ki", "1K", "1mi", "1KiB", "1e", "1e+", "1e3Ki", "1e1.5", "1g", "0x10", "1MiMi",
            "1\u{663}",
        ] {
            assert_eq!(bytes(text), Err(NoQuantity::NoSuffix), "{text:?}");
        }
        assert_eq!(bytes("-1"), Err(NoQuantity::Negative));
        assert_eq!(bytes("-1n"), Err(NoQuantity::Negative));
        assert_eq!(bytes(&"1".repeat(65)), Err(NoQuantity::TooLong));
    }

    proptest! {
        #[test]
        fn a_whole_number_with_a_suffix_is_its_product(number in 0_u64..1 << 40, two in 0_usize..6, ten in 3_usize..10) {
            let (word, doublings) = BINARY[two];
            let most = u128::from(i64::MAX.unsigned_abs());
            let product = u128::from(number) << doublings;
            prop_assert_eq!(bytes(&format!("{number}{word}")).map(u128::from), Ok(product.min(most)));
            let (word, exponent) = DECIMAL[ten];
            let product = u128::from(number) * 10_u128.pow(exponent.unsigned_abs());
            prop_assert_eq!(bytes(&format!("{number}{word}")).map(u128::from), Ok(product.min(most)));
        }

        #[test]
        fn a_fraction_is_its_ceiling(whole in 0_u64..1 << 20, thousandths in 0_u32..1000, two in 0_usize..4) {
            let (word, doublings) = BINARY[two];
            let exact = (u128::from(whole) * 1000 + u128::from(thousandths)) << doublings;
            let expect = exact.div_ceil(1000);
            prop_assert_eq!(bytes(&format!("{whole}.{thousandths:03}{word}")).map(u128::from), Ok(expect));
            let milli = u64::from(thousandths) + whole * 1000;
            prop_assert_eq!(bytes(&format!("{milli}m")), Ok(milli.div_ceil(1000)));
        }

        #[test]
        fn no_text_upsets_it(text in ".{0,80}", likely in "[-+]?[0-9.]{0,70}[eEnumkMGTPKi]{0,3}[-+]?[0-9]{0,12}") {
            for text in [text, likely] {
                if let Ok(bytes) = bytes(&text) {
                    prop_assert!(bytes <= i64::MAX.unsigned_abs());
                }
            }
        }
    }
}
