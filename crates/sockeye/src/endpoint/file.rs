//! Files, FIFOs and unnamed pipes.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use rustix::fs::{FileType, Mode, OFlags};
use sockeye_proto::address::{Address, OptionName, Options, UnixName, Value};

use super::{About, Direction, Endpoint, Finish, Handle, Keep, Reader, Unlink, Writer, descriptor, unix};
use crate::{Error, Result};

/// `OPEN:path`: an existing file, or what the open options make of it.
pub(super) async fn open(address: &Address, path: &str, direction: Direction) -> Result<Endpoint> {
    opened(address, path, access(direction, &address.options) | open_flags(&address.options)).await
}

/// `CREATE:path`: made or emptied, and only written.
pub(super) async fn create(address: &Address, path: &str) -> Result<Endpoint> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | open_flags(&address.options);
    opened(address, path, flags).await
}

/// `GOPEN:path`: whatever is there. A socket is connected to, a file is appended to, nothing becomes a file.
pub(super) async fn gopen(address: &Address, path: &str, direction: Direction) -> Result<Endpoint> {
    let mut flags = access(direction, &address.options) | open_flags(&address.options);
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
    let mut endpoint =
        opened(address, path, access(direction, &address.options) | open_flags(&address.options)).await?;
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
    // A FIFO opens only when somebody opens its other end, a lock comes when others let go of it: that waits on a
    // thread of its own.
    let opening = tokio::task::spawn_blocking(move || {
        let mode = Mode::from_raw_mode(file_mode(&options, 0o666));
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        remove_first(&path_owned, &options)?;
        if !flags.contains(OFlags::CREATE) || Path::new(&path_owned).exists() {
            before_opening(Path::new(&path_owned), &options)?;
        }
        let fd = with_umask(&options, || super::uninterrupted(|| rustix::fs::open(&path_owned, flags, mode)))
            .map_err(|e| Error::new("open", &path_owned, e))?;
        position(&fd, &path_owned, &options)?;
        Ok::<_, Error>(fd)
    });
    let fd = match opening.await {
        Ok(opened) => opened?,
        Err(e) => return Err(Error::new("open", path, io::Error::other(e))),
    };
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

/// Removes what has the name, where that was asked for.
pub(super) fn remove_first(path: &str, options: &Options) -> Result<()> {
    if options.flag(OptionName::UnlinkEarly) || options.flag(OptionName::Unlink) {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::new("remove", path, e)),
            _ => {}
        }
    }
    Ok(())
}

/// Lock, place, length, owner and mode of a file just opened.
fn position(fd: &OwnedFd, path: &str, options: &Options) -> Result<()> {
    use rustix::fs::SeekFrom;
    let failed = |what: &'static str| move |e: rustix::io::Errno| Error::new(what, path, e);
    lock(fd, path, options)?;
    if let Some(size) = options.number(OptionName::Truncate) {
        rustix::fs::ftruncate(fd, u64::try_from(size).unwrap_or(0)).map_err(failed("cut"))?;
    }
    for setting in options.iter() {
        let Value::Number(by) = setting.value else { continue };
        let to = match setting.name {
            OptionName::Seek => SeekFrom::Start(u64::try_from(by).unwrap_or(0)),
            OptionName::SeekCur => SeekFrom::Current(by),
            OptionName::SeekEnd => SeekFrom::End(by),
            _ => continue,
        };
        rustix::fs::seek(fd, to).map_err(failed("seek in"))?;
    }
    own(Path::new(path), options)?;
    if options.flag(OptionName::UnlinkLate) {
        std::fs::remove_file(path).map_err(|e| Error::new("remove", path, e))?;
    }
    Ok(())
}

/// Takes the locks of the options, of fcntl(2) and flock(2).
pub(super) fn lock(fd: impl AsFd, path: &str, options: &Options) -> Result<()> {
    use rustix::fs::FlockOperation as Lock;
    let failed = |e: rustix::io::Errno| Error::new("lock", path, e);
    let whole = [
        (OptionName::Flock, Lock::LockExclusive),
        (OptionName::FlockNb, Lock::NonBlockingLockExclusive),
        (OptionName::FlockSh, Lock::LockShared),
        (OptionName::FlockShNb, Lock::NonBlockingLockShared),
    ];
    for (_, operation) in whole.into_iter().filter(|(name, _)| options.flag(*name)) {
        rustix::fs::flock(&fd, operation).map_err(failed)?;
    }
    let of_process = [
        (OptionName::Setlkw, Lock::LockExclusive),
        (OptionName::Setlk, Lock::NonBlockingLockExclusive),
        (OptionName::SetlkwRd, Lock::LockShared),
        (OptionName::SetlkRd, Lock::NonBlockingLockShared),
    ];
    for (_, operation) in of_process.into_iter().filter(|(name, _)| options.flag(*name)) {
        rustix::fs::fcntl_lock(&fd, operation).map_err(failed)?;
    }
    Ok(())
}

/// Mode and owner that a file gets before it is opened.
fn before_opening(path: &Path, options: &Options) -> Result<()> {
    assign(path, options, OptionName::ModeEarly, OptionName::UserEarly, OptionName::GroupEarly)
}

/// Gives what was just made its mode, owner and group.
pub(super) fn own(path: &Path, options: &Options) -> Result<()> {
    assign(path, options, OptionName::Mode, OptionName::User, OptionName::Group)?;
    assign(path, options, OptionName::ModeLate, OptionName::UserLate, OptionName::GroupLate)
}

fn assign(
    path: &Path,
    options: &Options,
    mode: OptionName,
    user: OptionName,
    group: OptionName,
) -> Result<()> {
    let (user, group) = (options.text(user), options.text(group));
    if user.is_some() || group.is_some() {
        let user = user.map(super::program::user_id).transpose()?;
        let group = group.map(super::program::group_id).transpose()?;
        std::os::unix::fs::chown(path, user, group)
            .map_err(|e| Error::new("set the owner of", path.display(), e))?;
    }
    // After the owner: chown(2) takes away the bits that run a program as its owner.
    if let Some(mode) = options.number(mode) {
        let mode = Mode::from_raw_mode(u32::try_from(mode).unwrap_or(0) & 0o7777);
        rustix::fs::chmod(path, mode).map_err(|e| Error::new("set the mode of", path.display(), e))?;
    }
    Ok(())
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

/// What the options say, or what the direction needs.
fn access(direction: Direction, options: &Options) -> OFlags {
    match direction {
        _ if options.flag(OptionName::Rdwr) => OFlags::RDWR,
        _ if options.flag(OptionName::Rdonly) => OFlags::RDONLY,
        _ if options.flag(OptionName::Wronly) => OFlags::WRONLY,
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
        | on(OptionName::Nonblock, OFlags::NONBLOCK)
        | on(OptionName::Sync, OFlags::SYNC)
        | on(OptionName::Dsync, OFlags::DSYNC)
        | on(OptionName::Async, descriptor::ASYNC)
        | on(OptionName::Directory, OFlags::DIRECTORY)
        | on(OptionName::Noatime, OFlags::NOATIME)
        | on(OptionName::Largefile, OFlags::LARGEFILE)
        | on(OptionName::Direct, OFlags::DIRECT)
        | on(OptionName::Rsync, OFlags::RSYNC)
        | on(OptionName::Noctty, OFlags::NOCTTY)
}
