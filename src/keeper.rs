//! Keeps the grace period over the agent's restarts: in the ledger and in the file beside it, sealed by the identity key, so that
//! neither an edited row nor a restored file lengthens it.

mod ruling;
mod standing;
#[cfg(test)]
mod tests;

pub use ruling::{Licence, Ruling};
pub use standing::Standing;

use crate::ledger::{Fate, Kept, Ledger, LedgerError};
use highwater_proto::v1::{Envelope, Grant, Kind, Receipt};
use highwater_rules::carried::Carried;
use highwater_rules::day::Calendar;
use highwater_rules::grace::{Anchor, Grace, Since, Timeline};
use highwater_rules::licence::Claims;
use highwater_rules::record::Mark;
use highwater_rules::retry::SPLAY_S;
use highwater_rules::sign::{Identity, PublicKey};
use prost::Message as _;
use serde_json::{Value, json};

/// How much of the instance's time may pass before it is kept again, in milliseconds. What is lost with a crash is found again in
/// the rows of the ledger; this is for the file beside it.
const KEEP_EVERY_MS: i64 = 3_600_000;
/// How many of the newest reports are looked through for a receipt, where what was kept is not believed.
const RECEIPTS_SEEN: usize = 200;

/// With what the kept period is held to be the agent's own.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The public half of the identity key: of the key itself, or as central's grant names it.
    pub key: Option<PublicKey>,
    /// What central granted, and the key it signs with.
    pub grant: Option<(Grant, PublicKey)>,
}

/// The grace period of an instance.
#[derive(Debug)]
pub struct Keeper {
    timeline: Timeline,
    standing: Standing,
    /// How far the instance's time was ahead of central's clock when central answered last, in milliseconds; below 0, behind.
    ahead_ms: i64,
    /// The licence that it holds.
    licence: Option<Claims>,
    /// What passed of the instance's time when it was kept last.
    kept_ms: i64,
    /// What was kept is not what the agent wrote: told once.
    doubted: bool,
}

/// One kept state, once it is believed.
#[derive(Clone)]
struct Believed {
    timeline: Timeline,
    standing: Standing,
    ahead_ms: i64,
    row: i64,
}

impl Keeper {
    /// The grace period as it was kept, carried forward to now.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub fn load(ledger: &Ledger, trust: &Trust, now: &Mark) -> Result<Self, LedgerError> {
        let latest_s = ledger.latest_seen()?;
        let begun = Timeline::begun(ledger.first_start(), latest_s, now);
        let mut doubted = false;
        let (mut best, mut unproven): (Option<Believed>, Option<Believed>) = (None, None);
        for kept in ledger.kept()? {
            let (found, place) = match believe(&kept, ledger, trust, latest_s) {
                Belief::Proven(found) => (found, &mut best),
                // Nobody is there to prove it by: it may have been edited.
                Belief::Unproven(found) => (found, &mut unproven),
                Belief::Nonsense => {
                    doubted = true;
                    continue;
                }
            };
            *place = Some(place.take().map_or_else(|| found.clone(), |before| before.or(&found)));
        }
        let is_proven = best.is_some();
        let begun = Believed { timeline: begun, standing: Standing::default(), ahead_ms: 0, row: i64::MAX };
        let start = best.unwrap_or(begun).carried(ledger, now)?;
        let mut keeper = Keeper {
            kept_ms: i64::MIN,
            timeline: start.timeline,
            standing: start.standing,
            ahead_ms: start.ahead_ms,
            licence: None,
            doubted,
        };
        if let Some((grant, central)) = &trust.grant {
            keeper.follow_grant(grant, now);
            if keeper.timeline.anchor.since < Since::Receipt {
                keeper.find_receipt(ledger, central, now)?;
            }
        }
        if let (false, Some(unproven)) = (is_proven, unproven) {
            keeper.doubted = true;
            let unproven = unproven.carried(ledger, now)?;
            // What can't be proven only ever shortens: a key or a grant that is gone opens no gate.
            if unproven.timeline.grace().left_s < keeper.timeline.grace().left_s {
                keeper.timeline = unproven.timeline;
                keeper.ahead_ms = unproven.ahead_ms.min(0);
            }
            keeper.standing = keeper.standing.sternest(&unproven.standing);
        }
        Ok(keeper)
    }

    /// Whether what there is to keep may take the place of what is kept: not where it would wipe out what can't be sealed now.
    #[must_use]
    pub fn may_be_kept(&self, has_key: bool) -> bool {
        has_key || (self.timeline.anchor.since == Since::FirstStart && !self.doubted)
    }

    /// Whether what was kept was not believed: someone edited it, or the identity key is another.
    #[must_use]
    pub fn doubted(&self) -> bool {
        self.doubted
    }

    /// What is known of the instance's standing with central.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Begins the grace period of an activation.
    pub fn follow_grant(&mut self, grant: &Grant, now: &Mark) {
        let Some(terms) = &grant.terms else { return };
        let anchor = Anchor::signed(Since::Activation, grant.activated_at, terms.grace_s);
        self.timeline.accept_carried(anchor, now);
        self.standing.follow_grant(grant);
    }

    /// Looks for the receipt given last, where nothing that was kept tells of it.
    fn find_receipt(&mut self, ledger: &Ledger, central: &PublicKey, now: &Mark) -> Result<(), LedgerError> {
        for report in ledger.reports(RECEIPTS_SEEN)? {
            let Fate::Receipted { receipt, .. } = &report.fate else { continue };
            let Some(receipt) = signed_receipt(receipt, central) else { continue };
            let same = receipt.instance == ledger.instance() && receipt.report_digest == report.digest.0;
            if let (true, Some(anchor)) = (same, anchor(&receipt))
                && self.timeline.accept_carried(anchor, now)
            {
                self.follow_receipt(&receipt);
            }
        }
        Ok(())
    }

    fn follow_receipt(&mut self, receipt: &Receipt) {
        self.standing.follow_receipt(receipt.terms.as_ref(), &receipt.identity, receipt.received_at);
    }

    /// Carries the period forward to now, and tells where it stands.
    pub fn turn(&mut self, now: &Mark) -> Grace {
        self.timeline.advance(now);
        self.timeline.grace()
    }

    /// Accepts a receipt that central gave just now, when its clock showed `answered_at`. One that is older than the last changes
    /// nothing.
    pub fn accept(&mut self, receipt: &Receipt, answered_at: i64, now: &Mark) -> bool {
        let accepted =
            anchor(receipt).is_some_and(|anchor| self.timeline.accept_fresh(anchor, answered_at, now));
        if accepted {
            self.ahead_ms = self.timeline.latest_ms.saturating_sub(answered_at.saturating_mul(1000));
        }
        self.follow_receipt(receipt);
        accepted
    }

    /// Accepts what central answered to an export, carried here by hand. The newest receipt in it counts from the export. Says whether
    /// the grace period began anew.
    pub fn accept_carried(&mut self, carried: &Carried, now: &Mark) -> bool {
        let newest = carried.newest.as_ref();
        let anchor = newest.and_then(|(receipt, _)| anchor(receipt));
        let answered_at = newest.map_or(carried.answered_at, |(_, answered_at)| *answered_at);
        let taken_back_ms = self.timeline.taken_back_ms;
        let accepted = self.timeline.accept_exported(anchor, carried.exported_ms, answered_at, now);
        if self.timeline.taken_back_ms != taken_back_ms {
            // It was taken back to central's clock.
            self.ahead_ms = 0;
        }
        if let Some((receipt, _)) = newest {
            self.follow_receipt(receipt);
        }
        accepted
    }

    /// All the time that was ever counted of the instance's, in unix milliseconds: what an export says of when it was made.
    pub fn counted_ms(&mut self, now: &Mark) -> i64 {
        self.timeline.advance(now);
        self.timeline.counted_ms()
    }

    /// Whether so much has passed that it should be kept again.
    #[must_use]
    pub fn wants_keeping(&self) -> bool {
        self.timeline.latest_ms.saturating_sub(self.kept_ms) >= KEEP_EVERY_MS
    }

    /// What was to be kept could not be: it wants keeping still.
    pub fn forget_kept(&mut self) {
        self.kept_ms = i64::MIN;
    }

    /// What to keep now.
    pub fn kept(&mut self, ledger: &Ledger, identity: Option<&Identity>) -> Kept {
        self.kept_ms = self.timeline.latest_ms;
        let t = &self.timeline;
        let mut kept = json!({
            "since": t.anchor.since.word(),
            "at": t.anchor.at_s,
            "grace_s": t.anchor.grace_s,
            "age_ms": t.age_ms,
            "base_ms": t.base_ms,
            "latest_ms": t.latest_ms,
            "boot_id": t.boot_id,
            "boot_ms": t.boot_ms,
            "wall_ms": t.wall_ms,
            "taken_back_ms": t.taken_back_ms,
            "ahead_ms": self.ahead_ms,
            "row": ledger.written(),
        });
        if let Some(kept) = kept.as_object_mut() {
            kept.extend(self.standing.kept());
        }
        let text = kept.to_string();
        let seal = identity
            .map(|key| key.sign_bytes(&sealed(ledger.instance(), &text)).to_vec())
            .unwrap_or_default();
        Kept { timeline: text, seal }
    }
}

/// When the next report is due, in unix seconds: within the hour after the day's end, of the oldest day that waits, or of today.
/// `None` before activation.
///
/// # Errors
/// When the ledger can't be read.
pub fn next_report_due(
    ledger: &Ledger,
    calendar: &Calendar,
    standing: &Standing,
    now_s: i64,
) -> Result<Option<i64>, LedgerError> {
    if standing.identity.is_none() {
        return Ok(None);
    }
    let waiting = ledger.oldest_pending_until()?;
    Ok(Some(waiting.unwrap_or_else(|| calendar.day_at(now_s).end).saturating_add(SPLAY_S)))
}

impl Believed {
    /// Carried forward over the rows that were written since it was kept, and to now.
    fn carried(mut self, ledger: &Ledger, now: &Mark) -> Result<Believed, LedgerError> {
        ledger.visit(self.row.saturating_add(1), i64::MAX, |slot| {
            self.timeline.advance(&slot.record.taken);
            Ok(())
        })?;
        self.timeline.advance(now);
        Ok(self)
    }

    /// The one that must be true of two: one of them may have been put back to an older state.
    fn or(self, other: &Believed) -> Believed {
        let timeline = self.timeline.clone().reconciled(other.timeline.clone());
        let standing = self.standing.clone().newest(other.standing.clone());
        let of = if timeline.anchor == self.timeline.anchor && timeline.base_ms == self.timeline.base_ms {
            self
        } else {
            other.clone()
        };
        Believed { timeline, standing, ..of }
    }
}

fn sealed(instance: &str, text: &str) -> Vec<u8> {
    format!("highwater timeline 1\n{instance}\n{text}").into_bytes()
}

/// Whether what was kept is the agent's own.
enum Belief {
    /// It is.
    Proven(Believed),
    /// There is no key to hold its seal against.
    Unproven(Believed),
    /// It is not.
    Nonsense,
}

fn believe(kept: &Kept, ledger: &Ledger, trust: &Trust, latest_s: i64) -> Belief {
    let Some(mut found) = parse(&kept.timeline) else { return Belief::Nonsense };
    if found.timeline.anchor.since == Since::FirstStart {
        // Nobody signed this one. The first start is under the chain's first digest, and time can only be added.
        found.timeline.anchor = Anchor::first_start(ledger.first_start());
        found.timeline.age_ms = 0;
        found.timeline.base_ms = ledger.first_start().saturating_mul(1000);
        found.timeline.latest_ms = found.timeline.latest_ms.max(latest_s.saturating_mul(1000));
        found.row = found.row.min(ledger.written());
        found.standing = Standing::default();
        found.ahead_ms = 0;
        return Belief::Proven(found);
    }
    match &trust.key {
        Some(key) if key.fits(&sealed(ledger.instance(), &kept.timeline), &kept.seal) => {
            Belief::Proven(found)
        }
        Some(_) => Belief::Nonsense,
        None => Belief::Unproven(found),
    }
}

fn parse(text: &str) -> Option<Believed> {
    let value: Value = serde_json::from_str(text).ok()?;
    let number = |key: &str| value.get(key)?.as_i64();
    let word = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    let anchor = Anchor {
        since: Since::from_word(&word("since")?)?,
        at_s: number("at")?,
        grace_s: number("grace_s").filter(|s| *s > 0)?,
    };
    let timeline = Timeline {
        anchor,
        age_ms: number("age_ms")?,
        base_ms: number("base_ms")?,
        latest_ms: number("latest_ms")?,
        boot_id: word("boot_id")?,
        boot_ms: number("boot_ms")?,
        // Not there where an earlier version kept it; so the one below.
        wall_ms: number("wall_ms"),
        taken_back_ms: number("taken_back_ms").unwrap_or(0),
    };
    Some(Believed {
        timeline,
        standing: Standing::of_kept(&value, anchor.at_s),
        ahead_ms: number("ahead_ms").unwrap_or(0),
        row: number("row")?,
    })
}

fn anchor(receipt: &Receipt) -> Option<Anchor> {
    let terms = receipt.terms.as_ref()?;
    Some(Anchor::signed(Since::Receipt, receipt.received_at, terms.grace_s))
}

fn signed_receipt(bytes: &[u8], central: &PublicKey) -> Option<Receipt> {
    let envelope = Envelope::decode(bytes).ok()?;
    Receipt::decode(central.open(&envelope, Kind::Receipt).ok()?).ok()
}
