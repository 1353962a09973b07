//! What is drawn at random: keys, tokens, ids.

use crate::store::StoreError;
use highwater_rules::sign::{KEY_BYTES, hex};

/// What an administrator's token begins with.
pub const ADMIN_PREFIX: &str = "hwa_";
/// What a service token begins with.
pub const SERVICE_PREFIX: &str = "hws_";
const BEARER_BYTES: usize = 24;

/// Random bytes of the system.
///
/// # Errors
/// When the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Random(e.to_string()))?;
    Ok(bytes)
}

/// The seed of a new key.
///
/// # Errors
/// When the system gives no random numbers.
pub fn seed() -> Result<[u8; KEY_BYTES], StoreError> {
    random()
}

/// A new random UUID (RFC 9562, version 4).
///
/// # Errors
/// When the system gives no random numbers.
pub fn uuid() -> Result<String, StoreError> {
    let bits = u128::from_be_bytes(random()?);
    // Version 4, and the variant of the RFC.
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let digits = hex(&bits.to_be_bytes());
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text)
}

/// A new token of the administration, as its owner sees it.
///
/// # Errors
/// When the system gives no random numbers.
pub fn admin_token() -> Result<String, StoreError> {
    Ok(format!("{ADMIN_PREFIX}{}", hex(&random::<BEARER_BYTES>()?)))
}

/// A new service token, as its owner sees it.
///
/// # Errors
/// When the system gives no random numbers.
pub fn service_token() -> Result<String, StoreError> {
    Ok(format!("{SERVICE_PREFIX}{}", hex(&random::<BEARER_BYTES>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4_and_never_the_same() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        for id in [one, other] {
            assert!(highwater_rules::report::is_uuid(&id), "{id}");
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
