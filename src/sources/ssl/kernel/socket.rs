//! A packet socket that counts: opened, filtered and bound, and never read.
//!
//! This is the one file of the agent with `unsafe` in it: no crate here makes these calls. Each stands in a function of its own,
//! with the argument why it is sound beside it, and nothing unsafe leaves the file.
#![expect(
    unsafe_code,
    reason = "filters, packet sockets and their statistics are asked of the kernel itself"
)]

use super::filter::Instruction;
use nix::libc;
use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

// What the `libc` crate does not name for every platform: `asm-generic/socket.h` and `linux/if_packet.h`.
const SO_LOCK_FILTER: libc::c_int = 44;
const SO_COOKIE: libc::c_int = 57;
const PACKET_STATISTICS: libc::c_int = 6;

/// A socket that counts the packets which its filter takes on one interface.
#[derive(Debug)]
pub(super) struct Tap {
    socket: OwnedFd,
    index: libc::c_int,
    cookie: u64,
}

/// A structure of whole numbers alone, for which any bytes are a value.
///
/// # Safety
/// There is no padding in it, and no value of its fields is invalid.
unsafe trait Plain: Copy {}

// SAFETY: a whole number.
unsafe impl Plain for libc::c_int {}
// SAFETY: a whole number.
unsafe impl Plain for u64 {}
// SAFETY: two whole numbers of one size.
unsafe impl Plain for [u32; 2] {}

impl Tap {
    /// Begins to count on the interface of this name. Until it is bound a packet socket sees nothing, and then it has its filter.
    ///
    /// # Errors
    /// `EPERM` without the right to open packet sockets, `EAFNOSUPPORT` where their family is forbidden, `ENODEV` when the
    /// interface is gone, others when the kernel refuses a step.
    pub(super) fn open(name: &str, program: &[Instruction]) -> io::Result<Tap> {
        let socket = packet_socket()?;
        let index = index_of(name)?;
        filter(&socket, program)?;
        set(&socket, libc::SOL_SOCKET, SO_LOCK_FILTER, 1)?;
        // The least that there is: one packet, and all others are counted as dropped.
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, 1)?;
        let cookie = get::<u64>(&socket, libc::SOL_SOCKET, SO_COOKIE)?;
        bind(&socket, index)?;
        let tap = Tap { socket, index, cookie };
        // An interface that is down is told of once; nothing leaves through it until it is up, and the socket counts again then.
        let error = tap.error()?;
        if !tap.is_bound()? {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        match error {
            0 | libc::ENETDOWN => Ok(tap),
            other => Err(io::Error::from_raw_os_error(other)),
        }
    }

    /// A number that no other socket has while this host is up.
    pub(super) fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The packets since the last time, with those that did not fit into the buffer. The kernel begins anew with each answer.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn counted(&self) -> io::Result<u64> {
        let [packets, _dropped] = get::<[u32; 2]>(&self.socket, libc::SOL_PACKET, PACKET_STATISTICS)?;
        Ok(u64::from(packets))
    }

    /// Whether it has counted all the time since it was opened, or since it was asked: an interface that went down, even if it is
    /// up again, and one that is gone cut it off.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        Ok(self.error()? == 0 && self.is_bound()?)
    }

    fn error(&self) -> io::Result<libc::c_int> {
        get::<libc::c_int>(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR)
    }

    /// An interface that was down when it was removed leaves no error behind, but takes its index out of the socket.
    fn is_bound(&self) -> io::Result<bool> {
        Ok(address(&self.socket)?.sll_ifindex == self.index)
    }
}

/// The index of an interface in the namespace of this process.
///
/// # Errors
/// When there is none of that name.
pub(super) fn index_of(name: &str) -> io::Result<libc::c_int> {
    let gone = || io::Error::from_raw_os_error(libc::ENODEV);
    let name = CString::new(name).map_err(|_| gone())?;
    // SAFETY: the pointer is to a string with its NUL, which lives until the call is over.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => libc::c_int::try_from(index).map_err(|_| gone()),
    }
}

fn packet_socket() -> io::Result<OwnedFd> {
    // Protocol 0: it sees no packet before it is bound.
    // SAFETY: the call takes no pointer.
    let descriptor = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    done(descriptor)?;
    // SAFETY: the kernel has just made this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn filter(socket: &OwnedFd, program: &[Instruction]) -> io::Result<()> {
    const {
        assert!(size_of::<Instruction>() == size_of::<libc::sock_filter>());
        assert!(align_of::<Instruction>() == align_of::<libc::sock_filter>());
    }
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    let bytes = size_of::<libc::sock_fprog>() as libc::socklen_t;
    // SAFETY: `program` says where the instructions are and how many; `Instruction` is laid out as the kernel's own structure. The
    // kernel copies them during the call and writes to neither.
    done(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            std::ptr::from_ref(&program).cast(),
            bytes,
        )
    })
}

fn set(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let bytes = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer is to `bytes` bytes that live until the call is over; the kernel only reads them.
    done(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, std::ptr::from_ref(&value).cast(), bytes)
    })
}

fn get<T: Plain + Default>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int) -> io::Result<T> {
    let mut value = T::default();
    let mut bytes = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `bytes` bytes to `value`, which is as long, and any bytes are a value of it (`Plain`).
    done(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_mut(&mut value).cast(),
            std::ptr::from_mut(&mut bytes),
        )
    })?;
    if bytes as usize == size_of::<T>() {
        return Ok(value);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel tells less than it should"))
}

fn bind(socket: &OwnedFd, index: libc::c_int) -> io::Result<()> {
    // Bound to a protocol alone it would not see what leaves.
    let protocol = (libc::ETH_P_ALL as u16).to_be();
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol,
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let bytes = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer is to a whole address of `bytes` bytes, which the kernel only reads.
    done(unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&address).cast(), bytes) })
}

fn address(socket: &OwnedFd) -> io::Result<libc::sockaddr_ll> {
    let mut address = libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let mut bytes = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `bytes` bytes to `address`, which is as long and has whole numbers alone.
    done(unsafe {
        libc::getsockname(
            socket.as_raw_fd(),
            std::ptr::from_mut(&mut address).cast(),
            std::ptr::from_mut(&mut bytes),
        )
    })?;
    Ok(address)
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
