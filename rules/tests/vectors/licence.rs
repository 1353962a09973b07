//! Vectors of licences.

use crate::case::{File, Said, file, key, no, signer};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use highwater_rules::licence::{
    Claims, LicenceError, Limits, Mode, Status, Subject, TOKEN_MAX_BYTES, read, renewal_allowed_from,
    renewal_wanted_from, sign, state,
};
use serde_json::{Value, json};

const ISSUED: i64 = 1_795_000_000;

/// What a reader says of a licence: its claims, what it is worth at the moment that is given, and its renewal.
pub(crate) fn judge(given: &Value, input: &Value) -> Said {
    let keys: Vec<_> = given["keys"].as_array().unwrap().iter().map(|one| key(one).unwrap()).collect();
    match read(input.as_str().unwrap(), &keys.iter().collect::<Vec<_>>()) {
        Ok(claims) => {
            let wanted = Some(renewal_wanted_from(&claims)).filter(|from| *from != i64::MAX);
            let state = state(Some(&claims), given["now"].as_i64().unwrap()).word();
            let result = json!({
                "claims": claims, "state": state,
                "allowed_from": renewal_allowed_from(&claims), "wanted_from": wanted,
            });
            ("ok", result)
        }
        Err(LicenceError::TooLong { .. }) => no("too_long"),
        Err(LicenceError::Form(_)) => no("form"),
        Err(LicenceError::Header(_)) => no("header"),
        Err(LicenceError::Algorithm(_)) => no("algorithm"),
        Err(LicenceError::Key { .. }) => no("key"),
        Err(LicenceError::Signature) => no("signature"),
        Err(LicenceError::NoLicence { .. }) => no("no_licence"),
        Err(LicenceError::Claims(_)) => no("claims"),
        Err(LicenceError::Foreign { .. }) => no("foreign"),
    }
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
        customer: "Müller & Söhne <Netze> ???>>>".to_owned(),
        email: Some("ops@example.com".to_owned()),
        mode: Mode::Online,
        status: Status::Active,
        features: vec!["waf".to_owned(), "gslb".to_owned()],
        limits: Limits {
            ram_bytes: Some(1 << 40),
            throughput_bps: Some(10_000_000_000),
            throughput_tier: Some("10G".to_owned()),
            ssl_tps: Some(5000),
        },
        grace_s: 7_776_000,
        slot_s: Some(300),
        contract_end: Some(1_900_000_000),
    }
}

fn cluster() -> Claims {
    Claims {
        subject: Subject::Cluster("k-1".to_owned()),
        identity: "k-1".to_owned(),
        expires_at: ISSUED + 604_801,
        email: None,
        features: Vec::new(),
        limits: Limits::default(),
        slot_s: None,
        contract_end: None,
        ..claims()
    }
}

/// A token of any header and payload, with a signature of central's that fits.
fn forged(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signer("central").sign_bytes(signed.as_bytes())))
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "JWT", "kid": signer("central").id().hex()})
}

fn with_header(key: &str, value: Value) -> String {
    let mut header = header();
    header[key] = value;
    forged(&header.to_string(), &payload().to_string())
}

fn payload() -> Value {
    serde_json::to_value(claims()).unwrap()
}

fn with_claim(name: &str, value: Value) -> String {
    let mut payload = payload();
    payload[name] = value;
    forged(&header().to_string(), &payload.to_string())
}

fn without_claim(name: &str) -> String {
    let mut payload = payload();
    payload.as_object_mut().unwrap().remove(name);
    forged(&header().to_string(), &payload.to_string())
}

/// The character at a place, changed to another of base64url.
fn flipped(token: &str, at: usize) -> String {
    let letter = if &token[at..=at] == "A" { "Q" } else { "A" };
    format!("{}{letter}{}", &token[..at], &token[at + 1..])
}

fn good() -> Vec<(&'static str, &'static str, String, i64)> {
    let token = sign(&claims(), &signer("central"));
    let revoked = Claims { status: Status::Revoked, expires_at: ISSUED, ..claims() };
    let offline = Claims { mode: Mode::Offline, expires_at: 1_900_000_000, ..claims() };
    let of = |claims: &Claims| sign(claims, &signer("central"));
    vec![
        ("a licence of an instance", "ok", token.clone(), ISSUED),
        ("in its last second", "ok", token.clone(), ISSUED + 863_999),
        ("after its end", "ok", token.clone(), ISSUED + 864_000),
        ("before it begins, as far as clocks may differ", "ok", token.clone(), ISSUED - 300),
        ("before that", "ok", token.clone(), ISSUED - 301),
        ("white space around it", "ok", format!(" {token}\r\n"), ISSUED),
        ("a licence of a cluster, without what may be left out", "ok", of(&cluster()), ISSUED),
        ("an offline licence", "ok", of(&offline), ISSUED),
        ("a revocation", "ok", of(&revoked), ISSUED),
        ("the older key of central's line", "ok", sign(&claims(), &signer("next")), ISSUED),
        ("claims of a later version", "ok", with_claim("later", json!({"a": [1]})), ISSUED),
        (
            "another order of the header's keys",
            "ok",
            {
                let kid = signer("central").id().hex();
                forged(&format!(r#"{{ "kid":"{kid}", "typ":"JWT", "alg":"EdDSA" }}"#), &payload().to_string())
            },
            ISSUED,
        ),
    ]
}

fn bad_forms(token: &str) -> Vec<(&'static str, &'static str, String)> {
    let parts: Vec<&str> = token.split('.').collect();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let padded = |part: &str| STANDARD.encode(URL_SAFE_NO_PAD.decode(part).unwrap());
    vec![
        ("nothing", "form", String::new()),
        ("two parts", "form", signed.to_owned()),
        ("four parts", "form", format!("{token}.AAAA")),
        ("a letter is none of base64url", "form", token.replacen('.', ".*", 1)),
        ("the letters of base64", "form", format!("{}.{}.{signature}", parts[0], padded(parts[1]))),
        ("padding", "form", format!("{token}==")),
        ("a bit of the signature's last letter that means nothing", "form", {
            let last = token.chars().last().unwrap();
            let next = char::from(u8::try_from(last).unwrap() + 1);
            format!("{}{next}", &token[..token.len() - 1])
        }),
        ("white space within it", "form", token.replacen('.', " .", 1)),
        ("too long", "too_long", "A".repeat(TOKEN_MAX_BYTES + 1)),
        ("a letter of the payload was changed", "signature", flipped(token, parts[0].len() + 20)),
        ("a letter of the signature was changed", "signature", flipped(token, signed.len() + 10)),
        ("no signature", "signature", format!("{signed}.")),
        ("a signature of 63 bytes", "signature", {
            let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes[..63]))
        }),
        ("another central's", "key", sign(&claims(), &signer("stranger"))),
        ("another central's, in this one's name", "signature", {
            let other = sign(&claims(), &signer("stranger"));
            format!("{signed}.{}", other.rsplit_once('.').unwrap().1)
        }),
    ]
}

fn bad_headers() -> Vec<(&'static str, &'static str, String)> {
    let payload = payload().to_string();
    let twice = header().to_string().replacen(r#""alg""#, r#""alg":"EdDSA","alg""#, 1);
    vec![
        ("the algorithm none", "algorithm", with_header("alg", "none".into())),
        ("the algorithm HS256", "algorithm", with_header("alg", "HS256".into())),
        ("the algorithm in other letters", "algorithm", with_header("alg", "EDDSA".into())),
        ("no algorithm", "header", forged(r#"{"typ":"JWT"}"#, &payload)),
        ("the algorithm twice", "header", forged(&twice, &payload)),
        ("a key of its own", "header", with_header("jwk", json!({"kty": "OKP"}))),
        ("an address of keys", "header", with_header("jku", "https://example.com".into())),
        ("an address of certificates", "header", with_header("x5u", "https://example.com".into())),
        ("certificates", "header", with_header("x5c", json!([]))),
        ("what must be understood", "header", with_header("crit", json!(["exp"]))),
        ("a payload that is not encoded", "header", with_header("b64", false.into())),
        ("another type", "header", with_header("typ", "at+jwt".into())),
        ("the header is a list", "header", {
            forged(&json!(["EdDSA", "JWT", signer("central").id().hex()]).to_string(), &payload)
        }),
        ("another key's id", "key", with_header("kid", "0".repeat(32).into())),
        (
            "the key's id in capitals",
            "key",
            with_header("kid", signer("central").id().hex().to_uppercase().into()),
        ),
    ]
}

fn bad_claims() -> Vec<(&'static str, &'static str, String)> {
    let twice = payload().to_string().replacen(r#""exp":"#, r#""exp":1,"exp":"#, 1);
    vec![
        ("another issuer", "no_licence", with_claim("iss", "someone".into())),
        ("another audience", "no_licence", with_claim("aud", "highwater-central".into())),
        ("a list of audiences", "claims", with_claim("aud", json!(["highwater"]))),
        ("an instance and a cluster", "claims", with_claim("cluster", "k-1".into())),
        ("neither of them", "claims", without_claim("instance")),
        ("no end", "claims", without_claim("exp")),
        ("the end twice", "claims", forged(&header().to_string(), &twice)),
        ("a part of a second", "claims", with_claim("exp", json!(1_795_864_000.5))),
        ("it ends as it begins", "claims", with_claim("exp", ISSUED.into())),
        ("a revocation that has a term", "claims", with_claim("status", "revoked".into())),
        ("a status that is none", "claims", with_claim("status", "paused".into())),
        ("a mode that is none", "claims", with_claim("mode", "both".into())),
        ("an id with a space", "claims", with_claim("jti", "a b".into())),
        ("a customer's name with a line's end", "claims", with_claim("customer", "a\nb".into())),
        ("a product without a name", "claims", with_claim("product", "".into())),
        ("65 features", "claims", with_claim("features", json!(vec!["f"; 65]))),
        ("a limit above 2^53 - 1", "claims", with_claim("limits", json!({"ssl_tps": 1_u64 << 53}))),
        ("limits as a list", "claims", with_claim("limits", json!([1, 2, "10G", 3]))),
        ("no grace", "claims", with_claim("grace_s", 0.into())),
        ("more than ten years of grace", "claims", with_claim("grace_s", 315_619_201.into())),
        ("a slot of seven seconds", "claims", with_claim("slot_s", 7.into())),
        ("a date after the year 9999", "claims", with_claim("contract_end", 253_402_300_800_i64.into())),
        ("the payload is no JSON", "claims", forged(&header().to_string(), "claims")),
    ]
}

/// All of them.
pub(crate) fn vectors() -> File {
    let token = sign(&claims(), &signer("central"));
    let keys: Vec<String> = ["central", "next"]
        .iter()
        .map(|name| highwater_rules::sign::hex(&signer(name).public().bytes()))
        .collect();
    let given = |now: i64| json!({"keys": keys, "now": now});
    let mut cases: Vec<(&str, &str, Value, Value)> = Vec::new();
    for (name, verdict, text, now) in good() {
        cases.push((name, verdict, given(now), text.into()));
    }
    for (name, verdict, text) in [bad_forms(&token), bad_headers(), bad_claims()].concat() {
        cases.push((name, verdict, given(ISSUED), text.into()));
    }
    let about = "A licence: a compact JWT. `keys` are those that are trusted, `now` the holder's time.";
    file("Licence", about, judge, cases)
}
