//! What the agent's own user and root ask for on the gate's socket.

use super::{Daemon, look};
use crate::gate::{Control, GateEvent};
use crate::ledger::{LedgerError, prune_until};
use crate::{bundle, events};
use highwater_rules::record::Mark;
use serde_json::{Value, json};

impl Daemon {
    /// Does what someone asked for on the gate's socket, and tells of hooks.
    pub(super) fn asked(&mut self, asked: GateEvent) {
        let now = self.clock.now();
        match asked {
            GateEvent::HookEnded(end) => events::hook_ended(&end),
            GateEvent::Control(Control::Wake { reply }) => {
                if look(&mut self.reporter) {
                    self.joined();
                }
                // Whoever asked finds the gate as it is now; it may have gone.
                self.settle();
                let _ = reply.send(json!({"activated": self.reporter.joined().is_some()}));
            }
            GateEvent::Control(Control::Push { open_day, retry_parked, reply }) => {
                if look(&mut self.reporter) {
                    self.joined();
                }
                // What could not be made ready is told in the log; the rest is pushed.
                let _ = self.make_ready(open_day, retry_parked);
                self.reporter.push_now(Some(reply), &now);
            }
            GateEvent::Control(Control::Report { open_day, retry_parked, reply }) => {
                let made = self.make_ready(open_day, retry_parked);
                let _ = reply.send(json!({ "error": made.err().map(|e| e.to_string()) }));
            }
            GateEvent::Control(Control::Import { bundle, reply }) => {
                let imported = self.import(&bundle, &now);
                // As above: whoever carried receipts in finds the gate open.
                self.settle();
                let _ = reply.send(imported);
            }
            GateEvent::Control(Control::Prune { keep_days, dry_run, reply }) => {
                let _ = reply.send(self.prune(prune_until(now.wall_ms, keep_days), dry_run));
            }
        }
        self.settle();
    }

    /// Makes the open day's report, and lets parked ones wait again.
    fn make_ready(&mut self, open_day: bool, retry_parked: bool) -> Result<(), LedgerError> {
        let ledger = self.recorder.ledger_mut();
        let made = if retry_parked { ledger.unpark().map(|_| ()) } else { Ok(()) }
            .and_then(|()| if open_day { ledger.report_open_day().map(|_| ()) } else { Ok(()) });
        made.inspect_err(|error| self.state.ledger_failed(error))
    }

    /// Takes in what central answered to an export.
    fn import(&mut self, bundle: &[u8], now: &Mark) -> Value {
        if look(&mut self.reporter) {
            self.joined();
        }
        let incoming = bundle::read_bytes(bundle, self.recorder.ledger().instance());
        let imported = self.reporter.import(&incoming, self.recorder.ledger_mut(), &mut self.keeper, now);
        let pending = self.recorder.ledger().outbox_counts().map_or(-1, |counts| counts.pending);
        match imported {
            Ok(imported) => imported.json(pending),
            Err(error) => {
                self.state.ledger_failed(&error);
                json!({ "error": error.to_string() })
            }
        }
    }

    /// Drops the bytes of reports that central has, of days up to `until`.
    fn prune(&mut self, until: i64, dry_run: bool) -> Value {
        let ledger = self.recorder.ledger_mut();
        let pruned = if dry_run { ledger.prunable(until) } else { ledger.prune(until) };
        match pruned {
            Ok(pruned) => {
                if !dry_run && pruned.reports > 0 {
                    events::pruned(pruned.reports, pruned.bytes);
                }
                json!({"reports": pruned.reports, "bytes": pruned.bytes})
            }
            Err(error) => {
                self.state.ledger_failed(&error);
                json!({ "error": error.to_string() })
            }
        }
    }
}
