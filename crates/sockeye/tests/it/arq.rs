//! The transport over real sockets.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use sockeye::{
    arq::Endpoint,
    error::Class,
    proto::arq::{Algorithm, Channel, Config, Integrity, Lane, Mode, STREAM},
};

use crate::support::PATIENCE;

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("in time") })
}

#[test]
fn messages_both_ways_in_every_integrity_and_over_ipv6() {
    for integrity in [Integrity::Off, Integrity::Crc32c, Integrity::Aead(Box::new([3; 32]))] {
        for local in [loopback(), "[::1]:0".parse().expect("an address")] {
            let config = Config { integrity: integrity.clone(), ..Config::default() };
            run(async {
                let server = Endpoint::bind(local, config.clone(), true).expect("bound");
                let client = Endpoint::bind(local, config, false).expect("bound");
                let c = client.connect(server.local_address()).await.expect("connected");
                let s = server.accept().await.expect("accepted");
                let lane = Lane { channel: Channel(2), mode: Mode::Unordered };
                c.send(lane, "question".into(), false, None).await.expect("sent");
                assert_eq!(s.recv().await.expect("open").expect("a message").data, "question");
                s.send(STREAM, "answer".into(), true, None).await.expect("sent");
                let m = c.recv().await.expect("open").expect("a message");
                assert!(m.data == "answer" && m.end);
                assert_eq!(c.stats().expect("open").integrity, integrity.name());
                c.finish().await.expect("finished");
                assert_eq!(s.recv().await.expect("ended well"), None);
            });
        }
    }
}

/// The kernel would answer from 127.0.0.1, where the client is, and the client would not know the answer.
#[test]
fn a_server_on_all_addresses_answers_from_the_one_it_was_asked_at() {
    for any in ["0.0.0.0:0", "[::]:0"] {
        for integrity in [Integrity::Crc32c, Integrity::Aead(Box::new([3; 32]))] {
            let config = Config { integrity, ..Config::default() };
            run(async {
                let server = Endpoint::bind(any.parse().expect("an address"), config.clone(), true);
                let server = server.expect("bound");
                let asked = SocketAddr::from(([127, 0, 0, 2], server.local_address().port()));
                let client = Endpoint::bind(loopback(), config, false).expect("bound");
                let c = client.connect(asked).await.expect("connected");
                let s = server.accept().await.expect("accepted");
                for n in 0..100u8 {
                    c.send(STREAM, vec![n; 3000].into(), false, None).await.expect("sent");
                    let message = s.recv().await.expect("open").expect("a message");
                    s.send(STREAM, message.data, false, None).await.expect("sent");
                    assert_eq!(c.recv().await.expect("open").expect("an echo").data, vec![n; 3000]);
                }
                assert_eq!(c.peer(), Some(asked));
                c.finish().await.expect("finished");
                assert_eq!(s.recv().await.expect("ended well"), None);
            });
        }
    }
}

#[test]
fn bulk_arrives_whole_and_in_order() {
    for congestion in [Algorithm::Cubic, Algorithm::Bbr] {
        let config =
            Config { congestion, integrity: Integrity::Aead(Box::new([3; 32])), ..Config::default() };
        run(async {
            let server = Endpoint::bind(loopback(), config.clone(), true).expect("bound");
            let client = Endpoint::bind(loopback(), config, false).expect("bound");
            let c = client.connect(server.local_address()).await.expect("connected");
            let s = server.accept().await.expect("accepted");
            let sender = tokio::spawn(async move {
                for n in 0..20_000u32 {
                    let mut data = vec![n as u8; 1000];
                    data[..4].copy_from_slice(&n.to_be_bytes());
                    c.send(STREAM, Bytes::from(data), false, None).await.expect("sent");
                }
                c.finish().await.expect("finished");
            });
            for n in 0..20_000u32 {
                let m = s.recv().await.expect("open").expect("a message");
                assert_eq!(m.data[..4], n.to_be_bytes());
                assert!(m.data[4..].iter().all(|&b| b == n as u8));
            }
            assert_eq!(s.recv().await.expect("ended well"), None);
            sender.await.expect("no panic");
        });
    }
}

#[test]
fn what_arrived_before_the_end_is_not_lost() {
    run(async {
        let server = Endpoint::bind(loopback(), Config::default(), true).expect("bound");
        let client = Endpoint::bind(loopback(), Config::default(), false).expect("bound");
        let c = client.connect(server.local_address()).await.expect("connected");
        let s = server.accept().await.expect("accepted");
        for n in 0..100u8 {
            c.send(STREAM, Bytes::from(vec![n; 100]), false, None).await.expect("sent");
        }
        c.finish().await.expect("finished");
        let _ = s.ended().await;
        for n in 0..100u8 {
            assert_eq!(s.recv().await.expect("not lost").expect("a message").data[0], n);
        }
        assert_eq!(s.recv().await.expect("ended well"), None);
    });
}

/// Fault run 22: a peer that is not there answers with ECONNREFUSED; when it comes, the connection is made.
#[test]
fn fault_22_a_refused_datagram_does_not_end_a_connection() {
    run(async {
        let reserved = std::net::UdpSocket::bind(loopback()).expect("bound");
        let to = reserved.local_addr().expect("bound");
        drop(reserved);
        let client = Endpoint::bind(loopback(), Config::default(), false).expect("bound");
        let connecting = tokio::spawn(async move {
            let c = client.connect(to).await.expect("connected in the end");
            c.send(STREAM, "late".into(), false, None).await.expect("sent");
            c.finish().await.expect("finished");
        });
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let server = Endpoint::bind(to, Config::default(), true).expect("bound");
        let s = server.accept().await.expect("accepted");
        assert_eq!(s.recv().await.expect("open").expect("a message").data, "late");
        connecting.await.expect("no panic");
    });
}

#[test]
fn nobody_there_and_another_key_are_told_with_advice() {
    run(async {
        let key = |k| Config { integrity: Integrity::Aead(Box::new([k; 32])), ..Config::default() };
        let server = Endpoint::bind(loopback(), key(1), true).expect("bound");
        let client = Endpoint::bind(loopback(), key(2), false).expect("bound");
        let error = client.connect(server.local_address()).await.expect_err("another key");
        assert_eq!(error.advice(), Some("give both sides the same key="));
        let quick = Config { handshake_timeout: Duration::from_millis(50), ..Config::default() };
        let client = Endpoint::bind(loopback(), quick, false).expect("bound");
        let nobody = std::net::UdpSocket::bind(loopback()).expect("bound");
        let error = client.connect(nobody.local_addr().expect("bound")).await.expect_err("nobody");
        assert_eq!(error.class(), Class::Deadline);
        assert!(error.to_string().contains("no answer within 50ms"), "{error}");
    });
}

#[test]
fn many_connections_share_a_socket() {
    // More than there would be if each were promised as large a window as the first.
    const COUNT: usize = 1000;
    run(async {
        let config = Config::default();
        let server = Endpoint::bind(loopback(), config.clone(), true).expect("bound");
        let client = Endpoint::bind(loopback(), config, false).expect("bound");
        let to = server.local_address();
        let echo = tokio::spawn(async move {
            for _ in 0..COUNT {
                let s = server.accept().await.expect("accepted");
                tokio::spawn(async move {
                    while let Ok(Some(m)) = s.recv().await {
                        s.send(STREAM, m.data, false, None).await.expect("sent");
                    }
                });
            }
            server
        });
        let mut open = Vec::new();
        for n in 0..COUNT as u32 {
            let c = client.connect(to).await.expect("connected");
            c.send(STREAM, Bytes::from(n.to_string()), false, None).await.expect("sent");
            open.push(c);
        }
        for (n, c) in open.iter().enumerate() {
            assert_eq!(c.recv().await.expect("open").expect("an echo").data, n.to_string());
        }
        assert_eq!(echo.await.expect("no panic").connections(), COUNT);
    });
}
