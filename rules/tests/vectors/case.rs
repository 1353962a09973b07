//! What a vector is: bytes, what the reader knows, and what it must say.

use highwater_proto::v1::{Envelope, Kind};
use highwater_rules::receipt::AnswerError;
use highwater_rules::sign::{Identity, PublicKey, SealError, hex};
use highwater_rules::trust::TrustError;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// All vectors of one message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) about: String,
    pub(crate) message: String,
    pub(crate) keys: BTreeMap<String, Key>,
    pub(crate) cases: Vec<Case>,
}

/// A key whose secret is public: for tests only.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) seed: String,
    pub(crate) public: String,
    pub(crate) fingerprint: String,
    pub(crate) id: String,
}

/// One vector.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) verdict: String,
    /// What the reader knows beforehand.
    pub(crate) given: Value,
    /// The bytes in hexadecimal, or a list of such, or a text.
    pub(crate) input: Value,
    /// What the reader learns; null unless the verdict is `ok`.
    pub(crate) result: Value,
}

/// What a reader says: its verdict, and what it learnt.
pub(crate) type Said = (&'static str, Value);

/// A verdict against.
pub(crate) fn no(verdict: &'static str) -> Said {
    (verdict, Value::Null)
}

/// The signers of all vectors.
pub(crate) const SIGNERS: [(&str, u8); 4] = [("agent", 1), ("central", 2), ("next", 3), ("stranger", 4)];

/// The key of a name.
pub(crate) fn signer(name: &str) -> Identity {
    let (_, seed) = SIGNERS.iter().find(|(one, _)| *one == name).unwrap();
    Identity::from_seed(&[*seed; 32])
}

/// A file of cases; each is made as (name, verdict, given, input), and judged once to learn what its reader learns.
pub(crate) fn file(
    message: &str,
    about: &str,
    judge: fn(&Value, &Value) -> Said,
    cases: Vec<(&str, &str, Value, Value)>,
) -> File {
    let key = |(name, seed): &(&str, u8)| {
        let public = signer(name).public();
        let key = Key {
            seed: hex(&[*seed; 32]),
            public: hex(&public.bytes()),
            fingerprint: public.fingerprint().hex(),
            id: public.id().hex(),
        };
        ((*name).to_owned(), key)
    };
    let case = |(name, verdict, given, input): (&str, &str, Value, Value)| Case {
        name: name.to_owned(),
        verdict: verdict.to_owned(),
        result: judge(&given, &input).1,
        given,
        input,
    };
    File {
        about: about.to_owned(),
        message: message.to_owned(),
        keys: SIGNERS.iter().map(key).collect(),
        cases: cases.into_iter().map(case).collect(),
    }
}

/// The bytes of a hexadecimal text.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// A key that a case gives.
pub(crate) fn key(value: &Value) -> Option<PublicKey> {
    PublicKey::from_slice(&unhex(value))
}

/// A message in hexadecimal.
pub(crate) fn wire(message: &impl prost::Message) -> Value {
    hex(&message.encode_to_vec()).into()
}

/// The verdict that an error of a signature stands for.
pub(crate) fn seal_verdict(error: SealError) -> &'static str {
    match error {
        SealError::Kind => "kind",
        SealError::Key => "key",
        SealError::Signature => "signature",
    }
}

/// The verdict that an error of the line of keys stands for.
pub(crate) fn trust_verdict(error: &TrustError) -> &'static str {
    match error {
        TrustError::Fingerprint { .. } => "fingerprint",
        TrustError::NoKey => "no_key",
        TrustError::Succession(_) => "succession",
        TrustError::Malformed => "malformed",
        TrustError::TooMany => "too_many",
    }
}

/// The verdict that an error of an answer stands for.
pub(crate) fn answer_verdict(error: &AnswerError) -> &'static str {
    match error {
        AnswerError::Malformed(_) => "malformed",
        AnswerError::Signature(error) => seal_verdict(*error),
        AnswerError::Trust(error) => trust_verdict(error),
        AnswerError::Nonce => "nonce",
        AnswerError::Outcomes => "outcomes",
        AnswerError::Foreign(_) => "foreign",
    }
}

/// The payload with one bit of its last byte changed, so that it can still be read.
pub(crate) fn altered(envelope: &Envelope) -> Envelope {
    let mut altered = envelope.clone();
    *altered.payload.last_mut().unwrap() ^= 1;
    altered
}

/// Everything that is done to an envelope of `kind`, signed by `by`, to pass it for another.
pub(crate) fn forged(by: &str, kind: Kind, payload: &[u8]) -> Vec<(&'static str, &'static str, Value)> {
    let good = signer(by).seal(kind, payload.to_vec());
    let other_kind = if kind == Kind::Grant { Kind::Receipt } else { Kind::Grant };
    let other = signer(by).seal(other_kind, payload.to_vec());
    let stranger = signer("stranger").seal(kind, payload.to_vec());
    let mut flipped = good.clone();
    flipped.signature[10] ^= 0x80;
    let mut short = good.clone();
    short.signature.pop();
    let mut bytes = good.encode_to_vec();
    bytes.pop();
    let shown = |change: Envelope| wire(&change);
    vec![
        ("a bit of the payload was changed", "signature", shown(altered(&good))),
        ("a bit of the signature was changed", "signature", shown(flipped)),
        ("the signature is of 63 bytes", "signature", shown(short)),
        ("the signature's scalar was raised by the order of the group", "signature", shown(raised(&good))),
        ("it is another kind of message", "kind", shown(other.clone())),
        ("its kind is none that is known", "kind", shown(Envelope { kind: 99, ..good.clone() })),
        (
            "it was signed as another kind, and is passed off as this one",
            "signature",
            shown(Envelope { kind: kind.into(), ..other }),
        ),
        ("another key signed it", "key", shown(stranger.clone())),
        (
            "another key signed it, and it names this one",
            "signature",
            shown(Envelope { key_id: good.key_id.clone(), ..stranger }),
        ),
        ("its last byte is missing", "malformed", hex(&bytes).into()),
    ]
}

/// The same signature with S + L for S: the same point, but RFC 8032 wants S below L.
fn raised(good: &Envelope) -> Envelope {
    const ORDER: [u8; 16] =
        [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14];
    let mut raised = good.clone();
    let mut carry = 0;
    for (at, byte) in raised.signature.iter_mut().skip(32).enumerate() {
        let order = if at == 31 { 0x10 } else { ORDER.get(at).copied().unwrap_or(0) };
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    raised
}

/// An envelope with a field of a later version, which nothing signs.
pub(crate) fn extended(envelope: &Envelope) -> Value {
    hex(&[&envelope.encode_to_vec()[..], &FUTURE].concat()).into()
}

/// Field 1000, as text: what no version knows yet.
pub(crate) const FUTURE: [u8; 6] = [0xc2, 0x3e, 3, b'n', b'e', b'w'];
