//! What a child process does between fork(2) and execve(2).
#![allow(unsafe_code)]

use std::{os::unix::process::CommandExt, process::Command};

/// Lets the program lead a new session, without a controlling terminal: setsid(2).
pub(crate) fn setsid(command: &mut Command) {
    // SAFETY: setsid(2) is async-signal-safe (signal-safety(7)), and rustix calls it without allocating.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}
