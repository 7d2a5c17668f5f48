//! Two endpoints and a path whose every fate the input decides: send, deliver, drop, swap, damage, wait.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_proto::{
    arq::{Config, Endpoint, Event, STREAM},
    time::Time,
};
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let config = Config { receive_window: 16 << 10, receive_messages: 20, ..Config::default() };
    let addresses: [std::net::SocketAddr; 2] = [([192, 0, 2, 1], 1).into(), ([192, 0, 2, 2], 2).into()];
    let mut ends = [Endpoint::new(config.clone(), [1; 32], false), Endpoint::new(config, [2; 32], true)];
    let mut now = Time::after(Duration::from_secs(1));
    let client = ends[0].connect(now, addresses[1]).expect("the first connection");
    let (mut sent, mut got) = (0u32, 0u32);
    let mut flying: [Vec<Vec<u8>>; 2] = Default::default();
    for op in data {
        let side = usize::from(op & 1);
        match op >> 1 & 7 {
            0 => {
                let message = sent.to_be_bytes().to_vec();
                if let Some(session) = ends[0].session_mut(client) {
                    sent += u32::from(session.send(now, STREAM, message.into(), false, None).is_ok());
                }
            }
            1 => drop(flying[side].pop()),
            2 => flying[side].reverse(),
            3 => {
                if let Some(byte) = flying[side].last_mut().and_then(|p| p.last_mut()) {
                    *byte ^= 0x10;
                }
            }
            4 => {
                now += Duration::from_millis(u64::from(op >> 4) * 20);
                ends.iter_mut().for_each(|e| e.handle_timeout(now));
            }
            _ => {
                if !flying[side].is_empty() {
                    let mut packet = flying[side].remove(0);
                    ends[1 - side].handle_datagram(now, addresses[side], false, &mut packet);
                }
            }
        }
        for (end, flying) in ends.iter_mut().zip(&mut flying) {
            let mut out = Vec::new();
            while end.poll_transmit(now, &mut out, 1).is_some() {
                flying.push(std::mem::take(&mut out));
            }
        }
        while let Some((handle, event)) = ends[1].poll_event() {
            let Some(session) = ends[1].session_mut(handle) else { continue };
            if event == Event::Readable {
                while let Some(message) = session.recv() {
                    assert_eq!(message.data[..], got.to_be_bytes(), "in order, once");
                    got += 1;
                }
            }
        }
        while ends[0].poll_event().is_some() {}
    }
    assert!(got <= sent);
});
