//! Roots to be metered: the committed shapes, and trees made for one test.

pub(crate) use crate::files::Tree;
use highwater::files::Root;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The root of a committed shape.
pub(crate) fn shape(name: &str) -> Root {
    Root::new(shape_dir(name))
}

pub(crate) fn shape_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hosts").join(name);
    assert!(dir.is_dir(), "no shape {name}");
    dir
}

impl Tree {
    pub(crate) fn root(&self) -> Root {
        Root::new(self.dir())
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        symlink(target, self.at(path)).unwrap();
    }
}

/// What `job` returns; fails when it takes longer than a test should.
pub(crate) fn within<T: Send + 'static>(seconds: u64, job: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(job()));
    told.recv_timeout(Duration::from_secs(seconds)).expect("it hangs, or it panicked")
}
