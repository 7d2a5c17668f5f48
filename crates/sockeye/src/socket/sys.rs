//! The system calls that neither socket2 nor rustix offers in the form that is needed here: options by
//! number, `recvmsg` with every ancillary message, and taking over descriptors.
//!
//! Together with what children and readiness need, this is all `unsafe` of the project.
#![allow(unsafe_code)]

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
    sync::Mutex,
};

use libc::{c_int, c_void, socklen_t};
use socket2::SockAddr;

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// getsockopt(2): fills `value`, and says how many bytes the kernel wrote.
pub(super) fn getsockopt(
    fd: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: &mut [u8],
) -> io::Result<usize> {
    let mut len = socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let wanted = value.len();
    // SAFETY: `value` is writable for `len` bytes, and `len` outlives the call.
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast::<c_void>(), &raw mut len)
    };
    checked(result as isize)?;
    Ok((len as usize).min(wanted))
}

/// setsockopt(2).
pub(super) fn setsockopt(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &[u8]) -> io::Result<()> {
    let len = socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: `value` is readable for `len` bytes.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast::<c_void>(), len) };
    checked(result as isize)?;
    Ok(())
}

/// What recvmsg(2) says beside the bytes.
pub(super) struct Received {
    /// Bytes received; with `MSG_TRUNC` asked for, the length of the whole datagram.
    pub(super) bytes: usize,
    /// Bytes of `control` that are filled.
    pub(super) control: usize,
    /// `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_EOR`, …
    pub(super) flags: c_int,
    /// The sender; of no family where the kernel names none.
    pub(super) sender: SockAddr,
}

/// recvmsg(2) into one buffer. `control` should start where a `cmsghdr` may, which any allocation does.
pub(super) fn recvmsg(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    control: &mut [u8],
    flags: c_int,
) -> io::Result<Received> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast::<c_void>(), iov_len: buffer.len() };
    // SAFETY: all zeroes is a valid `msghdr`: null pointers with zero lengths.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !control.is_empty() {
        message.msg_control = control.as_mut_ptr().cast::<c_void>();
        message.msg_controllen = control.len() as _;
    }
    let receive = |storage: *mut socket2::SockAddrStorage, len: *mut socklen_t| {
        message.msg_name = storage.cast::<c_void>();
        // SAFETY: `try_init` passes a pointer to the storage and one to its length.
        message.msg_namelen = unsafe { *len };
        // SAFETY: every pointer in `message` is to memory that is writable for the length beside it and
        // outlives the call.
        let result = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
        let bytes = checked(result)?;
        // SAFETY: as above. Linux gives the length of the whole address, which may exceed the storage.
        unsafe { *len = message.msg_namelen.min(*len) };
        Ok(bytes)
    };
    // SAFETY: `receive` has the kernel write an address of `len` bytes to the storage, or leaves it zeroed.
    let (bytes, sender) = unsafe { SockAddr::try_init(receive) }?;
    Ok(Received { bytes, control: message.msg_controllen as usize, flags: message.msg_flags, sender })
}

/// Takes ownership of descriptors that the kernel has just put into an `SCM_RIGHTS` message.
///
/// Private to this module's parent: `numbers` must come straight from a control buffer, once.
pub(super) fn received_descriptors(numbers: &[RawFd]) -> Vec<OwnedFd> {
    // SAFETY: the kernel installed each of them for this message; nothing else knows their numbers.
    numbers.iter().map(|&fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

/// Takes over descriptor `fd`, which the process was started with. A descriptor can be taken once; those of
/// the standard streams are duplicated instead, as the standard library holds them.
pub(super) fn take_inherited(fd: RawFd) -> io::Result<OwnedFd> {
    static TAKING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = TAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if (0..=2).contains(&fd) {
        // SAFETY: the standard library keeps these open for the life of the process; were one closed, the
        // call below fails with EBADF.
        return unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned();
    }
    // SAFETY: fcntl with F_GETFD takes any number.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD, ptr::null_mut::<c_void>()) };
    checked(flags as isize)?;
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this process opened that descriptor itself",
        ));
    }
    // SAFETY: fcntl with F_SETFD takes any number.
    let result = unsafe { libc::fcntl(fd, libc::F_SETFD, flags | libc::FD_CLOEXEC) };
    checked(result as isize)?;
    // SAFETY: whatever this process opens is close-on-exec (std, rustix and socket2 all see to that), so this
    // one came from the parent and has no owner here. Now that the flag is set, a second taking fails above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
