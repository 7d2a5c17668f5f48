//! Whether a socket matches an expression.

use super::{Expr, Host, Order, Pattern, Predicate, Side, glob};
use crate::diag::{Endpoint, Socket, socket::unix_name};

/// What an evaluation must know beyond the socket.
pub trait Context {
    /// Whether this port lies in the range from which the kernel chooses
    /// (`net.ipv4.ip_local_port_range`).
    fn is_ephemeral(&self, port: u16) -> bool;
    /// Whether a process that holds the socket with this inode is accepted by `test`, which is given its
    /// id and name.
    fn held_by(&self, inode: u32, test: &mut dyn FnMut(u32, &str) -> bool) -> bool;
}

impl Expr {
    /// Whether `socket` matches.
    pub fn matches(&self, socket: &Socket, context: &dyn Context) -> bool {
        match self {
            Self::And(all) => all.iter().all(|e| e.matches(socket, context)),
            Self::Or(any) => any.iter().any(|e| e.matches(socket, context)),
            Self::Not(inner) => !inner.matches(socket, context),
            Self::Is(predicate) => predicate.matches(socket, context),
        }
    }
}

impl Predicate {
    fn matches(&self, socket: &Socket, context: &dyn Context) -> bool {
        let end = |side| match side {
            Side::Local => &socket.local,
            Side::Peer => &socket.peer,
        };
        match self {
            Self::Host(side, host) => host.matches(end(*side), *side),
            Self::Port(side, Order::GreaterOrEqual, port) => end(*side).port() >= *port,
            Self::Port(side, Order::LessOrEqual, port) => end(*side).port() <= *port,
            Self::Device(index) => socket.interface == *index,
            Self::Mark { mark, mask } => socket.mark & mask == *mark,
            Self::Cgroup(id) => socket.cgroup == *id,
            Self::Autobound => autobound(socket, context),
            Self::Pid(pid) => context.held_by(socket.inode, &mut |p, _| p == *pid),
            Self::Comm(pattern) => context.held_by(socket.inode, &mut |_, name| glob(pattern, name)),
            Self::Uid(uid) => socket.uid == *uid,
            Self::Inode(inode) => socket.inode == *inode,
        }
    }
}

impl Host {
    fn matches(&self, end: &Endpoint, side: Side) -> bool {
        let address = match (&self.address, end) {
            (Pattern::Any, _) => true,
            (Pattern::Ip(prefixes), Endpoint::Inet(ip, _)) => prefixes.iter().any(|p| p.contains(*ip)),
            // The kernel does not name a unix socket's peer.
            (Pattern::Unix(pattern), Endpoint::Unix(name, _)) => match (side, name) {
                (Side::Local, Some(name)) => glob(pattern, &unix_name(name)),
                _ => glob(pattern, ""),
            },
            (Pattern::Packet(want), Endpoint::Packet(is, _)) => want.is_none_or(|w| w == *is),
            (Pattern::Netlink(want), Endpoint::Netlink(is, _)) => want.is_none_or(|w| w == *is),
            (Pattern::Vsock(want), Endpoint::Vsock(is, _)) => want.is_none_or(|w| w == *is),
            _ => false,
        };
        address && self.port.is_none_or(|port| port == end.port())
    }
}

fn autobound(socket: &Socket, context: &dyn Context) -> bool {
    match &socket.local {
        Endpoint::Inet(_, port) => context.is_ephemeral(*port),
        Endpoint::Unix(None, _) => true,
        // The kernel's own names: a zero byte and five hexadecimal digits.
        Endpoint::Unix(Some(name), _) => {
            name.len() == 6
                && name[0] == 0
                && name[1..].iter().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(c))
        }
        Endpoint::Packet(protocol, interface) => *protocol == 0 && *interface == 0,
        Endpoint::Netlink(_, port) => *port < 0,
        Endpoint::Vsock(_, port) => *port > 1023,
        Endpoint::None => false,
    }
}
