//! Beyond ss: sockets as JSON, as chosen columns, as counts of groups.

use std::{
    cmp::Ordering,
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::{Map, Value};
use sockeye::diag::{Endpoint, Machine, Processes, Socket};

use super::Out;
use crate::args::Field;

/// A socket as an object: everything that is known, processes only where they were asked for.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    socket: &'a Socket,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<sockeye::diag::Holder<'a>>>,
}

/// One line of JSON for a socket.
pub(crate) fn json_row(
    out: &mut impl Write,
    socket: &Socket,
    machine: &Machine,
    processes: Option<&Processes>,
) -> io::Result<()> {
    let inet = |end: &Endpoint| match end {
        Endpoint::Inet(ip, port) => (Some(ip.to_string()), Some(i64::from(*port))),
        _ => (None, None),
    };
    let (local_address, local_port) = inet(&socket.local);
    let (peer_address, peer_port) = inet(&socket.peer);
    let row = Row {
        socket,
        local_address,
        local_port,
        peer_address,
        peer_port,
        interface_name: (socket.interface != 0).then(|| machine.interface_name(socket.interface)),
        cgroup_path: if socket.cgroup == 0 { None } else { machine.cgroup_path(socket.cgroup) },
        processes: processes.map(|p| p.holders(socket.inode).collect()),
    };
    serde_json::to_writer(out, &row).map_err(io::Error::from)
}

/// The value of a field, `Null` where the socket has none.
fn value(socket: &Socket, field: Field, machine: &Machine, processes: &Processes) -> Value {
    let info = socket.info();
    let number = |n: Option<u32>| n.map_or(Value::Null, Value::from);
    let milliseconds = |n: Option<u32>| n.map_or(Value::Null, |n| Value::from(f64::from(n) / 1000.0));
    let address = |end: &Endpoint| match end {
        Endpoint::Inet(ip, _) => Value::from(ip.to_string()),
        other => Value::from(other.to_string()),
    };
    let port = |end: &Endpoint| match end {
        Endpoint::Inet(_, port) => Value::from(*port),
        _ => Value::Null,
    };
    match field {
        Field::Netid => socket.netid.name().into(),
        Field::State => socket.state.name().into(),
        Field::Recvq => socket.recv_q.into(),
        Field::Sendq => socket.send_q.into(),
        Field::Local => socket.local.to_string().into(),
        Field::Peer => socket.peer.to_string().into(),
        Field::Src => address(&socket.local),
        Field::Sport => port(&socket.local),
        Field::Dst => address(&socket.peer),
        Field::Dport => port(&socket.peer),
        Field::Pid => processes.holders(socket.inode).next().map_or(Value::Null, |h| h.pid.into()),
        Field::Comm => processes.holders(socket.inode).next().map_or(Value::Null, |h| h.comm.into()),
        Field::Uid => socket.uid.into(),
        Field::Inode => socket.inode.into(),
        Field::Cookie => socket.cookie.into(),
        Field::Interface if socket.interface == 0 => Value::Null,
        Field::Interface => machine.interface_name(socket.interface).into(),
        Field::Mark => socket.mark.into(),
        Field::Cgroup => machine.cgroup_path(socket.cgroup).map_or(Value::Null, Value::from),
        Field::Timer => milliseconds(socket.timer.map(|t| t.milliseconds)),
        Field::Rtt => milliseconds(info.map(|i| i.rtt)),
        Field::Rttvar => milliseconds(info.map(|i| i.rttvar)),
        Field::Minrtt => milliseconds(info.map(|i| i.min_rtt).filter(|n| *n != u32::MAX)),
        Field::Rto => milliseconds(info.map(|i| i.rto)),
        Field::Cwnd => number(info.map(|i| i.snd_cwnd)),
        Field::Mss => number(info.map(|i| i.snd_mss)),
        Field::Retrans => number(info.map(|i| i.total_retrans)),
        Field::Lost => number(info.map(|i| i.lost)),
        Field::Unacked => number(info.map(|i| i.unacked)),
        Field::Notsent => number(info.map(|i| i.notsent_bytes)),
        Field::Sent => info.map_or(Value::Null, |i| i.bytes_sent.into()),
        Field::Received => info.map_or(Value::Null, |i| i.bytes_received.into()),
        Field::Rate => info.map_or(Value::Null, |i| i.delivery_rate.into()),
        Field::Congestion => {
            let name = socket.details.as_ref().and_then(|d| d.congestion);
            name.map_or(Value::Null, |n| n.as_str().into())
        }
    }
}

/// A value for people.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(char::is_control, "?"),
        Value::Number(n) if n.is_f64() => {
            let mut text = Vec::new();
            super::ss_tcp::general(&mut text, n.as_f64().unwrap_or(0.0), 6);
            String::from_utf8_lossy(&text).into_owned()
        }
        other => other.to_string(),
    }
}

/// Highest numbers first, text from A, what is not there last.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (a, b) => {
            let number = |v: &Value| v.as_f64().unwrap_or(0.0);
            number(b).total_cmp(&number(a))
        }
    }
}

/// Sockets kept back to be ordered or shown in chosen columns.
#[derive(Debug)]
pub(crate) struct Picked<'a> {
    machine: &'a Machine,
    processes: &'a Processes,
    sort: Option<Field>,
    sockets: Vec<(Value, Socket)>,
    certain: usize,
}

impl<'a> Picked<'a> {
    pub(crate) fn new(sort: Option<Field>, machine: &'a Machine, processes: &'a Processes) -> Self {
        Self { machine, processes, sort, sockets: Vec::new(), certain: 0 }
    }

    pub(crate) fn push(&mut self, socket: &Socket) {
        let key = self.sort.map_or(Value::Null, |f| value(socket, f, self.machine, self.processes));
        self.sockets.push((key, socket.clone()));
    }

    pub(crate) fn begin(&mut self) {
        self.certain = self.sockets.len();
    }

    pub(crate) fn again(&mut self) {
        self.sockets.truncate(self.certain);
    }

    /// The sockets in order.
    pub(crate) fn ordered(mut self) -> impl Iterator<Item = Socket> {
        self.sockets.sort_by(|(a, _), (b, _)| compare(a, b));
        self.sockets.into_iter().map(|(_, socket)| socket)
    }

    /// The values of `fields`, row by row in order.
    pub(crate) fn table(self, fields: &[Field]) -> Vec<Vec<Value>> {
        let (machine, processes) = (self.machine, self.processes);
        self.ordered().map(|s| fields.iter().map(|f| value(&s, *f, machine, processes)).collect()).collect()
    }
}

/// Counts of groups.
#[derive(Debug)]
pub(crate) struct Counts<'a> {
    fields: &'a [Field],
    machine: &'a Machine,
    processes: &'a Processes,
    groups: HashMap<String, (u64, Vec<Value>)>,
    /// The groups of the dump that may be repeated.
    pending: Vec<String>,
}

impl<'a> Counts<'a> {
    pub(crate) fn new(fields: &'a [Field], machine: &'a Machine, processes: &'a Processes) -> Self {
        Self { fields, machine, processes, groups: HashMap::new(), pending: Vec::new() }
    }

    pub(crate) fn push(&mut self, socket: &Socket) {
        let values: Vec<Value> =
            self.fields.iter().map(|f| value(socket, *f, self.machine, self.processes)).collect();
        let key = values.iter().map(text_of).collect::<Vec<_>>().join("\n");
        self.groups.entry(key.clone()).or_insert((0, values)).0 += 1;
        self.pending.push(key);
    }

    pub(crate) fn begin(&mut self) {
        self.pending.clear();
    }

    pub(crate) fn again(&mut self) {
        for key in self.pending.drain(..) {
            if let Some((count, _)) = self.groups.get_mut(&key) {
                *count -= 1;
            }
        }
    }

    /// Rows of count and values, the highest count first.
    pub(crate) fn table(self) -> Vec<Vec<Value>> {
        let mut groups: Vec<_> = self.groups.into_iter().filter(|(_, (count, _))| *count > 0).collect();
        groups.sort_by(|(a, (x, _)), (b, (y, _))| y.cmp(x).then_with(|| a.cmp(b)));
        groups.into_iter().map(|(_, (n, v))| std::iter::once(n.into()).chain(v).collect()).collect()
    }
}

/// Prints rows under headings: as columns, or as an array of objects.
pub(crate) fn print_table(
    headings: &[String],
    rows: &[Vec<Value>],
    json: bool,
    header: bool,
) -> io::Result<()> {
    let mut out = Out::stdout();
    if json {
        let object = |row: &Vec<Value>| -> Map<String, Value> {
            headings.iter().cloned().zip(row.iter().cloned()).collect()
        };
        out.write_all(b"[")?;
        for (i, row) in rows.iter().enumerate() {
            out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut out, &object(row)).map_err(io::Error::from)?;
        }
        out.write_all(b"\n]\n")?;
        return out.flush();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(text_of).collect()).collect();
    let titles: Vec<String> = headings.iter().map(|h| h.to_uppercase()).collect();
    let width = |c: usize| {
        let titles = if header { titles[c].chars().count() } else { 0 };
        cells.iter().map(|row| row[c].chars().count()).max().unwrap_or(0).max(titles)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    for row in header.then_some(&titles).into_iter().chain(&cells) {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let last = i + 1 == row.len();
            let width = if last { 0 } else { widths[i] };
            line.push_str(if i == 0 { "" } else { "  " });
            line.push_str(&format!("{cell:<width$}"));
        }
        writeln!(out, "{line}")?;
    }
    out.flush()
}
