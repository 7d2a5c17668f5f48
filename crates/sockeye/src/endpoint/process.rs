//! What the options of an address do to the whole process: its directory, root, users, session, and lock files.

use std::{io, io::Write as _, path::PathBuf, time::Duration};

use rustix::fs::{Mode, OFlags};
use sockeye_proto::address::{Address, Kind, OptionName, Options};

use super::{Unlink, program};
use crate::{Error, Result, socket::child};

/// How often `waitlock` looks whether the lock is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A change of directory that is undone when this is dropped.
#[derive(Debug)]
pub(super) struct Elsewhere {
    before: rustix::fd::OwnedFd,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The descriptor is of a directory that was the current one a moment ago.
        let _ = rustix::process::fchdir(&self.before);
    }
}

/// Takes the locks of `lockfile` and `waitlock`: files that hold our process id, and go when the address closes.
pub(super) async fn locks(options: &Options) -> Result<Vec<Unlink>> {
    let mut held = Vec::new();
    for (name, waits) in [(OptionName::Lockfile, false), (OptionName::Waitlock, true)] {
        if let Some(path) = options.text(name) {
            held.push(Box::pin(lock(PathBuf::from(path), waits)).await?);
        }
    }
    Ok(held)
}

/// Makes a lock file, which goes when the result is dropped; where it is there already, waits or fails.
///
/// # Errors
/// When the lock is taken (unless `waits`), or the file cannot be made.
pub async fn lock(path: PathBuf, waits: bool) -> Result<Unlink> {
    loop {
        let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        match made.and_then(|mut file| writeln!(file, "{}", std::process::id())) {
            Ok(()) => return Ok(Unlink(path)),
            Err(e) if waits && e.kind() == io::ErrorKind::AlreadyExists => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(e) => return Err(Error::new("take the lock", path.display(), e)),
        }
    }
}

/// What is done before an address is opened. The directory is put back afterwards, the rest stays.
pub(super) fn early(address: &Address) -> Result<Option<Elsewhere>> {
    let options = &address.options;
    if is_program(&address.kind) {
        return Ok(None);
    }
    use OptionName::{ChrootEarly, SetgidEarly, SetuidEarly, SuEarly};
    confine(options, [ChrootEarly, SetgidEarly, SetuidEarly, SuEarly])?;
    let Some(directory) = options.text(OptionName::Chdir) else { return Ok(None) };
    let failed = |e: rustix::io::Errno| Error::new("change to the directory", directory, e);
    let here = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let before = rustix::fs::open(".", here, Mode::empty()).map_err(failed)?;
    rustix::process::chdir(directory).map_err(failed)?;
    Ok(Some(Elsewhere { before }))
}

/// Another root, group and user, in the order in which each is still allowed.
fn confine(options: &Options, [root, group, user, su]: [OptionName; 4]) -> Result<()> {
    if let Some(root) = options.text(root) {
        change_root(root)?;
    }
    if let Some(group) = options.text(group) {
        take_group(group)?;
    }
    if let Some(user) = options.text(user) {
        take_user(user)?;
    }
    if let Some(user) = options.text(su) {
        become_user(program::user(user)?, user)?;
    }
    Ok(())
}

/// What is done once an address is open: least privilege from here on.
pub(super) fn late(address: &Address) -> Result<()> {
    let options = &address.options;
    if is_program(&address.kind) {
        return Ok(());
    }
    if options.flag(OptionName::Setsid) {
        rustix::process::setsid().map_err(|e| Error::new("make", "a new session", e))?;
    }
    // Looked up while the user database can still be seen.
    let delayed = options.text(OptionName::SuDelayed).map(|name| (program::user(name), name));
    confine(options, [OptionName::Chroot, OptionName::Setgid, OptionName::Setuid, OptionName::Su])?;
    if let Some((user, name)) = delayed {
        become_user(user?, name)?;
    }
    Ok(())
}

pub(super) fn is_program(kind: &Kind) -> bool {
    matches!(kind, Kind::Exec(_) | Kind::System(_) | Kind::Shell(_))
}

fn change_root(root: &str) -> Result<()> {
    let failed = |e: rustix::io::Errno| Error::new("change the root directory to", root, e);
    rustix::process::chroot(root).map_err(failed)?;
    rustix::process::chdir("/").map_err(failed)
}

fn take_group(group: &str) -> Result<()> {
    child::set_group(program::group_id(group)?).map_err(|e| Error::new("take the group", group, e))
}

fn take_user(user: &str) -> Result<()> {
    child::set_user(program::user_id(user)?).map_err(|e| Error::new("become the user", user, e))
}

fn become_user(user: program::User, name: &str) -> Result<()> {
    child::substitute(&user.groups, user.gid, user.uid).map_err(|e| Error::new("become the user", name, e))
}
