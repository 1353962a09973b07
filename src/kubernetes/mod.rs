//! The API server of the cluster whose node the agent runs on: the few calls that the agent makes, over its own HTTP client.
//!
//! ```text
//! config, credentials (token, ca.crt) -> api -> an answer, or error: with the rule that is missing
//!                                         |
//!   cluster  lease  secret  event  status  review      what the agent asks and changes
//! ```

pub mod api;
pub mod cluster;
pub mod error;
pub mod event;
pub mod lease;
pub mod review;
pub mod rule;
pub mod secret;
pub mod status;

pub use api::{Answer, Api};
pub use error::ApiError;
pub use rule::Rule;

/// Objects as an API server might answer, right, half right or not at all.
#[cfg(test)]
pub(crate) fn json_like() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    use serde_json::Value;
    let keys = prop::sample::select(vec![
        "metadata",
        "resourceVersion",
        "spec",
        "data",
        "license",
        "holderIdentity",
        "leaseDurationSeconds",
        "node",
        "updated",
        "grace_ends",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(Value::from("2026-11-22T00:00:00Z")),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone().prop_map(str::to_owned), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}
