//! The agent in a cluster, against an API server that answers as a real one was recorded to: its client, its licence, its Lease.

#[cfg(test)]
#[path = "../agent/agent.rs"]
mod agent;
#[cfg(test)]
mod api;
#[cfg(test)]
#[path = "../uplink/authority.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod authority;
#[cfg(test)]
#[path = "../uplink/central.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod central;
#[cfg(test)]
mod cgroups;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod faults;
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
mod licences;
#[cfg(test)]
#[path = "../agent/line.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod line;
#[cfg(test)]
mod own;
#[cfg(test)]
mod recorded;
#[cfg(test)]
#[path = "../agent/rows.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod rows;
#[cfg(test)]
mod running;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod scraped;
#[cfg(test)]
#[path = "../uplink/server.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod server;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod told;
#[cfg(test)]
#[path = "../common/tools.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod tools;
