//! An emulated link: what congestion control makes of it. The tables are snapshots: a change shows as a diff.

use crate::{basics::SECOND, pair::Pair};
use bytes::Bytes;
use sockeye_proto::{
    arq::{Algorithm, Channel, Config, Lane, Mode, STREAM, SendError},
    faults::{Plan, Rate},
};
use std::{fmt::Write, time::Duration};

/// 40 ms round trip, 100 Mbit/s, a queue of 500 kB; loss each way.
fn link(loss: f64) -> Plan {
    Plan {
        loss,
        delay: Duration::from_millis(20),
        rate: Some(Rate { bytes: 12_500_000, queue: 500_000, overhead: 28 }),
        mtu: Some(1472),
        ..Plan::default()
    }
}

/// Messages of 1 kB for `seconds`: Mbit/s of messages that arrived in order, and bytes on the wire for each.
fn goodput(config: Config, plan: Plan, seconds: u32, seed: u64) -> (f64, f64) {
    let mut pair = Pair::new(config, plan, seed);
    pair.connect();
    let until = pair.now + SECOND * seconds;
    let message = Bytes::from(vec![7; 1000]);
    let mut bytes = 0;
    while pair.now < until {
        loop {
            let now = pair.now;
            match pair.client.session().send(now, STREAM, message.clone(), false, None) {
                Ok(()) => {}
                Err(SendError::Full) => break,
                Err(e) => panic!("{e}: {:?}", pair.client.ended),
            }
        }
        for _ in 0..32 {
            pair.step(until);
        }
        for (_, messages) in pair.server.got.iter_mut() {
            bytes += messages.drain(..).map(|m| m.data.len() as u64).sum::<u64>();
        }
    }
    let counts = pair.up.counts();
    let wire = (counts.sent_bytes + 28 * counts.sent) as f64;
    (bytes as f64 * 8.0 / f64::from(seconds) / 1e6, wire / bytes as f64)
}

#[test]
fn goodput_on_the_emulated_link() {
    let mut table = String::from("loss    cubic    bbr   wire bytes for each of a message (bbr)\n");
    for (loss, cubic_goal, bbr_goal) in
        [(0.0, 90.0, 90.0), (0.001, 20.0, 90.0), (0.01, 4.0, 88.0), (0.02, 2.5, 85.0), (0.05, 1.6, 75.0)]
    {
        let run =
            |congestion, seed| goodput(Config { congestion, ..Config::default() }, link(loss), 20, seed);
        let median = |congestion| {
            let mut runs: Vec<_> = (1..=3).map(|seed| run(congestion, seed)).collect();
            runs.sort_by(|a, b| a.0.total_cmp(&b.0));
            runs[1]
        };
        let ((cubic, _), (bbr, wire)) = (median(Algorithm::Cubic), median(Algorithm::Bbr));
        let _ = writeln!(table, "{:>4.1} %  {cubic:>5.1}  {bbr:>5.1}   {wire:.3}", loss * 100.0);
        if std::env::var("SOCKEYE_TABLE").is_err() {
            assert!(cubic >= cubic_goal && bbr >= bbr_goal, "goals {cubic_goal} and {bbr_goal}\n{table}");
            assert!(loss != 0.02 || wire <= 1.08, "{table}");
        }
    }
    println!("{table}");
}

/// A message of 200 bytes each 10 ms: the 99th percentile of their latency, milliseconds.
fn latency(mode: Mode, plan: Plan, seed: u64) -> u128 {
    let config = Config { congestion: Algorithm::Bbr, ..Config::default() };
    let mut pair = Pair::new(config, plan, seed);
    pair.connect();
    let lane = Lane { channel: Channel(0), mode };
    let mut latencies = Vec::new();
    for _ in 0..3000 {
        let now = pair.now;
        let mut data = vec![0; 200];
        data[..8].copy_from_slice(&now.nanos().to_be_bytes());
        pair.client.session().send(now, lane, Bytes::from(data), false, None).expect("there is room");
        let until = now + Duration::from_millis(10);
        loop {
            let more = pair.step(until);
            for (_, messages) in pair.server.got.iter_mut() {
                for m in messages.drain(..) {
                    let sent = u64::from_be_bytes(m.data[..8].try_into().expect("8 bytes"));
                    latencies.push(u128::from(pair.now.nanos() - sent) / 1_000_000);
                }
            }
            if !more {
                break;
            }
        }
    }
    latencies.sort_unstable();
    assert!(latencies.len() > 2980, "{} arrived", latencies.len());
    latencies[latencies.len() * 99 / 100]
}

#[test]
fn latency_of_small_messages() {
    for (mode, goal) in [(Mode::Ordered, 100), (Mode::Unordered, 90)] {
        let mut p99: Vec<_> = (1..=5).map(|seed| latency(mode, link(0.02), seed)).collect();
        p99.sort_unstable();
        println!("{mode:?}: p99 {p99:?} ms");
        assert!(p99[2] <= goal, "{mode:?}: {p99:?}, goal {goal}");
    }
}
