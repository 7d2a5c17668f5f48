//! Every address prints as a text that parses back to it, and no text makes the parser panic.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::address::InterfaceAddress;
use crate::address::keywords::Build;
use crate::address::{
    Address, GenericSocket, Host, HostPort, Keyword, Kind, Numbered, Port, Protocol, Role, SocketUse, Spec,
    UnixName, Value, ValueType, Via, Vsock, keywords, options,
};

fn hosts() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(Host::Ip),
        (any::<std::net::Ipv6Addr>(), "[a-z]{1,4}[0-9.]{0,3}").prop_map(|(ip, zone)| Host::Scoped(ip, zone)),
        "[a-zA-Z_主][a-zA-Z0-9_.机-]{0,20}".prop_map(Host::Name),
    ]
}

fn ports() -> impl Strategy<Value = Port> {
    prop_oneof![any::<u16>().prop_map(Port::Number), "[a-z][a-z0-9-]{0,10}".prop_map(Port::Service)]
}

fn pairs() -> impl Strategy<Value = HostPort> {
    (hosts(), ports()).prop_map(|(host, port)| HostPort { host, port })
}

fn protocols() -> impl Strategy<Value = Protocol> {
    prop_oneof![any::<u8>().prop_map(Protocol::Number), "[a-z][a-z0-9-]{0,10}".prop_map(Protocol::Name)]
}

/// Any text but the empty one, without NUL, with the characters of the grammar in plenty.
fn texts() -> impl Strategy<Value = String> {
    let any = any::<char>().prop_filter("NUL", |c| *c != '\0').prop_map(String::from);
    let special = prop_oneof![
        Just("!!"),
        Just("\\"),
        Just("\""),
        Just("'"),
        Just("("),
        Just("]"),
        Just(","),
        Just(":"),
        Just("="),
        Just("\n")
    ];
    vec(prop_oneof![any, special.prop_map(str::to_owned)], 1..20).prop_map(|parts| parts.concat())
}

fn data() -> impl Strategy<Value = String> {
    let pieces = prop_oneof!["x([0-9a-f]{2}){1,4}", "i-?[1-9][0-9]{0,8} ", "\"[a-z:,/]{0,8}\"", "'[,:a]'"];
    vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

fn kinds(keyword: &'static Keyword) -> BoxedStrategy<Kind> {
    match keyword.build {
        Build::Nothing(make) => Just(make()).boxed(),
        Build::HostPort(make) => pairs().prop_map(make).boxed(),
        Build::ListenPort(make) => (of(hosts()), ports()).prop_map(move |(h, p)| make(h, p)).boxed(),
        Build::HostProtocol(make) => (hosts(), protocols()).prop_map(move |(h, p)| make(h, p)).boxed(),
        Build::Protocol(make) => protocols().prop_map(make).boxed(),
        Build::Via(make) => (hosts(), of(ports()), pairs())
            .prop_map(move |(host, port, to)| make(Via { host, port }, to))
            .boxed(),
        Build::Unix(make) => texts().prop_map(move |t| make(UnixName::Path(t))).boxed(),
        Build::Abstract(make) => texts().prop_map(move |t| make(UnixName::Abstract(t))).boxed(),
        Build::Path(make) | Build::Command(make) => texts().prop_map(make).boxed(),
        Build::OptionalPath(make) | Build::OptionalCommand(make) => of(texts()).prop_map(make).boxed(),
        Build::Descriptor(make) => (0..=0x7fff_ffff_u32).prop_map(make).boxed(),
        Build::Socket(does) => (any::<u16>(), any::<i32>(), any::<i32>(), data())
            .prop_map(move |(family, kind, protocol, address)| {
                let kind = if matches!(does, SocketUse::Connect | SocketUse::Listen) { 1 } else { kind };
                Kind::Socket(GenericSocket { does, family, kind, protocol, address })
            })
            .boxed(),
        Build::Vsock => {
            any::<(u32, u32)>().prop_map(|(cid, port)| Kind::VsockConnect(Vsock { cid, port })).boxed()
        }
        Build::OptionalNetwork(make) => of(any::<[u8; 4]>())
            .prop_map(move |ip| make(ip.map(|ip| InterfaceAddress { ip: ip.into(), bits: ip[0] % 33 })))
            .boxed(),
        Build::VsockPort => any::<u32>().prop_map(Kind::VsockListen).boxed(),
    }
}

const FRAMINGS: [&str; 5] =
    ["line,max=77", "delim:\\r\\,\\\\ \\x00(", "fixed:9", "len:u16le,offset=2,adjust=-4,skip=1", "sealed"];

fn values(of: ValueType) -> BoxedStrategy<Value> {
    match of {
        ValueType::Flag => any::<bool>().prop_map(Value::Flag).boxed(),
        ValueType::Number { min, max } => (min..=max).prop_map(Value::Number).boxed(),
        ValueType::Size => (0..=i64::MAX).prop_map(Value::Number).boxed(),
        ValueType::Mode => (0..=0o7777_i64).prop_map(Value::Number).boxed(),
        ValueType::Time => (0..1_u64 << 32, 0..1_000_000_000_u32)
            .prop_map(|(s, n)| Value::Time(std::time::Duration::new(s, n)))
            .boxed(),
        ValueType::Framing => proptest::sample::select(&FRAMINGS)
            .prop_map(|spec| Value::Framing(spec.parse().expect("a framing")))
            .boxed(),
        ValueType::Numbered(Numbered::Text) => (any::<i32>(), any::<i32>(), texts())
            .prop_map(|(l, n, t)| Value::Text(format!("{l}:{n}:{t}")))
            .boxed(),
        ValueType::Request(_) => {
            (any::<u32>(), 0..1000_i32).prop_map(|(r, v)| Value::Text(format!("{r}:{v}"))).boxed()
        }
        ValueType::Numbered(_) => {
            any::<[i32; 3]>().prop_map(|[l, n, v]| Value::Text(format!("{l}:{n}:{v}"))).boxed()
        }
        ValueType::Text => prop_oneof![texts(), Just(String::new())].prop_map(Value::Text).boxed(),
        ValueType::OneOf { words, .. } => {
            proptest::sample::select(words).prop_map(|w| Value::Text(w.to_owned())).boxed()
        }
    }
}

fn addresses() -> impl Strategy<Value = Address> {
    (0..keywords().len()).prop_flat_map(|row| {
        let keyword = &keywords()[row];
        let fitting: Vec<_> = options().iter().filter(|o| o.groups.meets(keyword.groups)).collect();
        let setting = proptest::sample::select(fitting).prop_flat_map(|o| (Just(o.name), values(o.value)));
        (kinds(keyword), vec(setting, 0..4)).prop_map(|(kind, settings)| {
            let mut address = Address::new(kind);
            settings.into_iter().for_each(|(name, value)| address.options.push(name, value));
            address
        })
    })
}

/// Parses `text` in every way; what is accepted must also print and parse back, and what is refused must
/// point into the text.
fn try_everything(text: &str) {
    let check = |error: &crate::address::ParseError| {
        assert!(text.get(error.at.clone()).is_some(), "{text:?} {error:?}");
        assert!(!error.diagram().is_empty());
    };
    for role in [Role::Relay, Role::Connect, Role::Listen] {
        match Address::parse_for(text, role) {
            Ok(read) => assert_eq!(Address::parse(&read.address.to_string()), Ok(read.address), "{text:?}"),
            Err(error) => check(&error),
        }
    }
    match Spec::parse(text) {
        Ok(spec) => assert_eq!(Spec::parse(&spec.to_string()), Ok(spec), "{text:?}"),
        Err(error) => check(&error),
    }
}

proptest! {
    #[test]
    fn an_address_prints_and_parses_back(address in addresses()) {
        let text = address.to_string();
        prop_assert_eq!(Address::parse(&text), Ok(address), "{}", text);
    }

    #[test]
    fn two_addresses_print_and_parse_back(read in addresses(), write in addresses()) {
        let spec = Spec::Dual { read, write };
        prop_assert_eq!(Spec::parse(&spec.to_string()), Ok(spec));
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        try_everything(&text);
    }

    #[test]
    fn any_text_of_the_grammars_own_pieces_is_read_or_refused(pieces in vec(0..PIECES.len(), 0..12)) {
        try_everything(&pieces.into_iter().map(|i| PIECES[i]).collect::<String>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_prefix_of_an_address_is_read_or_refused(address in addresses()) {
        let text = address.to_string();
        for (end, _) in text.char_indices() {
            try_everything(&text[..end]);
        }
    }
}

const PIECES: &[&str] = &[
    "TCP",
    "tcp-l",
    "UNIX",
    "abstract",
    "exec",
    "pipe",
    "fd",
    "-",
    "3",
    ":",
    "::",
    ",",
    "!!",
    "!",
    "=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "\\0",
    "/",
    "//",
    "://",
    "?",
    "&",
    "%",
    "%41",
    "%zz",
    "[::1]",
    "[::1%e]",
    "127.0.0.1",
    "localhost",
    "80",
    "0x",
    "65536",
    "fork",
    "mode",
    "ttl",
    "sndbuf",
    "interval",
    "9k",
    "1.5",
    "ms",
    "é",
    "\0",
    "\n",
    " ",
    "*",
];
