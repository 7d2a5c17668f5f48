//! The columns of netstat.

mod counters;

pub(crate) use counters::statistics;

use std::{
    io::{self, Write},
    net::IpAddr,
};

use sockeye::{
    diag::{Endpoint, Kind, Machine, Processes, Socket, State, UnixLine},
    proto::diag::TimerKind,
};

use super::Out;

/// How rows are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show {
    pub(crate) numeric: bool,
    pub(crate) programs: bool,
    pub(crate) wide: bool,
    pub(crate) extend: bool,
    pub(crate) timers: bool,
}

/// How wide an address and its port are.
const ADDRESS: usize = 23;
/// How wide a process is.
const PROGRAM: usize = 20;

/// Prints a table of inet sockets.
pub(crate) fn list(
    sockets: &[Socket],
    which: &str,
    show: Show,
    machine: &Machine,
    processes: &Processes,
) -> io::Result<()> {
    let mut out = Out::stdout();
    writeln!(out, "Active Internet connections ({which})")?;
    write!(
        out,
        "Proto Recv-Q Send-Q {:ADDRESS$} {:ADDRESS$} {:11}",
        "Local Address", "Foreign Address", "State"
    )?;
    if show.extend {
        write!(out, " {:10} {:10}", "User", "Inode")?;
    }
    if show.programs {
        write!(out, " {:PROGRAM$}", "PID/Program name")?;
    }
    writeln!(out, "{}", if show.timers { " Timer" } else { "" })?;
    for socket in sockets {
        let (Endpoint::Inet(ip, _), Endpoint::Inet(..)) = (&socket.local, &socket.peer) else { continue };
        let protocol = format!("{}{}", socket.netid.name(), if ip.is_ipv6() { "6" } else { "" });
        // For a listening socket netstat has 0, the limit being ss's addition.
        let send_q = if socket.state == State::Listen { 0 } else { socket.send_q };
        write!(
            out,
            "{protocol:4}  {:6} {send_q:6} {:ADDRESS$} {:ADDRESS$} {:11}",
            socket.recv_q,
            end(&socket.local, socket.netid, show, machine),
            end(&socket.peer, socket.netid, show, machine),
            state(socket),
        )?;
        if show.extend {
            let user = if show.numeric { None } else { machine.user_name(socket.uid) };
            let user = user.map_or_else(|| socket.uid.to_string(), str::to_owned);
            write!(out, " {user:10} {:<10}", socket.inode)?;
        }
        if show.programs {
            write!(out, " {:PROGRAM$}", program(socket.inode, processes))?;
        }
        if show.timers {
            write!(out, " {}", timer(socket))?;
        }
        writeln!(out)?;
    }
    out.flush()
}

fn state(socket: &Socket) -> &'static str {
    match socket.state {
        State::Established => "ESTABLISHED",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RECV",
        State::FinWait1 => "FIN_WAIT1",
        State::FinWait2 => "FIN_WAIT2",
        State::TimeWait => "TIME_WAIT",
        State::Closed | State::BoundInactive if socket.netid == Kind::Raw => "7",
        State::Closed | State::BoundInactive => "",
        State::CloseWait => "CLOSE_WAIT",
        State::LastAck => "LAST_ACK",
        State::Listen => "LISTEN",
        State::Closing => "CLOSING",
    }
}

/// `127.0.0.1:22`, `::1:22`, `0.0.0.0:*`; a host that is too wide is cut before its port.
fn end(end: &Endpoint, kind: Kind, show: Show, machine: &Machine) -> String {
    let Endpoint::Inet(ip, port) = end else { return String::new() };
    let service = match kind {
        _ if *port == 0 => Some("*"),
        _ if show.numeric || kind == Kind::Raw => None,
        kind => machine.service_at(*port, kind == Kind::Tcp),
    };
    let port = service.map_or_else(|| port.to_string(), str::to_owned);
    let mut host = match machine_name(*ip, show, machine) {
        Some(name) => name,
        None if ip.is_ipv6() && ip.is_unspecified() && !show.numeric => "[::]".to_owned(),
        // IPv4 over an IPv6 socket is shown as IPv4.
        None => ip.to_canonical().to_string(),
    };
    if !show.wide {
        let room = ADDRESS.saturating_sub(port.len() + 1);
        host = host.chars().take(room).collect();
    }
    format!("{host}:{port}")
}

fn machine_name(ip: IpAddr, show: Show, machine: &Machine) -> Option<String> {
    if show.numeric || ip.is_unspecified() || ip != ip.to_canonical() { None } else { machine.host_name(ip) }
}

/// `123/name`, cut to the column; `-` where no process is known.
fn program(inode: u32, processes: &Processes) -> String {
    match processes.holders(inode).last() {
        Some(holder) => format!("{}/{}", holder.pid, holder.comm).chars().take(PROGRAM - 1).collect(),
        None => "-".to_owned(),
    }
}

/// `keepalive (5771.33/0/0)`: seconds left, retransmissions, probes.
fn timer(socket: &Socket) -> String {
    let Some(timer) = socket.timer else { return "off (0.00/0/0)".to_owned() };
    let (retransmits, probes) = match timer.kind {
        TimerKind::On => (timer.retransmits, 0),
        _ => (0, timer.retransmits),
    };
    let name = if timer.kind == TimerKind::Persist { "probe" } else { timer.kind.name() };
    format!("{name} ({:.2}/{retransmits}/{probes})", f64::from(timer.milliseconds) / 1000.0)
}

/// Prints a table of unix sockets.
pub(crate) fn unix(sockets: &[UnixLine], which: &str, show: Show, processes: &Processes) -> io::Result<()> {
    let mut out = Out::stdout();
    writeln!(out, "Active UNIX domain sockets ({which})")?;
    let programs = if show.programs { format!("{:PROGRAM$} ", "PID/Program name") } else { String::new() };
    writeln!(out, "Proto RefCnt Flags       Type       State         I-Node   {programs}Path")?;
    for socket in sockets {
        let flags = if socket.listens() { "[ ACC ]" } else { "[ ]" };
        let kind = match socket.kind {
            1 => "STREAM",
            2 => "DGRAM",
            3 => "RAW",
            4 => "RDM",
            5 => "SEQPACKET",
            _ => "UNKNOWN",
        };
        let state = match socket.state {
            0 => "FREE",
            1 if socket.listens() => "LISTENING",
            1 => "",
            2 => "CONNECTING",
            3 => "CONNECTED",
            4 => "DISCONNECTING",
            _ => "UNKNOWN",
        };
        let (references, inode) = (socket.references, socket.inode);
        write!(out, "unix  {references:<6} {flags:11} {kind:10} {state:13} {inode:<8} ")?;
        if show.programs {
            write!(out, "{:PROGRAM$} ", program(inode, processes))?;
        }
        writeln!(out, "{}", socket.path.as_deref().unwrap_or("").replace(char::is_control, "?"))?;
    }
    out.flush()
}
