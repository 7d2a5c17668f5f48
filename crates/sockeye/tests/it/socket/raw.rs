//! Raw sockets, with the privilege and without.

use std::process::Command;

use sockeye::{
    Addr, Socket,
    error::Class,
    socket::{Family, Protocol, Type},
};

use super::socket;
use crate::support::{PATIENCE, peers, root};

#[test]
fn a_raw_socket_receives_the_ip_header_and_sends_udp() {
    if !root() {
        return;
    }
    let raw = Socket::with_protocol(Family::Inet, Type::Raw, Protocol::UDP).expect("root may");
    raw.set_timeout(Some(PATIENCE)).expect("set");
    let udp = socket(Family::Inet, Type::Datagram);
    udp.bind(super::loopback(Family::Inet)).expect("bind");
    let addr = udp.local_addr().expect("bound");
    let port = addr.port().expect("an IP address");
    // A UDP header of our own, without a checksum, then the data.
    let mut packet = Vec::new();
    for field in [7, port, 8 + 5, 0] {
        packet.extend(u16::to_be_bytes(field));
    }
    packet.extend(b"hello");
    raw.send_to(&packet, ([127, 0, 0, 1], 0)).expect("send");
    let mut buffer = [0; 2048];
    assert_eq!(udp.recv_from(&mut buffer).expect("a plain datagram"), (5, Addr::from(([127, 0, 0, 1], 7))));
    loop {
        let n = raw.recv(&mut buffer).expect("a copy of what arrived");
        // Other tests' datagrams pass here too. Version 4, five words of header; then our UDP header.
        if buffer[0] == 0x45 && buffer[20..n] == packet {
            break;
        }
    }
    let kinds = (raw.family().expect("known"), raw.kind().expect("known"), raw.protocol().expect("known"));
    assert_eq!(kinds, (Family::Inet, Type::Raw, Protocol::UDP));
}

#[test]
fn fault_25_raw_sockets_without_privilege_say_the_way_out() {
    let exe = std::env::current_exe().expect("this program");
    let mut command = if rustix::process::geteuid().is_root() {
        if !peers(&["setpriv"]) {
            return;
        }
        let mut command = Command::new("setpriv");
        let dropped = "-net_raw,-net_bind_service";
        command.args(["--bounding-set", dropped, "--inh-caps", "-all", "--"]).arg(exe);
        command
    } else {
        Command::new(exe)
    };
    command.args(["--exact", "socket::raw::without_privilege", "--ignored", "--nocapture"]);
    let out = command.output().expect("this program can be started");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"), "the child ran its test");
}

#[test]
#[ignore = "runs in a process without privilege, started by the test above"]
fn without_privilege() {
    for family in [Family::Inet, Family::Inet6] {
        let error = Socket::with_protocol(family, Type::Raw, Protocol::ICMP).expect_err("not allowed");
        assert_eq!((error.errno(), error.class()), (Some(libc::EPERM), Class::Resource));
        let line = error.to_string();
        assert!(line.starts_with(&format!("cannot open a raw socket for {family}: ")), "{line}");
        assert!(line.contains("CAP_NET_RAW") && line.contains("net.ipv4.ping_group_range"), "{line}");
    }
    let group = rustix::process::getegid().as_raw();
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").expect("Linux has it");
    let range: Vec<u32> = range.split_whitespace().map(|n| n.parse().expect("a group")).collect();
    match Socket::with_protocol(Family::Inet, Type::Datagram, Protocol::ICMP) {
        Ok(_) => assert!((range[0]..=range[1]).contains(&group)),
        Err(error) => assert!(error.to_string().contains("sysctl net.ipv4.ping_group_range="), "{error}"),
    }
    let first =
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("Linux has it");
    if first.trim().parse::<u16>().expect("a port") > 1 {
        let error = socket(Family::Inet, Type::Stream).bind(([127, 0, 0, 1], 1)).expect_err("a low port");
        assert_eq!(error.class(), Class::Resource);
        assert!(error.to_string().contains("CAP_NET_BIND_SERVICE"), "{error}");
    }
}
