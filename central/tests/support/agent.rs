//! An instance as the network sees it.

use super::{Client, Reply};
use highwater_proto::v1::{Activation, Envelope, Export, Host, Kind, LicenceRequest, ReportBatch};
use highwater_rules::bundle::Record;
use highwater_rules::chain::Digest;
use highwater_rules::coverage::Coverage;
use highwater_rules::day::Calendar;
use highwater_rules::facts::DayFacts;
use highwater_rules::meter::{CountRule, Meter, Series, TOTAL};
use highwater_rules::node::Node;
use highwater_rules::peaks::{DaySummary, Peak, SeriesDay};
use highwater_rules::receipt::{self, AnswerError, Believed, Fate, Joined, Sent};
use highwater_rules::record::{Directions, Reading};
use highwater_rules::renewal;
use highwater_rules::report::{self, ChainSpan, Facts, Names};
use highwater_rules::sign::{Identity, PublicKey, sha256};
use highwater_rules::token::EnrolmentToken;
use prost::Message as _;

const NONCE: &[u8] = b"0123456789abcdef";
const ROWS: i64 = 288;

/// An instance with its key, its ledger's chain, and the reports that it has made.
pub struct Agent {
    pub key: Identity,
    pub instance: String,
    pub pinned: Option<PublicKey>,
    pub sequence: u64,
    pub previous: Option<Digest>,
    /// How many network interfaces it reports.
    pub interfaces: usize,
    /// How many virtual services it reports; where there are any, it keeps bursts, too.
    pub services: usize,
    /// The node of a cluster that it runs on.
    pub node: Option<Node>,
}

/// A report that was made.
#[derive(Clone)]
pub struct Made {
    pub envelope: Envelope,
    pub sent: Sent,
}

impl Agent {
    /// The instance of a number, which has sent nothing yet.
    pub fn new(n: u32) -> Self {
        let Digest(seed) = sha256(&n.to_be_bytes());
        Agent {
            key: Identity::from_seed(&seed),
            instance: format!("{n:08x}-0000-4000-8000-000000000000"),
            pinned: None,
            sequence: 0,
            previous: None,
            interfaces: 5,
            services: 0,
            node: None,
        }
    }

    /// The same machine, once more.
    pub fn cloned(&self, n: u32) -> Self {
        let Digest(seed) = sha256(&n.to_be_bytes());
        let key = Identity::from_seed(&seed);
        assert_eq!(key.id(), self.key.id(), "a clone has the same key");
        let (instance, pinned) = (self.instance.clone(), self.pinned.clone());
        Agent {
            key,
            instance,
            pinned,
            sequence: self.sequence,
            previous: self.previous,
            interfaces: self.interfaces,
            services: self.services,
            node: self.node.clone(),
        }
    }

    /// What it asks, signed by a key.
    pub fn asking(&self, token: &EnrolmentToken, signer: &Identity) -> Vec<u8> {
        let activation = Activation {
            secret: token.secret.to_vec(),
            instance: self.instance.clone(),
            public_key: self.key.public().bytes().to_vec(),
            host: Some(Host { name: "edge\u{1b}[2J".to_owned(), cores: 2, ..Host::default() }),
            agent_version: "0.1.0".to_owned(),
            first_start: 1_795_000_000,
            nonce: NONCE.to_vec(),
            sent_at: 1_795_000_001,
            node: self.node.as_ref().map(|node| node.told(&Names::Plain)),
        };
        signer.seal(Kind::Activation, activation.encode_to_vec()).encode_to_vec()
    }

    pub async fn ask_to_join(&self, client: &mut Client, token: &EnrolmentToken) -> Reply {
        client.post("/v1/activations", self.asking(token, &self.key)).await
    }

    pub async fn join(&mut self, client: &mut Client, token: &EnrolmentToken) -> Joined {
        let reply = self.ask_to_join(client, token).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let joined = receipt::believe_grant(
            &reply.body,
            &token.fingerprint,
            NONCE,
            &self.instance,
            &self.key.public(),
        );
        let joined = joined.unwrap();
        self.pinned = Some(joined.key.clone());
        joined
    }

    /// The digest of a row of its ledger's chain.
    fn row(&self, row: i64) -> Digest {
        sha256(format!("{} {row}", self.instance).as_bytes())
    }

    /// Its next report: a day of ten series.
    pub fn report(&mut self) -> Made {
        self.report_with(|_| {})
    }

    /// The same, with a chain of another making.
    pub fn report_with(&mut self, change: impl FnOnce(&mut ChainSpan)) -> Made {
        self.sequence += 1;
        let first_row = 1 + i64::try_from(self.sequence - 1).unwrap() * ROWS;
        let mut chain = ChainSpan {
            first_row,
            last_row: first_row + ROWS - 1,
            first_digest: self.row(first_row - 1),
            last_digest: self.row(first_row + ROWS - 1),
        };
        change(&mut chain);
        let made = self.made(self.sequence, self.previous, chain);
        self.previous = Some(made.sent.digest);
        made
    }

    pub fn made(&self, sequence: u64, previous: Option<Digest>, chain: ChainSpan) -> Made {
        let payload = report::write(&Facts {
            instance: &self.instance,
            sequence,
            previous,
            summary: &summary(sequence, self.interfaces, self.services),
            day: &DayFacts {
                hourly_ram: (1..=24).map(|h| (h, 67_435_167_744)).collect(),
                boots: 1,
                ..DayFacts::default()
            },
            time_zone: "Europe/Berlin",
            slot_s: 300,
            revision: Some(1),
            chain,
            agent_version: "0.1.0",
            made_at: 1_795_219_203,
            first_start: 1_787_443_203,
            damaged: None,
            names: &Names::Plain,
            node: self.node.as_ref(),
        });
        let sent =
            Sent { instance: self.instance.clone(), sequence, digest: receipt::report_digest(&payload) };
        Made { envelope: self.key.seal(Kind::Report, payload), sent }
    }

    /// A batch, as it travels.
    pub fn batch(&self, made: &[Made]) -> Vec<u8> {
        ReportBatch {
            reports: made.iter().map(|one| one.envelope.clone()).collect(),
            nonce: NONCE.to_vec(),
            pinned_key: self.pinned.as_ref().map(|key| key.id().0.to_vec()).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    /// The nonce of its exports.
    pub fn export_nonce(&self) -> Vec<u8> {
        sha256(self.instance.as_bytes()).0.to_vec()
    }

    /// Reports with the export that comes before them, as they lie in a bundle.
    pub fn export(&self, made: &[Made]) -> Vec<Record> {
        let export = Export {
            instance: self.instance.clone(),
            nonce: self.export_nonce(),
            exported_at: 1_795_219_300,
            pinned_key: self.pinned.as_ref().map(|key| key.id().0.to_vec()).unwrap_or_default(),
            reports: u32::try_from(made.len()).unwrap(),
            held: String::new(),
            agent_version: "0.1.0".to_owned(),
        };
        let export = Record::Export(self.key.seal(Kind::Export, export.encode_to_vec()));
        let reports = made.iter().map(|one| Record::Report(one.envelope.clone()));
        std::iter::once(export).chain(reports).collect()
    }

    pub fn believe(&self, body: &[u8], made: &[Made]) -> Result<Believed, AnswerError> {
        let sent: Vec<Sent> = made.iter().map(|one| one.sent.clone()).collect();
        receipt::believe(body, self.pinned.as_ref().unwrap(), NONCE, &sent)
    }

    /// Sends reports, and holds the answer to what an agent would.
    pub async fn push(&mut self, client: &mut Client, made: &[Made]) -> Vec<Fate> {
        self.told(client, made).await.fates
    }

    /// The same, with all that the answer tells.
    pub async fn told(&mut self, client: &mut Client, made: &[Made]) -> Believed {
        let reply = client.post("/v1/reports", self.batch(made)).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let believed = self.believe(&reply.body, made).unwrap();
        self.pinned = Some(believed.key.clone());
        believed
    }

    /// Its request for a licence, signed by a key.
    pub fn asking_for_a_licence(&self, held: &str, signer: &Identity) -> Vec<u8> {
        let request = LicenceRequest {
            instance: self.instance.clone(),
            nonce: NONCE.to_vec(),
            held: held.to_owned(),
            sent_at: 0,
            pinned_key: self.pinned.as_ref().map(|key| key.id().0.to_vec()).unwrap_or_default(),
        };
        signer.seal(Kind::LicenceRequest, request.encode_to_vec()).encode_to_vec()
    }

    /// Asks for its licence, and holds the answer to what an agent would.
    pub async fn ask_for_a_licence(&mut self, client: &mut Client, held: &str) -> renewal::Outcome {
        let reply = client.post("/v1/licences", self.asking_for_a_licence(held, &self.key)).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let renewed = renewal::believe(&reply.body, self.pinned.as_ref().unwrap(), NONCE).unwrap();
        self.pinned = Some(renewed.key);
        renewed.outcome
    }
}

fn summary(sequence: u64, interfaces: usize, services: usize) -> DaySummary {
    let date = jiff::civil::date(2026, 1, 1)
        .saturating_add(jiff::Span::new().days(i64::try_from(sequence).unwrap() % 9000));
    let day = Calendar::utc().day(date);
    let mut coverage = Coverage::default();
    coverage.read = 288;
    let peak = |value: f64| Some(Peak { reading: Reading::plain(value), at: day.start + 5100 });
    let directed = |rx: f64, tx: f64| {
        let reading = Reading::directed(Directions { rx, tx, rule: CountRule::Max });
        Some(Peak { reading, at: day.start + 60_000 })
    };
    let one = |meter, subject: &str, peak, runner_up, p95| SeriesDay {
        series: Series::new(meter, subject),
        peak,
        runner_up,
        p95,
        coverage,
    };
    let ram = |subject: &str| one(Meter::RamCapacity, subject, peak(6.7e10), peak(6.7e10), Some(6.7e10));
    let network = |subject: &str| {
        one(
            Meter::NetworkThroughput,
            subject,
            directed(1.2e9, 0.9e9),
            directed(1.1e9 / 3.0, 0.3e9),
            Some(1.0e9 / 3.0),
        )
    };
    let tls =
        |subject: &str| one(Meter::SslTps, subject, peak(12.0 / 3.5), peak(11.0 / 3.5), Some(10.0 / 3.5));
    let mut series = vec![ram("host"), ram(TOTAL)];
    series.extend((0..interfaces).map(|n| network(&format!("enp{n}s0f1"))));
    series.extend([network(TOTAL), tls("haproxy"), tls(TOTAL)]);
    if services > 0 {
        let bytes = |subject: &str| one(Meter::VsBytes, subject, peak(7.5e9), peak(7.4e9), Some(7.3e9));
        series.extend((0..services).map(|n| bytes(&format!("haproxy/front{n}"))));
        series.push(bytes(TOTAL));
        series.push(one(Meter::NetworkThroughputBurst, TOTAL, peak(9.9e9), peak(9.8e9), Some(9.7e9)));
        series.push(one(Meter::SslTpsBurst, TOTAL, peak(4321.5), peak(4000.0), Some(3999.0)));
    }
    DaySummary { until: day.end, day, coverage, series, present_slots: 288, present: Some((1, 2)) }
}
