//! Framed conversations: typed lines become messages, framings are converted, receives are explained.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    thread,
};

use crate::support::{self, PATIENCE, Running};

pub(crate) fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs with `input` on the standard input; gives what it wrote and its exit code.
pub(crate) fn with_input(args: &[&str], input: &[u8]) -> (String, String, Option<i32>) {
    let mut child = sockeye(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    child.stdin.take().expect("a pipe was asked for").write_all(input).expect("it reads its input");
    let out = child.wait_with_output().expect("a child can be waited for");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&out.stdout), text(&out.stderr), out.status.code())
}

/// Starts a server of sockeye and gives where it listens.
pub(crate) fn server(args: &[&str]) -> (Running, String) {
    let mut server = Running::start(&mut sockeye(args));
    let line = server.line("listening on ");
    let at = line.rsplit("listening on ").next().expect("an address").to_owned();
    (server, at)
}

#[test]
fn typed_lines_become_messages_and_messages_are_shown_as_lines() {
    for framing in ["len:u32be", "len:varint", "netstring", "sealed", "delim:\\x1e", "(len:u16,le,max=1k)"] {
        let (_server, at) = server(&["serve", "echo", "tcp:127.0.0.1:0", "--frame", framing]);
        let (out, err, code) =
            with_input(&["connect", &format!("tcp:{at}"), "--frame", framing], "hello\n你好\n\n".as_bytes());
        assert_eq!((out.as_str(), code), ("hello\n你好\n\n", Some(0)), "{framing}: {err}");
    }
}

#[test]
fn what_goes_over_the_wire_is_what_python_expects() {
    if !support::peers(&["python3"]) {
        return;
    }
    let program = "import socket, struct\n\
        s = socket.create_server(('127.0.0.1', 0)); print('port', s.getsockname()[1], flush=True)\n\
        c, _ = s.accept(); f = c.makefile('rwb')\n\
        while head := f.read(4):\n    m = f.read(struct.unpack('<I', head)[0])\n    \
        f.write(struct.pack('<I', len(m)) + m.upper()); f.flush()\n";
    let mut peer = Running::start(Command::new("python3").args(["-c", program]));
    let port = peer.line("port").replace("port ", "");
    let address = format!("tcp:127.0.0.1:{port},frame=len:u32le");
    let (out, err, code) = with_input(&["connect", &address], b"hello\nworld\n");
    assert_eq!((out.as_str(), code), ("HELLO\nWORLD\n", Some(0)), "{err}");
}

#[test]
fn a_relay_converts_between_framings() {
    let (_echo, at) = server(&["serve", "echo", "tcp:127.0.0.1:0", "--frame", "len:u16be"]);
    let relay_to = format!("tcp:{at},frame=len:u16be");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let first = format!("tcp-listen:127.0.0.1:{port},frame=netstring");
    let mut relay = Running::start(&mut sockeye(&["relay", &first, &relay_to, "--json"]));
    let mut client = connect(port);
    client.write_all(b"5:hello,0:,").expect("sent");
    client.shutdown(std::net::Shutdown::Write).expect("still open");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    assert_eq!(answer, b"5:hello,0:,");
    relay.line("\"forward\"");
}

/// Connects as soon as somebody listens.
fn connect(port: u16) -> TcpStream {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(_) if std::time::Instant::now() < deadline => thread::yield_now(),
            Err(e) => panic!("nobody listens on {port}: {e}"),
        }
    }
}

#[test]
fn datagrams_keep_their_boundaries_over_tcp() {
    let echo = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    echo.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let to = format!("udp:{}", echo.local_addr().expect("bound"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let _relay = Running::start(&mut sockeye(&[
        "relay",
        &format!("tcp-listen:127.0.0.1:{port},frame=len:u16be"),
        &to,
    ]));
    let mut client = connect(port);
    client.write_all(b"\0\x03one\0\x05three").expect("sent");
    let mut room = [0; 100];
    for expected in [&b"one"[..], b"three"] {
        let (n, from) = echo.recv_from(&mut room).expect("a datagram");
        assert_eq!(&room[..n], expected, "one message, one datagram");
        echo.send_to(&room[..n], from).expect("sent");
    }
    let mut answer = [0; 12];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"\0\x03one\0\x05three");
}

#[test]
fn receives_are_explained_in_lines_and_events() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = format!("tcp:{}", listener.local_addr().expect("bound"));
    let directory = tempfile::tempdir().expect("a directory");
    let events = directory.path().join("events");
    let mut command = sockeye(&["connect", &address, "--frame", "len:u8", "--explain", "--recv-only"]);
    let mut client = Running::start(command.arg("--events").arg(&events));
    let (mut server, _) = listener.accept().expect("it connects");
    server.write_all(b"\x05hello\x05world\x04ha").expect("sent");
    let line = client.line("receive 1");
    assert!(line.contains("15 bytes  STICKY, HALF: 2 messages; 3 bytes of message 3, 2 to come"), "{line}");
    assert!(client.line("message 2").contains("5 bytes  \"world\""));
    server.write_all(b"lf").expect("sent");
    let line = client.line("receive 2");
    assert!(line.contains("2 bytes  HALF: the rest of message 3"), "{line}");
    assert!(client.line("message 3").contains("\"half\"  in 2 receives"));
    drop(server);
    assert!(client.line(" end ").contains("3 messages in 2 receives"));
    assert!(client.finish().0.success());
    let told = std::fs::read_to_string(&events).expect("events were written");
    let shapes: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|event| event["event"] == "frame-receive")
        .map(|event| event["shape"].to_string())
        .collect();
    assert_eq!(shapes, ["\"sticky-half\"", "\"half\""], "{told}");
}

#[test]
fn without_framing_only_bytes_can_be_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = format!("tcp:{}", listener.local_addr().expect("bound"));
    let mut client = Running::start(&mut sockeye(&["connect", &address, "--explain", "--recv-only"]));
    let (mut server, _) = listener.accept().expect("it connects");
    server.write_all(b"helloworld").expect("sent");
    assert!(client.line("receive 1").contains("10 bytes  bytes: only a framing tells where a message ends"));
}

/// Fault run 12 and half a message, on the command: exit code 5, and what came before is shown.
#[test]
fn fault_12_a_peer_that_breaks_the_framing_exits_5() {
    for (wire, said) in [
        (&b"\0\0\0\x02ok\xff\xff\xff\xff"[..], "has 4294967295 bytes; the limit is 1048576 (max=)"),
        (b"\0\0\0\x02ok\0\0\0\x09half", "in the middle of the message at byte 6: 8 of 13 bytes came"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let address = format!("tcp:{}", listener.local_addr().expect("bound"));
        let server = thread::spawn(move || {
            let (mut server, _) = listener.accept().expect("it connects");
            server.write_all(wire).expect("sent");
        });
        let (out, err, code) = with_input(&["connect", &address, "--frame", "len:u32be", "--recv-only"], b"");
        assert_eq!((out.as_str(), code), ("ok\n", Some(5)), "{err}");
        assert!(err.contains(said), "{err}");
        server.join().expect("it served");
    }
}

#[test]
fn a_message_that_does_not_fit_is_refused_by_name() {
    let (_server, at) = server(&["serve", "echo", "tcp:127.0.0.1:0", "--frame", "len:u8"]);
    let input = [&b"fits\n"[..], &[b'x'; 300], b"\n"].concat();
    let (_, err, code) = with_input(&["connect", &format!("tcp:{at}"), "--frame", "len:u8"], &input);
    assert_eq!(code, Some(2));
    assert!(err.contains("a message of 300 bytes has no length in a field of type u8"), "{err}");
}

/// A datagram keeps its boundaries, and those after the first still come when only one peer is served.
#[test]
fn over_udp_two_sends_stay_two() {
    let args = ["listen", "udp:127.0.0.1:0", "--explain", "--recv-only"];
    let mut listener = Running::start(&mut sockeye(&args));
    let line = listener.line("listening on ");
    let at = line.rsplit(' ').next().expect("an address");
    let sender = UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    sender.connect(at).expect("an address");
    for (i, text) in ["hello", "world", "!"].iter().enumerate() {
        sender.send(text.as_bytes()).expect("sent");
        assert!(listener.line(&format!("receive {}", i + 1)).contains("whole"));
        assert!(listener.line(&format!("message {}", i + 1)).contains(&format!("\"{text}\"")));
    }
}
