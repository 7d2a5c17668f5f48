//! sendmsg and recvmsg: descriptors, credentials, timestamps, what the kernel tells about packets.

use std::{
    io::{IoSlice, Read},
    os::fd::AsFd,
    time::{Duration, Instant, SystemTime},
};

use sockeye::{
    Socket,
    socket::{Ancillary, Credentials, Family, Flags, SendAncillary, Type},
};

use super::{loopback, socket};
use crate::support::PATIENCE;

#[test]
fn descriptors_travel_and_arrive_close_on_exec() {
    let (a, b) = Socket::pair(Type::Stream).expect("a pair");
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, b"shared").expect("write");
    let parts = [IoSlice::new(b"he"), IoSlice::new(b"re")];
    let passed = [file.as_fd(), a.as_fd()];
    let sent = a.sendmsg(&parts, &[SendAncillary::Descriptors(&passed)], Flags::NONE, None).expect("send");
    assert_eq!(sent, 4);
    let mut buffer = [0; 16];
    let message = b.recvmsg(&mut buffer, Flags::NONE).expect("receive");
    assert_eq!(&buffer[..message.bytes], b"here");
    let [Ancillary::Descriptors(fds)] = <[_; 1]>::try_from(message.ancillary).expect("one message") else {
        panic!("no descriptors")
    };
    assert_eq!(fds.len(), 2);
    for fd in &fds {
        let flags = rustix::io::fcntl_getfd(fd).expect("flags");
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
    let mut text = String::new();
    let mut copy = std::fs::File::from(fds.into_iter().next().expect("two"));
    std::io::Seek::rewind(&mut copy).expect("a file seeks");
    copy.read_to_string(&mut text).expect("read");
    assert_eq!(text, "shared");
}

#[test]
fn ancillary_data_without_room_is_reported_as_cut() {
    let (a, b) = Socket::pair(Type::Datagram).expect("a pair");
    let fds = [a.as_fd(), b.as_fd(), a.as_fd()];
    a.sendmsg(&[IoSlice::new(b"x")], &[SendAncillary::Descriptors(&fds)], Flags::NONE, None).expect("send");
    // Room for a header and one descriptor.
    let message = b.recvmsg_with_room(&mut [0; 4], 20, Flags::NONE).expect("receive");
    assert!(message.flags.contains(Flags::CTRUNC), "{message:?}");
    let arrived = message.ancillary.iter().map(|m| match m {
        Ancillary::Descriptors(fds) => fds.len(),
        _ => 0,
    });
    assert_eq!(arrived.sum::<usize>(), 1);
}

#[test]
fn credentials_say_who_sends() {
    let (a, b) = Socket::pair(Type::Datagram).expect("a pair");
    b.set_option("SO_PASSCRED", true).expect("set");
    let own = Credentials::own();
    a.send(b"without asking").expect("send");
    a.sendmsg(&[IoSlice::new(b"x")], &[SendAncillary::Credentials(own)], Flags::NONE, None).expect("send");
    for _ in 0..2 {
        let message = b.recvmsg(&mut [0; 32], Flags::NONE).expect("receive");
        assert!(matches!(message.ancillary[..], [Ancillary::Credentials(who)] if who == own), "{message:?}");
    }
    let peer = a.option("SO_PEERCRED").expect("a pair has them");
    assert_eq!(peer, sockeye::socket::options::Value::Credentials(own));
}

#[test]
fn timestamps_say_when_it_arrived() {
    let about_now = |t: SystemTime| {
        let age = SystemTime::now().duration_since(t).unwrap_or_else(|e| e.duration());
        age < Duration::from_secs(300)
    };
    for name in ["SO_TIMESTAMP", "SO_TIMESTAMPNS"] {
        let udp = socket(Family::Inet, Type::Datagram);
        udp.bind(loopback(Family::Inet)).expect("bind");
        udp.set_option(name, true).expect("set");
        udp.send_to(b"x", udp.local_addr().expect("bound")).expect("send");
        let message = udp.recvmsg(&mut [0; 8], Flags::NONE).expect("receive");
        assert!(
            matches!(message.ancillary[..], [Ancillary::Timestamp(t)] if about_now(t)),
            "{name}: {message:?}"
        );
    }
    let udp = socket(Family::Inet6, Type::Datagram);
    udp.bind(loopback(Family::Inet6)).expect("bind");
    // SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE
    udp.set_option("SO_TIMESTAMPING", 8 | 16).expect("set");
    let addr = udp.local_addr().expect("bound");
    let stamped = |m: &Ancillary| matches!(m, Ancillary::Timestamping { software: Some(t), hardware: None } if about_now(*t));
    // The kernel turns the clock on in the background: the first packets may come without.
    let deadline = Instant::now() + PATIENCE;
    loop {
        udp.send_to(b"x", &addr).expect("send");
        let message = udp.recvmsg(&mut [0; 8], Flags::NONE).expect("receive");
        if message.ancillary.iter().any(stamped) {
            break;
        }
        assert!(Instant::now() < deadline && message.ancillary.is_empty(), "{message:?}");
    }
}

#[test]
fn packets_bring_their_hops_class_and_destination() {
    let cases = [
        (Family::Inet, ["IP_RECVTTL", "IP_RECVTOS", "IP_PKTINFO"], ["IP_TTL", "IP_TOS"]),
        (
            Family::Inet6,
            ["IPV6_RECVHOPLIMIT", "IPV6_RECVTCLASS", "IPV6_RECVPKTINFO"],
            ["IPV6_UNICAST_HOPS", "IPV6_TCLASS"],
        ),
    ];
    for (family, asked, [hops, class]) in cases {
        let udp = socket(family, Type::Datagram);
        udp.bind(loopback(family)).expect("bind");
        for name in asked {
            udp.set_option(name, true).expect("set");
        }
        udp.set_option(hops, 33).expect("set");
        udp.set_option(class, 0x20).expect("set");
        udp.send_to(b"x", udp.local_addr().expect("bound")).expect("send");
        let message = udp.recvmsg(&mut [0; 8], Flags::NONE).expect("receive");
        let has = |wanted: &dyn Fn(&Ancillary) -> bool| message.ancillary.iter().any(wanted);
        assert!(has(&|m| matches!(m, Ancillary::HopLimit(33))), "{message:?}");
        assert!(has(&|m| matches!(m, Ancillary::TrafficClass(0x20))), "{message:?}");
        let own = loopback(family).ip();
        assert!(
            has(
                &|m| matches!(m, Ancillary::PacketInfo { destination, interface: 1.., local } if [destination, local] == [&own, &own])
            ),
            "{message:?}"
        );
    }
}

#[test]
fn the_error_queue_says_who_refused() {
    for (family, name) in [(Family::Inet, "IP_RECVERR"), (Family::Inet6, "IPV6_RECVERR")] {
        let gone = socket(family, Type::Datagram);
        gone.bind(loopback(family)).expect("bind");
        let addr = gone.local_addr().expect("bound");
        drop(gone);
        let udp = socket(family, Type::Datagram);
        udp.set_option(name, true).expect("set");
        udp.send_to(b"anyone?", &addr).expect("send");
        let message = udp.recvmsg(&mut [0; 64], Flags::ERR_QUEUE).expect("the error");
        assert!(message.flags.contains(Flags::ERR_QUEUE));
        let error = message.ancillary.iter().find_map(|m| match m {
            Ancillary::Error(e) => Some(*e),
            _ => None,
        });
        let error = error.unwrap_or_else(|| panic!("{message:?}"));
        assert_eq!((error.errno, error.offender), (libc::ECONNREFUSED, Some(loopback(family).ip())));
        assert_eq!(message.sender, Some(addr), "where the packet was going");
    }
}
