//! Files, FIFOs and unnamed pipes.

use std::{io, os::fd::OwnedFd, path::Path, sync::Arc};

use rustix::fs::{FileType, Mode, OFlags};
use sockeye_proto::address::{Address, OptionName, Options, UnixName};

use super::{About, Direction, Endpoint, Finish, Handle, Keep, Reader, Unlink, Writer, unix};
use crate::{Error, Result, error::Reason};

/// `OPEN:path`: an existing file, or what the open options make of it.
pub(super) async fn open(address: &Address, path: &str, direction: Direction) -> Result<Endpoint> {
    let mut flags = access(direction) | open_flags(&address.options);
    if address.options.flag(OptionName::Rdonly) {
        flags = (flags - OFlags::RWMODE) | OFlags::RDONLY;
    } else if address.options.flag(OptionName::Wronly) {
        flags = (flags - OFlags::RWMODE) | OFlags::WRONLY;
    } else if address.options.flag(OptionName::Rdwr) {
        flags = (flags - OFlags::RWMODE) | OFlags::RDWR;
    }
    opened(address, path, flags).await
}

/// `CREATE:path`: made or emptied, and only written.
pub(super) async fn create(address: &Address, path: &str) -> Result<Endpoint> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | open_flags(&address.options);
    opened(address, path, flags).await
}

/// `GOPEN:path`: whatever is there. A socket is connected to, a file is appended to, nothing becomes a file.
pub(super) async fn gopen(address: &Address, path: &str, direction: Direction) -> Result<Endpoint> {
    let mut flags = access(direction) | open_flags(&address.options);
    match rustix::fs::stat(path) {
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::Socket => return unix::client(address, &UnixName::Path(path.to_owned())).await,
            FileType::RegularFile if !address.options.flag(OptionName::Trunc) => flags |= OFlags::APPEND,
            _ => {}
        },
        Err(_) if direction != Direction::Read => flags |= OFlags::CREATE,
        Err(_) => {}
    }
    opened(address, path, flags).await
}

/// `PIPE:path`: a FIFO, made if it is missing.
pub(super) async fn fifo(address: &Address, path: &str, direction: Direction) -> Result<Endpoint> {
    let mode = Mode::from_raw_mode(file_mode(&address.options, 0o666));
    let made = with_umask(&address.options, || {
        Ok(rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0)?)
    });
    match made {
        Ok(()) => own(Path::new(path), &address.options)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(Error::new("make the FIFO", path, e)),
    }
    let mut endpoint = opened(address, path, access(direction)).await?;
    let keep = address.options.has(OptionName::UnlinkClose) && !address.options.flag(OptionName::UnlinkClose);
    endpoint.keep.unlink = (!keep).then(|| Unlink(path.into()));
    Ok(endpoint)
}

/// `PIPE`: an unnamed pipe; what is written comes back.
pub(super) fn pipe(address: &Address) -> Result<Endpoint> {
    let what = address.to_string();
    let failed = |e: io::Error| Error::new("make", &what, e);
    let (read, write) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
    Ok(Endpoint {
        reader: Reader::Stream(Arc::new(Handle::new(read).map_err(failed)?)),
        writer: Writer::Stream(Arc::new(Handle::new(write).map_err(failed)?), Finish::Close),
        about: About { address: what.clone(), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

async fn opened(address: &Address, path: &str, flags: OFlags) -> Result<Endpoint> {
    let what = address.to_string();
    let (path_owned, options) = (path.to_owned(), address.options.clone());
    // A FIFO opens only when somebody opens its other end: that waits on a thread of its own.
    let opening = tokio::task::spawn_blocking(move || {
        let mode = Mode::from_raw_mode(file_mode(&options, 0o666));
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        if options.flag(OptionName::UnlinkEarly) {
            let _ = std::fs::remove_file(&path_owned);
        }
        with_umask(&options, || super::uninterrupted(|| rustix::fs::open(&path_owned, flags, mode)))
    });
    let fd = opening
        .await
        .unwrap_or_else(|e| Err(io::Error::other(e)))
        .map_err(|e| Error::new("open", path, e))?;
    position(&fd, path, &address.options)?;
    let mode = flags & OFlags::RWMODE;
    let handle = Arc::new(Handle::new(fd).map_err(|e| Error::new("use", path, e))?);
    let reader = match mode {
        OFlags::WRONLY => Reader::Nothing,
        _ => Reader::Stream(handle.clone()),
    };
    let writer = match mode {
        OFlags::RDONLY => Writer::Nothing,
        _ => Writer::Stream(handle, Finish::Close),
    };
    let unlink = address.options.flag(OptionName::UnlinkClose).then(|| Unlink(path.into()));
    let about = About { address: what, ..About::default() };
    Ok(Endpoint { reader, writer, about: about.into(), keep: Keep { unlink, ..Keep::default() } })
}

/// Owner, place and lock of a file just opened.
fn position(fd: &OwnedFd, path: &str, options: &Options) -> Result<()> {
    use rustix::fs::{FlockOperation, SeekFrom};
    let failed = |what: &'static str| move |e: rustix::io::Errno| Error::new(what, path, e);
    if let Some(at) = options.number(OptionName::Seek) {
        let at = u64::try_from(at).map_err(|_| {
            Error::new("seek in", path, Reason::Usage(format!("{at} is before the file's beginning")))
        })?;
        rustix::fs::seek(fd, SeekFrom::Start(at)).map_err(failed("seek in"))?;
    }
    if let Some(size) = options.number(OptionName::Truncate) {
        rustix::fs::ftruncate(fd, u64::try_from(size).unwrap_or(0)).map_err(failed("cut"))?;
    }
    let locks = [
        (OptionName::Flock, FlockOperation::LockExclusive),
        (OptionName::FlockNb, FlockOperation::NonBlockingLockExclusive),
        (OptionName::FlockSh, FlockOperation::LockShared),
        (OptionName::FlockShNb, FlockOperation::NonBlockingLockShared),
    ];
    for (_, operation) in locks.into_iter().filter(|(name, _)| options.flag(*name)) {
        rustix::fs::flock(fd, operation).map_err(failed("lock"))?;
    }
    own(Path::new(path), options)
}

/// Gives a file just made its owner and group.
pub(super) fn own(path: &Path, options: &Options) -> Result<()> {
    let (user, group) = (options.text(OptionName::User), options.text(OptionName::Group));
    if let Some(mode) = options.number(OptionName::Mode) {
        let mode = Mode::from_raw_mode(u32::try_from(mode).unwrap_or(0) & 0o7777);
        rustix::fs::chmod(path, mode).map_err(|e| Error::new("set the mode of", path.display(), e))?;
    }
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    let user = user.map(super::program::user_id).transpose()?;
    let group = group.map(super::program::group_id).transpose()?;
    std::os::unix::fs::chown(path, user, group).map_err(|e| Error::new("set the owner of", path.display(), e))
}

/// Calls `make` under the umask of the options. (The umask is the whole process's: it is put back at once.)
pub(super) fn with_umask<R>(options: &Options, make: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    let Some(mask) = options.number(OptionName::Umask) else { return make() };
    let before = rustix::process::umask(Mode::from_raw_mode(u32::try_from(mask).unwrap_or(0o077) & 0o777));
    let made = make();
    rustix::process::umask(before);
    made
}

fn file_mode(options: &Options, default: u32) -> u32 {
    options.number(OptionName::Mode).and_then(|m| u32::try_from(m).ok()).unwrap_or(default) & 0o7777
}

fn access(direction: Direction) -> OFlags {
    match direction {
        Direction::Read => OFlags::RDONLY,
        Direction::Write => OFlags::WRONLY,
        Direction::Both => OFlags::RDWR,
    }
}

fn open_flags(options: &Options) -> OFlags {
    let on = |name, flag| if options.flag(name) { flag } else { OFlags::empty() };
    on(OptionName::Create, OFlags::CREATE)
        | on(OptionName::Excl, OFlags::EXCL)
        | on(OptionName::Append, OFlags::APPEND)
        | on(OptionName::Trunc, OFlags::TRUNC)
        | on(OptionName::Nofollow, OFlags::NOFOLLOW)
}
