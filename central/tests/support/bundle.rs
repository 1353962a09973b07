//! Bundles, as those who carry them see them.

use super::{Agent, Client, Made, Reply};
use highwater_proto::v1::bundle_record::Reply as ReplyRecord;
use highwater_proto::v1::{Answer, Envelope, Kind, Receipt, outcome};
use highwater_rules::bundle::{MEDIA_TYPE, Reader, Record, Writer};
use highwater_rules::trust;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use prost::Message as _;

/// A bundle of these records.
pub fn packed(records: &[Record]) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut bytes = Vec::new();
    for record in records {
        writer.put(record.clone()).unwrap();
        bytes.extend(writer.take());
    }
    bytes.extend(writer.finish());
    bytes
}

/// The records of a bundle, which has to be whole.
pub fn unpacked(bytes: &[u8]) -> Vec<Record> {
    let mut reader = Reader::new();
    let mut records = Vec::new();
    reader.feed(bytes, &mut records).unwrap();
    reader.finish().unwrap();
    records
}

/// What came back for one export or activation.
#[derive(Debug)]
pub struct Replied {
    pub reply: ReplyRecord,
    pub records: Vec<Record>,
}

/// A bundle that came back.
#[derive(Debug)]
pub struct Back(pub Vec<Replied>);

impl Back {
    pub fn read(bytes: &[u8]) -> Self {
        let mut back: Vec<Replied> = Vec::new();
        for record in unpacked(bytes) {
            match record {
                Record::Reply(reply) => back.push(Replied { reply, records: Vec::new() }),
                record => back.last_mut().unwrap().records.push(record),
            }
        }
        Back(back)
    }

    pub fn only(self) -> Replied {
        let Back(mut replies) = self;
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }
}

impl Replied {
    /// The receipts in it, held to the key that an agent has pinned, and to the nonce of its export: their sequence numbers.
    pub fn receipted(&self, agent: &Agent) -> Vec<u64> {
        let successions: Vec<Envelope> = self
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Succession(envelope) => Some(envelope.clone()),
                _ => None,
            })
            .collect();
        let key = trust::follow(agent.pinned.as_ref().unwrap(), &successions).unwrap();
        let mut sequences = Vec::new();
        for record in &self.records {
            let Record::Answer(envelope) = record else { continue };
            let answer = Answer::decode(key.open(envelope, Kind::Answer).unwrap()).unwrap();
            assert_eq!(answer.nonce, agent.export_nonce());
            assert!(answer.outcomes.len() <= 200);
            for outcome in answer.outcomes {
                if let Some(outcome::Result::Receipt(envelope)) = outcome.result {
                    let receipt = Receipt::decode(&envelope.payload[..]).unwrap();
                    assert_eq!(receipt.instance, agent.instance);
                    assert_eq!(receipt.report_digest, outcome.report_digest);
                    sequences.push(receipt.sequence);
                }
            }
        }
        sequences
    }

    /// Whether any report is refused for good: its agent would not send it again.
    pub fn parks(&self) -> bool {
        let answers = self.records.iter().filter_map(|record| match record {
            Record::Answer(envelope) => Some(Answer::decode(&envelope.payload[..]).unwrap()),
            _ => None,
        });
        answers
            .flat_map(|answer| answer.outcomes)
            .any(|o| matches!(o.result, Some(outcome::Result::Refusal(refusal)) if refusal.for_good))
    }

    /// The licences in it.
    pub fn licences(&self) -> Vec<String> {
        let answers = self.records.iter().filter_map(|record| match record {
            Record::Answer(envelope) => Some(Answer::decode(&envelope.payload[..]).unwrap()),
            _ => None,
        });
        answers.flat_map(|answer| answer.licences).collect()
    }

    /// How many answers there are.
    pub fn answers(&self) -> usize {
        self.records.iter().filter(|record| matches!(record, Record::Answer(_))).count()
    }
}

impl Agent {
    /// So many reports more, in a bundle of their own.
    pub fn bundle(&mut self, reports: usize) -> (Vec<u8>, Vec<Made>) {
        let made: Vec<Made> = (0..reports).map(|_| self.report()).collect();
        (packed(&self.export(&made)), made)
    }
}

impl Client {
    pub async fn bundle(&mut self, bundle: &[u8]) -> Reply {
        let request = Request::post("/v1/bundles")
            .header("host", "localhost")
            .header("content-type", MEDIA_TYPE)
            .body(Full::new(Bytes::copy_from_slice(bundle)))
            .unwrap();
        self.send(request).await.unwrap()
    }

    /// Hands in a bundle that is taken.
    pub async fn carried(&mut self, bundle: &[u8]) -> Back {
        let reply = self.bundle(bundle).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.headers["content-type"], MEDIA_TYPE);
        Back::read(&reply.body)
    }
}
