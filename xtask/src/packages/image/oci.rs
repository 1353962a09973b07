//! An OCI image as one file: `oci-layout`, `index.json`, and the blobs that they lead to, by their SHA-256.

use super::layer::{Layer, USER};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use tar::{Archive, Builder, Header};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// No file of an image is longer.
const BLOB_MAX_BYTES: u64 = 64 << 20;

/// What an image says of itself beside its files.
#[derive(Debug)]
pub(super) struct Facts {
    /// As Go names processors: `amd64`, `arm64`.
    pub(super) architecture: &'static str,
    /// The name by which the archive is imported.
    pub(super) name: String,
    pub(super) version: &'static str,
    /// When its sources were committed, as RFC 3339.
    pub(super) created: String,
    /// The commit that it was built of, where that is known.
    pub(super) revision: Option<String>,
}

/// `sha256:` and the digest in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The archive of an image of one layer.
pub(super) fn archive(facts: &Facts, layer: &Layer) -> anyhow::Result<Vec<u8>> {
    let config = config(facts, layer).to_string().into_bytes();
    let layers = [descriptor(LAYER, &layer.gzip)];
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config),
        "layers": layers,
        "annotations": labels(facts),
    });
    let manifest = manifest.to_string().into_bytes();
    let mut entry = descriptor(MANIFEST, &manifest);
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("platform".to_owned(), json!({"architecture": facts.architecture, "os": "linux"}));
        // What podman and skopeo look at, and what containerd and docker do.
        let names =
            json!({"org.opencontainers.image.ref.name": facts.name, "io.containerd.image.name": facts.name});
        entry.insert("annotations".to_owned(), names);
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();

    let mut tar = Builder::new(Vec::new());
    append(&mut tar, "oci-layout", json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())?;
    append(&mut tar, "index.json", index.as_bytes())?;
    let blobs: BTreeMap<String, &[u8]> = [&manifest, &config, &layer.gzip]
        .into_iter()
        .map(|blob| (blob_path(&digest(blob)), blob.as_slice()))
        .collect();
    for (path, blob) in blobs {
        append(&mut tar, &path, blob)?;
    }
    tar.into_inner().context("cannot end the archive")
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(blob), "size": blob.len()})
}

fn labels(facts: &Facts) -> Value {
    let mut labels = json!({
        "org.opencontainers.image.title": "highwater",
        "org.opencontainers.image.description": "Edge metering agent",
        "org.opencontainers.image.version": facts.version,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.created": facts.created,
    });
    if let (Some(labels), Some(revision)) = (labels.as_object_mut(), &facts.revision) {
        labels.insert("org.opencontainers.image.revision".to_owned(), json!(revision));
    }
    labels
}

fn config(facts: &Facts, layer: &Layer) -> Value {
    json!({
        "created": facts.created,
        "architecture": facts.architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/bin", "HIGHWATER_STATE_DIR=/var/lib/highwater"],
            "Entrypoint": ["/usr/bin/highwater"],
            "Cmd": ["run"],
            "WorkingDir": "/",
            "Volumes": {"/var/lib/highwater": {}, "/run/highwater": {}},
            "Labels": labels(facts),
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        "history": [{"created": facts.created, "created_by": "cargo xtask image"}],
    })
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    tar.append(&header, bytes).with_context(|| format!("cannot pack {path}"))
}

/// What an archive says, and the bytes of its one layer, with every digest on the way looked at.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) manifest_digest: String,
    pub(super) config: Value,
    pub(super) layer: Vec<u8>,
}

/// Reads an archive back, as who imports it does.
pub(super) fn open(archive: &[u8]) -> anyhow::Result<Opened> {
    let files = files(archive)?;
    let get = |path: &str| files.get(path).with_context(|| format!("the archive has no {path}"));
    let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).context("the archive's JSON is broken");
    let blob = |descriptor: &Value| {
        let named = descriptor.get("digest").and_then(Value::as_str).context("a descriptor has no digest")?;
        let bytes = get(&blob_path(named))?;
        let size = descriptor.get("size").and_then(Value::as_u64);
        if digest(bytes) != named || size != Some(bytes.len() as u64) {
            bail!("{named} is another file");
        }
        Ok((named.to_owned(), bytes))
    };
    let index = parse(get("index.json")?)?;
    let (manifest_digest, manifest) = blob(index.pointer("/manifests/0").context("the index is empty")?)?;
    let manifest = parse(manifest)?;
    let (_, config) = blob(manifest.get("config").context("the manifest has no configuration")?)?;
    let layers = manifest.get("layers").and_then(Value::as_array).context("the manifest has no layers")?;
    let [layer] = layers.as_slice() else { bail!("the image has {} layers, and not one", layers.len()) };
    Ok(Opened { manifest_digest, config: parse(config)?, layer: blob(layer)?.1.clone() })
}

fn files(archive: &[u8]) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(archive).entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.take(BLOB_MAX_BYTES).read_to_end(&mut bytes)?;
        files.insert(path, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::layer::Tree;
    use super::*;

    fn image(program: u8) -> Vec<u8> {
        let mut tree = Tree::default();
        tree.file("usr/bin/highwater", 0o755, vec![program; 3000]);
        let facts = Facts {
            architecture: "amd64",
            name: "localhost/highwater:0.1.0".to_owned(),
            version: "0.1.0",
            created: "1970-01-01T00:00:00Z".to_owned(),
            revision: Some("0123".to_owned()),
        };
        archive(&facts, &tree.pack().unwrap()).unwrap()
    }

    #[test]
    fn an_image_built_twice_is_the_same_file() {
        assert_eq!(image(1), image(1));
        assert_ne!(open(&image(1)).unwrap().manifest_digest, open(&image(2)).unwrap().manifest_digest);
    }

    #[test]
    fn what_an_archive_says_leads_to_its_layer_and_to_a_user_without_rights() {
        let opened = open(&image(1)).unwrap();
        let at = |path: &str| opened.config.pointer(path).cloned().unwrap();
        assert_eq!(at("/config/User"), "65532:65532");
        assert_eq!(at("/config/Entrypoint/0"), "/usr/bin/highwater");
        assert_eq!(at("/config/Labels/org.opencontainers.image.revision"), "0123");
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(opened.layer.as_slice()).read_to_end(&mut tar).unwrap();
        assert_eq!(at("/rootfs/diff_ids"), json!([digest(&tar)]));
        let names = files(&image(1)).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(names.len(), 5, "{names:?}");
    }

    #[test]
    fn an_archive_whose_layer_was_changed_is_refused() {
        let mut files = files(&image(1)).unwrap();
        let path = blob_path(&digest(&open(&image(1)).unwrap().layer));
        files.get_mut(&path).unwrap()[20] ^= 1;
        let mut tar = Builder::new(Vec::new());
        for (path, bytes) in &files {
            append(&mut tar, path, bytes).unwrap();
        }
        let refused = open(&tar.into_inner().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("is another file"), "{refused}");
    }
}
