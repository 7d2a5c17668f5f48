//! The columns of netstat.

use std::{
    io::{self, Write},
    net::IpAddr,
};

use sockeye::diag::{Counters, Endpoint, Kind, Machine, Processes, Socket, State};

use super::Out;

/// How rows are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show {
    pub(crate) numeric: bool,
    pub(crate) programs: bool,
    pub(crate) wide: bool,
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
    writeln!(
        out,
        "{}",
        if show.programs { format!(" {:PROGRAM$}", "PID/Program name") } else { String::new() }
    )?;
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
        if show.programs {
            write!(out, " {:PROGRAM$}", program(socket, processes))?;
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
fn program(socket: &Socket, processes: &Processes) -> String {
    match processes.holders(socket.inode).last() {
        Some(holder) => format!("{}/{}", holder.pid, holder.comm).chars().take(PROGRAM - 1).collect(),
        None => "-".to_owned(),
    }
}

/// Prints what the protocols have counted, by the kernel's names; what is 0 is left out.
pub(crate) fn statistics(all: &[Counters]) -> io::Result<()> {
    let mut out = Out::stdout();
    for (protocol, counters) in all {
        writeln!(out, "{protocol}:")?;
        for (name, n) in counters.iter().filter(|(_, n)| *n != 0) {
            writeln!(out, "    {name}: {n}")?;
        }
    }
    out.flush()
}
