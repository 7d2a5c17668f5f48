//! Names, services and the spelling of addresses.

use proptest::prelude::*;
use sockeye::{
    Addr,
    error::Class,
    socket::{Family, UnixAddr, host_name, port, resolve, service_by_name, service_by_port},
};

#[test]
fn hosts_and_services_resolve() {
    let found = resolve("localhost", "http", Some(Family::Inet)).expect("every machine has it");
    assert!(found.contains(&([127, 0, 0, 1], 80).into()), "{found:?}");
    assert_eq!(resolve("::1", "0", None).expect("a literal"), ["[::1]:0".parse().expect("an address")]);
    let every = resolve("", "9", None).expect("every interface");
    assert_eq!(every.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0:9", "[::]:9"]);
    let error = resolve("127.0.0.1", "9", Some(Family::Inet6)).expect_err("not IPv6");
    assert!(error.to_string().contains("it has no IPv6 address, but 127.0.0.1"), "{error}");
    let error = resolve("no-such-host.invalid", "9", None).expect_err("reserved never to exist");
    assert_eq!(error.class(), Class::Network);
    assert!(error.to_string().starts_with("cannot resolve no-such-host.invalid: "), "{error}");
}

#[test]
fn services_have_names_and_ports() {
    assert_eq!(port("https").expect("known"), 443);
    assert_eq!(port("65535").expect("a number"), 65535);
    assert_eq!(port("ntp").expect("UDP only"), 123);
    for wrong in ["65536", "no-such-service", "", "-1"] {
        assert_eq!(port(wrong).expect_err(wrong).class(), Class::Usage);
    }
    assert_eq!(service_by_name("www", Some("tcp")).expect("an alias").name, "http");
    assert_eq!(service_by_port(53, Some("udp")).expect("well known").name, "domain");
    assert_eq!(service_by_port(53, Some("no-such-protocol")), None);
    assert!(!host_name().is_empty());
}

#[test]
fn addresses_are_spelled_one_way() {
    for text in ["127.0.0.1:80", "[::1]:80", "[fe80::1%3]:80", "/run/x.sock", "./x.sock", "@name", "@名字"]
    {
        let addr: Addr = text.parse().expect(text);
        assert_eq!(addr.to_string(), text);
        assert_eq!(serde_json::to_string(&addr).expect("text"), format!("\"{text}\""));
    }
    assert_eq!(Addr::Unix(UnixAddr::Unnamed).to_string(), "unnamed");
    assert_eq!(Addr::abstract_name(*b"a\0\n\xff").to_string(), "@a\\u{0}\\n\u{fffd}");
    for (wrong, hint) in [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("localhost:80", "")] {
        let line = wrong.parse::<Addr>().expect_err(wrong).to_string();
        assert!(line.contains(hint), "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_address_that_reads_back_or_an_error(text in "\\PC{0,40}") {
        if let Ok(addr) = text.parse::<Addr>() {
            prop_assert_eq!(addr.to_string().parse::<Addr>().expect("it was one"), addr);
        }
    }

    #[test]
    fn ip_addresses_read_back(ip: std::net::IpAddr, port: u16) {
        let addr = Addr::from((ip, port));
        prop_assert_eq!(addr.to_string().parse::<Addr>().expect("an address"), addr);
    }
}
