//! Who answers what was carried out, by the rules alone: central's key and central's words, without its server. The real one is in
//! `central/tests`.

use highwater_proto::v1::{
    self, Activation, ActivationResponse, Answer, Envelope, Export, Grant, Kind, Outcome, Receipt, Refusal,
    Report, Succession, Terms, bundle_record, outcome,
};
use highwater_rules::bundle::{Reader, Record, Writer};
use highwater_rules::report::read as read_report;
use highwater_rules::sign::{Identity, PublicKey, sha256};
use highwater_rules::token::{EnrolmentToken, SECRET_BYTES};
use prost::Message as _;
use std::path::Path;

const DAY_S: i64 = 86_400;

/// Central's office: one key, or a line of them.
pub(crate) struct Clerk {
    line: Vec<u8>,
    /// What its clock is ahead by, in seconds.
    pub(crate) ahead_s: i64,
    pub(crate) mode: v1::Mode,
    /// Reports of these numbers are refused for good.
    pub(crate) refuses: Vec<u64>,
    /// What comes with each answer.
    pub(crate) licences: Vec<String>,
}

impl Clerk {
    pub(crate) fn new() -> Self {
        Clerk { line: vec![1], ahead_s: 0, mode: v1::Mode::Offline, refuses: vec![], licences: vec![] }
    }

    pub(crate) fn key(&self) -> Identity {
        Identity::from_seed(&[*self.line.last().unwrap(); 32])
    }

    pub(crate) fn change_key(&mut self) {
        self.line.push(self.line.last().unwrap() + 1);
    }

    /// With another key than the one that agents know.
    pub(crate) fn begin_with(&mut self, key: u8) {
        self.line = vec![key];
    }

    pub(crate) fn token(&self) -> String {
        EnrolmentToken::new([9; SECRET_BYTES], &self.first().public()).text()
    }

    fn first(&self) -> Identity {
        Identity::from_seed(&[self.line[0]; 32])
    }

    fn successions(&self) -> Vec<Envelope> {
        let handover = |pair: &[u8]| {
            let next_key = Identity::from_seed(&[pair[1]; 32]).public().bytes().to_vec();
            let succession = Succession { next_key, made_at: 0 };
            Identity::from_seed(&[pair[0]; 32]).seal(Kind::Succession, succession.encode_to_vec())
        };
        self.line.windows(2).map(handover).collect()
    }

    fn terms() -> Option<Terms> {
        Some(Terms { contract: "c-1".to_owned(), contract_end: 0, grace_s: 90 * 86_400 })
    }

    fn now_s(&self) -> i64 {
        highwater::clock::unix_s() + self.ahead_s
    }

    /// Reads what came, and writes what goes back. `own` is the key that reports are signed with, as the activation brought it.
    pub(crate) fn answer(&self, from: &Path, to: &Path) {
        std::fs::write(to, self.answered(&[from])).unwrap();
    }

    /// The same for several files, whose answers go back in one.
    pub(crate) fn answered(&self, from: &[&Path]) -> Vec<u8> {
        let mut writer = Writer::new();
        for path in from {
            self.reply(&records(path), &mut writer);
        }
        writer.finish()
    }

    fn reply(&self, came: &[Record], writer: &mut Writer) {
        match &came[0] {
            Record::Activation(envelope) => {
                let activation = Activation::decode(&envelope.payload[..]).unwrap();
                let own = PublicKey::from_slice(&activation.public_key).unwrap();
                assert!(
                    own.open(envelope, Kind::Activation).is_ok(),
                    "the request is signed by the key it brings"
                );
                assert_eq!(activation.secret, [9; SECRET_BYTES]);
                let reply = (activation.instance.clone(), activation.nonce.clone());
                writer.put(head(reply, 0)).unwrap();
                writer.put(Record::Grant(self.grant(activation))).unwrap();
            }
            Record::Export(envelope) => {
                let export = Export::decode(&envelope.payload[..]).unwrap();
                assert_eq!(export.reports as usize, came.len() - 1);
                let outcomes: Vec<Outcome> = came[1..].iter().map(|record| self.outcome(record)).collect();
                writer.put(head((export.instance, export.nonce.clone()), export.reports)).unwrap();
                for succession in self.successions() {
                    writer.put(Record::Succession(succession)).unwrap();
                }
                let batches: Vec<&[Outcome]> =
                    if outcomes.is_empty() { vec![&[]] } else { outcomes.chunks(200).collect() };
                for outcomes in batches {
                    let answer = Answer {
                        nonce: export.nonce.clone(),
                        answered_at: self.now_s(),
                        outcomes: outcomes.to_vec(),
                        licences: self.licences.clone(),
                    };
                    let sealed = self.key().seal(Kind::Answer, answer.encode_to_vec());
                    writer.put(Record::Answer(sealed)).unwrap();
                }
            }
            other => panic!("a file from an agent does not begin with {other:?}"),
        }
    }

    fn grant(&self, activation: Activation) -> ActivationResponse {
        let grant = Grant {
            nonce: activation.nonce,
            identity: activation.instance.clone(),
            instance: activation.instance,
            public_key: activation.public_key,
            activated_at: self.now_s(),
            answered_at: self.now_s(),
            terms: Self::terms(),
            product: "Balancer".to_owned(),
            customer: "Example".to_owned(),
            mode: self.mode.into(),
            licence: String::new(),
        };
        ActivationResponse {
            grant: Some(self.key().seal(Kind::Grant, grant.encode_to_vec())),
            first_key: self.first().public().bytes().to_vec(),
            successions: self.successions(),
        }
    }

    fn outcome(&self, record: &Record) -> Outcome {
        let Record::Report(envelope) = record else { panic!("no report: {record:?}") };
        let report = Report::decode(&envelope.payload[..]).unwrap();
        assert!(read_report(&envelope.payload).is_ok(), "central would refuse it");
        let report_digest = sha256(&envelope.payload).0.to_vec();
        let result = if self.refuses.contains(&report.sequence) {
            let message = "the vendor says no".to_owned();
            outcome::Result::Refusal(Refusal { reason: 1, message, for_good: true })
        } else {
            let receipt = Receipt {
                identity: report.instance.clone(),
                instance: report.instance,
                sequence: report.sequence,
                report_digest: report_digest.clone(),
                received_at: self.now_s(),
                terms: Self::terms(),
            };
            outcome::Result::Receipt(self.key().seal(Kind::Receipt, receipt.encode_to_vec()))
        };
        Outcome { report_digest, result: Some(result) }
    }
}

fn head((instance, nonce): (String, Vec<u8>), read: u32) -> Record {
    Record::Reply(bundle_record::Reply { instance, nonce, read, accepted: read, cut: String::new() })
}

/// The records of a file, all of it.
pub(crate) fn records(path: &Path) -> Vec<Record> {
    let (mut reader, mut records) = (Reader::new(), Vec::new());
    reader.feed(&bytes(path), &mut records).unwrap();
    reader.finish().unwrap();
    records
}

/// The reports of an export.
pub(crate) fn reports(path: &Path) -> Vec<Report> {
    let of = |record: &Record| match record {
        Record::Report(envelope) => Some(Report::decode(&envelope.payload[..]).unwrap()),
        _ => None,
    };
    records(path).iter().filter_map(of).collect()
}

/// A licence of central's for an instance, for a year from `issued_at` on.
pub(crate) fn licence(clerk: &Clerk, instance: &str, issued_at: i64) -> String {
    use highwater_rules::licence::{Claims, Limits, Mode, Status, Subject, sign};
    let claims = Claims {
        id: format!("licence-{issued_at}"),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at + 365 * DAY_S,
        subject: Subject::Instance(instance.to_owned()),
        identity: instance.to_owned(),
        contract: "c-1".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Example".to_owned(),
        email: None,
        mode: Mode::Offline,
        status: Status::Active,
        features: vec![],
        limits: Limits::default(),
        grace_s: 90 * 86_400,
        slot_s: None,
        contract_end: None,
    };
    sign(&claims, &clerk.key())
}

/// All bytes of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    highwater::files::read_into(path, &mut bytes, 1 << 20).unwrap();
    bytes
}
