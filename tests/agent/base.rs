//! Ledgers made without a daemon: as many slots as a test likes, at once.

use highwater::ledger::{Ledger, Plan};
use highwater_rules::day::Calendar;
use highwater_rules::meter::{CountRule, GapReason, Meter, Series};
use highwater_rules::record::{Counters, Directions, Entry, Mark, Missed, Reading, SlotRecord};
use highwater_rules::slot::{Slot, SlotLength};
use std::path::Path;

/// 2026-03-01T00:00:00Z.
pub(crate) const FIRST_DAY: i64 = 1_772_323_200;

pub(crate) fn plan(slot_s: u64, retention_slots: u64) -> Plan {
    Plan {
        length: SlotLength::new(slot_s).unwrap(),
        retention_s: retention_slots * slot_s,
        calendar: Calendar::utc(),
        hash_names: false,
        node: None,
    }
}

pub(crate) fn open(state_dir: &Path, plan: Plan) -> Ledger {
    Ledger::open(state_dir, plan).unwrap().ledger
}

/// Numbers that look like chance and are the same each time (Knuth's MMIX generator).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn gap(dice: &mut Dice, one_in: u64) -> Option<GapReason> {
    let reason = GapReason::ALL[dice.below(GapReason::ALL.len() as u64) as usize];
    (dice.below(one_in) == 0).then_some(reason)
}

/// A slot's record with a gauge, two cards and a proxy, of any size and with gaps.
pub(crate) fn record(slot: Slot, length: SlotLength, dice: &mut Dice) -> SlotRecord {
    let wide = |dice: &mut Dice| dice.next() >> dice.below(50);
    let mut entries = vec![Entry {
        series: Series::new(Meter::RamCapacity, "host"),
        outcome: gap(dice, 20).map_or_else(|| Ok(Reading::plain(wide(dice) as f64)), Err),
        counters: None,
    }];
    for card in ["eth0", "eth1"] {
        let directions =
            Directions { rx: wide(dice) as f64 / 7.0, tx: wide(dice) as f64 / 3.0, rule: CountRule::Max };
        let counters =
            Counters { first: wide(dice), second: Some(dice.next() << 11), incarnation: dice.below(2) };
        entries.push(Entry {
            series: Series::new(Meter::NetworkThroughput, card),
            outcome: gap(dice, 10).map_or_else(|| Ok(Reading::directed(directions)), Err),
            counters: (dice.below(8) > 0).then_some(counters),
        });
    }
    entries.push(Entry {
        series: Series::new(Meter::SslTps, "front"),
        outcome: gap(dice, 5).map_or_else(|| Ok(Reading::plain(dice.below(900) as f64 / 3.0)), Err),
        counters: Some(Counters { first: dice.below(1 << 40), second: None, incarnation: wide(dice) }),
    });
    let late_ms = dice.below(900) as i64;
    let wall_ms = slot.end(length) * 1000 + late_ms;
    let up_ms = wall_ms - FIRST_DAY * 1000 + dice.below(1 << 30) as i64;
    let boot_id = format!("boot-{}", slot.0.rem_euclid(3));
    SlotRecord {
        slot,
        length,
        taken: Mark { wall_ms, mono_ms: up_ms, boot_ms: up_ms, boot_id },
        clock_step_ms: 0,
        missed: Vec::new(),
        entries,
    }
}

/// Three days of hourly slots, with a night in which the agent was down; the days are closed, and a fourth has begun.
pub(crate) fn three_days(state_dir: &Path) {
    let mut ledger = open(state_dir, plan(3600, 120 * 24));
    let mut dice = Dice(7);
    let mut missed = Vec::new();
    for hour in 0..76 {
        let length = SlotLength::new(3600).unwrap();
        let slot = Slot(length.slot_at(FIRST_DAY).0 + hour);
        if (20..25).contains(&hour) {
            missed =
                vec![Missed { first: Slot(slot.0 - hour + 20), last: slot, reason: GapReason::AgentDown }];
            continue;
        }
        let mut record = record(slot, length, &mut dice);
        record.missed = std::mem::take(&mut missed);
        ledger.append(&record, &[]).unwrap();
        ledger.close_days(record.at()).unwrap();
    }
    assert_eq!(ledger.outbox_counts().unwrap().pending, 3);
    ledger.seal().unwrap();
}
