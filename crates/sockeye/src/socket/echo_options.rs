//! The socket options of an echo socket that no safe crate sets (`socket(7)`, `ip(7)`, `ipv6(7)`, `raw(7)`).
#![allow(unsafe_code, reason = "setsockopt for options that have no safe wrapper")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// `ICMP_FILTER` of `linux/icmp.h`, at the level of raw sockets: a bit for each type not wanted.
const ICMP_FILTER: libc::c_int = 1;
const SOL_RAW: libc::c_int = 255;

/// Echo replies only (IPv4 raw sockets): the kernel drops the rest before it copies anything.
pub(crate) fn replies_only(socket: BorrowedFd<'_>) -> io::Result<()> {
    set(socket, SOL_RAW, ICMP_FILTER, &(!1_u32).to_ne_bytes())
}

/// Kernel time stamps of arrival, and of leaving too where `transmit`; those come through the error queue,
/// numbered from 0.
pub(crate) fn timestamps(socket: BorrowedFd<'_>, transmit: bool) -> io::Result<()> {
    if !transmit {
        return set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32.to_ne_bytes());
    }
    let flags = libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_ID
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    // Once off, so that the numbering starts anew.
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &0_i32.to_ne_bytes())?;
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &flags.to_ne_bytes())
}

/// Errors reported by routers and by this machine go to the error queue.
pub(crate) fn error_queue(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    let (level, name) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) } else { (libc::IPPROTO_IP, libc::IP_RECVERR) };
    set(socket, level, name, &1_i32.to_ne_bytes())
}

/// The remaining time to live comes with each datagram.
pub(crate) fn receive_ttl(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    let (level, name) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT) } else { (libc::IPPROTO_IP, libc::IP_RECVTTL) };
    set(socket, level, name, &1_i32.to_ne_bytes())
}

/// IPv4 header options that every datagram carries from now on: record route, timestamps.
pub(crate) fn ip_options(socket: BorrowedFd<'_>, options: &[u8]) -> io::Result<()> {
    set(socket, libc::IPPROTO_IP, libc::IP_OPTIONS, options)
}

/// `SO_DONTROUTE` (ping's -r) or `SO_DEBUG` (its -d).
pub(crate) fn flag(socket: BorrowedFd<'_>, name: libc::c_int) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, name, &1_i32.to_ne_bytes())
}

fn set(socket: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int, value: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `value.len()` bytes at `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
