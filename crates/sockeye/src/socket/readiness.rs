//! Descriptors known to the async runtime.
#![allow(unsafe_code)]

use std::{io, os::fd::OwnedFd};

use tokio::io::unix::AsyncFd;

/// Registers a descriptor for readiness; gives it back where epoll does not take it (EPERM: regular files).
pub(crate) fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and always answers with the same number, and the
    // `AsyncFd` owns it until it is deregistered.
    unsafe { AsyncFd::register(fd) }.map_err(|refused| refused.into_parts())
}
