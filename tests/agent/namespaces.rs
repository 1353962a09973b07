//! Two network namespaces of a test's own, with a cable between them.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::process::{Command, Stdio};

/// The namespaces; they go with the test.
pub(crate) struct Namespaces {
    near: String,
    far: String,
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Namespaces {
    /// `None` where this host can't make them.
    pub(crate) fn new() -> Option<Self> {
        let pid = std::process::id();
        let spaces =
            Namespaces { near: format!("highwater-{pid}-near"), far: format!("highwater-{pid}-far") };
        let (near, far) = (spaces.near.as_str(), spaces.far.as_str());
        let made = ip(&["netns", "add", near])
            && ip(&["netns", "add", far])
            && ip(&["-n", near, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1", "netns", far])
            && ip(&["-n", near, "address", "add", "192.0.2.1/24", "dev", "wan0"])
            && ip(&["-n", far, "address", "add", "192.0.2.2/24", "dev", "wan1"])
            && ip(&["-n", near, "link", "set", "wan0", "up"])
            && ip(&["-n", far, "link", "set", "wan1", "up"]);
        made.then_some(spaces)
    }

    pub(crate) fn near(&self) -> &str {
        &self.near
    }

    /// The bytes that the near end has received, as its driver counts them.
    pub(crate) fn received(&self) -> u64 {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.near, "cat", "/sys/class/net/wan0/statistics/rx_bytes"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
    }

    pub(crate) fn at_near<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        within(&self.near, job)
    }

    pub(crate) fn at_far<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        within(&self.far, job)
    }
}

/// Runs a job on a thread inside a namespace. Its sockets stay there.
fn within<T: Send + 'static>(name: &str, job: impl FnOnce() -> T + Send + 'static) -> T {
    let space = File::open(format!("/var/run/netns/{name}")).unwrap();
    let inside = move || {
        setns(space, CloneFlags::CLONE_NEWNET).unwrap();
        job()
    };
    std::thread::spawn(inside).join().unwrap()
}
