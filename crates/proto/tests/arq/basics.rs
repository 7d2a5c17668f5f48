//! What every connection does, on a path without faults.

use crate::pair::Pair;
use bytes::Bytes;
use sockeye_proto::{
    arq::{Algorithm, Channel, Config, Ended, Event, Integrity, Lane, Mode, STREAM, SendError},
    faults::Plan,
};
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
const RTT: Plan = delayed(20);

const fn delayed(millis: u64) -> Plan {
    Plan {
        loss: 0.0,
        burst: None,
        corrupt: 0.0,
        duplicate: 0.0,
        delay: Duration::from_millis(millis),
        jitter: Duration::ZERO,
        reorder: 0.0,
        reorder_by: Duration::ZERO,
        rate: None,
        mtu: Some(1472),
        black_hole: false,
    }
}

#[test]
fn every_mode_and_integrity_delivers() {
    for integrity in [Integrity::Off, Integrity::Crc32c, Integrity::Aead(Box::new([9; 32]))] {
        let config = Config { integrity, ..Config::default() };
        let mut pair = Pair::new(config, RTT, 1);
        pair.connect();
        for mode in Mode::ALL {
            for channel in [0, 3] {
                let lane = Lane { channel: Channel(channel), mode };
                for text in ["one", "", "three"] {
                    let now = pair.now;
                    pair.client
                        .session()
                        .send(now, lane, Bytes::from(text), false, None)
                        .expect("there is room");
                    pair.server
                        .session()
                        .send(now, lane, Bytes::from(text), false, None)
                        .expect("there is room");
                }
            }
        }
        pair.wait(SECOND);
        for end in [&pair.client, &pair.server] {
            assert_eq!(end.got.len(), 8);
            for (lane, messages) in &end.got {
                let texts: Vec<_> = messages.iter().map(|m| &m.data[..]).collect();
                assert_eq!(texts, [&b"one"[..], b"", b"three"], "{lane:?}");
            }
        }
        assert!(pair.client.events.contains(&Event::Drained));
    }
}

#[test]
fn the_handshake_takes_two_round_trips_and_a_message_half_of_one() {
    let mut pair = Pair::new(Config::default(), RTT, 1);
    let begin = pair.now;
    pair.connect();
    assert_eq!(pair.now.since(begin), Duration::from_millis(80));
    let (sent, now) = (pair.now, pair.now);
    pair.client.session().send(now, STREAM, Bytes::from_static(b"x"), false, None).expect("there is room");
    assert!(pair.run(SECOND, |p| !p.server.got.is_empty()));
    assert_eq!(pair.now.since(sent), Duration::from_millis(20));
}

#[test]
fn a_large_message_is_cut_and_put_together_again() {
    for algorithm in [Algorithm::Cubic, Algorithm::Bbr] {
        let config = Config { congestion: algorithm, ..Config::default() };
        let mut pair = Pair::new(config, RTT, 1);
        pair.connect();
        let data: Bytes = (0..1_000_000u32).map(|i| (i * 7 / 3) as u8).collect();
        for mode in [Mode::Ordered, Mode::Unordered] {
            let (now, lane) = (pair.now, Lane { channel: Channel(1), mode });
            pair.client.session().send(now, lane, data.clone(), true, None).expect("there is room");
            assert!(pair.run(SECOND * 20, |p| !p.server.messages(lane).is_empty()), "{mode:?} {algorithm:?}");
            let message = &pair.server.messages(lane)[0];
            assert!(message.data == data && message.end);
            let (now, more) = (pair.now, Bytes::new());
            assert_eq!(pair.client.session().send(now, lane, more, false, None), Err(SendError::LaneEnded));
        }
        assert_eq!(pair.client.session().stats().mtu, 1472, "the path MTU was found");
        assert_eq!(pair.client.session().stats().packets_lost, 0);
    }
}

#[test]
fn a_reader_that_stops_stops_the_sender_and_no_more_is_kept_than_was_allowed() {
    let config = Config { receive_window: 64 << 10, send_buffer: 1 << 20, ..Config::default() };
    let mut pair = Pair::new(config, RTT, 1);
    pair.connect();
    pair.server.reads = false;
    let mut sent = 0;
    while sent < 3000 {
        let now = pair.now;
        match pair.client.session().send(now, STREAM, Bytes::from(vec![1; 1000]), false, None) {
            Ok(()) => sent += 1,
            Err(SendError::Full) => break,
            Err(e) => panic!("{e}"),
        }
    }
    assert!(sent < 1100, "the send buffer is bounded: {sent}");
    pair.wait(SECOND * 10);
    assert!(pair.server.most_held <= 64 << 10);
    assert!(pair.client.open(), "waiting is no failure");
    pair.server.reads = true;
    // Reading alone opens the window: the receiver tells the sender.
    pair.server.session();
    assert!(pair.run(SECOND * 10, |p| p.server.messages(STREAM).len() == sent));
}

#[test]
fn an_end_reaches_the_peer_with_its_reason() {
    let mut pair = Pair::new(Config::default(), RTT, 1);
    pair.connect();
    let now = pair.now;
    pair.client.session().close(now, 7, "enough");
    assert!(pair.run(SECOND, |p| p.server.ended.is_some()));
    let (_, ended) = pair.server.ended.clone().expect("it ended");
    assert_eq!(ended, Ended::Peer { code: 7, reason: "enough".into() });
    assert_eq!(pair.client.ended.clone().expect("it ended").1, Ended::Local);
    pair.wait(SECOND * 5);
    assert_eq!((pair.client.endpoint.connections(), pair.server.endpoint.connections()), (0, 0));
}

#[test]
fn finish_ends_after_everything_has_arrived() {
    let mut pair = Pair::new(Config::default(), Plan { loss: 0.2, ..RTT }, 5);
    pair.connect();
    let now = pair.now;
    for _ in 0..200 {
        pair.client
            .session()
            .send(now, STREAM, Bytes::from(vec![7; 900]), false, None)
            .expect("there is room");
    }
    pair.client.session().finish(now);
    assert!(pair.run(SECOND * 60, |p| p.server.ended.is_some()));
    assert_eq!(pair.server.messages(STREAM).len(), 200);
    assert_eq!(pair.server.ended.clone().map(|e| e.1), Some(Ended::Peer { code: 0, reason: "done".into() }));
}

#[test]
fn silence_ends_at_exactly_the_idle_timeout_and_a_keepalive_prevents_it() {
    let quiet = Config { idle: SECOND * 7, ..Config::default() };
    let mut pair = Pair::new(quiet.clone(), RTT, 1);
    pair.connect();
    pair.wait(SECOND);
    let begin = pair.now;
    pair.wait(SECOND * 20);
    let (at, ended) = pair.client.ended.clone().expect("it ended");
    assert_eq!(ended, Ended::Idle(SECOND * 7));
    assert!(at.since(begin) <= SECOND * 7 && at.since(begin) >= SECOND * 5);
    let mut pair = Pair::with(Config { keep_alive: Some(SECOND * 2), ..quiet.clone() }, quiet, RTT, 1);
    pair.connect();
    pair.wait(SECOND * 100);
    assert!(pair.client.open() && pair.server.open());
}

#[test]
fn nobody_there_is_no_answer_and_another_key_is_refused() {
    let mut pair = Pair::new(Config::default(), Plan { black_hole: true, ..RTT }, 1);
    let to = pair.server.address;
    pair.client.handle = pair.client.endpoint.connect(pair.now, to);
    let begin = pair.now;
    assert!(pair.run(SECOND * 20, |p| p.client.ended.is_some()));
    let (at, ended) = pair.client.ended.clone().expect("it ended");
    assert_eq!((at.since(begin), ended), (SECOND * 10, Ended::NoAnswer(SECOND * 10)));
    let key = |k| Config { integrity: Integrity::Aead(Box::new([k; 32])), ..Config::default() };
    for (client, server, words) in [
        (key(1), key(2), "refused by the peer: the keys do not agree"),
        (key(1), Config::default(), "refused by the peer: it demands another integrity mode"),
        (Config::default(), key(1), "refused by the peer: it demands another integrity mode"),
    ] {
        let mut pair = Pair::with(client, server, RTT, 1);
        pair.client.handle = pair.client.endpoint.connect(pair.now, to);
        assert!(pair.run(SECOND * 20, |p| p.client.ended.is_some()));
        assert_eq!(pair.client.ended.clone().expect("it ended").1.to_string(), words);
        assert_eq!(pair.server.endpoint.connections(), 0);
    }
}
