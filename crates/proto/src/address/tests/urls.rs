//! URLs say the same as keywords and parameters.

use crate::address::Address;

#[test]
fn urls_and_what_they_stand_for() {
    for (url, same) in [
        ("tcp://host:80", "TCP:host:80"),
        ("tcp://host:80/", "TCP:host:80"),
        ("TCP6://[::1]:80,nodelay", "TCP6:[::1]:80,nodelay"),
        ("tcp://[fe80::1%eth0]:80", "TCP:[fe80::1%eth0]:80"),
        ("tcp://[fe80::1%25eth0]:80", "TCP:[fe80::1%eth0]:80"),
        ("tcp-listen://[::]:80?fork&backlog=5", "TCP-LISTEN:[::]:80,fork,backlog=5"),
        ("tcp-listen://:80?fork,backlog=5", "TCP-LISTEN:80,fork,backlog=5"),
        ("udp://h:80", "UDP:h:80"),
        ("tls://h:443?sni=a%2Cb", "TLS:h:443,sni=a\\,b"),
        ("unix:///run/x.sock", "UNIX:/run/x.sock"),
        ("unix-listen:///run/a%20b%3F?mode=600", "UNIX-LISTEN:/run/a b?,mode=600"),
        ("abstract://name", "ABSTRACT:name"),
        ("file:///tmp/x?append", "OPEN:/tmp/x,append"),
    ] {
        let parse = |text| Address::parse(text).unwrap_or_else(|error| panic!("{}", error.diagram()));
        assert_eq!(parse(url), parse(same), "{url}");
    }
}

#[test]
fn urls_that_are_none() {
    for refused in [
        "tcp://",
        "tcp://host",
        "tcp://host:80/path",
        "tcp://ho%zzst:80",
        "unix://",
        "unix:///%ff",
        "tcp://[::1:80",
        "tcp://h:80?nonsense",
        "tcp://h:80?ttl=%",
        "socks5://p:1080",
        "http://h:80",
        "tcp://::1:80",
    ] {
        assert!(Address::parse(refused).is_err(), "{refused}");
    }
}
