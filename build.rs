//! Leaves out of the release program what it would never use: unwind tables, and a library of its own for unwinding.
//!
//! It aborts on a panic and is stripped: nothing ever reads the tables, and they would be a tenth of its size. The compiler's
//! own switch can't be set for one profile, and SQLite's and ring's C would keep theirs.

use std::path::PathBuf;
use std::{env, fs};

/// `INSERT` adds to the linker's own script instead of taking its place, with GNU ld and with LLD.
const NO_TABLES: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .text;\n";
/// Stands where the linker looks for the shared library of this name, and names the static ones instead: the program then
/// needs no library but libc, and loads one less.
const STATIC_UNWINDER: &str = "GROUP ( -lgcc_eh -lgcc )\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| env::var(name).unwrap_or_default();
    if set("PROFILE") != "release" || set("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    let folder = PathBuf::from(set("OUT_DIR"));
    let script = folder.join("no-unwind-tables.ld");
    let written =
        fs::write(&script, NO_TABLES).and_then(|()| fs::write(folder.join("libgcc_s.so"), STATIC_UNWINDER));
    if let Err(error) = written {
        println!("cargo::error={}: {error}", folder.display());
        return;
    }
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{}", script.display());
}
