//! The committed code is what the `.proto` files say.
#![expect(clippy::disallowed_methods, reason = "this test reads and writes the repository's own files")]

use std::path::Path;

const FILES: [&str; 7] = [
    "highwater/v1/activation.proto",
    "highwater/v1/bundle.proto",
    "highwater/v1/envelope.proto",
    "highwater/v1/licence.proto",
    "highwater/v1/report.proto",
    "highwater/v1/upload.proto",
    "highwater/v1/usage.proto",
];

#[test]
fn the_committed_code_is_what_the_proto_files_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile(FILES, [root]).unwrap();
    let out = tempfile::tempdir().unwrap();
    prost_build::Config::new().out_dir(out.path()).compile_fds(descriptors).unwrap();
    let generated = std::fs::read_to_string(out.path().join("highwater.v1.rs")).unwrap();
    let committed = root.join("src/v1.rs");
    if std::env::var_os("HIGHWATER_BLESS").is_some() {
        std::fs::write(&committed, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&committed).unwrap();
    assert!(committed == generated, "src/v1.rs is stale: HIGHWATER_BLESS=1 cargo test -p highwater-proto");
}
