//! What the RAM capacity is taken from: which of the host's cgroup hierarchies told a limit, and which could not.

#[cfg(feature = "kubernetes")]
use crate::config::RamScope;
use crate::config::{Config, Ram as Settings};
use crate::files::Root;
#[cfg(feature = "kubernetes")]
use crate::sources::pods::{Pods, Users};
use crate::sources::ram::Ram;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long it may take: a root elsewhere may be any file system.
const LIMIT: Duration = Duration::from_secs(1);

/// Where the capacity comes from, in words.
pub(super) async fn basis(config: &Config) -> String {
    let root = Root::new(&config.sampling.root);
    // Who is there is another question.
    let settings = Settings { presence: None, ..config.ram.clone() };
    #[cfg(feature = "kubernetes")]
    if settings.scope == RamScope::Pods {
        let user = Users::new(config).of_ram();
        let asked = tokio::task::spawn_blocking(move || Pods::new(&root, &settings.pods, user).basis());
        return within_limit(asked).await;
    }
    within_limit(tokio::task::spawn_blocking(move || Ram::new(root, &settings).basis())).await
}

async fn within_limit(asked: JoinHandle<String>) -> String {
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(basis)) => basis,
        Ok(Err(_)) | Err(_) => {
            format!("where it is read from is not known: no answer within {} s", LIMIT.as_secs())
        }
    }
}
