//! The names that a machine gives to numbers: services, interfaces, protocols, control groups, hosts.
//! Each list is read when it is first needed.

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, ToSocketAddrs},
    ops::RangeInclusive,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, OnceLock, PoisonError},
};

use sockeye_proto::diag::filter::{Family, Names};

use super::{Table, Tables};

/// This machine's names.
#[derive(Debug, Default)]
pub struct Machine {
    services: OnceLock<Services>,
    ephemeral: OnceLock<RangeInclusive<u16>>,
    interfaces: Mutex<HashMap<u32, Option<Box<str>>>>,
    cgroups: OnceLock<HashMap<u64, String>>,
    users: OnceLock<Vec<(String, u32)>>,
    /// The tables whose services a name in a filter may mean.
    tables: Tables,
}

#[derive(Debug, Default)]
struct Services {
    tcp: HashMap<u16, Box<str>>,
    udp: HashMap<u16, Box<str>>,
    by_name: Vec<(Box<str>, u16, bool)>,
}

impl Machine {
    /// This machine.
    pub fn new() -> Self {
        Self { tables: Tables::ALL, ..Self::default() }
    }

    /// This machine, where only these tables decide which service a name means.
    pub fn for_tables(tables: Tables) -> Self {
        Self { tables, ..Self::default() }
    }

    /// The service at this port; ports from which the kernel chooses have none, for what is found there
    /// is hardly ever the service that the list names.
    pub fn service_at(&self, port: u16, tcp: bool) -> Option<&str> {
        if self.is_ephemeral(port) {
            return None;
        }
        let services = self.services();
        if tcp { &services.tcp } else { &services.udp }.get(&port).map(|name| &**name)
    }

    /// Whether the kernel chooses ports from this range (`net.ipv4.ip_local_port_range`).
    pub fn is_ephemeral(&self, port: u16) -> bool {
        let range = self.ephemeral.get_or_init(|| {
            let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
            let mut numbers = text.split_ascii_whitespace().map_while(|n| n.parse().ok());
            match (numbers.next(), numbers.next()) {
                (Some(low), Some(high)) => low..=high,
                _ => 1024..=4999,
            }
        });
        range.contains(&port)
    }

    fn services(&self) -> &Services {
        self.services.get_or_init(|| {
            let mut services = Services::default();
            for line in fs::read_to_string("/etc/services").unwrap_or_default().lines() {
                let line = line.split('#').next().unwrap_or_default();
                let mut words = line.split_ascii_whitespace();
                let (Some(name), Some(at)) = (words.next(), words.next()) else { continue };
                let Some((port, protocol)) = at.split_once('/') else { continue };
                let Ok(port) = port.parse::<u16>() else { continue };
                let tcp = match protocol {
                    "tcp" => true,
                    "udp" => false,
                    _ => continue,
                };
                let by_port = if tcp { &mut services.tcp } else { &mut services.udp };
                by_port.entry(port).or_insert_with(|| name.into());
                for name in std::iter::once(name).chain(words) {
                    services.by_name.push((name.into(), port, tcp));
                }
            }
            services
        })
    }

    /// The interface with this index; `if7` where it has no name (any more).
    pub fn interface_name(&self, index: u32) -> String {
        let mut known = self.interfaces.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.entry(index).or_insert_with(|| {
            let fd = probe()?;
            Some(rustix::net::netdevice::index_to_name(&fd, index).ok()?.into_boxed_str())
        });
        name.as_ref().map_or_else(|| format!("if{index}"), |name| name.to_string())
    }

    /// The path of a control group below its mount point.
    pub fn cgroup_path(&self, id: u64) -> Option<&str> {
        let all = self.cgroups.get_or_init(|| {
            let mut all = HashMap::new();
            if let Some(root) = cgroup_mount() {
                collect_groups(&root, &root, 0, &mut all);
            }
            all
        });
        all.get(&id).map(String::as_str)
    }

    /// The name of an IP protocol, for raw sockets.
    pub fn ip_protocol(&self, number: u16) -> Option<&'static str> {
        static LIST: LazyLock<Vec<(String, u32)>> = LazyLock::new(|| {
            number_list("/etc/protocols", |words| {
                Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
            })
        });
        LIST.iter().find(|(_, n)| *n == u32::from(number)).map(|(name, _)| name.as_str())
    }

    /// The name of a netlink protocol.
    pub fn netlink_name(&self, number: u32) -> Option<&'static str> {
        netlink_protocols().iter().find(|(_, n)| *n == number).map(|(name, _)| name.as_str())
    }

    /// The name of an Ethernet protocol.
    pub fn ether_name(&self, number: u16) -> Option<&'static str> {
        ETHER_TYPES.iter().find(|(_, n)| *n == number).map(|(name, _)| *name)
    }

    /// The name of a user, from `/etc/passwd`.
    pub fn user_name(&self, uid: u32) -> Option<&str> {
        self.users().iter().find(|(_, id)| *id == uid).map(|(name, _)| name.as_str())
    }

    fn users(&self) -> &[(String, u32)] {
        self.users.get_or_init(|| {
            let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
            let user = |line: &str| {
                let mut fields = line.split(':');
                let name = fields.next()?.to_owned();
                Some((name, fields.nth(1)?.parse().ok()?))
            };
            text.lines().filter_map(user).collect()
        })
    }

    /// The name of a host, asked of the resolver: slow.
    pub fn host_name(&self, ip: IpAddr) -> Option<String> {
        dns_lookup::lookup_addr(&ip.to_canonical()).ok().filter(|name| name.parse::<IpAddr>().is_err())
    }
}

/// Any socket serves to ask about interfaces.
fn probe() -> Option<std::net::UdpSocket> {
    static PROBE: OnceLock<Option<std::net::UdpSocket>> = OnceLock::new();
    let fd = PROBE.get_or_init(|| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
        socket.ok().map(Into::into)
    });
    fd.as_ref()?.try_clone().ok()
}

fn cgroup_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines.find(|f| f.get(2) == Some(&"cgroup2")).map(|f| PathBuf::from(f[1]))
}

/// A control group's id is its directory's inode.
fn collect_groups(root: &Path, dir: &Path, depth: usize, all: &mut HashMap<u64, String>) {
    let Ok(meta) = fs::metadata(dir) else { return };
    let below = dir.strip_prefix(root).unwrap_or(dir).to_string_lossy();
    all.insert(meta.ino(), format!("/{below}"));
    if depth < 32
        && let Ok(entries) = fs::read_dir(dir)
    {
        for entry in entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
            collect_groups(root, &entry.path(), depth + 1, all);
        }
    }
}

fn number_list(
    path: &str,
    entry: fn(&mut std::str::SplitAsciiWhitespace<'_>) -> Option<(String, u32)>,
) -> Vec<(String, u32)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(|l| l.split('#').next().unwrap_or_default());
    lines.filter_map(|l| entry(&mut l.split_ascii_whitespace())).collect()
}

/// The netlink protocols of `linux/netlink.h` by the names that iproute2 gives them, then its own file.
fn netlink_protocols() -> &'static [(String, u32)] {
    const KNOWN: [(&str, u32); 20] = [
        ("rtnl", 0),
        ("unused", 1),
        ("usersock", 2),
        ("fw", 3),
        ("tcpdiag", 4),
        ("nflog", 5),
        ("xfrm", 6),
        ("selinux", 7),
        ("iscsi", 8),
        ("audit", 9),
        ("fiblookup", 10),
        ("connector", 11),
        ("nft", 12),
        ("ip6fw", 13),
        ("dec-rt", 14),
        ("uevent", 15),
        ("genl", 16),
        ("scsi-trans", 18),
        ("ecryptfs", 19),
        ("crypto", 21),
    ];
    static ALL: LazyLock<Vec<(String, u32)>> = LazyLock::new(|| {
        let mut all = number_list("/etc/iproute2/nl_protos", |words| {
            let number = words.next()?.parse().ok()?;
            Some((words.next()?.to_owned(), number))
        });
        all.extend(KNOWN.iter().map(|(name, n)| ((*name).to_owned(), *n)));
        all
    });
    &ALL
}

/// Ethernet protocols of `linux/if_ether.h` by their usual short names.
const ETHER_TYPES: [(&str, u16); 34] = [
    ("loop", 0x0060),
    ("pup", 0x0200),
    ("ip", 0x0800),
    ("x25", 0x0805),
    ("arp", 0x0806),
    ("bpq", 0x08ff),
    ("dec", 0x6000),
    ("lat", 0x6004),
    ("diag", 0x6005),
    ("rarp", 0x8035),
    ("atalk", 0x809b),
    ("aarp", 0x80f3),
    ("802.1Q", 0x8100),
    ("ipx", 0x8137),
    ("ipv6", 0x86dd),
    ("mpls_uc", 0x8847),
    ("mpls_mc", 0x8848),
    ("ppp_disc", 0x8863),
    ("ppp_ses", 0x8864),
    ("profinet", 0x8892),
    ("aoe", 0x88a2),
    ("ethercat", 0x88a4),
    ("802.1ad", 0x88a8),
    ("tipc", 0x88ca),
    ("LLDP", 0x88cc),
    ("802_3", 0x0001),
    ("ax25", 0x0002),
    ("all", 0x0003),
    ("802_2", 0x0004),
    ("snap", 0x0005),
    ("ddcmp", 0x0006),
    ("can", 0x000c),
    ("control", 0x0016),
    ("irda", 0x0017),
];

impl Names for Machine {
    fn host(&self, name: &str, family: Option<Family>) -> Vec<IpAddr> {
        let found = (name, 0).to_socket_addrs().into_iter().flatten().map(|a| a.ip());
        let mut all: Vec<_> = found
            .filter(|ip| match family {
                Some(Family::Inet) => ip.is_ipv4(),
                Some(Family::Inet6) => ip.is_ipv6(),
                _ => true,
            })
            .collect();
        all.sort_by_key(IpAddr::is_ipv6);
        all.dedup();
        all
    }

    fn service(&self, name: &str) -> Vec<u16> {
        let named = self.services().by_name.iter().filter(|(n, _, _)| &**n == name);
        let shown = |tcp| self.tables.contains(if tcp { Table::Tcp } else { Table::Udp });
        let mut ports: Vec<u16> = named.filter(|(_, _, tcp)| shown(*tcp)).map(|(_, port, _)| *port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    fn interface(&self, name: &str) -> Option<u32> {
        rustix::net::netdevice::name_to_index(&probe()?, name).ok()
    }

    fn cgroup(&self, path: &str) -> Option<u64> {
        let mount = cgroup_mount()?;
        let below = Path::new(path);
        let tries = [below.to_owned(), mount.join(below.strip_prefix("/").unwrap_or(below))];
        let device = fs::metadata(&mount).ok()?.dev();
        let metas = tries.iter().filter_map(|p| fs::metadata(p).ok());
        metas.filter(|m| m.is_dir() && m.dev() == device).map(|m| m.ino()).next()
    }

    fn ether_type(&self, name: &str) -> Option<u16> {
        ETHER_TYPES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, n)| *n)
    }

    fn netlink_protocol(&self, name: &str) -> Option<u32> {
        netlink_protocols().iter().find(|(n, _)| n.as_str() == name).map(|(_, n)| *n)
    }

    fn user(&self, name: &str) -> Option<u32> {
        self.users().iter().find(|(known, _)| known == name).map(|(_, uid)| *uid)
    }
}
