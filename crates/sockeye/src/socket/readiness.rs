//! Descriptors known to the async runtime.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use tokio::io::unix::AsyncFd;

use super::sys;

/// Registers a descriptor for readiness; gives it back where epoll does not take it (EPERM: regular files).
pub(crate) fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and always answers with the same number, and the
    // `AsyncFd` owns it until it is deregistered.
    unsafe { AsyncFd::register(fd) }.map_err(|refused| refused.into_parts())
}

/// How much must have arrived before a socket counts as readable: `SO_RCVLOWAT`, socket(7).
pub(crate) fn wakes_from(socket: impl AsFd) -> io::Result<u32> {
    let mut value = [0; 4];
    sys::getsockopt(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, &mut value)?;
    Ok(u32::from_ne_bytes(value))
}

/// Sets it. Ends and errors count at once, whatever it is.
pub(crate) fn wake_from(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    sys::setsockopt(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, &bytes.to_ne_bytes())
}
