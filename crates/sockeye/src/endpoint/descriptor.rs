//! What an address asks of its descriptors, whatever they are: flags of files, signals, ioctl(2).

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{IFlags, OFlags, fcntl_getfl, fcntl_setfl, ioctl_getflags, ioctl_setflags};
use sockeye_proto::address::{OptionName, Options, Setting, Value, ValueType};

use crate::{
    Error, Result,
    error::Reason,
    socket::ioctl::{Argument, ioctl},
};

/// Sets what is to be set, in the order typed.
pub(super) fn apply(options: &Options, descriptors: &[impl AsFd], what: &str) -> Result<()> {
    let wanted = |setting: &&Setting| {
        setting.name == OptionName::Async || is_ioctl(setting.name) || file_flag(setting.name).is_some()
    };
    for setting in options.iter().filter(wanted) {
        if descriptors.is_empty() {
            let reason = Reason::Usage("it has no descriptor of its own".into());
            return Err(Error::new("set up the descriptor of", what, reason));
        }
        for descriptor in descriptors {
            set(descriptor.as_fd(), setting, what)?;
        }
    }
    Ok(())
}

/// Whether [`apply`] does something about the option on any descriptor.
pub(super) fn is_ioctl(name: OptionName) -> bool {
    matches!(
        name,
        OptionName::IoctlVoid
            | OptionName::IoctlInt
            | OptionName::IoctlIntp
            | OptionName::IoctlBin
            | OptionName::IoctlString
    )
}

fn set(fd: BorrowedFd<'_>, setting: &Setting, what: &str) -> Result<()> {
    if let (Some(flag), Value::Flag(on)) = (file_flag(setting.name), &setting.value) {
        return set_file_flag(fd, flag, *on, setting.name.info().spelling, what);
    }
    if let (OptionName::Async, Value::Flag(on)) = (setting.name, &setting.value) {
        return set_async(fd, *on, what);
    }
    let (request, argument) = match (setting.name.info().value, &setting.value) {
        (_, Value::Number(request)) => (u32::try_from(*request).unwrap_or(0), Argument::Nothing),
        (ValueType::Request(form), Value::Text(text)) => {
            // The parser has let nothing else through.
            let Some((request, bytes)) = form.parse_request(text) else { return Ok(()) };
            let argument = match (setting.name, <[u8; 4]>::try_from(&bytes[..])) {
                (OptionName::IoctlInt, Ok(number)) => Argument::Int(i32::from_ne_bytes(number)),
                _ => Argument::Bytes(bytes),
            };
            (request, argument)
        }
        _ => return Ok(()),
    };
    ioctl(fd, request, argument)
        .map(drop)
        .map_err(|e| Error::new(format!("make the ioctl {request:#x} on"), what, e))
}

/// `O_ASYNC`, of which open(2) and fcntl(2) speak.
pub(super) const ASYNC: OFlags = OFlags::from_bits_retain(libc::O_ASYNC.cast_unsigned());

fn set_async(fd: BorrowedFd<'_>, on: bool, what: &str) -> Result<()> {
    let failed = |e: rustix::io::Errno| Error::new("set O_ASYNC on", what, e);
    let mut flags = fcntl_getfl(fd).map_err(failed)?;
    flags.set(ASYNC, on);
    fcntl_setfl(fd, flags).map_err(failed)?;
    // A regular file gets it when it is opened, or not at all.
    if fcntl_getfl(fd).map_err(failed)?.contains(ASYNC) != on {
        let reason = Reason::Usage("the kernel takes it only when such a file is opened".into());
        return Err(Error::new("set O_ASYNC on", what, reason));
    }
    Ok(())
}

/// The bit of an option in the flags of an inode: ioctl_iflags(2).
pub(super) fn file_flag(name: OptionName) -> Option<u32> {
    Some(match name {
        OptionName::FsSecrm => 0x1,
        OptionName::FsUnrm => 0x2,
        OptionName::FsCompr => 0x4,
        OptionName::FsSync => 0x8,
        OptionName::FsImmutable => 0x10,
        OptionName::FsAppend => 0x20,
        OptionName::FsNodump => 0x40,
        OptionName::FsNoatime => 0x80,
        OptionName::FsJournalData => 0x4000,
        OptionName::FsNotail => 0x8000,
        OptionName::FsDirsync => 0x1_0000,
        OptionName::FsTopdir => 0x2_0000,
        _ => return None,
    })
}

fn set_file_flag(fd: BorrowedFd<'_>, flag: u32, on: bool, option: &str, what: &str) -> Result<()> {
    let failed = |e: rustix::io::Errno| Error::new(format!("set {option} on"), what, e);
    let flag = IFlags::from_bits_retain(flag);
    let mut flags = ioctl_getflags(fd).map_err(failed)?;
    flags.set(flag, on);
    ioctl_setflags(fd, flags).map_err(failed)?;
    // A file system leaves out what it does not know, or only knows of directories, and says nothing.
    if ioctl_getflags(fd).map_err(failed)?.contains(flag) != on {
        let reason = Reason::Usage("its file system does not keep that".into());
        return Err(Error::new(format!("set {option} on"), what, reason));
    }
    Ok(())
}
