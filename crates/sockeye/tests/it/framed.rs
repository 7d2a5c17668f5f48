//! Messages over real connections, and with Python on the other side.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
};

use sockeye::{
    Socket,
    error::{Class, Reason},
    framed::Framed,
    proto::framing::{FrameError, Framing, Half, Junk, Order},
    socket::Type,
};

use crate::support::{self, Running};

const SPECS: [&str; 8] =
    ["line", "delim:\\r\\n", "fixed:6", "len:u8", "len:u32be", "len:varint", "netstring", "sealed"];

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    (client, listener.accept().expect("it connected").0)
}

fn framing(spec: &str) -> Framing {
    spec.parse().expect("a framing")
}

/// Fault run 11 on a real connection: one byte a write.
#[test]
fn fault_11_one_byte_a_write() {
    for spec in SPECS {
        let (client, mut server) = pair();
        server.set_nodelay(true).expect("TCP");
        let mut wire = Vec::new();
        let mut encoder = framing(spec).encoder();
        for message in [b"first!", b"second", b"third!"] {
            encoder.encode(message, sockeye::framed::now(), &mut wire).expect("it fits");
        }
        let writer =
            thread::spawn(move || wire.iter().for_each(|b| server.write_all(&[*b]).expect("a reader")));
        let mut client = Framed::new(client, &framing(spec));
        for message in [b"first!", b"second", b"third!"] {
            assert_eq!(client.recv().expect(spec), Some(&message[..]), "{spec}");
        }
        assert_eq!(client.recv().expect(spec), None);
        writer.join().expect("it wrote");
    }
}

#[test]
fn a_socket_carries_messages_both_ways() {
    let (a, b) = Socket::pair(Type::Stream).expect("a socket pair");
    let mut a = Framed::new(a, &framing("sealed"));
    let mut b = Framed::new(b, &framing("sealed"));
    a.send(b"question").expect("sent");
    assert_eq!(b.recv().expect("received"), Some(&b"question"[..]));
    let seal = b.seal().expect("sealed");
    assert_eq!((seal.sequence, seal.order), (0, Order::Next));
    b.send("答案".as_bytes()).expect("sent");
    assert_eq!(a.recv().expect("received"), Some("答案".as_bytes()));
}

#[tokio::test]
async fn under_tokio_the_same() {
    for spec in SPECS {
        let (a, b) = tokio::io::duplex(7);
        let framing = framing(spec);
        let sender = async {
            let mut a = Framed::new(a, &framing);
            for message in [b"first!", b"second"] {
                a.send_async(message).await.expect("sent");
            }
        };
        let receiver = async {
            let mut b = Framed::new(b, &framing);
            for message in [b"first!", b"second"] {
                assert_eq!(b.recv_async().await.expect(spec), Some(&message[..]));
            }
            assert_eq!(b.recv_async().await.expect(spec), None);
        };
        tokio::join!(sender, receiver);
    }
}

#[test]
fn a_peer_that_ends_in_mid_message_is_named() {
    let (client, mut server) = pair();
    server.write_all(b"\0\0\0\x05he").expect("a reader");
    drop(server);
    let mut client = Framed::new(client, &framing("len:u32be")).named("tcp:example:9");
    let error = client.recv().expect_err("half a message");
    let half = Half { have: 6, due: Some(9), at: 0 };
    assert!(matches!(error.reason(), Reason::Frame(FrameError::Half(h)) if *h == half));
    assert_eq!(error.class(), Class::Protocol);
    assert_eq!(
        error.to_string(),
        "cannot receive a message from tcp:example:9: the stream ended in the middle of the message at byte 0: \
         6 of 9 bytes came"
    );
}

/// Fault run 12 on a real connection.
#[test]
fn fault_12_an_announcement_beyond_the_limit() {
    let (client, mut server) = pair();
    server.write_all(&u64::MAX.to_be_bytes()).expect("a reader");
    let mut client = Framed::new(client, &framing("len:u64be,max=64k"));
    let error = client.recv().expect_err("too long");
    let expected = FrameError::TooLong { size: u64::MAX, limit: 65536, at: 0 };
    assert!(matches!(error.reason(), Reason::Frame(e) if *e == expected), "{error}");
}

/// Fault run 13 on a real connection, a bit in each part of the frame: the reader names the damage and goes on.
#[test]
fn fault_13_after_damage_the_next_message() {
    for byte in [0, 3, 5, 10, 20, 26, 30, 33] {
        let (client, mut server) = pair();
        let mut encoder = framing("sealed").encoder();
        let (mut bad, mut good) = (Vec::new(), Vec::new());
        encoder.encode(b"bad", sockeye::framed::now(), &mut bad).expect("it fits");
        encoder.encode(b"good", sockeye::framed::now(), &mut good).expect("it fits");
        bad[byte] ^= 1 << (byte % 8);
        server.write_all(&[bad, good].concat()).expect("a reader");
        drop(server);
        let mut client = Framed::new(client, &framing("sealed"));
        let error = client.recv().expect_err("damage");
        assert!(matches!(error.reason(), Reason::Frame(FrameError::Damaged(s)) if s.bytes <= 35), "{error}");
        let next = loop {
            // Junk may be named in several pieces.
            match client.recv() {
                Ok(next) => break next.map(<[u8]>::to_vec),
                Err(e) => assert!(matches!(e.reason(), Reason::Frame(FrameError::Damaged(_))), "{e}"),
            }
        };
        assert_eq!(next.as_deref(), Some(&b"good"[..]), "byte {byte}");
        assert_eq!(client.seal().map(|s| s.order), Some(Order::Gap { missing: 1 }));
        assert_eq!(client.recv().expect("the end"), None);
    }
    // Junk has a text of its own.
    assert_eq!(Junk::NoMagic.to_string(), "no frame begins there");
}

const PYTHON: &str = r#"
import socket, struct, sys
server = socket.create_server(("127.0.0.1", 0))
print("port", server.getsockname()[1], flush=True)
conn, _ = server.accept()
def exactly(n):
    data = b""
    while len(data) < n:
        piece = conn.recv(n - len(data))
        if not piece: sys.exit("cut short")
        data += piece
    return data
def varint_read():
    value = shift = 0
    while True:
        byte = exactly(1)[0]
        value |= (byte & 0x7f) << shift
        if byte < 0x80: return value
        shift += 7
def varint(n):
    out = b""
    while n >= 0x80: out += bytes([n & 0x7f | 0x80]); n >>= 7
    return out + bytes([n])
def netstring():
    digits = b""
    while (c := exactly(1)) != b":": digits += c
    data = exactly(int(digits))
    assert exactly(1) == b","
    return data
def line():
    data = b""
    while not data.endswith(b"\n"): data += exactly(1)
    return data[:-1]
read, write = {
    "u16le": (lambda: exactly(struct.unpack("<H", exactly(2))[0]), lambda m: struct.pack("<H", len(m)) + m),
    "u32be": (lambda: exactly(struct.unpack(">I", exactly(4))[0]), lambda m: struct.pack(">I", len(m)) + m),
    "u64be": (lambda: exactly(struct.unpack(">Q", exactly(8))[0]), lambda m: struct.pack(">Q", len(m)) + m),
    "varint": (lambda: exactly(varint_read()), lambda m: varint(len(m)) + m),
    "netstring": (netstring, lambda m: b"%d:%s," % (len(m), m)),
    "line": (line, lambda m: m + b"\r\n"),
}[sys.argv[1]]
out = b""
for _ in range(3):
    out += write(read()[::-1])
conn.sendall(out)
conn.close()
"#;

/// Python reads three messages, and answers them reversed, all in one send.
#[test]
fn python_understands_and_is_understood() {
    if !support::peers(&["python3"]) {
        return;
    }
    for (spec, python) in [
        ("len:u16le", "u16le"),
        ("len:u32be", "u32be"),
        ("len:u64be", "u64be"),
        ("len:varint", "varint"),
        ("netstring", "netstring"),
        ("line", "line"),
    ] {
        let mut peer = Running::start(Command::new("python3").args(["-c", PYTHON, python]));
        let port: u16 = peer.line("port").trim_start_matches("port ").parse().expect("a number");
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        let mut framed = Framed::new(stream, &framing(spec));
        let messages = [b"hello".to_vec(), vec![], b"x".repeat(300)];
        for message in &messages {
            framed.send(message).expect("sent");
        }
        for message in &messages {
            let mut reversed = message.clone();
            reversed.reverse();
            assert_eq!(framed.recv().expect(spec), Some(&reversed[..]), "{spec}");
        }
        assert_eq!(framed.recv().expect(spec), None, "{spec}");
        assert!(peer.finish().0.success(), "{spec}");
    }
}

/// The demonstration: without framing two sends over TCP may arrive as one receive; over UDP they are two.
#[test]
fn two_sends_over_tcp_merge_and_over_udp_do_not() {
    let (mut client, mut server) = pair();
    client.write_all(b"hello").expect("sent");
    client.write_all(b"world").expect("sent");
    drop(client);
    let mut all = Vec::new();
    server.read_to_end(&mut all).expect("read");
    assert_eq!(all, b"helloworld", "no boundary is left");

    let receiver = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
    for message in [b"hello", b"world"] {
        sender.send_to(message, receiver.local_addr().expect("bound")).expect("sent");
    }
    let mut buffer = [0; 1024];
    for message in [b"hello", b"world"] {
        let n = receiver.recv(&mut buffer).expect("received");
        assert_eq!(&buffer[..n], message);
    }
}
