//! The compact form of a licence (RFC 7515, section 7.1), read strictly: a reader that is lenient in one place more than another is
//! how two of them come to believe different things.

use super::claims::{Claims, Payload};
use super::error::LicenceError;
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
    let payload: Payload =
        serde_json::from_slice(&parts.payload).map_err(|error| LicenceError::Claims(error.to_string()))?;
    Claims::try_from(payload)
}

fn header(bytes: &[u8]) -> Result<Header, LicenceError> {
    let wrong = |error: serde_json::Error| LicenceError::Header(shown(&error.to_string()));
    let Algorithm { alg } = serde_json::from_slice(bytes).map_err(wrong)?;
    if alg != ALGORITHM {
        return Err(LicenceError::Algorithm(shown(&alg)));
    }
    let header: Header = serde_json::from_slice(bytes).map_err(wrong)?;
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
