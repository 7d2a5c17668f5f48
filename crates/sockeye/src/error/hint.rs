//! What to do next about the errors that people meet with sockets: the one place that knows.

use std::net::{SocketAddr, SocketAddrV4};

/// Advice for `errno`, met while trying `attempt` on `target`; a clause without a full stop.
pub(super) fn of(errno: i32, attempt: &str, target: &str) -> Option<&'static str> {
    let binds = ["bind", "listen"].iter().any(|verb| attempt.starts_with(verb));
    let connects = ["connect", "send"].iter().any(|verb| attempt.starts_with(verb));
    let opens = attempt.starts_with("open") || attempt.starts_with("create");
    let place = match Place::of(target) {
        // A relative path looks like a host; it is one where something has that name.
        _ if (binds || connects || opens) && std::fs::symlink_metadata(target).is_ok() => Place::Path,
        place => place,
    };
    let advice = match errno {
        libc::EADDRINUSE if place == Place::Path => {
            "something is at that path already: where no server uses it any more, remove it or listen with unlink-early"
        }
        libc::EADDRINUSE => {
            "another socket has that port: `sockeye ss -tulpn` shows whose; reuseaddr passes over TIME-WAIT, port 0 takes a free one"
        }
        libc::EADDRNOTAVAIL => {
            "this machine has no such address, or every local port is taken: `ip address` lists the addresses"
        }
        libc::EACCES | libc::EPERM => return not_permitted(errno, attempt, place),
        libc::ENOENT if attempt.starts_with("set TCP_CONGESTION") => {
            "net.ipv4.tcp_available_congestion_control lists those that the kernel has loaded"
        }
        libc::ECONNREFUSED if place == Place::Path && is_no_socket(target) => {
            "what is at that path is no socket: check the path, or use open: for a file"
        }
        libc::ECONNREFUSED if place == Place::Path => "no server listens at that path any more: start it",
        libc::ECONNREFUSED => "nothing listens there: start the server, or check the host and the port",
        libc::ENOENT if connects => "there is no such path: start the server, or check the path",
        libc::ENOENT if binds => "the directory of that path does not exist",
        libc::EPROTOTYPE => "the socket at that path is of another type: stream, datagram or seqpacket",
        libc::ENOTSOCK => "what is at that path or descriptor is not a socket",
        libc::ENETUNREACH => {
            "there is no route to that network: `ip route get` shows what the kernel would do"
        }
        libc::EHOSTUNREACH => {
            "the host does not answer on its network, or a router or firewall on the way refused"
        }
        libc::ETIMEDOUT => {
            "the other side stopped answering: it may be down, or a firewall drops the packets"
        }
        libc::ECONNRESET => "the peer ended the connection at once: it closed with data unread, or crashed",
        libc::EPIPE => "the peer has closed; nothing more can be sent on this connection",
        libc::EMFILE => {
            "this process has no descriptor left: raise its limit with `ulimit -n`, or accept fewer clients"
        }
        libc::ENFILE => "the machine has no descriptor left: raise fs.file-max, or close something",
        libc::ENOBUFS | libc::ENOMEM => {
            "the kernel has no memory for it now: try again, or with smaller buffers"
        }
        libc::EMSGSIZE => "a datagram of that size does not fit: send smaller ones, or use a stream",
        libc::EAFNOSUPPORT => {
            "this machine or socket does not do that address family: try IPv4 instead of IPv6, or back"
        }
        libc::EDESTADDRREQ => "the socket has no peer: connect it, or send to an address",
        libc::ENOTCONN => "the socket is not connected",
        libc::EISCONN => "the socket is connected already",
        libc::ENOPROTOOPT => "this kernel or kind of socket has no such option",
        libc::ENODEV => "there is no interface of that name: `ip link` lists them",
        _ => return of_files(errno, opens),
    };
    Some(advice)
}

/// Advice for what happens to files and paths.
fn of_files(errno: i32, opens: bool) -> Option<&'static str> {
    let advice = match errno {
        libc::ENOENT if opens => {
            "there is no such file or directory: check the path, or use create: to make it"
        }
        libc::EISDIR => "that is a directory: give the path of a file in it",
        libc::ENOTDIR => "a part of that path is a file where a directory is meant",
        libc::ELOOP => "symbolic links on that path lead in a circle",
        libc::ENAMETOOLONG => "the path, or a name in it, is longer than the file system takes",
        libc::EROFS => "that file system can only be read",
        libc::ENOSPC | libc::EDQUOT => "the file system or the user's share of it is full: remove something",
        libc::ENXIO if opens => {
            "nobody reads that FIFO, or it is a socket: start the reader, or use unix: for a socket"
        }
        libc::EEXIST if opens => "leave out excl to use what is there, or take another path",
        _ => return None,
    };
    Some(advice)
}

/// Advice for a deadline that passed during `attempt`.
pub(super) fn of_timeout(attempt: &str) -> Option<&'static str> {
    match attempt {
        "connect to" => Some(
            "it may be down, or a firewall drops the packets; connect-timeout sets how long each address is tried",
        ),
        "accept on" => Some("nobody came; accept-timeout sets how long it waits"),
        "go on with" => Some("the idle and total timeouts set how long it may be silent or take"),
        _ => None,
    }
}

/// Advice for `EACCES` and `EPERM`.
fn not_permitted(errno: i32, attempt: &str, place: Place) -> Option<&'static str> {
    let binds = ["bind", "listen"].iter().any(|verb| attempt.starts_with(verb));
    let connects = ["connect", "send"].iter().any(|verb| attempt.starts_with(verb));
    let advice = match errno {
        libc::EACCES if binds && place == Place::Port { low: true } => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE, or a lower net.ipv4.ip_unprivileged_port_start"
        }
        libc::EACCES if place == Place::Path => {
            "the permissions of the path or of a directory on it refuse this user"
        }
        libc::EACCES if connects => {
            "a broadcast address needs the option broadcast; else a firewall may have refused"
        }
        libc::EPERM | libc::EACCES if attempt.contains("raw") => {
            "raw sockets need the capability CAP_NET_RAW: run as root, or `setcap cap_net_raw+ep` the program; \
             ICMP echo alone needs none where net.ipv4.ping_group_range holds this user's group"
        }
        libc::EPERM | libc::EACCES if attempt.contains("ICMP datagram socket") => {
            "let the user's group in with `sysctl net.ipv4.ping_group_range='0 2147483647'`, or use a raw socket with \
             the capability CAP_NET_RAW"
        }
        libc::EPERM if attempt.starts_with("set ") => {
            "that option needs a capability, most often CAP_NET_ADMIN"
        }
        libc::EPERM if connects => "a firewall rule of this machine refused it",
        _ => return None,
    };
    Some(advice)
}

/// Whether something other than a socket is at the path that `target` names; connect(2) calls that refused.
fn is_no_socket(target: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let path = target.get(target.find('/').unwrap_or(0)..).unwrap_or(target);
    std::fs::metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// What sort of place a target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Port { low: bool },
    Other,
}

impl Place {
    /// Reads `target` as errors spell it: `127.0.0.1:80`, `[::1]:80`, `/path`, or an address with its keyword.
    fn of(target: &str) -> Self {
        let target = target.split(',').next().unwrap_or(target);
        if target.parse::<SocketAddrV4>().is_err() && target.contains('/') {
            return Self::Path;
        }
        let port = target.rsplit(':').next().and_then(|port| port.parse().ok());
        let known = target.parse::<SocketAddr>().map(|a| a.port()).ok().or(port);
        match known {
            Some(port) => Self::Port { low: (1..1024).contains(&port) },
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_what_was_tried_and_where() {
        let advice = |errno, attempt, target| of(errno, attempt, target).unwrap_or_default();
        assert!(advice(libc::EACCES, "bind to", "127.0.0.1:80").contains("below 1024"));
        assert!(advice(libc::EACCES, "listen on", "TCP-LISTEN:80,fork").contains("below 1024"));
        assert!(advice(libc::EACCES, "connect to", "/run/x.sock").contains("permissions of the path"));
        assert!(advice(libc::EACCES, "send to", "255.255.255.255:9").contains("broadcast"));
        assert!(advice(libc::EADDRINUSE, "bind to", "/run/x.sock").contains("unlink-early"));
        assert!(advice(libc::EADDRINUSE, "bind to", "[::]:80").contains("ss -tulpn"));
        assert!(advice(libc::ECONNREFUSED, "connect to", "UNIX-CONNECT:/run/x.sock").contains("path"));
        assert!(
            advice(libc::ECONNREFUSED, "connect to", "tcp:localhost:9").contains("nothing listens there")
        );
        // What has nothing to do with sockets gets no advice about them.
        for (errno, attempt) in
            [(libc::EACCES, "write manual pages to"), (libc::ENOENT, "read"), (libc::EPERM, "chown")]
        {
            assert_eq!(of(errno, attempt, "somewhere"), None);
        }
    }

    #[test]
    fn ports_are_low_up_to_1023() {
        assert_eq!(Place::of("[::1]:1023"), Place::Port { low: true });
        assert_eq!(Place::of("0.0.0.0:1024"), Place::Port { low: false });
        assert_eq!(Place::of("tcp-listen:[::]:0"), Place::Port { low: false });
        assert_eq!(Place::of("@abstract"), Place::Other);
    }
}
