//! Moving a body from a socket to a file inside the kernel (splice(2)): no copy through this process.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::pipe::{SpliceFlags, splice};
use tokio::io::Interest;

use super::stream::Plain;

/// A pipe that bytes pass through on their way from the socket to the file.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// The size asked for; fewer where the system allows fewer (/proc/sys/fs/pipe-max-size).
const SIZE: usize = 1 << 20;

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK)?;
        let _ = rustix::pipe::fcntl_setpipe_size(&write, SIZE);
        Ok(Self { read, write })
    }

    /// Whether bytes can be spliced into `file`: a regular file or a pipe, not opened to append.
    pub(super) fn fits(file: &File) -> bool {
        use std::os::unix::fs::FileTypeExt;
        let kind = file.metadata().map(|m| m.file_type());
        let appends = rustix::fs::fcntl_getfl(file).is_ok_and(|f| f.contains(rustix::fs::OFlags::APPEND));
        !appends && kind.is_ok_and(|k| k.is_file() || k.is_fifo())
    }

    /// Takes up to `limit` bytes out of the socket into the pipe, waiting until there are some; 0 at the end.
    pub(super) async fn take(&self, socket: &Plain, limit: u64) -> io::Result<usize> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(SIZE);
        let once = |from: BorrowedFd<'_>| {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            Ok(splice(from, None, &self.write, None, limit, flags)?)
        };
        match socket {
            Plain::Tcp(s) => s.async_io(Interest::READABLE, || once(s.as_fd())).await,
            Plain::Unix(s) => s.async_io(Interest::READABLE, || once(s.as_fd())).await,
        }
    }

    /// Moves `bytes` from the pipe to the file, by memory where the file does not take them otherwise.
    pub(super) fn give(&self, file: &File, bytes: usize) -> io::Result<()> {
        let mut left = bytes;
        while left > 0 {
            match splice(&self.read, None, file, None, left, SpliceFlags::MOVE) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(moved) => left -= moved,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => wait_writable(file)?,
                Err(rustix::io::Errno::INVAL) => return self.copy(file, left),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn copy(&self, mut file: &File, mut left: usize) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let room = left.min(buffer.len());
            let count = rustix::io::read(&self.read, &mut buffer[..room])?;
            file.write_all(&buffer[..count])?;
            left -= count;
        }
        Ok(())
    }
}

/// A non-blocking output (someone else's pipe) is waited for.
fn wait_writable(file: &File) -> io::Result<()> {
    let mut fds = [rustix::event::PollFd::new(file, rustix::event::PollFlags::OUT)];
    match rustix::event::poll(&mut fds, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
