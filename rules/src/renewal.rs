//! Renewing a licence: when an agent asks for another one, and central's answer, held to what was asked and to the key that is
//! trusted.

use crate::licence::{Claims, Mode, Status, renewal_wanted_from};
use crate::receipt::{AnswerError, unreadable};
use crate::retry::{SPLAY_S, splay};
use crate::sign::PublicKey;
use crate::trust;
use highwater_proto::v1::{Kind, LicenceAnswer, LicenceResponse, licence_answer, licence_refusal};
use prost::Message as _;

/// The longest message of a refusal that is kept, in characters.
const MESSAGE_MAX: usize = 300;

/// How long until an agent asks central for a licence, in seconds; 0 where it is time. `None` where it does not ask by itself: an
/// offline licence is carried in. `now_s` is a moment of the instance's own time.
///
/// The asking of a fleet whose licences were issued together is spread over an hour, or over a quarter of what is left of a short one.
#[must_use]
pub fn wait_s(licence: Option<&Claims>, instance: &str, now_s: i64) -> Option<i64> {
    match licence {
        // What was taken back may be given again.
        None => Some(0),
        Some(claims) if claims.status == Status::Revoked => Some(0),
        Some(claims) if claims.mode == Mode::Offline => None,
        Some(claims) => {
            let wanted = renewal_wanted_from(claims);
            let left = claims.expires_at.saturating_sub(wanted).max(0);
            let at = wanted.saturating_add(splay(instance, SPLAY_S.min(left / 4)));
            Some(at.saturating_sub(now_s).max(0))
        }
    }
}

/// An answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Central's clock, in unix seconds.
    pub answered_at: i64,
    /// What central gave.
    pub outcome: Outcome,
    /// The key that signed: to be pinned from now on.
    pub key: PublicKey,
}

/// What central gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A licence, as a compact JWT. Nothing of it is checked yet.
    Licence(String),
    /// None.
    Refused {
        /// Why.
        reason: licence_refusal::Reason,
        /// The same, for the operator.
        message: String,
        /// From when on it may be asked again, in unix seconds; only where it was too early.
        allowed_from: Option<i64>,
    },
}

/// Reads the answer to a request for a licence.
///
/// # Errors
/// When it is not signed by a trusted key, is not to this request, or says nothing.
pub fn believe(body: &[u8], pinned: &PublicKey, nonce: &[u8]) -> Result<Renewed, AnswerError> {
    let response = LicenceResponse::decode(body).map_err(unreadable)?;
    let key = trust::follow(pinned, &response.successions)?;
    let envelope = response.answer.ok_or_else(|| AnswerError::Malformed("it is empty".to_owned()))?;
    let payload = key.open(&envelope, Kind::LicenceAnswer)?;
    let answer = LicenceAnswer::decode(payload).map_err(unreadable)?;
    if answer.nonce != nonce {
        return Err(AnswerError::Nonce);
    }
    let outcome = match answer.result {
        Some(licence_answer::Result::Licence(token)) => Outcome::Licence(token),
        Some(licence_answer::Result::Refusal(refusal)) => {
            let reason = refusal.reason();
            let is_early = reason == licence_refusal::Reason::Early;
            Outcome::Refused {
                reason,
                message: refusal.message.chars().filter(|c| !c.is_control()).take(MESSAGE_MAX).collect(),
                allowed_from: is_early.then_some(refusal.allowed_from),
            }
        }
        None => return Err(AnswerError::Malformed("it holds neither a licence nor a refusal".to_owned())),
    };
    Ok(Renewed { answered_at: answer.answered_at, outcome, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::licence::{Limits, Subject};
    use crate::sign::{Identity, SealError};
    use highwater_proto::v1::{Envelope, LicenceRefusal, Succession};

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn handover(from: u8, to: u8) -> Envelope {
        let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
        key(from).seal(Kind::Succession, succession.encode_to_vec())
    }

    fn answer(
        signer: u8,
        kind: Kind,
        nonce: &[u8],
        result: Option<licence_answer::Result>,
        successions: Vec<Envelope>,
    ) -> Vec<u8> {
        let answer = LicenceAnswer { nonce: nonce.to_vec(), answered_at: 100, result };
        let answer = Some(key(signer).seal(kind, answer.encode_to_vec()));
        LicenceResponse { answer, successions }.encode_to_vec()
    }

    fn licence_of(issued_at: i64, expires_at: i64) -> Claims {
        Claims {
            id: "l-1".to_owned(),
            issued_at,
            not_before: issued_at,
            expires_at,
            subject: Subject::Instance("i".to_owned()),
            identity: "i".to_owned(),
            contract: "c".to_owned(),
            product: "p".to_owned(),
            customer: "k".to_owned(),
            email: None,
            mode: Mode::Online,
            status: Status::Active,
            features: vec![],
            limits: Limits::default(),
            grace_s: 7_776_000,
            slot_s: None,
            contract_end: None,
        }
    }

    #[test]
    fn a_licence_is_asked_for_in_its_last_days_or_where_there_is_none() {
        const DAY_S: i64 = 86_400;
        let ten_days = licence_of(1000, 1000 + 10 * DAY_S);
        let wanted = 1000 + 7 * DAY_S;
        let spread = splay("i", SPLAY_S);
        assert!(spread > 0, "another instance's turn shows more");
        for (licence, now_s, expect) in [
            (None, 5, Some(0)),
            (Some(&ten_days), 1000, Some(7 * DAY_S + spread)),
            (Some(&ten_days), wanted, Some(spread)),
            (Some(&ten_days), wanted + spread, Some(0)),
            (Some(&ten_days), wanted + 90 * DAY_S, Some(0)),
            (Some(&Claims { mode: Mode::Offline, ..ten_days.clone() }), wanted, None),
            (Some(&Claims { mode: Mode::Offline, ..ten_days.clone() }), i64::MAX, None),
            (Some(&Claims { status: Status::Revoked, expires_at: 1000, ..ten_days.clone() }), 1000, Some(0)),
        ] {
            assert_eq!(wait_s(licence, "i", now_s), expect, "{licence:?} at {now_s}");
        }
    }

    #[test]
    fn a_short_licence_is_asked_for_well_before_its_end_and_never_before_central_would_renew_it() {
        for term in [1, 2, 3, 5, 60, 600, 86_400, 3 * 86_400] {
            let licence = licence_of(1000, 1000 + term);
            for n in 0..50 {
                let at = 1000 + wait_s(Some(&licence), &format!("instance-{n}"), 1000).unwrap();
                let allowed = crate::licence::renewal_allowed_from(&licence);
                assert!(at >= allowed && at - allowed <= (1000 + term - allowed) / 4, "{term}: {at}");
            }
        }
    }

    fn check(body: &[u8]) -> Result<Renewed, AnswerError> {
        believe(body, &key(1).public(), b"nonce")
    }

    fn licence() -> Option<licence_answer::Result> {
        Some(licence_answer::Result::Licence("a.b.c".to_owned()))
    }

    #[test]
    fn a_licence_that_the_pinned_key_answered_with_is_believed() {
        let good = answer(1, Kind::LicenceAnswer, b"nonce", licence(), vec![]);
        let outcome = Outcome::Licence("a.b.c".to_owned());
        assert_eq!(check(&good), Ok(Renewed { answered_at: 100, outcome, key: key(1).public() }));
        let handed_over = answer(2, Kind::LicenceAnswer, b"nonce", licence(), vec![handover(1, 2)]);
        assert_eq!(check(&handed_over).unwrap().key, key(2).public());
        for at in 0..good.len() {
            let mut altered = good.clone();
            altered[at] ^= 1;
            assert!(check(&altered).is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_answer_of_another_key_kind_or_request_is_not() {
        let of = |signer, kind, nonce: &[u8], result| check(&answer(signer, kind, nonce, result, vec![]));
        let kind = Kind::LicenceAnswer;
        assert_eq!(of(1, kind, b"older", licence()).unwrap_err(), AnswerError::Nonce);
        assert_eq!(of(2, kind, b"nonce", licence()).unwrap_err(), AnswerError::Signature(SealError::Key));
        assert_eq!(
            of(1, Kind::Answer, b"nonce", licence()).unwrap_err(),
            AnswerError::Signature(SealError::Kind)
        );
        assert!(matches!(of(1, kind, b"nonce", None).unwrap_err(), AnswerError::Malformed(_)));
        let forged = answer(2, kind, b"nonce", licence(), vec![handover(9, 2)]);
        assert_eq!(check(&forged).unwrap_err(), AnswerError::Signature(SealError::Key));
        assert!(matches!(check(b"nonsense").unwrap_err(), AnswerError::Malformed(_)));
        assert!(matches!(check(b"").unwrap_err(), AnswerError::Malformed(_)));
    }

    #[test]
    fn a_refusal_tells_from_when_on_only_where_it_was_too_early() {
        let refused = |reason: licence_refusal::Reason| {
            let message = format!("no\u{1b}[2J{}", "x".repeat(400));
            let refusal = LicenceRefusal { reason: reason as i32, message, allowed_from: 7 };
            let refusal = Some(licence_answer::Result::Refusal(refusal));
            check(&answer(1, Kind::LicenceAnswer, b"nonce", refusal, vec![])).unwrap().outcome
        };
        for (reason, expect) in
            [(licence_refusal::Reason::Early, Some(7)), (licence_refusal::Reason::Contract, None)]
        {
            let Outcome::Refused { reason: told, message, allowed_from } = refused(reason) else {
                panic!("no refusal")
            };
            assert_eq!((told, allowed_from, message.len()), (reason, expect, MESSAGE_MAX));
            assert!(message.starts_with("no[2J"));
        }
    }
}
