//! `netns=`: sockets made in another network namespace (network_namespaces(7)).

use rustix::{
    fs::{Mode, OFlags},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use sockeye_proto::address::{OptionName, Options};

use crate::{Error, Result};

/// Calls `make` with this thread in the namespace of the options; a socket made there stays there.
///
/// # Errors
/// When there is no such namespace, or entering it needs privilege (CAP_SYS_ADMIN).
pub(super) fn inside<R>(options: &Options, make: impl FnOnce() -> R) -> Result<R> {
    use std::os::fd::AsFd;
    let Some(name) = options.text(OptionName::Netns) else { return Ok(make()) };
    let path = if name.contains('/') { name.to_owned() } else { format!("/run/netns/{name}") };
    let open = |path: &str| rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let failed = |e: rustix::io::Errno| Error::new("enter the network namespace", name, e);
    let there = open(&path).map_err(failed)?;
    let here = open("/proc/thread-self/ns/net").map_err(failed)?;
    let enter = |namespace: &std::os::fd::OwnedFd| {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
    };
    enter(&there).map_err(failed)?;
    let made = make();
    enter(&here).map_err(|e| Error::new("leave the network namespace", name, e))?;
    Ok(made)
}
