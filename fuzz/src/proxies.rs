//! What the targets of the PROXY protocol and of proxies' answers do with their input. The seeded runs in proto's
//! tests call the same functions.

use sockeye_proto::{
    proxy::{Credentials, Handshake, Target},
    proxy_protocol::{self, Header, LONGEST, Reader},
};

/// A connection that may begin with a PROXY header; the first byte says in what pieces it comes. All pieces must
/// give the same verdict, the same number of bytes taken, and what was read must be written and read back.
pub fn header(data: &[u8]) {
    let Some((&piece, data)) = data.split_first() else { return };
    let whole = header_in(data, usize::MAX);
    assert_eq!(whole, header_in(data, usize::from(piece) + 1), "the same, in whatever pieces it comes");
    if let (Ok(Header::Proxied(peers)), _) = whole {
        let same_family = peers.source.is_ipv4() == peers.destination.is_ipv4();
        for wire in [proxy_protocol::version_1(Some(peers)), proxy_protocol::version_2(Some(peers))] {
            let again = header_in(&wire, usize::MAX);
            assert!(!same_family || again == (Ok(Header::Proxied(peers)), wire.len()), "{again:?}");
        }
    }
}

fn header_in(data: &[u8], piece: usize) -> (Result<Header, proxy_protocol::Error>, usize) {
    let (mut reader, mut taken) = (Reader::new(), 0);
    loop {
        let wants = reader.wants();
        assert!((1..=LONGEST).contains(&wants), "it wants {wants} bytes");
        let end = taken + wants.min(piece).min(data.len() - taken);
        let received = reader.receive(&data[taken..end]);
        taken = end;
        assert!(taken <= LONGEST);
        match received {
            Ok(Some(header)) => return (Ok(header), taken),
            // A verdict may come before the last byte of a piece: how much of a bad header was taken does not matter.
            Err(error) => return (Err(error), 0),
            Ok(None) => {}
        }
    }
}

/// A proxy's answers; the first byte says which protocol is spoken, the second in what pieces they come. What
/// stands behind the last answer is not taken, and the verdict does not depend on the pieces.
pub fn answer(data: &[u8]) {
    let [which, piece, data @ ..] = data else { return };
    let whole = answer_in(*which, data, usize::MAX);
    assert_eq!(
        whole,
        answer_in(*which, data, usize::from(*piece) + 1),
        "the same, in whatever pieces it comes"
    );
}

fn answer_in(which: u8, data: &[u8], piece: usize) -> Result<usize, String> {
    let name = Target::Name("example.org".into(), 80);
    let address = Target::Address(([127, 0, 0, 1], 8080).into());
    let login = Credentials { user: "user".into(), password: "password".into() };
    let made = match which % 6 {
        0 => Handshake::socks4(&address, "user"),
        1 => Handshake::socks4(&name, "user"),
        2 => Handshake::socks5(&name, None),
        3 => Handshake::socks5(&address, Some(&login)),
        4 => Handshake::connect(&name, None, ""),
        _ => Handshake::connect(&address, Some(&login), "X: y\r\n"),
    };
    let mut machine = made.expect("all of that can be asked");
    let mut taken = 0;
    while !machine.done() {
        let _ = machine.transmit();
        let wants = machine.wants();
        assert!((1..=300).contains(&wants), "it wants {wants} bytes");
        let end = taken + wants.min(piece).min(data.len() - taken);
        machine.receive(&data[taken..end]).map_err(|error| error.to_string())?;
        taken = end;
        assert!(machine.answer().len() <= 64 * 1024 + 4, "an answer is bounded");
    }
    Ok(taken)
}
