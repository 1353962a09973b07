//! The sources, over the `/proc` and `/sys` of hosts of many shapes, over hostile files and sockets, and at a real HAProxy.

#[cfg(test)]
mod access_log;
#[cfg(test)]
#[path = "../uplink/authority.rs"]
#[expect(dead_code, reason = "the tests of the uplink need more of it")]
mod authority;
#[cfg(test)]
mod exposition;
#[cfg(test)]
mod fake_proxy;
#[cfg(test)]
#[path = "../common/tree.rs"]
mod files;
#[cfg(test)]
mod haproxy;
#[cfg(test)]
mod host;
#[cfg(test)]
mod loadmaster;
#[cfg(test)]
mod network;
#[cfg(test)]
mod parsers;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
#[path = "../common/proxy.rs"]
mod proxy;
#[cfg(test)]
mod ram;
#[cfg(test)]
#[path = "../uplink/server.rs"]
#[expect(dead_code, reason = "the tests of the uplink need more of it")]
mod server;
#[cfg(test)]
#[path = "../common/tools.rs"]
mod tools;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod whole;
