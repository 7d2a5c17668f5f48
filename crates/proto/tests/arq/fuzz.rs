//! The bounded share of fuzzing: random input to the same entry points as the fuzz targets.

use crate::{basics::SECOND, pair::Pair};
use bytes::Bytes;
use sockeye_proto::{
    arq::{Config, Endpoint, STREAM, frame::Frames},
    faults::{Plan, Rng},
    time::Time,
};

fn scale() -> u64 {
    std::env::var("SOCKEYE_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

/// Any datagram, from anyone, to an endpoint that accepts.
fn datagram(endpoint: &mut Endpoint, bytes: &mut [u8]) {
    let from = std::net::SocketAddr::from(([192, 0, 2, 9], 9));
    endpoint.handle_datagram(Time::after(SECOND), from, false, bytes);
    let mut out = Vec::new();
    while endpoint.poll_transmit(Time::after(SECOND), &mut out, 4).is_some() {}
    assert_eq!(endpoint.connections(), 0);
}

#[test]
fn random_datagrams_and_frames_do_no_harm() {
    let mut rng = Rng::new(7);
    let mut endpoint = Endpoint::new(Config::default(), [1; 32], true);
    for _ in 0..20_000 * scale() {
        let mut bytes: Vec<u8> = (0..rng.below(100)).map(|_| rng.next_u64() as u8).collect();
        let _ = Frames::new(&bytes).count();
        datagram(&mut endpoint, &mut bytes);
    }
}

/// Real packets of a real connection with bytes changed and checksums made good again: what gets through is
/// a frame that an attacker chose.
#[test]
fn changed_packets_with_good_checksums_do_no_harm() {
    for seed in 0..300 * scale() {
        let mut rng = Rng::new(seed);
        let config = Config { receive_window: 16 << 10, receive_messages: 50, ..Config::default() };
        let mut pair = Pair::new(config, Plan { mtu: Some(1472), ..Plan::default() }, seed);
        pair.connect();
        for _ in 0..30 {
            let now = pair.now;
            if pair.client.open() {
                let data = Bytes::from(vec![3; rng.below(3000) as usize]);
                let _ = pair.client.session().send(now, STREAM, data, rng.chance(0.02), None);
            }
            let mut out = Vec::new();
            while let Some(sent) = pair.client.endpoint.poll_transmit(now, &mut out, 1) {
                let mut packet = std::mem::take(&mut out);
                assert_eq!(sent.len, packet.len());
                if packet[0] & 0x80 == 0 && packet.len() > 16 {
                    for _ in 0..rng.below(4) {
                        let at = 9 + rng.below(packet.len() as u64 - 13) as usize;
                        packet[at] = rng.next_u64() as u8;
                    }
                    let end = packet.len() - 4;
                    let crc = crc32c::crc32c(&packet[..end]);
                    packet[end..].copy_from_slice(&crc.to_be_bytes());
                }
                pair.server.endpoint.handle_datagram(now, pair.client.address, false, &mut packet);
            }
            pair.wait(SECOND / 100);
            assert!(pair.server.most_held <= (16 << 10) + (1 << 20), "{}", pair.server.most_held);
            assert!(pair.server.most_pieces < 6000, "{}", pair.server.most_pieces);
        }
    }
}
