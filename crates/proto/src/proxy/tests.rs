use super::*;

/// Plays the proxy's `answers`, one for each time something is sent, `step` bytes at a time; the target's
/// first bytes stand behind the last answer and must be left alone.
fn play(mut machine: Handshake, answers: &[&[u8]], step: usize) -> Result<Vec<Vec<u8>>, Error> {
    let mut sent = vec![machine.transmit()];
    let mut wire: Vec<u8> = Vec::new();
    for (i, answer) in answers.iter().enumerate() {
        wire.extend(*answer);
        if i + 1 == answers.len() {
            wire.extend(b"SSH-2.0");
        }
        while !machine.done() {
            let take = machine.wants().min(step).min(wire.len());
            let bytes: Vec<u8> = wire.drain(..take).collect();
            machine.receive(&bytes)?;
            let out = machine.transmit();
            if !out.is_empty() {
                sent.push(out);
                break;
            }
        }
    }
    assert!(machine.done());
    assert_eq!(wire, b"SSH-2.0", "bytes behind the answer belong to the target");
    Ok(sent)
}

fn name() -> Target {
    Target::Name("example.org".into(), 80)
}

fn address() -> Target {
    Target::Address("127.0.0.1:8080".parse().expect("a literal"))
}

#[test]
fn socks4_sends_the_address_and_4a_the_name() {
    for step in 1..9 {
        let sent =
            play(Handshake::socks4(&address(), "me").unwrap(), &[&[0, 90, 0, 0, 0, 0, 0, 0]], step).unwrap();
        assert_eq!(sent, [b"\x04\x01\x1f\x90\x7f\x00\x00\x01me\0"]);
        let sent =
            play(Handshake::socks4(&name(), "").unwrap(), &[&[0, 90, 0, 0, 0, 0, 0, 0]], step).unwrap();
        assert_eq!(sent, [b"\x04\x01\x00\x50\x00\x00\x00\x01\0example.org\0"]);
    }
    let refused = play(Handshake::socks4(&name(), "").unwrap(), &[&[0, 91, 0, 0, 0, 0, 0, 0]], 8);
    assert!(matches!(refused, Err(Error::Refused(_))));
    let six = Target::Address("[::1]:80".parse().unwrap());
    assert!(matches!(Handshake::socks4(&six, ""), Err(Error::Unsayable(_))));
}

#[test]
fn socks5_logs_in_and_reads_every_kind_of_bound_address() {
    let login = Credentials { user: "u".into(), password: "pw".into() };
    let bound: [&[u8]; 3] = [
        &[5, 0, 0, 1, 1, 2, 3, 4, 0, 80],
        &[5, 0, 0, 3, 2, b'a', b'b', 0, 80],
        &[5, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80],
    ];
    for step in 1..23 {
        for bound in bound {
            let sent =
                play(Handshake::socks5(&name(), Some(&login)).unwrap(), &[&[5, 2], &[1, 0], bound], step);
            let request: &[u8] = b"\x05\x01\x00\x03\x0bexample.org\x00\x50";
            assert_eq!(sent.unwrap(), [&[5u8, 2, 0, 2][..], b"\x01\x01u\x02pw", request]);
            let sent = play(Handshake::socks5(&address(), None).unwrap(), &[&[5, 0], bound], step).unwrap();
            assert_eq!(sent, [&[5u8, 1, 0][..], b"\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90"]);
        }
    }
}

#[test]
fn socks5_says_why_it_was_refused() {
    let login = Credentials { user: "u".into(), password: "pw".into() };
    let play5 = |login: Option<&Credentials>, answers: &[&[u8]]| {
        play(Handshake::socks5(&name(), login).unwrap(), answers, 99).unwrap_err()
    };
    assert!(matches!(play5(None, &[&[5, 255]]), Error::Login(_)));
    assert!(matches!(play5(Some(&login), &[&[5, 2], &[1, 1]]), Error::Login(_)));
    assert!(matches!(play5(None, &[&[5, 2]]), Error::NotThisProtocol(_)));
    assert!(matches!(play5(None, &[b"HTTP/1.1 400 no"]), Error::NotThisProtocol(_)));
    let refused = play5(None, &[&[5, 0], &[5, 5, 0, 1]]);
    assert_eq!(refused, Error::Refused("connection refused (code 5)".into()));
    let mut machine = Handshake::socks5(&name(), None).unwrap();
    assert_eq!(machine.receive(&[]), Err(Error::Closed));
    assert!(matches!(Handshake::socks5(&Target::Name("x".repeat(256), 1), None), Err(Error::Unsayable(_))));
}

#[test]
fn connect_takes_the_head_and_nothing_behind_it() {
    let login = Credentials { user: "u".into(), password: "p".into() };
    for step in 1..5 {
        let sent = play(
            Handshake::connect(&name(), Some(&login), "User-Agent: x\r\n").unwrap(),
            &[b"HTTP/1.1 100 wait\r\n\r\nHTTP/1.0 200 OK\r\nVia: p\r\n\r\n"],
            step,
        );
        let head: &[u8] = b"CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\
            Proxy-Authorization: Basic dTpw\r\nUser-Agent: x\r\n\r\n";
        assert_eq!(sent.unwrap(), [head]);
    }
    let refused =
        |answer: &[u8]| play(Handshake::connect(&name(), None, "").unwrap(), &[answer], 4).unwrap_err();
    assert_eq!(refused(b"HTTP/1.1 403 Forbidden\r\n\r\n"), Error::Refused("403 Forbidden".into()));
    assert!(matches!(refused(b"HTTP/1.1 407 who\r\n\r\n"), Error::Login(_)));
    assert!(matches!(refused(b"SSH-2.0-OpenSSH\r\n\r\n"), Error::NotThisProtocol(_)));
    // LF alone only where it is allowed, and then nothing behind the blank line is taken either.
    let answer: &[&[u8]] = &[b"HTTP/1.0 200 OK\nVia: p\r\n\n"];
    for step in 1..5 {
        let lenient = Handshake::connect(&name(), None, "").unwrap().with_bare_newlines();
        assert!(play(lenient, answer, step).is_ok());
        assert!(play(Handshake::connect(&name(), None, "").unwrap(), answer, step).is_err());
    }
}
