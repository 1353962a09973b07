//! Vectors of grants.

use crate::activation::NONCE;
use crate::case::{FUTURE, File, Said, altered, answer_verdict, file, key, no, signer, unhex, wire};
use crate::fields;
use crate::receipt::terms;
use crate::report::INSTANCE;
use crate::succession::handover;
use highwater_proto::v1::{ActivationResponse, Envelope, Grant, Kind, Mode};
use highwater_rules::chain::Digest;
use highwater_rules::receipt::believe_grant;
use highwater_rules::sign::hex;
use prost::Message as _;
use serde_json::{Value, json};

/// What a reader says of the answer to its activation, knowing the token's fingerprint, its nonce, its id and its key.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let fingerprint = Digest(unhex(&given["fingerprint"]).try_into().unwrap());
    let instance = given["instance"].as_str().unwrap();
    let own = key(&given["public_key"]).unwrap();
    match believe_grant(&unhex(input), &fingerprint, &unhex(&given["nonce"]), instance, &own) {
        Ok(joined) => {
            ("ok", json!({"key": hex(&joined.key.bytes()), "fields": fields::grant(&joined.grant)}))
        }
        Err(error) => no(answer_verdict(&error)),
    }
}

fn grant() -> Grant {
    Grant {
        nonce: NONCE.to_vec(),
        instance: INSTANCE.into(),
        identity: INSTANCE.into(),
        public_key: signer("agent").public().bytes().to_vec(),
        activated_at: 1_795_132_901,
        answered_at: 1_795_132_901,
        terms: Some(terms()),
        product: "edge balancer".into(),
        customer: "ACME GmbH".into(),
        ..Grant::default()
    }
}

fn body(grant: Envelope, first_key: Vec<u8>, successions: Vec<Envelope>) -> Value {
    wire(&ActivationResponse { grant: Some(grant), first_key, successions })
}

fn sealed(by: &str, grant: &Grant) -> Envelope {
    signer(by).seal(Kind::Grant, grant.encode_to_vec())
}

fn spoilt(spoil: impl FnOnce(&mut Grant)) -> Value {
    let mut other = grant();
    spoil(&mut other);
    body(sealed("central", &other), public("central"), vec![])
}

fn public(name: &str) -> Vec<u8> {
    signer(name).public().bytes().to_vec()
}

fn good() -> Vec<(&'static str, &'static str, Value)> {
    let later = [&grant().encode_to_vec()[..], &FUTURE].concat();
    vec![
        ("the instance has joined", "ok", body(sealed("central", &grant()), public("central"), vec![])),
        (
            "central's key has changed since the token was made",
            "ok",
            body(sealed("next", &grant()), public("central"), vec![handover("central", "next")]),
        ),
        ("the instance's id is taken, and another stands for it", "ok", {
            spoilt(|g| g.identity = "9f8fad5b-d9cb-469f-a165-70867728950e".into())
        }),
        ("its contract is for hosts without a network, and it brings a licence", "ok", {
            spoilt(|g| {
                g.mode = Mode::Offline.into();
                g.licence = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmVk".into();
            })
        }),
        (
            "it has a field of a later version",
            "ok",
            body(signer("central").seal(Kind::Grant, later), public("central"), vec![]),
        ),
    ]
}

fn bad() -> Vec<(&'static str, &'static str, Value)> {
    let right = sealed("central", &grant());
    let as_receipt = signer("central").seal(Kind::Receipt, grant().encode_to_vec());
    let passed_off = Envelope { kind: Kind::Grant.into(), ..as_receipt.clone() };
    let whole =
        ActivationResponse { grant: Some(right.clone()), first_key: public("central"), successions: vec![] }
            .encode_to_vec();
    let mut forged = handover("central", "next");
    forged.signature[0] ^= 1;
    vec![
        (
            "a fake central shows its own key",
            "fingerprint",
            body(sealed("stranger", &grant()), public("stranger"), vec![]),
        ),
        (
            "a fake central shows the right key and signs with its own",
            "key",
            body(sealed("stranger", &grant()), public("central"), vec![]),
        ),
        ("the first key is of 31 bytes", "no_key", body(right.clone(), vec![2; 31], vec![])),
        ("the line of keys is forged", "succession", {
            body(sealed("next", &grant()), public("central"), vec![forged])
        }),
        ("a bit of the grant was changed", "signature", body(altered(&right), public("central"), vec![])),
        ("it is a receipt", "kind", body(as_receipt, public("central"), vec![])),
        ("it was signed as a receipt", "signature", body(passed_off, public("central"), vec![])),
        ("an old grant is played again", "nonce", spoilt(|g| g.nonce = vec![0; 32])),
        ("it is another instance's", "foreign", {
            spoilt(|g| g.instance = "1f8fad5b-d9cb-469f-a165-70867728950e".into())
        }),
        ("it is for another key", "foreign", spoilt(|g| g.public_key = public("stranger"))),
        ("it is without terms", "malformed", spoilt(|g| g.terms = None)),
        ("whom it counts for is no UUID", "malformed", spoilt(|g| g.identity = "someone".into())),
        ("its last byte is missing", "malformed", hex(&whole[..whole.len() - 1]).into()),
        ("it holds no grant", "malformed", {
            wire(&ActivationResponse { grant: None, first_key: public("central"), successions: vec![] })
        }),
    ]
}

/// All of them.
pub(crate) fn vectors() -> File {
    let given = json!({
        "fingerprint": signer("central").public().fingerprint().hex(),
        "nonce": hex(&NONCE),
        "instance": INSTANCE,
        "public_key": hex(&public("agent")),
    });
    let cases = good().into_iter().chain(bad());
    let cases = cases.map(|(name, verdict, input)| (name, verdict, given.clone(), input)).collect();
    let about = "ActivationResponse: the body of the answer to an activation. given.fingerprint: as the token has it; \
                 given.nonce, given.instance, given.public_key: what the activation brought. result.key: the key to pin.";
    file("Grant", about, judge, cases)
}
