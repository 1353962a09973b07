//! What central answered to an export: receipts that were carried here by hand, held against the export and the trusted key.
//!
//! Nothing of an export is kept while it is away. Its nonce says when it was made, on the instance's own time, under the identity
//! key's signature: so an answer tells by itself how old it is at most, however long it was on its way.

use crate::chain::Digest;
use crate::receipt::{AnswerError, Fate, Sent, fate, offered, unreadable};
use crate::sign::{Identity, PublicKey};
use crate::trust;
use highwater_proto::v1::{Answer, Envelope, Kind, Receipt};
use prost::Message as _;
use std::collections::BTreeMap;

/// Bytes of an export's nonce.
pub const NONCE_BYTES: usize = 32;
/// Random bytes in it.
pub const RANDOM_BYTES: usize = 8;
const PLAIN_BYTES: usize = 8 + RANDOM_BYTES;

/// The nonce of an export: the instance's time (unix milliseconds, 8 bytes, big-endian), random bytes, and the first 16 bytes of the
/// identity key's signature over both.
#[must_use]
pub fn nonce(
    exported_ms: i64,
    random: [u8; RANDOM_BYTES],
    instance: &str,
    identity: &Identity,
) -> [u8; NONCE_BYTES] {
    let mut plain = [0; PLAIN_BYTES];
    let (time, rest) = plain.split_at_mut(8);
    time.copy_from_slice(&exported_ms.to_be_bytes());
    rest.copy_from_slice(&random);
    let mut nonce = [0; NONCE_BYTES];
    let (head, seal) = nonce.split_at_mut(PLAIN_BYTES);
    head.copy_from_slice(&plain);
    seal.copy_from_slice(&sealed(&plain, instance, identity));
    nonce
}

/// When the export of a nonce was made, on the instance's own time, in unix milliseconds; `None` where the nonce is not one of this
/// instance's and key's.
#[must_use]
pub fn exported_ms(nonce: &[u8], instance: &str, identity: &Identity) -> Option<i64> {
    let (plain, seal) = nonce.split_first_chunk::<PLAIN_BYTES>()?;
    let (time, _) = plain.split_first_chunk::<8>()?;
    (sealed(plain, instance, identity) == seal).then(|| i64::from_be_bytes(*time))
}

fn sealed(plain: &[u8; PLAIN_BYTES], instance: &str, identity: &Identity) -> [u8; NONCE_BYTES - PLAIN_BYTES] {
    let bytes = [b"highwater export 1\n", instance.as_bytes(), plain].concat();
    let mut seal = [0; NONCE_BYTES - PLAIN_BYTES];
    // Of 64 bytes, 16: nobody can make them without the key, and the same bytes always get the same.
    seal.iter_mut().zip(identity.sign_bytes(&bytes)).for_each(|(to, from)| *to = from);
    seal
}

/// What an instance knows when answers are carried to it.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    /// Its id.
    pub instance: &'a str,
    /// Its key.
    pub identity: &'a Identity,
    /// Central's keys: the pinned one first, and behind it those before it.
    pub keys: &'a [&'a PublicKey],
}

/// Answers that are believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// When the export was made, on the instance's own time, in unix milliseconds.
    pub exported_ms: i64,
    /// Central's clock at the last of the answers, in unix seconds.
    pub answered_at: i64,
    /// What became of the reports, by their numbers.
    pub fates: BTreeMap<u64, Fate>,
    /// Outcomes of reports that this instance does not know: nothing of them counts.
    pub unknown: u64,
    /// The newest receipt, and central's clock at its answer, in unix seconds.
    pub newest: Option<(Receipt, i64)>,
    /// Licences that central offers, each a compact JWT. Nothing of them is checked yet.
    pub licences: Vec<String>,
    /// The key that signed: to be pinned from now on.
    pub key: PublicKey,
}

/// Reads the answers to an export, all with its `nonce`, and the successions that came with them. `sequence_of` gives the number of
/// the report with a digest, where the instance knows it.
///
/// # Errors
/// When an answer is not signed by the key that the successions lead to from the pinned one, is to no export of this instance, or has
/// a receipt for another report or instance. Nothing of any of them then counts.
pub fn believe(
    answers: &[Envelope],
    successions: &[Envelope],
    nonce: &[u8],
    own: Own<'_>,
    sequence_of: impl Fn(&Digest) -> Option<u64>,
) -> Result<Carried, AnswerError> {
    let exported_ms = exported_ms(nonce, own.instance, own.identity).ok_or(AnswerError::Nonce)?;
    let pinned = own.keys.first().ok_or_else(|| AnswerError::Malformed("no key is pinned".to_owned()))?;
    let key = trust::follow(pinned, successions)?;
    let mut carried = Carried {
        exported_ms,
        answered_at: i64::MIN,
        fates: BTreeMap::new(),
        unknown: 0,
        newest: None,
        licences: Vec::new(),
        key: key.clone(),
    };
    let signer = |envelope: &Envelope| signer(envelope, &key, successions, own.keys);
    for envelope in answers {
        let answer = Answer::decode(key.open(envelope, Kind::Answer)?).map_err(unreadable)?;
        if answer.nonce != nonce {
            return Err(AnswerError::Nonce);
        }
        carried.answered_at = carried.answered_at.max(answer.answered_at);
        carried.licences.extend(answer.licences);
        for outcome in answer.outcomes {
            let digest = outcome.report_digest.as_slice().try_into().map(Digest);
            let digest = digest.map_err(|_| AnswerError::Outcomes)?;
            let Some(sequence) = sequence_of(&digest) else {
                carried.unknown += 1;
                continue;
            };
            let sent = Sent { instance: own.instance.to_owned(), sequence, digest };
            let fate = fate(outcome.result, &sent, signer)?;
            carried.settle(sequence, fate, answer.answered_at);
        }
    }
    carried.licences = offered(carried.licences);
    Ok(carried)
}

impl Carried {
    fn settle(&mut self, sequence: u64, fate: Fate, answered_at: i64) {
        if let Fate::Receipted { receipt, .. } = &fate {
            let age = |receipt: &Receipt, answered_at: i64| (receipt.received_at, answered_at);
            let newest = self.newest.as_ref().map(|(newest, answered_at)| age(newest, *answered_at));
            if newest.is_none_or(|newest| newest <= age(receipt, answered_at)) {
                self.newest = Some((receipt.clone(), answered_at));
            }
        }
        // Told twice, the receipt counts: what central took it does not lose.
        if !matches!(self.fates.get(&sequence), Some(Fate::Receipted { .. })) {
            self.fates.insert(sequence, fate);
        }
    }
}

/// The key that a receipt must be of: the answer's, one before it that the successions name, or an older one of the line that is
/// known. The answer around it is signed by the newest of them.
fn signer(
    envelope: &Envelope,
    key: &PublicKey,
    successions: &[Envelope],
    keys: &[&PublicKey],
) -> Result<PublicKey, AnswerError> {
    let is_of = |key: &PublicKey| envelope.key_id == key.id().0;
    if is_of(key) {
        return Ok(key.clone());
    }
    if let Some(older) = keys.iter().find(|key| is_of(key)) {
        return Ok((*older).clone());
    }
    let upto: Vec<Envelope> =
        successions.iter().take_while(|s| s.key_id != envelope.key_id).cloned().collect();
    let pinned = keys.first().ok_or(AnswerError::Nonce)?;
    Ok(trust::follow(pinned, &upto)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{SealError, sha256};
    use highwater_proto::v1::{Outcome, Refusal, Succession, Terms, outcome};
    use proptest::prelude::*;

    const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
    const OTHER: &str = "1f8fad5b-d9cb-469f-a165-70867728950e";

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn handover(from: u8, to: u8) -> Envelope {
        let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
        key(from).seal(Kind::Succession, succession.encode_to_vec())
    }

    fn digest(sequence: u64) -> Digest {
        sha256(format!("report {sequence}").as_bytes())
    }

    fn receipt(sequence: u64, received_at: i64) -> Receipt {
        Receipt {
            instance: INSTANCE.to_owned(),
            sequence,
            report_digest: digest(sequence).0.to_vec(),
            received_at,
            identity: INSTANCE.to_owned(),
            terms: Some(Terms { contract: "c".to_owned(), contract_end: 0, grace_s: 7_776_000 }),
        }
    }

    fn taken(signer: u8, receipt: &Receipt) -> Outcome {
        let envelope = key(signer).seal(Kind::Receipt, receipt.encode_to_vec());
        let result = Some(outcome::Result::Receipt(envelope));
        Outcome { report_digest: receipt.report_digest.clone(), result }
    }

    fn refused(sequence: u64) -> Outcome {
        let refusal = Refusal { reason: 1, message: "no".to_owned(), for_good: true };
        let result = Some(outcome::Result::Refusal(refusal));
        Outcome { report_digest: digest(sequence).0.to_vec(), result }
    }

    fn answer(signer: u8, nonce: &[u8], answered_at: i64, outcomes: Vec<Outcome>) -> Envelope {
        let licences = vec!["a.b.c".to_owned()];
        let answer = Answer { nonce: nonce.to_vec(), answered_at, outcomes, licences };
        key(signer).seal(Kind::Answer, answer.encode_to_vec())
    }

    fn own_nonce() -> [u8; NONCE_BYTES] {
        nonce(1_795_000_000_123, [5; 8], INSTANCE, &key(9))
    }

    /// An instance with key 9 that knows reports 1 to 3, and has pinned central's key `pinned` after those before it.
    fn check(answers: &[Envelope], successions: &[Envelope], pinned: u8) -> Result<Carried, AnswerError> {
        let line: Vec<PublicKey> = (1..=pinned).rev().map(|n| key(n).public()).collect();
        let keys: Vec<&PublicKey> = line.iter().collect();
        let own = Own { instance: INSTANCE, identity: &key(9), keys: &keys };
        believe(answers, successions, &own_nonce(), own, |found| (1..=3).find(|n| digest(*n) == *found))
    }

    #[test]
    fn answers_that_were_carried_are_believed_and_those_of_strangers_reports_passed_over() {
        let strangers = Receipt { instance: OTHER.to_owned(), ..receipt(7, 900) };
        let answers = [
            answer(1, &own_nonce(), 200, vec![taken(1, &receipt(1, 100)), taken(1, &receipt(3, 150))]),
            answer(1, &own_nonce(), 201, vec![refused(2), taken(1, &strangers), refused(1)]),
        ];
        let carried = check(&answers, &[], 1).unwrap();
        assert_eq!((carried.exported_ms, carried.answered_at, carried.unknown), (1_795_000_000_123, 201, 1));
        assert!(matches!(carried.fates[&1], Fate::Receipted { .. }), "what was taken is not lost");
        assert!(matches!(carried.fates[&2], Fate::Refused { for_good: true, .. }));
        assert_eq!(carried.fates.len(), 3);
        assert_eq!(carried.newest, Some((receipt(3, 150), 200)));
        assert_eq!(carried.licences, ["a.b.c"; 2]);
    }

    #[test]
    fn an_answer_to_another_export_is_not_believed() {
        let good = vec![taken(1, &receipt(1, 100))];
        for nonce in [
            nonce(1_795_000_000_123, [6; 8], INSTANCE, &key(9)),
            nonce(1_795_000_000_123, [5; 8], OTHER, &key(9)),
            nonce(1_795_000_000_123, [5; 8], INSTANCE, &key(8)),
        ] {
            let result = check(&[answer(1, &nonce, 200, good.clone())], &[], 1);
            assert_eq!(result.unwrap_err(), AnswerError::Nonce);
        }
        let later = exported_ms(&own_nonce(), INSTANCE, &key(9)).unwrap() + 1;
        let mut moved = own_nonce();
        moved[..8].copy_from_slice(&later.to_be_bytes());
        assert_eq!(exported_ms(&moved, INSTANCE, &key(9)), None, "nobody can say it was made later");
    }

    #[test]
    fn one_bad_receipt_or_signature_and_nothing_counts() {
        let with = |outcome: Outcome| {
            check(&[answer(1, &own_nonce(), 200, vec![taken(1, &receipt(1, 100)), outcome])], &[], 1)
        };
        assert!(with(taken(1, &receipt(2, 100))).is_ok());
        assert_eq!(with(taken(2, &receipt(2, 100))).unwrap_err(), AnswerError::Signature(SealError::Key));
        let told = |instance: &str, sequence| {
            let receipt = Receipt { instance: instance.to_owned(), sequence, ..receipt(2, 100) };
            with(taken(1, &receipt)).unwrap_err()
        };
        assert!(matches!(told(OTHER, 2), AnswerError::Foreign(_)));
        assert!(matches!(told(INSTANCE, 1), AnswerError::Foreign(_)));
        let of_another = answer(2, &own_nonce(), 200, vec![]);
        assert_eq!(check(&[of_another], &[], 1).unwrap_err(), AnswerError::Signature(SealError::Key));
        let good = answer(1, &own_nonce(), 200, vec![taken(1, &receipt(1, 100))]);
        for at in 0..good.payload.len() {
            let mut altered = good.clone();
            altered.payload[at] ^= 1;
            assert!(check(&[altered], &[], 1).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_key_that_changed_on_the_way_is_followed_and_an_older_one_can_not_come_back() {
        let line = [handover(1, 2)];
        let answers =
            [answer(2, &own_nonce(), 200, vec![taken(1, &receipt(1, 90)), taken(2, &receipt(2, 100))])];
        assert_eq!(check(&answers, &line, 1).unwrap().key, key(2).public());
        assert_eq!(check(&answers, &line, 2).unwrap().fates.len(), 2, "imported again");
        assert!(check(&answers, &[], 1).is_err(), "nothing leads there");
        let older = [answer(1, &own_nonce(), 200, vec![])];
        assert_eq!(check(&older, &line, 2).unwrap_err(), AnswerError::Signature(SealError::Key));
    }

    proptest! {
        #[test]
        fn a_nonce_tells_when_and_no_other_bytes_do(at in any::<i64>(), random in any::<[u8; 8]>(), flip in 0usize..NONCE_BYTES, with in 1u8..) {
            let mut made = nonce(at, random, INSTANCE, &key(9));
            prop_assert_eq!(exported_ms(&made, INSTANCE, &key(9)), Some(at));
            prop_assert_eq!(exported_ms(&made[..31], INSTANCE, &key(9)), None);
            made[flip] ^= with;
            prop_assert_eq!(exported_ms(&made, INSTANCE, &key(9)), None);
        }
    }
}
