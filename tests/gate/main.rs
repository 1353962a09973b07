//! The gate with real files, real sockets and real hooks, and the real `highwater gate`.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod command;
#[cfg(test)]
mod file;
#[cfg(test)]
#[path = "../common/tree.rs"]
mod files;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod socket;
#[cfg(test)]
#[path = "../common/tools.rs"]
mod tools;
