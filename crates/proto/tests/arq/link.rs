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
    let mbit = pour(&mut pair, seconds);
    let counts = pair.up.counts();
    let wire = (counts.sent_bytes + 28 * counts.sent) as f64;
    (mbit, wire / (mbit * 1e6 / 8.0 * f64::from(seconds)))
}

/// Sends as much as goes for `seconds`; gives Mbit/s of messages that arrived.
fn pour(pair: &mut Pair, seconds: u32) -> f64 {
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
    bytes as f64 * 8.0 / f64::from(seconds) / 1e6
}

/// The runs of which the median counts: one in a normal run.
fn seeds() -> std::ops::RangeInclusive<u64> {
    1..=if std::env::var("SOCKEYE_SCALE").is_ok() { 5 } else { 1 }
}

#[test]
fn goodput_on_the_emulated_link() {
    let mut table = String::from("loss    cubic    bbr   wire bytes for each of a message (bbr)\n");
    let mut met = true;
    for (loss, cubic_goal, bbr_goal) in
        [(0.0, 90.0, 90.0), (0.001, 20.0, 90.0), (0.01, 4.0, 88.0), (0.02, 2.5, 85.0), (0.05, 1.6, 75.0)]
    {
        let run =
            |congestion, seed| goodput(Config { congestion, ..Config::default() }, link(loss), 20, seed);
        let median = |congestion| {
            let mut runs: Vec<_> = seeds().map(|seed| run(congestion, seed)).collect();
            runs.sort_by(|a, b| a.0.total_cmp(&b.0));
            runs[runs.len() / 2]
        };
        let ((cubic, _), (bbr, wire)) = (median(Algorithm::Cubic), median(Algorithm::Bbr));
        let _ = writeln!(table, "{:>4.1} %  {cubic:>5.1}  {bbr:>5.1}   {wire:.3}", loss * 100.0);
        met &= cubic >= cubic_goal && bbr >= bbr_goal && (loss != 0.02 || wire <= 1.08);
    }
    assert!(met, "{table}");
}

/// Goodput over window and loss on the same link, compared with the table in the file. SOCKEYE_BLESS=1 writes
/// it anew.
#[test]
fn goodput_over_window_and_loss() {
    let mut table = String::from("Mbit/s; packets in flight at most, down; loss each way, across\n");
    let losses = [0.0, 0.001, 0.01, 0.05];
    let _ = writeln!(table, "window {}", losses.map(|l| format!("{:>8.1} %", l * 100.0)).concat());
    for window in [Some(1), Some(4), Some(16), Some(64), Some(256), None] {
        let name = window.map_or_else(|| "none".into(), |w: u32| w.to_string());
        let row = losses.map(|loss| {
            let config = Config { window, congestion: Algorithm::Bbr, ..Config::default() };
            format!("{:>10.2}", goodput(config, link(loss), 5, 1).0)
        });
        let _ = writeln!(table, "{name:<7}{}", row.concat());
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/arq/goodput.txt");
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(path, &table).expect("the table can be written");
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap_or_default(), "SOCKEYE_BLESS=1 accepts it");
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
        assert!(p99[2] <= goal, "{mode:?}: {p99:?}, goal {goal}");
    }
}

/// A path that jitters gives acknowledgements in bunches: between two of them more must be on its way than the
/// smallest round-trip time would have.
#[test]
fn bunched_acknowledgements_do_not_stall_bbr() {
    let plan = Plan { jitter: Duration::from_millis(100), ..link(0.0) };
    let config = || Config { congestion: Algorithm::Bbr, ..Config::default() };
    let runs: Vec<_> = (1..=5).map(|seed| goodput(config(), plan, 8, seed).0).collect();
    assert!(runs.iter().all(|&mbit| mbit > 30.0), "{runs:?} Mbit/s");
}

/// The rate that a path once had is forgotten when it has become slow, and found again.
#[test]
fn bbr_follows_a_path_that_changes_its_rate() {
    let rate = |bytes| Plan { rate: Some(Rate { bytes, queue: 500_000, overhead: 28 }), ..link(0.0) };
    let mut pair = Pair::new(Config { congestion: Algorithm::Bbr, ..Config::default() }, link(0.0), 1);
    pair.connect();
    pour(&mut pair, 5);
    pair.set_plan(rate(1_250_000));
    pour(&mut pair, 10);
    let before = pair.up.counts();
    let slow = pour(&mut pair, 10);
    assert_eq!(pair.up.counts().overflowed, before.overflowed, "the queue no longer overflows");
    assert!(slow > 8.5, "{slow} of 10 Mbit/s");
    pair.set_plan(rate(12_500_000));
    pour(&mut pair, 15);
    let fast = pour(&mut pair, 5);
    assert!(fast > 80.0, "{fast} of 100 Mbit/s");
}
