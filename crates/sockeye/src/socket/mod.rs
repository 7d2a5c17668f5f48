//! The Socket API: [`Socket`] with every call of POSIX and of Python's `socket` module, [`Addr`] for its
//! addresses, [`options`] by name, [`resolve`] and friends for names.
//!
//! What every call keeps:
//! - A signal never ends a call early: `EINTR` does not come up, and a timeout counts on over it.
//! - Sending to a peer that has gone is an error, never the signal SIGPIPE.
//! - Descriptors are close-on-exec, also those accepted and received.
//! - An error says what was tried, on which address, why it failed and what to do next.

mod addr;
mod ancillary;
pub(crate) mod batch;
pub(crate) mod child;
mod connection;
pub(crate) mod echo_options;
mod file;
pub(crate) mod generic;
mod io;
pub(crate) mod ioctl;
mod kinds;
mod message;
mod named;
pub mod options;
pub(crate) mod readiness;
mod resolve;
mod services;
mod sys;
mod wait;

pub use addr::{Addr, UnixAddr};
pub use ancillary::{Ancillary, Credentials, PacketError, SendAncillary};
pub use connection::remove_stale;
pub use kinds::{Family, Flags, Protocol, Shutdown, Type};
pub use message::Message;
pub(crate) use message::ancillary_of_next;
pub use resolve::{addresses, host_name, port, resolve};
pub use services::{Service, protocol_by_name, service_by_name, service_by_port};

use std::{
    borrow::Cow,
    fmt,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    time::Duration,
};

use crate::{
    Error, Result,
    error::Reason,
    socket::wait::{Mode, SharedMode, Wait},
};

/// A socket of the kernel: one descriptor, closed when dropped.
///
/// Every call takes `&self`, so threads can share a socket, one reading while another writes.
///
/// | POSIX | Python | here |
/// |---|---|---|
/// | `socket` | `socket(family, type, proto=0)` | [`new`](Self::new), [`with_protocol`](Self::with_protocol) |
/// | `socketpair` | `socketpair()` | [`pair`](Self::pair) |
/// | `socket`, `bind`, `listen` | `create_server(address)` | [`create_server`](Self::create_server) |
/// | `socket`, `connect` | `create_connection(address)` | [`create_connection`](Self::create_connection) |
/// | `dup` | `dup()` | [`dup`](Self::dup) |
/// | | `socket(fileno=n)` | [`inherited`](Self::inherited), `Socket::try_from(OwnedFd)` |
/// | `bind` | `bind(address)` | [`bind`](Self::bind) |
/// | `listen` | `listen(backlog)` | [`listen`](Self::listen) |
/// | `accept` | `accept()` | [`accept`](Self::accept) |
/// | `connect` | `connect(address)` | [`connect`](Self::connect) |
/// | `connect` | `connect_ex(address)` | [`connect_ex`](Self::connect_ex) |
/// | `recv` | `recv(n[, flags])`, `recv_into` | [`recv`](Self::recv), [`recv_with`](Self::recv_with) |
/// | `recv` in a loop | | [`recv_exact`](Self::recv_exact) |
/// | `recvfrom` | `recvfrom(n[, flags])` | [`recv_from`](Self::recv_from), [`recv_from_with`](Self::recv_from_with) |
/// | `recvmsg` | `recvmsg(n[, ancbufsize[, flags]])` | [`recvmsg`](Self::recvmsg) |
/// | `send` | `send(bytes[, flags])` | [`send`](Self::send), [`send_with`](Self::send_with) |
/// | `send` in a loop | `sendall(bytes)` | [`send_all`](Self::send_all) |
/// | `sendto` | `sendto(bytes[, flags], address)` | [`send_to`](Self::send_to), [`send_to_with`](Self::send_to_with) |
/// | `sendmsg` | `sendmsg(buffers[, ancdata[, flags[, address]]])` | [`sendmsg`](Self::sendmsg) |
/// | `shutdown` | `shutdown(how)` | [`shutdown`](Self::shutdown) |
/// | `close` | `close()` | [`close`](Self::close), or dropping it |
/// | `getpeername` | `getpeername()` | [`peer_addr`](Self::peer_addr) |
/// | `getsockname` | `getsockname()` | [`local_addr`](Self::local_addr) |
/// | `getsockopt` | `getsockopt(level, name)` | [`option`](Self::option), [`getsockopt`](Self::getsockopt) |
/// | `setsockopt` | `setsockopt(level, name, value)` | [`set_option`](Self::set_option), [`setsockopt`](Self::setsockopt) |
/// | `poll` before a call | `settimeout(t)`, `gettimeout()` | [`set_timeout`](Self::set_timeout), [`timeout`](Self::timeout) |
/// | `fcntl` with `O_NONBLOCK` | `setblocking(b)`, `getblocking()` | [`set_blocking`](Self::set_blocking), [`is_blocking`](Self::is_blocking) |
/// | the number | `fileno()`, `detach()` | `AsFd`, [`AsRawFd`], `OwnedFd::from(socket)` |
/// | `fdopen` | `makefile()` | [`makefile`](Self::makefile), [`reader`](Self::reader), [`writer`](Self::writer) |
/// | `SO_DOMAIN`, `SO_TYPE`, `SO_PROTOCOL` | `family`, `type`, `proto` | [`family`](Self::family), [`type`](Self::kind), [`protocol`](Self::protocol) |
/// | `getaddrinfo` | `getaddrinfo(host, port)` | [`resolve`] |
/// | `getservbyname`, `getservbyport` | the same | [`service_by_name`], [`service_by_port`] |
/// | `getprotobyname` | `getprotobyname(name)` | [`protocol_by_name`] |
/// | `gethostname` | `gethostname()` | [`host_name`] |
pub struct Socket {
    inner: socket2::Socket,
    mode: SharedMode,
}

impl Socket {
    /// `socket(family, type, 0)`: a new socket, blocking.
    ///
    /// Fails where the kernel lacks the family, the type needs a privilege (raw), or descriptors ran out.
    pub fn new(family: Family, kind: Type) -> Result<Self> {
        Self::with_protocol(family, kind, Protocol::DEFAULT)
    }

    /// `socket(family, type, protocol)`.
    pub fn with_protocol(family: Family, kind: Type, protocol: Protocol) -> Result<Self> {
        let made = socket2::Socket::new(
            family.number().into(),
            kind.number().into(),
            (protocol != Protocol::DEFAULT).then(|| protocol.0.into()),
        );
        let inner = made.map_err(|e| {
            let icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6) && kind == Type::Datagram;
            let word = if icmp { "ICMP datagram".to_owned() } else { kind.to_string() };
            Error::new(format!("open a {word} socket"), format_args!("for {family}"), e)
        })?;
        Ok(Self::blocking(inner))
    }

    /// `socketpair(AF_UNIX, type, 0)`: two sockets joined to each other.
    pub fn pair(kind: Type) -> Result<(Self, Self)> {
        let (a, b) = socket2::Socket::pair(socket2::Domain::UNIX, kind.number().into(), None)
            .map_err(|e| Error::new("open a pair of", format_args!("{kind} sockets"), e))?;
        Ok((Self::blocking(a), Self::blocking(b)))
    }

    /// Takes over a descriptor that the process was started with (as inetd and systemd pass sockets).
    ///
    /// Each descriptor can be taken once. Fails where there is none of that number, where this process opened it
    /// itself, and where it is not a socket.
    pub fn inherited(fd: RawFd) -> Result<Self> {
        inherited_descriptor(fd)?.try_into()
    }

    /// `dup`: another descriptor of the same socket, with the same timeout. The socket is closed when both are.
    pub fn dup(&self) -> Result<Self> {
        let inner = self.inner.try_clone().map_err(|e| self.error("duplicate", e))?;
        Ok(Self { inner, mode: SharedMode::new(self.mode.load()) })
    }

    fn blocking(inner: socket2::Socket) -> Self {
        Self { inner, mode: SharedMode::new(Mode::Blocking) }
    }

    /// `settimeout`: how long `connect`, `accept`, and each call that sends or receives waits in all before it
    /// fails with [`Reason::TimedOut`]. None waits without end; zero is non-blocking, as
    /// [`set_blocking(false)`](Self::set_blocking).
    ///
    /// With a timeout the descriptor itself is non-blocking, which its duplicates share.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<()> {
        let mode = match timeout {
            None => Mode::Blocking,
            Some(Duration::ZERO) => Mode::NonBlocking,
            Some(timeout) => Mode::Timeout(timeout),
        };
        self.inner
            .set_nonblocking(mode != Mode::Blocking)
            .map_err(|e| self.error("change the blocking mode of", e))?;
        self.mode.store(mode);
        Ok(())
    }

    /// `gettimeout`: none where calls wait without end, zero where they do not wait.
    pub fn timeout(&self) -> Option<Duration> {
        match self.mode.load() {
            Mode::Blocking => None,
            Mode::NonBlocking => Some(Duration::ZERO),
            Mode::Timeout(timeout) => Some(timeout),
        }
    }

    /// `setblocking`: true waits without end, false fails with `EAGAIN` where a call would wait
    /// (see [`Error::would_block`]).
    pub fn set_blocking(&self, blocking: bool) -> Result<()> {
        self.set_timeout(if blocking { None } else { Some(Duration::ZERO) })
    }

    /// Whether calls wait (with or without a limit).
    pub fn is_blocking(&self) -> bool {
        self.mode.load() != Mode::NonBlocking
    }

    /// `SO_DOMAIN`: the family.
    pub fn family(&self) -> Result<Family> {
        let number = self.int_option("SO_DOMAIN")?;
        Family::from_number(number).ok_or_else(|| self.foreign("family", number))
    }

    /// `SO_TYPE`: the type.
    pub fn kind(&self) -> Result<Type> {
        let number = self.int_option("SO_TYPE")?;
        Type::from_number(number).ok_or_else(|| self.foreign("type", number))
    }

    /// `SO_PROTOCOL`: the protocol that the kernel chose or was asked for.
    pub fn protocol(&self) -> Result<Protocol> {
        Ok(Protocol(self.int_option("SO_PROTOCOL")?))
    }

    fn int_option(&self, name: &'static str) -> Result<i32> {
        let option = options::find(name).expect("these options are in the table");
        let bytes = self.getsockopt(option.level.number(), option.number, 4)?;
        Ok(options::word(&bytes))
    }

    fn foreign(&self, what: &str, number: i32) -> Error {
        self.error("read the kind of", Reason::Usage(format!("its {what} {number} is not one of sockeye's")))
    }

    /// `getsockname`: the socket's own address; `0.0.0.0:0` or unnamed before it has one.
    pub fn local_addr(&self) -> Result<Addr> {
        self.named(self.inner.local_addr(), "read the local address of")
    }

    /// `getpeername`: the address of the peer. Fails with `ENOTCONN` without one.
    pub fn peer_addr(&self) -> Result<Addr> {
        self.named(self.inner.peer_addr(), "read the peer's address of")
    }

    fn named(&self, addr: std::io::Result<socket2::SockAddr>, attempt: &'static str) -> Result<Addr> {
        let addr = addr.map_err(|e| self.error(attempt, e))?;
        Addr::from_kernel(&addr).ok_or_else(|| self.foreign("address family", addr.family().into()))
    }

    /// `shutdown`: ends one or both directions, for every descriptor of the socket.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        let how = match how {
            Shutdown::Read => std::net::Shutdown::Read,
            Shutdown::Write => std::net::Shutdown::Write,
            Shutdown::Both => std::net::Shutdown::Both,
        };
        self.inner.shutdown(how).map_err(|e| self.error("shut down", e))
    }

    /// `close`, as dropping the socket does. Data that was sent is still delivered, unless `SO_LINGER` says
    /// otherwise or received data was left unread, which resets a TCP connection.
    pub fn close(self) {}

    /// `getsockopt` by name: `SO_RCVBUF`, `rcvbuf`; see [`options::table`] for all of them.
    pub fn option(&self, name: &str) -> Result<options::Value> {
        options::get(self, options::lookup(name)?)
    }

    /// `setsockopt` by name, with a typed value or a text: `set_option("SO_RCVBUF", "64k")`,
    /// `set_option("TCP_NODELAY", true)`.
    pub fn set_option(&self, name: &str, value: impl Into<options::Value>) -> Result<()> {
        options::set(self, options::lookup(name)?, &value.into())
    }

    /// `getsockopt` by numbers, for options that are not in the table: up to `room` bytes.
    pub fn getsockopt(&self, level: i32, name: i32, room: usize) -> Result<Vec<u8>> {
        let mut value = vec![0; room];
        let len = sys::getsockopt(self.as_fd(), level, name, &mut value)
            .map_err(|e| self.error(format!("get option {name} of level {level} of"), e))?;
        value.truncate(len);
        Ok(value)
    }

    /// `setsockopt` by numbers, for options that are not in the table.
    pub fn setsockopt(&self, level: i32, name: i32, value: &[u8]) -> Result<()> {
        sys::setsockopt(self.as_fd(), level, name, value)
            .map_err(|e| self.error(format!("set option {name} of level {level} of"), e))
    }

    fn wait(&self) -> Wait {
        Wait::new(self.mode.load())
    }

    /// An error of something attempted on this socket.
    fn error(&self, attempt: impl Into<Cow<'static, str>>, reason: impl Into<Reason>) -> Error {
        let reason = reason.into();
        // A non-blocking socket meets this one all the time: it gets no system calls to find names.
        let waits = matches!(&reason, Reason::Io(e) if e.kind() == std::io::ErrorKind::WouldBlock);
        let target = if waits { self.descriptor() } else { name_of(self) };
        Error::new(attempt, target, reason)
    }

    fn descriptor(&self) -> String {
        format!("descriptor {}", self.as_raw_fd())
    }
}

/// Takes over a descriptor that the process was started with, whatever it is: a pipe, a file, a socket.
///
/// Each can be taken once; those of the standard streams (0 to 2) are duplicated instead. Fails where there is
/// none of that number, and where this process opened it itself.
pub fn inherited_descriptor(fd: RawFd) -> Result<OwnedFd> {
    sys::take_inherited(fd).map_err(|e| {
        let error = Error::new("take over", format_args!("descriptor {fd}"), e);
        match error.errno() {
            Some(libc::EBADF) => error.hint("whoever starts this program must pass it, as in `3<>file`"),
            _ => error,
        }
    })
}

/// What to call a socket in an error: the peer's address, or its own, or its number.
fn name_of(fd: &impl AsFd) -> String {
    let fd = fd.as_fd();
    let socket = socket2::SockRef::from(&fd);
    let peer = socket.peer_addr().ok().and_then(|a| Addr::from_kernel(&a));
    let named = peer.filter(|a| *a != Addr::Unix(UnixAddr::Unnamed));
    let addr = named.or_else(|| socket.local_addr().ok().and_then(|a| Addr::from_kernel(&a)));
    match addr {
        Some(addr) if addr != Addr::Unix(UnixAddr::Unnamed) => addr.to_string(),
        _ => format!("descriptor {}", fd.as_raw_fd()),
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("fd", &self.as_raw_fd())
            .field("local", &self.local_addr().ok())
            .field("peer", &self.peer_addr().ok())
            .field("timeout", &self.timeout())
            .finish()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for Socket {
    /// `fileno`.
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl From<Socket> for OwnedFd {
    /// `detach`. The descriptor is non-blocking where the socket was, or had a timeout.
    fn from(socket: Socket) -> Self {
        socket.inner.into()
    }
}

impl TryFrom<OwnedFd> for Socket {
    type Error = Error;

    /// Takes a descriptor as a socket, with the blocking mode that it has. Fails where it is not a socket.
    fn try_from(fd: OwnedFd) -> Result<Self> {
        let inner = socket2::Socket::from(fd);
        let socket = Self::blocking(inner);
        socket.int_option("SO_TYPE")?;
        let nonblocking =
            socket.inner.nonblocking().map_err(|e| socket.error("read the blocking mode of", e))?;
        if nonblocking {
            socket.mode.store(Mode::NonBlocking);
        }
        Ok(socket)
    }
}
