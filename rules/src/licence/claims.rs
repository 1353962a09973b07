//! What a licence says, whose it is, and which of two counts.

use super::error::LicenceError;
use super::jws;
use super::object;
use crate::grace::GRACE_MAX_S;
use crate::slot::SlotLength;
use serde::{Deserialize, Serialize};

const ISSUER: &str = "highwater-central";
const AUDIENCE: &str = "highwater";

/// The longest id, in bytes.
const ID_MAX_BYTES: usize = 64;
/// The longest name of a product or a customer, and the longest tier, in characters.
const NAME_MAX_CHARS: usize = 200;
/// The longest e-mail address, in bytes (RFC 5321 allows no longer one).
const EMAIL_MAX_BYTES: usize = 254;
/// How many features a licence may name.
const FEATURES_MAX: usize = 64;
/// The highest number that every reader of JSON reads as it was written.
const NUMBER_MAX: u64 = (1 << 53) - 1;
/// Moments lie before this, in unix seconds: the year 10000.
const MOMENT_END_S: i64 = 253_402_300_800;

/// How a contract's instances reach central.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Mode {
    /// Over the network: licences are short, and renew themselves.
    #[default]
    Online,
    /// By files that are carried: a licence lasts as long as the contract.
    Offline,
}

impl Mode {
    /// Both.
    pub const ALL: [Mode; 2] = [Mode::Online, Mode::Offline];

    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Mode::Online => "online",
            Mode::Offline => "offline",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Mode::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

/// Who may use the software.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One instance, by its id: a UUID.
    Instance(String),
    /// All instances of a cluster, by its id: the uid of the namespace kube-system.
    Cluster(String),
}

impl Subject {
    /// Whether it is a cluster.
    #[must_use]
    pub const fn is_cluster(&self) -> bool {
        matches!(self, Subject::Cluster(_))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Instance(id) => write!(f, "instance {id}"),
            Subject::Cluster(id) => write!(f, "cluster {id}"),
        }
    }
}

/// Whether the licence gives a right, or takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Status {
    /// It gives the right, from `not_before` until `expires_at`.
    #[default]
    Active,
    /// It takes back what was given before. It ends as it begins, so that every JWT library calls it expired.
    Revoked,
}

impl Status {
    /// Both.
    pub const ALL: [Status; 2] = [Status::Active, Status::Revoked];

    /// The name that logs and JSON use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Revoked => "revoked",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Mode::from_word(&word).ok_or_else(|| "mode is neither \"online\" nor \"offline\"".to_owned())
    }
}

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Status::from_word(&word).ok_or_else(|| "status is neither \"active\" nor \"revoked\"".to_owned())
    }
}

/// How much may be used; what is not named is not limited. They are told, and billed by; no gate closes for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Limits {
    /// RAM capacity, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram_bytes: Option<u64>,
    /// Network throughput, in bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_bps: Option<u64>,
    /// The name of the throughput tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_tier: Option<String>,
    /// New TLS sessions per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_tps: Option<u64>,
}

/// What a licence says. Its JSON is the payload of the JWT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Payload", into = "Payload")]
pub struct Claims {
    /// Its own id (`jti`).
    pub id: String,
    /// When it was issued (`iat`), in unix seconds.
    pub issued_at: i64,
    /// Its first second (`nbf`), in unix seconds.
    pub not_before: i64,
    /// The first second after it (`exp`), in unix seconds. It is not the end of the contract.
    pub expires_at: i64,
    /// Who may use the software (`instance` or `cluster`).
    pub subject: Subject,
    /// Whom central counts the instance for (`sub`); a cluster's is the cluster's id.
    pub identity: String,
    /// The contract's id.
    pub contract: String,
    /// What was sold.
    pub product: String,
    /// To whom.
    pub customer: String,
    /// The e-mail address that it is registered to.
    pub email: Option<String>,
    /// How the instance reaches central.
    pub mode: Mode,
    /// Whether it gives the right, or takes it away.
    pub status: Status,
    /// What of the software may be used.
    pub features: Vec<String>,
    /// How much of it.
    pub limits: Limits,
    /// How long the software may run after a receipt, in seconds.
    pub grace_s: u64,
    /// The slot length that the contract pins, in seconds.
    pub slot_s: Option<u64>,
    /// The first second after the contract, in unix seconds; `None` where it has no end.
    pub contract_end: Option<i64>,
}

/// Who holds a licence in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The instance's id.
    pub instance: &'a str,
    /// Whom central counts it for; `None` before activation.
    pub identity: Option<&'a str>,
    /// The id of the cluster that it is in, where it is in one.
    pub cluster: Option<&'a str>,
}

impl Claims {
    /// Whether it is the holder's.
    ///
    /// # Errors
    /// When it is someone else's: [`LicenceError::Foreign`] names whose.
    pub fn is_for(&self, holder: &Holder<'_>) -> Result<(), LicenceError> {
        let of = match &self.subject {
            Subject::Instance(id) if id != holder.instance => self.subject.to_string(),
            // After a fork two hosts have one instance id. Central tells them apart by whom it counts them for.
            Subject::Instance(_) if holder.identity.is_some_and(|one| one != self.identity) => {
                format!("{}, counted for {}", self.subject, self.identity)
            }
            Subject::Cluster(id) if holder.cluster != Some(id.as_str()) => self.subject.to_string(),
            Subject::Instance(_) | Subject::Cluster(_) => return Ok(()),
        };
        Err(LicenceError::Foreign { of })
    }

    /// Whether it takes the place of another: the newer one does. Of two that were issued in the same second, a revocation does, then
    /// the one that lasts longer.
    #[must_use]
    pub fn replaces(&self, other: &Claims) -> bool {
        let rank = |claims: &Claims| {
            (claims.issued_at, claims.status == Status::Revoked, claims.expires_at, claims.not_before)
        };
        rank(self) > rank(other)
    }

    /// Whether they make sense together, and fit into a token. What does not is neither to be signed nor believed.
    ///
    /// # Errors
    /// [`LicenceError::Claims`] names the claim, [`LicenceError::TooLong`] the limit.
    pub fn check(&self) -> Result<(), LicenceError> {
        let wrong = |claim: &str, why: &str| Err(LicenceError::Claims(format!("{claim} {why}")));
        let subject = match &self.subject {
            Subject::Instance(id) => ("instance", id),
            Subject::Cluster(id) => ("cluster", id),
        };
        let ids = [("jti", &self.id), subject, ("sub", &self.identity), ("contract", &self.contract)];
        for (claim, id) in ids {
            if id.is_empty() || id.len() > ID_MAX_BYTES || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                return wrong(claim, "is no id of 1 to 64 letters without spaces");
            }
        }
        for (claim, name) in [("product", &self.product), ("customer", &self.customer)] {
            if !is_name(name) {
                return wrong(claim, "is no name of 1 to 200 characters");
            }
        }
        let mut words = self.features.iter().chain(&self.limits.throughput_tier);
        if self.features.len() > FEATURES_MAX || !words.all(|word| is_name(word)) {
            return wrong("features or throughput_tier", "are not up to 64 names of 1 to 200 characters");
        }
        let is_address = |text: &String| {
            (1..=EMAIL_MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if self.email.as_ref().is_some_and(|email| !is_address(email)) {
            return wrong("email", "is no address of 1 to 254 bytes");
        }
        let limits = [self.limits.ram_bytes, self.limits.throughput_bps, self.limits.ssl_tps];
        if limits.into_iter().flatten().any(|limit| limit > NUMBER_MAX) {
            return wrong("limits", "are above 2^53 - 1");
        }
        if !(1..=GRACE_MAX_S.unsigned_abs()).contains(&self.grace_s) {
            return wrong("grace_s", "is not between a second and ten years");
        }
        if self.slot_s.is_some_and(|seconds| SlotLength::new(seconds).is_err()) {
            return wrong("slot_s", "is no slot length");
        }
        self.check_dates()?;
        jws::check_size(self)
    }

    fn check_dates(&self) -> Result<(), LicenceError> {
        let dates = [self.issued_at, self.not_before, self.expires_at];
        if dates.into_iter().chain(self.contract_end).any(|at| !(1..MOMENT_END_S).contains(&at)) {
            return Err(LicenceError::Claims("a date is none between 1970 and 9999".to_owned()));
        }
        let fits = match self.status {
            Status::Active => self.expires_at > self.not_before && self.expires_at > self.issued_at,
            Status::Revoked => self.expires_at == self.issued_at && self.not_before == self.issued_at,
        };
        if fits {
            return Ok(());
        }
        Err(LicenceError::Claims(match self.status {
            Status::Active => "it ends before it begins".to_owned(),
            Status::Revoked => "one that revokes must end as it is issued".to_owned(),
        }))
    }
}

/// Whether a text may be shown to an operator as a name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= NAME_MAX_CHARS && !text.chars().any(char::is_control)
}

/// The payload as it travels. Claims that are not known are passed over, as RFC 7519 has it.
#[derive(Serialize, Deserialize)]
pub(super) struct Payload {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    contract: String,
    product: String,
    customer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    mode: Mode,
    status: Status,
    features: Vec<String>,
    #[serde(deserialize_with = "object::deserialize")]
    limits: Limits,
    grace_s: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contract_end: Option<i64>,
}

impl From<Claims> for Payload {
    fn from(claims: Claims) -> Self {
        let (instance, cluster) = match claims.subject {
            Subject::Instance(id) => (Some(id), None),
            Subject::Cluster(id) => (None, Some(id)),
        };
        Payload {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.identity,
            jti: claims.id,
            iat: claims.issued_at,
            nbf: claims.not_before,
            exp: claims.expires_at,
            instance,
            cluster,
            contract: claims.contract,
            product: claims.product,
            customer: claims.customer,
            email: claims.email,
            mode: claims.mode,
            status: claims.status,
            features: claims.features,
            limits: claims.limits,
            grace_s: claims.grace_s,
            slot_s: claims.slot_s,
            contract_end: claims.contract_end,
        }
    }
}

impl TryFrom<Payload> for Claims {
    type Error = LicenceError;

    fn try_from(payload: Payload) -> Result<Self, LicenceError> {
        for (claim, found, wanted) in [("iss", payload.iss, ISSUER), ("aud", payload.aud, AUDIENCE)] {
            if found != wanted {
                let found = found.chars().filter(|c| !c.is_control()).take(ID_MAX_BYTES).collect();
                return Err(LicenceError::NoLicence { claim, found, wanted });
            }
        }
        let subject = match (payload.instance, payload.cluster) {
            (Some(id), None) => Subject::Instance(id),
            (None, Some(id)) => Subject::Cluster(id),
            (Some(_), Some(_)) => {
                return Err(LicenceError::Claims("it names an instance and a cluster".to_owned()));
            }
            (None, None) => {
                return Err(LicenceError::Claims("it names neither an instance nor a cluster".to_owned()));
            }
        };
        let claims = Claims {
            id: payload.jti,
            issued_at: payload.iat,
            not_before: payload.nbf,
            expires_at: payload.exp,
            subject,
            identity: payload.sub,
            contract: payload.contract,
            product: payload.product,
            customer: payload.customer,
            email: payload.email,
            mode: payload.mode,
            status: payload.status,
            features: payload.features,
            limits: payload.limits,
            grace_s: payload.grace_s,
            slot_s: payload.slot_s,
            contract_end: payload.contract_end,
        };
        claims.check()?;
        Ok(claims)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::licence) const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
    pub(in crate::licence) const OTHER: &str = "1f8fad5b-d9cb-469f-a165-70867728950e";

    pub(in crate::licence) fn claims() -> Claims {
        Claims {
            id: "5f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
            issued_at: 1_795_000_000,
            not_before: 1_795_000_000,
            expires_at: 1_795_864_000,
            subject: Subject::Instance(INSTANCE.to_owned()),
            identity: INSTANCE.to_owned(),
            contract: "c-1".to_owned(),
            product: "Balancer".to_owned(),
            customer: "Müller & Söhne".to_owned(),
            email: Some("ops@example.com".to_owned()),
            mode: Mode::Online,
            status: Status::Active,
            features: vec!["waf".to_owned()],
            limits: Limits { ram_bytes: Some(1 << 40), ..Limits::default() },
            grace_s: 7_776_000,
            slot_s: Some(300),
            contract_end: Some(1_900_000_000),
        }
    }

    pub(in crate::licence) fn revoked() -> Claims {
        let issued_at = claims().issued_at;
        Claims { status: Status::Revoked, not_before: issued_at, expires_at: issued_at, ..claims() }
    }

    #[test]
    fn a_licence_is_for_one_instance_as_central_counts_it_or_for_one_cluster() {
        let holder = |instance, identity, cluster| Holder { instance, identity, cluster };
        let of = |claims: &Claims, holder: Holder<'_>| match claims.is_for(&holder) {
            Ok(()) => "mine".to_owned(),
            Err(LicenceError::Foreign { of }) => of,
            Err(other) => panic!("{other}"),
        };
        let one = claims();
        assert_eq!(of(&one, holder(INSTANCE, Some(INSTANCE), None)), "mine");
        assert_eq!(of(&one, holder(INSTANCE, None, Some("k-1"))), "mine", "before activation");
        assert_eq!(of(&one, holder(OTHER, Some(OTHER), None)), format!("instance {INSTANCE}"));
        let split = of(&one, holder(INSTANCE, Some(OTHER), None));
        assert_eq!(split, format!("instance {INSTANCE}, counted for {INSTANCE}"), "the other side of a fork");
        let many =
            Claims { subject: Subject::Cluster("k-1".to_owned()), identity: "k-1".to_owned(), ..claims() };
        assert_eq!(of(&many, holder(OTHER, Some(OTHER), Some("k-1"))), "mine");
        assert_eq!(of(&many, holder(OTHER, Some(OTHER), Some("k-2"))), "cluster k-1");
        assert_eq!(of(&many, holder("k-1", Some("k-1"), None)), "cluster k-1", "an instance of that name");
    }

    #[test]
    fn of_two_licences_the_newer_counts_and_of_the_same_second_the_revocation() {
        let old = claims();
        let new = Claims { issued_at: old.issued_at + 1, expires_at: old.expires_at - 5, ..claims() };
        let longer = Claims { expires_at: old.expires_at + 1, ..claims() };
        for (winner, loser) in [(&new, &old), (&new, &revoked()), (&revoked(), &longer), (&longer, &old)] {
            assert!(winner.replaces(loser) && !loser.replaces(winner), "{winner:?} {loser:?}");
        }
        assert!(!old.replaces(&old), "the same again changes nothing");
    }

    #[test]
    fn claims_that_make_no_sense_are_refused_by_name() {
        type Spoil = fn(&mut Claims);
        assert_eq!((claims().check(), revoked().check()), (Ok(()), Ok(())));
        let cases: [(&str, Spoil); 17] = [
            ("jti", |c| c.id.clear()),
            ("instance", |c| c.subject = Subject::Instance("a b".to_owned())),
            ("cluster", |c| c.subject = Subject::Cluster("x".repeat(65))),
            ("sub", |c| c.identity = "\u{1b}[2J".to_owned()),
            ("contract", |c| c.contract.clear()),
            ("product", |c| c.product.clear()),
            ("customer", |c| c.customer = "a\nb".to_owned()),
            ("customer", |c| c.customer = "ü".repeat(201)),
            ("email", |c| c.email = Some("ü".repeat(128))),
            ("features", |c| c.features = vec!["f".to_owned(); 65]),
            ("throughput_tier", |c| c.limits.throughput_tier = Some(String::new())),
            ("limits", |c| c.limits.ssl_tps = Some(1 << 53)),
            ("grace_s", |c| c.grace_s = 0),
            ("slot_s", |c| c.slot_s = Some(7)),
            ("date", |c| c.expires_at = 253_402_300_800),
            ("ends before it begins", |c| c.expires_at = c.issued_at),
            ("must end as it is issued", |c| c.status = Status::Revoked),
        ];
        for (claim, spoil) in cases {
            let mut spoilt = claims();
            spoil(&mut spoilt);
            let error = spoilt.check().unwrap_err().to_string();
            assert!(error.contains(claim), "{claim}: {error}");
        }
        let many = Claims { features: vec!["f".repeat(200); 40], ..claims() };
        assert_eq!(many.check(), Err(LicenceError::TooLong { max: jws::TOKEN_MAX_BYTES }));
    }
}
