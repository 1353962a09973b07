//! Vectors of enrolment tokens.

use crate::case::{File, Said, file, no, signer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use highwater_rules::sign::{hex, sha256};
use highwater_rules::token::{EnrolmentToken, SECRET_BYTES, TokenError};
use serde_json::{Value, json};

/// What a reader says of a token.
pub(crate) fn judge(_: &Value, input: &Value) -> Said {
    match EnrolmentToken::parse(input.as_str().unwrap()) {
        Ok(token) => ("ok", json!({"secret": hex(&token.secret), "fingerprint": token.fingerprint.hex()})),
        Err(TokenError::Foreign) => no("foreign"),
        Err(TokenError::Newer) => no("newer"),
        Err(TokenError::Mistyped) => no("mistyped"),
    }
}

/// A token of any bytes, with the check that fits them.
fn of(body: &[u8]) -> String {
    let check = sha256(body).0;
    format!("hwt_{}", URL_SAFE_NO_PAD.encode([body, &check[..4]].concat()))
}

/// All of them.
pub(crate) fn vectors() -> File {
    // The bytes make both letters of base64url that base64 lacks.
    let secret: [u8; SECRET_BYTES] = std::array::from_fn(|at| if at % 2 == 0 { 0xff } else { 0xfb });
    let good = EnrolmentToken::new(secret, &signer("central").public()).text();
    let standard = good.replace('-', "+").replace('_', "/").replacen("hwt/", "hwt_", 1);
    let typed = good.replacen(&good[20..21], if &good[20..21] == "A" { "B" } else { "A" }, 1);
    let cases: Vec<(&str, &str, String)> = vec![
        ("a token", "ok", good.clone()),
        ("white space around it", "ok", format!(" \t{good}\n")),
        ("another prefix", "foreign", good.replacen("hwt_", "ghp_", 1)),
        ("the prefix in capitals", "foreign", good.replacen("hwt_", "HWT_", 1)),
        ("nothing", "foreign", String::new()),
        ("the prefix alone", "mistyped", "hwt_".into()),
        ("one letter was mistyped", "mistyped", typed),
        ("its last letter is missing", "mistyped", good[..good.len() - 1].into()),
        ("its last four letters are missing", "mistyped", good[..good.len() - 4].into()),
        ("white space within it", "mistyped", format!("{} {}", &good[..30], &good[30..])),
        ("the letters of base64 instead of base64url", "mistyped", standard),
        ("padding", "mistyped", format!("{good}====")),
        ("version 2, with a check that fits", "newer", of(&[&[2][..], &[7; 60]].concat())),
        ("version 1, a byte too long", "mistyped", of(&[&[1][..], &[7; 53]].concat())),
        ("version 1, a byte too short", "mistyped", of(&[&[1][..], &[7; 51]].concat())),
    ];
    let cases = cases
        .into_iter()
        .map(|(name, verdict, text)| (name, verdict, Value::Null, Value::from(text)))
        .collect();
    file("Enrolment token", "The text of an enrolment token.", judge, cases)
}
