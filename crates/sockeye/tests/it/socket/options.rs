//! The option table against the kernel.

use std::time::Duration;

use sockeye::{
    Socket,
    socket::{
        Family, Type,
        options::{self, Access, Value},
    },
};

use super::{connection, loopback, socket};

#[test]
fn names_and_short_names_are_unique() {
    let mut names: Vec<&str> = options::table().flat_map(|o| [o.name, o.short]).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn buffers_take_text_and_numbers() {
    let tcp = socket(Family::Inet, Type::Stream);
    tcp.set_option("SO_RCVBUF", "64k").expect("a size");
    assert_eq!(tcp.option("rcvbuf").expect("get"), Value::Int(131_072), "the kernel doubles it");
    tcp.set_option("TCP_NODELAY", true).expect("a flag");
    assert_eq!(tcp.option("nodelay").expect("get"), Value::Bool(true));
    tcp.bind(loopback(Family::Inet)).expect("bind");
}

/// Options that are younger than Linux 5.10 or depend on how the kernel was built: it may say that it has none.
const MAY_BE_MISSING: &[&str] = &[
    "SO_BUF_LOCK",
    "SO_NETNS_COOKIE",
    "SO_PASSPIDFD",
    "SO_PASSRIGHTS",
    "SO_PEERSEC",
    "SO_PREFER_BUSY_POLL",
    "SO_RCVMARK",
    "SO_RCVPRIORITY",
    "SO_RESERVE_MEM",
    "SO_TXREHASH",
    "IP_LOCAL_PORT_RANGE",
    "IP_PROTOCOL",
    "IP_RECVERR_RFC4884",
    "IPV6_RECVERR_RFC4884",
    "SO_ORIGINAL_DST",
    "TCP_DELACK_MAX_US",
    "TCP_IS_MPTCP",
    "TCP_RTO_MAX_MS",
    "TCP_RTO_MIN_US",
    "TCP_TX_DELAY",
];

/// What the kernel refuses to be set to what it just said, and why.
const REFUSED: &[(&str, &str)] = &[
    ("SO_DEBUG", "needs CAP_NET_ADMIN"),
    ("SO_MARK", "needs CAP_NET_ADMIN"),
    ("SO_RESERVE_MEM", "needs a memory cgroup"),
    ("SO_TXTIME", "the clock that it names at first needs CAP_NET_ADMIN"),
    ("TCP_FASTOPEN_KEY", "none is set, and an empty one cannot be"),
    ("TCP_REPAIR", "needs CAP_NET_ADMIN"),
    ("TCP_TIMESTAMP", "needs TCP_REPAIR"),
    ("TCP_ULP", "there is none, which cannot be asked for"),
];

#[test]
fn every_option_can_be_read_on_the_sockets_that_have_it() {
    let mut surprises = Vec::new();
    let mut read = 0;
    for (socket, family, kind) in connected_kinds() {
        for option in options::table().filter(|o| o.access != Access::Set && o.on.includes(family, kind)) {
            match options::get(&socket, option) {
                Ok(_) => read += 1,
                // Without a redirecting firewall there is no original destination.
                Err(e) if option.name == "SO_ORIGINAL_DST" && e.errno() == Some(libc::ENOENT) => {}
                Err(e) if e.errno() == Some(libc::ENOPROTOOPT) && MAY_BE_MISSING.contains(&option.name) => {}
                Err(e) => surprises.push(format!("{family} {kind}: {e}")),
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert!(read > 300, "only {read} were read");
}

#[test]
fn what_was_read_can_be_set_again_as_value_and_as_text() {
    let mut surprises = Vec::new();
    let kinds = [Family::Inet, Family::Inet6, Family::Unix].map(|f| (f, Type::Stream)).into_iter();
    for (family, kind) in kinds.chain([(Family::Inet, Type::Datagram), (Family::Inet6, Type::Datagram)]) {
        for option in options::table().filter(|o| o.access == Access::Both && o.on.includes(family, kind)) {
            let fresh = socket(family, kind);
            let Ok(value) = options::get(&fresh, option) else { continue };
            for again in [value.clone(), Value::Text(value.to_string())] {
                let refused = REFUSED.iter().any(|(name, _)| *name == option.name);
                if let Err(error) = options::set(&fresh, option, &again)
                    && !refused
                {
                    surprises.push(format!("{family} {kind}: {again:?} {error}"));
                }
            }
            let doubled = matches!(option.name, "SO_SNDBUF" | "SO_RCVBUF");
            if !doubled && !REFUSED.iter().any(|(name, _)| *name == option.name) {
                assert_eq!(options::get(&fresh, option).expect("read before"), value, "{}", option.name);
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

/// A socket of each kind, connected, with its family and type.
fn connected_kinds() -> Vec<(Socket, Family, Type)> {
    let mut sockets = Vec::new();
    for family in [Family::Inet, Family::Inet6] {
        sockets.push((connection(family).0, family, Type::Stream));
        let udp = socket(family, Type::Datagram);
        udp.bind(loopback(family)).expect("bind");
        udp.connect(udp.local_addr().expect("bound")).expect("connect to itself");
        sockets.push((udp, family, Type::Datagram));
    }
    for kind in [Type::Stream, Type::Datagram, Type::SeqPacket] {
        sockets.push((Socket::pair(kind).expect("a pair").0, Family::Unix, kind));
    }
    sockets
}

#[test]
fn times_linger_words_and_interfaces_take_their_text() {
    let tcp = socket(Family::Inet, Type::Stream);
    for (name, text, wanted) in [
        ("SO_RCVTIMEO", "1.5", Value::Time(Duration::from_millis(1500))),
        ("SO_LINGER", "5", Value::Linger(Some(Duration::from_secs(5)))),
        ("SO_LINGER", "0", Value::Linger(Some(Duration::ZERO))),
        ("SO_LINGER", "off", Value::Linger(None)),
        ("TCP_USER_TIMEOUT", "2500", Value::Time(Duration::from_millis(2500))),
        ("TCP_USER_TIMEOUT", "2s", Value::Time(Duration::from_secs(2))),
        ("TCP_KEEPIDLE", "2m", Value::Time(Duration::from_secs(120))),
        ("IP_TOS", "0x10", Value::Int(16)),
        ("IP_TTL", "010", Value::Int(8)),
        ("IP_MTU_DISCOVER", "probe", Value::Text("probe".into())),
        ("SO_BINDTODEVICE", "lo", Value::Text("lo".into())),
        ("TCP_CONGESTION", "reno", Value::Text("reno".into())),
    ] {
        tcp.set_option(name, text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(tcp.option(name).expect("just set"), wanted, "{name}={text}");
    }
    let udp6 = socket(Family::Inet6, Type::Datagram);
    udp6.set_option("IPV6_MULTICAST_IF", "lo").expect("loopback is there");
    assert_eq!(udp6.option("ipv6-multicast-if").expect("get"), Value::Text("lo".into()));
    udp6.set_option("IPV6_JOIN_GROUP", "[ff01::1234]:lo").expect("join");
    udp6.set_option("IPV6_LEAVE_GROUP", "ff01::1234%lo").expect("leave what was joined");
    udp6.set_option("MCAST_JOIN_SOURCE_GROUP", "[ff31::1]:lo:[::1]").expect("join for one sender");
    let udp = socket(Family::Inet, Type::Datagram);
    udp.set_option("IP_ADD_MEMBERSHIP", "239.1.2.3:lo").expect("join");
    udp.set_option("IP_DROP_MEMBERSHIP", "239.1.2.3:lo").expect("leave");
    udp.set_option("IP_ADD_SOURCE_MEMBERSHIP", "232.1.2.3:127.0.0.1:127.0.0.1").expect("join for one sender");
}

#[test]
fn wrong_names_and_values_are_refused_with_the_way_out() {
    let tcp = socket(Family::Inet, Type::Stream);
    let line = |r: sockeye::Result<()>| r.expect_err("it is wrong").to_string();
    assert!(line(tcp.set_option("SO_RCVBUFF", "1k")).contains("did you mean SO_RCVBUF?"));
    assert!(line(tcp.set_option("rcvbuf", "much")).contains("`much` is not a number of bytes"));
    assert!(line(tcp.set_option("SO_TYPE", 1)).contains("read, not set"));
    assert!(line(tcp.set_option("IP_TTL", i64::MAX)).contains("does not fit"));
    assert!(line(tcp.set_option("SO_BINDTODEVICE", "no-such-if0")).contains("`ip link` lists them"));
    assert!(line(tcp.set_option("SO_RCVTIMEO", "-1")).contains("a time from 0"));
    let unread = tcp.option("IP_ADD_MEMBERSHIP").expect_err("it can only be set");
    assert_eq!(unread.class(), sockeye::error::Class::Usage);
}

#[test]
fn numbers_reach_options_that_are_in_no_table() {
    let tcp = socket(Family::Inet, Type::Stream);
    tcp.setsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE, &1_i32.to_ne_bytes()).expect("set");
    assert_eq!(tcp.getsockopt(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 4).expect("get"), 1_i32.to_ne_bytes());
    assert_eq!(tcp.getsockopt(0, 9999, 4).expect_err("no such option").errno(), Some(libc::ENOPROTOOPT));
}

#[test]
fn every_socket_option_of_addresses_is_in_the_table() {
    for option in sockeye::proto::address::options() {
        if let Some(name) = option.socket {
            assert!(options::find(name).is_some(), "{} sets {name}", option.spelling);
        }
    }
}

#[test]
fn an_address_names_a_socket_with_its_options() {
    for (text, family, kind) in [
        ("TCP:127.0.0.1:80,rcvbuf=8192,nodelay", Family::Inet, Type::Stream),
        ("TCP6-LISTEN:80,rcvbuf=8192", Family::Inet6, Type::Stream),
        ("UDP:[::1]:80,rcvbuf=0x2000", Family::Inet6, Type::Datagram),
        ("UNIX-LISTEN:/tmp/x,rcvbuf=8192", Family::Unix, Type::Stream),
        ("UNIX-CONNECT:/tmp/x,type=5,rcvbuf=8192", Family::Unix, Type::SeqPacket),
        ("UNIX-RECV:/tmp/x,rcvbuf=8192", Family::Unix, Type::Datagram),
        ("SOCKETPAIR,rcvbuf=8192", Family::Unix, Type::Stream),
    ] {
        let address = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        let socket = Socket::for_address(&address).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (socket.family().expect("known"), socket.kind().expect("known")),
            (family, kind),
            "{text}"
        );
        assert_eq!(socket.option("SO_RCVBUF").expect("get"), Value::Int(16384), "{text}");
    }
    let error = Socket::for_address(&"STDIO".parse().expect("an address")).expect_err("no socket");
    assert_eq!(error.class(), sockeye::error::Class::Usage);
}
