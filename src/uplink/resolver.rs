//! Names to addresses, by the host's own resolver, with an error that can be told from others.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;

/// A name that could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{host} can't be resolved: {source}")]
pub(super) struct Unresolved {
    pub(super) host: String,
    pub(super) source: io::Error,
}

/// The host's resolver. It blocks, so that it runs on a thread that goes soon after.
pub(super) struct HostResolver;

impl Resolve for HostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The port is put in later, where it is known.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await.map(Iterator::collect::<Vec<_>>);
            match found {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(source) => Err(Unresolved { host, source }.into()),
            }
        })
    }
}
