//! What people type where a command expects an address.

use crate::address::{Address, Role};

fn meant(text: &str, role: Role) -> String {
    let prompted = Address::parse_for(text, role).unwrap_or_else(|error| panic!("{}", error.diagram()));
    assert_eq!(
        prompted.bare_port,
        role == Role::Listen && text.bytes().all(|b| b.is_ascii_digit()),
        "{text}"
    );
    prompted.address.to_string()
}

#[test]
fn connecting() {
    for (text, canonical) in [
        ("localhost:80", "TCP-CONNECT:localhost:80"),
        ("db:5432,nodelay", "TCP-CONNECT:db:5432,nodelay"),
        ("[::1]:80", "TCP-CONNECT:[::1]:80"),
        ("system.d:80", "TCP-CONNECT:system.d:80"),
        ("127.0.0.1:http", "TCP-CONNECT:127.0.0.1:http"),
        ("tcp:h:80", "TCP-CONNECT:h:80"),
        ("unix:/s", "UNIX-CLIENT:/s"),
        ("/dev/tty", "GOPEN:/dev/tty"),
        ("3", "FD:3"),
    ] {
        assert_eq!(meant(text, Role::Connect), canonical);
    }
    let error = Address::parse_for("unit:80", Role::Connect).expect_err("a slip away from UNIX");
    let expected = "is \"unit\" the keyword \"UNIX\", mistyped? As a host it is written TCP:unit:80";
    assert_eq!((error.at.clone(), error.what.to_string()), (0..4, expected.to_owned()));
    assert!(Address::parse_for("tcp-lisen:80", Role::Listen).is_err());
}

#[test]
fn listening() {
    for (text, canonical) in [
        ("9999", "TCP-LISTEN:127.0.0.1:9999"),
        ("localhost:80", "TCP-LISTEN:localhost:80"),
        ("[::]:80", "TCP-LISTEN:[::]:80"),
        ("0.0.0.0:80,fork", "TCP-LISTEN:0.0.0.0:80,fork"),
        (":80", "TCP-LISTEN:80"),
        ("*:80", "TCP-LISTEN:80"),
        ("tcp:80", "TCP-LISTEN:80"),
        ("TCP4:127.0.0.1:80", "TCP4-LISTEN:127.0.0.1:80"),
        ("udp6:80", "UDP6-LISTEN:80"),
        ("unix:/s", "UNIX-LISTEN:/s"),
        ("abstract:s", "ABSTRACT-LISTEN:s"),
        ("tls:443,cert=c.pem", "TLS-LISTEN:443,cert=c.pem"),
        ("arq:h:80", "ARQ-LISTEN:h:80"),
        ("tcp-connect:h:80", "TCP-CONNECT:h:80"),
        ("udp://[::]:80", "UDP-LISTEN:[::]:80"),
    ] {
        assert_eq!(meant(text, Role::Listen), canonical);
    }
}

#[test]
fn relaying_keeps_the_grammar_and_takes_what_can_be_nothing_else() {
    for (text, canonical) in [
        ("127.0.0.1:80", "TCP-CONNECT:127.0.0.1:80"),
        ("localhost:80", "TCP-CONNECT:localhost:80"),
        ("example.org:80", "TCP-CONNECT:example.org:80"),
        ("9999", "FD:9999"),
        ("tcp:h:80", "TCP-CONNECT:h:80"),
    ] {
        assert_eq!(meant(text, Role::Relay), canonical);
    }
    for refused in ["host:80", "9:80", ":80", "tpc:80"] {
        assert!(Address::parse(refused).is_err(), "{refused}");
    }
}
