//! The Unix socket: bound, listened at, removed. What binds it serves the listener too.

use super::connection::{self, Desk};
use super::error::GateError;
use super::seats::{Seat, Seats};
use super::status_file::make_directory_of;
use super::stream::Stream;
use super::{Control, Published};
use crate::files;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt::PeerCredentials,
};
use nix::unistd::Uid;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, yield_now};

/// How many connections are served at a time.
pub const CONNECTIONS_MAX: usize = 16;
/// How many more are kept for the agent's own user and root.
pub const RESERVED_MAX: usize = 4;
/// The longest path of a Unix socket, without the zero byte that ends it.
const PATH_MAX_BYTES: usize = 107;
/// Everybody may ask. Who is not to, is kept out by the directory.
const MODE: u32 = 0o666;
/// How long nothing is accepted when it can't be, for want of descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The key of the configuration that says where the gate's is.
const KEY: &str = "gate.socket";

/// A socket's file. Dropped, it is gone.
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Another process's at the same path is not removed.
    file: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if file_at(&self.path).is_ok_and(|file| file == self.file) {
            // Whoever starts next replaces one that could not be removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds a Unix socket that everybody may ask; `key` is the one of the configuration that says where.
///
/// # Errors
/// When the path is too long, or held by someone else, or the operating system refuses it.
pub(crate) fn bind(path: &Path, key: &'static str) -> Result<(UnixListener, SocketFile), GateError> {
    let length = path.as_os_str().as_bytes().len();
    if length > PATH_MAX_BYTES {
        return Err(GateError::TooLong { key, path: path.to_owned(), length, max: PATH_MAX_BYTES });
    }
    let refused = |source: io::Error| GateError::Listen { key, path: path.to_owned(), source };
    let listener = bind_anew(path, key)?;
    let open = || {
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        listener.set_nonblocking(true)?;
        file_at(path)
    };
    let file = SocketFile { path: path.to_owned(), file: open().map_err(refused)? };
    let listener = UnixListener::from_std(listener).map_err(refused)?;
    Ok((listener, file))
}

/// The gate's socket, listened at. Dropped, it is gone.
pub(super) struct Server {
    task: JoinHandle<()>,
    _file: SocketFile,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Begins to listen.
    pub(super) fn start(
        path: &Path,
        published: watch::Receiver<Published>,
        controls: mpsc::Sender<Control>,
    ) -> Result<Self, GateError> {
        let (listener, file) = bind(path, KEY)?;
        let task = tokio::spawn(accept(listener, Desk { published, controls }));
        Ok(Server { task, _file: file })
    }
}

fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|file| (file.dev(), file.ino()))
}

fn bind_anew(path: &Path, key: &'static str) -> Result<StdListener, GateError> {
    let refused = |source: io::Error| GateError::Listen { key, path: path.to_owned(), source };
    match StdListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path, key)?;
            StdListener::bind(path).map_err(refused)
        }
        Err(error) if files::is_absent(&error) => {
            make_directory_of(path).map_err(refused)?;
            StdListener::bind(path).map_err(refused)
        }
        other => other.map_err(refused),
    }
}

/// Removes what a crash left. What somebody listens at stays, and so does what is no socket.
fn remove_stale(path: &Path, key: &'static str) -> Result<(), GateError> {
    let refused = |source: io::Error| GateError::Listen { key, path: path.to_owned(), source };
    if !path.symlink_metadata().map_err(refused)?.file_type().is_socket() {
        return Err(GateError::NoSocket { key, path: path.to_owned() });
    }
    match listener_at(path) {
        Ok(by) => Err(GateError::Taken { key, path: path.to_owned(), by }),
        Err(Errno::ECONNREFUSED) => fs::remove_file(path).map_err(refused),
        Err(errno) => Err(refused(errno.into())),
    }
}

/// The process that listens there, as far as it can be told. It is not waited for.
fn listener_at(path: &Path) -> Result<Option<i32>, Errno> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(probe.as_raw_fd(), &UnixAddr::new(path)?) {
        Ok(()) => Ok(getsockopt(&probe, PeerCredentials).map(|peer| peer.pid()).ok()),
        // Its queue is full: somebody has one.
        Err(Errno::EAGAIN) => Ok(None),
        Err(errno) => Err(errno),
    }
}

async fn accept(listener: UnixListener, desk: Desk) {
    let mut seats = Seats::default();
    let own = Uid::effective();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let is_trusted = is_trusted(&stream, own);
        let stream = Stream::Unix(stream);
        if seats.make_room(if is_trusted { CONNECTIONS_MAX + RESERVED_MAX } else { CONNECTIONS_MAX }) {
            let desk = desk.clone();
            let serve = |seat: Seat| tokio::spawn(connection::serve(stream, is_trusted, desk, seat));
            seats.seat(|seat| serve(seat).abort_handle());
        } else {
            // A fresh connection has room for a short answer: this does not wait for its peer.
            connection::turn_away(stream).await;
        }
        // Whoever has sent a request already is answered before the next one may take its seat.
        yield_now().await;
    }
}

fn is_trusted(stream: &UnixStream, own: Uid) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own.as_raw() || peer.uid() == 0)
}
