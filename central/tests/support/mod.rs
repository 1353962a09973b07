//! What tests and benches share: a real server, a real client, and agents that sign.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test takes what it needs of this")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on fails"
)]
#![allow(clippy::allow_attributes, reason = "what is unused differs from one test to the next")]

mod admin;
mod agent;
mod bundle;
mod client;
mod licensed;
mod server;

pub use admin::Admin;
pub use agent::{Agent, Made};
pub use bundle::{Back, Replied, packed, unpacked};
pub use client::{Client, Reply};
pub use licensed::{World, read};
pub use server::{Server, program};

use std::future::Future;
use std::time::Duration;

/// Waits until something holds, for ten seconds at the most.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}
