//! ping as a library: one call, a stream of events, a network.

use std::{net::TcpListener, time::Duration};

use sockeye::ping::{self, Event, Options, Pinger, Plan, Probe, SweepPlan};

use crate::support::root;

const SOON: Duration = Duration::from_secs(20);

fn quick(count: u64) -> Plan {
    Plan { count: Some(count), interval: Duration::from_millis(10), linger: SOON, ..Plan::default() }
}

#[test]
fn one_call_gives_the_time() {
    if root() {
        let time = ping::once("127.0.0.1", SOON).expect("loopback answers");
        assert!(time < SOON && !time.is_zero());
        assert!(ping::once("::1", SOON).is_ok());
    }
}

#[test]
fn a_name_without_an_address_says_so() {
    let error = ping::once("nosuch.invalid", SOON).expect_err("there is no such name");
    assert_eq!(error.class().exit_code(), 1);
    assert!(error.to_string().starts_with("cannot find the address of nosuch.invalid: "), "{error}");
}

#[test]
fn a_stream_tells_what_happens() {
    if !root() {
        return;
    }
    let host = ping::resolve("127.0.0.1", None).expect("an address");
    let mut pinger = Pinger::new(&host, &Probe::Icmp, quick(3), &Options::default()).expect("a socket");
    let mut seen = Vec::new();
    for event in pinger.by_ref() {
        match event.expect("no failure") {
            Event::Sent { sequence } => seen.push(("sent", sequence)),
            Event::Reply { sequence, bytes, ttl, .. } => {
                assert_eq!((bytes, ttl), (64, Some(64)));
                seen.push(("reply", sequence));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, [("sent", 1), ("reply", 1), ("sent", 2), ("reply", 2), ("sent", 3), ("reply", 3)]);
    assert!(pinger.succeeded());
    assert_eq!(pinger.statistics().times.moments().count(), 3);
}

#[test]
fn connections_need_no_privilege() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = ping::resolve("127.0.0.1", None).expect("an address");
    let probe = Probe::Tcp(listener.local_addr().expect("its address").port());
    let mut pinger =
        Pinger::new(&host, &probe, quick(5), &Options::default()).expect("no socket is needed yet");
    assert!(pinger.by_ref().all(|event| event.is_ok()));
    assert_eq!(pinger.statistics().received, 5);
}

#[test]
fn a_network_answers_in_order() {
    if !root() {
        return;
    }
    let hosts =
        ping::targets(["127.1.0.0/20", "::1"], None, |name, e| panic!("{name}: {e}")).expect("targets");
    assert_eq!(hosts.len(), 4094 + 1);
    let plan = SweepPlan { attempts: 1, until_answer: true, interval: SOON, timeout: SOON, rate: 50_000 };
    let mut replies = 0;
    let all = ping::sweep(&hosts, plan, &Options::default(), None, |found, _| {
        replies += u32::from(matches!(found, ping::Found::Reply { .. }));
        true
    });
    let all = all.expect("a sweep");
    assert_eq!(replies, 4095);
    for (host, answer) in hosts.iter().zip(&all) {
        assert_eq!((host.address.ip(), 1, 1), (answer.address, answer.transmitted, answer.received));
    }
}

#[test]
fn networks_are_bounded_and_checked() {
    let targets = |word: &'static str| ping::targets([word], None, |_, _| {});
    assert_eq!(targets("10.0.0.0/30").map(|h| h.len()).ok(), Some(2));
    assert_eq!(targets("10.0.0.0/31").map(|h| h.len()).ok(), Some(2));
    assert_eq!(targets("10.0.0.7/32").map(|h| h.len()).ok(), Some(1));
    assert_eq!(targets("fd00::/120").map(|h| h.len()).ok(), Some(256));
    for wrong in ["10.0.0.0/8", "::/0", "10.0.0.0/33", "host/24", "10.0.0.0/x"] {
        let error = targets(wrong).expect_err(wrong);
        assert_eq!(error.class().exit_code(), 2, "{error}");
    }
}
