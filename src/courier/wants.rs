//! What a file asks central: its exports and activations, and the reports of each. What central answers is held to it.

use highwater_proto::v1::{Activation, Envelope, Export};
use highwater_rules::carried::NONCE_BYTES;
use highwater_rules::chain::Digest;
use highwater_rules::report::is_uuid;
use highwater_rules::sign::{Hasher, sha256};
use prost::Message as _;

/// An export or an activation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Want {
    id: Digest,
    /// The key that an activation brings; an export brings none.
    key: Option<Vec<u8>>,
    /// Where its reports end among all.
    end: usize,
}

/// All that a file asks. Of each report it keeps the digest: of the longest bundle 200,000, which are 6 MiB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wants {
    all: Vec<Want>,
    reports: Vec<Digest>,
    /// Reports before the first export: nobody's.
    loose: u64,
}

/// What an export or activation is told from others by.
fn id(instance: &str, nonce: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.add(&sha256(instance.as_bytes()).0);
    hasher.add(nonce);
    hasher.end()
}

impl Wants {
    /// Central names in its answer only an instance and a nonce that are well-formed.
    fn add(&mut self, instance: String, nonce: Vec<u8>, is_nonce: bool, key: Option<Vec<u8>>) {
        let instance = Some(instance).filter(|instance| is_uuid(instance)).unwrap_or_default();
        let nonce = Some(nonce).filter(|_| is_nonce).unwrap_or_default();
        self.all.push(Want { id: id(&instance, &nonce), key, end: self.reports.len() });
    }

    pub(super) fn export(&mut self, envelope: &Envelope) {
        let export = Export::decode(&envelope.payload[..]).unwrap_or_default();
        let is_nonce = export.nonce.len() == NONCE_BYTES;
        self.add(export.instance, export.nonce, is_nonce, None);
    }

    pub(super) fn activation(&mut self, envelope: &Envelope) {
        let request = Activation::decode(&envelope.payload[..]).unwrap_or_default();
        let is_nonce = (16..=32).contains(&request.nonce.len());
        self.add(request.instance, request.nonce, is_nonce, Some(request.public_key));
    }

    pub(super) fn report(&mut self, envelope: &Envelope) {
        let Some(open) = self.all.last_mut() else {
            self.loose += 1;
            return;
        };
        self.reports.push(sha256(&envelope.payload));
        open.end = self.reports.len();
    }

    /// Nothing more comes: those of each export are put in order, to be found.
    pub(super) fn end(&mut self) {
        let mut begin = 0;
        for want in &self.all {
            if let Some(own) = self.reports.get_mut(begin..want.end) {
                own.sort_unstable_by_key(|digest| digest.0);
            }
            begin = want.end;
        }
    }

    /// How many exports and activations.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn reports(&self) -> u64 {
        self.reports.len() as u64 + self.loose
    }

    /// The first of these from `from` on.
    pub(super) fn find(&self, from: usize, instance: &str, nonce: &[u8]) -> Option<usize> {
        let id = id(instance, nonce);
        let behind = self.all.get(from..)?;
        behind.iter().position(|want| want.id == id).map(|at| from + at)
    }

    /// The key that the activation of this number brings.
    pub(super) fn key(&self, number: usize) -> Option<&[u8]> {
        self.all.get(number)?.key.as_deref()
    }

    /// The reports of the export of this number, in the order of their digests.
    pub(super) fn of(&self, number: usize) -> &[Digest] {
        let end_of = |number: usize| self.all.get(number).map_or(0, |want| want.end);
        let begin = number.checked_sub(1).map_or(0, end_of);
        self.reports.get(begin..end_of(number)).unwrap_or_default()
    }
}
