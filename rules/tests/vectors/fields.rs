//! Messages as JSON, by the names of the `.proto` files. What is not on the wire is left out.

use highwater_proto::v1::{
    Activation, Answer, Chain, Clock, CountRule, Coverage, Envelope, GapReason, Grant, Host, HourlyRam, Kind,
    Meter, Mode, Node, Outcome, Reading, Receipt, Refusal, Report, SeriesDay, Succession, Terms, UsageDay,
    coverage, outcome, refusal,
};
use highwater_rules::sign::hex;
use serde_json::{Map, Value};

struct Fields(Map<String, Value>);

fn message() -> Fields {
    Fields(Map::new())
}

impl Fields {
    /// A field that is not on the wire where it has its default.
    fn put(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let default = match &value {
            Value::Null => true,
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(_) => false,
        };
        if default { self } else { self.some(name, Some(value)) }
    }

    /// A field that is on the wire where it is there at all.
    fn some(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.put(name, hex(bytes))
    }

    /// A word, or the number where this version does not know it.
    fn word<E: TryFrom<i32>>(self, name: &str, number: i32, word: fn(&E) -> &'static str) -> Self {
        match E::try_from(number) {
            Ok(known) if number != 0 => self.put(name, word(&known)),
            _ => self.put(name, number),
        }
    }

    fn list<T>(self, name: &str, items: &[T], one: fn(&T) -> Value) -> Self {
        self.put(name, items.iter().map(one).collect::<Vec<_>>())
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

pub(crate) fn report(m: &Report) -> Value {
    message()
        .put("instance", m.instance.as_str())
        .put("sequence", m.sequence)
        .bytes("previous", &m.previous)
        .some("day", m.day.as_ref().map(usage_day))
        .put("partial", m.partial)
        .put("revision", m.revision)
        .some("chain", m.chain.as_ref().map(chain))
        .list("hourly_ram", &m.hourly_ram, hourly_ram)
        .some("clock", m.clock.as_ref().map(clock))
        .put("agent_version", m.agent_version.as_str())
        .put("made_at", m.made_at)
        .put("first_start", m.first_start)
        .put("damaged", m.damaged.as_str())
        .put("names_hashed", m.names_hashed)
        .some("node", m.node.as_ref().map(node))
        .done()
}

fn node(m: &Node) -> Value {
    message()
        .put("cluster", m.cluster.as_str())
        .put("name", m.name.as_str())
        .put("hardware", m.hardware.as_str())
        .put("name_hashed", m.name_hashed)
        .done()
}

fn usage_day(m: &UsageDay) -> Value {
    message()
        .put("day", m.day.as_str())
        .put("time_zone", m.time_zone.as_str())
        .put("until", m.until)
        .put("slot_s", m.slot_s)
        .some("coverage", m.coverage.as_ref().map(coverage))
        .list("series", &m.series, series_day)
        .put("present_slots", m.present_slots)
        .some("present_first", m.present_first)
        .some("present_last", m.present_last)
        .done()
}

fn coverage(m: &Coverage) -> Value {
    message().put("read", m.read).list("missed", &m.missed, missed).done()
}

fn missed(m: &coverage::Missed) -> Value {
    message().word("reason", m.reason, GapReason::as_str_name).put("slots", m.slots).done()
}

fn series_day(m: &SeriesDay) -> Value {
    message()
        .word("meter", m.meter, Meter::as_str_name)
        .put("subject", m.subject.as_str())
        .put("definition", m.definition)
        .some("peak", m.peak.as_ref().map(reading))
        .some("runner_up", m.runner_up.as_ref().map(reading))
        .some("p95", m.p95)
        .some("coverage", m.coverage.as_ref().map(coverage))
        .word("rule", m.rule, CountRule::as_str_name)
        .done()
}

fn reading(m: &Reading) -> Value {
    message().put("value", m.value).put("at", m.at).some("rx", m.rx).some("tx", m.tx).done()
}

fn chain(m: &Chain) -> Value {
    message()
        .put("first_row", m.first_row)
        .put("last_row", m.last_row)
        .bytes("first_digest", &m.first_digest)
        .bytes("last_digest", &m.last_digest)
        .done()
}

fn hourly_ram(m: &HourlyRam) -> Value {
    message().put("hour", m.hour).put("bytes", m.bytes).done()
}

fn clock(m: &Clock) -> Value {
    message().put("steps", m.steps).put("largest_ms", m.largest_ms).put("boots", m.boots).done()
}

fn terms(m: &Terms) -> Value {
    message()
        .put("contract", m.contract.as_str())
        .put("contract_end", m.contract_end)
        .put("grace_s", m.grace_s)
        .done()
}

pub(crate) fn receipt(m: &Receipt) -> Value {
    message()
        .put("instance", m.instance.as_str())
        .put("sequence", m.sequence)
        .bytes("report_digest", &m.report_digest)
        .put("received_at", m.received_at)
        .put("identity", m.identity.as_str())
        .some("terms", m.terms.as_ref().map(terms))
        .done()
}

pub(crate) fn answer(m: &Answer) -> Value {
    message()
        .bytes("nonce", &m.nonce)
        .put("answered_at", m.answered_at)
        .list("outcomes", &m.outcomes, outcome_of)
        .put("licences", m.licences.clone())
        .done()
}

fn outcome_of(m: &Outcome) -> Value {
    let told = message().bytes("report_digest", &m.report_digest);
    match &m.result {
        Some(outcome::Result::Receipt(sealed)) => told.some("receipt", Some(envelope(sealed))),
        Some(outcome::Result::Refusal(why)) => told.some("refusal", Some(refusal(why))),
        None => told,
    }
    .done()
}

fn refusal(m: &Refusal) -> Value {
    message()
        .word("reason", m.reason, refusal::Reason::as_str_name)
        .put("message", m.message.as_str())
        .put("for_good", m.for_good)
        .done()
}

fn envelope(m: &Envelope) -> Value {
    message()
        .word("kind", m.kind, Kind::as_str_name)
        .bytes("payload", &m.payload)
        .bytes("key_id", &m.key_id)
        .bytes("signature", &m.signature)
        .done()
}

pub(crate) fn activation(m: &Activation) -> Value {
    message()
        .bytes("secret", &m.secret)
        .put("instance", m.instance.as_str())
        .bytes("public_key", &m.public_key)
        .some("host", m.host.as_ref().map(host))
        .put("agent_version", m.agent_version.as_str())
        .put("first_start", m.first_start)
        .bytes("nonce", &m.nonce)
        .put("sent_at", m.sent_at)
        .some("node", m.node.as_ref().map(node))
        .done()
}

fn host(m: &Host) -> Value {
    message()
        .put("name", m.name.as_str())
        .put("os", m.os.as_str())
        .put("os_version", m.os_version.as_str())
        .put("kernel", m.kernel.as_str())
        .put("cores", m.cores)
        .put("virtualization", m.virtualization.as_str())
        .put("memory_bytes", m.memory_bytes)
        .put("name_hashed", m.name_hashed)
        .done()
}

pub(crate) fn grant(m: &Grant) -> Value {
    message()
        .bytes("nonce", &m.nonce)
        .put("instance", m.instance.as_str())
        .put("identity", m.identity.as_str())
        .bytes("public_key", &m.public_key)
        .put("activated_at", m.activated_at)
        .put("answered_at", m.answered_at)
        .some("terms", m.terms.as_ref().map(terms))
        .put("product", m.product.as_str())
        .put("customer", m.customer.as_str())
        .word("mode", m.mode, Mode::as_str_name)
        .put("licence", m.licence.as_str())
        .done()
}

pub(crate) fn succession(m: &Succession) -> Value {
    message().bytes("next_key", &m.next_key).put("made_at", m.made_at).done()
}
