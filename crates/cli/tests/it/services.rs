//! The small services, spoken to as nc would.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream, UdpSocket},
    process::{Command, Stdio},
};

use crate::support::{PATIENCE, Running};

fn server(service: &str, address: &str) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    let mut server = Running::start(command.args(["serve", service, address]).stdin(Stdio::null()));
    let line = server.line("listening on ");
    let at = line.rsplit("listening on ").next().expect("an address").to_owned();
    (server, at)
}

fn everything(at: &str) -> Vec<u8> {
    let mut all = Vec::new();
    TcpStream::connect(at).expect("it listens").read_to_end(&mut all).expect("an answer");
    all
}

#[test]
fn daytime_and_time_answer_over_tcp_and_udp() {
    let (_server, at) = server("daytime", "127.0.0.1:0");
    let said = String::from_utf8(everything(&at)).expect("text");
    assert!(said.contains("day, ") && said.ends_with("\r\n"), "{said}");

    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs() + 2_208_988_800;
    let close = |bytes: [u8; 4]| u32::from_be_bytes(bytes).wrapping_sub(now as u32) < 600;
    let (_server, at) = server("time", "127.0.0.1:0");
    assert!(close(everything(&at).try_into().expect("four bytes")));
    let (_server, at) = server("time", "udp:127.0.0.1:0");
    let client = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    client.send_to(b"", &at).expect("sent");
    let mut answer = [0; 4];
    assert_eq!(client.recv(&mut answer).expect("an answer"), 4);
    assert!(close(answer));
}

#[test]
fn chargen_rotates_until_the_client_leaves() {
    let (_server, at) = server("chargen", "127.0.0.1:0");
    let mut lines = BufReader::new(TcpStream::connect(&at).expect("it listens")).lines();
    let mut next = || lines.next().expect("no end").expect("a line");
    let first = next();
    assert_eq!((first.len(), &first[..5]), (72, " !\"#$"));
    assert_eq!(next()[..5], first[1..6]);
}

#[test]
fn a_sink_counts() {
    let (mut server, at) = server("sink", "127.0.0.1:0");
    let mut client = TcpStream::connect(&at).expect("it listens");
    client.write_all(&vec![7; 1_234_567]).expect("it reads");
    client.shutdown(Shutdown::Write).expect("still open");
    assert!(server.line(" bytes in ").contains("1,234,567 bytes in "));
}

#[test]
fn a_chat_tells_who_says_what() {
    let (_server, at) = server("chat", "127.0.0.1:0");
    let join = || {
        let client = TcpStream::connect(&at).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let name = client.local_addr().expect("connected").to_string();
        let mut lines = BufReader::new(client.try_clone().expect("a second handle")).lines();
        let welcome = lines.next().expect("open").expect("a welcome");
        assert!(welcome.starts_with(&format!("welcome, {name}; ")), "{welcome}");
        (client, name, move || lines.next().expect("open").expect("a line"))
    };
    let (mut ann, ann_is, mut ann_hears) = join();
    let (mut bob, bob_is, mut bob_hears) = join();
    assert_eq!(ann_hears(), format!("{bob_is} joined"));
    // Sticky and half packets are no matter: a message is a line.
    ann.write_all("hello\n你".as_bytes()).expect("sent");
    assert_eq!(bob_hears(), format!("Message from {ann_is}: hello"));
    ann.write_all("好\n/name Ann\n".as_bytes()).expect("sent");
    assert_eq!(bob_hears(), format!("Message from {ann_is}: 你好"));
    assert_eq!(ann_hears(), "you are Ann");
    assert_eq!(bob_hears(), format!("{ann_is} is now Ann"));
    bob.write_all(b"/name Ann\nhi\nexit\n").expect("sent");
    assert_eq!(bob_hears(), "the name \"Ann\" is taken or empty");
    assert_eq!(ann_hears(), format!("Message from {bob_is}: hi"));
    assert_eq!(ann_hears(), format!("{bob_is} left"));
}
