//! Fault runs 13 to 21 (see the numbers in the names), on a virtual clock; 22 needs a kernel.

use crate::{basics::SECOND, pair::Pair};
use bytes::Bytes;
use sockeye_proto::{
    arq::{
        Channel, Config, ConnectionId, Ended, Header, Integrity, Lane, MessageId, Mode, PacketNumber, STREAM,
        Violation,
        frame::{Fragment, Frame},
    },
    faults::Plan,
};
use std::time::Duration;

const PATH: Plan = Plan {
    loss: 0.0,
    burst: None,
    corrupt: 0.0,
    duplicate: 0.0,
    delay: Duration::from_millis(10),
    jitter: Duration::ZERO,
    reorder: 0.0,
    reorder_by: Duration::ZERO,
    rate: None,
    mtu: Some(1472),
    black_hole: false,
};

fn pair(config: Config) -> Pair {
    let mut pair = Pair::new(config, PATH, 1);
    pair.connect();
    pair
}

fn send(pair: &mut Pair, lane: Lane, data: Bytes) {
    let now = pair.now;
    pair.client.session().send(now, lane, data, false, None).expect("there is room");
}

/// A packet of our own making, as a hostile client of the connection would send it. CRC32C mode.
fn forge(to: ConnectionId, number: u64, frames: &[Frame<'_>]) -> Vec<u8> {
    let mut packet = Vec::new();
    let header = Header { destination: to, number: PacketNumber(number), key_phase: false };
    header.encode(&mut packet, number.checked_sub(1));
    for frame in frames {
        frame.encode(&mut packet);
    }
    let crc = crc32c::crc32c(&packet);
    packet.extend_from_slice(&crc.to_be_bytes());
    packet
}

/// Hands the server packets as if from the client; gives why the connection ended, if it did.
fn attack(pair: &mut Pair, frames: &[&[Frame<'_>]]) -> Option<Ended> {
    let (to, from) = (pair.server.session().local_id(), pair.client.address);
    for (n, frames) in frames.iter().enumerate() {
        let mut packet = forge(to, 1000 + n as u64, frames);
        pair.server.endpoint.handle_datagram(pair.now, from, false, &mut packet);
    }
    pair.wait(Duration::from_millis(5));
    pair.server.ended.clone().map(|e| e.1)
}

fn violation(ended: Option<Ended>) -> Violation {
    match ended {
        Some(Ended::Violation(v)) => v,
        other => panic!("a violation, not {other:?}"),
    }
}

#[test]
fn fault_13_no_single_bit_makes_another_message() {
    for integrity in [Integrity::Crc32c, Integrity::Aead(Box::new([5; 32]))] {
        let mut pair = pair(Config { integrity, ..Config::default() });
        send(&mut pair, STREAM, Bytes::from_static(b"the message as it was sent"));
        let now = pair.now;
        let mut packet = Vec::new();
        pair.client.endpoint.poll_transmit(now, &mut packet, 1).expect("a packet");
        for bit in 0..packet.len() * 8 {
            let mut damaged = packet.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            pair.server.endpoint.handle_datagram(now, pair.client.address, false, &mut damaged);
            assert!(!pair.server.session().has_ready(), "bit {bit}");
        }
        let damaged = pair.server.session().stats().packets_damaged;
        assert!(damaged > 0 && pair.server.open());
        pair.server.endpoint.handle_datagram(now, pair.client.address, false, &mut packet);
        assert_eq!(pair.server.session().recv().expect("the message").data, "the message as it was sent");
    }
}

#[test]
fn fault_14_duplicates_reordering_and_replay_deliver_once() {
    let mut pair = pair(Config::default());
    let everything = Plan {
        duplicate: 0.5,
        reorder: 0.5,
        reorder_by: Duration::from_millis(15),
        jitter: Duration::from_millis(5),
        ..PATH
    };
    pair.set_plan(everything);
    for n in 0..300u32 {
        send(&mut pair, STREAM, Bytes::from(n.to_be_bytes().to_vec()));
        pair.wait(Duration::from_millis(1));
    }
    pair.wait(SECOND);
    let got: Vec<u32> = pair
        .server
        .messages(STREAM)
        .iter()
        .map(|m| u32::from_be_bytes(m.data[..].try_into().expect("4")))
        .collect();
    assert_eq!(got, (0..300).collect::<Vec<_>>());
    assert!(pair.server.session().stats().packets_repeated > 50);
}

#[test]
fn fault_15_every_second_fragment_with_the_first_withheld_is_bounded() {
    let mut pair = pair(Config { receive_window: 64 << 10, ..Config::default() });
    let lane = Lane { channel: Channel(0), mode: Mode::Ordered };
    let held: Vec<_> = (0..16_000u32)
        .map(|i| {
            Frame::Fragment(Fragment {
                lane,
                id: MessageId(0),
                offset: 2 * i + 1,
                fin: false,
                end: false,
                data: b"x",
            })
        })
        .collect();
    let packets: Vec<&[Frame<'_>]> = held.chunks(100).collect();
    assert!(matches!(violation(attack(&mut pair, &packets)), Violation::Reassembly(_)));
    assert!(pair.server.most_pieces < 6000, "{}", pair.server.most_pieces);
    // Over many messages it ends the same way, or at the window.
    let mut pair =
        self::pair(Config { receive_window: 64 << 10, receive_messages: 100, ..Config::default() });
    let heads: Vec<_> = (1..200u64)
        .map(|id| {
            Frame::Fragment(Fragment {
                lane,
                id: MessageId(id),
                offset: 0,
                fin: true,
                end: false,
                data: b"x",
            })
        })
        .collect();
    let packets: Vec<&[Frame<'_>]> = heads.chunks(50).collect();
    assert!(matches!(violation(attack(&mut pair, &packets)), Violation::FlowControl(_)));
}

#[test]
fn fault_16_an_acknowledgement_of_what_was_never_sent_ends_the_connection() {
    let mut pair = pair(Config::default());
    let (to, from) = (pair.server.session().local_id(), pair.client.address);
    // ACK, largest 500, and nothing else; then one whose ranges go below zero.
    for (payload, expected) in [
        (&[0x02, 0x41, 0xf4, 0, 0, 0, 0][..], Violation::AckOfUnsent(500)),
        (&[0x02, 2, 0, 0, 0, 9], Violation::Frame("acknowledgement")),
    ] {
        let mut pair2 = self::pair(Config::default());
        let mut packet = forge(pair2.server.session().local_id(), 1000, &[]);
        packet.truncate(packet.len() - 4);
        packet.extend_from_slice(payload);
        let crc = crc32c::crc32c(&packet);
        packet.extend_from_slice(&crc.to_be_bytes());
        pair2.server.endpoint.handle_datagram(pair2.now, from, false, &mut packet);
        pair2.wait(Duration::from_millis(5));
        assert_eq!(violation(pair2.server.ended.clone().map(|e| e.1)), expected);
        assert!(pair2.run(SECOND, |p| p.client.ended.is_some()), "the client is told");
    }
    let now = pair.now;
    pair.server.session().send(now, STREAM, "x".into(), false, None).expect("there is room");
    pair.wait(SECOND);
    // The same range twice, and overlapping what was acknowledged before, is no violation.
    let mut packet = forge(to, 1000, &[]);
    packet.truncate(packet.len() - 4);
    packet.extend_from_slice(&[0x02, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0]);
    let crc = crc32c::crc32c(&packet);
    packet.extend_from_slice(&crc.to_be_bytes());
    pair.server.endpoint.handle_datagram(pair.now, from, false, &mut packet);
    pair.wait(Duration::from_millis(5));
    assert!(pair.server.open());
}

#[test]
fn more_than_was_allowed_ends_the_connection() {
    let lane = |channel, mode| Lane { channel: Channel(channel), mode };
    let fragment = |lane, offset, data: &'static [u8], fin| {
        Frame::Fragment(Fragment { lane, id: MessageId(0), offset, fin, end: false, data })
    };
    let config = || Config { receive_window: 64 << 10, max_message: 1000, channels: 2, ..Config::default() };
    let ordered = lane(0, Mode::Ordered);
    let big = fragment(ordered, 990, b"12345678901", false);
    let limit = 1000;
    assert_eq!(
        violation(attack(&mut pair(config()), &[&[big]])),
        Violation::MessageTooLarge { size: 1001, limit }
    );
    let far = fragment(lane(2, Mode::Ordered), 0, b"x", true);
    assert_eq!(violation(attack(&mut pair(config()), &[&[far]])), Violation::Channel(2));
    let ends = [fragment(ordered, 0, b"abc", true), fragment(ordered, 0, b"abcd", true)];
    let partial = fragment(ordered, 2, b"c", true);
    let after = fragment(ordered, 1, b"bcd", false);
    assert!(matches!(violation(attack(&mut pair(config()), &[&[partial, after]])), Violation::Message(_)));
    assert_eq!(attack(&mut pair(config()), &[&ends]), None, "a message that is done is done");
}

#[test]
fn fault_18_spoofed_first_packets_leave_no_state_and_get_less_than_they_sent() {
    let mut pair = Pair::new(Config::default(), PATH, 1);
    let to = pair.server.address;
    pair.client.handle = pair.client.endpoint.connect(pair.now, to);
    let mut init = Vec::new();
    pair.client.endpoint.poll_transmit(pair.now, &mut init, 1).expect("the first packet");
    assert_eq!(init.len(), 1200);
    let mut answer = Vec::new();
    for n in 0..100_000u32 {
        let from = (std::net::Ipv4Addr::from(0x0a00_0000 + n), 5000).into();
        // Another connection id each, the checksum made good.
        let mut packet = init.clone();
        packet[1..5].copy_from_slice(&n.to_be_bytes());
        let end = packet.len() - 4;
        let crc = crc32c::crc32c(&packet[..end]);
        packet[end..].copy_from_slice(&crc.to_be_bytes());
        pair.server.endpoint.handle_datagram(pair.now, from, false, &mut packet);
        answer.clear();
        let sent = pair.server.endpoint.poll_transmit(pair.now, &mut answer, 1).expect("a cookie");
        assert!(sent.route.peer == from && answer.len() <= 64, "{} bytes", answer.len());
        assert!(pair.server.endpoint.poll_transmit(pair.now, &mut answer, 1).is_none(), "one answer");
    }
    assert_eq!(pair.server.endpoint.connections(), 0);
    assert_eq!(pair.server.endpoint.stats().cookies, 100_000);
    assert_eq!(pair.server.endpoint.poll_timeout(), None, "nothing waits for them");
    // Short first packets get no answer at all.
    let mut short = init[..1199].to_vec();
    pair.server.endpoint.handle_datagram(pair.now, pair.client.address, false, &mut short);
    assert!(pair.server.endpoint.poll_transmit(pair.now, &mut answer, 1).is_none());
}

#[test]
fn fault_19_a_repeated_first_packet_gets_the_same_answer() {
    let mut pair = Pair::new(Config::default(), PATH, 1);
    let (to, from) = (pair.server.address, pair.client.address);
    pair.client.handle = pair.client.endpoint.connect(pair.now, to);
    let exchange = |pair: &mut Pair, packet: &[u8]| {
        let mut out = Vec::new();
        pair.server.endpoint.handle_datagram(pair.now, from, false, &mut packet.to_vec());
        pair.server.endpoint.poll_transmit(pair.now, &mut out, 1).map(|_| out)
    };
    let mut first = Vec::new();
    pair.client.endpoint.poll_transmit(pair.now, &mut first, 1).expect("the first packet");
    let cookie = exchange(&mut pair, &first).expect("a cookie");
    assert_eq!(exchange(&mut pair, &first).expect("a cookie"), cookie);
    pair.client.endpoint.handle_datagram(pair.now, to, false, &mut { cookie });
    let mut second = Vec::new();
    pair.client.endpoint.poll_transmit(pair.now, &mut second, 1).expect("with the cookie");
    let accept = exchange(&mut pair, &second).expect("accepted");
    assert_eq!(exchange(&mut pair, &second).expect("accepted"), accept);
    assert_eq!(pair.server.endpoint.connections(), 1);
    // Refused: the same, again and again.
    let key = Integrity::Aead(Box::new([1; 32]));
    let mut pair = Pair::with(Config::default(), Config { integrity: key, ..Config::default() }, PATH, 1);
    pair.client.handle = pair.client.endpoint.connect(pair.now, to);
    first.clear();
    pair.client.endpoint.poll_transmit(pair.now, &mut first, 1).expect("the first packet");
    let cookie = exchange(&mut pair, &first).expect("a cookie");
    pair.client.endpoint.handle_datagram(pair.now, to, false, &mut { cookie });
    second.clear();
    pair.client.endpoint.poll_transmit(pair.now, &mut second, 1).expect("with the cookie");
    let refused = exchange(&mut pair, &second).expect("refused");
    assert_eq!(exchange(&mut pair, &second).expect("refused"), refused);
    assert_eq!(pair.server.endpoint.connections(), 0);
}

#[test]
fn fault_20_a_black_hole_of_ten_seconds_heals_or_ends_at_exactly_the_idle_timeout() {
    for (idle, survives) in [(15, true), (6, false)] {
        let mut pair = pair(Config { idle: SECOND * idle, ..Config::default() });
        for n in 0..500u32 {
            send(&mut pair, STREAM, Bytes::from(vec![n as u8; 1000]));
        }
        pair.wait(Duration::from_millis(30));
        let begin = pair.now;
        pair.set_plan(Plan { black_hole: true, ..PATH });
        pair.wait(SECOND * 10);
        pair.set_plan(PATH);
        assert_eq!(pair.client.open(), survives);
        if survives {
            assert!(pair.run(SECOND * 5, |p| p.server.messages(STREAM).len() == 500), "it goes on soon");
        } else {
            let (at, ended) = pair.client.ended.clone().expect("it ended");
            assert_eq!(ended, Ended::Idle(SECOND * idle));
            let after = at.since(begin);
            // What was on its way when the hole opened still arrived.
            assert!(
                after >= SECOND * idle - PATH.delay && after <= SECOND * idle + PATH.delay * 2,
                "{after:?}"
            );
        }
    }
}

#[test]
fn fault_21_a_path_mtu_that_falls_is_found() {
    let mut pair = pair(Config::default());
    for _ in 0..1000 {
        send(&mut pair, STREAM, Bytes::from(vec![1; 1000]));
    }
    assert!(pair.run(SECOND * 10, |p| p.server.messages(STREAM).len() == 1000));
    assert_eq!(pair.client.session().stats().mtu, 1472);
    // 1500 → 1280 bytes of IP, less 28 of headers; nobody says so.
    pair.set_plan(Plan { mtu: Some(1252), ..PATH });
    let begin = pair.now;
    for _ in 0..1000 {
        send(&mut pair, STREAM, Bytes::from(vec![2; 1000]));
    }
    assert!(pair.run(SECOND * 10, |p| p.server.messages(STREAM).len() == 2000), "recovered");
    assert!(pair.now.since(begin) < SECOND * 3, "{:?}", pair.now.since(begin));
    let stats = pair.client.session().stats();
    assert_eq!((stats.black_holes, stats.mtu), (1, 1252));
}

#[test]
fn a_message_whose_time_is_over_holds_nobody_up() {
    let mut pair = pair(Config::default());
    pair.set_plan(Plan { black_hole: true, ..PATH });
    let now = pair.now;
    pair.client.session().send(now, STREAM, "old".into(), false, Some(SECOND / 10)).expect("there is room");
    send(&mut pair, STREAM, "new".into());
    pair.wait(SECOND);
    pair.set_plan(PATH);
    assert!(pair.run(SECOND * 5, |p| !p.server.messages(STREAM).is_empty()));
    assert_eq!(pair.server.messages(STREAM)[0].data, "new");
    assert_eq!((pair.client.session().stats().expired, pair.server.session().stats().skipped), (1, 1));
}

/// What was given up is still owed to the peer, who would hold back all that follows.
#[test]
fn finish_waits_until_the_peer_knows_what_was_given_up() {
    let mut pair = pair(Config::default());
    pair.set_plan(Plan { black_hole: true, ..PATH });
    let now = pair.now;
    pair.client.session().send(now, STREAM, "old".into(), false, Some(SECOND / 20)).expect("there is room");
    assert!(pair.run(SECOND, |p| p.client.session().stats().expired == 1));
    pair.wait(SECOND / 1000);
    pair.set_plan(PATH);
    send(&mut pair, STREAM, "new".into());
    let now = pair.now;
    pair.client.session().finish(now);
    assert!(pair.run(SECOND * 5, |p| p.server.ended.is_some()));
    assert_eq!(pair.server.messages(STREAM)[0].data, "new");
}

#[test]
fn without_retransmission_messages_are_missing_and_with_stop_and_wait_they_are_slow() {
    let lossy = Plan { loss: 0.1, ..PATH };
    let run = |config: Config| {
        let mut pair = Pair::new(config, lossy, 3);
        pair.connect();
        let begin = pair.now;
        for _ in 0..200 {
            send(&mut pair, STREAM, Bytes::from(vec![1; 1000]));
        }
        pair.run(SECOND * 300, |p| p.client.session().stats().buffered == 0);
        (pair.server.messages(STREAM).len(), pair.now.since(begin))
    };
    let (all, quick) = run(Config::default());
    let (some, _) = run(Config { retransmit: false, ..Config::default() });
    let (slow_all, slow) = run(Config { window: Some(1), ..Config::default() });
    assert!(all == 200 && slow_all == 200 && (100..195).contains(&some), "{all} {some} {slow_all}");
    assert!(slow > quick * 5, "{slow:?} and {quick:?}");
}
