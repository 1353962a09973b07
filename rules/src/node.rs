//! A node of a cluster: which machine of which Kubernetes cluster an instance runs on, and how it is told.

use crate::report::Names;
use crate::sign::{hex, sha256};
use highwater_proto::v1;

/// The longest id of a cluster, in bytes.
pub const CLUSTER_MAX_BYTES: usize = 64;
/// The longest name of a node, in bytes: that of a DNS name.
pub const NAME_MAX_BYTES: usize = 253;
/// The length of a hardware id: 8 bytes in hexadecimal.
const HARDWARE_DIGITS: usize = 16;
/// What a hardware id is a hash of, before the cluster's id and the machine's.
const HARDWARE_PREFIX: &[u8] = b"highwater-node/v1\0";
/// What boards say whose maker never set a UUID: as good as none.
const NEVER_SET: &str = "03000200-0400-0500-0006-000700080009";

/// A node, as the instance on it knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// The cluster's id: the uid of its namespace kube-system.
    pub cluster: String,
    /// The node's name.
    pub name: String,
    /// What stays when the node comes back under another name ([`hardware`]); empty where nothing does.
    pub hardware: String,
}

/// Why something is no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoNode {
    /// The cluster's id.
    #[error(
        "a cluster's id is of 1 to {CLUSTER_MAX_BYTES} digits, lower-case letters and `-`: the uid of namespace kube-system"
    )]
    Cluster,
    /// The name.
    #[error("a node's name is of 1 to {NAME_MAX_BYTES} digits, lower-case letters, `-` and `.`")]
    Name,
    /// The hardware id.
    #[error("a node's hardware id is of {HARDWARE_DIGITS} hexadecimal digits, or empty")]
    Hardware,
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-')
}

/// Whether a text can be a cluster's id.
#[must_use]
pub fn is_cluster(text: &str) -> bool {
    (1..=CLUSTER_MAX_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Holds a node's parts to what they can be.
///
/// # Errors
/// The first that can't be.
pub fn check(cluster: &str, name: &str, hardware: &str) -> Result<(), NoNode> {
    if !is_cluster(cluster) {
        return Err(NoNode::Cluster);
    }
    if name.is_empty() || name.len() > NAME_MAX_BYTES || !name.bytes().all(|b| is_plain(b) || b == b'.') {
        return Err(NoNode::Name);
    }
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !matches!(hardware.len(), 0 | HARDWARE_DIGITS) || !hardware.bytes().all(is_digit) {
        return Err(NoNode::Hardware);
    }
    Ok(())
}

/// The hardware id of a machine by its UUID (`systemUUID` of the node's status), which itself never leaves the cluster. It is
/// another one in each cluster. Empty where the machine has no UUID of its own.
#[must_use]
pub fn hardware(cluster: &str, system_uuid: &str) -> String {
    let uuid = system_uuid.trim().to_ascii_lowercase();
    let is_same_digit = |digit: char| uuid.chars().all(|c| c == '-' || c == digit);
    if uuid.is_empty() || uuid == NEVER_SET || is_same_digit('0') || is_same_digit('f') {
        return String::new();
    }
    hex(sha256(&[HARDWARE_PREFIX, cluster.as_bytes(), uuid.as_bytes()].concat()).0.split_at(8).0)
}

impl Node {
    /// A node of these parts.
    ///
    /// # Errors
    /// When one of them can't be.
    pub fn new(cluster: &str, name: &str, hardware: &str) -> Result<Self, NoNode> {
        check(cluster, name, hardware)?;
        Ok(Node { cluster: cluster.to_owned(), name: name.to_owned(), hardware: hardware.to_owned() })
    }

    /// As it is told: its name as all names are.
    #[must_use]
    pub fn told(&self, names: &Names) -> v1::Node {
        v1::Node {
            cluster: self.cluster.clone(),
            name: names.told(&self.name),
            hardware: self.hardware.clone(),
            name_hashed: matches!(names, Names::Hashed(_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";

    #[test]
    fn what_cannot_be_is_no_node() {
        let long = |n| "a".repeat(n);
        for (cluster, name, hardware, expect) in [
            (CLUSTER, "node-a", "0011223344556677", Ok(())),
            (CLUSTER, "ip-10-0-0-1.eu.compute.internal", "", Ok(())),
            (&long(64), &long(253), "", Ok(())),
            ("", "node-a", "", Err(NoNode::Cluster)),
            (&long(65), "node-a", "", Err(NoNode::Cluster)),
            ("7B0C", "node-a", "", Err(NoNode::Cluster)),
            (CLUSTER, "", "", Err(NoNode::Name)),
            (CLUSTER, &long(254), "", Err(NoNode::Name)),
            (CLUSTER, "node a", "", Err(NoNode::Name)),
            (CLUSTER, "node\u{1b}[2J", "", Err(NoNode::Name)),
            (CLUSTER, "node-a", "001122334455667", Err(NoNode::Hardware)),
            (CLUSTER, "node-a", "001122334455667G", Err(NoNode::Hardware)),
            (CLUSTER, "node-a", "001122334455667A", Err(NoNode::Hardware)),
        ] {
            assert_eq!(check(cluster, name, hardware), expect, "{cluster} {name} {hardware}");
            assert_eq!(Node::new(cluster, name, hardware).map(drop), expect);
        }
    }

    #[test]
    fn a_hardware_id_is_the_machines_in_its_cluster_however_its_uuid_is_written() {
        let uuid = "EC2A1B00-1234-5678-9ABC-DEF012345678";
        let id = hardware(CLUSTER, uuid);
        // Worked out by hand: printf 'highwater-node/v1\0%s%s' CLUSTER uuid | sha256sum
        assert_eq!(id, "8f8e498eb8100b4e");
        assert_eq!(hardware(CLUSTER, &format!(" {}\n", uuid.to_lowercase())), id);
        assert_ne!(hardware("another", uuid), id);
        assert_ne!(hardware(CLUSTER, "EC2A1B00-1234-5678-9ABC-DEF012345679"), id);
    }

    #[test]
    fn a_machine_without_a_uuid_of_its_own_has_no_hardware_id() {
        for none in [
            "",
            " ",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert_eq!(hardware(CLUSTER, none), "", "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn a_hardware_id_is_always_one_that_can_be(cluster in ".{0,80}", uuid in ".{0,80}") {
            prop_assert_eq!(check(CLUSTER, "a", &hardware(&cluster, &uuid)), Ok(()));
        }
    }
}
