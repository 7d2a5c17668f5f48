//! `arq:` and `arq-listen:` as a user meets them.

use std::{fs, io::Read, process::Stdio};

use crate::{
    framed::{server, sockeye, with_input},
    support::Running,
};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Half-close: the client ends first, and the whole answer still comes; with every cure and without each.
#[test]
fn an_echo_is_byte_exact_whatever_is_switched_off() {
    let input = bytes(300_000);
    for options in ["", "checksum=0", "retransmit=0", "window=1", "integrity=aead,key=", "arq-congestion=bbr"]
    {
        let options = if options.ends_with("key=") { format!("{options}{KEY}") } else { options.to_owned() };
        let (_server, at) = server(&["serve", "echo", &format!("arq-listen:127.0.0.1:0,{options}")]);
        let mut client = sockeye(&["connect", &format!("arq:{at},{options}")]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it was built");
        let (mut to, all) = (client.stdin.take().expect("a pipe"), input.clone());
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut to, &all));
        let mut back = Vec::new();
        client.stdout.take().expect("a pipe").read_to_end(&mut back).expect("an answer");
        writer.join().expect("no panic").expect("it reads its input");
        assert!(back == input, "{options}: {} bytes came back", back.len());
        assert_eq!(client.wait().expect("it ends").code(), Some(0), "{options}");
    }
}

#[test]
fn serve_hello_greets_over_ipv6_too() {
    for host in ["127.0.0.1", "[::1]"] {
        let (_server, at) = server(&["serve", "hello", &format!("arq-listen:{host}:0")]);
        let (out, err, code) = with_input(&["connect", &format!("arq:{at}")], b"Bob");
        assert_eq!((out.as_str(), code), ("Welcome!Hello, Bob!", Some(0)), "{err}");
    }
}

#[test]
fn a_relay_carries_a_file_and_tells_and_draws_the_window() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("in"), bytes(2_000_000)).expect("written");
    let create = format!("create:{}", path("out"));
    let (listener, at) = server(&["relay", "-u", "arq-listen:127.0.0.1:0", &create, "--window"]);
    let (open, to) = (format!("open:{}", path("in")), format!("arq:{at}"));
    let (svg, events) = (path("svg"), path("events"));
    let args = ["relay", "-u", &open, &to, "--window", "--window-svg", &svg, "--events", &events];
    let (_, err, code) = with_input(&args, b"");
    assert_eq!(code, Some(0), "{err}");
    assert!(listener.finish().0.success());
    assert!(fs::read(path("out")).expect("created") == bytes(2_000_000));
    let last = err.lines().last().expect("a line of the window");
    assert!(last.contains(&at) && last.contains("acknowledged") && last.ends_with("(over)"), "{err}");
    let told = fs::read_to_string(&events).expect("events");
    let windows: Vec<serde_json::Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|event: &serde_json::Value| event["event"] == "arq-window")
        .collect();
    let over = windows.last().expect("at least one");
    assert_eq!(over["over"], true, "{told}");
    assert_eq!(over["fresh"], 2_000_000, "{told}");
    assert!(over["rtt"].as_f64().is_some_and(|rtt| rtt > 0.0), "{told}");
    assert!(windows[..windows.len() - 1].iter().all(|w| w["over"] == false), "{told}");
    let drawn = fs::read_to_string(&svg).expect("a picture");
    assert!(drawn.contains(">2000000<") && drawn.matches("#2060c0").count() > 200, "{drawn}");
}

#[test]
fn listen_and_connect_talk_both_ways() {
    let mut listener = sockeye(&["listen", "arq-listen:127.0.0.1:0"]);
    let mut listener = Running::start(listener.stdin(Stdio::piped()));
    let at = listener.line("listening on ").rsplit(' ').next().expect("an address").to_owned();
    let mut to = listener.child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut to, b"from the listener\n").expect("sent");
    drop(to);
    let (out, err, code) = with_input(&["connect", &format!("arq:{at}")], b"from the client\n");
    assert_eq!((out.as_str(), code), ("from the listener\n", Some(0)), "{err}");
    listener.line("from the client");
    assert!(listener.finish().0.success());
}

#[test]
fn what_cannot_be_made_is_told_with_its_exit_code() {
    let other = KEY.replace("00", "01");
    let (_server, at) = server(&["serve", "echo", &format!("arq-listen:127.0.0.1:0,key={KEY}")]);
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    let silent = silent.local_addr().expect("bound");
    for (address, expected, said) in [
        (format!("arq:{at},key={other}"), 1, "give both sides the same key="),
        (format!("arq:{at}"), 1, "give both sides the same integrity="),
        (format!("arq:{at},key=12"), 2, "64 hexadecimal digits"),
        (format!("arq:{at},integrity=aead"), 2, "integrity=aead needs key="),
        (format!("arq:{silent},connect-timeout=0.2"), 3, "no answer within 200ms"),
    ] {
        let (_, err, code) = with_input(&["connect", &address], b"");
        assert_eq!(code, Some(expected), "{address}: {err}");
        assert!(err.contains(said), "{address}: {err}");
    }
    let (_, err, code) = with_input(&["connect", "tcp:127.0.0.1:1", "--window"], b"");
    assert!(code == Some(2) && err.contains("no address here is arq:"), "{err}");
}
