//! Connections: TCP over both families, Unix streams and seqpackets.

use std::{
    io::{BufRead, Read, Write},
    os::fd::{AsFd, IntoRawFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use sockeye::{
    Addr, Socket,
    error::{Class, Reason},
    socket::{Family, Flags, Shutdown, Type, inherited_descriptor, remove_stale},
};

use super::{connection, listener, loopback, pattern, socket};
use crate::support::PATIENCE;

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
        assert_eq!(client.recv_from(&mut got).expect("receive"), (4, server.local_addr().expect("bound")));
        drop(server);
        assert_eq!(client.recv(&mut got).expect("the end is no error"), 0);
        assert_eq!((client.family().expect("known"), client.kind().expect("known")), (family, Type::Stream));
        assert_eq!(client.protocol().expect("known"), sockeye::socket::Protocol::TCP);
    }
}

#[test]
fn a_second_bind_to_a_port_fails_and_says_what_to_do() {
    let (_first, addr) = listener(Family::Inet);
    let error = socket(Family::Inet, Type::Stream).bind(&addr).expect_err("it is taken");
    assert_eq!((error.errno(), error.class()), (Some(libc::EADDRINUSE), Class::Resource));
    let line = error.to_string();
    assert!(line.starts_with(&format!("cannot bind to {addr}: Address already in use (")), "{line}");
    // The same port number of another protocol is another port.
    socket(Family::Inet, Type::Datagram).bind(&addr).expect("UDP has ports of its own");
}

#[test]
fn reuseaddr_binds_over_time_wait() {
    // Linux wants the option on the socket that leaves the connection behind, too.
    let first = socket(Family::Inet, Type::Stream);
    first.set_option("SO_REUSEADDR", true).expect("set");
    first.bind(loopback(Family::Inet)).expect("bind");
    first.listen(1).expect("listen");
    let addr = first.local_addr().expect("bound");
    let client = socket(Family::Inet, Type::Stream);
    client.connect(&addr).expect("connect");
    // The side that closes first keeps the port in TIME-WAIT.
    drop((first.accept().expect("accept"), first));
    assert_eq!(client.recv(&mut [0]).expect("the end"), 0);
    drop(client);
    let again = socket(Family::Inet, Type::Stream);
    assert_eq!(again.bind(&addr).expect_err("TIME-WAIT holds it").errno(), Some(libc::EADDRINUSE));
    again.set_option("SO_REUSEADDR", true).expect("set");
    again.bind(&addr).expect("TIME-WAIT is passed over");
    again.listen(1).expect("listen");
}

#[test]
fn connecting_where_nobody_listens_is_refused_with_a_hint() {
    let (listener, addr) = listener(Family::Inet6);
    drop(listener);
    let client = socket(Family::Inet6, Type::Stream);
    assert_eq!(client.connect_ex(&addr), libc::ECONNREFUSED);
    let error = socket(Family::Inet6, Type::Stream).connect(&addr).expect_err("nobody is there");
    assert_eq!(error.class(), Class::Network);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to {addr}: Connection refused (nothing listens there: start the server, or check the host and the port)"
        )
    );
    assert_eq!(client.peer_addr().expect_err("not connected").errno(), Some(libc::ENOTCONN));
}

#[test]
fn send_all_and_recv_exact_go_on_over_partial_progress() {
    let (client, server) = connection(Family::Inet);
    client.set_option("SO_SNDBUF", 4608).expect("set");
    let data = pattern(3_000_000);
    let copy = data.clone();
    let sender = thread::spawn(move || client.send_all(&copy).map(|()| client));
    let mut got = vec![0; data.len()];
    server.recv_exact(&mut got).expect("all of it");
    assert!(got == data, "the bytes differ");
    drop(sender.join().expect("no panic").expect("sent"));
    let error = server.recv_exact(&mut [0; 10]).expect_err("it closed");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(error.to_string().starts_with("cannot receive 10 bytes (0 arrived) from 127.0.0.1:"), "{error}");
}

#[test]
fn one_send_takes_part_of_what_does_not_fit() {
    let (client, _server) = connection(Family::Inet);
    client.set_blocking(false).expect("set");
    let big = vec![0; 64 << 20];
    let taken = client.send(&big).expect("some room");
    assert!((1..big.len()).contains(&taken), "{taken}");
    let full = loop {
        if let Err(e) = client.send(&big) {
            break e;
        }
    };
    assert!(full.would_block(), "{full}");
}

#[test]
fn timeouts_bound_the_whole_call() {
    let short = Some(Duration::from_millis(30));
    let (client, server) = connection(Family::Inet);
    client.set_timeout(short).expect("set");
    assert_eq!(client.timeout(), short);
    let begun = Instant::now();
    let error = client.recv(&mut [0]).expect_err("nothing was sent");
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert!(matches!(error.reason(), Reason::TimedOut(t) if Some(*t) == short), "{error}");
    assert_eq!((error.class(), error.kind()), (Class::Deadline, std::io::ErrorKind::TimedOut));
    let error = client.send_all(&vec![0; 64 << 20]).expect_err("nobody reads");
    assert_eq!(error.class(), Class::Deadline);
    // A byte now and then does not move the deadline of a call that wants more.
    let trickle = thread::spawn(move || while server.send(b"x").is_ok() {});
    let error = client.recv_exact(&mut vec![0; 1 << 30]).expect_err("a gibibyte does not come in 30 ms");
    assert_eq!(error.class(), Class::Deadline);
    drop(client);
    trickle.join().expect("no panic");
    let (listener, _) = listener(Family::Inet);
    listener.set_timeout(short).expect("set");
    assert_eq!(listener.accept().expect_err("nobody connects").class(), Class::Deadline);
}

#[test]
fn connect_times_out_and_gives_pythons_number() {
    // A Unix listener with a full queue: the next connection waits.
    let listener = socket(Family::Unix, Type::Stream);
    listener.bind(Addr::Unix(sockeye::socket::UnixAddr::Unnamed)).expect("the kernel chooses a name");
    listener.listen(1).expect("listen");
    let addr = listener.local_addr().expect("an abstract name");
    let mut waiting = Vec::new();
    let error = loop {
        let client = Socket::new(Family::Unix, Type::Stream).expect("a socket");
        client.set_timeout(Some(Duration::from_millis(30))).expect("set");
        match client.connect(&addr) {
            Ok(()) => waiting.push(client),
            Err(e) => break e,
        }
    };
    assert!(!waiting.is_empty());
    assert_eq!(error.class(), Class::Deadline, "{error}");
    let late = Socket::new(Family::Unix, Type::Stream).expect("a socket");
    late.set_timeout(Some(Duration::from_millis(10))).expect("set");
    assert_eq!(late.connect_ex(&addr), libc::EAGAIN);
    late.set_timeout(Some(PATIENCE)).expect("set");
    let connect = thread::spawn(move || late.connect(&addr));
    for _ in 0..=waiting.len() {
        listener.accept().expect("those that wait");
    }
    connect.join().expect("no panic").expect("there was room again");
}

#[test]
fn non_blocking_calls_say_that_they_would_wait() {
    let (client, server) = connection(Family::Inet);
    server.set_blocking(false).expect("set");
    assert!(!server.is_blocking() && server.timeout() == Some(Duration::ZERO));
    assert!(server.recv(&mut [0]).expect_err("nothing yet").would_block());
    assert!(client.recv_with(&mut [0], Flags::DONT_WAIT).expect_err("nothing yet").would_block());
    client.send_all(b"x").expect("send");
    client.shutdown(Shutdown::Write).expect("half-close");
    server.set_blocking(true).expect("set");
    assert_eq!(server.timeout(), None);
    assert_eq!(server.recv_with(&mut [0; 2], Flags::WAIT_ALL).expect("to the end"), 1);
    // The other direction still works.
    server.send_all(b"late").expect("half-closed is not closed");
    assert_eq!(client.recv_with(&mut [0; 4], Flags::PEEK).expect("peek"), 4);
    assert_eq!(client.recv(&mut [0; 9]).expect("still there"), 4);
}

#[test]
fn sending_to_a_peer_that_has_gone_is_an_error_not_a_signal() {
    let (a, b) = Socket::pair(Type::Stream).expect("a pair");
    drop(b);
    let error = a.send(b"x").expect_err("nobody reads");
    assert_eq!((error.errno(), error.kind()), (Some(libc::EPIPE), std::io::ErrorKind::BrokenPipe));
}

#[test]
fn urgent_data_travels_apart() {
    let (client, server) = connection(Family::Inet);
    client.send_with(b"!", Flags::OOB).expect("send");
    let mut byte = [0];
    assert_eq!(server.recv_with(&mut byte, Flags::OOB).expect("waits for it"), 1);
    assert_eq!(&byte, b"!");
}

#[test]
fn unix_streams_and_seqpackets_have_paths_abstract_names_or_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = Addr::path(dir.path().join("s"));
    let name = Addr::abstract_name(format!("sockeye-test-{}", std::process::id()));
    for (kind, addr) in [(Type::Stream, path), (Type::SeqPacket, name)] {
        let listener = socket(Family::Unix, kind);
        listener.bind(&addr).expect("bind");
        listener.listen(1).expect("listen");
        assert_eq!(listener.local_addr().expect("bound"), addr);
        let client = socket(Family::Unix, kind);
        client.connect(&addr).expect("connect");
        let (server, peer) = listener.accept().expect("accept");
        assert_eq!(peer.to_string(), "unnamed");
        client.send_all(b"one").expect("send");
        client.send_all(b"two").expect("send");
        let mut buffer = [0; 16];
        let got = server.recv_with(&mut buffer, Flags::NONE).expect("receive");
        // A stream merges, a seqpacket keeps apart.
        assert_eq!(got, if kind == Type::Stream { 6 } else { 3 });
    }
}

#[test]
fn stale_paths_are_removed_and_living_ones_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let first = socket(Family::Unix, Type::Stream);
    first.bind(Addr::path(&path)).expect("bind");
    first.listen(1).expect("listen");
    remove_stale(&path).expect("nothing to do");
    let second = socket(Family::Unix, Type::Stream);
    let line = second.bind(Addr::path(&path)).expect_err("in use").to_string();
    assert!(line.contains("Address already in use (something is at that path already"), "{line}");
    drop(first);
    remove_stale(&path).expect("nobody listens");
    second.bind(Addr::path(&path)).expect("the path is free");
    let file = dir.path().join("file");
    std::fs::write(&file, "keep").expect("write");
    remove_stale(&file).expect("not a socket");
    assert!(file.exists());
    let line = socket(Family::Unix, Type::Stream).connect(Addr::path(&file)).expect_err("a file").to_string();
    assert!(line.contains("Connection refused"), "{line}");
}

#[test]
fn a_path_too_long_says_how_long() {
    let error = socket(Family::Unix, Type::Stream).bind(Addr::path("/".repeat(108))).expect_err("too long");
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("108 bytes long, a Unix socket's holds 107"), "{error}");
    let dir = tempfile::tempdir().expect("a directory");
    let pad = 107 - dir.path().as_os_str().len() - 1;
    let longest = Addr::path(dir.path().join("x".repeat(pad)));
    let listener = socket(Family::Unix, Type::Stream);
    listener.bind(&longest).expect("107 bytes fit");
    assert_eq!(listener.local_addr().expect("bound"), longest);
}

#[test]
fn files_on_sockets_read_lines_and_write() {
    let (a, b) = Socket::pair(Type::Stream).expect("a pair");
    let (_, mut out) = a.makefile().expect("duplicates");
    writeln!(out, "first\nsecond").expect("write");
    out.flush().expect("flush");
    drop((out, a));
    let mut lines = b.reader().lines();
    assert_eq!(lines.next().expect("a line").expect("read"), "first");
    let mut rest = String::new();
    assert_eq!(lines.next().expect("a line").expect("read"), "second");
    (&b).read_to_string(&mut rest).expect("to the end");
    assert_eq!(rest, "");
}

#[test]
fn duplicates_share_the_socket_and_descriptors_are_taken_over_once() {
    let (a, b) = Socket::pair(Type::Stream).expect("a pair");
    let again = a.dup().expect("dup");
    drop(a);
    again.send_all(b"x").expect("the socket is still open");
    assert_eq!(b.recv(&mut [0]).expect("receive"), 1);
    // As a parent passes one: open across exec.
    let fd = OwnedFd::from(again);
    rustix::io::fcntl_setfd(fd.as_fd(), rustix::io::FdFlags::empty()).expect("clear close-on-exec");
    let number = fd.into_raw_fd();
    let taken = Socket::inherited(number).expect("take it over");
    assert_eq!(taken.kind().expect("known"), Type::Stream);
    let flags = rustix::io::fcntl_getfd(&taken).expect("flags");
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    assert!(Socket::inherited(number).is_err(), "it has an owner now");
    let error = inherited_descriptor(1_000_000).expect_err("not open");
    assert_eq!(error.errno(), Some(libc::EBADF));
    let file = std::fs::File::open("/dev/null").expect("it is there");
    let error = Socket::try_from(OwnedFd::from(file)).expect_err("a file is no socket");
    assert_eq!(error.errno(), Some(libc::ENOTSOCK));
}

#[test]
fn a_connection_that_resets_before_it_is_accepted_does_not_end_the_listener() {
    let (listener, addr) = listener(Family::Inet);
    let hasty = socket(Family::Inet, Type::Stream);
    hasty.set_option("SO_LINGER", "0").expect("set");
    hasty.connect(&addr).expect("connect");
    drop(hasty);
    let good = socket(Family::Inet, Type::Stream);
    good.connect(&addr).expect("connect");
    let name = good.local_addr().expect("bound");
    let found = (0..2).any(|_| listener.accept().expect("the listener lives").1 == name);
    assert!(found, "the good client was accepted");
}
