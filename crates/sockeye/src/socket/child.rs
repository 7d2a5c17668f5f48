//! What a child process does between fork(2) and execve(2), and the identity of this process.
#![allow(unsafe_code)]

use std::{
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

/// What a program does before it becomes itself, in this order.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Leads a new session, without a controlling terminal: setsid(2).
    pub(crate) session: bool,
    /// This terminal becomes the controlling one of its session.
    pub(crate) terminal: Option<OwnedFd>,
    /// Descriptors that become those of these numbers.
    pub(crate) descriptors: Vec<(OwnedFd, RawFd)>,
    /// A new root directory.
    pub(crate) root: Option<std::ffi::CString>,
    /// Supplementary groups.
    pub(crate) groups: Option<Vec<u32>>,
    /// The group.
    pub(crate) gid: Option<u32>,
    /// The user.
    pub(crate) uid: Option<u32>,
    /// The mask of permissions that new files do not get.
    pub(crate) umask: Option<u32>,
}

/// Has the program do all that before it runs.
pub(crate) fn before(command: &mut Command, before: Before) {
    // SAFETY: what runs between fork and exec makes system calls only, all of them async-signal-safe in Linux,
    // and allocates nothing: every value was made before.
    unsafe {
        command.pre_exec(move || prepare(&before));
    }
}

fn prepare(before: &Before) -> io::Result<()> {
    if before.session {
        rustix::process::setsid()?;
    }
    if let Some(terminal) = &before.terminal {
        rustix::process::ioctl_tiocsctty(terminal)?;
    }
    for (from, to) in &before.descriptors {
        let from = from.as_raw_fd();
        // SAFETY: dup2 and fcntl take any numbers; the descriptor replaced belongs to the program to come.
        let result =
            unsafe { if from == *to { libc::fcntl(from, libc::F_SETFD, 0) } else { libc::dup2(from, *to) } };
        checked(result)?;
    }
    if let Some(root) = &before.root {
        rustix::process::chroot(root.as_c_str())?;
        rustix::process::chdir(c"/")?;
    }
    if let Some(groups) = &before.groups {
        set_groups(groups)?;
    }
    if let Some(gid) = before.gid {
        set_group(gid)?;
    }
    if let Some(uid) = before.uid {
        set_user(uid)?;
    }
    if let Some(mask) = before.umask {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
    }
    Ok(())
}

/// Another descriptor for what a number stands for in this process.
pub(crate) fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes any number; one that is not open is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    checked(copy)?;
    // SAFETY: it was made just now, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// setgid(2), of every thread.
pub(crate) fn set_group(gid: u32) -> io::Result<()> {
    // SAFETY: takes any number.
    checked(unsafe { libc::setgid(gid) })
}

/// setuid(2), of every thread.
pub(crate) fn set_user(uid: u32) -> io::Result<()> {
    // SAFETY: takes any number.
    checked(unsafe { libc::setuid(uid) })
}

/// Becomes a user with all its groups; there is no way back.
pub(crate) fn substitute(groups: &[u32], gid: u32, uid: u32) -> io::Result<()> {
    set_groups(groups)?;
    set_group(gid)?;
    set_user(uid)
}

fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: the pointer is to that many group numbers.
    checked(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
