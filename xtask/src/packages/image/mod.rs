//! The agent's container image, as one archive that containerd, podman, docker and skopeo import: one static program in one layer,
//! for a user without rights and a read-only root. No tool for images is needed to make it; one runs it, where there is one.

mod layer;
mod oci;
mod run;

use super::program::{Build, Program, Static};
use super::{folder, licences, made};
use crate::shell;
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use layer::Tree;
use oci::Facts;
use std::fs;
use std::path::{Path, PathBuf};

/// An image is smaller than this.
const IMAGE_MAX_BYTES: usize = 8 << 20;
/// As the chart names it: nobody but this host is ever asked for it.
const NAME: &str = concat!("localhost/highwater:", env!("CARGO_PKG_VERSION"));
const USAGE: &str = "usage: cargo xtask image [--arch amd64|arm64] [--output FILE] [--program FILE]";
/// Folders that are mounted over.
const FOLDERS: [&str; 6] = ["dev", "etc/highwater", "host/sys", "proc", "sys", "var/run/secrets"];
/// Where the agent looks for the authorities that it trusts.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// What is made.
#[derive(Debug)]
struct Options {
    build: &'static Static,
    output: Option<PathBuf>,
    /// A static agent that is there already.
    program: Option<PathBuf>,
}

/// Builds the agent, writes the archive, reads it back, and runs it.
pub(super) fn make(arguments: &[String]) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let program = match &options.program {
        Some(program) => program.clone(),
        None => options.build.agent(Build::Image)?,
    };
    made::write(Program::Agent)?;
    let archive = oci::archive(&facts(options.build)?, &tree(&program)?.pack()?)?;
    if archive.len() >= IMAGE_MAX_BYTES {
        bail!("the image has {} bytes, of {IMAGE_MAX_BYTES} at most", archive.len());
    }
    let named = format!("highwater-{}-{}.oci.tar", env!("CARGO_PKG_VERSION"), options.build.architecture);
    let output = match options.output {
        Some(output) => output,
        None => folder()?.join(named),
    };
    fs::write(&output, &archive).with_context(|| format!("cannot write {}", output.display()))?;
    let opened = oci::open(&archive)?;
    println!("{} ({} KiB), {NAME}, {}", output.display(), archive.len() / 1024, opened.manifest_digest);
    if options.build.is_own() {
        run::run(&opened, &folder()?.join("image"))
    } else {
        println!("not run here: it is for {}", options.build.architecture);
        Ok(())
    }
}

fn options(arguments: &[String]) -> anyhow::Result<Options> {
    let mut options = Options { build: Static::own()?, output: None, program: None };
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        let value = rest.next().context(USAGE)?;
        match flag.as_str() {
            "--arch" => options.build = Static::of(value).context(USAGE)?,
            "--output" => options.output = Some(PathBuf::from(value)),
            "--program" => options.program = Some(PathBuf::from(value)),
            _ => bail!(USAGE),
        }
    }
    Ok(options)
}

fn facts(build: &Static) -> anyhow::Result<Facts> {
    Ok(Facts {
        architecture: build.architecture,
        name: NAME.to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        created: created()?,
        revision: git(&["rev-parse", "HEAD"]),
    })
}

/// When the sources were committed: the time of making would make each image another one.
fn created() -> anyhow::Result<String> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok().or_else(|| git(&["log", "-1", "--format=%ct"]));
    let at = format!("@{}", seconds.unwrap_or_else(|| "0".to_owned()));
    let time = shell::run("date", &["--utc", "--date", &at, "+%Y-%m-%dT%H:%M:%SZ"])?;
    Ok(time.trim().to_owned())
}

/// What git tells of the repository, where it is one.
fn git(arguments: &[&str]) -> Option<String> {
    let repository = shell::repository();
    let mut all = vec!["-C", repository.to_str()?];
    all.extend(arguments);
    shell::run("git", &all).ok().map(|told| told.trim().to_owned()).filter(|told| !told.is_empty())
}

/// All that is in the image.
fn tree(program: &Path) -> anyhow::Result<Tree> {
    let read = |path: &Path| bounded(path);
    let repository = shell::repository();
    let mut tree = Tree::default();
    for path in FOLDERS {
        tree.folder(path);
    }
    tree.common_folder("tmp");
    tree.own_folder("var/lib/highwater");
    tree.own_folder("run/highwater");
    tree.file("usr/bin/highwater", 0o755, read(program)?);
    tree.file(AUTHORITIES, 0o644, authorities().into_bytes());
    let licences = "usr/share/licenses/highwater";
    tree.file(&format!("{licences}/LICENSE"), 0o644, read(&repository.join("LICENSE"))?);
    let others = read(&repository.join("packaging/made/highwater-licences.txt"))?;
    tree.file(&format!("{licences}/THIRD-PARTY-LICENCES"), 0o644, others);
    let of_authorities = licences::of_crate("webpki-root-certs")?;
    tree.file(&format!("{licences}/AUTHORITIES-LICENCE"), 0o644, of_authorities.into_bytes());
    Ok(tree)
}

fn bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    shell::read_bytes(path, IMAGE_MAX_BYTES as u64 * 2)
}

/// Mozilla's authorities as PEM: a host's own are not in a container. Which ones they are is settled by Cargo.lock, not by the
/// machine that builds.
fn authorities() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = STANDARD.encode(certificate);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorities_are_certificates_in_the_form_that_the_agent_reads() {
        let pem = authorities();
        let count = pem.lines().filter(|line| *line == "-----BEGIN CERTIFICATE-----").count();
        assert!(count > 100, "{count}");
        assert!(pem.lines().all(|line| line.len() <= 64));
        let first: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        assert_eq!(STANDARD.decode(first).unwrap(), webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].as_ref());
    }

    #[test]
    fn options_name_a_processor_and_files() {
        let given =
            |words: &[&str]| options(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let arm = given(&["--arch", "arm64", "--output", "/tmp/x"]).unwrap();
        assert_eq!(arm.build.triple, "aarch64-unknown-linux-gnu");
        assert_eq!(arm.output, Some(PathBuf::from("/tmp/x")));
        for wrong in [&["--arch"][..], &["--arch", "s390x"], &["amd64"]] {
            assert!(given(wrong).is_err(), "{wrong:?}");
        }
    }
}
