//! The calls that name and join sockets: bind, listen, accept, connect.

use std::{io, os::fd::AsFd};

use rustix::event::PollFlags;

use super::{
    Addr, Family, Socket, Type, UnixAddr,
    wait::{Mode, Wait},
};
use crate::{Error, Result, error::Reason};

impl Socket {
    /// `create_server`: a TCP or Unix stream socket that listens on `addr`, so that peers can connect at once. With
    /// `SO_REUSEADDR` for TCP, a stale path removed for Unix, and a backlog of 128.
    pub fn create_server(addr: impl Into<Addr>) -> Result<Self> {
        let addr = addr.into();
        let server = Self::new(addr.family(), Type::Stream)?;
        match &addr {
            Addr::Unix(UnixAddr::Path(path)) => remove_stale(path)?,
            Addr::Unix(_) => {}
            Addr::Ip(_) => server.set_option("SO_REUSEADDR", true)?,
        }
        server.bind(addr)?;
        server.listen(128)?;
        Ok(server)
    }

    /// `create_connection`: a TCP or Unix stream socket connected to `addr`.
    pub fn create_connection(addr: impl Into<Addr>) -> Result<Self> {
        let addr = addr.into();
        let client = Self::new(addr.family(), Type::Stream)?;
        client.connect(addr)?;
        Ok(client)
    }

    /// `bind`: gives the socket its own address. Port 0 has the kernel choose one; an IP address of all zeroes is
    /// every interface. A Unix path is created and must not exist yet (see
    /// [`remove_stale`]).
    pub fn bind(&self, addr: impl Into<Addr>) -> Result<()> {
        let addr = addr.into();
        let bound = addr.to_kernel().and_then(|kernel| Ok(self.inner.bind(&kernel)?));
        bound.map_err(|reason| Error::new("bind to", &addr, reason))
    }

    /// `listen`: lets peers connect. `backlog` (taken as at least 1) bounds the connections that wait to be
    /// accepted; the kernel lowers it to `net.core.somaxconn`.
    pub fn listen(&self, backlog: u32) -> Result<()> {
        let backlog = i32::try_from(backlog.max(1)).unwrap_or(i32::MAX);
        self.inner.listen(backlog).map_err(|e| self.error("listen on", e))
    }

    /// `accept`: the next connection, as a blocking socket, and the peer's address.
    ///
    /// A connection that ended before it was accepted is passed over.
    pub fn accept(&self) -> Result<(Self, Addr)> {
        let accepted = self.wait().run(self.as_fd(), PollFlags::IN, || {
            loop {
                match self.inner.accept() {
                    Err(e) if ended_early(&e) => {}
                    other => return other,
                }
            }
        });
        let (inner, peer) = accepted.map_err(|reason| self.error("accept on", reason))?;
        Ok((Self::blocking(inner), Addr::from_kernel(&peer).unwrap_or(Addr::Unix(UnixAddr::Unnamed))))
    }

    /// `connect`: joins the socket to a peer; of a datagram socket, fixes the peer. A non-blocking stream socket
    /// fails with `EINPROGRESS`, then is writable once `SO_ERROR` tells how it went.
    pub fn connect(&self, addr: impl Into<Addr>) -> Result<()> {
        let addr = addr.into();
        self.try_connect(&addr).map_err(|reason| Error::new("connect to", &addr, reason))
    }

    /// `connect_ex`: as [`connect`](Self::connect), but gives 0 or the error number: `EAGAIN` after a timeout,
    /// `ENAMETOOLONG` for a path too long.
    pub fn connect_ex(&self, addr: impl Into<Addr>) -> i32 {
        match self.try_connect(&addr.into()) {
            Ok(()) => 0,
            Err(Reason::Io(e)) => e.raw_os_error().unwrap_or(libc::EIO),
            Err(Reason::TimedOut(_)) => libc::EAGAIN,
            Err(_) => libc::ENAMETOOLONG,
        }
    }

    fn try_connect(&self, addr: &Addr) -> Result<(), Reason> {
        let kernel = addr.to_kernel()?;
        let wait = self.wait();
        let mut under_way = false;
        wait.run(self.as_fd(), PollFlags::OUT, || match self.inner.connect(&kernel) {
            // The connection goes on in the kernel: calling again would be an error, waiting is right.
            Err(e) if goes_on(&e, &wait, addr) => {
                under_way = true;
                Ok(())
            }
            other => other,
        })?;
        if !under_way {
            return Ok(());
        }
        wait.ready(self.as_fd(), PollFlags::OUT)?;
        match self.inner.take_error()? {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

fn goes_on(error: &io::Error, wait: &Wait, addr: &Addr) -> bool {
    match error.raw_os_error() {
        // A Unix socket that waited for room in the listener's queue has not begun: it is called again.
        Some(libc::EINTR) => wait.mode != Mode::NonBlocking && matches!(addr, Addr::Ip(_)),
        Some(libc::EINPROGRESS) => matches!(wait.mode, Mode::Timeout(_)),
        _ => false,
    }
}

/// Errors of a connection that waited to be accepted, not of the listener: accept(2), "Error handling".
fn ended_early(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    )
}

/// Removes a Unix socket that a server left behind: a path where a socket is, but nobody answers. What is not a
/// socket stays, and so does a socket in use; binding to it then fails with the reason.
pub fn remove_stale(path: impl AsRef<std::path::Path>) -> Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let path = path.as_ref();
    let failed = |e| Error::new("remove the stale socket", path.display(), e);
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(e)),
    }
    let probe = Socket::new(Family::Unix, Type::Datagram)?;
    // A stream server refuses a datagram socket with EPROTOTYPE: it is alive. Only ECONNREFUSED says that it is not.
    if probe.connect_ex(Addr::path(path)) != libc::ECONNREFUSED {
        return Ok(());
    }
    std::fs::remove_file(path).map_err(failed)
}
