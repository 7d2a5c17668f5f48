//! The tables of sockets, the families that they list, and sets of both.

use sockeye_proto::diag::filter::Family;

/// A table of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Table {
    Tcp,
    Mptcp,
    Dccp,
    Udp,
    Raw,
    UnixDatagram,
    UnixStream,
    UnixSeqpacket,
    PacketDatagram,
    PacketRaw,
    Netlink,
    Sctp,
    VsockStream,
    VsockDatagram,
    Tipc,
    Xdp,
}

impl Table {
    /// Every table, in the order of the enumeration.
    pub const ALL: [Self; 16] = [
        Self::Tcp,
        Self::Mptcp,
        Self::Dccp,
        Self::Udp,
        Self::Raw,
        Self::UnixDatagram,
        Self::UnixStream,
        Self::UnixSeqpacket,
        Self::PacketDatagram,
        Self::PacketRaw,
        Self::Netlink,
        Self::Sctp,
        Self::VsockStream,
        Self::VsockDatagram,
        Self::Tipc,
        Self::Xdp,
    ];

    /// The families whose sockets it lists.
    pub fn families(self) -> Families {
        Families::of(match self {
            Self::Tcp | Self::Mptcp | Self::Dccp | Self::Udp | Self::Raw | Self::Sctp => {
                &[Family::Inet, Family::Inet6]
            }
            Self::UnixDatagram | Self::UnixStream | Self::UnixSeqpacket => &[Family::Unix],
            Self::PacketDatagram | Self::PacketRaw => &[Family::Link],
            Self::Netlink => &[Family::Netlink],
            Self::VsockStream | Self::VsockDatagram => &[Family::Vsock],
            Self::Tipc => &[Family::Tipc],
            Self::Xdp => &[Family::Xdp],
        })
    }
}

/// A set of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tables(u32);

impl Tables {
    /// All but TIPC, which ss leaves out of "all".
    pub const ALL: Self = Self(0xffff & !(1 << Table::Tipc as u32));

    /// These tables.
    pub fn of(tables: &[Table]) -> Self {
        Self(tables.iter().fold(0, |set, t| set | 1 << *t as u32))
    }

    /// The tables that list sockets of this family.
    pub fn of_family(family: Family) -> Self {
        let all = Table::ALL.into_iter().filter(|t| t.families().contains(family));
        all.fold(Self::default(), |set, t| Self(set.0 | 1 << t as u32))
    }

    /// Whether the table is in the set.
    pub fn contains(self, table: Table) -> bool {
        self.0 & (1 << table as u32) != 0
    }

    /// Whether no table is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether exactly one is.
    pub fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// Adds tables.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Takes tables out.
    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Whether the sets share a table.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn any(self, tables: &[Table]) -> bool {
        self.meets(Self::of(tables))
    }
}

/// A set of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Families(u32);

impl Families {
    /// Every family.
    pub const ALL: Self = Self(0xff);

    /// These families.
    pub fn of(families: &[Family]) -> Self {
        Self(families.iter().fold(0, |set, f| set | 1 << *f as u32))
    }

    /// Whether the family is in the set.
    pub fn contains(self, family: Family) -> bool {
        self.0 & (1 << family as u32) != 0
    }

    /// Whether no family is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Takes families out.
    pub fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// Adds families.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the sets share a family.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}
