//! Lines of `/proc/net/{tcp,udp,raw,…}` and `/proc/net/{unix,packet,netlink}`, for kernels and sandboxes
//! without `sock_diag`. Each function reads one line and gives `None` for headings and what makes no sense.
//! Source: `proc_pid_net(5)` and the kernel's `*_seq_show`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Endpoint, Kind, Socket, State, Timer, TimerKind};

/// A line of `tcp`, `tcp6`, `udp`, `udp6`, `raw` or `raw6`. `ticks` is how many clock ticks make a second.
pub fn inet(line: &str, kind: Kind, ticks: u32) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    fields.next()?.strip_suffix(':')?;
    let (local, peer) = (end(fields.next()?)?, end(fields.next()?)?);
    let state = State::from_number(u8::from_str_radix(fields.next()?, 16).ok()?)?;
    let mut socket = Socket::new(kind, state, local, peer);
    (socket.send_q, socket.recv_q) = hex_pair(fields.next()?)?;
    let (timer, expires) = hex_pair(fields.next()?)?;
    let retransmits = u32::from_str_radix(fields.next()?, 16).ok()?;
    socket.uid = fields.next()?.parse().ok()?;
    let probes: u32 = fields.next()?.parse().ok()?;
    socket.inode = fields.next()?.parse().ok()?;
    socket.timer = TimerKind::from_number(timer as u8).filter(|_| kind == Kind::Tcp).map(|kind| Timer {
        kind,
        milliseconds: (u64::from(expires) * 1000 / u64::from(ticks.max(1))).try_into().unwrap_or(u32::MAX),
        retransmits: if kind == TimerKind::On { retransmits as u8 } else { probes as u8 },
    });
    socket.cookie = fields.nth(1).and_then(|sk| u64::from_str_radix(sk, 16).ok()).unwrap_or(0);
    Some(socket)
}

/// `0100007F:0016`: the address as 32-bit numbers of the machine, the port as a number.
fn end(text: &str) -> Option<Endpoint> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |i: usize| {
        let n = u32::from_str_radix(address.get(8 * i..8 * i + 8)?, 16).ok()?;
        Some(n.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut octets = [0; 16];
            for i in 0..4 {
                octets[4 * i..4 * i + 4].copy_from_slice(&word(i)?);
            }
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(Endpoint::Inet(ip, port))
}

fn hex_pair(text: &str) -> Option<(u32, u32)> {
    let (a, b) = text.split_once(':')?;
    Some((u32::from_str_radix(a, 16).ok()?, u32::from_str_radix(b, 16).ok()?))
}

/// A line of `unix` as it is, which tells what sock_diag does not: references and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixLine {
    /// How many hold a reference to it.
    pub references: u32,
    /// `SO_ACCEPTCON` (0x10000): it listens.
    pub flags: u32,
    /// The type: 1 stream, 2 datagram, 5 seqpacket.
    pub kind: u16,
    /// `SS_UNCONNECTED` 1, `SS_CONNECTING` 2, `SS_CONNECTED` 3, `SS_DISCONNECTING` 4.
    pub state: u8,
    /// The inode.
    pub inode: u32,
    /// The path, or the abstract name with `@` for its zero bytes.
    pub path: Option<String>,
}

impl UnixLine {
    /// Reads `Num: RefCount Protocol Flags Type St Inode Path`.
    pub fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(": ")?;
        let mut fields = rest.split_ascii_whitespace();
        let mut hex = || u32::from_str_radix(fields.next()?, 16).ok();
        let (references, _protocol, flags, kind, state) = (hex()?, hex()?, hex()?, hex()?, hex()?);
        let inode = fields.next()?.parse().ok()?;
        Some(Self {
            references,
            flags,
            kind: kind.try_into().ok()?,
            state: state.try_into().ok()?,
            inode,
            path: fields.next().map(str::to_owned),
        })
    }

    /// Whether it listens.
    pub fn listens(&self) -> bool {
        self.flags & 0x1_0000 != 0
    }
}

/// A line of `unix`: `Num: RefCount Protocol Flags Type St Inode Path`.
pub fn unix(line: &str) -> Option<Socket> {
    let line = UnixLine::parse(line)?;
    let kind = match line.kind {
        1 => Kind::UnixStream,
        5 => Kind::UnixSeqpacket,
        _ => Kind::UnixDatagram,
    };
    let state = match line.state {
        _ if line.listens() => State::Listen,
        2 => State::SynSent,
        3 => State::Established,
        4 => State::Closing,
        _ => State::Closed,
    };
    let inode = line.inode;
    let name = line.path.map(|path| {
        let mut name = path.into_bytes();
        // Abstract names begin with a zero byte, shown as @.
        if name.first() == Some(&b'@') {
            name[0] = 0;
        }
        name.into_boxed_slice()
    });
    let mut socket = Socket::new(kind, state, Endpoint::Unix(name, inode), Endpoint::Unix(None, 0));
    socket.inode = inode;
    Some(socket)
}

/// A line of `packet`: `sk RefCnt Type Proto Iface R Rmem User Inode`.
pub fn packet(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let kind = match *fields.get(2)? {
        "3" => Kind::PacketRaw,
        "2" | "10" => Kind::PacketDatagram,
        _ => return None,
    };
    let protocol = u16::from_str_radix(fields.get(3)?, 16).ok()?;
    let interface = fields.get(4)?.parse().ok()?;
    let local = Endpoint::Packet(protocol, interface);
    Some(Socket {
        interface,
        recv_q: fields.get(6)?.parse().ok()?,
        uid: fields.get(7)?.parse().ok()?,
        inode: fields.get(8)?.parse().ok()?,
        ..Socket::new(kind, State::Closed, local, Endpoint::None)
    })
}

/// A line of `netlink`: `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`.
pub fn netlink(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let protocol = fields.get(1)?.parse().ok()?;
    let port = fields.get(2)?.parse::<i64>().ok()? as i32;
    let local = Endpoint::Netlink(protocol, port);
    let mut socket = Socket {
        recv_q: fields.get(4)?.parse().ok()?,
        send_q: fields.get(5)?.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
        ..Socket::new(Kind::Netlink, State::Closed, local, Endpoint::Netlink(0, 0))
    };
    socket.details_mut().groups = u64::from_str_radix(fields.get(3)?, 16).ok();
    Some(socket)
}
