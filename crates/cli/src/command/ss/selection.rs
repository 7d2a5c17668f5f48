//! Which tables, families and states the flags mean.

use sockeye::{
    diag::{Families, Filter, State, States, Table, Tables},
    proto::diag::filter::Family,
};

use super::wrong;
use crate::{args::Ss, output::Failure};

/// What the flags select.
pub(super) struct Selection {
    pub(super) tables: Tables,
    pub(super) families: Families,
    pub(super) states: States,
    /// Of `-a`, `-l` and the filter, where one of them was given.
    pub(super) chosen: Option<States>,
    /// The family by which hosts in the filter are read: the last that was named.
    pub(super) preferred: Option<Family>,
    /// Nothing was selected.
    pub(super) default: bool,
}

/// The states that a table shows when none are named.
fn table_states(table: Table) -> States {
    match table {
        Table::Udp | Table::Raw => States::of(&[State::Established]),
        Table::UnixDatagram | Table::PacketDatagram | Table::PacketRaw | Table::Netlink | Table::Xdp => {
            States::of(&[State::Closed])
        }
        Table::Tipc => States::of(&[State::Established, State::Listen, State::Closed]),
        _ => States::CONNECTED_BIG,
    }
}

fn family_states(family: Family) -> States {
    match family {
        Family::Link | Family::Netlink | Family::Xdp => States::of(&[State::Closed]),
        Family::Tipc => table_states(Table::Tipc),
        _ => States::CONNECTED_BIG,
    }
}

fn tables_named(name: &str) -> Option<Vec<Table>> {
    use Table::*;
    Some(match name {
        "all" => Table::ALL.into_iter().filter(|t| *t != Tipc).collect(),
        "inet" => vec![Udp, Dccp, Tcp, Mptcp, Sctp, Raw],
        "udp" => vec![Udp],
        "dccp" => vec![Dccp],
        "tcp" => vec![Tcp],
        "mptcp" => vec![Mptcp],
        "sctp" => vec![Sctp],
        "raw" => vec![Raw],
        "unix" => vec![UnixStream, UnixDatagram, UnixSeqpacket],
        "unix_stream" | "u_str" => vec![UnixStream],
        "unix_dgram" | "u_dgr" => vec![UnixDatagram],
        "unix_seqpacket" | "u_seq" => vec![UnixSeqpacket],
        "packet" => vec![PacketRaw, PacketDatagram],
        "packet_raw" | "p_raw" => vec![PacketRaw],
        "packet_dgram" | "p_dgr" => vec![PacketDatagram],
        "netlink" => vec![Netlink],
        "tipc" => vec![Tipc],
        "vsock" => vec![VsockStream, VsockDatagram],
        "vsock_stream" | "v_str" => vec![VsockStream],
        "vsock_dgram" | "v_dgr" => vec![VsockDatagram],
        "xdp" => vec![Xdp],
        _ => return None,
    })
}

impl Selection {
    pub(super) fn of(args: &Ss) -> Result<Self, Failure> {
        let mut it = Self {
            tables: Tables::default(),
            families: Families::default(),
            states: States::NONE,
            chosen: match (args.all, args.listening) {
                (true, _) => Some(States::ALL),
                (_, true) => Some(States::LISTENING),
                _ if args.bound_inactive => Some(States::of(&[State::BoundInactive])),
                _ => None,
            },
            preferred: None,
            default: true,
        };
        for flag in args.order.given(&["dccp", "tcp", "sctp", "udp", "raw", "mptcp"]) {
            if args.order.outlives_query(flag) {
                tables_named(flag).into_iter().flatten().for_each(|t| it.table(t, true));
            }
        }
        if !args.query.is_empty() {
            it.default = false;
            it.chosen = it.chosen.or(Some(States::CONNECTED_BIG));
        }
        for query in args.query.iter() {
            let (name, on) = match query.strip_prefix('!') {
                Some(name) => (name, false),
                None => (query.as_str(), true),
            };
            let tables =
                tables_named(name).ok_or_else(|| wrong(format!("\"{name}\" is no table of sockets")))?;
            tables.into_iter().for_each(|t| it.table(t, on));
        }
        let mut named = args.family.iter();
        for flag in args.order.given(&["unix", "vsock", "tipc", "xdp", "packet", "ipv4", "ipv6", "family"]) {
            let name = match flag {
                "packet" => "link",
                "ipv4" => "inet",
                "ipv6" => "inet6",
                "family" => named.next().map_or("", String::as_str),
                same => same,
            };
            let family =
                Family::named(name).ok_or_else(|| wrong(format!("\"{name}\" is no family of sockets")))?;
            it.family(family);
        }
        if it.default {
            it.chosen = it.chosen.or(Some(States::CONNECTED_BIG));
            Table::ALL.into_iter().filter(|t| *t != Table::Tipc).for_each(|t| it.table(t, true));
            (it.default, it.states) = (true, States::CONNECTED_BIG);
        }
        it.complete();
        it.prefer();
        Ok(it)
    }

    fn table(&mut self, table: Table, on: bool) {
        self.default = false;
        if on {
            self.states = self.states.union(table_states(table));
            self.tables.add(Tables::of(&[table]));
        } else {
            self.tables.remove(Tables::of(&[table]));
        }
    }

    fn family(&mut self, family: Family) {
        self.default = false;
        self.states = self.states.union(family_states(family));
        self.families.add(Families::of(&[family]));
        self.preferred = Some(family);
    }

    /// A table without a family gets its own, a family without a table all of its tables.
    fn complete(&mut self) {
        for table in Table::ALL.into_iter().filter(|t| self.tables.contains(*t)) {
            if !self.families.meets(table.families()) {
                self.families.add(table.families());
            }
        }
        for family in Family::ALL.into_iter().filter(|f| self.families.contains(*f)) {
            if !self.tables.meets(Tables::of_family(family)) {
                self.tables.add(Tables::of_family(family));
            }
        }
    }

    /// Of IPv4 and IPv6 the one counts that was named last of all families.
    fn prefer(&mut self) {
        match self.preferred {
            Some(Family::Inet) => self.families.remove(Families::of(&[Family::Inet6])),
            Some(Family::Inet6) => self.families.remove(Families::of(&[Family::Inet])),
            _ => {}
        }
    }

    /// What the filter says of states and families.
    pub(super) fn apply(&mut self, args: &Ss, filter: &Filter) {
        match filter.states.or(self.chosen) {
            // To leave out every state is, as in ss, to name none: those of the tables stay, -a and -l or not.
            Some(states) if states.is_empty() => {}
            Some(states) => self.states = states,
            None => {}
        }
        if args.bound_inactive {
            self.states = self.states.union(States::of(&[State::BoundInactive]));
        }
        if let Some(family) = filter.family {
            self.families = Families::of(&[family]);
        }
    }

    pub(super) fn nothing(&self) -> Option<&'static str> {
        match () {
            () if self.tables.is_empty() => Some("tables"),
            () if self.families.is_empty() => Some("families"),
            () if self.states.is_empty() => Some("states"),
            () => None,
        }
    }
}
