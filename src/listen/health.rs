//! Whether the agent lives, and whether it does its job. Pure over what the loop published.

use super::Published;
use crate::gate::http::Answer;

const FINE: &str = "{\"ok\":true}\n";

/// Whether the loop turns: 200, or 503 with what is wrong.
pub(super) fn alive(published: &Published, now_ms: i64) -> Answer {
    match published {
        Some(turn) if now_ms > turn.next_by_ms => {
            let late_s = (now_ms - turn.next_by_ms).div_euclid(1000);
            Answer::wrong(503, &format!("the loop is stuck: its turn was due {late_s} s ago"))
        }
        // Before its first turn it opens the ledger and looks at its sources.
        Some(_) | None => Answer::new(200, FINE),
    }
}

/// Whether it meters: the loop turns, and what it samples reaches the ledger. A closed gate is no fault of the agent's.
pub(super) fn ready(published: &Published, now_ms: i64) -> Answer {
    let alive = alive(published, now_ms);
    match published {
        None => Answer::wrong(503, "the agent has only just begun"),
        Some(turn) if alive.status == 200 && turn.figures.ledger.is_failing => {
            Answer::wrong(503, "the ledger can't be written: the log's ledger_failed tells why")
        }
        Some(_) => alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::{Figures, LedgerFigures, Turn};
    use std::sync::Arc;

    fn check(published: &Published, now_ms: i64, alive_is: u16, ready_is: u16) {
        assert_eq!((alive(published, now_ms).status, ready(published, now_ms).status), (alive_is, ready_is));
    }

    #[test]
    fn a_stuck_loop_is_neither_alive_nor_ready_and_a_full_disk_is_not_ready() {
        let turn = |is_failing| {
            let ledger = LedgerFigures { is_failing, ..LedgerFigures::default() };
            Some(Arc::new(Turn { figures: Figures { ledger, ..Figures::default() }, next_by_ms: 1000 }))
        };
        check(&None, 5000, 200, 503);
        check(&turn(false), 1000, 200, 200);
        check(&turn(false), 1001, 503, 503);
        check(&turn(true), 1000, 200, 503);
        check(&turn(true), 1001, 503, 503);
    }
}
