//! Why a push came to nothing, for the log, the note and whoever asked for it.

use crate::bundle::ExportError;
use crate::ledger::LedgerError;
use crate::uplink::PushError;
use crate::uplink::upload::KeepError;
use serde_json::{Value, json};

/// Why a push came to nothing.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: String,
    pub(crate) mend: String,
    pub(super) retry_after_s: Option<i64>,
}

impl From<&PushError> for Failure {
    fn from(error: &PushError) -> Self {
        Failure {
            error: error.to_string(),
            mend: error.mend().to_owned(),
            retry_after_s: error.retry_after_s(),
        }
    }
}

impl Failure {
    pub(super) fn no_central() -> Self {
        Failure {
            error: "not activated: there is no central to push to".to_owned(),
            mend: "get an enrolment token from the vendor, and run `highwater activate`".to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn air_gap() -> Self {
        Failure {
            error: "air-gapped: this instance opens no connection".to_owned(),
            mend:
                "carry the reports: `highwater export -o FILE`, and `highwater import` what central answers"
                    .to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn no_place(why: &str) -> Self {
        Failure {
            error: format!("central gives no place to upload to: {why}"),
            mend: "ask whoever runs central, or set uplink.transport = \"direct\"".to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn too_long(max: u64) -> Self {
        Failure {
            error: format!("what waits is longer than the {max} bytes that central picks up"),
            mend: "carry it: `highwater export -o FILE`, and `highwater courier FILE` where central can be reached"
                .to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn export(error: &ExportError) -> Self {
        Failure {
            error: format!("what waits does not go into a bundle: {error}"),
            mend: "report this as a fault of highwater; `highwater export` tells more".to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn unkept(error: &KeepError) -> Self {
        Failure {
            error: error.to_string(),
            mend: "let the agent's user write in the state directory, and see that the disk is not full"
                .to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn receipts(problem: &str) -> Self {
        Failure {
            error: format!("the receipts in the object store can't be used: {problem}"),
            mend: "the agent uploads again; if it goes on, ask whoever runs central".to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn receipts_awaited() -> Self {
        Failure {
            error: "uploaded; central's receipts are not there yet".to_owned(),
            mend: "a running agent fetches them by itself; without one, push again in a minute or two"
                .to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn ledger(error: &LedgerError) -> Self {
        Failure {
            error: error.to_string(),
            mend: "the agent tries again within a minute; its log tells more".to_owned(),
            retry_after_s: None,
        }
    }

    pub(super) fn refused(message: &str) -> Self {
        Failure {
            error: format!("central does not take reports for now: {message}"),
            mend: "ask the vendor; what waits is kept, and sent again".to_owned(),
            retry_after_s: None,
        }
    }
}

/// What became of the run, for whoever asked for it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Summary {
    pub(crate) accepted: u64,
    pub(crate) parked: u64,
    pub(crate) error: Option<Failure>,
}

impl Summary {
    pub(crate) fn json(&self, pending: i64) -> Value {
        json!({
            "accepted": self.accepted,
            "parked": self.parked,
            "pending": pending,
            "error": self.error.as_ref().map(|f| json!({"error": f.error, "mend": f.mend})),
        })
    }
}
