//! What a peer may say once it is connected: each packet of the input is one that the connection takes for
//! authentic. No panic, no loop, and no more kept than was allowed. The first packets, with a good checksum, are
//! in the same input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::{
    arq::{Channel, Config, Endpoint, Event, Header, Integrity, Lane, Mode, PacketNumber},
    time::Time,
};
use std::{net::SocketAddr, time::Duration};

const WINDOW: u32 = 16 << 10;

fn exchange(now: Time, ends: &mut [Endpoint; 2], addresses: &[SocketAddr; 2]) {
    for _ in 0..8 {
        for from in [0, 1] {
            let mut out = Vec::new();
            while let Some(sent) = ends[from].poll_transmit(now, &mut out, 1) {
                assert_eq!(sent.len, out.len());
                ends[1 - from].handle_datagram(now, addresses[from], false, &mut out);
                out.clear();
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let config = Config {
        integrity: Integrity::Off,
        receive_window: WINDOW,
        receive_messages: 20,
        send_buffer: 1 << 16,
        ..Config::default()
    };
    let addresses: [SocketAddr; 2] = [([192, 0, 2, 1], 1).into(), ([192, 0, 2, 2], 2).into()];
    let mut ends =
        [Endpoint::new(config.clone(), [1; 32], false), Endpoint::new(config, [2; 32], true)];
    let mut now = Time::after(Duration::from_secs(1));
    ends[0].connect(now, addresses[1]).expect("the first connection");
    exchange(now, &mut ends, &addresses);
    let (handle, event) = ends[1].poll_event().expect("it is connected");
    assert_eq!(event, Event::Connected);
    let id = ends[1].session(handle).expect("it is open").local_id();
    let mut number = 100;
    for input in data.split(|&b| b == 0xff) {
        let Some((&op, frames)) = input.split_first() else { continue };
        number += 1 + u64::from(op >> 6);
        now += Duration::from_millis(u64::from(op & 15) * 7);
        ends[1].handle_timeout(now);
        if let Some(session) = ends[1].session_mut(handle) {
            if op & 16 != 0 {
                let lane = Lane { channel: Channel(op & 1), mode: Mode::ALL[usize::from(op >> 6)] };
                let _ = session.send(now, lane, vec![op; usize::from(op) * 9].into(), false, None);
            }
            while op & 32 != 0 && session.recv().is_some() {}
            assert!(session.held() <= u64::from(WINDOW) + (260 << 10), "{} bytes", session.held());
            assert!(session.pieces() < 1000, "{} pieces", session.pieces());
        }
        let mut packet = Vec::new();
        if op == 0x80 {
            // A handshake's packet: the checksum is no part of the game.
            packet.extend_from_slice(frames);
            packet.resize(packet.len().max(1196), 0);
            let crc = crc32c::crc32c(&packet);
            packet.extend_from_slice(&crc.to_be_bytes());
        } else {
            Header { destination: id, number: PacketNumber(number), key_phase: false }
                .encode(&mut packet, number.checked_sub(1));
            packet.extend_from_slice(frames);
        }
        let from = addresses[usize::from(op == 0xc0)];
        ends[1].handle_datagram(now, from, op & 31 == 31, &mut packet);
        let mut out = Vec::new();
        for _ in 0..10_000 {
            out.clear();
            if ends[1].poll_transmit(now, &mut out, 4).is_none() {
                break;
            }
        }
        while ends[1].poll_event().is_some() {}
    }
});
