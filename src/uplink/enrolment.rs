//! What an activation left: where central is, which key of its is believed, and what it granted. `STATE_DIR/activation.json`.

use super::line::{Line, leading};
use super::private_file;
use crate::config::CentralUrl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_proto::v1::{Envelope, Grant, Kind, Mode};
use highwater_rules::chain::Digest;
use highwater_rules::receipt::Joined;
use highwater_rules::sign::{KeyId, PublicKey};
use highwater_rules::trust::SUCCESSIONS_MAX;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The file in the state directory.
pub const FILE_NAME: &str = "activation.json";
/// The longest file that is looked at: certificates of at most 1 MiB, and the rest.
const FILE_MAX_BYTES: usize = 2 << 20;

/// Why an activation is not believed, or can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what an activation leaves.
    #[error("{} is no activation: {what}; `highwater activate --again` makes it anew", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It is another instance's, or another key's: a copy.
    #[error(
        "{} is the activation of another {what}: was the state directory copied? `highwater activate --again` joins anew",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Instance or key.
        what: &'static str,
    },
    /// A new key of central's does not follow from the pinned one.
    #[error("central's new key does not follow from the pinned one: {0}")]
    Unfollowed(String),
}

impl EnrolmentError {
    /// Whether someone without the right tried to read or write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, EnrolmentError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The file's form. Bytes are in base64.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    /// Not there where the activation was carried by hand.
    #[serde(default)]
    central: Option<String>,
    ca: Option<String>,
    first_key: String,
    successions: Vec<String>,
    pinned_key: String,
    grant: String,
    /// For people: the grant says it too.
    activated_at: i64,
}

/// An activation that is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    url: Option<CentralUrl>,
    ca_pem: Option<String>,
    /// Central's keys from the token's on; the last one is pinned.
    line: Line,
    successions: Vec<Envelope>,
    grant: Grant,
    envelope: Vec<u8>,
}

impl Enrolment {
    /// What a grant makes, believed just now. `first_key` is the key of the token's fingerprint, and `successions` lead from it to
    /// the one that signed.
    ///
    /// # Errors
    /// When they do not.
    pub fn new(
        url: Option<CentralUrl>,
        ca_pem: Option<String>,
        first_key: &PublicKey,
        successions: &[Envelope],
        joined: Joined,
    ) -> Result<Self, EnrolmentError> {
        let successions = leading(first_key, &joined.key, successions);
        let line = Line::of(first_key, &successions).map_err(EnrolmentError::Unfollowed)?;
        if line.pinned != joined.key {
            return Err(EnrolmentError::Unfollowed("no succession names it".to_owned()));
        }
        let Joined { grant, envelope, .. } = joined;
        Ok(Enrolment { url, ca_pem, line, successions, grant, envelope })
    }

    /// The activation in a state directory, verified again; `None` where there is none. It must be of this key and this instance.
    ///
    /// # Errors
    /// When it can't be read, is not signed by a key of its own line, or is of another key or instance.
    pub fn load(state_dir: &Path, own: &PublicKey, instance: &str) -> Result<Option<Self>, EnrolmentError> {
        let path = state_dir.join(FILE_NAME);
        let garbled = |what: String| EnrolmentError::Garbled { path: path.clone(), what };
        let text = match private_file::read(&path, FILE_MAX_BYTES) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) => {
                return Err(garbled(e.to_string()));
            }
            Err(source) => return Err(EnrolmentError::Io { path, source }),
        };
        let wire: Wire = serde_json::from_str(&text).map_err(|e| garbled(e.to_string()))?;
        let enrolment = Enrolment::believed(wire).map_err(garbled)?;
        if enrolment.grant.public_key != own.bytes() {
            return Err(EnrolmentError::Foreign { path, what: "key" });
        }
        if enrolment.grant.instance != instance {
            return Err(EnrolmentError::Foreign { path, what: "instance" });
        }
        Ok(Some(enrolment))
    }

    fn believed(wire: Wire) -> Result<Self, String> {
        let url = wire.central.as_deref().map(CentralUrl::parse).transpose().map_err(|no| no.message)?;
        let key = |name: &str, text: &str| {
            let bytes = STANDARD.decode(text).map_err(|e| format!("{name}: {e}"))?;
            PublicKey::from_slice(&bytes).ok_or_else(|| format!("{name} is no key"))
        };
        let first = key("first_key", &wire.first_key)?;
        if wire.successions.len() > SUCCESSIONS_MAX {
            return Err(format!("more than {SUCCESSIONS_MAX} successions"));
        }
        let successions = wire
            .successions
            .iter()
            .map(|text| envelope("successions", text))
            .collect::<Result<Vec<_>, _>>()?;
        let line = Line::of(&first, &successions)?;
        if line.pinned != key("pinned_key", &wire.pinned_key)? {
            return Err("pinned_key is not the one that the successions lead to".to_owned());
        }
        let sealed = envelope("grant", &wire.grant)?;
        let signer = line.keys().find(|key| KeyId::from_slice(&sealed.key_id) == Some(key.id()));
        let signer = signer.ok_or("the grant is signed by a key that is not of the line")?;
        let payload = signer.open(&sealed, Kind::Grant).map_err(|e| format!("the grant: {e}"))?;
        let grant = Grant::decode(payload).map_err(|e| format!("the grant: {e}"))?;
        if grant.terms.is_none() {
            return Err("the grant is without terms".to_owned());
        }
        Ok(Enrolment { url, ca_pem: wire.ca, line, successions, grant, envelope: sealed.encode_to_vec() })
    }

    /// What an activation left, whichever key it is for: what central signed counts where the identity key can't be used. `None`
    /// where there is nothing to be believed.
    #[must_use]
    pub fn evidence(state_dir: &Path, instance: &str) -> Option<Self> {
        let text = crate::files::read_bounded(&state_dir.join(FILE_NAME), FILE_MAX_BYTES).ok()?;
        let wire: Wire = serde_json::from_str(&text).ok()?;
        Self::believed(wire).ok().filter(|enrolment| enrolment.grant.instance == instance)
    }

    /// Keeps it in a state directory, in place of an older one.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn store(&self, state_dir: &Path) -> Result<(), EnrolmentError> {
        let path = state_dir.join(FILE_NAME);
        let key = |key: &PublicKey| STANDARD.encode(key.bytes());
        let wire = Wire {
            central: self.url.as_ref().map(ToString::to_string),
            ca: self.ca_pem.clone(),
            first_key: key(self.line.first()),
            successions: self.successions.iter().map(|s| STANDARD.encode(s.encode_to_vec())).collect(),
            pinned_key: key(&self.line.pinned),
            grant: STANDARD.encode(&self.envelope),
            activated_at: self.grant.activated_at,
        };
        let text = serde_json::to_string_pretty(&wire)
            .map_err(|e| EnrolmentError::Io { path: path.clone(), source: io::Error::other(e) })?;
        private_file::replace(&path, format!("{text}\n").as_bytes())
            .map_err(|source| EnrolmentError::Io { path, source })
    }

    /// The same with central's new key pinned, to which `successions` lead: what an answer brought.
    ///
    /// # Errors
    /// When they do not lead there, or the line has grown longer than anyone's. The older key then stays pinned: it still leads there.
    pub fn with_pinned(&self, key: &PublicKey, successions: &[Envelope]) -> Result<Self, EnrolmentError> {
        let mut all = self.successions.clone();
        all.extend(leading(&self.line.pinned, key, successions));
        if all.len() > SUCCESSIONS_MAX {
            return Err(EnrolmentError::Unfollowed(format!("the line has more than {SUCCESSIONS_MAX} keys")));
        }
        let line = Line::of(self.line.first(), &all).map_err(EnrolmentError::Unfollowed)?;
        if line.pinned != *key {
            return Err(EnrolmentError::Unfollowed("no succession names it".to_owned()));
        }
        Ok(Enrolment { line, successions: all, ..self.clone() })
    }

    /// Where central is; `None` where the activation was carried by hand, and nobody told it.
    #[must_use]
    pub fn url(&self) -> Option<&CentralUrl> {
        self.url.as_ref()
    }

    /// Whether reports are carried by hand, as the contract has it: the agent opens no connection.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.grant.mode() == Mode::Offline
    }

    /// The certificates (PEM) that central's is held to, where the activation was given some.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The key of central's that is believed.
    #[must_use]
    pub fn pinned(&self) -> &PublicKey {
        &self.line.pinned
    }

    /// Central's keys as far as they are known, the pinned one first, and behind it those before it.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.line.newest_first()
    }

    /// Whether central signs, or once signed, with the key of this fingerprint: then a token of it is of this central.
    #[must_use]
    pub fn knows(&self, fingerprint: &Digest) -> bool {
        self.line.keys().any(|key| key.fingerprint() == *fingerprint)
    }

    /// What central granted. It has terms.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The envelope that the grant came in.
    #[must_use]
    pub fn grant_envelope(&self) -> &[u8] {
        &self.envelope
    }
}

fn envelope(name: &str, text: &str) -> Result<Envelope, String> {
    let bytes = STANDARD.decode(text).map_err(|e| format!("{name}: {e}"))?;
    Envelope::decode(&bytes[..]).map_err(|e| format!("{name}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_proto::v1::{Succession, Terms};
    use highwater_rules::sign::{Identity, sha256};
    use serde_json::Value;

    const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn key(n: u8) -> Identity {
        Identity::from_seed(&[n; 32])
    }

    fn handover(from: u8, to: u8) -> Envelope {
        let succession = Succession { next_key: key(to).public().bytes().to_vec(), made_at: 0 };
        key(from).seal(Kind::Succession, succession.encode_to_vec())
    }

    /// An activation of key 9 at a central whose token names key 1 and that signs with `signer`.
    fn enrolment(signer: u8, successions: &[Envelope]) -> Result<Enrolment, EnrolmentError> {
        let grant = Grant {
            nonce: vec![1; 16],
            instance: INSTANCE.to_owned(),
            identity: INSTANCE.to_owned(),
            public_key: key(9).public().bytes().to_vec(),
            activated_at: 1_795_000_000,
            answered_at: 1_795_000_000,
            terms: Some(Terms { contract: "c".to_owned(), contract_end: 0, grace_s: 7_776_000 }),
            product: "p".to_owned(),
            customer: "k".to_owned(),
            ..Grant::default()
        };
        let envelope = key(signer).seal(Kind::Grant, grant.encode_to_vec()).encode_to_vec();
        let joined = Joined { grant, envelope, key: key(signer).public() };
        let url = CentralUrl::parse("https://c.example.com/hub").unwrap();
        Enrolment::new(Some(url), Some("PEM".to_owned()), &key(1).public(), successions, joined)
    }

    fn load(dir: &Path) -> Result<Option<Enrolment>, EnrolmentError> {
        Enrolment::load(dir, &key(9).public(), INSTANCE)
    }

    #[test]
    fn an_activation_reads_as_it_was_stored() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        for made in [
            enrolment(1, &[]),
            enrolment(3, &[handover(7, 1), handover(1, 2), handover(2, 3), handover(3, 4)]),
        ] {
            let made = made.unwrap();
            made.store(dir.path()).unwrap();
            assert_eq!(load(dir.path()).unwrap(), Some(made));
        }
    }

    #[test]
    fn a_key_is_pinned_that_the_pinned_one_named_and_the_whole_line_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = enrolment(1, &[]).unwrap();
        let second = first.with_pinned(&key(2).public(), &[handover(1, 2)]).unwrap();
        let whole = [handover(1, 2), handover(2, 3), handover(3, 4)];
        let third = second.with_pinned(&key(4).public(), &whole).unwrap();
        third.store(dir.path()).unwrap();
        let again = load(dir.path()).unwrap().unwrap();
        assert_eq!(again.pinned(), &key(4).public());
        for n in 1..=4 {
            assert!(again.knows(&key(n).public().fingerprint()));
        }
        assert!(!again.knows(&sha256(b"")));
        assert!(again.keys().eq(&[4, 3, 2, 1].map(|n| key(n).public())), "the pinned one first");
        assert_eq!(again.with_pinned(&key(4).public(), &[]).unwrap(), again, "nothing changed");
        for (key_now, successions) in [(5, vec![]), (5, vec![handover(1, 5)]), (5, vec![handover(4, 6)])] {
            assert!(again.with_pinned(&key(key_now).public(), &successions).is_err());
        }
        let mut forged = handover(4, 5);
        forged.signature[0] ^= 1;
        assert!(again.with_pinned(&key(5).public(), &[forged]).is_err());
    }

    #[test]
    fn a_file_that_someone_changed_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        enrolment(2, &[handover(1, 2)]).unwrap().store(dir.path()).unwrap();
        let good: Value =
            serde_json::from_str(&private_file::read(&path, FILE_MAX_BYTES).unwrap().unwrap()).unwrap();
        let base64 = |bytes: Vec<u8>| Value::String(STANDARD.encode(bytes));
        let mut grant =
            Grant::decode(&Envelope::decode(&enrolment(1, &[]).unwrap().envelope[..]).unwrap().payload[..])
                .unwrap();
        grant.terms.as_mut().unwrap().grace_s = u64::MAX;
        let by = |n| base64(key(n).seal(Kind::Grant, grant.encode_to_vec()).encode_to_vec());
        let passed_off = base64(key(2).seal(Kind::Receipt, grant.encode_to_vec()).encode_to_vec());
        for (field, value) in [
            ("central", Value::from("http://c")),
            ("first_key", base64(key(8).public().bytes().to_vec())),
            ("first_key", base64(vec![0; 31])),
            ("pinned_key", base64(key(1).public().bytes().to_vec())),
            ("successions", Value::from(vec![base64(handover(8, 2).encode_to_vec())])),
            ("successions", Value::from(vec!["!"; 1000])),
            ("grant", by(8)),
            ("grant", passed_off),
            ("grant", Value::from("????")),
            ("grant", Value::Null),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            std::fs::write(&path, bad.to_string()).unwrap();
            let error = load(dir.path()).unwrap_err();
            assert!(matches!(error, EnrolmentError::Garbled { .. }), "{field}: {error}");
        }
        std::fs::write(&path, vec![b' '; FILE_MAX_BYTES + 1]).unwrap();
        assert!(matches!(load(dir.path()), Err(EnrolmentError::Garbled { .. })));
    }

    #[test]
    fn a_copy_for_another_key_or_instance_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        enrolment(1, &[]).unwrap().store(dir.path()).unwrap();
        let of = |n, instance| Enrolment::load(dir.path(), &key(n).public(), instance);
        assert!(matches!(of(8, INSTANCE), Err(EnrolmentError::Foreign { what: "key", .. })));
        assert!(matches!(of(9, "another"), Err(EnrolmentError::Foreign { what: "instance", .. })));
    }
}
