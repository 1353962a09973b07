//! A host of a test's own making: its memory, one network card, its boot.

use crate::files::Tree;
use std::path::Path;

/// What the memory of such a host is, in bytes.
pub(crate) const MEMORY: f64 = 1_048_576.0 * 1024.0;

/// The host. Its files change as the kernel's do: a reader sees the old or the new, never half of one.
pub(crate) struct Host(Tree);

impl Host {
    pub(crate) fn new() -> Self {
        let host = Host(Tree::new(&[("sys/class/net/eth0/device", "")]));
        host.memory("MemTotal:        1048576 kB\nMemFree:          500000 kB\n");
        host.traffic(1_000_000, 2_000_000);
        host.boot("11111111-1111-4111-8111-111111111111");
        host
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.dir()
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.0
    }

    pub(crate) fn memory(&self, text: &str) {
        self.swap("proc/meminfo", text);
    }

    /// The bytes that its card has received and sent.
    pub(crate) fn traffic(&self, rx: u64, tx: u64) {
        let header = "Inter-|   Receive                                                |  Transmit\n \
                      face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
        let line = format!("  eth0: {rx} 10 0 0 0 0 0 0 {tx} 20 0 0 0 0 0 0\n");
        self.swap("proc/net/dev", &format!("{header}{line}"));
    }

    /// The kernel's index of its card: another one is another card under the same name.
    pub(crate) fn index(&self, index: u32) {
        self.swap("sys/class/net/eth0/ifindex", &format!("{index}\n"));
    }

    pub(crate) fn boot(&self, id: &str) {
        self.swap("proc/sys/kernel/random/boot_id", &format!("{id}\n"));
    }

    fn swap(&self, path: &str, text: &str) {
        self.0.write("next", text);
        std::fs::create_dir_all(self.0.at(path).parent().unwrap()).unwrap();
        std::fs::rename(self.0.at("next"), self.0.at(path)).unwrap();
    }
}
