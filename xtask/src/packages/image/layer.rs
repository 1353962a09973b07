//! The image's one layer: a tree of files, as the same bytes each time.

use anyhow::{Context as _, bail};
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::io::Write as _;
use tar::{Builder, EntryType, Header};

/// Whoever a file or folder belongs to: root, unless the agent writes there.
const ROOT: u64 = 0;
/// Whoever the image's program runs as.
pub(super) const USER: u64 = 65532;

/// A tree of files, by their paths without a leading `/`.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Debug)]
struct Node {
    owner: u64,
    mode: u32,
    /// `None` is a folder.
    bytes: Option<Vec<u8>>,
}

/// A layer as it lies in the image, and what it unpacks to.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) gzip: Vec<u8>,
    /// The SHA-256 of the tar within.
    pub(super) diff_id: String,
}

impl Tree {
    /// Adds a folder, and those above it.
    pub(super) fn folder(&mut self, path: &str) {
        self.folder_of(path, ROOT, 0o755);
    }

    /// Adds a folder that the program writes to.
    pub(super) fn own_folder(&mut self, path: &str) {
        self.folder_of(path, USER, 0o755);
    }

    /// Adds a folder that everybody writes to.
    pub(super) fn common_folder(&mut self, path: &str) {
        self.folder_of(path, ROOT, 0o1777);
    }

    /// Adds a file, and the folders above it.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: Vec<u8>) {
        self.parents(path);
        self.0.insert(path.to_owned(), Node { owner: ROOT, mode, bytes: Some(bytes) });
    }

    fn folder_of(&mut self, path: &str, owner: u64, mode: u32) {
        self.parents(path);
        self.0.insert(path.to_owned(), Node { owner, mode, bytes: None });
    }

    fn parents(&mut self, path: &str) {
        for (end, _) in path.match_indices('/') {
            let above = path.get(..end).unwrap_or_default().to_owned();
            self.0.entry(above).or_insert(Node { owner: ROOT, mode: 0o755, bytes: None });
        }
    }

    /// Packs it. In the order of names, and of no time: so that the same files are the same bytes.
    pub(super) fn pack(&self) -> anyhow::Result<Layer> {
        let mut tar = Builder::new(Vec::new());
        for (path, node) in &self.0 {
            let bytes = node.bytes.as_deref();
            let name = if bytes.is_some() { path.clone() } else { format!("{path}/") };
            append(&mut tar, &name, node, bytes.unwrap_or_default())
                .with_context(|| format!("cannot pack {path}"))?;
        }
        let tar = tar.into_inner().context("cannot end the layer")?;
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        gzip.write_all(&tar).context("cannot compress the layer")?;
        let gzip = gzip.finish().context("cannot compress the layer")?;
        Ok(Layer { gzip, diff_id: super::oci::digest(&tar) })
    }
}

fn append(tar: &mut Builder<Vec<u8>>, name: &str, node: &Node, bytes: &[u8]) -> anyhow::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(if node.bytes.is_some() { EntryType::Regular } else { EntryType::Directory });
    header.set_path(name)?;
    header.set_mode(node.mode);
    header.set_uid(node.owner);
    header.set_gid(node.owner);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    if name.starts_with('/') {
        bail!("{name} begins with a /");
    }
    Ok(tar.append(&header, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read as _;

    fn tree(order: &[usize]) -> Tree {
        let mut tree = Tree::default();
        for step in order {
            match step {
                0 => tree.file("usr/bin/highwater", 0o755, vec![7; 5000]),
                1 => tree.own_folder("var/lib/highwater"),
                2 => tree.common_folder("tmp"),
                _ => tree.folder("proc"),
            }
        }
        tree
    }

    #[test]
    fn the_same_files_are_the_same_bytes_in_whatever_order_they_come() {
        let first = tree(&[0, 1, 2, 3]).pack().unwrap();
        let second = tree(&[3, 1, 0, 2]).pack().unwrap();
        assert_eq!(first.gzip, second.gzip);
        assert_eq!(first.diff_id, second.diff_id);
        let other = tree(&[0, 1, 2]).pack().unwrap();
        assert_ne!(first.gzip, other.gzip);
    }

    #[test]
    fn each_entry_has_its_owner_and_its_mode() {
        let layer = tree(&[0, 1, 2, 3]).pack().unwrap();
        let mut bytes = Vec::new();
        GzDecoder::new(layer.gzip.as_slice()).read_to_end(&mut bytes).unwrap();
        assert_eq!(layer.diff_id, super::super::oci::digest(&bytes));
        let mut archive = tar::Archive::new(bytes.as_slice());
        let found: Vec<(String, u64, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().to_string_lossy().into_owned();
                assert_eq!(header.mtime().unwrap(), 0);
                (path, header.uid().unwrap(), header.mode().unwrap(), header.size().unwrap())
            })
            .collect();
        let expected = [
            ("proc/", 0, 0o755, 0),
            ("tmp/", 0, 0o1777, 0),
            ("usr/", 0, 0o755, 0),
            ("usr/bin/", 0, 0o755, 0),
            ("usr/bin/highwater", 0, 0o755, 5000),
            ("var/", 0, 0o755, 0),
            ("var/lib/", 0, 0o755, 0),
            ("var/lib/highwater/", 65532, 0o755, 0),
        ];
        let expected = expected.map(|(path, owner, mode, size)| (path.to_owned(), owner, mode, size));
        assert_eq!(found, expected);
    }
}
