//! Why an address cannot be bound: who holds it, or what is left of a connection there.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use sockeye_proto::diag::{
    Endpoint, Socket, State,
    filter::{Expr, Host, Pattern, Predicate, Side},
};

use super::{Processes, Query, Table};
use crate::Error;

/// What someone tried to bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind<'a> {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A UDP address.
    Udp(SocketAddr),
    /// A path in the file system.
    Unix(&'a Path),
    /// An abstract unix name, without its leading zero byte.
    Abstract(&'a [u8]),
}

/// Explains an `EADDRINUSE`: who holds the address (process, address, state), or how many connections rest in
/// TIME-WAIT and for how long, and what would help. A clause without a full stop, fit for
/// [`crate::Error::hint`]. `None` where nothing is found.
pub fn explain_in_use(bind: Bind<'_>) -> Option<String> {
    match bind {
        Bind::Tcp(address) => inet(Table::Tcp, address),
        Bind::Udp(address) => inet(Table::Udp, address),
        Bind::Unix(path) => {
            use std::os::unix::ffi::OsStrExt;
            unix(path.as_os_str().as_bytes(), Some(path))
        }
        Bind::Abstract(name) => unix(&[b"\0", name].concat(), None),
    }
}

/// The same error; where it is an `EADDRINUSE`, with what [`explain_in_use`] found as its advice.
#[must_use]
pub fn explained(error: Error, bind: Bind<'_>) -> Error {
    if error.errno() != Some(libc::EADDRINUSE) {
        return error;
    }
    match explain_in_use(bind) {
        Some(found) => error.hint(found),
        None => error,
    }
}

fn inet(table: Table, address: SocketAddr) -> Option<String> {
    let port = Host { address: Pattern::Any, port: Some(address.port().into()) };
    let query = Query::of(&[table]).filter(Expr::Is(Predicate::Host(Side::Local, port)));
    let all = query.sockets().ok()?;
    let rivals: Vec<Socket> = all.filter(|s| overlaps(s, address.ip())).collect();
    let first = |test: fn(&Socket) -> bool| rivals.iter().find(|s| test(s));
    if let Some(holder) = first(|s| s.state == State::Listen) {
        return Some(format!("{} already listens on {}; {}", who(holder), holder.local, listen_help(table)));
    }
    if let Some(holder) = first(|s| matches!(s.state, State::Closed | State::BoundInactive)) {
        return Some(format!("{} is bound to {}; {}", who(holder), holder.local, listen_help(table)));
    }
    let waiting: Vec<&Socket> = rivals.iter().filter(|s| s.state == State::TimeWait).collect();
    if let Some(holder) = first(|s| s.state != State::TimeWait) {
        return Some(format!(
            "{} still has a connection of {} to {} in {}; the option reuseaddr lets a server start beside it",
            who(holder),
            holder.local,
            holder.peer,
            holder.state,
        ));
    }
    let longest = waiting.iter().filter_map(|s| Some(s.timer?.milliseconds)).max()?;
    let seconds = longest.div_ceil(1000);
    let count = waiting.len();
    let connections = if count == 1 { "connection rests" } else { "connections rest" };
    Some(format!(
        "{count} {connections} in TIME-WAIT there for up to {seconds} s; the option reuseaddr binds over them"
    ))
}

fn listen_help(table: Table) -> &'static str {
    match table {
        Table::Udp => "another port, or the option reuseport on both sides",
        _ => "stop it, take another port, or use the option reuseport on both sides",
    }
}

/// Whether a socket bound to its local address keeps `wanted` from being bound at the same port.
fn overlaps(socket: &Socket, wanted: IpAddr) -> bool {
    let Endpoint::Inet(held, _) = socket.local else { return false };
    let (held, wanted) = (held.to_canonical(), wanted.to_canonical());
    match (held, wanted) {
        // The wildcard of IPv6 holds IPv4 too, unless it was asked not to.
        (IpAddr::V6(v6), IpAddr::V4(_)) => v6.is_unspecified() && socket.v6only != Some(true),
        (IpAddr::V4(_), IpAddr::V6(v6)) => v6.is_unspecified(),
        (held, wanted) => held == wanted || held.is_unspecified() || wanted.is_unspecified(),
    }
}

/// The process that holds a socket, for people.
fn who(socket: &Socket) -> String {
    let processes = Processes::walk(false);
    match processes.holders(socket.inode).next() {
        Some(holder) => format!("{} (process {})", holder.comm, holder.pid),
        None if socket.inode == 0 => "the kernel".to_owned(),
        None => format!("a process of user {}", socket.uid),
    }
}

fn unix(name: &[u8], path: Option<&Path>) -> Option<String> {
    let query = Query::of(&[Table::UnixStream, Table::UnixDatagram, Table::UnixSeqpacket]);
    let bound = |s: &Socket| matches!(&s.local, Endpoint::Unix(Some(held), _) if is_same(held, name, path));
    let mut all = query.sockets().ok()?.filter(bound);
    // Connections carry the name of the socket that accepted them.
    let holder = all.clone().find(|s| s.state == State::Listen).or_else(|| all.next());
    match (holder, path) {
        (Some(holder), _) if holder.state == State::Listen => {
            Some(format!("{} already listens there", who(&holder)))
        }
        (Some(holder), _) => Some(format!("{} is bound to it", who(&holder))),
        (None, Some(path)) => {
            use std::os::unix::fs::FileTypeExt;
            let kind = std::fs::symlink_metadata(path).ok()?.file_type();
            let text = match std::os::unix::net::UnixStream::connect(path) {
                _ if !kind.is_socket() => "a file that is no socket is there; take another path",
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
                    "nobody holds it: it was left behind; the option unlink-early removes it first"
                }
                _ => "a process that cannot be seen from here holds it; take another path",
            };
            Some(text.to_owned())
        }
        (None, None) => None,
    }
}

/// Whether `held` is the name that was wanted. The kernel knows a path as it was bound, so a relative one
/// counts where the wanted path ends with it.
fn is_same(held: &[u8], wanted: &[u8], path: Option<&Path>) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let relative = Path::new(std::ffi::OsStr::from_bytes(held));
    let ends = |path: &Path| relative.is_relative() && held.first() != Some(&0) && path.ends_with(relative);
    held == wanted || path.is_some_and(ends)
}
