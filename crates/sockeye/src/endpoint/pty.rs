//! Pseudo terminals: `PTY`, and those that programs run on (pty(7)).

use std::{
    io,
    os::{fd::OwnedFd, unix::fs::symlink},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use sockeye_proto::address::{Address, OptionName, Options};

use super::{About, Endpoint, Finish, Handle, Keep, Reader, Unlink, Writer, descriptor, file, terminal};
use crate::{Error, Result};

/// Both sides of a new pseudo terminal: ours, and the one that a program uses.
pub(super) fn pair(options: &Options, what: &str) -> Result<(OwnedFd, OwnedFd)> {
    let (master, _) = make(options, what)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = ioctl_tiocgptpeer(&master, flags).map_err(|e| Error::new("open the terminal of", what, e))?;
    Ok((master, slave))
}

/// The master of a new pseudo terminal with the settings, owner and mode of the options, and its slave's path.
///
/// The slave is not opened: whether a program has closed it could not be seen then.
fn make(options: &Options, what: &str) -> Result<(OwnedFd, String)> {
    let failed = |e: rustix::io::Errno| Error::new("make a pseudo terminal for", what, e);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(failed)?;
    grantpt(&master).map_err(failed)?;
    unlockpt(&master).map_err(failed)?;
    let path = ptsname(&master, Vec::new()).map_err(failed)?.to_string_lossy().into_owned();
    terminal::change(options, &master, &path)?;
    file::own(Path::new(&path), options)?;
    Ok((master, path))
}

/// `PTY`: the master side, for whatever program opens the slave.
pub(super) async fn open(address: &Address, context: &super::Context) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let (master, path) = make(options, &what)?;
    descriptor::apply(options, &[&master], &what)?;
    let unlink = match options.text(OptionName::Link) {
        Some(link) => {
            // A link of an earlier run is replaced, a file of another kind is not.
            if std::fs::symlink_metadata(link).is_ok_and(|m| m.is_symlink()) {
                std::fs::remove_file(link).map_err(|e| Error::new("remove", link, e))?;
            }
            symlink(&path, link).map_err(|e| Error::new("make the link", link, e))?;
            Some(Unlink(link.into()))
        }
        None => None,
    };
    // Not before: whoever reads this opens the link.
    context.notice(format_args!("PTY is {path}"));
    let failed = |e: io::Error| Error::new("use", &path, e);
    if options.flag(OptionName::WaitSlave) {
        // A slave that was open and no longer is: from here on the master is hung up until a program opens it.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        drop(ioctl_tiocgptpeer(&master, flags).map_err(|e| failed(e.into()))?);
        let pause = options.time(OptionName::PtyInterval).unwrap_or(Duration::from_secs(1));
        while !is_opened(&master).map_err(failed)? {
            tokio::time::sleep(pause).await;
        }
    }
    let handle = Arc::new(Handle::new(master).map_err(failed)?);
    let about = About { address: what, local: Some(path.clone().into()), ..About::default() };
    Ok(Endpoint {
        reader: Reader::Stream(handle.clone()),
        writer: Writer::Stream(handle, Finish::EndOfTerminal),
        about: about.into(),
        keep: Keep { unlink, ..Keep::default() },
    })
}

fn is_opened(master: &OwnedFd) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::new(master, PollFlags::IN)];
    super::uninterrupted(|| poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })))?;
    Ok(!fds[0].revents().contains(PollFlags::HUP))
}

/// Our side of a program's terminal.
pub(super) fn ends(master: OwnedFd) -> io::Result<(Reader, Writer)> {
    let handle = Arc::new(Handle::new(master)?);
    Ok((Reader::Stream(handle.clone()), Writer::Stream(handle, Finish::EndOfTerminal)))
}

/// Tells whoever reads the terminal that no more comes, as a person does: by its end character. (A program that
/// edits lines itself, and so reads raw, takes it for the end as well.)
pub(super) async fn finish(handle: &Arc<Handle>) -> io::Result<()> {
    let Some(end) = terminal::end_character(handle) else { return Ok(()) };
    handle.write_all(&[end]).await?;
    tell_again(handle, end);
    Ok(())
}

/// How long a program may take to start and to make its terminal raw.
const START: Duration = Duration::from_secs(10);

/// How often that is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Tells the end once more to a program that makes its terminal raw only then: an end of file that it has not read
/// yet is lost with the change.
pub(super) fn tell_again(handle: &Arc<Handle>, end: u8) {
    if !terminal::reads_lines(handle) {
        return;
    }
    // Whoever closes the terminal need not wait for this.
    let weak = Arc::downgrade(handle);
    tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        while began.elapsed() < START {
            tokio::time::sleep(LOOK_AGAIN).await;
            let Some(handle) = weak.upgrade() else { return };
            if !terminal::reads_lines(&handle) {
                // Where there is no room for a byte, the program does not read anyway.
                let _ = terminal::end_character(&handle).map(|_| handle.try_write(&[end]));
                return;
            }
        }
    });
}

/// Whether the end character is the end of input for whoever reads this terminal, whatever it does with it. In raw
/// mode it is a character like others.
pub(crate) fn ends_by_character(handle: &Handle) -> bool {
    terminal::reads_lines(handle)
}
