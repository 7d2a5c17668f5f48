//! The standard streams and other inherited descriptors.

use std::{io, os::fd::AsFd, os::fd::BorrowedFd, sync::Arc};

use rustix::fs::OFlags;

use super::{About, Endpoint, Finish, Handle, Keep, Nature, Reader, Writer, unix};
use crate::{Error, Result, socket::inherited_descriptor};

/// `STDIO`, `STDIN`, `STDOUT`, `STDERR`: which of them is read and which is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standard {
    Both,
    Input,
    Output,
    Error,
}

pub(super) fn open(which: Standard, address: String) -> Result<Endpoint> {
    let failed = |e: io::Error| Error::new("use", &address, e);
    let reader = match which {
        Standard::Both | Standard::Input => Reader::Stream(inherit(io::stdin().as_fd()).map_err(failed)?),
        _ => Reader::Nothing,
    };
    let writer = match which {
        Standard::Both | Standard::Output => {
            Writer::Stream(inherit(io::stdout().as_fd()).map_err(failed)?, Finish::CloseStandardOutput)
        }
        Standard::Error => Writer::Stream(inherit(io::stderr().as_fd()).map_err(failed)?, Finish::Nothing),
        Standard::Input => Writer::Nothing,
    };
    // Those that the process was given, whatever stands for them here.
    let descriptors = Some(match which {
        Standard::Both => [0, 1],
        Standard::Input => [0, 0],
        Standard::Output => [1, 1],
        Standard::Error => [2, 2],
    });
    Ok(Endpoint {
        reader,
        writer,
        about: About { address, descriptors, ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// Standard input and output.
///
/// # Errors
/// When one of them is not open.
pub fn standard() -> Result<Endpoint> {
    open(Standard::Both, "-".to_owned())
}

/// `FD:n`: read and written as its access mode allows.
pub(super) fn descriptor(number: u32, address: String) -> Result<Endpoint> {
    let failed = |e: io::Error| Error::new("use descriptor", number, e);
    let fd = inherited_descriptor(number.cast_signed())?;
    let access = rustix::fs::fcntl_getfl(&fd).map_err(|e| failed(e.into()))? & OFlags::RWMODE;
    let handle = Arc::new(Handle::inherited(fd).map_err(failed)?);
    let finish = match handle.nature() {
        Nature::Stream | Nature::Packets => return Ok(unix::on_socket(handle, address, None)),
        _ => Finish::Close,
    };
    let reader = match access {
        OFlags::WRONLY => Reader::Nothing,
        _ => Reader::Stream(handle.clone()),
    };
    let writer = match access {
        OFlags::RDONLY => Writer::Nothing,
        _ => Writer::Stream(handle, finish),
    };
    let descriptors = Some([number.cast_signed(); 2]);
    Ok(Endpoint {
        reader,
        writer,
        about: About { address, descriptors, ..About::default() }.into(),
        keep: Keep::default(),
    })
}

fn inherit(fd: BorrowedFd<'_>) -> io::Result<Arc<Handle>> {
    Ok(Arc::new(Handle::inherited(fd.try_clone_to_owned()?)?))
}

/// Whoever reads our standard output sees its end only when this process's own copy is gone as well.
pub(super) fn close_standard_output() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, rustix::fs::Mode::empty())?;
    Ok(rustix::stdio::dup2_stdout(&null)?)
}
