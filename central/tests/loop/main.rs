//! Agent and central as real processes, and what stands between them: the whole loop, with its outages and its frauds.

#[cfg(test)]
#[path = "../../../tests/agent/agent.rs"]
mod agent;
#[cfg(test)]
#[path = "../../../tests/uplink/authority.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod authority;
#[cfg(test)]
#[path = "../../../tests/agent/base.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod base;
#[cfg(test)]
mod by_the_book;
#[cfg(test)]
mod central;
#[cfg(test)]
mod clones;
#[cfg(test)]
mod clusters;
#[cfg(test)]
mod courier;
#[cfg(test)]
mod faked;
#[cfg(test)]
#[path = "../../../tests/common/tree.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod files;
#[cfg(test)]
#[path = "../../../tests/uplink/central.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod forger;
#[cfg(test)]
#[path = "../../../tests/uplink/forward.rs"]
mod forward;
#[cfg(test)]
mod home;
#[cfg(test)]
mod joined;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod licences;
#[cfg(test)]
#[path = "../../../tests/agent/line.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod line;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod proxied;
#[cfg(test)]
mod pushing;
#[cfg(test)]
mod relay;
#[cfg(test)]
#[path = "../../../tests/uplink/server.rs"]
#[expect(dead_code, reason = "shared with the uplink's own tests, which use more of it")]
mod server;
#[cfg(test)]
mod storage;
#[cfg(test)]
#[path = "../../../tests/kubernetes/stub/mod.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod stub;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
mod tampering;
#[cfg(test)]
#[path = "../../../tests/common/tools.rs"]
mod tools;
#[cfg(test)]
mod uploads;
