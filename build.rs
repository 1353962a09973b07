//! Leaves unwind tables out of the release program.
//!
//! It aborts on a panic and is stripped: nothing ever reads them, and they would be a tenth of its size. The compiler's
//! own switch can't be set for one profile, and SQLite's and ring's C would keep theirs.

use std::path::PathBuf;
use std::{env, fs};

/// `INSERT` adds to the linker's own script instead of taking its place, with GNU ld and with LLD.
const SCRIPT: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .text;\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| env::var(name).unwrap_or_default();
    if set("PROFILE") != "release" || set("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    let script = PathBuf::from(set("OUT_DIR")).join("no-unwind-tables.ld");
    if let Err(error) = fs::write(&script, SCRIPT) {
        println!("cargo::error={}: {error}", script.display());
        return;
    }
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{}", script.display());
}
