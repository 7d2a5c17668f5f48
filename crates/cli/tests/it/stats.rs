//! `relay --stats`, SIGUSR1 and `--metrics`: what is seen of relays while they run.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::support::Running;

fn port_of(line: &str) -> u16 {
    let digits = line.trim_end_matches("/metrics").rsplit(':').next().expect("an address ends in its port");
    digits.parse().unwrap_or_else(|e| panic!("{line}: {e}"))
}

fn scrape(port: u16) -> String {
    let mut metrics = TcpStream::connect(("127.0.0.1", port)).expect("the metrics listen");
    metrics.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("a request");
    let mut reply = String::new();
    metrics.read_to_string(&mut reply).expect("a reply");
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    reply
}

#[test]
fn relays_are_seen_while_they_run_and_when_they_have_ended() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", target.local_addr().expect("bound"));
    let mut relay = Running::start(Command::new(env!("CARGO_BIN_EXE_sockeye")).args([
        "relay",
        "--stats",
        "--metrics",
        "0",
        "tcp-listen:127.0.0.1:0,fork",
        &to,
    ]));
    let metrics = port_of(&relay.line("metrics on"));
    let port = port_of(&relay.line("listening on"));

    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("the relay listens");
    client.write_all(b"12345").expect("sent");
    let (mut server, _) = target.accept().expect("relayed");
    let mut five = [0; 5];
    server.read_exact(&mut five).expect("five bytes");
    server.write_all(b"abc").expect("sent");
    client.read_exact(&mut five[..3]).expect("three bytes");

    relay.signal("USR1");
    relay.line("→ 5 bytes, ← 3 bytes in");
    assert!(scrape(metrics).contains("sockeye_relays_active 1\n"));

    drop((client, server));
    relay.line("→ 5 bytes, end of data; ← 3 bytes, end of data;");
    let reply = scrape(metrics);
    assert!(reply.contains("sockeye_relays_active 0\n"), "{reply}");
    assert!(reply.contains("sockeye_relay_bytes_total{way=\"forward\"} 5\n"), "{reply}");
    assert!(reply.contains("sockeye_relays_ended_total{reason=\"end-of-data\"} 1\n"), "{reply}");

    relay.signal("TERM");
    relay.line("1 ended: → 5 bytes, ← 3 bytes; 1 end-of-data");
    let (status, _) = relay.finish();
    assert!(status.success());
}
