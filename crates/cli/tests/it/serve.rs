//! `sockeye serve` with real clients: byte for byte what the tutorials show.

use std::{
    io::{Read, Write},
    net::{TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use crate::{
    common::{ended, listening, peer, place, port, python, run, sockeye},
    support::{self, PATIENCE, Running},
};

/// One exchange: sends, then reads exactly as much as is expected.
#[track_caller]
fn told(client: &mut (impl Read + Write), said: &[u8], answer: &[u8]) {
    client.write_all(said).expect("sent");
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got).expect("answered");
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(answer));
}

fn connect(at: &str) -> TcpStream {
    let client = TcpStream::connect(at).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

/// What is left until the end.
fn rest(mut client: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    client.read_to_end(&mut all).expect("an end, not a reset");
    all
}

#[test]
fn hello_welcomes_and_answers_until_exit() {
    let (server, at) = listening(&["serve", "hello", "tcp-listen:127.0.0.1:0"]);
    for (name, end) in [("Ada", "exit"), ("小明", "exit\n"), ("Bob\n", "exit\r\n")] {
        let mut client = connect(&at);
        told(&mut client, b"", b"Welcome!");
        told(&mut client, name.as_bytes(), format!("Hello, {}!", name.trim_end()).as_bytes());
        told(&mut client, b" x ", b"Hello,  x !");
        client.write_all(end.as_bytes()).expect("sent");
        assert_eq!(rest(client), b"");
    }
    assert!(ended(server).iter().any(|l| l == "sockeye: 3 clients served"));
}

#[test]
fn hello_over_datagrams_answers_whoever_sent() {
    let (_server, at) = listening(&["serve", "hello", "udp-listen:127.0.0.1:0"]);
    for data in ["one", "exit", "", "你好"] {
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        client.send_to(data.as_bytes(), &at).expect("sent");
        let mut room = [0; 100];
        let length = client.recv(&mut room).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&room[..length]), format!("Hello, {data}!"));
    }
}

#[test]
fn greet_thanks_and_closes() {
    let (_server, at) = listening(&["serve", "greet", "tcp-listen:127.0.0.1:0"]);
    assert_eq!(rest(connect(&at)), b"Thank you for connecting\r\n");
    if support::peers(&["nc.openbsd", "ncat", "curl"]) {
        let thanks = b"Thank you for connecting\r\n";
        let (host, port) = ("127.0.0.1", port(&at));
        assert_eq!(peer("nc.openbsd", &["-N", host, port], b"").out, thanks);
        assert_eq!(peer("ncat", &[host, port], b"").out, thanks);
        assert_eq!(peer("curl", &["-s", "--max-time", "60", &format!("telnet://{at}")], b"").out, thanks);
    }
}

#[test]
fn echo_on_many_addresses_for_every_client() {
    if !support::peers(&["nc.openbsd", "ncat", "socat", "python3", "ss"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s").display().to_string();
    let name = format!("sockeye-echo-{}", std::process::id());
    let mut server = Running::start(&mut sockeye(&[
        "serve",
        "echo",
        "tcp-listen:127.0.0.1:0",
        "tcp6-listen:[::1]:0",
        "udp-listen:127.0.0.1:0",
        "udp6-listen:[::1]:0",
        &format!("unix-listen:{path}"),
        &format!("unix-listen:{path}.seq,type=5"),
        &format!("unix-recvfrom:{path}.d"),
        &format!("abstract-listen:{name}"),
    ]));
    let at: Vec<String> = (0..8).map(|_| place(&mut server)).collect();
    let (text, echoed) = (b"over there\n", "over there\n");
    for tcp in &at[..2] {
        let (host, port) = tcp.rsplit_once(':').expect("a port");
        let bare = host.trim_matches(['[', ']']);
        assert_eq!(peer("nc.openbsd", &["-N", bare, port], text).text(), echoed);
        assert_eq!(peer("ncat", &[bare, port], text).text(), echoed);
        assert_eq!(peer("socat", &["-t60", "-", &format!("tcp:{tcp}")], text).text(), echoed);
        assert_eq!(run(&["connect", tcp], text).text(), echoed);
    }
    for udp in &at[2..4] {
        assert_eq!(peer("socat", &["-t5", "-", &format!("udp:{udp},readbytes=11")], text).text(), echoed);
        assert_eq!(run(&["connect", "-u", "-q", "1", udp], text).text(), echoed);
    }
    assert_eq!(peer("nc.openbsd", &["-N", "-U", &path], text).text(), echoed);
    assert_eq!(peer("ncat", &["-U", &path], text).text(), echoed);
    let seq = format!("unix-connect:{path}.seq,socktype=5");
    assert_eq!(peer("socat", &["-t60", "-", &seq], text).text(), echoed);
    let program = "
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(a[0] + '.mine')
for m in (b'one', b'', b'x' * 60000):
    s.sendto(m, a[0])
    assert s.recv(70000) == m
c = socket.socket(socket.AF_UNIX)
c.connect('\\0' + a[1])
c.sendall(b'deep'); c.shutdown(socket.SHUT_WR)
assert c.makefile('rb').read() == b'deep'
";
    let ran = python(program, &[&format!("{path}.d"), &name]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let seen = peer("ss", &["-Hlntp"], b"").text();
    assert!(seen.contains(&at[0]) && seen.contains("sockeye"), "{seen}");
    drop(ended(server));
    assert!(!std::path::Path::new(&path).exists(), "the path goes with its listener");
}

#[test]
fn tcp_and_udp_share_a_port() {
    // A port that TCP gave is free for UDP as good as always; another test may have it.
    for _ in 0..10 {
        let free = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let mut server = Running::start(&mut sockeye(&[
            "serve",
            "echo",
            &format!("tcp-listen:{free}"),
            &format!("udp-listen:{free}"),
        ]));
        let line = server.line("sockeye: ");
        if !line.contains("listening on") {
            continue;
        }
        assert_eq!(place(&mut server), free.to_string());
        let mut tcp = connect(&free.to_string());
        told(&mut tcp, b"stream", b"stream");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
        udp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        udp.send_to(b"datagram", free).expect("sent");
        let mut room = [0; 20];
        assert_eq!(udp.recv(&mut room).expect("echoed"), 8);
        return;
    }
    panic!("no port was free for both");
}

#[test]
fn clients_over_the_limit_are_told() {
    let (server, at) = listening(&["serve", "echo", "tcp-listen:127.0.0.1:0", "--max-clients", "2"]);
    let mut first = [connect(&at), connect(&at)];
    for client in &mut first {
        told(client, b"in", b"in");
    }
    assert_eq!(rest(connect(&at)), b"server is full: 2 clients are its limit, try again later\r\n");
    let [one, mut two] = first;
    one.shutdown(std::net::Shutdown::Write).expect("half-closed");
    assert_eq!(rest(one), b"");
    // Its place is free once its end has been seen, which is soon.
    crate::common::until(
        || {
            let mut next = connect(&at);
            let mut room = [0; 2];
            next.write_all(b"in").is_ok() && next.read_exact(&mut room).is_ok() && room == *b"in"
        },
        "a free place",
    );
    told(&mut two, b"still here", b"still here");
    drop(two);
    assert!(ended(server).iter().any(|l| l.contains("refused")));
}

#[test]
fn discard_reads_and_says_nothing() {
    let (_server, at) = listening(&["serve", "discard", "tcp-listen:127.0.0.1:0"]);
    let mut client = connect(&at);
    client.write_all(&vec![7; 1 << 20]).expect("taken");
    client.shutdown(std::net::Shutdown::Write).expect("half-closed");
    assert_eq!(rest(client), b"");
}

#[test]
fn a_delay_is_kept_before_each_answer_and_not_before_the_welcome() {
    let (_server, at) = listening(&["serve", "hello", "tcp-listen:127.0.0.1:0", "--delay", "300ms"]);
    let mut client = connect(&at);
    told(&mut client, b"", b"Welcome!");
    for name in ["a", "b"] {
        let began = Instant::now();
        told(&mut client, name.as_bytes(), format!("Hello, {name}!").as_bytes());
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
}

#[test]
fn once_is_one_answer_and_the_messages_are_shown() {
    let (mut server, at) = listening(&["serve", "echo", "tcp-listen:127.0.0.1:0", "--once", "-v"]);
    let mut client = connect(&at);
    let from = client.local_addr().expect("bound");
    told(&mut client, b"just this\n", b"just this\n");
    assert_eq!(rest(client), b"");
    assert_eq!(server.line("Message from"), format!("Message from {from}: just this"));
}

/// Two thousand at once, each with three names and `exit`, every one answered rightly.
#[test]
fn two_thousand_hello_clients_at_once() {
    if !support::peers(&["python3"]) {
        return;
    }
    let (server, at) = listening(&["serve", "hello", "tcp-listen:127.0.0.1:0"]);
    let program = "
import selectors, resource
n = 2000
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
sel = selectors.DefaultSelector()
host, port = a[0].rsplit(':', 1)
class C: pass
for i in range(n):
    c = C(); c.i = i; c.step = 0; c.got = b''
    c.s = socket.create_connection((host, int(port)))
    c.s.setblocking(False)
    sel.register(c.s, selectors.EVENT_READ, c)
# All are connected before the first is spoken to.
left = n
expect = lambda c: b'Welcome!' if c.step == 0 else b'Hello, %d-%d!' % (c.i, c.step)
while left:
    ready = sel.select(60)
    assert ready, 'nothing came for a minute'
    for key, _ in ready:
        c = key.data
        data = c.s.recv(1000)
        if not data:
            assert c.step == 4 and c.got == b'', (c.i, c.step, c.got)
            sel.unregister(c.s); c.s.close(); left -= 1
            continue
        c.got += data
        assert expect(c).startswith(c.got), (c.i, c.got)
        if c.got == expect(c):
            c.got = b''; c.step += 1
            c.s.send(b'%d-%d' % (c.i, c.step) if c.step < 4 else b'exit')
print('all answered')
";
    let ran = python(program, &[&at]);
    assert_eq!(ran.text(), "all answered\n", "{}", ran.err);
    assert!(ended(server).iter().any(|l| l == "sockeye: 2,000 clients served"));
}

#[test]
fn a_signal_lets_clients_finish() {
    let (server, at) = listening(&["serve", "echo", "tcp-listen:127.0.0.1:0", "--drain", "60"]);
    let mut client = connect(&at);
    told(&mut client, b"before", b"before");
    server.signal("TERM");
    // Nobody new comes in. The kernel is asked rather than the server: whoever connects before would be served.
    let listens = format!(":{:04X} 00000000:0000 0A", port(&at).parse::<u16>().expect("a port"));
    let closed = || !std::fs::read_to_string("/proc/net/tcp").expect("Linux").contains(&listens);
    crate::common::until(closed, "the listener to close");
    assert!(TcpStream::connect(&at).is_err());
    told(&mut client, b"after", b"after");
    drop(client);
    let (status, lines) = server.finish();
    assert!(status.success() && lines.iter().any(|l| l == "sockeye: 1 client served"), "{lines:?}");
}

#[test]
fn the_tutorials_python_client_is_greeted() {
    if !support::peers(&["python3"]) {
        return;
    }
    let (_server, at) = listening(&["serve", "hello", "tcp-listen:127.0.0.1:0"]);
    let program = "
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(('127.0.0.1', int(a[0])))
print(s.recv(1024).decode('utf-8'))
for data in [b'Michael', b'Tracy', b'Sarah']:
    s.send(data)
    print(s.recv(1024).decode('utf-8'))
s.send(b'exit')
s.close()
";
    let ran = python(program, &[port(&at)]);
    assert_eq!(ran.text(), "Welcome!\nHello, Michael!\nHello, Tracy!\nHello, Sarah!\n");
}
