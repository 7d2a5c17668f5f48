//! `/proc/net`, where sock_diag is not there.

use sockeye_proto::diag::{
    Kind, Socket,
    procfs::{self, UnixLine},
    request::{IpFamily, Protocol},
};

use crate::{Error, Result};

/// A file of `/proc/net` and how its lines are read.
#[derive(Debug)]
pub(super) struct Table {
    file: &'static str,
    line: fn(&str) -> Option<Socket>,
}

pub(super) const UNIX: Table = Table { file: "unix", line: procfs::unix };
pub(super) const PACKET: Table = Table { file: "packet", line: procfs::packet };
pub(super) const NETLINK: Table = Table { file: "netlink", line: procfs::netlink };

/// The file of an inet protocol, where there is one.
pub(super) fn inet(protocol: Protocol, family: IpFamily) -> Option<Table> {
    let v6 = family == IpFamily::V6;
    let (file, line): (_, fn(&str) -> Option<Socket>) = match protocol {
        Protocol::Tcp => (if v6 { "tcp6" } else { "tcp" }, |l| procfs::inet(l, Kind::Tcp, ticks())),
        Protocol::Udp => (if v6 { "udp6" } else { "udp" }, |l| procfs::inet(l, Kind::Udp, ticks())),
        Protocol::Raw => (if v6 { "raw6" } else { "raw" }, |l| procfs::inet(l, Kind::Raw, ticks())),
        Protocol::Dccp | Protocol::Sctp | Protocol::Mptcp => return None,
    };
    Some(Table { file, line })
}

fn ticks() -> u32 {
    rustix::param::clock_ticks_per_second().try_into().unwrap_or(100)
}

impl Table {
    /// Every socket of the table; none where the file is not there.
    pub(super) fn read(&self) -> impl Iterator<Item = Socket> {
        let text = std::fs::read(format!("/proc/self/net/{}", self.file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().filter_map(self.line).collect::<Vec<_>>().into_iter()
    }
}

/// The unix sockets as `/proc/net/unix` tells of them, in its order.
pub fn unix_lines() -> Result<Vec<UnixLine>> {
    const PATH: &str = "/proc/self/net/unix";
    let text = std::fs::read(PATH).map_err(|e| Error::new("read", PATH, e))?;
    Ok(String::from_utf8_lossy(&text).lines().filter_map(UnixLine::parse).collect())
}
