//! The machines on a virtual clock, and packets field by field.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::wire::checksum;

/// A clock that only a test moves.
struct Clock {
    start: Instant,
    passed: Duration,
}

impl Clock {
    fn new() -> Self {
        Self { start: Instant::now_for_tests(), passed: Duration::ZERO }
    }

    fn now(&self) -> Instant {
        self.start + self.passed
    }

    fn stamp(&self) -> Stamp {
        Stamp { now: self.now(), wall: Duration::from_secs(1_000_000) + self.passed }
    }

    fn advance(&mut self, by: Duration) {
        self.passed += by;
    }

    fn advance_to(&mut self, to: Instant) {
        self.passed = to.duration_since(self.start);
    }
}

/// The one clock reading of these tests: an `Instant` cannot be made any other way.
trait ForTests {
    fn now_for_tests() -> Instant;
}

impl ForTests for Instant {
    #[allow(clippy::disallowed_methods, reason = "an arbitrary origin for a virtual clock")]
    fn now_for_tests() -> Instant {
        Self::now()
    }
}

const MS: Duration = Duration::from_millis(1);

/// Runs a session against a network that answers as `network` says: after which delay, how often.
fn run(plan: Plan, mut network: impl FnMut(u64) -> Vec<Duration>) -> (Session, Clock) {
    let mut clock = Clock::new();
    let mut session = Session::new(plan, clock.now());
    let mut arriving: Vec<(Instant, u16)> = Vec::new();
    loop {
        arriving.sort();
        match session.step(clock.now()) {
            Step::Done => return (session, clock),
            Step::Send { sequence, .. } => {
                session.sent(clock.stamp());
                arriving.extend(
                    network(sequence).into_iter().map(|delay| (clock.now() + delay, sequence as u16)),
                );
            }
            Step::Wait(until) => match arriving.first().copied() {
                Some((when, sequence)) if when <= until => {
                    arriving.remove(0);
                    clock.advance_to(when.max(clock.now()));
                    session.answered(sequence, clock.stamp(), true).expect("our own probe");
                }
                _ => clock.advance_to(until),
            },
        }
        assert!(clock.passed < Duration::from_secs(100_000), "the session does not end");
    }
}

#[test]
fn three_probes_a_second_apart() {
    let (session, clock) = run(Plan { count: Some(3), ..Plan::default() }, |_| vec![4 * MS]);
    let s = session.statistics();
    assert_eq!((s.transmitted, s.received, s.pipe, s.elapsed), (3, 3, 1, 2000 * MS));
    assert_eq!(clock.passed, 2004 * MS);
    assert_eq!((s.times.moments().min(), s.times.moments().max(), s.times.ewma()), (4 * MS, 4 * MS, 4 * MS));
    assert!(session.succeeded());
}

#[test]
fn no_answer_ends_after_the_linger_time() {
    let (session, clock) = run(Plan { count: Some(2), linger: 500 * MS, ..Plan::default() }, |_| vec![]);
    assert_eq!(clock.passed, 1500 * MS);
    assert!(!session.succeeded());
    assert_eq!(session.statistics().loss(), 1.0);
}

#[test]
fn after_an_answer_two_round_trips_are_waited_for() {
    let (session, clock) = run(Plan { count: Some(2), interval: 100 * MS, ..Plan::default() }, |n| {
        if n == 1 { vec![400 * MS] } else { vec![] }
    });
    assert_eq!(session.statistics().received, 1);
    assert_eq!(clock.passed, 100 * MS + 800 * MS);
}

#[test]
fn duplicates_are_told_apart_from_answers() {
    let (session, _) = run(Plan { count: Some(2), ..Plan::default() }, |_| vec![MS, 2 * MS, 3 * MS]);
    let s = session.statistics();
    // The last probe's duplicates come when all is answered and the session is over.
    assert_eq!((s.received, s.duplicates), (2, 2));
}

#[test]
fn a_deadline_goes_on_beyond_the_count_until_all_are_answered() {
    let plan = Plan { count: Some(2), deadline: Some(1900 * MS), interval: 200 * MS, ..Plan::default() };
    let (session, clock) = run(plan.clone(), |_| vec![]);
    assert_eq!((session.statistics().transmitted, clock.passed), (10, 1900 * MS));
    assert!(!session.succeeded());
    let (session, clock) = run(plan, |n| if n == 1 { vec![] } else { vec![MS] });
    assert_eq!((session.statistics().transmitted, clock.passed), (3, 401 * MS));
    assert!(session.succeeded());
}

#[test]
fn a_preload_goes_out_at_once_then_one_each_interval() {
    let mut times = Vec::new();
    let mut clock = Clock::new();
    let mut session = Session::new(Plan { count: Some(5), preload: 3, ..Plan::default() }, clock.now());
    while times.len() < 5 {
        match session.step(clock.now()) {
            Step::Send { .. } => {
                times.push(clock.passed);
                session.sent(clock.stamp());
            }
            Step::Wait(until) => clock.advance_to(until),
            Step::Done => panic!("done early"),
        }
    }
    assert_eq!(times, [Duration::ZERO, Duration::ZERO, Duration::ZERO, 1000 * MS, 2000 * MS]);
}

#[test]
fn a_flood_follows_the_answers_and_falls_to_a_hundred_a_second() {
    let plan = Plan { count: Some(100), interval: Duration::ZERO, ..Plan::default() };
    let (session, _) = run(plan.clone(), |_| vec![MS]);
    assert_eq!(session.statistics().elapsed, 99 * MS);
    let (session, _) = run(plan, |_| vec![]);
    assert_eq!(session.statistics().elapsed, 990 * MS);
}

#[test]
fn adaptive_follows_the_round_trip_but_not_below_its_floor() {
    let plan = Plan { count: Some(50), adaptive: Some(Duration::ZERO), ..Plan::default() };
    let (session, _) = run(plan.clone(), |_| vec![20 * MS]);
    assert!(session.statistics().elapsed < 2500 * MS, "{:?}", session.statistics().elapsed);
    let (session, _) = run(Plan { adaptive: Some(2 * MS), ..plan }, |_| vec![Duration::from_micros(10)]);
    assert!(session.statistics().elapsed >= 96 * MS, "{:?}", session.statistics().elapsed);
}

#[test]
fn a_late_wake_up_does_not_shift_the_schedule() {
    let mut clock = Clock::new();
    let mut session = Session::new(Plan { count: Some(10), ..Plan::default() }, clock.now());
    for _ in 0..10 {
        while let Step::Wait(until) = session.step(clock.now()) {
            clock.advance_to(until + 7 * MS);
        }
        session.sent(clock.stamp());
    }
    assert_eq!(session.statistics().elapsed, 9007 * MS);
}

#[test]
fn sequence_numbers_wrap_on_the_wire_only() {
    let plan = Plan { count: Some(70_000), interval: Duration::ZERO, ..Plan::default() };
    let (session, _) = run(plan, |_| vec![MS / 1000]);
    let s = session.statistics();
    assert_eq!((s.received, s.duplicates), (70_000, 0));
}

#[test]
fn foreign_and_future_numbers_match_nothing() {
    let clock = Clock::new();
    let mut session = Session::new(Plan::default(), clock.now());
    assert_eq!(session.answered(1, clock.stamp(), true), None);
    assert_eq!(session.refused(0), None);
    session.sent(clock.stamp());
    assert_eq!(session.answered(2, clock.stamp(), true), None);
    assert_eq!(session.answered(0, clock.stamp(), true), None);
    assert_eq!(session.answered(1, clock.stamp(), true).map(|a| a.kind), Some(Kind::First));
}

#[test]
fn corrupt_answers_count_apart() {
    let clock = Clock::new();
    let mut session = Session::new(Plan::default(), clock.now());
    session.sent(clock.stamp());
    assert_eq!(session.answered(1, clock.stamp(), false).map(|a| a.kind), Some(Kind::Corrupt));
    assert_eq!(session.answered(1, clock.stamp(), true).map(|a| a.kind), Some(Kind::First));
    let s = session.statistics();
    assert_eq!((s.received, s.corrupted, s.times.moments().count()), (1, 1, 1));
}

#[test]
fn the_kernels_stamps_win_unless_its_clock_was_stepped() {
    let mut clock = Clock::new();
    let mut session = Session::new(Plan::default(), clock.now());
    session.sent(clock.stamp());
    session.transmitted(1, clock.stamp().wall + MS);
    clock.advance(5 * MS);
    let received = Stamp { wall: clock.stamp().wall - MS, ..clock.stamp() };
    assert_eq!(session.answered(1, received, true).map(|a| a.time), Some(3 * MS));
    let stepped_back = Stamp { wall: Duration::from_secs(5), ..clock.stamp() };
    assert_eq!(session.answered(1, stepped_back, true).map(|a| a.time), Some(5 * MS));
    let stepped_on = Stamp { wall: Duration::from_secs(9_000_000), ..clock.stamp() };
    assert_eq!(session.answered(1, stepped_on, true).map(|a| a.time), Some(5 * MS));
}

fn address(n: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n))
}

fn plan() -> SweepPlan {
    SweepPlan { attempts: 1, until_answer: false, interval: 1000 * MS, timeout: 500 * MS, rate: 1000 }
}

/// Runs a sweep in which a host answers after a millisecond where `answers(host, attempt)`.
fn sweep(plan: SweepPlan, hosts: u32, answers: impl Fn(u32, u32) -> bool) -> (Sweep, Duration) {
    let mut clock = Clock::new();
    let mut sweep = Sweep::new(plan, (0..hosts).map(address), 42, clock.now());
    let mut under_way: Vec<(Instant, IpAddr, [u8; 24])> = Vec::new();
    loop {
        let step = sweep.step(clock.now());
        let arrived = under_way.first().is_some_and(|(when, ..)| match step {
            SweepStep::Wait(until) => *when <= until,
            _ => *when <= clock.now(),
        });
        if arrived {
            let (when, from, payload) = under_way.remove(0);
            clock.advance_to(when.max(clock.now()));
            sweep.answered(from, &payload, clock.stamp()).expect("our own mark");
        }
        match step {
            SweepStep::Done => return (sweep, clock.passed),
            SweepStep::Send(probe) => {
                let mut payload = [0; 24];
                sweep.mark(&probe, clock.stamp().wall, &mut payload);
                if answers(probe.host, sweep.hosts()[probe.host as usize].transmitted) {
                    under_way.push((clock.now() + MS, probe.address, payload));
                }
            }
            SweepStep::Wait(until) if !arrived => clock.advance_to(until),
            SweepStep::Wait(_) => {}
        }
    }
}

#[test]
fn a_sweep_keeps_its_rate_and_ends_with_the_last_answer() {
    let (sweep, took) = sweep(plan(), 100, |_, _| true);
    assert_eq!(sweep.unanswered(), 0);
    assert!(sweep.hosts().iter().all(|h| (h.transmitted, h.received, h.times.mean()) == (1, 1, MS)));
    assert!((97 * MS..=101 * MS).contains(&took), "{took:?}");
}

#[test]
fn silent_hosts_are_waited_for_once() {
    let (sweep, took) = sweep(plan(), 100, |host, _| host % 2 == 0);
    assert_eq!(sweep.unanswered(), 50);
    assert!((595 * MS..=602 * MS).contains(&took), "{took:?}");
}

#[test]
fn retries_ask_only_the_silent_ones_and_stop_at_an_answer() {
    let plan = SweepPlan { attempts: 3, until_answer: true, ..plan() };
    let (sweep, took) = sweep(plan, 10, |host, attempt| host != 3 || attempt == 2);
    let asked: Vec<_> = sweep.hosts().iter().map(|h| h.transmitted).collect();
    assert_eq!(asked, [1, 1, 1, 2, 1, 1, 1, 1, 1, 1]);
    assert!((505 * MS..=520 * MS).contains(&took), "{took:?}");
}

#[test]
fn rounds_of_a_count_are_an_interval_apart() {
    let (sweep, took) = sweep(SweepPlan { attempts: 3, ..plan() }, 10, |_, _| true);
    assert!(sweep.hosts().iter().all(|h| (h.transmitted, h.received) == (3, 3)));
    assert!((2005 * MS..=2015 * MS).contains(&took), "{took:?}");
}

#[test]
fn a_trace_learns_the_way_and_where_it_ends() {
    let mut clock = Clock::new();
    let plan = TracePlan { hops: 30, rounds: 2, interval: 10 * MS, timeout: 300 * MS };
    let mut trace = Trace::new(plan, clock.now());
    let exceeded = Report { family: Family::V4, kind: 11, code: 0, info: 0 };
    loop {
        match trace.step(clock.now()) {
            TraceStep::Done => break,
            TraceStep::Wait(until) => clock.advance_to(until),
            TraceStep::Send { sequence, ttl } => {
                trace.sent(clock.stamp());
                clock.advance(MS);
                match ttl {
                    1 => trace.answered(sequence, address(1), Some(exceeded), clock.stamp()),
                    2 => None,
                    _ => trace.answered(sequence, address(9), None, clock.stamp()),
                };
            }
        }
    }
    let hops = trace.hops();
    assert_eq!(hops.len(), 3);
    assert_eq!((hops[0].addresses.as_slice(), hops[0].received), (&[address(1)][..], 2));
    assert_eq!((hops[1].loss(), hops[1].transmitted), (1.0, 2));
    assert_eq!((hops[2].addresses.as_slice(), hops[2].received), (&[address(9)][..], 2));
    assert!(trace.arrived());
}

#[test]
fn an_echo_request_field_by_field() {
    let mut packet = [0xaa; 12];
    encode_request(Family::V4, 0x1234, 7, &mut packet);
    assert_eq!(packet[..2], [8, 0]);
    assert_eq!(packet[4..], [0x12, 0x34, 0, 7, 0xaa, 0xaa, 0xaa, 0xaa]);
    assert_eq!(checksum(&packet), 0);
    let echo = Echo { id: 0x1234, sequence: 7, payload: &[0xaa; 4] };
    assert_eq!(decode(Family::V4, &packet), Ok(Message::Request(echo)));
    encode_request(Family::V6, 0x1234, 7, &mut packet);
    assert_eq!(decode(Family::V6, &packet), Ok(Message::Request(echo)));
}

#[test]
fn an_error_names_the_probe_it_is_about() {
    // Fragmentation needed, next hop 1300, quoting an IPv4 header and the first 8 bytes of an echo request.
    let mut packet = vec![3, 4, 0, 0, 0xff, 0xff, 0x05, 0x14, 0x45];
    packet.extend([0; 8]);
    packet.extend([1, 0, 0]);
    packet.extend([0; 8]);
    packet.extend([8, 0, 0, 0, 0x12, 0x34, 0, 9]);
    let Ok(Message::Error { report, about }) = decode(Family::V4, &packet) else { panic!("an error") };
    assert_eq!(
        (report.to_string().as_str(), report.mtu()),
        ("Frag needed and DF set (mtu = 1300)", Some(1300))
    );
    assert_eq!(about, Some((0x1234, 9)));

    let mut packet = vec![3, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 8, 58, 1];
    packet.extend([0; 32]);
    packet.extend([128, 0, 0, 0, 0x12, 0x34, 0, 9]);
    let Ok(Message::Error { report, about }) = decode(Family::V6, &packet) else { panic!("an error") };
    assert!(report.is_time_exceeded());
    assert_eq!(about, Some((0x1234, 9)));
}

/// A million seeded packets through every decoder and machine: no panic, and nothing matches but what
/// carries this run's mark.
#[test]
fn a_million_random_packets_match_nothing() {
    let clock = Clock::new();
    let mut sweep = Sweep::new(plan(), (0..100).map(address), 0x5ec_2e7, clock.now());
    while let SweepStep::Send(_) = sweep.step(clock.now()) {}
    let mut session = Session::new(Plan::default(), clock.now());
    session.sent(clock.stamp());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut packet = [0; 96];
    let (mut replies, mut errors) = (0, 0);
    for _ in 0..1_000_000 {
        let length = (next() % 97) as usize;
        for chunk in packet.chunks_mut(8) {
            chunk.copy_from_slice(&next().to_le_bytes()[..chunk.len()]);
        }
        // Most random types are nothing: make the interesting ones common.
        packet[0] = [0, 8, 3, 11, 129, 1, 2, 69][(next() % 8) as usize];
        packet[1] &= (next() % 2) as u8;
        let bytes = &packet[..length];
        for family in [Family::V4, Family::V6] {
            match decode(family, bytes) {
                Ok(Message::Reply(echo)) => {
                    replies += 1;
                    assert_eq!(
                        sweep.answered(address((next() % 100) as u32), echo.payload, clock.stamp()),
                        None
                    );
                    let known = session.answered(echo.sequence, clock.stamp(), true);
                    assert_eq!(known.is_some(), echo.sequence == 1);
                }
                Ok(Message::Error { report, about }) => {
                    errors += 1;
                    assert!(!report.to_string().is_empty());
                    if let Some((_, sequence)) = about {
                        assert_eq!(session.refused(sequence).is_some(), sequence == 1);
                    }
                }
                _ => {}
            }
            quoted_echo(family, bytes);
        }
        let _ = ipv4_header(bytes).map(|(_, body)| body.len());
    }
    assert!(replies > 100_000 && errors > 100_000, "{replies} replies, {errors} errors");
    assert_eq!(sweep.hosts().iter().map(|h| h.received).sum::<u32>(), 0);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(id: u16, sequence: u16, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        for family in [Family::V4, Family::V6] {
            let mut packet = [&[0; 8], &payload[..]].concat();
            encode_request(family, id, sequence, &mut packet);
            prop_assert_eq!(decode(family, &packet), Ok(Message::Request(Echo { id, sequence, payload: &payload })));
            prop_assert_eq!(quoted_echo(family, &packet[..8]), Some((id, sequence)));
            if family == Family::V4 {
                prop_assert_eq!(checksum(&packet), 0);
            }
        }
    }

    #[test]
    fn a_mark_is_believed_from_its_host_only(hosts in 1u32..50, from in 0u32..60, flip in 0usize..16 * 8) {
        let clock = Clock::new();
        let mut sweep = Sweep::new(plan(), (0..hosts).map(address), 7, clock.now());
        let SweepStep::Send(probe) = sweep.step(clock.now()) else { panic!("a probe is due") };
        let mut payload = [0; 24];
        sweep.mark(&probe, clock.stamp().wall, &mut payload);
        let mut broken = payload;
        broken[flip / 8] ^= 1 << (flip % 8);
        prop_assert_eq!(sweep.answered(probe.address, &broken, clock.stamp()), None);
        prop_assert_eq!(sweep.answered(address(from), &payload, clock.stamp()).is_some(), from == probe.host);
    }
}
