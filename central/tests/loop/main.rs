//! Agent and central as real processes, and what stands between them: the whole loop, with its outages and its frauds.

#[cfg(test)]
#[path = "../../../tests/agent/agent.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod agent;
#[cfg(test)]
mod central;
#[cfg(test)]
mod faked;
#[cfg(test)]
#[path = "../../../tests/common/tree.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod files;
#[cfg(test)]
mod home;
#[cfg(test)]
mod joined;
#[cfg(test)]
#[path = "../../../tests/agent/line.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod line;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod programs;
#[cfg(test)]
#[path = "../../../tests/common/tools.rs"]
mod tools;
