//! Writing a slot: one transaction, a handful of pages.

use super::notes::write_notes;
use super::ring::Ring;
use super::{Head, Ledger, LedgerError, schema};
use highwater_rules::chain::{Digest, digest};
use highwater_rules::day::BillingDay;
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::{Entry, SlotRecord};
use rusqlite::types::Null;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Bytes that the numbers of a slot's row take at most; what they take less is filled up.
const SLOT_ROOM_BYTES: usize = 54;
/// How often the head is written down beside the slot: not each time, which spares each slot a page.
pub(super) const HEAD_EVERY_SLOTS: i64 = 12;
static ZEROS: [u8; 64] = [0; 64];

impl Ledger {
    /// Writes a slot's record at the end of the chain, and with it the notes that its sources left, by their names: both, or
    /// neither.
    ///
    /// # Errors
    /// When it could not be made durable. Nothing of it is then in the ledger, and it can be written again.
    pub fn append(&mut self, record: &SlotRecord, notes: &[(String, String)]) -> Result<Digest, LedgerError> {
        let ring = self
            .rings
            .current()
            .ok_or_else(|| LedgerError::nonsense(&self.path, "no ring is open for writing"))?;
        let head = Head { seq: self.head.seq + 1, digest: digest(&self.head.digest, record) };
        let day = self.plan.calendar.day_of(record.slot, record.length);
        self.write(record, notes, ring, head, &day).map_err(|error| {
            // What the failed transaction made is undone with it.
            self.series.clear();
            self.boot = None;
            self.open_day = None;
            LedgerError::sqlite(&self.path, error)
        })?;
        self.head = head;
        self.open_day = Some(day);
        if ring.overwrites(head.seq) {
            // The rings before this one went with the first row that was overwritten.
            self.rings.0.retain(|r| r.base >= ring.base);
        }
        Ok(head.digest)
    }

    /// Writes down where the chain ends, as an agent does before it ends itself.
    ///
    /// # Errors
    /// When it can't be made durable.
    pub fn seal(&self) -> Result<(), LedgerError> {
        if self.head.seq > 0 {
            write_head(&self.connection, self.head).map_err(|e| self.failed(e))
        } else {
            Ok(())
        }
    }

    fn write(
        &mut self,
        record: &SlotRecord,
        notes: &[(String, String)],
        ring: Ring,
        head: Head,
        day: &BillingDay,
    ) -> rusqlite::Result<()> {
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, rusqlite::TransactionBehavior::Immediate)?;
        let position = ring.position(head.seq);
        clear(&transaction, position)?;
        if ring.overwrites(head.seq) {
            // Rings before this one have nothing newer than the row that gives way: they go first.
            drop_before(&transaction, ring.base)?;
        }
        let boot = match &self.boot {
            Some((known, id)) if *known == record.taken.boot_id => *id,
            _ => boot_id(&transaction, &record.taken.boot_id)?,
        };
        insert_slot(&transaction, record, position, head, &self.head, boot)?;
        for missed in &record.missed {
            transaction.prepare_cached("INSERT INTO missed VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
                params![
                    position,
                    missed.first.0,
                    missed.last.0,
                    missed.first.start(record.length),
                    missed.last.end(record.length),
                    missed.reason.word(),
                ],
            )?;
        }
        for entry in &record.entries {
            let id = match self.series.get(&entry.series) {
                Some(id) => *id,
                None => {
                    let id = series_id(&transaction, &entry.series)?;
                    self.series.insert(entry.series.clone(), id);
                    id
                }
            };
            insert_sample(&transaction, position, id, entry)?;
        }
        write_notes(&transaction, notes)?;
        if head.seq % HEAD_EVERY_SLOTS.min(ring.capacity) == 0 {
            write_head(&transaction, head)?;
        }
        if self.open_day.as_ref() != Some(day) {
            open_day(&transaction, day, self.plan.calendar.name(), head.seq, &self.head.digest)?;
        }
        transaction.commit()?;
        self.boot = Some((record.taken.boot_id.clone(), boot));
        Ok(())
    }
}

/// Writes down how far the chain goes.
pub(super) fn write_head(connection: &Connection, head: Head) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO head (one, seq, digest) VALUES (1, ?1, ?2)")?
        .execute(params![head.seq, head.digest.0])?;
    Ok(())
}

/// Makes room at a position that an older row may hold.
fn clear(connection: &Connection, position: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM ring WHERE id BETWEEN ?1 AND ?2")?
        .execute(schema::ids(position, position))?;
    connection.prepare_cached("DELETE FROM missed WHERE position = ?1")?.execute([position])?;
    Ok(())
}

/// Drops the rings before the one at `base`, with their rows.
fn drop_before(connection: &Connection, base: i64) -> rusqlite::Result<()> {
    if connection.prepare_cached("DELETE FROM rings WHERE base < ?1")?.execute([base])? > 0 {
        let [first, _] = schema::ids(base, base);
        connection.execute("DELETE FROM ring WHERE id < ?1", [first])?;
        connection.execute("DELETE FROM missed WHERE position < ?1", [base])?;
    }
    Ok(())
}

fn insert_slot(
    connection: &Connection,
    record: &SlotRecord,
    position: i64,
    head: Head,
    previous: &Head,
    boot: i64,
) -> rusqlite::Result<()> {
    let numbers = [
        head.seq,
        record.slot.0,
        record.length.seconds(),
        record.at(),
        record.taken.wall_ms,
        record.taken.mono_ms,
        record.taken.boot_ms,
        boot,
        record.clock_step_ms,
    ];
    let [id, _] = schema::ids(position, position);
    let [seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms] = numbers;
    let room = zeros(SLOT_ROOM_BYTES, numbers.iter().map(|n| stored_bytes(*n)).sum());
    connection
        .prepare_cached(
            "INSERT INTO ring (id, seq, slot, slot_s, at, taken_ms, mono_ms, boot_ms, boot, clock_step_ms, \
             previous, digest, room) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            id,
            seq,
            slot,
            slot_s,
            at,
            taken_ms,
            mono_ms,
            boot_ms,
            boot,
            clock_step_ms,
            previous.digest.0,
            head.digest.0,
            room,
        ])?;
    Ok(())
}

fn insert_sample(connection: &Connection, position: i64, series: i64, entry: &Entry) -> rusqlite::Result<()> {
    let [id, _] = schema::ids(position, position);
    let reading = entry.outcome.ok();
    let gap = entry.outcome.err().map(highwater_rules::meter::GapReason::word);
    let directions = reading.and_then(|r| r.directions);
    // SQLite's integers are signed: a counter above 2^63 is kept as its two's complement.
    let counter = entry.counters.map(|c| c.first.cast_signed());
    let counter_tx = entry.counters.and_then(|c| c.second).map(u64::cast_signed);
    let incarnation = entry.counters.map(|c| c.incarnation.cast_signed());
    let figures = [reading.map(|r| r.value), directions.map(|d| d.rx), directions.map(|d| d.tx)];
    let used = 8 * figures.iter().flatten().count()
        + directions.map_or(0, |d| d.rule.word().len())
        + gap.map_or(0, str::len)
        + [counter, counter_tx, incarnation].into_iter().flatten().map(stored_bytes).sum::<usize>();
    let [value, rx, tx] = figures;
    connection
        .prepare_cached(
            "INSERT INTO ring (id, value, rx, tx, rule, gap, counter, counter_tx, incarnation, room) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            id | series,
            value,
            rx,
            tx,
            directions.map(|d| d.rule.word()),
            gap,
            counter,
            counter_tx,
            incarnation,
            zeros(sample_room_bytes(entry.series.meter), used),
        ])?;
    Ok(())
}

/// Bytes that a sample of a meter takes at most, be it a reading or a gap.
const fn sample_room_bytes(meter: Meter) -> usize {
    match meter {
        Meter::RamCapacity | Meter::SslTpsBurst => 13,
        Meter::NetworkThroughput => 39,
        Meter::SslTps | Meter::VsBytes => 27,
        Meter::NetworkThroughputBurst => 27,
    }
}

/// Zeros that fill `used` bytes up to `whole`.
fn zeros(whole: usize, used: usize) -> &'static [u8] {
    ZEROS.get(..whole.saturating_sub(used)).unwrap_or(&ZEROS)
}

/// The bytes that SQLite's record format takes for an integer (its file format, section 2.1).
const fn stored_bytes(value: i64) -> usize {
    match value {
        0 | 1 => 0,
        -0x80..=0x7f => 1,
        -0x8000..=0x7fff => 2,
        -0x80_0000..=0x7f_ffff => 3,
        -0x8000_0000..=0x7fff_ffff => 4,
        -0x8000_0000_0000..=0x7fff_ffff_ffff => 6,
        _ => 8,
    }
}

fn boot_id(connection: &Connection, boot: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT OR IGNORE INTO boots (boot_id) VALUES (?1)", [boot])?;
    connection.query_row("SELECT id FROM boots WHERE boot_id = ?1", [boot], |row| row.get(0))
}

fn series_id(connection: &Connection, series: &Series) -> rusqlite::Result<i64> {
    let names = params![series.meter.word(), series.subject];
    let known = connection
        .query_row("SELECT id FROM series WHERE meter = ?1 AND subject = ?2", names, |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let newest: i64 = connection.query_row("SELECT ifnull(max(id), 0) FROM series", [], |row| row.get(0))?;
    if newest >= schema::SERIES_MAX {
        // Interfaces that come and go under ever new names: the numbers of those that the ring has forgotten are free again.
        connection.execute("DELETE FROM series WHERE id NOT IN (SELECT id & 65535 FROM ring)", [])?;
    }
    let free = "SELECT min(n) FROM (SELECT 1 AS n UNION ALL SELECT id + 1 FROM series) \
                WHERE n NOT IN (SELECT id FROM series)";
    let id: i64 = connection.query_row(free, [], |row| row.get(0))?;
    connection.execute(
        "INSERT INTO series (id, meter, subject) VALUES (?1, ?2, ?3)",
        params![id, series.meter.word(), series.subject],
    )?;
    Ok(id)
}

/// Makes sure that a day has its row and that it is open: a clock set back can return to one that was closed.
pub(super) fn open_day(
    connection: &Connection,
    day: &BillingDay,
    time_zone: &str,
    seq: i64,
    previous: &Digest,
) -> rusqlite::Result<()> {
    let date = day.date.to_string();
    let there: Option<bool> = connection
        .query_row(
            "SELECT closed_at IS NULL FROM days WHERE day = ?1 AND time_zone = ?2",
            [&date, time_zone],
            |row| row.get(0),
        )
        .optional()?;
    match there {
        Some(true) => {}
        Some(false) => {
            connection.execute(
                "UPDATE days SET closed_at = ?3 WHERE day = ?1 AND time_zone = ?2",
                params![date, time_zone, Null],
            )?;
        }
        None => {
            // After a change of the time zone, slots of the new day may stand in days of the old zone: it begins with them.
            let overlapping = connection
                .query_row(
                    "SELECT first_seq, first_digest FROM days WHERE ends > ?1 AND starts < ?2 AND first_seq <= ?3 \
                     ORDER BY first_seq LIMIT 1",
                    params![day.start, day.end, seq],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let (seq, previous) = overlapping.unwrap_or((seq, previous.0));
            connection.execute(
                "INSERT INTO days (day, time_zone, starts, ends, first_seq, first_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![date, time_zone, day.start, day.end, seq, previous],
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_bytes_that_sqlite_says() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a, room); CREATE TABLE u (a, room)").unwrap();
        let values =
            [0, 1, 2, -1, 127, 128, -129, 40_000, -40_000, 1 << 23, 1 << 31, 1 << 47, i64::MAX, i64::MIN];
        for value in values {
            connection
                .execute("INSERT INTO t VALUES (?1, ?2)", params![value, zeros(8, stored_bytes(value))])
                .unwrap();
        }
        // Every row is then as long as every other: its cell holds eight bytes and three of header.
        let lengths: Vec<i64> = values
            .iter()
            .enumerate()
            .map(|(i, value)| {
                connection
                    .query_row("SELECT length(room) FROM t WHERE rowid = ?1", [i as i64 + 1], |row| {
                        row.get::<_, i64>(0)
                    })
                    .unwrap()
                    + stored_bytes(*value) as i64
            })
            .collect();
        assert!(lengths.iter().all(|l| *l == 8), "{lengths:?}");
    }
}
