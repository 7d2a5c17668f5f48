//! Texts and the addresses they stand for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::address::{Address, Family, Host, HostPort, Kind, OptionName, Port, Spec, UnixName, Value, Via};

fn parse(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{}", error.diagram()))
}

fn kind(text: &str) -> Kind {
    parse(text).kind
}

fn name(text: &str) -> Host {
    Host::Name(text.to_owned())
}

fn to(host: Host, port: u16) -> HostPort {
    HostPort { host, port: Port::Number(port) }
}

const LOCALHOST: Host = Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
const LOCALHOST6: Host = Host::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST));

#[test]
fn keywords_in_any_case() {
    let expected = Kind::Tcp { family: Family::V4, to: to(LOCALHOST, 80) };
    for keyword in ["TCP4", "tcp4", "Tcp4-Connect", "INET4"] {
        assert_eq!(kind(&format!("{keyword}:127.0.0.1:80")), expected);
    }
}

#[test]
fn hosts_and_ports() {
    let tcp = |host, port| Kind::Tcp { family: Family::Any, to: HostPort { host, port } };
    assert_eq!(kind("TCP:[::1]:80"), tcp(LOCALHOST6, Port::Number(80)));
    assert_eq!(
        kind("TCP:[::1%eth0]:80"),
        tcp(Host::Scoped(Ipv6Addr::LOCALHOST, "eth0".into()), Port::Number(80))
    );
    assert_eq!(kind("TCP:example.org:http"), tcp(name("example.org"), Port::Service("http".into())));
    assert_eq!(kind("TCP:主机:0x50"), tcp(name("主机"), Port::Number(80)));
    assert_eq!(kind("TCP:h:010"), tcp(name("h"), Port::Number(8)));
    for refused in [
        "TCP:h:65536",
        "TCP:h:-1",
        "TCP:h:09",
        "TCP:h:0x",
        "TCP:h:1.5",
        "TCP:h:",
        "TCP::80",
        "TCP:a b:80",
        "TCP:[::g]:80",
        "TCP:::1:80",
    ] {
        assert!(Address::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn a_listening_address_has_its_host_as_parameter_or_as_option() {
    let listen = |host| Kind::TcpListen { family: Family::Any, host, port: Port::Number(9999) };
    assert_eq!(kind("tcp-listen:127.0.0.1:9999"), listen(Some(LOCALHOST)));
    assert_eq!(kind("tcp-l:9999"), listen(None));
    assert_eq!(kind("tcp-l::9999"), listen(None));
    assert_eq!(kind("tcp-l:*:9999"), listen(None));
    let bound = parse("tcp-listen:9999,bind=127.0.0.1");
    assert_eq!(bound.kind, listen(None));
    assert_eq!(bound.options.text(OptionName::Bind), Some("127.0.0.1"));
}

#[test]
fn short_forms() {
    assert_eq!(kind("-"), Kind::Stdio);
    assert_eq!(parse("-,ignoreeof").kind, Kind::Stdio);
    assert_eq!(kind("3"), Kind::Fd(3));
    assert_eq!(kind("0x10,nonblock"), Kind::Fd(16));
    assert_eq!(kind("./a:b"), Kind::Gopen("./a:b".into()));
    assert_eq!(kind("/tmp/x,append"), Kind::Gopen("/tmp/x".into()));
    assert_eq!(kind("echo"), Kind::Pipe(None));
    assert_eq!(kind("PIPE:/tmp/p"), Kind::Pipe(Some("/tmp/p".into())));
    for refused in ["", "file", "-:x", "3x", "2147483648", ",fork", ":80"] {
        assert!(Address::parse(refused).is_err(), "{refused}");
    }
}

#[test]
fn unix_names() {
    assert_eq!(kind("UNIX:/s"), Kind::UnixClient(UnixName::Path("/s".into())));
    assert_eq!(kind("LOCAL:/s"), Kind::UnixConnect(UnixName::Path("/s".into())));
    assert_eq!(kind("ABSTRACT-LISTEN:s"), Kind::UnixListen(UnixName::Abstract("s".into())));
    assert!(Address::parse(r"UNIX:/a\0b").is_err());
}

#[test]
fn proxies_with_and_without_a_port() {
    let via = |port| Via { host: name("p"), port };
    assert_eq!(kind("PROXY:p:h:80"), Kind::Proxy { via: via(None), to: to(name("h"), 80) });
    let socks = Kind::Socks5 { via: via(Some(Port::Number(1080))), to: to(name("h"), 80) };
    assert_eq!(kind("SOCKS5:p:1080:h:80"), socks);
}

/// Seen with socat 1.7.4 where it takes the text.
#[test]
fn quotes_brackets_and_backslashes() {
    let cases = [
        (r"SYSTEM:a\:b\,c", "a:b,c"),
        (r"SYSTEM:a\\nb", r"a\nb"),
        (r"SYSTEM:a\nb", "a\nb"),
        (r#"SYSTEM:"a,b!!c" d"#, "a,b!!c d"),
        (r"SYSTEM:'a,b' d", "a,b d"),
        (r#"SYSTEM:"it's""#, "it's"),
        (r"SYSTEM:f(a,(b,c),d)", "f(a,(b,c),d)"),
        (r"SYSTEM:{ echo a,b; }", "{ echo a,b; }"),
        (r"SYSTEM:a)b", "a)b"),
        (r"SYSTEM:\(a", "(a"),
        (r#"SYSTEM:echo \"a  b\""#, r#"echo "a  b""#),
        ("SYSTEM:date +%H:%M", "date +%H:%M"),
        ("SYSTEM://bin/date", "//bin/date"),
    ];
    for (text, command) in cases {
        assert_eq!(kind(text), Kind::System(command.into()), "{text}");
    }
}

#[test]
fn two_addresses_joined() {
    let Spec::Dual { read, write } = Spec::parse("STDIN,ignoreeof!!TCP:h:1,nodelay").expect("dual") else {
        panic!("one address")
    };
    assert_eq!(read.kind, Kind::Stdin);
    assert!(read.options.flag(OptionName::Ignoreeof));
    assert_eq!(write.kind, Kind::Tcp { family: Family::Any, to: to(name("h"), 1) });
    assert!(write.options.flag(OptionName::Nodelay));
    assert_eq!(Spec::parse("SYSTEM:echo \"hi!!\"").expect("one"), Spec::Single(parse(r"SYSTEM:echo hi\!\!")));
    assert!(Address::parse("-!!-").is_err());
    assert!(Spec::parse("-!!").is_err());
}

#[test]
fn values_have_the_type_of_their_option() {
    let options = parse(
        "tcp-l:1,fork,reuseaddr=0,backlog=0x10,sndbuf=64k,accept-timeout=0.25,idle-timeout=200ms,\
         interval=2m,retry=010,range=10.0.0.0:255.0.0.0,frame=delim:\\r\\n,linger=0,",
    )
    .options;
    assert!(options.flag(OptionName::Fork));
    assert_eq!(options.last(OptionName::Reuseaddr), Some(&Value::Flag(false)));
    assert_eq!(options.number(OptionName::Backlog), Some(16));
    assert_eq!(options.number(OptionName::Sndbuf), Some(65_536));
    assert_eq!(options.time(OptionName::AcceptTimeout), Some(Duration::from_millis(250)));
    assert_eq!(options.time(OptionName::IdleTimeout), Some(Duration::from_millis(200)));
    assert_eq!(options.time(OptionName::Interval), Some(Duration::from_secs(120)));
    assert_eq!(options.time(OptionName::Linger), Some(Duration::ZERO));
    assert_eq!(options.number(OptionName::Retry), Some(8));
    assert_eq!(options.text(OptionName::Range), Some("10.0.0.0:255.0.0.0"));
    assert_eq!(options.framing(OptionName::Frame), "delim:0x0d0a".parse().ok().as_ref());
    assert_eq!(parse("UNIX-L:/s,mode=600,umask=0077").options.number(OptionName::Mode), Some(0o600));
    assert_eq!(parse("TCP:h:1,send-proxy").options.text(OptionName::SendProxy), Some("v1"));
}

#[test]
fn the_last_of_two_values_counts() {
    let options = parse("tcp-l:1,backlog=5,backlog=6").options;
    assert_eq!(options.number(OptionName::Backlog), Some(6));
    assert_eq!(options.iter().count(), 2);
}

#[test]
fn values_out_of_bounds_are_refused() {
    for option in [
        "ttl=256",
        "ttl=-1",
        "ttl=",
        "ttl",
        "fork=2",
        "sndbuf=9223372036854775807k",
        "sndbuf=-1",
        "backlog=1e3",
        "accept-timeout=99999999999999999999",
        "accept-timeout=1x",
        "accept-timeout=.",
        "accept-timeout=-1",
        "half-close=maybe",
        "frame",
        "backlog=18446744073709551616",
    ] {
        assert!(Address::parse(&format!("tcp-l:1,{option}")).is_err(), "{option}");
    }
    assert!(Address::parse("UNIX-L:/s,mode=0999").is_err());
    assert!(Address::parse("UNIX-L:/s,mode=77777").is_err());
}
