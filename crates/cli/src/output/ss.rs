//! Rows as ss prints them.

use std::{
    fmt::Write as _,
    io::{self, Write},
    net::IpAddr,
};

use sockeye::{
    diag::{Endpoint, Kind, Machine, Processes, Socket, Summary},
    proto::diag::write_ip,
};

use super::{
    Failure, Out,
    ss_columns::{Column, Columns, Mark},
    ss_detail, ss_tcp,
    ss_text::{Key, Text},
};

pub(crate) use super::ss_fields::{Counts, Picked, json_row, print_table};

/// What a row shows beyond its columns.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of ss")]
pub(crate) struct Show {
    pub(crate) numeric: bool,
    pub(crate) resolve: bool,
    pub(crate) options: bool,
    pub(crate) extended: bool,
    pub(crate) memory: bool,
    pub(crate) processes: bool,
    pub(crate) threads: bool,
    pub(crate) info: bool,
    pub(crate) tos: bool,
    pub(crate) cgroup: bool,
    pub(crate) bpf: bool,
    pub(crate) sockopt: bool,
    pub(crate) oneline: bool,
}

/// A table of rows on the standard output.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    columns: Columns<Out>,
    show: Show,
    machine: &'a Machine,
    processes: &'a Processes,
    mark: Option<Mark>,
}

impl<'a> Rows<'a> {
    /// A table without these columns: `(netid, state, queues)`.
    pub(crate) fn new(
        show: Show,
        hidden: (bool, bool, bool),
        machine: &'a Machine,
        processes: &'a Processes,
    ) -> Self {
        let out = Out::stdout();
        let terminal = out.width();
        let mut columns = Vec::new();
        columns.extend(hidden.0.then_some(Column::Netid));
        columns.extend(hidden.1.then_some(Column::State));
        if hidden.2 {
            columns.extend([Column::RecvQ, Column::SendQ]);
        }
        Self { columns: Columns::new(out, terminal, &columns), show, machine, processes, mark: None }
    }

    pub(crate) fn header(&mut self) {
        self.columns.header();
    }

    /// Rows so far stay.
    pub(crate) fn begin(&mut self) {
        self.mark = Some(self.columns.mark());
    }

    /// Takes the rows since [`Rows::begin`] back; `false` if some have been printed.
    pub(crate) fn again(&mut self) -> bool {
        self.mark.as_ref().is_none_or(|mark| self.columns.rewind(mark))
    }

    /// Prints what is left.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.columns.render()?)
    }

    /// Adds a socket.
    pub(crate) fn row(&mut self, s: &Socket) -> io::Result<()> {
        self.columns.go(Column::Netid)?;
        self.columns.text().extend_from_slice(s.netid.name().as_bytes());
        self.columns.put(Column::State, s.state as u64, |text| {
            text.extend_from_slice(s.state.name().as_bytes());
        })?;
        for (column, queue) in [(Column::RecvQ, s.recv_q), (Column::SendQ, s.send_q)] {
            self.columns.put(column, queue.into(), |text| {
                let start = text.len();
                number(text, queue.cast_signed());
                let width = text.len().max(start + 6);
                text.resize(width, b' ');
            })?;
        }
        self.end(s, &s.local, Column::Address, Column::Port)?;
        self.end(s, &s.peer, Column::PeerAddress, Column::PeerPort)?;
        self.columns.go(Column::Process)?;
        self.trailers(s);
        Ok(())
    }

    fn end(&mut self, s: &Socket, end: &Endpoint, address: Column, port: Column) -> io::Result<()> {
        let (machine, show) = (self.machine, self.show);
        let local = port == Column::Port;
        match end {
            Endpoint::Inet(ip, number) => {
                let interface = if local { s.interface } else { 0 };
                let write = |text: &mut Text| {
                    host(text, *ip, s.v6only == Some(true), show.resolve, machine);
                    if interface != 0 {
                        let _ = write!(text, "%{}", machine.interface_name(interface));
                    }
                    text.push(b':');
                };
                match ip {
                    IpAddr::V4(ip) => {
                        let raw = u64::from(interface) << 32 | u64::from(ip.to_bits());
                        self.columns.put(address, raw, write)?;
                    }
                    IpAddr::V6(_) => {
                        self.columns.go(address)?;
                        write(self.columns.text());
                    }
                }
                let names = Names::of(s.netid);
                self.columns.put(port, u64::from(*number) << 8 | names as u64, |text| {
                    service(text, *number, names, show.numeric, machine);
                })?;
            }
            Endpoint::Unix(name, inode) => {
                self.columns.go(address)?;
                let text = self.columns.text();
                match name {
                    Some(name) => unix_name(text, name),
                    None => text.push(b'*'),
                }
                text.push(b' ');
                self.columns.go(port)?;
                number_of(self.columns.text(), u64::from(*inode));
            }
            _ => {
                let (host, at) = ss_detail::other_end(end, local, s, show.numeric, machine);
                self.columns.go(address)?;
                self.columns.text().extend_from_slice(host.as_bytes());
                self.columns.go(port)?;
                self.columns.text().extend_from_slice(at.as_bytes());
            }
        }
        Ok(())
    }

    fn trailers(&mut self, s: &Socket) {
        let (machine, show) = (self.machine, self.show);
        let text = self.columns.text();
        if (show.processes || show.threads) && s.netid != Kind::Netlink {
            users(text, s.inode, show.threads, self.processes);
        }
        match &s.local {
            Endpoint::Inet(..) if ss_detail::from_proc(s) => {}
            Endpoint::Inet(..) => {
                if show.options {
                    timer(text, s);
                }
                ss_detail::inet(text, s, show, machine);
                if show.memory || (show.info && s.netid != Kind::Udp) {
                    text.extend_from_slice(if show.oneline { b"" } else { b"\n\t" });
                    ss_tcp::memory(text, s);
                    ss_tcp::details(text, s, show);
                }
            }
            _ => ss_detail::local(text, s, show),
        }
    }
}

pub(super) fn number(text: &mut Vec<u8>, n: i32) {
    text.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

pub(super) fn number_of(text: &mut Vec<u8>, n: u64) {
    text.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// ` key:number`.
pub(super) fn pair(text: &mut Text, key: &str, n: u64) {
    text.push(b' ');
    text.extend_from_slice(key.as_bytes());
    number_of(text, n);
}

/// An address: `*` for IPv6's wildcard where it takes IPv4 too, brackets around IPv6.
fn host(text: &mut Text, ip: IpAddr, v6only: bool, resolve: bool, machine: &Machine) {
    if ip.is_ipv6() && ip.is_unspecified() && !v6only {
        text.push(b'*');
        return;
    }
    if resolve && let Some(name) = machine.host_name(ip) {
        text.extend_from_slice(name.as_bytes());
        return;
    }
    match ip {
        IpAddr::V4(_) => drop(write_ip(text, ip)),
        IpAddr::V6(_) => {
            text.push(b'[');
            let _ = write_ip(text, ip);
            text.push(b']');
        }
    }
}

/// By which names the ports of a kind of sockets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Names {
    Tcp,
    Udp,
    Protocols,
}

impl Names {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Raw | Kind::Icmp6 | Kind::Other(_) => Self::Protocols,
            Kind::Udp => Self::Udp,
            _ => Self::Tcp,
        }
    }
}

fn service(text: &mut Text, port: u16, names: Names, numeric: bool, machine: &Machine) {
    if port == 0 {
        text.push(b'*');
        return;
    }
    let name = match names {
        _ if numeric => None,
        Names::Protocols => match machine.ip_protocol(port) {
            None => {
                let _ = write!(text, "ipproto-{port}");
                return;
            }
            name => name,
        },
        names => machine.service_at(port, names != Names::Udp),
    };
    match name {
        Some(name) => text.extend_from_slice(name.as_bytes()),
        None => number_of(text, u64::from(port)),
    }
}

/// A path, or an abstract name with its zero bytes as `@`; control characters as `?`.
fn unix_name(text: &mut Text, name: &[u8]) {
    let is_abstract = name.first() == Some(&0);
    text.extend(name.iter().map(|b| match b {
        0 if is_abstract => b'@',
        b if b.is_ascii_control() => b'?',
        b => *b,
    }));
}

fn users(text: &mut Text, inode: u32, threads: bool, processes: &Processes) {
    let mut first = true;
    for holder in processes.holders(inode) {
        match std::mem::take(&mut first) {
            true => text.key(Key::Users),
            false => text.extend_from_slice(b",(\""),
        }
        text.extend_from_slice(holder.comm.as_bytes());
        text.pair(Key::Pid, u64::from(holder.pid));
        if threads {
            text.extend_from_slice(b",tid=");
            number_of(text, u64::from(holder.tid));
        }
        text.pair(Key::Fd, u64::from(holder.fd));
        text.push(b')');
    }
    if !first {
        text.push(b')');
    }
}

fn timer(text: &mut Text, s: &Socket) {
    let Some(timer) = s.timer else { return };
    let name = if s.netid == Kind::Sctp { "T3_RTX" } else { timer.kind.name() };
    text.key(Key::Timer);
    text.extend_from_slice(name.as_bytes());
    text.push(b',');
    milliseconds(text, timer.milliseconds);
    text.push(b',');
    number_of(text, u64::from(timer.retransmits));
    text.push(b')');
}

/// `2min30sec`, `55sec`, `3.200ms`, `040ms`: the coarser, the longer it is.
pub(super) fn milliseconds(text: &mut Text, total: u32) {
    let (minutes, mut seconds, mut rest) = (total / 60_000, total / 1000 % 60, total % 1000);
    let out = text;
    if minutes > 0 {
        rest = 0;
        let _ = write!(out, "{minutes}min");
        if minutes > 9 {
            seconds = 0;
        }
    }
    if seconds > 0 {
        if seconds > 9 {
            rest = 0;
        }
        let _ = write!(out, "{seconds}{}", if rest > 0 { "." } else { "sec" });
    }
    if rest > 0 {
        let _ = write!(out, "{rest:03}ms");
    }
}

/// The counts of `ss -s`.
pub(crate) fn summary(s: &Summary, json: bool) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if json {
        return out.json(s);
    }
    writeln!(out, "Total: {}", s.sockets)?;
    writeln!(
        out,
        "TCP:   {} (estab {}, closed {}, orphaned {}, timewait {})\n",
        s.tcp_total, s.tcp_established, s.tcp_closed, s.tcp_orphaned, s.tcp_timewait
    )?;
    writeln!(out, "Transport Total     IP        IPv6")?;
    let inet = (s.raw.0 + s.udp.0 + s.tcp.0, s.raw.1 + s.udp.1 + s.tcp.1);
    for (name, (v4, v6)) in [("RAW", s.raw), ("UDP", s.udp), ("TCP", s.tcp), ("INET", inet), ("FRAG", s.frag)]
    {
        writeln!(out, "{name}\t  {:<9} {v4:<9} {v6:<9}", v4 + v6)?;
    }
    writeln!(out)?;
    Ok(out.flush()?)
}
