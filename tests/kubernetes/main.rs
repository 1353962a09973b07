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
#[path = "../common/tree.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod files;
#[path = "../agent/home.rs"]
mod home;
#[path = "../uplink/central.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod central;
mod doctor;
mod faults;
mod licences;
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
mod running;
mod scraped;
mod stub;
#[path = "../common/tools.rs"]
mod tools;
mod own;
mod scene;
#[path = "../uplink/server.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod server;
mod told;
