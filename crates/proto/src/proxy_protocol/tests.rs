use proptest::prelude::*;

use super::*;

/// What a reader makes of `wire`, fed `step` bytes at a time, and how much of it was read.
fn read(wire: &[u8], step: usize) -> (Result<Header, Error>, usize) {
    let (mut reader, mut used) = (Reader::new(), 0);
    loop {
        let take = reader.wants().min(step).min(wire.len() - used);
        match reader.receive(&wire[used..used + take]) {
            Ok(Some(header)) => return (Ok(header), used + take),
            Ok(None) => used += take,
            Err(error) => return (Err(error), used),
        }
    }
}

fn addresses() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(SocketAddr::from),
        (any::<[u8; 16]>(), any::<u16>())
            .prop_map(SocketAddr::from)
            .prop_filter("a mapped address is one of IPv4", |a| a.ip().to_canonical() == a.ip()),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        source in addresses(), destination in addresses(), step in 1..64_usize, after in any::<[u8; 8]>(),
    ) {
        let peers = Peers { source, destination };
        let same = source.is_ipv4() == destination.is_ipv4();
        for (mut wire, otherwise) in
            [(version_1(Some(peers)), Header::Unknown), (version_2(Some(peers)), Header::Local)]
        {
            let length = wire.len();
            wire.extend(after);
            let expected = if same { Header::Proxied(peers) } else { otherwise };
            prop_assert_eq!(read(&wire, step), (Ok(expected), length));
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300), step in 1..20_usize) {
        prop_assert!(read(&bytes, step).0.is_err());
    }

    #[test]
    fn damage_to_a_header_does_no_harm(
        at in 0..52_usize, with in any::<u8>(), step in 1..20_usize, six in any::<bool>(),
    ) {
        let ip: IpAddr = if six { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let peers = Peers { source: SocketAddr::new(ip, 1), destination: SocketAddr::new(ip, 2) };
        for mut wire in [version_1(Some(peers)), version_2(Some(peers))] {
            let at = at % wire.len();
            wire[at] = with;
            // Whatever comes of it, the reader ends and takes no more than there is.
            prop_assert!(read(&wire, step).1 <= wire.len());
        }
    }
}

#[test]
fn the_lines_of_the_specification() {
    let header = |line: &str| read(line.as_bytes(), 3).0;
    let peers = |source: &str, destination: &str| {
        let parse = |text: &str| text.parse().expect("an address");
        Ok(Header::Proxied(Peers { source: parse(source), destination: parse(destination) }))
    };
    assert_eq!(
        header("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
        peers("255.255.255.255:65535", "255.255.255.255:65535")
    );
    assert_eq!(header("PROXY TCP6 ::1 ::2 1 2\r\n"), peers("[::1]:1", "[::2]:2"));
    assert_eq!(header("PROXY UNKNOWN\r\n"), Ok(Header::Unknown));
    assert_eq!(header("PROXY UNKNOWN ffff:f...f ffff 65535 65535\r\n"), Ok(Header::Unknown));
    for wrong in [
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n",
        "PROXY TCP4 ::1 ::1 1 1\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n",
        "PROXY TCP4 1.2.3.4\nGET / HTTP/1.1",
    ] {
        assert_eq!(header(wrong), Err(Error::Line), "{wrong:?}");
    }
    assert_eq!(header(&format!("PROXY {}", "x".repeat(200))), Err(Error::Line), "a line without an end");
    assert_eq!(header("GET / HTTP/1.1\r\n"), Err(Error::Missing));
    assert_eq!(header(""), Err(Error::Missing));
    assert_eq!(header("PROXY TC"), Err(Error::Cut));
}

#[test]
fn binary_headers_that_are_not_usual() {
    let wire = |command: u8, family: u8, body: &[u8]| {
        let mut wire = SIGNATURE.to_vec();
        wire.extend([command, family]);
        wire.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
        wire.extend(body);
        wire
    };
    let header = |wire: Vec<u8>| read(&wire, 7).0;
    assert_eq!(header(wire(0x20, 0, &[])), Ok(Header::Local));
    assert_eq!(header(wire(0x20, 0x11, &[0; 12])), Ok(Header::Local), "its addresses do not count");
    assert_eq!(header(wire(0x21, 0x31, &[0; 216])), Ok(Header::Unknown), "a Unix socket");
    assert_eq!(header(wire(0x21, 0, &[1; 5])), Ok(Header::Unknown));
    assert_eq!(header(wire(0x31, 0x11, &[0; 12])), Err(Error::Field { what: "version", value: 3 }));
    assert_eq!(header(wire(0x22, 0x11, &[0; 12])), Err(Error::Field { what: "command", value: 2 }));
    assert_eq!(header(wire(0x21, 0x41, &[0; 12])), Err(Error::Field { what: "address family", value: 0x41 }));
    let most = LONGEST - FIXED;
    assert_eq!(header(wire(0x21, 0x11, &[0; 11])), Err(Error::Length { length: 11, least: 12, most }));
    assert_eq!(
        header(wire(0x21, 0x11, &vec![0; most + 1])),
        Err(Error::Length { length: most + 1, least: 12, most })
    );
    // Extensions behind the addresses are skipped.
    let with_extensions = wire(0x21, 0x11, &[127, 0, 0, 1, 127, 0, 0, 2, 0, 80, 1, 187, 4, 0, 1, 9]);
    let peers = Peers {
        source: "127.0.0.1:80".parse().expect("an address"),
        destination: "127.0.0.2:443".parse().expect("an address"),
    };
    assert_eq!(header(with_extensions), Ok(Header::Proxied(peers)));
}
