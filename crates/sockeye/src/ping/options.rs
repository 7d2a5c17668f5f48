//! What a user may ask of the socket that probes leave from.

use std::{net::IpAddr, os::fd::AsFd};

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::Socket;
use sockeye_proto::icmp::Family;

use crate::{Error, Result, socket::echo_options};

/// What path MTU discovery does with packets that are too large (`ip(7)`, IP_MTU_DISCOVER).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathMtu {
    /// Never fragment; refuse what is larger than the known path MTU.
    Do,
    /// Fragment here where needed, not on the way.
    Want,
    /// Let routers fragment.
    Dont,
    /// Never fragment, and ignore the known path MTU.
    Probe,
}

/// Options in the IPv4 header, which routers fill in (RFC 791 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpOptions {
    /// The addresses passed, at most nine.
    RecordRoute,
    /// Times of day at each router, at most nine.
    Timestamps,
    /// Times with addresses, at most four.
    TimestampsAndAddresses,
}

impl IpOptions {
    /// The option's bytes: type, length, pointer, and room for what routers write.
    fn bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        match self {
            // A no-operation first, so that the addresses lie on word boundaries.
            Self::RecordRoute => bytes[..4].copy_from_slice(&[1, 7, 39, 4]),
            Self::Timestamps => bytes[..4].copy_from_slice(&[68, 40, 5, 0]),
            Self::TimestampsAndAddresses => bytes[..4].copy_from_slice(&[68, 36, 5, 1]),
        }
        bytes
    }
}

/// How probes leave this machine.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bytes of payload after the 8 of the ICMP header; 56 where not given.
    pub size: Option<usize>,
    /// Bytes that the payload repeats.
    pub pattern: Vec<u8>,
    /// The time to live, or hop limit.
    pub ttl: Option<u8>,
    /// The type of service, or traffic class.
    pub tos: Option<u8>,
    /// The address to send from.
    pub source: Option<IpAddr>,
    /// The interface to send from.
    pub interface: Option<String>,
    /// The firewall mark.
    pub mark: Option<u32>,
    /// What to do about the path's MTU.
    pub path_mtu: Option<PathMtu>,
    /// SO_SNDBUF in bytes.
    pub send_buffer: Option<usize>,
    /// The identifier of the echoes, which needs a raw socket; random, or the kernel's, where not given.
    pub id: Option<u16>,
    /// Options in the IPv4 header, which need a raw socket.
    pub ip_options: Option<IpOptions>,
    /// Broadcast addresses are allowed.
    pub broadcast: bool,
    /// Bypass the routing table.
    pub dont_route: bool,
    /// Do not hear one's own multicasts.
    pub no_loop: bool,
    /// SO_DEBUG.
    pub debug: bool,
    /// Connect the socket, so that answers from other addresses are dropped.
    pub connect: bool,
    /// Measure from before the send call to after the receive call, without the kernel's stamps.
    pub user_latency: bool,
    /// Probes are sent as fast as they are answered: no stamps of leaving, which cost a call each.
    pub fast: bool,
}

impl Options {
    /// The number of payload bytes.
    pub fn payload_size(&self) -> usize {
        self.size.unwrap_or(56)
    }

    /// Sets on `socket` what applies to every kind of probe.
    pub(super) fn apply(&self, socket: &Socket, family: Family) -> Result<()> {
        let fd = socket.as_fd();
        let set = |what: &'static str, value: &dyn std::fmt::Display, result: std::io::Result<()>| {
            result.map_err(|e| Error::new(what, value, e))
        };
        if let Some(interface) = &self.interface {
            set("use the interface", interface, socket.bind_device(Some(interface.as_bytes())))?;
        }
        if let Some(mark) = self.mark {
            set("set the mark", &mark, socket.set_mark(mark))?;
        }
        if let Some(bytes) = self.send_buffer {
            set("set the send buffer to", &bytes, socket.set_send_buffer_size(bytes))?;
        }
        if let Some(ttl) = self.ttl {
            let ttl32 = u32::from(ttl);
            set(
                "set the time to live to",
                &ttl,
                match family {
                    Family::V4 => socket.set_ttl_v4(ttl32).and_then(|()| socket.set_multicast_ttl_v4(ttl32)),
                    Family::V6 => {
                        socket.set_unicast_hops_v6(ttl32).and_then(|()| socket.set_multicast_hops_v6(ttl32))
                    }
                },
            )?;
        }
        if let Some(tos) = self.tos {
            set(
                "set the type of service to",
                &tos,
                match family {
                    Family::V4 => socket.set_tos_v4(tos.into()),
                    Family::V6 => socket.set_tclass_v6(tos.into()),
                },
            )?;
        }
        if let Some(path_mtu) = self.path_mtu {
            set("set path MTU discovery on", &"the socket", set_path_mtu(socket, family, path_mtu))?;
        }
        if self.broadcast {
            set("allow broadcast on", &"the socket", socket.set_broadcast(true))?;
        }
        if self.no_loop {
            set(
                "stop multicast loops on",
                &"the socket",
                match family {
                    Family::V4 => socket.set_multicast_loop_v4(false),
                    Family::V6 => socket.set_multicast_loop_v6(false),
                },
            )?;
        }
        if self.dont_route {
            set("bypass routing on", &"the socket", echo_options::flag(fd, libc::SO_DONTROUTE))?;
        }
        if self.debug {
            set("set SO_DEBUG on", &"the socket", echo_options::flag(fd, libc::SO_DEBUG))?;
        }
        if let (Some(options), Family::V4) = (self.ip_options, family) {
            set("set IP options on", &"the socket", echo_options::ip_options(fd, &options.bytes()))?;
        }
        if let Some(source) = self.source {
            let address = std::net::SocketAddr::new(source, 0);
            set("bind to", &source, socket.bind(&address.into()))?;
        }
        Ok(())
    }
}

fn set_path_mtu(socket: &Socket, family: Family, path_mtu: PathMtu) -> std::io::Result<()> {
    let result = match family {
        Family::V4 => sockopt::set_ip_mtu_discover(
            socket,
            match path_mtu {
                PathMtu::Do => Ipv4PathMtuDiscovery::DO,
                PathMtu::Want => Ipv4PathMtuDiscovery::WANT,
                PathMtu::Dont => Ipv4PathMtuDiscovery::DONT,
                PathMtu::Probe => Ipv4PathMtuDiscovery::PROBE,
            },
        ),
        Family::V6 => sockopt::set_ipv6_mtu_discover(
            socket,
            match path_mtu {
                PathMtu::Do => Ipv6PathMtuDiscovery::DO,
                PathMtu::Want => Ipv6PathMtuDiscovery::WANT,
                PathMtu::Dont => Ipv6PathMtuDiscovery::DONT,
                PathMtu::Probe => Ipv6PathMtuDiscovery::PROBE,
            },
        ),
    };
    Ok(result?)
}
