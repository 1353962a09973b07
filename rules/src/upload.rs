//! Central's answer to an agent that asks where to upload to, held to what was asked and to the key that is trusted.

use crate::receipt::{AnswerError, unreadable};
use crate::sign::PublicKey;
use crate::trust;
use highwater_proto::v1::{Kind, UploadAnswer, UploadResponse};
use prost::Message as _;

/// The longest refusal that is kept, in characters.
const REFUSAL_MAX_CHARS: usize = 300;
/// The longest signed URL, in bytes.
const URL_MAX_BYTES: usize = 8192;
/// The most headers that a `PUT` must have.
const HEADERS_MAX: usize = 16;
/// The longest header, name and value, in bytes.
const HEADER_MAX_BYTES: usize = 1024;

/// An answer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Where to upload to, or why there is no such place.
    pub outcome: Result<Place, String>,
    /// The bundle of receipts that central made last; empty where there is none. Nothing of it is checked.
    pub receipts: Vec<u8>,
    /// The key that signed: to be pinned from now on.
    pub key: PublicKey,
}

/// A place to upload to.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// The signed URL to `PUT` a bundle to.
    pub put_url: String,
    /// What the `PUT` must say.
    pub headers: Vec<(String, String)>,
    /// The signed URL to `GET` the receipts from.
    pub receipts_url: String,
    /// For how long both hold, in seconds from the answer on.
    pub valid_s: i64,
    /// The longest bundle that is picked up, in bytes.
    pub max_bytes: u64,
}

/// Who has the URLs may use them: they are not to be seen in a log.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Place(for {} s)", self.valid_s)
    }
}

/// Reads the answer to a request for a place.
///
/// # Errors
/// When it is not signed by a trusted key, is not to this request, or says nothing that can be used.
pub fn believe(body: &[u8], pinned: &PublicKey, nonce: &[u8]) -> Result<Answered, AnswerError> {
    let malformed = |what: &str| Err(AnswerError::Malformed(what.to_owned()));
    let response = UploadResponse::decode(body).map_err(unreadable)?;
    let key = trust::follow(pinned, &response.successions)?;
    let Some(envelope) = response.answer else { return malformed("it is empty") };
    let payload = key.open(&envelope, Kind::UploadAnswer)?;
    let answer = UploadAnswer::decode(payload).map_err(unreadable)?;
    if answer.nonce != nonce {
        return Err(AnswerError::Nonce);
    }
    if !answer.refusal.is_empty() {
        let refusal = answer.refusal.chars().filter(|c| !c.is_control()).take(REFUSAL_MAX_CHARS).collect();
        return Ok(Answered { outcome: Err(refusal), receipts: answer.receipts, key });
    }
    let fits = |url: &str| (1..=URL_MAX_BYTES).contains(&url.len());
    if !fits(&answer.put_url) || !fits(&answer.receipts_url) {
        return malformed("it holds neither a place nor a refusal");
    }
    let headers: Vec<(String, String)> = answer.headers.into_iter().map(|h| (h.name, h.value)).collect();
    if headers.len() > HEADERS_MAX || headers.iter().any(|(n, v)| n.len() + v.len() > HEADER_MAX_BYTES) {
        return malformed("it asks for more headers than any store does");
    }
    let place = Place {
        put_url: answer.put_url,
        headers,
        receipts_url: answer.receipts_url,
        valid_s: answer.expires_at.saturating_sub(answer.answered_at).max(0),
        max_bytes: answer.max_bytes,
    };
    Ok(Answered { outcome: Ok(place), receipts: answer.receipts, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Identity, SealError};
    use highwater_proto::v1::upload_answer::Header;
    use highwater_proto::v1::{Envelope, Succession};

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn granted() -> UploadAnswer {
        UploadAnswer {
            nonce: vec![7; 16],
            answered_at: 1000,
            put_url: "https://store/in?sig=secret".to_owned(),
            headers: vec![Header { name: "x-ms-blob-type".to_owned(), value: "BlockBlob".to_owned() }],
            receipts_url: "https://store/out?sig=secret".to_owned(),
            expires_at: 1600,
            max_bytes: 64,
            receipts: vec![1, 2],
            refusal: String::new(),
        }
    }

    fn told(signer: u8, kind: Kind, answer: &UploadAnswer, successions: Vec<Envelope>) -> Vec<u8> {
        let answer = Some(key(signer).seal(kind, answer.encode_to_vec()));
        UploadResponse { answer, successions }.encode_to_vec()
    }

    fn check(body: &[u8]) -> Result<Answered, AnswerError> {
        believe(body, &key(1).public(), &[7; 16])
    }

    #[test]
    fn a_place_is_believed_of_the_pinned_key_and_of_one_that_it_named() {
        let answered = check(&told(1, Kind::UploadAnswer, &granted(), Vec::new())).unwrap();
        let place = answered.outcome.unwrap();
        assert_eq!((place.valid_s, place.max_bytes, &answered.receipts[..]), (600, 64, &[1, 2][..]));
        assert_eq!(place.headers, [("x-ms-blob-type".to_owned(), "BlockBlob".to_owned())]);
        assert!(!format!("{place:?}").contains("secret"));
        let succession = Succession { next_key: key(2).public().bytes().to_vec(), made_at: 0 };
        let handover = key(1).seal(Kind::Succession, succession.encode_to_vec());
        let answered = check(&told(2, Kind::UploadAnswer, &granted(), vec![handover])).unwrap();
        assert_eq!(answered.key, key(2).public());
    }

    #[test]
    fn a_refusal_is_told_without_what_would_move_a_cursor() {
        let answer = UploadAnswer { refusal: "no\u{1b}[2J storage".to_owned(), ..granted() };
        let answered = check(&told(1, Kind::UploadAnswer, &answer, Vec::new())).unwrap();
        assert_eq!(answered.outcome, Err("no[2J storage".to_owned()));
    }

    #[test]
    fn what_is_signed_by_a_stranger_or_to_another_request_is_not_believed() {
        let body = told(2, Kind::UploadAnswer, &granted(), Vec::new());
        assert!(matches!(check(&body), Err(AnswerError::Signature(SealError::Key))));
        let body = told(1, Kind::LicenceAnswer, &granted(), Vec::new());
        assert!(matches!(check(&body), Err(AnswerError::Signature(SealError::Kind))));
        let other = UploadAnswer { nonce: vec![8; 16], ..granted() };
        assert_eq!(check(&told(1, Kind::UploadAnswer, &other, Vec::new())), Err(AnswerError::Nonce));
        for useless in [
            UploadAnswer { put_url: String::new(), ..granted() },
            UploadAnswer { receipts_url: "x".repeat(9000), ..granted() },
            UploadAnswer { headers: vec![Header::default(); 17], ..granted() },
        ] {
            let body = told(1, Kind::UploadAnswer, &useless, Vec::new());
            assert!(matches!(check(&body), Err(AnswerError::Malformed(_))), "{useless:?}");
        }
        assert!(matches!(check(b"\xff"), Err(AnswerError::Malformed(_))));
    }
}
