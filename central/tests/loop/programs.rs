//! The two programs, as they were built.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Central.
pub(crate) const CENTRAL: &str = env!("CARGO_BIN_EXE_highwater-central");

/// The agent: it lies beside central. Cargo builds only the binaries of the package that is tested, so that this may be the first to ask.
pub(crate) fn agent() -> &'static PathBuf {
    static AGENT: OnceLock<PathBuf> = OnceLock::new();
    AGENT.get_or_init(|| {
        let beside = PathBuf::from(CENTRAL).with_file_name("highwater");
        // Cargo finds out itself whether it is fresh.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "highwater", "--bin", "highwater"]);
        // It is built as it was for this test, so that others that use it find it as it was.
        if highwater::HAS_KUBERNETES {
            build.args(["--features", "kubernetes"]);
        }
        // It is built as central is: that is what the folder is named after.
        match beside.parent().and_then(Path::file_name).and_then(OsStr::to_str) {
            None | Some("debug") => {}
            Some(profile) => drop(build.args(["--profile", profile])),
        }
        // What cargo tells its tests of their package, build scripts would take for a change.
        let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        for (name, _) in std::env::vars_os() {
            if told.iter().any(|start| name.to_string_lossy().starts_with(start)) {
                build.env_remove(name);
            }
        }
        // Two folders up is where this was built, whatever it was called with.
        build.env("CARGO_TARGET_DIR", beside.parent().unwrap().parent().unwrap());
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(built.success() && beside.exists(), "the agent is not at {}", beside.display());
        beside
    })
}

/// A program without anything that this process's environment says of highwater, of proxies or of certificates.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        let proxy = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"];
        if text.starts_with("HIGHWATER_") || proxy.contains(&text.as_str()) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}
