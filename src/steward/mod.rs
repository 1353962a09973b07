//! The agent's part in its cluster: learns which node it is on, keeps the cluster's licence in its Secret, warns by Events, and tells
//! in a ConfigMap how the cluster stands.
//!
//! Each errand at the API server runs as a task of its own, one at a time, so that a slow server never delays a sample. What came of
//! it is taken up by the loop. In a build without Kubernetes support there is nothing to do.

#[cfg(feature = "kubernetes")]
mod errands;
#[cfg(feature = "kubernetes")]
mod licence;
#[cfg(not(feature = "kubernetes"))]
mod none;
#[cfg(feature = "kubernetes")]
mod standing;
#[cfg(feature = "kubernetes")]
mod warnings;

#[cfg(feature = "kubernetes")]
pub(crate) use errands::{Ended, Look, Steward};
#[cfg(feature = "kubernetes")]
pub(crate) use licence::LicenceEnd;
#[cfg(not(feature = "kubernetes"))]
pub(crate) use none::{Ended, Steward};
