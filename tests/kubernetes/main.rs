//! The agent in a cluster, against an API server that answers as a real one was recorded to: its client, its licence, its Lease.

#[cfg(test)]
mod api;
#[cfg(test)]
#[path = "../uplink/authority.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod authority;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod stub;
