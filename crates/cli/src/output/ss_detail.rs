//! What rows show of sockets beyond TCP's measurements: owners, marks, options, and the details of unix,
//! packet and netlink sockets.

use std::fmt::Write as _;

use sockeye::{
    diag::{Endpoint, Kind, Machine, Socket},
    proto::diag::detail::Packet,
};

use super::{
    ss::{Show, number_of, pair},
    ss_tcp,
    ss_text::{Key, Text},
};

/// Raw sockets from `/proc/net` come without details, and ss shows none.
pub(super) fn from_proc(s: &Socket) -> bool {
    s.netid == Kind::Raw && s.details.is_none()
}

/// -e, --tos, --cgroup and --inet-sockopt of inet sockets.
pub(super) fn inet(text: &mut Text, s: &Socket, show: Show, machine: &Machine) {
    if show.extended {
        common(text, s, machine);
        if let Some(only) = s.v6only {
            pair(text, "v6only:", u64::from(only));
        }
        if let Some(shutdown) = s.shutdown {
            text.push(b' ');
            text.extend_from_slice(shutdown.arrow().as_bytes());
        }
    }
    if show.tos
        && let Some(d) = &s.details
    {
        let numbers =
            [("tos", d.tos.map(u32::from)), ("tclass", d.tclass.map(u32::from)), ("class_id", d.class_id)];
        for (name, n) in numbers {
            match n {
                // As C's %#x, which leaves the prefix of zero out.
                Some(0) => drop(write!(text, " {name}:0")),
                Some(n) => drop(write!(text, " {name}:{n:#x}")),
                None => {}
            }
        }
    }
    if show.cgroup && s.cgroup != 0 {
        cgroup(text, s.cgroup, machine);
    }
    if show.sockopt
        && let Some(bits) = s.options
    {
        sockopt(text, bits, show.oneline);
    }
}

/// What -e shows of any socket with a user and a cookie.
fn common(text: &mut Text, s: &Socket, machine: &Machine) {
    if s.uid != 0 {
        pair(text, "uid:", u64::from(s.uid));
    }
    // These two are each socket's own.
    text.key(Key::Inode);
    number_of(text, s.inode.into());
    text.key(Key::Cookie);
    let _ = write!(text, "{:x}", s.cookie);
    if s.mark != 0 {
        let _ = write!(text, " fwmark:{:#x}", s.mark);
    }
    if s.cgroup != 0 {
        cgroup(text, s.cgroup, machine);
    }
}

fn cgroup(text: &mut Text, id: u64, machine: &Machine) {
    text.value(Key::Cgroup, id, |text| {
        let _ = match machine.cgroup_path(id) {
            Some(path) => text.write_str(path),
            None => write!(text, "unreachable:{id:x}"),
        };
    });
}

fn sockopt(text: &mut Text, bits: u16, oneline: bool) {
    const NAMES: [&str; 11] = [
        "recverr",
        "is_icsk",
        "freebind",
        "hdrincl",
        "mc_loop",
        "transparent",
        "mc_all",
        "nodefrag",
        "bind_addr_no_port",
        "recverr_rfc4884",
        "defer_connect",
    ];
    text.extend_from_slice(if oneline { b" inet-sockopt: (" } else { b"\n\tinet-sockopt: (" });
    for (_, name) in NAMES.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0) {
        text.push(b' ');
        text.extend_from_slice(name.as_bytes());
    }
    text.push(b')');
}

/// An end of a packet, netlink or vsock socket as address (with its delimiter) and port.
pub(super) fn other_end(
    end: &Endpoint,
    local: bool,
    s: &Socket,
    numeric: bool,
    machine: &Machine,
) -> (String, String) {
    let none = || ("*".to_owned(), String::new());
    match end {
        Endpoint::Packet(protocol, interface) => {
            let address = match (protocol, machine.ether_name(*protocol)) {
                (3, _) => "*".to_owned(),
                (_, Some(name)) if !numeric => name.to_owned(),
                (n, _) => format!("[{n}]"),
            };
            let port = match interface {
                0 => "*".to_owned(),
                index => machine.interface_name(*index),
            };
            (format!("{address}:"), port)
        }
        Endpoint::Netlink(group, port) if !local => match &s.details {
            Some(d) if d.netlink_connected => (format!("{group}:"), port.to_string()),
            _ => none(),
        },
        Endpoint::Netlink(protocol, port) => {
            let address = match machine.netlink_name(*protocol) {
                Some(name) if !numeric => name.to_owned(),
                _ => protocol.to_string(),
            };
            (format!("{address}:"), netlink_port(*port, numeric))
        }
        Endpoint::Vsock(cid, port) => {
            let number = |n: u32| if n == u32::MAX { "*".to_owned() } else { n.to_string() };
            (format!("{}:", number(*cid)), number(*port))
        }
        _ => none(),
    }
}

fn netlink_port(port: i32, numeric: bool) -> String {
    match port {
        -1 => "*".to_owned(),
        0 if !numeric => "kernel".to_owned(),
        pid if pid > 0 && !numeric => match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
            Ok(comm) => format!("{}/{pid}", comm.trim_end_matches('\n').replace(char::is_control, "?")),
            Err(_) => pid.to_string(),
        },
        port => port.to_string(),
    }
}

/// -e, -m and -b of sockets that are not inet.
pub(super) fn local(text: &mut Text, s: &Socket, show: Show) {
    match s.netid {
        Kind::UnixStream | Kind::UnixDatagram | Kind::UnixSeqpacket => {
            if show.memory {
                ss_tcp::memory(text, s);
            }
            if show.extended {
                unix(text, s);
            }
        }
        Kind::PacketRaw | Kind::PacketDatagram => {
            if show.extended {
                common(text, s, &Machine::default());
            }
            if let Some(packet) = s.details.as_ref().and_then(|d| d.packet.as_ref()) {
                packet_details(text, packet, show);
            }
            if show.memory {
                ss_tcp::memory(text, s);
            }
        }
        Kind::Netlink => {
            if show.extended {
                let groups = s.details.as_ref().and_then(|d| d.groups).unwrap_or(0);
                // The kernel's addresses are 0 in what netlink says of itself.
                let _ = write!(text, " sk=0 cb=0 groups=0x{:08x}", groups as u32);
            }
            if show.memory {
                text.push(b'\t');
                ss_tcp::memory(text, s);
            }
        }
        _ => {}
    }
}

fn unix(text: &mut Text, s: &Socket) {
    if let Some(shutdown) = s.shutdown {
        text.push(b' ');
        text.extend_from_slice(shutdown.arrow().as_bytes());
    }
    let Some(details) = &s.details else { return };
    if let Some((inode, device)) = details.file {
        // The kernel's own encoding: 12 bits of major number over 20 of minor, read as the C library's.
        let device = u64::from(device);
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let _ = write!(text, " ino:{inode} dev:{major}/{minor}");
    }
    if let Some(waiting) = &details.waiting {
        text.extend_from_slice(b" peers:");
        for inode in waiting {
            pair(text, "", u64::from(*inode));
        }
    }
}

fn packet_details(text: &mut Text, p: &Packet, show: Show) {
    let line = if show.oneline { " " } else { "\n\t" };
    let out = text;
    if show.extended {
        let _ = write!(out, "{line}ver:{} cpy_thresh:{} flags( ", p.version, p.copy_threshold);
        for (bit, name) in [(1, "running"), (2, " auxdata"), (4, " origdev"), (8, " vnethdr"), (16, " loss")]
        {
            if p.flags & bit != 0 {
                let _ = out.write_str(name);
            }
        }
        let _ = out.write_str(if p.flags == 0 { "0 )" } else { " )" });
        for (name, ring) in [("ring_rx", p.receive_ring), ("ring_tx", p.send_ring)] {
            if let Some([block, blocks, frame, frames, timeout, features]) = ring {
                let _ = write!(
                    out,
                    "{line}{name}(blk_size:{block},blk_nr:{blocks},frm_size:{frame},frm_nr:{frames},\
                     tmo:{timeout},features:{features:#x})"
                );
            }
        }
        if let Some(fanout) = p.fanout {
            let mode = fanout >> 16;
            let names = ["hash", "lb", "cpu", "roll", "random", "qm"];
            let name = names.get(mode as usize).map_or_else(|| format!("{mode:#x}"), |n| (*n).to_owned());
            let _ = write!(out, "{line}fanout(id:{},type:{name})", fanout & 0xffff);
        }
    }
    if show.bpf
        && let Some(filter) = &p.filter
    {
        let _ = write!(out, "{line}bpf filter ({}): ", filter.len());
        for (code, yes, no, value) in filter {
            let _ = write!(out, " 0x{code:02x} {yes} {no} {value},");
        }
    }
}
