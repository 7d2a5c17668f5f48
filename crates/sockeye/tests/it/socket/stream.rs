//! Connections: TCP over both families, Unix streams and seqpackets.

use sockeye::socket::Family;

use super::{connection, listener, socket};

#[test]
fn tcp_carries_bytes_both_ways_and_knows_its_names() {
    for family in [Family::Inet, Family::Inet6] {
        let (client, server) = connection(family);
        assert_eq!(client.peer_addr().expect("connected"), server.local_addr().expect("bound"));
        assert_eq!(server.peer_addr().expect("connected"), client.local_addr().expect("bound"));
        client.send_all(b"ping").expect("send");
        let mut got = [0; 4];
        server.recv_exact(&mut got).expect("receive");
        assert_eq!(&got, b"ping");
        assert_eq!(server.send(b"pong").expect("send"), 4);
        assert_eq!(client.recv(&mut got).expect("receive"), 4);
        drop(server);
        assert_eq!(client.recv(&mut got).expect("the end is no error"), 0);
    }
}

#[test]
fn a_second_bind_to_a_port_fails_and_says_what_to_do() {
    let (_first, addr) = listener(Family::Inet);
    let error = socket(Family::Inet, sockeye::socket::Type::Stream).bind(&addr).expect_err("it is taken");
    assert_eq!(error.errno(), Some(libc::EADDRINUSE));
    let line = error.to_string();
    assert!(line.starts_with(&format!("cannot bind to {addr}: Address already in use (")), "{line}");
}
