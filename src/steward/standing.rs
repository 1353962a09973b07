//! How the cluster stands, in a ConfigMap: told by the node whose grace period ends first.

use crate::gate::State;
use crate::kubernetes::status::{Kept, read, write};
use crate::kubernetes::{Api, ApiError};
use crate::log::at;
use highwater_rules::grace::Since;
use highwater_rules::spokesman::{Told, is_mine_to_tell};
use std::collections::BTreeMap;

/// How often it is told where others change it meanwhile.
const WRITES: usize = 4;

/// What this node has to tell of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    stage: &'static str,
    days_left: i64,
    grace_end: i64,
    last_receipt: Option<i64>,
    licence_until: Option<i64>,
}

impl Standing {
    pub(super) fn of(state: &State) -> Self {
        Standing {
            stage: state.stage.word(),
            days_left: state.days_left,
            grace_end: state.grace_end,
            last_receipt: (state.since == Since::Receipt).then_some(state.since_at),
            licence_until: state.licence.expires_at,
        }
    }

    /// Whether something happened: a receipt, another licence, another stage. That days pass is no news.
    pub(super) fn is_news(&self, now: &Standing) -> bool {
        let of = |standing: &Standing| (standing.stage, standing.last_receipt, standing.licence_until);
        of(self) != of(now)
    }

    fn data(&self, node: &str, now_s: i64) -> BTreeMap<&'static str, Option<String>> {
        BTreeMap::from([
            ("stage", Some(self.stage.to_owned())),
            ("days_left", Some(self.days_left.to_string())),
            ("grace_ends", Some(at(self.grace_end))),
            ("last_receipt", self.last_receipt.map(at)),
            ("licence_until", self.licence_until.map(at)),
            ("node", Some(node.to_owned())),
            ("updated", Some(at(now_s))),
        ])
    }
}

fn told(kept: &Kept) -> Option<Told<'_>> {
    let (ends_at, updated_at) = (kept.moment("grace_ends")?, kept.moment("updated")?);
    Some(Told { node: kept.get("node")?, ends_at, updated_at })
}

/// Tells it, where it is this node's to tell.
pub(super) async fn tell(api: &Api, name: &str, standing: &Standing, now_s: i64) -> Result<(), ApiError> {
    let node = api.config().node.as_str();
    let data = standing.data(node, now_s);
    for _ in 0..WRITES {
        let kept = read(api, name).await?;
        if !is_mine_to_tell(node, standing.grace_end, told(&kept).as_ref(), now_s) {
            return Ok(());
        }
        match write(api, name, &kept.version, &data).await {
            Err(ApiError::Conflict { .. }) => {}
            done => return done,
        }
    }
    Err(ApiError::Conflict { what: format!("the ConfigMap {name}") })
}
