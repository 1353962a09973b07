//! What is known of the instance's standing with central, by whatever central signed last.

use highwater_proto::v1::{self, Grant, Terms};
use highwater_rules::licence::{Claims, Mode, Status};
use serde_json::{Map, Value, json};

/// What is known of the instance's standing with central. Moments are unix seconds of central's clock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The contract's id.
    pub contract: Option<String>,
    /// Its end.
    pub contract_end: Option<i64>,
    /// When central signed what is known of the contract.
    pub contract_said_at: Option<i64>,
    /// Whom central counts the instance for.
    pub identity: Option<String>,
    /// How the contract's instances reach central.
    pub mode: Mode,
    /// When central signed that.
    pub mode_said_at: Option<i64>,
    /// When central took a licence of the instance's back last. It stays known when the licence is removed: only one that was issued
    /// later counts.
    pub revoked_at: Option<i64>,
}

impl Standing {
    /// A receipt says under which terms, and whom central counts the instance for. Of two of the same second the later to come counts.
    pub(super) fn follow_receipt(&mut self, terms: Option<&Terms>, identity: &str, received_at: i64) {
        if self.contract_said_at.is_none_or(|said_at| received_at >= said_at) {
            self.follow_terms(terms, received_at);
            self.identity = Some(identity.to_owned());
        }
    }

    /// A grant says the same, and the mode. Who is activated anew is welcome again.
    pub(super) fn follow_grant(&mut self, grant: &Grant) {
        let said_at = grant.answered_at;
        // It is followed at each start: what was said since counts.
        if self.contract_said_at.is_none_or(|before| said_at > before) {
            self.follow_terms(grant.terms.as_ref(), said_at);
            self.identity = Some(grant.identity.clone());
        }
        match grant.mode() {
            v1::Mode::Online => self.follow_mode(Mode::Online, said_at),
            v1::Mode::Offline => self.follow_mode(Mode::Offline, said_at),
            // A central of before there were modes.
            v1::Mode::Unspecified => {}
        }
        self.revoked_at = self.revoked_at.filter(|revoked_at| *revoked_at >= said_at);
    }

    /// A licence says under which contract, and the mode; or that it is taken back.
    pub(super) fn follow_licence(&mut self, claims: &Claims) {
        let said_at = claims.issued_at;
        if self.contract_said_at.is_none_or(|before| said_at > before) {
            self.contract = Some(claims.contract.clone());
            self.contract_end = claims.contract_end;
            self.contract_said_at = Some(said_at);
        }
        self.follow_mode(claims.mode, said_at);
        if claims.status == Status::Revoked {
            self.revoked_at = self.revoked_at.max(Some(said_at));
        }
    }

    fn follow_terms(&mut self, terms: Option<&Terms>, said_at: i64) {
        self.contract = terms.map(|terms| terms.contract.clone());
        self.contract_end = terms.map(|terms| terms.contract_end).filter(|end| *end != 0);
        self.contract_said_at = Some(said_at);
    }

    fn follow_mode(&mut self, mode: Mode, said_at: i64) {
        if self.mode_said_at.is_none_or(|before| said_at >= before) {
            self.mode = mode;
            self.mode_said_at = Some(said_at);
        }
    }

    /// Whether a licence counts, by what was taken back.
    pub(super) fn counts(&self, claims: &Claims) -> bool {
        claims.status == Status::Revoked
            || self.revoked_at.is_none_or(|revoked_at| claims.issued_at > revoked_at)
    }

    /// Of two that were kept in two places, what was said last. One of them may have been put back to an older state.
    pub(super) fn newest(mut self, mut other: Standing) -> Standing {
        if other.contract_said_at > self.contract_said_at {
            std::mem::swap(&mut self, &mut other);
        }
        if other.mode_said_at > self.mode_said_at {
            (self.mode, self.mode_said_at) = (other.mode, other.mode_said_at);
        }
        self.revoked_at = self.revoked_at.max(other.revoked_at);
        self
    }

    /// What holds where the other can't be proven: it adds what is to the instance's disadvantage, and nothing else.
    pub(super) fn sternest(mut self, unproven: &Standing) -> Standing {
        self.revoked_at = self.revoked_at.max(unproven.revoked_at);
        self.contract_end = match (self.contract_end, unproven.contract_end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        // Who never heard of a central knows nothing better.
        self.contract = self.contract.or_else(|| unproven.contract.clone());
        self.identity = self.identity.or_else(|| unproven.identity.clone());
        if self.mode_said_at.is_none() {
            self.mode = unproven.mode;
        }
        self
    }

    /// What is kept of it.
    pub(super) fn kept(&self) -> Map<String, Value> {
        let mut kept = Map::new();
        for (key, value) in [
            ("contract", json!(self.contract)),
            ("contract_end", json!(self.contract_end)),
            ("contract_said_at", json!(self.contract_said_at)),
            ("identity", json!(self.identity)),
            ("mode", json!(self.mode.word())),
            ("mode_said_at", json!(self.mode_said_at)),
            ("revoked_at", json!(self.revoked_at)),
        ] {
            kept.insert(key.to_owned(), value);
        }
        kept
    }

    /// What was kept, also by an agent of before there were licences. Its contract was the anchor's, so what it knew was said then.
    pub(super) fn of_kept(value: &Value, anchor_at: i64) -> Standing {
        let number = |key: &str| value.get(key)?.as_i64();
        let word = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let identity = word("identity");
        Standing {
            contract: word("contract"),
            contract_end: number("contract_end"),
            contract_said_at: number("contract_said_at").or(identity.as_ref().map(|_| anchor_at)),
            identity,
            mode: word("mode").and_then(|mode| Mode::from_word(&mode)).unwrap_or_default(),
            mode_said_at: number("mode_said_at"),
            revoked_at: number("revoked_at"),
        }
    }
}
