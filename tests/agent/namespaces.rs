//! Two network namespaces of a test's own, with a cable between them.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// So that two tests of one process do not take each other's.
static MADE: AtomicU32 = AtomicU32::new(0);

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
        let own = format!("highwater-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let spaces = Namespaces { near: format!("{own}-near"), far: format!("{own}-far") };
        let (near, far) = (spaces.near.as_str(), spaces.far.as_str());
        let made = ip(&["netns", "add", near])
            && ip(&["netns", "add", far])
            && ip(&["-n", near, "link", "set", "lo", "up"])
            && spaces.lay();
        made.then_some(spaces)
    }

    /// Lays the cable.
    fn lay(&self) -> bool {
        let (near, far) = (self.near.as_str(), self.far.as_str());
        ip(&["-n", near, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1", "netns", far])
            && ip(&["-n", near, "address", "add", "192.0.2.1/24", "dev", "wan0"])
            && ip(&["-n", far, "address", "add", "192.0.2.2/24", "dev", "wan1"])
            && ip(&["-n", near, "address", "add", "2001:db8::1/64", "dev", "wan0", "nodad"])
            && ip(&["-n", far, "address", "add", "2001:db8::2/64", "dev", "wan1", "nodad"])
            && ip(&["-n", near, "link", "set", "wan0", "up"])
            && ip(&["-n", far, "link", "set", "wan1", "up"])
    }

    /// Takes the cable away.
    pub(crate) fn cut(&self) {
        self.near_ip(&["link", "delete", "wan0"]);
    }

    /// Lays another of the same names.
    pub(crate) fn lay_again(&self) {
        assert!(self.lay());
    }

    /// `ip` at the near end.
    pub(crate) fn near_ip(&self, arguments: &[&str]) {
        assert!(ip(&[&["-n", &self.near], arguments].concat()), "{arguments:?}");
    }

    /// `ip` at the far end.
    pub(crate) fn far_ip(&self, arguments: &[&str]) {
        assert!(ip(&[&["-n", &self.far], arguments].concat()), "{arguments:?}");
    }

    /// What runs a program at the far end.
    pub(crate) fn far_command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.far, program]).stdin(Stdio::null());
        command
    }

    /// What runs a program at the near end.
    pub(crate) fn near_command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.near, program]).stdin(Stdio::null());
        command
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
