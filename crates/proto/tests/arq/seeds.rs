//! Many seeds: each draws a path, settings and a load, and every promise is checked. A failing seed is
//! replayed with SOCKEYE_SEED. A run of all 100,000 takes some 30 CPU seconds, on every core there is, so each run of
//! the tests is one.

use crate::{basics::SECOND, pair::Pair};
use bytes::Bytes;
use sockeye_proto::{
    arq::{Algorithm, Channel, Config, Ended, Event, Integrity, Lane, Mode, SendError},
    faults::{Burst, Plan, Rate, Rng},
};
use std::{collections::BTreeMap, time::Duration};

/// Seeds of a normal run; SOCKEYE_SCALE multiplies them.
const SEEDS: u64 = 100_000;

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One of several things, each as likely.
fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len() as u64) as usize]
}

fn plan(rng: &mut Rng) -> Plan {
    let delay = millis(rng.below(60));
    Plan {
        loss: pick(rng, &[0.0, 0.0, 0.01, 0.05, 0.2]),
        burst: pick(rng, &[None, None, Some(Burst { begin: 0.02, end: 0.3, loss: 0.8 })]),
        corrupt: pick(rng, &[0.0, 0.0, 0.05]),
        duplicate: pick(rng, &[0.0, 0.0, 0.1]),
        delay,
        jitter: pick(rng, &[Duration::ZERO, millis(3), millis(30)]),
        reorder: pick(rng, &[0.0, 0.0, 0.1]),
        reorder_by: millis(rng.below(50)),
        rate: pick(rng, &[None, None, Some(Rate { bytes: 250_000, queue: 20_000, overhead: 28 })]),
        mtu: Some(pick(rng, &[1472, 1472, 1252, 1200, 9000])),
        black_hole: false,
    }
}

fn config(rng: &mut Rng) -> Config {
    let key = Box::new([rng.below(256) as u8; 32]);
    let sealed = rng.below(4) == 0;
    let integrity = if sealed { Integrity::Aead(key) } else { Integrity::Crc32c };
    Config {
        integrity,
        congestion: pick(rng, &[Algorithm::Cubic, Algorithm::Bbr]),
        window: pick(rng, &[None, None, None, Some(1), Some(8)]),
        receive_window: pick(rng, &[16 << 10, 64 << 10, 1 << 20]),
        receive_messages: pick(rng, &[4, 64, 1000]),
        max_message: 20_000,
        idle: SECOND * 60,
        handshake_timeout: SECOND * 60,
        keep_alive: pick(rng, &[None, Some(SECOND)]),
        ..Config::default()
    }
}

/// The bytes of message `n` of a lane: told apart from every other.
fn body(rng: &mut Rng, lane: Lane, n: u32) -> Bytes {
    let len = match rng.below(4) {
        0 => rng.below(60),
        1 => rng.below(1500),
        2 => 1000,
        _ => rng.below(8000),
    } as usize;
    let mut data = vec![lane.channel.0, lane.mode as u8];
    data.extend_from_slice(&n.to_be_bytes());
    data.extend((0..len).map(|i| (i as u32 ^ n.wrapping_mul(31)) as u8));
    Bytes::from(data)
}

/// What one end was asked to send, by lane.
type Load = BTreeMap<Lane, Vec<Bytes>>;

fn load(rng: &mut Rng) -> Load {
    let mut load = Load::new();
    for _ in 0..rng.below(3) + 1 {
        let lane = Lane { channel: Channel(rng.below(3) as u8), mode: pick(rng, &Mode::ALL) };
        let n = rng.below(25) as u32;
        load.insert(lane, (0..n).map(|i| body(rng, lane, i)).collect());
    }
    load
}

/// `whole`: no message may be given up because its time is over.
fn check(seed: u64, lane: Lane, whole: bool, sent: &[Bytes], got: &[Bytes]) {
    match lane.mode {
        Mode::Ordered if whole => {
            assert!(sent == got, "seed {seed}: {lane:?} in order, {} of {}", got.len(), sent.len())
        }
        Mode::Unordered if whole => {
            let sorted = |m: &[Bytes]| {
                let mut m = m.to_vec();
                m.sort();
                m
            };
            assert!(
                sorted(sent) == sorted(got),
                "seed {seed}: {lane:?} once, {} of {}",
                got.len(),
                sent.len()
            );
        }
        mode => {
            let place = |m: &Bytes| sent.iter().position(|s| s == m).expect("what was sent, unchanged");
            let places: Vec<_> = got.iter().map(place).collect();
            let mut once = places.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), places.len(), "seed {seed}: {lane:?} at most once");
            if matches!(mode, Mode::Ordered | Mode::Sequenced) {
                assert_eq!(once, places, "seed {seed}: {lane:?} never backwards");
            }
        }
    }
}

/// What happens to the path and the applications on the way.
fn disturb(pair: &mut Pair, rng: &mut Rng, plan: Plan) {
    match rng.below(6) {
        0 => {
            pair.set_plan(Plan { black_hole: true, ..plan });
            pair.wait(millis(rng.below(10_000)));
            pair.set_plan(plan);
        }
        1 => pair.set_plan(Plan { mtu: Some(1200), ..plan }),
        2 => {
            let old = pair.client.address;
            pair.left.push(old);
            let new: std::net::SocketAddr =
                pick(rng, &["192.0.2.1:1001", "192.0.2.7:1000"]).parse().expect("an address");
            if pair.left.contains(&new) {
                pair.left.pop();
                return;
            }
            pair.client.address = new;
            // Who has moved and has nothing to say must say so, or be lost to the peer.
            pair.client.session().ping();
        }
        3 => {
            let stopped = rng.below(3);
            (pair.client.reads, pair.server.reads) = (stopped == 0, stopped == 1);
            pair.wait(millis(rng.below(3000)));
            (pair.client.reads, pair.server.reads) = (true, true);
        }
        _ => {}
    }
}

fn scenario(seed: u64) -> (u64, u64) {
    let mut rng = Rng::new(seed);
    let (plan, config) = (plan(&mut rng), config(&mut rng));
    let (window, messages) = (u64::from(config.receive_window), config.receive_messages as usize);
    let mut pair = Pair::new(config, plan, seed);
    pair.connect();
    let wanted = [load(&mut rng), load(&mut rng)];
    let [mut up, mut down] = wanted.clone();
    let lifetime = pick(&mut rng, &[None, None, None, Some(millis(20)), Some(millis(400))]);
    let parts = rng.below(3) + 1;
    for part in 1..=parts {
        for (end, load) in [(&mut pair.client, &mut up), (&mut pair.server, &mut down)] {
            for (lane, messages) in load.iter_mut() {
                let now = pair.now;
                let n = if part == parts { messages.len() } else { messages.len() / 2 };
                for data in messages.drain(..n) {
                    match end.session().send(now, *lane, data, false, lifetime) {
                        Ok(()) => {}
                        Err(SendError::Full) => panic!("seed {seed}: the load is below the buffer"),
                        Err(e) => panic!("seed {seed}: {e}"),
                    }
                }
            }
        }
        pair.wait(millis(rng.below(200)));
        disturb(&mut pair, &mut rng, plan);
    }
    let drained = |e: &crate::pair::End| {
        e.endpoint.session(e.handle.expect("a connection")).is_none_or(|s| s.stats().buffered == 0)
    };
    pair.run(SECOND * 600, |p| {
        let over = p.client.ended.is_some() || p.server.ended.is_some();
        over || drained(&p.client) && drained(&p.server)
    });
    let why = (&pair.client.ended, &pair.server.ended);
    assert!(why.0.is_none() && why.1.is_none(), "seed {seed}: ended early, {why:?}");
    assert!(drained(&pair.client) && drained(&pair.server), "seed {seed}: not drained, {why:?}");
    pair.wait(millis(200));
    for (end, wanted) in [(&pair.server, &wanted[0]), (&pair.client, &wanted[1])] {
        for (lane, sent) in wanted {
            let got: Vec<Bytes> = end.messages(*lane).iter().map(|m| m.data.clone()).collect();
            check(seed, *lane, lifetime.is_none(), sent, &got);
        }
        // Unreliable messages have a bound of their own beside the window.
        assert!(end.most_held <= window + (256 << 10), "seed {seed}: {} bytes held", end.most_held);
        let pieces = window as usize / 256 + 4 * messages + 64 + 256 + 4000;
        assert!(end.most_pieces <= pieces, "seed {seed}: {} pieces", end.most_pieces);
    }
    end_it(seed, &mut pair, plan);
    (pair.now.nanos(), pair.up.counts().sent + pair.down.counts().sent)
}

/// Either end closes; the other learns it, or finds out by itself.
fn end_it(seed: u64, pair: &mut Pair, plan: Plan) {
    let now = pair.now;
    let black = seed.is_multiple_of(7);
    if black {
        pair.set_plan(Plan { black_hole: true, ..plan });
    }
    let (code, reason) = if seed.is_multiple_of(2) { (3, "bye") } else { (0, "done") };
    match code {
        // Everything has arrived: at once as well.
        0 => pair.server.session().finish(now),
        _ => pair.server.session().close(now, code, reason),
    }
    pair.run(SECOND * 100, |p| p.client.ended.is_some());
    assert_eq!(pair.server.ended.as_ref().map(|e| &e.1), Some(&Ended::Local), "seed {seed}");
    let Some((at, ended)) = pair.client.ended.clone() else { panic!("seed {seed}: it never ended") };
    let idle = Ended::Idle(SECOND * 60);
    if black {
        assert_eq!(ended, idle, "seed {seed}");
        assert!(at.since(now) <= SECOND * 62, "seed {seed}: after {:?}", at.since(now));
    } else {
        assert!(
            ended == idle || ended == Ended::Peer { code, reason: reason.into() },
            "seed {seed}: {ended:?}"
        );
    }
    pair.wait(SECOND * 20);
    assert_eq!(
        (pair.client.endpoint.connections(), pair.server.endpoint.connections()),
        (0, 0),
        "seed {seed}"
    );
    assert!(
        matches!(pair.client.events.last(), Some(Event::Ended(_))),
        "seed {seed}: the end is the last event"
    );
}

#[test]
fn every_seed_keeps_every_promise() {
    if let Ok(seed) = std::env::var("SOCKEYE_SEED") {
        scenario(seed.parse().expect("a seed"));
        return;
    }
    let scale = std::env::var("SOCKEYE_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                (thread..SEEDS * scale).step_by(threads as usize).for_each(|s| {
                    scenario(s);
                })
            });
        }
    });
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 77, 4321] {
        assert_eq!(scenario(seed), scenario(seed));
    }
}
