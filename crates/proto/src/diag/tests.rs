//! The kernel's bytes, field by field, read and written; and bytes that are not the kernel's.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    detail::Memory,
    request::{Dump, IpFamily, Protocol, Want},
    wire::{attribute, finish, next_message, start},
    *,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.lines().map(|l| l.split('#').next().unwrap_or_default()).collect();
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

/// A TCP socket in TIME-WAIT as Linux 6.1 sends it (little endian).
const TIMEWAIT: &str = "
    02 06 03 00                                       # family, state, timer, retransmits
    1f41 c8a4                                         # sport 8001, dport 51364
    7f000001 00000000 00000000 00000000               # src 127.0.0.1
    7f000002 00000000 00000000 00000000               # dst 127.0.0.2
    00000000 5a000000 01000000                        # interface, cookie (two numbers)
    50c30000                                          # expires 50000 ms
    00000000 00000000 00000000 00000000               # queues, uid, inode
";

#[test]
fn time_wait_both_ways() {
    let bytes = hex(TIMEWAIT);
    let socket = Socket::parse_inet(6, &bytes).unwrap();
    let end = |last, port| Endpoint::Inet(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port);
    let expected = Socket {
        cookie: 0x1_0000_005a,
        timer: Some(Timer { kind: TimerKind::Timewait, milliseconds: 50_000, retransmits: 0 }),
        ..Socket::new(Kind::Tcp, State::TimeWait, end(1, 8001), end(2, 51364))
    };
    assert_eq!(socket, expected);
    let mut emitted = Vec::new();
    assert!(expected.emit_inet(&mut emitted));
    assert_eq!(emitted, bytes);
}

const LISTEN6: &str = "
    0a 0a 00 00  0050 0000                            # family 10, LISTEN, no timer; sport 80, dport 0
    00000000 00000000 00000000 00000000               # src ::
    00000000 00000000 00000000 00000000               # dst ::
    02000000 07000000 00000000                        # interface 2, cookie 7
    00000000 01000000 80000000 e8030000 39300000      # expires, rqueue 1, wqueue 128, uid 1000, inode 12345
    0500 0800 00 000000                               # SHUTDOWN 0
    0500 0b00 01 000000                               # SKV6ONLY 1
    0800 0f00 1f000000                                # MARK 0x1f
    0c00 1500 09000000 00000000                       # CGROUP_ID 9
    0600 1600 5200 0000                               # SOCKOPT is_icsk mc_loop mc_all
    0900 0400 63756269 63 000000                      # not a whole name: no zero byte at the end
    2800 0700 01000000 02000000 03000000 04000000     # SKMEMINFO, nine numbers
              05000000 06000000 07000000 08000000 09000000
";

#[test]
fn listening_with_attributes() {
    let socket = Socket::parse_inet(6, &hex(LISTEN6)).unwrap();
    assert_eq!((socket.state, socket.recv_q, socket.send_q), (State::Listen, 1, 128));
    assert_eq!((socket.interface, socket.uid, socket.inode, socket.cookie), (2, 1000, 12345, 7));
    assert_eq!((socket.shutdown, socket.v6only), (Some(Shutdown(0)), Some(true)));
    assert_eq!((socket.mark, socket.cgroup, socket.options), (0x1f, 9, Some(0x52)));
    let details = socket.details.as_deref().unwrap();
    assert_eq!(details.congestion.unwrap().as_str(), "cubic");
    let memory = Memory {
        receive: 1,
        receive_limit: 2,
        send: 3,
        send_limit: 4,
        forward: 5,
        queued: 6,
        options: 7,
        backlog: Some(8),
        drops: Some(9),
    };
    assert_eq!(details.memory, Some(memory));
    // What is emitted reads the same.
    let mut emitted = Vec::new();
    assert!(socket.emit_inet(&mut emitted));
    assert_eq!(Socket::parse_inet(6, &emitted).unwrap(), socket);
}

#[test]
fn the_addresses_of_an_sctp_association() {
    let storage = |text: &str| {
        let mut bytes = hex(text);
        bytes.resize(128, 0);
        bytes
    };
    let v4 = storage("0200 0b59 7f000001"); // family 2, port 2905, 127.0.0.1
    let v6 = storage("0a00 0b59 00000000 00000000 00000000 00000000 00000001"); // flow label, ::1
    let none = storage("0100 2f78");
    let mut bytes = hex(TIMEWAIT);
    bytes[1] = State::Established as u8;
    attribute(&mut bytes, 12, &[v4.clone(), v6].concat());
    attribute(&mut bytes, 13, &[none, v4].concat());
    attribute(&mut bytes, 2, &[0; 200]);
    let socket = Socket::parse_inet(132, &bytes).unwrap();
    let details = socket.details.as_deref().unwrap();
    assert_eq!(socket.netid, Kind::Sctp);
    assert_eq!(details.locals, ["127.0.0.1", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    assert_eq!(details.peers, ["127.0.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    assert_eq!(details.info, None);
}

#[test]
fn tcp_info_both_ways_and_from_older_kernels() {
    let bytes: Vec<u8> = (0..=255).collect();
    let info = TcpInfo::parse(&bytes);
    assert_eq!((info.state, info.options, info.window_scales()), (0, 5, (6, 0)));
    assert_eq!((info.rto, info.rtt, info.snd_cwnd), (0x0b0a_0908, 0x4746_4544, 0x5352_5150));
    assert_eq!((info.bytes_acked, info.min_rtt), (0x7f7e_7d7c_7b7a_7978, 0x9796_9594));
    let mut emitted = Vec::new();
    info.emit(&mut emitted);
    assert_eq!(emitted, bytes[..emitted.len()]);
    assert_eq!(emitted.len(), 248);
    // Linux 3.0 ends behind total_retrans.
    let old = TcpInfo::parse(&bytes[..104]);
    assert_eq!((old.total_retrans, old.pacing_rate, old.snd_wnd), (info.total_retrans, 0, 0));
}

#[test]
fn unix_packet_netlink_and_vsock() {
    let unix = Socket::parse_unix(&hex(
        "01 05 0a 00 2a000000 01000000 00000000           # SEQPACKET, LISTEN, inode 42, cookie 1
         0a00 0000 2f74 6d70 2f00 0000                    # NAME /tmp/ with its zero byte
         0c00 0100 0b000000 05000000                      # VFS inode 11 device 5
         0c00 0300 07000000 08000000                      # ICONS 7 8
         0c00 0400 02000000 05000000                      # RQLEN 2 of 5
         0500 0600 03 000000                              # SHUTDOWN both",
    ))
    .unwrap();
    assert_eq!(unix.local, Endpoint::Unix(Some((*b"/tmp/").into()), 42));
    assert_eq!((unix.netid, unix.state, unix.recv_q), (Kind::UnixSeqpacket, State::Listen, 2));
    let details = unix.details.unwrap();
    assert_eq!((details.file, details.waiting), (Some((11, 5)), Some(vec![7, 8])));
    assert_eq!(unix.shutdown.unwrap().arrow(), "---");

    let packet = Socket::parse_packet(&hex(
        "11 03 0008 2a000000 01000000 00000000            # AF_PACKET, RAW, protocol 0x0800, inode 42
         1c00 0000 01000000 02000000 00000000 40000000 00000000 03000000   # INFO lo, version 2, 64, running auxdata
         0c00 0700 06000100 01000000                      # FILTER one instruction",
    ))
    .unwrap();
    assert_eq!(packet.local, Endpoint::Packet(0x0800, 1));
    let info = packet.details.unwrap().packet.unwrap();
    assert_eq!((info.version, info.copy_threshold, info.flags), (2, 64, 3));
    assert_eq!(info.filter, Some(vec![(6, 1, 0, 1)]));

    let netlink = Socket::parse_netlink(&hex(
        "10 03 0f 01 39300000 00000000 02000000           # RAW, protocol 15, connected, port 12345, peer 0, group 2
         07000000 01000000 00000000                       # inode 7, cookie 1
         0c00 0100 02000000 00000000                      # GROUPS 2",
    ))
    .unwrap();
    assert_eq!(netlink.local, Endpoint::Netlink(15, 12345));
    assert_eq!(netlink.peer, Endpoint::Netlink(2, 0));
    assert_eq!(netlink.details.unwrap().groups, Some(2));

    let vsock = Socket::parse_vsock(&hex(
        "28 01 01 00 03000000 00040000 02000000 58000000 07000000 01000000 00000000",
    ))
    .unwrap();
    assert_eq!((vsock.local, vsock.peer), (Endpoint::Vsock(3, 1024), Endpoint::Vsock(2, 88)));
}

#[test]
fn requests_byte_by_byte() {
    let want = Want { memory: true, info: true, tos: true, files: true };
    let mut out = Vec::new();
    let dump = Dump::Inet { protocol: Protocol::Mptcp, family: IpFamily::V6, bytecode: vec![1, 4, 4, 0] };
    dump.emit(States::of(&[State::Listen]), want, 7, &mut out);
    let expected = hex(&format!(
        "58000000 1400 0103 07000000 00000000             # length, SOCK_DIAG_BY_FAMILY, REQUEST | DUMP, number
         0a 06 7f 00 00040000 {}                          # AF_INET6, protocol (its low byte), all extensions
         0800 0100 01040400                               # BYTECODE
         0800 0300 06010000                               # PROTOCOL 262",
        "00".repeat(48)
    ));
    assert_eq!(out, expected);

    out.clear();
    Dump::Tcp { bytecode: vec![1, 4, 4, 0] }.emit(States::of(&[State::Listen]), want, 7, &mut out);
    let expected = hex(&format!(
        "54000000 1200 0103 07000000 00000000             # length, TCPDIAG_GETSOCK, REQUEST | DUMP, number
         02 00 00 7f {}                                   # AF_INET, no prefixes, all extensions
         00040000 00000000                                # states, unused
         0800 0100 01040400                               # BYTECODE",
        "00".repeat(48)
    ));
    assert_eq!(out, expected);

    out.clear();
    Dump::Unix.emit(States::ALL, want, 8, &mut out);
    let expected = hex("28000000 1400 0103 08000000 00000000
         01 00 0000 ff0f0000 00000000 7f000000 ffffffff ffffffff");
    assert_eq!(out, expected);

    out.clear();
    let (family, id) = identity(&hex(TIMEWAIT)).unwrap();
    request::destroy(family, Protocol::Tcp, None, &id, 9, &mut out);
    assert_eq!(out[..24], hex("48000000 1500 0500 09000000 00000000 02 06 00 00 00000000"));
    assert_eq!(out[24..], hex(TIMEWAIT)[IDENTITY]);
}

fn message(out: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32, payload: &[u8]) {
    let at = start(out, kind, flags, sequence);
    out.extend_from_slice(payload);
    finish(out, at);
}

fn feed(reply: &mut Reply, bytes: &[u8]) -> (Result<Progress, Malformed>, usize) {
    let mut rows = 0;
    let progress = reply.feed(bytes, bytes.len(), |_| {
        rows += 1;
        Ok(())
    });
    (progress, rows)
}

#[test]
fn fault_25_an_interrupted_dump_is_never_done() {
    let row = hex(TIMEWAIT);
    let done = 0u32.to_ne_bytes();
    let mut whole = Vec::new();
    message(&mut whole, 20, 2, 5, &row);
    message(&mut whole, 20, 2, 4, &row); // of another request
    message(&mut whole, 3, 2, 5, &done);
    assert_eq!(feed(&mut Reply::to(5), &whole), (Ok(Progress::Done), 1));

    let mut changed = Vec::new();
    message(&mut changed, 20, 2 | 0x10, 5, &row);
    let mut reply = Reply::to(5);
    assert_eq!(feed(&mut reply, &changed), (Ok(Progress::More), 1));
    assert_eq!(feed(&mut reply, &whole), (Ok(Progress::Interrupted), 1));

    // A datagram that did not fit the buffer.
    let cut = Reply::to(5).feed::<Malformed>(&whole, whole.len() + 1, |_| Ok(()));
    assert_eq!(cut, Ok(Progress::Interrupted));

    let mut refused = Vec::new();
    message(&mut refused, 2, 0, 5, &(-2i32).to_ne_bytes());
    assert_eq!(feed(&mut Reply::to(5), &refused), (Ok(Progress::Refused(2)), 0));
    assert_eq!(
        feed(&mut Reply::to(5), &whole[..20]).0,
        Err(Malformed("a message whose length does not fit"))
    );
}

#[test]
fn attributes_end_where_they_make_no_sense() {
    let mut bytes = Vec::new();
    attribute(&mut bytes, 1, b"abc");
    bytes.extend([3, 0, 2, 0]); // shorter than its header
    attribute(&mut bytes, 3, b"never seen");
    let seen: Vec<_> = wire::attributes(&bytes).collect();
    assert_eq!(seen, [(1, &b"abc"[..])]);
}

#[test]
fn lines_of_proc() {
    let line = "   0: 0100007F:1F41 0200007F:C8A4 06 00000000:00000001 03:00001388 00000000  1000        0 77 3 \
                0000000000000000";
    let socket = procfs::inet(line, Kind::Tcp, 100).unwrap();
    assert_eq!(socket.local.to_string(), "127.0.0.1:8001");
    assert_eq!((socket.state, socket.recv_q, socket.uid, socket.inode), (State::TimeWait, 1, 1000, 77));
    assert_eq!(socket.timer.unwrap().milliseconds, 50_000);
    let unix = "ffff: 00000002 00000000 00010000 0001 01 21 @/tmp/x";
    assert_eq!(procfs::unix(unix).unwrap().state, State::Listen);
    for heading in ["  sl  local_address rem_address", "Num RefCount Protocol", "", "sk Eth"] {
        let none = [procfs::inet(heading, Kind::Tcp, 100), procfs::unix(heading), procfs::packet(heading)];
        assert_eq!(none, [None, None, None], "{heading}");
    }
}

#[test]
fn addresses_as_inet_ntop_writes_them() {
    for (address, text) in [
        ("0.0.0.0", "0.0.0.0"),
        ("192.168.100.7", "192.168.100.7"),
        ("::", "::"),
        ("::1", "::1"),
        ("::a00:1", "::10.0.0.1"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("2001:db8:0:0:1::1", "2001:db8::1:0:0:1"),
    ] {
        let mut out = String::new();
        write_ip(&mut out, address.parse().unwrap()).unwrap();
        assert_eq!(out, text);
    }
}

/// The entry points of the fuzz target, on seeded noise and on damaged messages.
#[test]
fn noise_never_panics() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut whole = Vec::new();
    for payload in [hex(TIMEWAIT), hex(LISTEN6)] {
        message(&mut whole, 20, 2, 5, &payload);
    }
    for round in 0..20_000 {
        let mut bytes = if round % 2 == 0 {
            whole.clone()
        } else {
            (0..random() % 300).map(|_| random() as u8).collect()
        };
        for _ in 0..random() % 4 {
            let at = random() as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random() as u8;
            }
        }
        bytes.truncate(random() as usize % (bytes.len() + 1));
        swallow(&bytes);
    }
}

/// Everything that reads the kernel's bytes.
fn swallow(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(message) = next_message(&mut rest) {
        let Ok(message) = message else { break };
        let _ = message.errno();
    }
    let _ = Reply::recorded().feed::<Malformed>(bytes, bytes.len(), |m| {
        let _ = Socket::parse_inet(6, m.payload);
        let _ = Socket::parse_inet(262, m.payload);
        let _ = Socket::parse_unix(m.payload);
        let _ = Socket::parse_packet(m.payload);
        let _ = Socket::parse_netlink(m.payload);
        let _ = Socket::parse_vsock(m.payload);
        Ok(())
    });
}
