//! Packs the texts that the program carries, and leaves unwinding out of the release program: its tables, and the library that
//! would read them.
//!
//! It aborts on a panic and is stripped: nothing ever reads the tables, and they would be a tenth of its size. The compiler's
//! own switch can't be set for one profile, and SQLite's and ring's C would keep theirs. Without them libgcc's unwinder finds
//! nothing, and is one library more that a host has to have: the standard library asks for it all the same. LLD, which the compiler
//! links by, then leaves it out; GNU ld may still name it, which `cargo xtask deb` and `rpm` refuse.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Printed as they are, by a command each: src/commands/packed.rs. Plain they would be a thirtieth of the program.
const PACKED: [&str; 4] = [
    "packaging/completions/highwater.bash",
    "packaging/completions/highwater.fish",
    "packaging/completions/_highwater",
    "packaging/log-events.schema.json",
];

/// `INSERT` adds to the linker's own script instead of taking its place, with GNU ld and with LLD.
const SCRIPT: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .text;\n";

/// In libgcc's place: there is no frame to tell of (5 is the end of the stack), and nothing to go on with. Weak, so that a static
/// program may have libgcc's own, which the C library asks for there.
const UNWINDER: &str = "\
#include <stdlib.h>
#define NONE(name) __attribute__((weak)) void *name(void) { return 0; }
#define NEVER(name) __attribute__((weak, noreturn)) void name(void) { abort(); }
__attribute__((weak)) int _Unwind_Backtrace(void *each, void *with) { (void)each; (void)with; return 5; }
NONE(_Unwind_GetDataRelBase)
NONE(_Unwind_GetIP)
NONE(_Unwind_GetIPInfo)
NONE(_Unwind_GetLanguageSpecificData)
NONE(_Unwind_GetRegionStart)
NONE(_Unwind_GetTextRelBase)
NEVER(_Unwind_DeleteException)
NEVER(_Unwind_RaiseException)
NEVER(_Unwind_Resume)
NEVER(_Unwind_SetGR)
NEVER(_Unwind_SetIP)
";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let folder = PathBuf::from(set("OUT_DIR"));
    for text in PACKED {
        println!("cargo::rerun-if-changed={text}");
        if let Err(error) = pack(Path::new(text), &folder) {
            println!("cargo::error={text}: {error}");
        }
    }
    if set("PROFILE") != "release" || set("CARGO_CFG_TARGET_OS") != "linux" {
        return;
    }
    if let Err(error) = without_unwinding(&folder) {
        println!("cargo::error={error}");
    }
}

fn pack(text: &Path, folder: &Path) -> io::Result<()> {
    let name = text.file_name().unwrap_or_default().to_string_lossy();
    let packed = fs::File::create(folder.join(format!("{name}.gz")))?;
    let mut encoder = GzEncoder::new(packed, Compression::best());
    io::copy(&mut fs::File::open(text)?, &mut encoder)?;
    encoder.finish().map(drop)
}

fn without_unwinding(folder: &Path) -> Result<(), String> {
    let script = written(folder.join("no-unwind-tables.ld"), SCRIPT)?;
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{}", script.display());
    let source = written(folder.join("no-unwinder.c"), UNWINDER)?;
    let objects = cc::Build::new().file(&source).cargo_metadata(false).try_compile_intermediates();
    for object in objects.map_err(|error| format!("{}: {error}", source.display()))? {
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
    Ok(())
}

fn written(path: PathBuf, text: &str) -> Result<PathBuf, String> {
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
