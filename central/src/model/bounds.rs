//! What a contract may say: every outside input has its bounds, whichever way it comes.

use super::{Contract, ContractChange, ContractStatus, Mode};
use highwater_rules::licence::Limits;
use highwater_rules::slot::SlotLength;

/// The longest name of a product, a customer or a tier, in characters.
const NAME_MAX_CHARS: usize = 200;
/// The longest e-mail address, in bytes (RFC 5321).
const EMAIL_MAX_BYTES: usize = 254;
/// The most features that a contract unlocks: a licence has to name all of them.
const FEATURES_MAX: usize = 32;
/// The longest name of a feature, in characters.
const FEATURE_MAX_CHARS: usize = 64;
/// The largest limit: what every reader of JSON keeps exactly.
const LIMIT_MAX: u64 = (1 << 53) - 1;
/// The longest period that a contract may set, in seconds: ten years.
const PERIOD_MAX_S: u64 = 3650 * 86_400;
/// The shortest term of a licence, in seconds.
const TERM_MIN_S: u64 = 60;
/// The longest slot, in seconds: as the agents' configuration has it.
const SLOT_MAX_S: u64 = 3600;

/// Moments lie before this, in unix seconds: the year 10000.
const MOMENT_END_S: i64 = 253_402_300_800;

impl Contract {
    /// Whether each thing that it says is within its bounds.
    ///
    /// # Errors
    /// The first thing that is not, and what is wanted in its place.
    pub fn check(&self) -> Result<(), String> {
        name("product", &self.product)?;
        name("customer", &self.customer)?;
        for (what, seconds) in [("grace_s", self.grace_s), ("block_unconfirmed_s", self.block_unconfirmed_s)]
        {
            if !(1..=PERIOD_MAX_S).contains(&seconds) {
                return Err(format!("{what}: 1 second to ten years is wanted"));
            }
        }
        self.email.as_deref().map_or(Ok(()), email)?;
        features(&self.features)?;
        limits(&self.limits)?;
        if self.licence_term_s.is_some_and(|term| !(TERM_MIN_S..=PERIOD_MAX_S).contains(&term)) {
            return Err(format!("licence_term_s: {TERM_MIN_S} seconds to ten years is wanted"));
        }
        if self.slot_s.is_some_and(|slot| !(1..=SLOT_MAX_S).contains(&slot)) {
            return Err("slot_s: 1 second to 1 hour is wanted".to_owned());
        }
        Ok(())
    }

    /// Whether what it says fits together, and into a licence.
    ///
    /// # Errors
    /// What does not.
    pub fn check_together(&self) -> Result<(), String> {
        for (what, at) in [("not_before", self.not_before), ("not_after", self.not_after)] {
            if at.is_some_and(|at| !(1..MOMENT_END_S).contains(&at)) {
                return Err(format!("{what}: a moment from 1970 to 9999 is wanted"));
            }
        }
        if self.not_before.zip(self.not_after).is_some_and(|(begin, end)| end <= begin) {
            return Err("not_after: the contract would end before it begins".to_owned());
        }
        if self.slot_s.is_some_and(|slot| SlotLength::new(slot).is_err()) {
            return Err("slot_s: a day is no whole number of such slots: 60, 300 or 900 fit".to_owned());
        }
        Ok(())
    }
}

impl ContractChange {
    /// Whether each thing that it changes is within its bounds.
    ///
    /// # Errors
    /// The first thing that is not, and what is wanted in its place.
    pub fn check(&self) -> Result<(), String> {
        // Put into a contract that has nothing wrong, only what is in the change can be.
        self.clone().applied(&plain()).check()
    }
}

/// A contract that says as little as one can.
fn plain() -> Contract {
    Contract {
        id: String::new(),
        product: "-".to_owned(),
        customer: "-".to_owned(),
        status: ContractStatus::Active,
        mode: Mode::Online,
        not_before: None,
        not_after: None,
        grace_s: 1,
        block_unconfirmed_s: 1,
        email: None,
        features: Vec::new(),
        limits: Limits::default(),
        licence_term_s: None,
        slot_s: None,
        created_at: 0,
    }
}

fn name(what: &str, text: &str) -> Result<(), String> {
    let fits = (1..=NAME_MAX_CHARS).contains(&text.chars().count());
    if fits && !text.starts_with(' ') && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(format!(
        "{what}: a name of 1 to {NAME_MAX_CHARS} characters is wanted, without control characters, and no space in front"
    ))
}

/// An address of one `@`; whether anyone reads what is sent there, only sending tells. Domains of other alphabets are written in
/// ASCII (`xn--…`), as on the wire.
fn email(text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('@').collect();
    let fits = parts.len() == 2 && parts.iter().all(|part| !part.is_empty());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= EMAIL_MAX_BYTES {
        return Ok(());
    }
    Err(format!("email: NAME@DOMAIN is wanted, in up to {EMAIL_MAX_BYTES} letters of ASCII without spaces"))
}

fn features(names: &[String]) -> Result<(), String> {
    if names.len() > FEATURES_MAX {
        return Err(format!("features: {FEATURES_MAX} at the most are wanted"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    for (at, name) in names.iter().enumerate() {
        if !(1..=FEATURE_MAX_CHARS).contains(&name.len()) || !name.chars().all(plain) {
            return Err(format!(
                "features: names of 1 to {FEATURE_MAX_CHARS} letters, digits, `.`, `_` and `-` are wanted"
            ));
        }
        if names.iter().take(at).any(|other| other == name) {
            return Err(format!("features: {name} is there twice"));
        }
    }
    Ok(())
}

fn limits(limits: &Limits) -> Result<(), String> {
    let numbers = [
        ("limits.ram_bytes", limits.ram_bytes),
        ("limits.throughput_bps", limits.throughput_bps),
        ("limits.ssl_tps", limits.ssl_tps),
    ];
    for (what, number) in numbers {
        if number.is_some_and(|number| !(1..=LIMIT_MAX).contains(&number)) {
            return Err(format!("{what}: a number from 1 to 2^53 - 1 is wanted"));
        }
    }
    limits.throughput_tier.as_deref().map_or(Ok(()), |tier| name("limits.throughput_tier", tier))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(good: bool, change: impl FnOnce(&mut Contract)) {
        let mut contract = plain();
        change(&mut contract);
        let told = contract.check().and_then(|()| contract.check_together());
        assert_eq!(told.is_ok(), good, "{told:?} {contract:?}");
    }

    #[test]
    fn an_address_has_one_at_sign_between_two_parts_and_no_commands_to_a_terminal() {
        for good in ["ops@example.com", "o'neil+1@xn--bcher-kva.example", "a@b"] {
            check(true, |c| c.email = Some(good.to_owned()));
        }
        let long = format!("{}@example.com", "x".repeat(243));
        for wrong in ["", "@", "a@", "@b", "ab", "a@b@c", "a@@b", "a b@c", "a@b\n", "a\u{7}@b", "ä@b", &long]
        {
            check(false, |c| c.email = Some(wrong.to_owned()));
        }
    }

    #[test]
    fn features_are_plain_words_each_named_once() {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        check(true, |c| c.features = named(&["waf", "Geo-IP_2.0"]));
        check(true, |c| c.features = (0..32).map(|n| format!("{n:064}")).collect());
        check(false, |c| c.features = (0..33).map(|n| n.to_string()).collect());
        check(false, |c| c.features = vec!["x".repeat(65)]);
        for wrong in [&["waf", "waf"][..], &[""], &["a b"], &["a\n"], &["ä"]] {
            check(false, |c| c.features = named(wrong));
        }
    }

    #[test]
    fn numbers_have_both_their_ends() {
        for (good, term) in [(false, 59), (true, 60), (true, 315_360_000), (false, 315_360_001)] {
            check(good, |c| c.licence_term_s = Some(term));
        }
        for (good, slot) in [(false, 0), (true, 1), (false, 7), (true, 300), (true, 3600), (false, 7200)] {
            check(good, |c| c.slot_s = Some(slot));
        }
        for (good, limit) in [(false, 0), (true, 1), (true, LIMIT_MAX), (false, LIMIT_MAX + 1)] {
            check(good, |c| c.limits.ram_bytes = Some(limit));
            check(good, |c| c.limits.throughput_bps = Some(limit));
            check(good, |c| c.limits.ssl_tps = Some(limit));
        }
        check(false, |c| c.limits.throughput_tier = Some(String::new()));
        check(false, |c| (c.not_before, c.not_after) = (Some(2), Some(2)));
        check(true, |c| (c.not_before, c.not_after) = (Some(2), Some(3)));
    }
}
