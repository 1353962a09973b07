//! Licences, held against a JWT library that shares neither the parser nor the arithmetic of Ed25519 with ours.
#![expect(clippy::unwrap_used, reason = "this test fails where what it needs can't be had")]

use highwater_rules::licence::{
    self, Claims, LicenceError, LicenceState, Limits, Mode, Status, Subject, read, sign,
};
use highwater_rules::sign::{Identity, PublicKey};
use jwt_compact::alg::{Ed25519, Hs256, Hs256Key};
use jwt_compact::{Algorithm, AlgorithmExt as _, Header, TimeOptions, UntrustedToken};
use serde_json::{Value, json};

const ISSUED: i64 = 1_795_000_000;
const SEED: [u8; 32] = [2; 32];

fn central() -> Identity {
    Identity::from_seed(&SEED)
}

fn claims() -> Claims {
    Claims {
        id: "5f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        issued_at: ISSUED,
        not_before: ISSUED,
        expires_at: ISSUED + 864_000,
        subject: Subject::Instance("0f8fad5b-d9cb-469f-a165-70867728950e".to_owned()),
        identity: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        contract: "c-1".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Müller & Söhne \"Netze\"".to_owned(),
        email: Some("ops@example.com".to_owned()),
        mode: Mode::Online,
        status: Status::Active,
        features: vec!["waf".to_owned(), "gslb".to_owned()],
        limits: Limits {
            ram_bytes: Some(1 << 40),
            throughput_bps: Some(10_000_000_000),
            throughput_tier: Some("10G".to_owned()),
            ssl_tps: Some(5_000),
        },
        grace_s: 7_776_000,
        slot_s: Some(300),
        contract_end: Some(1_900_000_000),
    }
}

fn revoked() -> Claims {
    Claims { status: Status::Revoked, expires_at: ISSUED, ..claims() }
}

/// What the library says of a token at a moment: its claims, or what it does not like.
fn library(token: &str, now_s: i64) -> Result<Value, String> {
    let central = central().public().bytes();
    let key = <<Ed25519 as Algorithm>::VerifyingKey>::from_slice(&central).unwrap();
    let token = UntrustedToken::new(token).map_err(|error| error.to_string())?;
    let token = Ed25519.validator::<Value>(&key).validate(&token).map_err(|error| error.to_string())?;
    // Its moments are made of its own JSON: another calendar is no dependency of ours.
    let moment: jwt_compact::Claims<Value> = serde_json::from_value(json!({"exp": now_s})).unwrap();
    let now = moment.expiration.unwrap();
    let no_leeway = now.signed_duration_since(now);
    let options = TimeOptions::new(no_leeway, move || now);
    token.claims().validate_expiration(&options).map_err(|error| error.to_string())?;
    token.claims().validate_maturity(&options).map_err(|error| error.to_string())?;
    Ok(serde_json::to_value(token.claims()).unwrap())
}

/// A token that the library made, with a header that it wrote.
fn by_library<A: Algorithm>(algorithm: &A, key: &A::SigningKey, kid: &str, claims: &Value) -> String {
    let header = Header::empty().with_token_type("JWT").with_key_id(kid);
    algorithm.token(&header, &jwt_compact::Claims::new(claims.clone()), key).unwrap()
}

fn ours(token: &str) -> Result<Claims, LicenceError> {
    read(token, &[&central().public()])
}

#[test]
fn the_library_accepts_what_we_sign_and_reads_the_same_from_it() {
    let token = sign(&claims(), &central());
    assert_eq!(library(&token, ISSUED), Ok(serde_json::to_value(claims()).unwrap()));
    assert_eq!(library(&token, claims().expires_at - 1), Ok(serde_json::to_value(claims()).unwrap()));
}

#[test]
fn the_library_calls_expired_what_we_call_expired_and_what_is_revoked() {
    let token = sign(&claims(), &central());
    let (before, end) = (ISSUED - licence::SKEW_S - 1, claims().expires_at);
    assert_eq!(licence::state(Some(&claims()), end), LicenceState::Expired);
    assert!(library(&token, end + 1).unwrap_err().contains("expired"));
    assert_eq!(licence::state(Some(&claims()), before), LicenceState::Missing);
    assert!(library(&token, before).unwrap_err().contains("not yet"));
    let token = sign(&revoked(), &central());
    assert_eq!(ours(&token), Ok(revoked()));
    for later in [1, 60, 1_000_000] {
        assert!(library(&token, ISSUED + later).unwrap_err().contains("expired"));
        assert_eq!(licence::state(Some(&revoked()), ISSUED + later), LicenceState::Revoked);
    }
}

#[test]
fn we_accept_what_the_library_signs_with_the_same_claims() {
    let key = <<Ed25519 as Algorithm>::SigningKey>::from_slice(&seed_and_public()).unwrap();
    for claims in [claims(), revoked()] {
        let payload = serde_json::to_value(&claims).unwrap();
        let token = by_library(&Ed25519, &key, &central().id().hex(), &payload);
        assert_eq!(ours(&token), Ok(claims));
    }
}

/// The form in which the library takes a secret key.
fn seed_and_public() -> Vec<u8> {
    [&SEED[..], &central().public().bytes()].concat()
}

#[test]
fn neither_accepts_another_algorithm_even_where_the_public_key_is_its_secret() {
    let payload = serde_json::to_value(claims()).unwrap();
    let kid = central().id().hex();
    let secret = Hs256Key::new(central().public().bytes());
    let confused = by_library(&Hs256, &secret, &kid, &payload);
    assert_eq!(ours(&confused), Err(LicenceError::Algorithm("HS256".to_owned())));
    assert!(library(&confused, ISSUED).is_err());
    let key = <<Ed25519 as Algorithm>::SigningKey>::from_slice(&seed_and_public()).unwrap();
    let renamed = by_library(&Ed25519::with_specific_name(), &key, &kid, &payload);
    assert_eq!(ours(&renamed), Err(LicenceError::Algorithm("Ed25519".to_owned())));
    assert!(library(&renamed, ISSUED).is_err());
    // Header {"alg":"none","typ":"JWT"} and no signature, as in RFC 7519, section 6.
    let good = sign(&claims(), &central());
    let body = good.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
    assert_eq!(ours(&none), Err(LicenceError::Algorithm("none".to_owned())));
    assert!(library(&none, ISSUED).is_err());
}

#[test]
fn neither_accepts_a_changed_byte_or_another_key() {
    let good = sign(&claims(), &central());
    let mut refused = 0;
    for at in (0..good.len()).step_by(3) {
        let letter = if good.as_bytes().get(at) == Some(&b'A') { 'B' } else { 'A' };
        let changed = format!("{}{letter}{}", good.split_at(at).0, good.split_at(at + 1).1);
        assert!(ours(&changed).is_err(), "{letter} at {at}");
        // The library passes over a `kid` that names no key: it knows one key only. All else it refuses.
        assert!(library(&changed, ISSUED).is_err(), "{letter} at {at}");
        refused += 1;
    }
    assert!(refused > 200, "{refused}");
    let stranger = Identity::from_seed(&[4; 32]);
    let forged = sign(&claims(), &stranger);
    assert!(matches!(ours(&forged), Err(LicenceError::Key { .. })));
    assert!(library(&forged, ISSUED).is_err());
    assert!(PublicKey::from_slice(&stranger.public().bytes()).is_some());
}
