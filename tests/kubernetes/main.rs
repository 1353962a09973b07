//! The agent in a cluster, against an API server that answers as a real one was recorded to: its client, its licence, its Lease.

#[cfg(test)]
#[path = "../agent/agent.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod agent;
#[cfg(test)]
mod api;
#[cfg(test)]
#[path = "../uplink/authority.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod authority;
#[cfg(test)]
mod cgroups;
#[cfg(test)]
mod figures;
#[cfg(test)]
#[path = "../common/tree.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod files;
#[cfg(test)]
#[path = "../agent/home.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod home;
#[cfg(test)]
#[path = "../agent/line.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod line;
#[cfg(test)]
mod recorded;
#[cfg(test)]
#[path = "../agent/rows.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod rows;
#[cfg(test)]
mod running;
#[cfg(test)]
mod scraped;
#[cfg(test)]
mod stub;
#[cfg(test)]
#[path = "../common/tools.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod tools;
