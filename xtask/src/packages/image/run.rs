//! Runs the image: `own` as root with CAP_CHOWN alone, then the agent as the image's user with no right at all, both with a read-only
//! root, 32 MiB of memory and what the DaemonSet mounts.

use super::layer::USER;
use super::oci::Opened;
use crate::{shell, time};
use anyhow::{Context as _, bail};
use flate2::read::GzDecoder;
use nix::unistd::Uid;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tar::Archive;

/// What starts a container from a bundle, and the Debian package of the first.
const RUNTIMES: [&str; 2] = ["crun", "runc"];
const PACKAGE: &str = "crun";
/// As the chart limits it.
const MEMORY_MAX_BYTES: u64 = 32 << 20;
/// How long is waited for the agent's samples, and for its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many samples are waited for, of a slot of one second each.
const SAMPLES: usize = 3;
/// crun refuses a host that has controllers in both kinds of cgroups: it is shown one.
const STARTED: &str = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$0\" \"$@\"";
/// The agent's configuration there: what the chart's says, but for the cluster, of which there is none.
const CONFIG: &str = "\
state_dir = \"/var/lib/highwater\"
[sampling]
interval = \"1s\"
root = \"/host\"
[ram]
scope = \"host\"
[log]
format = \"json\"
";

/// The folders that stand for the node's, and the bundles.
struct Bench {
    folder: PathBuf,
    runtime: PathBuf,
    user: String,
}

/// One container: who runs it, with which rights, and what it runs.
struct Container<'a> {
    name: &'a str,
    user: u64,
    capabilities: &'a [&'a str],
    arguments: &'a [&'a str],
}

/// Unpacks an image and runs it.
pub(super) fn run(opened: &Opened, folder: &Path) -> anyhow::Result<()> {
    if !Uid::effective().is_root() {
        println!("not root: the image was made and read back, and not run");
        return Ok(());
    }
    let Some(runtime) = runtime()? else {
        println!("neither {} is here nor apt-get: the image was not run", RUNTIMES.join(" nor "));
        return Ok(());
    };
    let user =
        opened.config.pointer("/config/User").and_then(Value::as_str).context("the image names no user")?;
    let bench = Bench { folder: folder.to_owned(), runtime, user: user.to_owned() };
    bench.lay_out(opened)?;
    bench.owns()?;
    bench.meters()?;
    println!(
        "run by {}: `own` as root with CAP_CHOWN alone, then the agent as {user} with no right, a read-only root and {} MiB of memory",
        bench.runtime.display(),
        MEMORY_MAX_BYTES >> 20
    );
    Ok(())
}

/// Where a runtime is; installed where it may be.
fn runtime() -> anyhow::Result<Option<PathBuf>> {
    let find = || RUNTIMES.iter().find_map(|name| shell::find_program(name));
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if shell::find_program("apt-get").is_none() {
        return Ok(None);
    }
    println!("installing with apt-get: {PACKAGE}");
    shell::run("apt-get", &["update", "-q"])?;
    let install = ["apt-get", "install", "-y", "-q", "--no-remove", "--no-install-recommends", PACKAGE];
    let mut arguments = vec!["DEBIAN_FRONTEND=noninteractive"];
    arguments.extend(install);
    shell::run("env", &arguments)?;
    Ok(find())
}

impl Bench {
    fn lay_out(&self, opened: &Opened) -> anyhow::Result<()> {
        shell::fresh_folder(&self.folder)?;
        let mut layer = Archive::new(GzDecoder::new(opened.layer.as_slice()));
        layer.set_preserve_permissions(true);
        layer.set_preserve_ownerships(true);
        layer.unpack(self.folder.join("rootfs")).context("the layer can't be unpacked")?;
        // As the kubelet makes a hostPath: root's, 0755.
        for host in ["state", "run", "config"] {
            let path = self.folder.join(host);
            fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(self.folder.join("config/highwater.toml"), CONFIG).context("cannot write the configuration")
    }

    fn owns(&self) -> anyhow::Result<()> {
        let arguments = ["own", "/var/lib/highwater", "/run/highwater", "--user", &self.user];
        let container =
            Container { name: "own", user: 0, capabilities: &["CAP_CHOWN"], arguments: &arguments };
        // The second time there is nothing to do, as at each start of a pod but the first.
        for time in ["first", "second"] {
            let told = self.ended(&container).with_context(|| format!("`own`, the {time} time"))?;
            for folder in ["state", "run"] {
                let owner = u64::from(fs::metadata(self.folder.join(folder))?.uid());
                if owner != USER {
                    bail!("`own` left {folder} to user {owner}, the {time} time: {told}");
                }
            }
        }
        Ok(())
    }

    /// Runs the agent for some samples, ends it as a kubelet does, and lets the image's own `verify` look at the ledger.
    fn meters(&self) -> anyhow::Result<()> {
        let container = Container { name: "run", user: USER, capabilities: &[], arguments: &["run"] };
        let (mut agent, log) = self.start(&container)?;
        let read = || shell::read_text(&log).unwrap_or_default();
        let sampled = || read().matches("\"sampled\"").count() >= SAMPLES;
        let metered = time::wait_for(PATIENCE, || {
            (sampled() || agent.try_wait().is_ok_and(|status| status.is_some())).then_some(())
        });
        let alive = Container { name: "alive", user: USER, capabilities: &[], arguments: &ALIVE };
        let alive = self.ended(&alive);
        self.signal(&container, "TERM")?;
        let status = time::wait_for(PATIENCE, || agent.try_wait().ok().flatten());
        let log = read();
        if status.is_none_or(|status| !status.success()) || metered.is_none() || !sampled() {
            self.signal(&container, "KILL").ok();
            bail!("the agent does not meter in the image: {log}");
        }
        if let Some(trouble) = log.lines().find(|line| line.contains("\"error\"")) {
            bail!("the agent is in trouble in the image: {trouble}");
        }
        alive.context("the liveness probe beside it")?;
        let verify = Container { name: "verify", user: USER, capabilities: &[], arguments: &["verify"] };
        let told = self.ended(&verify).context("the ledger")?;
        println!("{} samples there; {}", log.matches("\"sampled\"").count(), told.trim());
        Ok(())
    }

    /// Runs a container to its end; other than success is an error that carries what it wrote.
    fn ended(&self, container: &Container<'_>) -> anyhow::Result<String> {
        let (mut child, log) = self.start(container)?;
        let Some(status) = time::wait_for(PATIENCE, || child.try_wait().ok().flatten()) else {
            self.signal(container, "KILL").ok();
            bail!("{} does not end", container.name);
        };
        let told = shell::read_text(&log)?;
        if !status.success() {
            bail!("{} failed ({status}): {told}", container.name);
        }
        Ok(told)
    }

    fn start(&self, container: &Container<'_>) -> anyhow::Result<(Child, PathBuf)> {
        let bundle = self.folder.join(format!("bundle-{}", container.name));
        shell::fresh_folder(&bundle)?;
        fs::write(bundle.join("config.json"), self.bundle(container).to_string())?;
        let log = bundle.join("log");
        let written = File::create(&log)?;
        let mut start = self.command();
        start.args(["run", "--bundle"]).arg(&bundle).arg(self.id(container));
        start.stdin(Stdio::null()).stderr(written.try_clone()?).stdout(written);
        Ok((start.spawn().context("the runtime cannot be started")?, log))
    }

    fn signal(&self, container: &Container<'_>, signal: &str) -> anyhow::Result<()> {
        let mut kill = self.command();
        kill.arg("kill").arg(self.id(container)).arg(signal);
        let output = kill.output().context("the runtime cannot be started")?;
        if !output.status.success() {
            bail!("cannot end {}: {}", container.name, String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The runtime, with states of its own, and in a mount namespace of its own.
    fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", STARTED]).arg(&self.runtime);
        command.arg("--root").arg(self.folder.join("states"));
        command
    }

    fn id(&self, container: &Container<'_>) -> String {
        format!("highwater-{}-{}", std::process::id(), container.name)
    }

    fn bundle(&self, container: &Container<'_>) -> Value {
        let sets = ["bounding", "effective", "permitted"].map(|set| (set, json!(container.capabilities)));
        let capabilities: Value = sets.into_iter().map(|(set, of)| (set.to_owned(), of)).collect();
        let mut arguments = vec!["/usr/bin/highwater"];
        arguments.extend(container.arguments);
        let namespaces = ["pid", "ipc", "uts", "mount", "network"].map(|kind| json!({"type": kind}));
        let host = |name: &str| self.folder.join(name);
        let bind = |from: PathBuf, to: &str, how: &str| json!({"type": "bind", "source": from, "destination": to, "options": ["rbind", how, "nosuid", "nodev"]});
        json!({
            "ociVersion": "1.0.0",
            "process": {
                "terminal": false,
                "user": {"uid": container.user, "gid": container.user},
                "args": arguments,
                "env": ["PATH=/usr/bin", "HIGHWATER_STATE_DIR=/var/lib/highwater"],
                "cwd": "/",
                "capabilities": capabilities,
                "noNewPrivileges": true,
            },
            "root": {"path": host("rootfs"), "readonly": true},
            "mounts": [
                {"type": "proc", "source": "proc", "destination": "/proc"},
                {"type": "tmpfs", "source": "tmpfs", "destination": "/dev", "options": ["nosuid", "mode=755", "size=65536k"]},
                bind(host("state"), "/var/lib/highwater", "rw"),
                bind(host("run"), "/run/highwater", "rw"),
                bind(host("config"), "/etc/highwater", "ro"),
                bind(PathBuf::from("/sys"), "/host/sys", "ro"),
            ],
            "linux": {
                "namespaces": namespaces,
                "resources": {"memory": {"limit": MEMORY_MAX_BYTES}},
                "cgroupsPath": format!("/{}", self.id(container)),
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        })
    }
}

/// The liveness probe of the DaemonSet.
const ALIVE: [&str; 4] = ["gate", "--alive", "--socket", "/run/highwater/gate.sock"];
