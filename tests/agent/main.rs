//! The real program, run as its users run it: at their signals, with hosts, clocks, disks and proxies that misbehave.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod air_gap;
#[cfg(test)]
mod base;
#[cfg(test)]
mod billing_days;
#[cfg(test)]
mod bursts;
#[cfg(test)]
mod carried;
#[cfg(test)]
mod clerk;
#[cfg(test)]
mod clock_jumps;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod counters;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod faked;
#[cfg(test)]
#[path = "../common/tree.rs"]
mod files;
#[cfg(test)]
mod hanging;
#[cfg(test)]
mod home;
#[cfg(test)]
mod host;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod kernel;
#[cfg(test)]
mod kernel_cost;
#[cfg(test)]
mod line;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod logged;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod newcomer;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod owner;
#[cfg(test)]
#[path = "../common/proxy.rs"]
mod proxy;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod ring;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod tampering;
#[cfg(test)]
#[path = "../common/tools.rs"]
mod tools;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod two_ids;
