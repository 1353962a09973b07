//! The node of a cluster that the instance runs on, kept in the state directory: `node.json`. It is known before the API server can
//! be asked again, and to commands that never ask it.

use crate::uplink::private_file;
use highwater_rules::node::{NoNode, Node};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The file's name in the state directory.
pub const FILE_NAME: &str = "node.json";
/// The longest such file, in bytes.
const FILE_MAX_BYTES: usize = 4096;

/// Why the node that was kept can't be used, or can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no node.
    #[error("{} tells no node: {what}; remove it, and the agent writes it anew", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Wire {
    cluster: String,
    name: String,
    /// Not there where the machine has no id of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    hardware: String,
}

/// The node in a state directory; `None` where there is none: outside a cluster, and before the API server was asked first.
///
/// # Errors
/// When it can't be read, or is no node.
pub fn load(state_dir: &Path) -> Result<Option<Node>, NodeError> {
    let path = state_dir.join(FILE_NAME);
    let text = match private_file::read(&path, FILE_MAX_BYTES) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) => {
            return Err(NodeError::Garbled { path, what: e.to_string() });
        }
        Err(source) => return Err(NodeError::Io { path, source }),
    };
    let read = || -> Result<Node, String> {
        let wire: Wire = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        Node::new(&wire.cluster, &wire.name, &wire.hardware).map_err(|e: NoNode| e.to_string())
    };
    read().map(Some).map_err(|what| NodeError::Garbled { path, what })
}

/// The node in a state directory, as far as it can be read: reports and licences must not wait for a file that is learned anew.
#[must_use]
pub fn known(state_dir: &Path) -> Option<Node> {
    load(state_dir).ok().flatten()
}

/// Keeps a node in a state directory, in place of an older one. Where that one says the same, nothing is written.
///
/// # Errors
/// When the file can't be written.
pub fn store(state_dir: &Path, node: &Node) -> Result<(), NodeError> {
    if matches!(load(state_dir), Ok(Some(kept)) if kept == *node) {
        return Ok(());
    }
    let path = state_dir.join(FILE_NAME);
    let Node { cluster, name, hardware } = node.clone();
    let text = serde_json::to_string(&Wire { cluster, name, hardware })
        .map_err(|e| NodeError::Io { path: path.clone(), source: io::Error::other(e) })?;
    private_file::replace(&path, format!("{text}\n").as_bytes())
        .map_err(|source| NodeError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";

    #[test]
    fn a_node_reads_as_it_was_kept_and_is_written_only_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        for hardware in ["0011223344556677", ""] {
            let node = Node::new(CLUSTER, "node-a", hardware).unwrap();
            store(dir.path(), &node).unwrap();
            assert_eq!(load(dir.path()).unwrap().as_ref(), Some(&node));
            let file = || dir.path().join(FILE_NAME).metadata().unwrap().ino();
            let before = file();
            store(dir.path(), &node).unwrap();
            assert_eq!((file(), known(dir.path())), (before, Some(node)));
        }
    }

    #[test]
    fn a_file_that_is_no_node_is_an_error_and_is_put_right_by_the_next_that_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        for bad in [
            String::new(),
            "{}".to_owned(),
            "[1]".to_owned(),
            format!(r#"{{"cluster":"{CLUSTER}","name":"Node A"}}"#),
            format!(r#"{{"cluster":"{CLUSTER}","name":"a","hardware":"xyz"}}"#),
            " ".repeat(FILE_MAX_BYTES + 1),
        ] {
            std::fs::write(&path, &bad).unwrap();
            let error = load(dir.path()).unwrap_err();
            assert!(matches!(error, NodeError::Garbled { .. }), "{bad:?}: {error}");
            assert!(error.to_string().contains("remove it"), "{error}");
            assert_eq!(known(dir.path()), None);
            let node = Node::new(CLUSTER, "node-a", "").unwrap();
            store(dir.path(), &node).unwrap();
            assert_eq!(load(dir.path()).unwrap(), Some(node));
        }
    }
}
