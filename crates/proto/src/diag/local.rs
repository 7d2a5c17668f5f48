//! Replies about sockets that are not inet: unix, packet, netlink and vsock.

use super::{
    Endpoint, Kind, Malformed, Shutdown, Socket, State,
    detail::{Memory, Packet},
    wire::{attributes, u16_at, u32_at, u64_at},
};

const STREAM: u8 = 1;
const DATAGRAM: u8 = 2;
const RAW: u8 = 3;
const SEQPACKET: u8 = 5;

impl Socket {
    /// Reads the payload of a reply about a unix socket:
    /// `family u8 │ type u8 │ state u8 │ pad │ inode u32 │ cookie u64 │ attributes`.
    pub fn parse_unix(b: &[u8]) -> Result<Self, Malformed> {
        if b.len() < 16 {
            return Err(Malformed("a unix socket shorter than its header"));
        }
        let netid = match b[1] {
            STREAM => Kind::UnixStream,
            SEQPACKET => Kind::UnixSeqpacket,
            _ => Kind::UnixDatagram,
        };
        let state = State::from_number(b[2]).ok_or(Malformed("a socket in an unknown state"))?;
        let inode = u32_at(b, 4);
        let mut socket =
            Self { inode, cookie: u64_at(b, 8), ..Self::new(netid, state, Endpoint::None, Endpoint::None) };
        let (mut name, mut peer) = (None, 0);
        for (kind, value) in attributes(&b[16..]) {
            match kind {
                0 => name = unix_name(value),
                1 => socket.details_mut().file = Some((u32_at(value, 0), u32_at(value, 4))),
                2 => peer = u32_at(value, 0),
                3 => {
                    let inodes = value.chunks_exact(4).map(|n| u32_at(n, 0)).collect();
                    socket.details_mut().waiting = Some(inodes);
                }
                4 => (socket.recv_q, socket.send_q) = (u32_at(value, 0), u32_at(value, 4)),
                5 => socket.details_mut().memory = Some(Memory::parse(value)),
                6 => socket.shutdown = value.first().map(|mask| Shutdown(*mask)),
                7 => socket.uid = u32_at(value, 0),
                _ => {}
            }
        }
        socket.local = Endpoint::Unix(name, inode);
        socket.peer = Endpoint::Unix(None, peer);
        Ok(socket)
    }

    /// Reads the payload of a reply about a packet socket:
    /// `family u8 │ type u8 │ protocol u16 │ inode u32 │ cookie u64 │ attributes`.
    pub fn parse_packet(b: &[u8]) -> Result<Self, Malformed> {
        if b.len() < 16 {
            return Err(Malformed("a packet socket shorter than its header"));
        }
        let netid = if b[1] == RAW { Kind::PacketRaw } else { Kind::PacketDatagram };
        let mut socket = Self {
            inode: u32_at(b, 4),
            cookie: u64_at(b, 8),
            ..Self::new(netid, State::Closed, Endpoint::None, Endpoint::None)
        };
        let ring = |v: &[u8]| [0, 4, 8, 12, 16, 20].map(|at| u32_at(v, at));
        let mut packet = Packet::default();
        let mut known = false;
        for (kind, value) in attributes(&b[16..]) {
            match kind {
                // index u32, version u32, reserve u32, copy_thresh u32, tstamp u32, flags u32
                0 => {
                    known = true;
                    socket.interface = u32_at(value, 0);
                    packet.version = u32_at(value, 4);
                    packet.copy_threshold = u32_at(value, 12);
                    packet.flags = u32_at(value, 20);
                }
                2 => packet.receive_ring = Some(ring(value)),
                3 => packet.send_ring = Some(ring(value)),
                4 => packet.fanout = Some(u32_at(value, 0)),
                5 => socket.uid = u32_at(value, 0),
                6 => {
                    let memory = Memory::parse(value);
                    socket.recv_q = memory.receive;
                    socket.details_mut().memory = Some(memory);
                }
                7 => {
                    let one = |i: &[u8]| (u16_at(i, 0), i[2], i[3], u32_at(i, 4));
                    packet.filter = Some(value.chunks_exact(8).map(one).collect());
                }
                _ => {}
            }
        }
        if known {
            socket.details_mut().packet = Some(packet);
        }
        socket.local = Endpoint::Packet(u16_at(b, 2), socket.interface);
        Ok(socket)
    }

    /// Reads the payload of a reply about a netlink socket: `family u8 │ type u8 │ protocol u8 │ state u8 │
    /// port u32 │ peer port u32 │ peer group u32 │ inode u32 │ cookie u64 │ attributes`.
    pub fn parse_netlink(b: &[u8]) -> Result<Self, Malformed> {
        if b.len() < 28 {
            return Err(Malformed("a netlink socket shorter than its header"));
        }
        let local = Endpoint::Netlink(u32::from(b[2]), u32_at(b, 4).cast_signed());
        let peer = Endpoint::Netlink(u32_at(b, 12), u32_at(b, 8).cast_signed());
        let mut socket = Self {
            inode: u32_at(b, 16),
            cookie: u64_at(b, 20),
            ..Self::new(Kind::Netlink, State::Closed, local, peer)
        };
        socket.details_mut().netlink_connected = b[3] == 1;
        for (kind, value) in attributes(&b[28..]) {
            match kind {
                0 => {
                    let memory = Memory::parse(value);
                    (socket.recv_q, socket.send_q) = (memory.receive, memory.send);
                    socket.details_mut().memory = Some(memory);
                }
                1 => socket.details_mut().groups = Some(u64_at(value, 0)),
                _ => {}
            }
        }
        Ok(socket)
    }

    /// Reads the payload of a reply about a vsock socket: `family u8 │ type u8 │ state u8 │ shutdown u8 │
    /// local cid u32 │ local port u32 │ peer cid u32 │ peer port u32 │ inode u32 │ cookie u64`.
    pub fn parse_vsock(b: &[u8]) -> Result<Self, Malformed> {
        if b.len() < 32 {
            return Err(Malformed("a vsock socket shorter than its header"));
        }
        let netid = if b[1] == DATAGRAM { Kind::VsockDatagram } else { Kind::VsockStream };
        let state = State::from_number(b[2]).ok_or(Malformed("a socket in an unknown state"))?;
        let end = |at| Endpoint::Vsock(u32_at(b, at), u32_at(b, at + 4));
        Ok(Self { inode: u32_at(b, 20), cookie: u64_at(b, 24), ..Self::new(netid, state, end(4), end(12)) })
    }
}

/// A path ends at its first zero byte, which the kernel may send along; in an abstract name they count.
fn unix_name(value: &[u8]) -> Option<Box<[u8]>> {
    match value {
        [] => None,
        [0, ..] => Some(value.into()),
        path => path.split(|b| *b == 0).next().map(Into::into),
    }
}
