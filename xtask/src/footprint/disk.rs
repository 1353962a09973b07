//! A small ext4 on a loop device of its own, so that what one program writes to the device can be told from the rest.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nix::sched::{CloneFlags, unshare};

use crate::shell;

const IMAGE_BYTES: u64 = 96 << 20;
const SECTOR_KIB: f64 = 0.5;

/// A mounted loop image. Dropping it unmounts it and removes the image.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    image: PathBuf,
    statistics: PathBuf,
}

/// Moves this process into a mount namespace of its own, so that nothing stays mounted even when it is killed. Must be
/// called before the first thread is started.
pub(super) fn isolate_mounts() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("no mount namespace of its own")?;
    shell::run("mount", &["--make-rprivate", "/"]).map(drop)
}

impl Disk {
    /// Makes, formats and mounts an image at `folder`.
    pub(super) fn mount(folder: &Path) -> anyhow::Result<Disk> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let image = folder.with_extension("img");
        let size = File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES));
        size.with_context(|| format!("cannot create {}", image.display()))?;
        // From here on the guard cleans up whatever was done when the next step fails.
        let mut disk = Disk { folder: folder.to_path_buf(), image, statistics: PathBuf::new() };
        let (image, folder) = (text(&disk.image)?, text(&disk.folder)?);
        // Without this ext4 initialises its tables in the background, for minutes, and that would be counted.
        let eager = "lazy_itable_init=0,lazy_journal_init=0";
        shell::run("mkfs.ext4", &["-q", "-F", "-b", "4096", "-E", eager, image])?;
        let device = shell::run("losetup", &["-f", "--show", image])?;
        let device = device.trim();
        let mounted = shell::run("mount", &[device, folder]);
        // Detaching a mounted device takes effect at the unmount, whoever does that; an unmounted one goes at once.
        shell::run("losetup", &["-d", device])?;
        mounted?;
        let name = device.strip_prefix("/dev/").unwrap_or(device);
        disk.statistics = PathBuf::from(format!("/sys/block/{name}/stat"));
        Ok(disk)
    }

    /// Writes everything out, as `sync -f` does: the journal's commit and then the metadata in its place, which would
    /// otherwise follow some 30 s later.
    pub(super) fn flush(&self) -> anyhow::Result<()> {
        shell::run("sync", &["-f", text(&self.folder)?]).map(drop)
    }

    /// KiB that have reached the device so far.
    pub(super) fn written_kib(&self) -> anyhow::Result<f64> {
        let line = shell::read_text(&self.statistics)?;
        let sectors = line.split_whitespace().nth(6).and_then(|field| field.parse::<f64>().ok());
        Ok(sectors.context("no seventh field in the device's statistics")? * SECTOR_KIB)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not mounted when a step before the mount failed: umount then says so, and nobody needs to hear it.
        if let Ok(folder) = text(&self.folder) {
            let _ = shell::run("umount", &[folder]);
        }
        let _ = fs::remove_file(&self.image);
        let _ = fs::remove_dir(&self.folder);
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", path.display()))
}
