//! The Helm chart and the plain manifest, as objects: what they may do, what they run, and what they refuse.

#[cfg(test)]
#[cfg(feature = "kubernetes")]
mod configuration;
#[cfg(test)]
mod linted;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod rendered;
#[cfg(test)]
mod rights;
#[cfg(test)]
#[path = "../common/tools.rs"]
mod tools;
