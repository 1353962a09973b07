//! The compact form of a licence (RFC 7515, section 7.1), read strictly: a reader that is lenient in one place more than another is
//! how two of them come to believe different things.

use super::claims::{Claims, Payload};
use super::error::LicenceError;
use super::object::Object;
use crate::sign::{Identity, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The longest token, in bytes.
pub const TOKEN_MAX_BYTES: usize = 8 * 1024;
const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "JWT";
const SIGNATURE_BYTES: usize = 64;

/// The header: these three and nothing else. A key that came with the token (`jwk`, `jku`, `x5c`, `x5u`) would let anyone sign, and
/// what `crit` or `b64` ask for is not done here.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// Only the algorithm, so that a token of another one is told so, whatever else is in its header.
#[derive(Deserialize)]
struct Algorithm {
    alg: String,
}

/// The parts of a compact JWS.
struct Parts<'t> {
    /// What is under the signature: header and payload as they came, with the dot between.
    signed: &'t str,
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Parts<'t> {
    fn of(token: &'t str) -> Result<Self, LicenceError> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(LicenceError::TooLong { max: TOKEN_MAX_BYTES });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(LicenceError::Form("it has no dots"))?;
        let (header, payload) =
            signed.split_once('.').ok_or(LicenceError::Form("it has one dot, not two"))?;
        // A third dot is no letter of base64url.
        let decoded = |part: &str| {
            URL_SAFE_NO_PAD.decode(part).map_err(|_| LicenceError::Form("a part is no unpadded base64url"))
        };
        Ok(Parts {
            signed,
            header: decoded(header)?,
            payload: decoded(payload)?,
            signature: decoded(signature)?,
        })
    }

    fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.fits(self.signed.as_bytes(), &self.signature)
    }
}

/// Signs claims with central's key. The same claims always give the same token.
///
/// Whoever calls it has held them to [`Claims::check`]: what fails that is signed all the same, and nobody believes it.
#[must_use]
pub fn sign(claims: &Claims, key: &Identity) -> String {
    let header = Header { alg: ALGORITHM.to_owned(), typ: TYPE.to_owned(), kid: key.id().hex() };
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign_bytes(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Reads a licence, with white space around it or not: its form, algorithm, key, signature and claims. Its dates and whose it is are
/// for [`super::state`] and [`Claims::is_for`] to say.
///
/// # Errors
/// When it is none that one of `keys` signed: the pinned key, and those after it or before it in central's line.
pub fn read(token: &str, keys: &[&PublicKey]) -> Result<Claims, LicenceError> {
    let parts = Parts::of(token.trim_ascii())?;
    let header = header(&parts.header)?;
    let key = keys
        .iter()
        .find(|key| key.id().hex() == header.kid)
        .ok_or_else(|| LicenceError::Key { kid: shown(&header.kid) })?;
    if !parts.is_signed_by(key) {
        return Err(LicenceError::Signature);
    }
    let Object(payload) = serde_json::from_slice::<Object<Payload>>(&parts.payload)
        .map_err(|error| LicenceError::Claims(error.to_string()))?;
    Claims::try_from(payload)
}

fn header(bytes: &[u8]) -> Result<Header, LicenceError> {
    let wrong = |error: serde_json::Error| LicenceError::Header(shown(&error.to_string()));
    let Object(Algorithm { alg }) = serde_json::from_slice(bytes).map_err(wrong)?;
    if alg != ALGORITHM {
        return Err(LicenceError::Algorithm(shown(&alg)));
    }
    let Object(header) = serde_json::from_slice::<Object<Header>>(bytes).map_err(wrong)?;
    if header.typ != TYPE {
        return Err(LicenceError::Header(format!("its type is {:?}, not {TYPE:?}", shown(&header.typ))));
    }
    Ok(header)
}

/// Whether claims fit into a token.
pub(super) fn check_size(claims: &Claims) -> Result<(), LicenceError> {
    let encoded = |bytes: usize| bytes.saturating_mul(4).div_ceil(3);
    let kid = "0".repeat(2 * crate::sign::KEY_ID_BYTES);
    let header = part(&Header { alg: ALGORITHM.to_owned(), typ: TYPE.to_owned(), kid }).len();
    let whole = header.saturating_add(part(claims).len()).saturating_add(encoded(SIGNATURE_BYTES) + 2);
    if whole > TOKEN_MAX_BYTES { Err(LicenceError::TooLong { max: TOKEN_MAX_BYTES }) } else { Ok(()) }
}

/// JSON in base64url.
fn part(value: &impl Serialize) -> String {
    // Texts, numbers and lists of texts: there is nothing in it that JSON can't say.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

/// Nobody signed it: the beginning of it, without what a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::super::claims::tests::{claims, revoked};
    use super::*;
    use crate::sign::hex;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn check(token: &str) -> Result<Claims, LicenceError> {
        read(token, &[&key(1).public()])
    }

    /// Any header and payload, with a signature of central's that fits them.
    fn forged(header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = key(1).sign_bytes(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn good_header() -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": key(1).id().hex()})
    }

    fn payload() -> Value {
        serde_json::to_value(claims()).unwrap()
    }

    #[test]
    fn the_example_of_rfc_8037_is_signed_and_verified_as_it_says() {
        // Appendix A.1, A.2, A.4 and A.5.
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let example = Identity::from_seed(&seed.try_into().unwrap());
        let public = URL_SAFE_NO_PAD.encode(example.public().bytes());
        assert_eq!(public, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let parts = Parts::of(token).unwrap();
        assert_eq!(
            (&parts.header[..], &parts.payload[..]),
            (&br#"{"alg":"EdDSA"}"#[..], &b"Example of Ed25519 signing"[..])
        );
        assert_eq!(hex(&example.sign_bytes(parts.signed.as_bytes())), hex(&parts.signature));
        assert!(parts.is_signed_by(&example.public()) && !parts.is_signed_by(&key(1).public()));
        assert!(matches!(read(token, &[&example.public()]), Err(LicenceError::Header(_))), "it names no key");
    }

    #[test]
    fn what_central_signs_is_read_with_its_key_and_no_other() {
        for claims in [claims(), revoked()] {
            let token = sign(&claims, &key(1));
            assert_eq!(check(&token), Ok(claims.clone()));
            assert_eq!(check(&format!(" {token}\n")), Ok(claims.clone()), "a file ends with a line's end");
            assert_eq!(read(&token, &[&key(2).public(), &key(1).public()]), Ok(claims), "an older key");
            let kid = key(1).id().hex();
            assert_eq!(read(&token, &[&key(2).public()]), Err(LicenceError::Key { kid: kid.clone() }));
            assert_eq!(read(&token, &[]), Err(LicenceError::Key { kid }));
        }
        let stolen = sign(&claims(), &key(2)).replacen(
            &URL_SAFE_NO_PAD
                .encode(good_header().to_string().replace(&key(1).id().hex(), &key(2).id().hex())),
            &URL_SAFE_NO_PAD.encode(good_header().to_string()),
            1,
        );
        assert!(check(&stolen).is_err());
        assert!(sign(&claims(), &key(1)).starts_with("eyJ"));
        assert_eq!(
            URL_SAFE_NO_PAD.decode(sign(&claims(), &key(1)).split('.').next().unwrap()).unwrap(),
            format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, key(1).id().hex()).into_bytes()
        );
    }

    #[test]
    fn no_character_can_be_changed_left_out_or_added() {
        let token = sign(&claims(), &key(1));
        for (at, was) in token.char_indices() {
            for letter in ['A', 'B', '-', '.', '=', '\0', 'ü'] {
                if letter != was {
                    let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
                    assert!(check(&changed).is_err(), "{letter} at {at}");
                }
            }
            assert!(check(&token[..at]).is_err(), "cut at {at}");
            assert!(check(&format!("{}{}", &token[..at], &token[at + 1..])).is_err(), "without {at}");
        }
        for more in ["A", "=", "==", ".", ".A", "A.A"] {
            assert!(check(&format!("{token}{more}")).is_err(), "{more} behind");
            assert!(check(&format!("{more}{token}")).is_err(), "{more} before");
        }
    }

    #[test]
    fn only_one_algorithm_and_only_three_header_keys_are_accepted() {
        let payload = payload().to_string();
        assert!(check(&forged(&good_header().to_string(), &payload)).is_ok());
        for algorithm in ["none", "None", "HS256", "RS256", "ES256", "eddsa", "Ed25519", ""] {
            let mut header = good_header();
            header["alg"] = algorithm.into();
            let refused = Err(LicenceError::Algorithm(algorithm.to_owned()));
            assert_eq!(check(&forged(&header.to_string(), &payload)), refused);
        }
        for name in ["crit", "jwk", "jku", "x5u", "x5c", "x5t", "b64", "zip", "cty", "KID"] {
            for value in [json!(true), json!([]), json!("x")] {
                let mut header = good_header();
                header[name] = value;
                let refused = check(&forged(&header.to_string(), &payload));
                assert!(matches!(refused, Err(LicenceError::Header(why)) if why.contains(name)), "{name}");
            }
        }
        for name in ["alg", "typ", "kid"] {
            let mut header = good_header();
            header.as_object_mut().unwrap().remove(name);
            assert!(
                matches!(check(&forged(&header.to_string(), &payload)), Err(LicenceError::Header(_))),
                "{name}"
            );
        }
        let twice = good_header().to_string().replace(r#""alg""#, r#""alg":"EdDSA","alg""#);
        let list = format!(r#"["EdDSA","JWT","{}"]"#, key(1).id().hex());
        for header in
            [&twice, &list, "", "[]", "null", "{", &(good_header().to_string() + " {}"), "\u{1b}[2J"]
        {
            assert!(matches!(check(&forged(header, &payload)), Err(LicenceError::Header(_))), "{header}");
        }
        let mut jwt = good_header();
        jwt["typ"] = "jwt".into();
        assert!(check(&forged(&jwt.to_string(), &payload)).is_err());
    }

    #[test]
    fn the_letters_are_those_of_base64url_in_their_one_form() {
        // A payload with bytes that give both letters that base64 lacks.
        let mut claims = claims();
        claims.customer = "\u{fbff}>>>???\u{7fff}".to_owned();
        let token = sign(&claims, &key(1));
        assert_eq!(check(&token), Ok(claims));
        for (of, by) in [("-", "+"), ("_", "/")] {
            if token.contains(of) {
                assert!(matches!(check(&token.replace(of, by)), Err(LicenceError::Form(_))));
            }
        }
        // The last letter of 64 bytes holds four bits that mean nothing: only zeros are the signature's one form.
        let last = token.chars().last().unwrap();
        for letter in ('A'..='Z').chain('a'..='z').chain('0'..='9').filter(|letter| *letter != last) {
            assert!(check(&format!("{}{letter}", &token[..token.len() - 1])).is_err(), "{letter}");
        }
    }

    #[test]
    fn a_payload_must_be_a_licence_of_centrals_for_one_holder() {
        let with = |change: fn(&mut Value)| {
            let mut payload = payload();
            change(&mut payload);
            check(&forged(&good_header().to_string(), &payload.to_string()))
        };
        assert_eq!(with(|_| ()), Ok(claims()));
        assert_eq!(
            with(|p| p["later"] = json!({"version": [1]})),
            Ok(claims()),
            "new claims are passed over"
        );
        assert_eq!(with(|p| p["limits"]["later"] = 1.into()), Ok(claims()));
        let no_licence = |claim| move |error: &LicenceError| matches!(error, LicenceError::NoLicence { claim: c, .. } if *c == claim);
        assert!(with(|p| p["iss"] = "someone".into()).is_err_and(|e| no_licence("iss")(&e)));
        assert!(with(|p| p["aud"] = "highwater-central".into()).is_err_and(|e| no_licence("aud")(&e)));
        let senseless: [fn(&mut Value); 14] = [
            |p| p["limits"] = json!([1, 2, "10G", 3]),
            |p| p["mode"] = json!({"online": null}),
            |p| p["cluster"] = "k-1".into(),
            |p| drop(p.as_object_mut().unwrap().remove("instance")),
            |p| drop(p.as_object_mut().unwrap().remove("exp")),
            |p| drop(p.as_object_mut().unwrap().remove("jti")),
            |p| p["exp"] = 1.5.into(),
            |p| p["exp"] = "1795864000".into(),
            |p| p["exp"] = p["iat"].clone(),
            |p| p["status"] = "paused".into(),
            |p| p["mode"] = Value::Null,
            |p| p["grace_s"] = (-1).into(),
            |p| p["aud"] = json!(["highwater"]),
            |p| *p = json!([]),
        ];
        for (at, change) in senseless.into_iter().enumerate() {
            assert!(matches!(with(change), Err(LicenceError::Claims(_))), "{at}");
        }
        let twice = payload().to_string().replacen(r#""exp":"#, r#""exp":1,"exp":"#, 1);
        let refused = check(&forged(&good_header().to_string(), &twice));
        assert!(matches!(refused, Err(LicenceError::Claims(why)) if why.contains("exp")));
    }

    #[test]
    fn a_token_is_of_8_kib_at_the_most_and_what_fits_can_be_signed() {
        let mut claims = claims();
        claims.features.clear();
        while claims.check().is_ok() {
            claims.features.push("f".repeat(100));
        }
        assert_eq!(claims.check(), Err(LicenceError::TooLong { max: TOKEN_MAX_BYTES }));
        assert_eq!(check(&sign(&claims, &key(1))), Err(LicenceError::TooLong { max: TOKEN_MAX_BYTES }));
        claims.features.pop();
        assert_eq!(check(&sign(&claims, &key(1))), Ok(claims));
        assert!(matches!(check(&"A".repeat(1 << 20)), Err(LicenceError::TooLong { .. })));
        assert!(matches!(check(""), Err(LicenceError::Form(_))));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::from))
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", parts in proptest::collection::vec("[A-Za-z0-9_-]{0,60}", 0..5)) {
            prop_assert!(check(&text).is_err());
            prop_assert!(check(&parts.join(".")).is_err());
        }

        #[test]
        fn no_signed_payload_makes_the_reader_panic_or_believe_nonsense(
            name in any::<proptest::sample::Index>(), value in any_json()
        ) {
            let mut payload = payload();
            let names: Vec<String> = payload.as_object().unwrap().keys().cloned().collect();
            payload[name.get(&names)] = value;
            if let Ok(claims) = check(&forged(&good_header().to_string(), &payload.to_string())) {
                prop_assert_eq!(claims.check(), Ok(()));
                prop_assert_eq!(check(&sign(&claims, &key(1))), Ok(claims));
            }
        }
    }
}
