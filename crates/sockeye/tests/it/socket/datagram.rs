//! Datagrams: UDP over both families, Unix datagrams.

use std::{thread, time::Duration};

use sockeye::{
    Addr,
    error::Class,
    socket::{Family, Flags, Type},
};

use super::{loopback, socket};

#[test]
fn udp_keeps_each_message_and_names_its_sender() {
    for family in [Family::Inet, Family::Inet6] {
        let server = socket(family, Type::Datagram);
        server.bind(loopback(family)).expect("bind");
        let addr = server.local_addr().expect("bound");
        let client = socket(family, Type::Datagram);
        assert_eq!(client.send_to(b"one", &addr).expect("send"), 3);
        assert_eq!(client.send_to(b"", &addr).expect("an empty datagram is one too"), 0);
        assert_eq!(client.send_to("三".as_bytes(), &addr).expect("send"), 3);
        let mut buffer = [0; 64];
        let (n, sender) = server.recv_from(&mut buffer).expect("receive");
        assert_eq!((&buffer[..n], sender.port()), (&b"one"[..], client.local_addr().expect("bound").port()));
        assert_eq!(server.recv(&mut buffer).expect("the empty one"), 0);
        assert_eq!(server.recv(&mut buffer).expect("the last"), 3);
        server.connect(&sender).expect("fix the peer");
        server.send_all(b"back").expect("to the peer");
        assert_eq!(client.recv_from(&mut buffer).expect("receive"), (4, addr));
    }
}

#[test]
fn a_datagram_too_long_is_cut_and_says_so() {
    let udp = socket(Family::Inet, Type::Datagram);
    udp.bind(loopback(Family::Inet)).expect("bind");
    let addr = udp.local_addr().expect("bound");
    for _ in 0..3 {
        udp.send_to(&[7; 1000], &addr).expect("send");
    }
    let mut small = [0; 10];
    assert_eq!(udp.recv(&mut small).expect("cut"), 10);
    assert_eq!(udp.recv_with(&mut small, Flags::TRUNC).expect("cut, with its length"), 1000);
    let message = udp.recvmsg(&mut small, Flags::NONE).expect("cut, with a flag");
    assert!(message.bytes == 10 && message.flags.contains(Flags::TRUNC), "{message:?}");
    let error = udp.send_to(&[0; 70_000], &addr).expect_err("larger than any datagram");
    assert!(error.to_string().contains("send smaller ones"), "{error}");
}

#[test]
fn a_closed_udp_port_refuses_on_the_next_call() {
    let gone = socket(Family::Inet, Type::Datagram);
    gone.bind(loopback(Family::Inet)).expect("bind");
    let addr = gone.local_addr().expect("bound");
    drop(gone);
    let client = socket(Family::Inet, Type::Datagram);
    client.connect(&addr).expect("no packet is sent yet");
    client.send(b"anyone?").expect("the first goes out");
    let error = client.recv(&mut [0]).expect_err("ICMP says that nobody is there");
    assert_eq!((error.errno(), error.class()), (Some(libc::ECONNREFUSED), Class::Network));
    assert!(error.to_string().starts_with(&format!("cannot receive from {addr}: ")), "{error}");
}

#[test]
fn unix_datagrams_answer_to_a_path_and_wait_for_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let (here, there) = (Addr::path(dir.path().join("a")), Addr::path(dir.path().join("b")));
    let server = socket(Family::Unix, Type::Datagram);
    server.bind(&here).expect("bind");
    let client = socket(Family::Unix, Type::Datagram);
    client.send_to(b"who am I?", &here).expect("send");
    let mut buffer = [0; 64];
    assert_eq!(server.recv_from(&mut buffer).expect("receive").1.to_string(), "unnamed");
    client.bind(&there).expect("bind");
    client.send_to(b"now?", &here).expect("send");
    let (_, sender) = server.recv_from(&mut buffer).expect("receive");
    assert_eq!(sender, there);
    server.send_to(b"yes", &sender).expect("answer");
    assert_eq!(client.recv(&mut buffer).expect("receive"), 3);

    // A full queue makes the sender wait, to its deadline or until there is room.
    client.set_timeout(Some(Duration::from_millis(20))).expect("set");
    let full = loop {
        if let Err(e) = client.send_to(b"more", &here) {
            break e;
        }
    };
    assert_eq!(full.class(), Class::Deadline, "{full}");
    client.set_timeout(Some(crate::support::PATIENCE)).expect("set");
    let late = thread::spawn(move || client.send_to(b"last", &here));
    while server.recv(&mut buffer).map(|n| buffer[..n] != *b"last").expect("receive") {}
    assert_eq!(late.join().expect("no panic").expect("there was room"), 4);
}
