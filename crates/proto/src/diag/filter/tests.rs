//! The grammar as a table, the evaluator and the bytecode against each other.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{bytecode, *};
use crate::diag::{Endpoint, Kind, Socket, State};

/// A machine with a few names.
struct Few;

impl Names for Few {
    fn host(&self, name: &str, family: Option<Family>) -> Vec<IpAddr> {
        let all: &[&str] = if name == "both" { &["10.0.0.1", "2001:db8::1"] } else { &[] };
        let all = all.iter().map(|ip| ip.parse::<IpAddr>().unwrap());
        all.filter(|ip| family != Some(Family::Inet6) || ip.is_ipv6()).collect()
    }
    fn service(&self, name: &str) -> Vec<u16> {
        match name {
            "ssh" => vec![22],
            "shell" => vec![513, 514],
            _ => vec![],
        }
    }
    fn interface(&self, name: &str) -> Option<u32> {
        (name == "lo").then_some(1)
    }
    fn cgroup(&self, path: &str) -> Option<u64> {
        (path == "/a").then_some(7)
    }
    fn ether_type(&self, name: &str) -> Option<u16> {
        (name == "ip").then_some(0x800)
    }
    fn netlink_protocol(&self, name: &str) -> Option<u32> {
        (name == "rtnl").then_some(0)
    }
    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }
}

impl Context for Few {
    fn is_ephemeral(&self, port: u16) -> bool {
        port >= 32768
    }
    fn held_by(&self, inode: u32, test: &mut dyn FnMut(u32, &str) -> bool) -> bool {
        inode == 5 && test(100, "nginx")
    }
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(&[text], None, &Few)
}

/// The expression with every bracket written.
fn shape(expr: &Expr) -> String {
    let list = |all: &[Expr], word| all.iter().map(shape).collect::<Vec<_>>().join(word);
    match expr {
        Expr::And(all) => format!("({})", list(all, " and ")),
        Expr::Or(any) => format!("({})", list(any, " or ")),
        Expr::Not(inner) => format!("not {}", shape(inner)),
        Expr::Is(p) => match p {
            Predicate::Host(side, host) => {
                let side = if *side == Side::Local { "src" } else { "dst" };
                let address = match &host.address {
                    Pattern::Any => "*".to_owned(),
                    Pattern::Ip(all) => {
                        all.iter().map(|p| format!("{}/{}", p.address, p.len)).collect::<Vec<_>>().join("|")
                    }
                    Pattern::Unix(glob) => format!("unix:{glob}"),
                    Pattern::Packet(p) => format!("link:{p:?}"),
                    Pattern::Netlink(p) => format!("netlink:{p:?}"),
                    Pattern::Vsock(c) => format!("vsock:{c:?}"),
                };
                match host.port {
                    Some(port) => format!("{side} {address} {port}"),
                    None => format!("{side} {address}"),
                }
            }
            Predicate::Port(side, order, port) => {
                let side = if *side == Side::Local { "sport" } else { "dport" };
                format!("{side}{}{port}", if *order == Order::GreaterOrEqual { ">=" } else { "<=" })
            }
            other => format!("{other:?}"),
        },
    }
}

#[test]
fn the_grammar() {
    let table = [
        // Hosts.
        ("src 10.0.0.1", "src 10.0.0.1/32"),
        ("dst = 10.0.0.1", "dst 10.0.0.1/32"),
        ("dst == 10", "dst 10.0.0.0/32"),
        ("dst eq 193.233.7/24", "dst 193.233.7.0/24"),
        ("src 10.0.0.0/255.0.0.0", "src 10.0.0.0/8"),
        ("src 0x7f.1", "src 127.1.0.0/32"),
        ("src 10.0.0.1:22", "src 10.0.0.1/32 22"),
        ("src 10.0.0.0/8:22", "src 10.0.0.0/8 22"),
        ("src 10.0.0.1:ssh", "src 10.0.0.1/32 22"),
        ("src 10.0.0.1:*", "src 10.0.0.1/32"),
        ("src *", "src *"),
        ("src *:22", "src * 22"),
        ("src :22", "src * 22"),
        ("src any", "src *"),
        ("src [::1]", "src ::1/128"),
        ("src [::1]:22", "src ::1/128 22"),
        ("src [fe80::/10]:22", "src fe80::/10 22"),
        ("src [fe80::]/10:22", "src fe80::/10 22"),
        ("src 2001:db8::1", "src 2001:db8::1/128"),
        ("src 2001:db8::/32", "src 2001:db8::/32"),
        ("src inet:10.0.0.1", "src 10.0.0.1/32"),
        ("src inet6:[::1]:80", "src ::1/128 80"),
        ("src both", "src 10.0.0.1/32|2001:db8::1/128"),
        ("src unix:/run/*", "src unix:/run/*"),
        ("src link:ip:lo", "src link:Some(2048) 1"),
        ("src link:*:lo", "src link:None 1"),
        ("src netlink:rtnl:kernel", "src netlink:Some(0) 0"),
        ("src netlink:rtnl", "src netlink:Some(0)"),
        ("src netlink:16:-7", "src netlink:Some(16) -7"),
        ("src vsock:2:1024", "src vsock:Some(2) 1024"),
        // Ports.
        ("sport = :22", "src * 22"),
        ("sport 22", "src * 22"),
        ("sport :ssh", "src * 22"),
        ("sport inet:22", "src * 22"),
        ("dport inet6::22", "dst * 22"),
        ("sport 0x16", "src * 22"),
        ("sport = *", "src *"),
        ("sport != :22", "not src * 22"),
        ("sport ne 22", "not src * 22"),
        ("sport neq 22", "not src * 22"),
        ("sport > :22", "not sport<=22"),
        ("sport gt 22", "not sport<=22"),
        ("sport < :22", "not sport>=22"),
        ("sport lt 22", "not sport>=22"),
        ("dport >= :22", "dport>=22"),
        ("dport ge 22", "dport>=22"),
        ("dport geq 22", "dport>=22"),
        ("dport <= :22", "dport<=22"),
        ("dport le 22", "dport<=22"),
        ("dport leq 22", "dport<=22"),
        // Other predicates.
        ("dev lo", "Device(1)"),
        ("dev = 7", "Device(7)"),
        ("dev != lo", "not Device(1)"),
        ("fwmark 0x1f", "Mark { mark: 31, mask: 4294967295 }"),
        ("fwmark = 0x10/0x30", "Mark { mark: 16, mask: 48 }"),
        ("fwmark != 1", "not Mark { mark: 1, mask: 4294967295 }"),
        ("cgroup /a", "Cgroup(7)"),
        ("cgroup != /a", "not Cgroup(7)"),
        ("autobound", "Autobound"),
        ("pid 100", "Pid(100)"),
        ("comm = ngin*", "Comm(\"ngin*\")"),
        ("uid root", "Uid(0)"),
        ("uid != 1000", "not Uid(1000)"),
        ("inode 5", "Inode(5)"),
        // Operators: not binds before and, and before or.
        ("sport 1 and sport 2", "(src * 1 and src * 2)"),
        ("sport 1 & sport 2", "(src * 1 and src * 2)"),
        ("sport 1 && sport 2", "(src * 1 and src * 2)"),
        ("sport 1 sport 2", "(src * 1 and src * 2)"),
        ("sport 1 or sport 2", "(src * 1 or src * 2)"),
        ("sport 1 | sport 2", "(src * 1 or src * 2)"),
        ("sport 1 || sport 2", "(src * 1 or src * 2)"),
        ("not sport 1", "not src * 1"),
        ("! sport 1", "not src * 1"),
        ("not not sport 1", "not not src * 1"),
        ("sport 1 or sport 2 and sport 3", "(src * 1 or (src * 2 and src * 3))"),
        ("sport 1 sport 2 or sport 3", "((src * 1 and src * 2) or src * 3)"),
        ("not sport 1 or sport 2", "(not src * 1 or src * 2)"),
        ("( sport 1 or sport 2 ) and sport 3", "((src * 1 or src * 2) and src * 3)"),
        ("not ( sport 1 or sport 2 )", "not (src * 1 or src * 2)"),
        // Without blanks.
        ("sport=:22", "src * 22"),
        ("sport==22", "src * 22"),
        ("sport!=22", "not src * 22"),
        ("sport>=22", "sport>=22"),
        ("sport<22", "not sport>=22"),
        ("sport =:22", "src * 22"),
        ("sport= :22", "src * 22"),
        ("!sport=:22", "not src * 22"),
        ("(sport=:1 or sport=:2) dst=10.0.0.1", "((src * 1 or src * 2) and dst 10.0.0.1/32)"),
        ("((autobound))", "Autobound"),
        ("src unix:a(b)", "src unix:a(b)"),
        // A backslash keeps a blank in a word.
        ("src unix:a\\ b", "src unix:a b"),
    ];
    for (text, expected) in table {
        match parse(text) {
            Ok(filter) => assert_eq!(shape(&filter.expr.unwrap()), expected, "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn states_come_first() {
    let states = |text: &str| parse(text).unwrap().states.unwrap();
    assert_eq!(states("state established"), States::of(&[State::Established]));
    assert_eq!(states("state estab state LISTEN"), States::of(&[State::Established, State::Listen]));
    assert_eq!(states("exclude time-wait"), States::ALL.without(States::of(&[State::TimeWait])));
    assert_eq!(states("excl connected"), States::LISTENING);
    assert_eq!(states("state big exclude listening sport 1").mask(), 0xfff & !(1 << 3 | 1 << 6 | 1 << 10));
    for name in States::NAMES {
        assert!(States::named(name).is_some(), "{name}");
    }
    for state in State::ALL {
        let printed = States::named(state.name()).unwrap();
        assert!(printed.contains(state) || state == State::BoundInactive, "{state}");
    }
    assert_eq!(parse("").unwrap(), Filter::default());
}

#[test]
fn what_is_no_filter() {
    for (text, part) in [
        ("state", "ends where a state"),
        ("state foo", "\"foo\" is no state"),
        ("src", "ends where a host"),
        ("src and", "a value should follow"),
        ("sport = :abc", "does not look like a port"),
        ("sport 70000 or sport inet:70000", "does not look like a port"),
        ("sport shell", "different port in TCP and UDP"),
        ("sport > *", "does not look like a port"),
        ("src nosuch", "inet prefix"),
        ("src 10.0.0.0/33", "inet prefix"),
        ("src 1.2.3.4.5", "inet prefix"),
        ("src [::1", "inet prefix"),
        ("src != 10.0.0.1", "no operator but ="),
        ("dev nosuch", "no interface"),
        ("dev > lo", "no operator but = and !="),
        ("fwmark x", "not a mark"),
        ("cgroup /nosuch", "no control group"),
        ("( sport = 1", "closing bracket"),
        ("sport = 1 )", "no bracket is open"),
        (")", "not expected here"),
        ("not", "ends where a condition"),
        ("sport 1 or", "ends where a condition"),
        ("foo", "a condition begins with"),
        ("pid x", "not a process id"),
    ] {
        match parse(text) {
            Err(error) => assert!(error.to_string().contains(part), "{text}: {error}"),
            Ok(filter) => panic!("{text} became {filter:?}"),
        }
    }
    let deep = "( ".repeat(100_000);
    assert_eq!(parse(&deep), Err(FilterError::TooDeep(64)));
}

#[test]
fn a_family_decides_how_hosts_are_read() {
    let unix = Filter::parse(&["src", "/run/*"], Some(Family::Unix), &Few).unwrap();
    assert_eq!(shape(&unix.expr.unwrap()), "src unix:/run/*");
    assert_eq!(parse("src inet6:[::1]").unwrap().family, Some(Family::Inet6));
    assert_eq!(parse("src 10.0.0.1").unwrap().family, None);
    // A host with a family holds for those behind it.
    let both = parse("src unix:a dst b").unwrap();
    assert_eq!(shape(&both.expr.unwrap()), "(src unix:a and dst unix:b)");
}

#[test]
fn globs() {
    for (pattern, text, matches) in [
        ("*", "", true),
        ("", "x", false),
        ("/run/*", "/RUN/user/1", true),
        ("*.sock", "a.sock.b", false),
        ("*a*b*c", "xxaxxbxxbxc", true),
        ("?b", "ab", true),
        ("[a-c]x[!0-9]", "bxz", true),
        ("[a-c]x[!0-9]", "bx7", false),
        ("[]]", "]", true),
        ("[ab", "[ab", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("@*", "@abc", true),
    ] {
        assert_eq!(glob(pattern, text), matches, "{pattern} {text}");
    }
    // Many stars must not take long.
    assert!(!glob(&"*a".repeat(1000), &"a".repeat(999)));
}

fn inet(local: &str, peer: &str) -> Socket {
    let end = |text: &str| {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::Inet(address.ip(), address.port())
    };
    Socket::new(Kind::Tcp, State::Established, end(local), end(peer))
}

#[test]
fn what_matches() {
    let mut socket = inet("10.0.0.1:22", "[::ffff:10.0.0.2]:40000");
    (socket.inode, socket.uid, socket.mark, socket.interface) = (5, 0, 0x1f, 1);
    for (text, expected) in [
        ("src 10/8", true),
        ("src 11/8", false),
        ("dst 10.0.0.2", true),
        ("dst [::ffff:0:0/96]", true),
        ("src [::]/0", false),
        ("dst 0/0", true),
        ("sport < 22", false),
        ("sport <= 22 dport > 39999", true),
        ("autobound", false),
        ("dev lo", true),
        ("fwmark 0x10/0x10", true),
        ("fwmark 0x10", false),
        ("pid 100", true),
        ("comm NGIN*", true),
        ("comm apache", false),
        ("uid root inode 5", true),
        ("src unix:*", false),
    ] {
        assert_eq!(parse(text).unwrap().expr.unwrap().matches(&socket, &Few), expected, "{text}");
    }
    let unix = |name: Option<&[u8]>| {
        let local = Endpoint::Unix(name.map(Into::into), 9);
        Socket::new(Kind::UnixStream, State::Listen, local, Endpoint::Unix(None, 0))
    };
    for (text, name, expected) in [
        ("src unix:/RUN/*", Some(&b"/run/x"[..]), true),
        ("src unix:@a*", Some(b"\0abc"), true),
        ("autobound", Some(b"\x000f1a2"), true),
        ("autobound", Some(b"/run/x"), false),
        ("autobound", None, true),
        ("sport 9", None, true),
        ("dst unix:*", None, true),
        ("dst unix:x", None, false),
    ] {
        assert_eq!(parse(text).unwrap().expr.unwrap().matches(&unix(name), &Few), expected, "{text}");
    }
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        Just("10.0.0.1".parse().unwrap()),
        Just("10.1.2.3".parse().unwrap()),
        Just("::1".parse().unwrap()),
        Just("2001:db8::7".parse().unwrap()),
        Just("::ffff:10.0.0.1".parse().unwrap()),
        any::<[u8; 4]>().prop_map(IpAddr::from),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let side = || prop_oneof![Just(Side::Local), Just(Side::Peer)];
    let prefix = (address(), 0u8..=128)
        .prop_map(|(address, len)| Prefix { address, len: if address.is_ipv4() { len % 33 } else { len } });
    let pattern = prop_oneof![Just(Pattern::Any), prop::collection::vec(prefix, 1..4).prop_map(Pattern::Ip)];
    let port = || prop_oneof![Just(22i64), Just(80), Just(40000), 0i64..65536];
    let order = prop_oneof![Just(Order::GreaterOrEqual), Just(Order::LessOrEqual)];
    prop_oneof![
        (side(), pattern, prop::option::of(port()))
            .prop_map(|(side, address, port)| Predicate::Host(side, Host { address, port })),
        (side(), order, port()).prop_map(|(side, order, port)| Predicate::Port(side, order, port)),
        (0u32..3).prop_map(Predicate::Device),
        (0u32..4, 0u32..4).prop_map(|(mark, mask)| Predicate::Mark { mark, mask }),
        (0u64..3).prop_map(Predicate::Cgroup),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    predicate().prop_map(Expr::Is).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::Or),
            inner.prop_map(|e| Expr::Not(Box::new(e))),
        ]
    })
}

proptest! {
    #[test]
    fn evaluator_and_bytecode_agree(
        expr in expr(),
        (local, peer) in (address(), address()),
        sport in prop_oneof![Just(22u16), Just(80), any::<u16>()],
        dport in prop_oneof![Just(22u16), Just(40000), any::<u16>()],
        (interface, mark, cgroup) in (0u32..3, 0u32..4, 0u64..3),
    ) {
        let ends = (Endpoint::Inet(local, sport), Endpoint::Inet(peer, dport));
        let socket = Socket { interface, mark, cgroup, ..Socket::new(Kind::Tcp, State::Established, ends.0, ends.1) };
        let program = bytecode::compile(&expr);
        prop_assert!(!program.is_empty());
        prop_assert_eq!(bytecode::run(&program, &socket, false), Some(expr.matches(&socket, &Few)));
    }

    #[test]
    fn text_never_panics(text in "[a-z0-9 :=!<>()|&./*\\[\\]\\\\,@-]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn noise_as_program_never_panics(program in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = bytecode::run(&program, &inet("10.0.0.1:1", "10.0.0.2:2"), true);
    }
}

#[test]
fn what_the_kernel_cannot_test_is_left_to_the_evaluator() {
    let compiled = |text: &str| bytecode::compile(&parse(text).unwrap().expr.unwrap());
    assert!(compiled("pid 1").is_empty());
    assert!(compiled("pid 1 or sport 22").is_empty());
    assert_eq!(compiled("pid 1 and sport 22"), compiled("sport 22"));
    assert_eq!(compiled("sport 70000"), [7, 12, 16, 0, 0, 0, 0, 0, 0x70, 0x11, 1, 0]);
    let program = compiled("not sport 22");
    let hex: Vec<u8> = vec![
        7, 12, 16, 0, /* S_COND, yes 12, no 16 */ 0, 0, 0, 0, 22, 0, 0, 0, // any address, port 22
        1, 4, 8, 0, // JMP 8: beyond the end
    ];
    assert_eq!(program, hex);
}
