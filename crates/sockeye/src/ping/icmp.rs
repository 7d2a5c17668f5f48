//! The echo socket: datagram where the kernel lets everyone, else raw; only our own replies reach it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use rustix::net::SendFlags;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use sockeye_proto::{
    icmp::{self, Family, Message, Report},
    wire::checksum,
};

use super::{Options, privilege::raise_privilege};
use crate::{
    Error, Result,
    socket::{
        batch::{Received, Slots},
        echo_options,
    },
};

/// A socket that sends echo requests and gets their replies and errors.
#[derive(Debug)]
pub(super) struct EchoSocket {
    pub(super) socket: Socket,
    pub(super) family: Family,
    pub(super) raw: bool,
    /// The identifier of our echoes: chosen when raw, the kernel's otherwise.
    pub(super) id: u16,
    /// Whether strangers' replies are dropped by the kernel. A fast socket runs without until one comes:
    /// the filter costs a flood two percent.
    filtered: bool,
    slots: Slots,
    errors: Slots,
}

/// A reply to one of our requests.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) from: SocketAddr,
    pub(super) sequence: u16,
    pub(super) payload: &'a [u8],
    /// The IPv4 header's options, of a raw socket.
    pub(super) options: &'a [u8],
    pub(super) ttl: Option<u8>,
    pub(super) wall: Option<Duration>,
    pub(super) intact: bool,
}

/// What came through the error queue.
#[derive(Debug)]
pub(super) enum Queued {
    /// The probe that was the nth to leave since stamps were asked for left at this moment.
    Left { nth: u32, wall: Duration },
    /// A router or host refused a probe that was sent `to` an address.
    Refused { to: IpAddr, from: SocketAddr, sequence: u16, report: Report, wall: Option<Duration> },
    /// This machine refused to send: the error, and the MTU where the packet was too large.
    Local { errno: i32, mtu: u32 },
}

/// A number that nobody else can foresee: the standard library seeds its hashers from the system.
pub(super) fn secret() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl EchoSocket {
    /// Opens a socket with room for `slots` replies at once.
    pub(super) fn open(family: Family, options: &Options, slots: usize) -> Result<Self> {
        let needs_raw = options.id.is_some() || options.ip_options.is_some();
        let (socket, raw) = open(family, needs_raw)?;
        let v6 = family == Family::V6;
        let failed = |e: io::Error| Error::new("prepare", "the echo socket", e);
        let id = options.id.unwrap_or_else(|| (secret() as u16).max(1));
        if raw && !v6 {
            echo_options::replies_only(socket.as_fd()).map_err(failed)?;
        }
        if raw && !options.fast {
            socket.attach_filter(&replies_with(id, v6)).map_err(failed)?;
        }
        echo_options::error_queue(socket.as_fd(), v6).map_err(failed)?;
        if !raw || v6 {
            // Elsewhere it is in the header that a raw socket gets.
            echo_options::receive_ttl(socket.as_fd(), v6).map_err(failed)?;
        }
        if !options.user_latency {
            let transmit = !options.fast;
            // A kernel without stamps still pings: the program's own clock serves.
            let _ = echo_options::timestamps(socket.as_fd(), transmit);
        }
        options.apply(&socket, family)?;
        let id = if raw { id } else { bound_id(&socket, family).map_err(failed)? };
        let size = options.payload_size() + 128;
        let filtered = !raw || !options.fast;
        Ok(Self {
            socket,
            family,
            raw,
            id,
            filtered,
            slots: Slots::new(slots, size),
            errors: Slots::new(slots, 128),
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Starts the numbering of stamps of leaving anew.
    pub(super) fn restart_stamps(&self) {
        let _ = echo_options::timestamps(self.fd(), true);
    }

    /// Sends `packet`, whose header is filled in here; to the connected peer where no address is given.
    pub(super) fn send(&self, to: Option<SocketAddr>, sequence: u16, packet: &mut [u8]) -> io::Result<()> {
        icmp::encode_request(self.family, self.id, sequence, packet);
        match to {
            Some(to) => rustix::net::sendto(&self.socket, packet, SendFlags::DONTWAIT, &to)?,
            None => rustix::net::send(&self.socket, packet, SendFlags::DONTWAIT)?,
        };
        Ok(())
    }

    /// Takes the replies that are there; calls `each` with those to our requests. Gives how many datagrams
    /// there were.
    pub(super) fn replies(&mut self, mut each: impl FnMut(Reply<'_>)) -> io::Result<usize> {
        let count = match self.slots.receive(self.socket.as_fd(), 0) {
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(0);
            }
            other => other?,
        };
        for received in self.slots.received() {
            match reply(self.family, self.raw, self.id, &received) {
                Some(reply) => each(reply),
                None if !self.filtered => {
                    self.filtered = true;
                    self.socket.attach_filter(&replies_with(self.id, self.family == Family::V6))?;
                }
                None => {}
            }
        }
        Ok(count)
    }

    /// Takes what is in the error queue; calls `each` with what is about our requests. Gives how many
    /// entries there were.
    pub(super) fn errors(&mut self, mut each: impl FnMut(Queued)) -> io::Result<usize> {
        let count = match self.errors.receive(self.socket.as_fd(), libc::MSG_ERRQUEUE) {
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(0);
            }
            other => other?,
        };
        for received in self.errors.received() {
            if let Some(queued) = queued(self.family, self.raw, self.id, &received) {
                each(queued);
            }
        }
        Ok(count)
    }
}

fn open(family: Family, needs_raw: bool) -> Result<(Socket, bool)> {
    let (domain, protocol) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    if !needs_raw && let Ok(socket) = Socket::new(domain, Type::DGRAM, Some(protocol)) {
        return Ok((socket, false));
    }
    let raw = || Socket::new(domain, Type::RAW, Some(protocol));
    // The capability may be there and asleep: `setcap cap_net_raw+p`.
    match raw().or_else(|refused| if raise_privilege() { raw() } else { Err(refused) }) {
        Ok(socket) => Ok((socket, true)),
        Err(error) => Err(Error::new("open", format_args!("an echo socket for {}", version(family)), error).hint(
            "let your group use one: sysctl net.ipv4.ping_group_range=\"0 2147483647\"; or give the program \
             the capability: setcap cap_net_raw+ep FILE; or run it as root",
        )),
    }
}

fn version(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// A datagram echo socket's identifier is its port.
fn bound_id(socket: &Socket, family: Family) -> io::Result<u16> {
    let port = |socket: &Socket| Ok::<_, io::Error>(socket.local_addr()?.as_socket().map_or(0, |a| a.port()));
    if port(socket)? == 0 {
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        socket.bind(&SocketAddr::new(any, 0).into())?;
    }
    port(socket)
}

/// A filter that passes echo replies with our identifier only, so that other pings' replies are dropped
/// before they are queued (`bpf(4)`; an IPv4 raw socket sees the IP header, an IPv6 one does not).
fn replies_with(id: u16, v6: bool) -> [SockFilter; 7] {
    const LOAD_BYTE: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
    const LOAD_HALF: u16 = 0x48; // BPF_LD | BPF_H | BPF_IND
    const HEADER_LENGTH: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
    const INDEX: u16 = 0x01; // BPF_LDX | BPF_IMM
    const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    let (index, reply) = if v6 { (INDEX, 129) } else { (HEADER_LENGTH, 0) };
    [
        SockFilter::new(index, 0, 0, 0),
        SockFilter::new(LOAD_BYTE, 0, 0, 0),
        SockFilter::new(EQUAL, 0, 3, reply),
        SockFilter::new(LOAD_HALF, 0, 0, 4),
        SockFilter::new(EQUAL, 0, 1, u32::from(id)),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

fn reply<'a>(family: Family, raw: bool, id: u16, received: &Received<'a>) -> Option<Reply<'a>> {
    let with_header = raw && family == Family::V4;
    let (ttl, options, message) = if with_header {
        let (header, body) = icmp::ipv4_header(received.bytes).ok()?;
        (Some(header.ttl), header.options, body)
    } else {
        (received.ttl, &[][..], received.bytes)
    };
    let Ok(Message::Reply(echo)) = icmp::decode(family, message) else { return None };
    if echo.id != id {
        return None;
    }
    Some(Reply {
        from: received.peer?,
        sequence: echo.sequence,
        payload: echo.payload,
        options,
        ttl,
        wall: received.wall,
        intact: !with_header || checksum(message) == 0,
    })
}

fn queued(family: Family, raw: bool, id: u16, received: &Received<'_>) -> Option<Queued> {
    let error = received.error?;
    match error.origin {
        libc::SO_EE_ORIGIN_TIMESTAMPING => Some(Queued::Left { nth: error.data, wall: received.wall? }),
        libc::SO_EE_ORIGIN_LOCAL => Some(Queued::Local { errno: error.errno, mtu: error.info }),
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6 => {
            let (quoted, sequence) = icmp::quoted_echo(family, received.bytes)?;
            if raw && quoted != id {
                return None;
            }
            let report = Report { family, kind: error.kind, code: error.code, info: error.info };
            let to = received.peer?;
            let from = error.offender.unwrap_or(to);
            Some(Queued::Refused { to: to.ip(), from, sequence, report, wall: received.wall })
        }
        _ => None,
    }
}
