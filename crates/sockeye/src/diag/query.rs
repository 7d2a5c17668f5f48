//! Which sockets, and what of them; then the rows, table by table in ss's order.

use std::collections::HashSet;

use rustix::net::AddressFamily;
use sockeye_proto::diag::{
    Socket, States,
    filter::{Context, Expr, Family, bytecode},
    identity,
    request::{Dump, IpFamily, Protocol, Want},
};

use super::{
    Families, Filter, Machine, Processes, Table, Tables,
    netlink::{Broken, Diag, malformed},
    procfs,
};
use crate::{Error, Result, error::Reason};

/// Which sockets to list, and what of them.
#[derive(Debug, Clone)]
pub struct Query {
    /// The tables.
    pub tables: Tables,
    /// The families.
    pub families: Families,
    /// The states.
    pub states: States,
    /// What beyond the row.
    pub want: Want,
    /// The filter.
    pub filter: Option<Expr>,
    /// Abort each TCP, UDP or raw socket before it is given: only those that could be are.
    pub kill: bool,
}

/// What a dump tells.
#[derive(Debug)]
pub enum Step<'a> {
    /// A socket.
    Socket(&'a Socket),
    /// A new table begins: rows so far are certain.
    Begin,
    /// The table changed while it was listed. The rows since the last [`Step::Begin`] do not count: they come
    /// again. Whoever cannot take them back returns an error.
    Again,
    /// The kernel does not let this user see marks: a filter that asks for them finds none. Said once.
    MarksHidden,
}

/// How often an interrupted dump is repeated.
const REPEATS: usize = 8;

impl Query {
    /// Every socket of these tables, in every state.
    pub fn of(tables: &[Table]) -> Self {
        Self {
            tables: Tables::of(tables),
            families: Families::ALL,
            states: States::ALL,
            want: Want::default(),
            filter: None,
            kill: false,
        }
    }

    /// Only sockets that match.
    #[must_use]
    pub fn filter(mut self, expr: Expr) -> Self {
        self.filter = Some(expr);
        self
    }

    /// Only sockets in these states.
    #[must_use]
    pub fn states(mut self, states: States) -> Self {
        self.states = states;
        self
    }

    /// With these details.
    #[must_use]
    pub fn want(mut self, want: Want) -> Self {
        self.want = want;
        self
    }

    /// The sockets, listed completely before the first is given. Walks `/proc` if the filter asks for
    /// processes.
    pub fn sockets(&self) -> Result<std::vec::IntoIter<Socket>> {
        let machine = Machine::new();
        let asks = Filter { expr: self.filter.clone(), ..Filter::default() }.asks_processes();
        let processes = if asks { Processes::walk(false) } else { Processes::default() };
        let (mut sockets, mut certain) = (Vec::new(), 0);
        self.each(&machine, &processes, &mut |step| {
            match step {
                Step::Socket(socket) => sockets.push(socket.clone()),
                Step::Begin => certain = sockets.len(),
                Step::Again => sockets.truncate(certain),
                Step::MarksHidden => {}
            }
            Ok(())
        })?;
        Ok(sockets.into_iter())
    }

    /// The inet sockets that the kernel's own filter lets through, before they are evaluated here: to see
    /// that the two agree.
    #[doc(hidden)]
    pub fn kernel_only(&self) -> Result<Vec<Socket>> {
        let machine = Machine::new();
        let processes = Processes::default();
        let mut sockets = Vec::new();
        let mut run = Run {
            query: &Self { filter: None, ..self.clone() },
            diag: Diag::open().ok(),
            killer: None,
            marks_hidden: false,
            v6: Held::default(),
            seen: HashSet::new(),
            context: FilterContext::new(&machine, &processes),
            each: &mut |step| {
                if let Step::Socket(socket) = step {
                    sockets.push(socket.clone());
                }
                Ok(())
            },
        };
        let program = self.filter.as_ref().map(bytecode::compile).unwrap_or_default();
        for family in [IpFamily::V4, IpFamily::V6] {
            let dump = Dump::Inet { protocol: Protocol::Tcp, family, bytecode: program.clone() };
            run.repeat(&dump, &mut |run, payload| run.inet_row(Protocol::Tcp, payload))?;
        }
        Ok(sockets)
    }

    /// Gives every socket to `each` as it comes from the kernel, in the order of ss: netlink, packet, unix, raw,
    /// UDP, TCP, DCCP, SCTP, vsock, MPTCP; IPv4 before IPv6.
    pub fn each(
        &self,
        machine: &Machine,
        processes: &Processes,
        each: &mut dyn FnMut(Step<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut run = Run {
            query: self,
            diag: Diag::open().ok(),
            killer: None,
            marks_hidden: false,
            v6: Held::default(),
            seen: HashSet::new(),
            context: FilterContext::new(machine, processes),
            each,
        };
        use Table::*;
        let closed = self.states.contains(super::State::Closed);
        if self.tables.contains(Netlink) && closed && self.families.contains(Family::Netlink) {
            run.local(Dump::Netlink)?;
        }
        if self.tables.any(&[PacketDatagram, PacketRaw]) && closed && self.families.contains(Family::Link) {
            run.local(Dump::Packet)?;
        }
        if self.tables.any(&[UnixStream, UnixDatagram, UnixSeqpacket]) && self.families.contains(Family::Unix)
        {
            run.local(Dump::Unix)?;
        }
        for (table, protocol) in [
            (Raw, Protocol::Raw),
            (Udp, Protocol::Udp),
            (Tcp, Protocol::Tcp),
            (Dccp, Protocol::Dccp),
            (Sctp, Protocol::Sctp),
        ] {
            if self.tables.contains(table) {
                run.inet(protocol)?;
            }
        }
        if self.tables.any(&[VsockStream, VsockDatagram]) && self.families.contains(Family::Vsock) {
            run.local(Dump::Vsock)?;
        }
        if self.tables.contains(Mptcp) {
            run.inet(Protocol::Mptcp)?;
        }
        Ok(())
    }

    fn type_is_asked(&self, socket: &Socket) -> bool {
        use super::Kind;
        let table = match socket.netid {
            Kind::UnixStream => Table::UnixStream,
            Kind::UnixDatagram => Table::UnixDatagram,
            Kind::UnixSeqpacket => Table::UnixSeqpacket,
            Kind::VsockStream => Table::VsockStream,
            Kind::VsockDatagram => Table::VsockDatagram,
            _ => return true,
        };
        self.tables.contains(table)
    }
}

/// What a filter is evaluated with: the machine and its processes.
#[derive(Debug)]
pub struct FilterContext<'a> {
    machine: &'a Machine,
    processes: &'a Processes,
}

impl<'a> FilterContext<'a> {
    /// Evaluation on this machine; `processes` may be empty where the filter does not ask for them.
    pub fn new(machine: &'a Machine, processes: &'a Processes) -> Self {
        Self { machine, processes }
    }
}

impl Context for FilterContext<'_> {
    fn is_ephemeral(&self, port: u16) -> bool {
        self.machine.is_ephemeral(port)
    }

    fn held_by(&self, inode: u32, test: &mut dyn FnMut(u32, &str) -> bool) -> bool {
        self.processes.holders(inode).any(|h| test(h.pid, h.comm))
    }
}

/// The most that is held of IPv6 while IPv4 is given: some 1,000 sockets.
const HELD: usize = 256 << 10;

/// Messages about IPv6 sockets that came among those about IPv4 ones.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// There were too many.
    overflown: bool,
}

impl Held {
    fn push(&mut self, payload: &[u8]) {
        if self.bytes.len() + payload.len() > HELD {
            *self = Self { overflown: true, ..Self::default() };
        }
        if !self.overflown {
            self.bytes.extend_from_slice(payload);
            self.ends.push(self.bytes.len());
        }
    }
}

/// Whether there are so few IPv6 sockets of TCP that they can be held. Those in TIME-WAIT are not counted.
fn few_are_v6() -> bool {
    let counts = std::fs::read_to_string("/proc/self/net/sockstat6").unwrap_or_default();
    let mut lines = counts.lines().filter_map(|line| line.strip_prefix("TCP6: inuse "));
    lines.next().and_then(|n| n.trim().parse().ok()).is_some_and(|n: usize| n <= HELD / 1024)
}

struct Run<'a> {
    marks_hidden: bool,
    v6: Held,
    /// The cookies of unix sockets, which the kernel lists by counting: those that are opened meanwhile move others
    /// on, into what is yet to come.
    seen: HashSet<u64>,
    query: &'a Query,
    diag: Option<Diag>,
    killer: Option<Diag>,
    context: FilterContext<'a>,
    each: &'a mut dyn FnMut(Step<'_>) -> Result<()>,
}

type Parse = fn(&[u8]) -> std::result::Result<Socket, sockeye_proto::diag::Malformed>;

impl Run<'_> {
    fn matches(&self, socket: &Socket) -> bool {
        self.query.filter.as_ref().is_none_or(|f| f.matches(socket, &self.context))
    }

    /// Tables that are not inet: one dump, filtered here.
    fn local(&mut self, dump: Dump) -> Result<()> {
        let parse: Parse = match dump {
            Dump::Unix => Socket::parse_unix,
            Dump::Packet => Socket::parse_packet,
            Dump::Vsock => Socket::parse_vsock,
            _ => Socket::parse_netlink,
        };
        let is_unix = matches!(dump, Dump::Unix);
        let took = self.repeat(&dump, &mut |run, payload| {
            let socket = parse(payload).map_err(malformed)?;
            // Netlink sockets in a group are listed twice on purpose. Not every kernel gives cookies.
            if is_unix && socket.cookie != 0 && !run.seen.insert(socket.cookie) {
                return Ok(());
            }
            if run.query.type_is_asked(&socket) && run.matches(&socket) {
                (run.each)(Step::Socket(&socket))?;
            }
            Ok(())
        })?;
        if !took {
            self.read_proc(&match dump {
                Dump::Unix => procfs::UNIX,
                Dump::Packet => procfs::PACKET,
                Dump::Netlink => procfs::NETLINK,
                _ => return Ok(()),
            })?;
        }
        Ok(())
    }

    fn inet(&mut self, protocol: Protocol) -> Result<()> {
        let bytecode = self.query.filter.as_ref().map(bytecode::compile).unwrap_or_default();
        let families = self.query.families;
        let both = families.contains(Family::Inet) && families.contains(Family::Inet6);
        let v4_is_done = both && protocol == Protocol::Tcp && few_are_v6() && self.tcp(&bytecode)?;
        if v4_is_done && !self.v6.overflown {
            return self.held();
        }
        for (family, ip) in [(Family::Inet, IpFamily::V4), (Family::Inet6, IpFamily::V6)] {
            if !families.contains(family) || (v4_is_done && family == Family::Inet) {
                continue;
            }
            let dump = Dump::Inet { protocol, family: ip, bytecode: bytecode.clone() };
            let mut took = self.repeat(&dump, &mut |run, payload| run.inet_row(protocol, payload))?;
            // A kernel may lack an operation, or refuse it to this user (marks): then all is filtered here.
            if !took && !bytecode.is_empty() {
                if std::mem::take(&mut self.marks_hidden) && family == Family::Inet {
                    (self.each)(Step::MarksHidden)?;
                }
                let dump = Dump::Inet { protocol, family: ip, bytecode: Vec::new() };
                took = self.repeat(&dump, &mut |run, payload| run.inet_row(protocol, payload))?;
            }
            if !took && let Some(files) = procfs::inet(protocol, ip) {
                self.read_proc(&files)?;
            }
        }
        Ok(())
    }

    /// Gives the IPv4 sockets of TCP and holds those of IPv6: to walk the kernel's table twice is a tenth of the
    /// time. `false`: the kernel does not answer that.
    fn tcp(&mut self, bytecode: &[u8]) -> Result<bool> {
        let dump = Dump::Tcp { bytecode: bytecode.to_vec() };
        self.repeat(&dump, &mut |run, payload| match payload.first() {
            Some(family) if u16::from(*family) == AddressFamily::INET6.as_raw() => {
                run.v6.push(payload);
                Ok(())
            }
            _ => run.inet_row(Protocol::Tcp, payload),
        })
    }

    /// Gives what is held.
    fn held(&mut self) -> Result<()> {
        let Held { bytes, ends, .. } = std::mem::take(&mut self.v6);
        (self.each)(Step::Begin)?;
        let mut start = 0;
        for end in ends {
            self.inet_row(Protocol::Tcp, &bytes[start..end])?;
            start = end;
        }
        Ok(())
    }

    fn inet_row(&mut self, protocol: Protocol, payload: &[u8]) -> Result<()> {
        let socket = Socket::parse_inet(protocol as u16, payload).map_err(malformed)?;
        if !self.matches(&socket) {
            return Ok(());
        }
        if self.query.kill && !self.kill(protocol, &socket, payload)? {
            return Ok(());
        }
        (self.each)(Step::Socket(&socket))
    }

    fn kill(&mut self, protocol: Protocol, socket: &Socket, payload: &[u8]) -> Result<bool> {
        let Some((family, identity)) = identity(payload) else { return Ok(false) };
        let killer = match &mut self.killer {
            Some(killer) => killer,
            none => none.insert(Diag::open().map_err(|e| Error::new("open", "a netlink socket", e))?),
        };
        let raw = socket.details.as_ref().and_then(|d| d.protocol).filter(|_| protocol == Protocol::Raw);
        killer.destroy(protocol, raw, family, &identity)
    }

    /// Dumps until the dump is whole. `false`: the kernel does not have this table.
    fn repeat(&mut self, dump: &Dump, row: &mut dyn FnMut(&mut Self, &[u8]) -> Result<()>) -> Result<bool> {
        let Some(mut diag) = self.diag.take() else { return Ok(false) };
        (self.each)(Step::Begin)?;
        let (states, want) = (self.query.states, self.query.want);
        let mut outcome = None;
        for _ in 0..REPEATS {
            self.v6 = Held::default();
            self.seen.clear();
            match diag.dump(dump, states, want, |m| row(self, m.payload)) {
                Ok(()) => outcome = Some(Ok(true)),
                Err(Broken::Refused(errno)) => {
                    self.marks_hidden = errno == rustix::io::Errno::PERM;
                    outcome = Some(Ok(false));
                }
                Err(Broken::Failed(error)) => outcome = Some(Err(error)),
                Err(Broken::Interrupted) => {
                    (self.each)(Step::Again)?;
                    continue;
                }
            }
            break;
        }
        if matches!(outcome, Some(Ok(false))) {
            (self.each)(Step::Again)?;
            // The answer may have begun: what is left of it must not meet the next request.
            self.diag = Diag::open().ok();
        } else {
            self.diag = Some(diag);
        }
        outcome.unwrap_or_else(|| {
            let reason = "the table changed during each of several attempts".to_owned();
            Err(Error::new("list", "sockets", Reason::Protocol(reason))
                .hint("try again, or narrow the filter"))
        })
    }

    fn read_proc(&mut self, table: &procfs::Table) -> Result<()> {
        (self.each)(Step::Begin)?;
        for socket in table.read() {
            if self.query.states.contains(socket.state)
                && self.query.type_is_asked(&socket)
                && self.matches(&socket)
            {
                (self.each)(Step::Socket(&socket))?;
            }
        }
        Ok(())
    }
}
