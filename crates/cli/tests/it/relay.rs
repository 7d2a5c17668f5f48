//! `sockeye relay` between all kinds of addresses, with the tools that people join it to.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
};

use crate::{
    common::{ended, fed, listening, peer, port, run, sockeye, until},
    support::{self, PATIENCE, Running},
};

/// Bytes that differ at every offset for longer than any buffer is: a piece lost, repeated or moved shows.
fn pattern() -> Vec<u8> {
    const LENGTH: usize = 1_048_583;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    (0..LENGTH)
        .map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 32) as u8
        })
        .collect()
}

/// Writes `total` bytes of the pattern, then the end.
fn pour(mut to: TcpStream, total: usize) {
    let pattern = pattern();
    let mut left = total;
    while left > 0 {
        let length = left.min(pattern.len());
        to.write_all(&pattern[..length]).expect("taken");
        left -= length;
    }
    to.shutdown(Shutdown::Write).expect("half-closed");
}

/// Reads to the end; says how many bytes of the pattern came, and panics at the first that is not it.
fn drink(mut from: TcpStream) -> usize {
    let pattern = pattern();
    from.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let (mut room, mut total) = (vec![0; 1 << 18], 0);
    loop {
        let length = from.read(&mut room).expect("no reset");
        if length == 0 {
            return total;
        }
        let at = total % pattern.len();
        let until_wrap = length.min(pattern.len() - at);
        assert!(room[..until_wrap] == pattern[at..at + until_wrap], "differs after byte {total}");
        assert!(room[until_wrap..length] == pattern[..length - until_wrap], "differs after byte {total}");
        total += length;
    }
}

/// Both ends of one connection through a relay.
fn through(options: &str) -> (Running, TcpStream, TcpStream) {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}{options}", target.local_addr().expect("bound"));
    let (relay, at) = listening(&["relay", &format!("tcp-listen:127.0.0.1:0{options}"), &to]);
    let near = TcpStream::connect(at).expect("it listens");
    let far = target.accept().expect("it connects").0;
    (relay, near, far)
}

/// Pours so much through both ways at once (0: not that way), and checks every byte.
fn poured(options: &str, there: usize, back: usize) {
    let (relay, near, far) = through(options);
    let again = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
    let (near_out, far_out) = (again(&near), again(&far));
    let writers = [thread::spawn(move || pour(near_out, there)), thread::spawn(move || pour(far_out, back))];
    let (heard, replied) = (thread::spawn(move || drink(far)), thread::spawn(move || drink(near)));
    assert_eq!(heard.join().expect("the same bytes"), there);
    assert_eq!(replied.join().expect("the same bytes"), back);
    writers.into_iter().for_each(|w| w.join().expect("written"));
    let (status, lines) = relay.finish();
    assert!(status.success(), "{lines:?}");
}

const GIB: usize = 1 << 30;

#[test]
fn a_gibibyte_there() {
    poured("", GIB, 0);
}

#[test]
fn a_gibibyte_back() {
    poured("", 0, GIB);
}

#[test]
fn a_gibibyte_each_way_at_once() {
    poured("", GIB, GIB);
}

#[test]
fn the_smallest_buffers() {
    // The kernel doubles the value: 4608 bytes.
    poured(",sndbuf=2304", 8 << 20, 8 << 20);
    poured(",sndbuf=2304,rcvbuf=1", 1 << 20, 1 << 20);
}

#[test]
fn one_byte_a_write() {
    let (relay, mut near, far) = through(",nodelay,sndbuf=2304");
    near.set_nodelay(true).expect("an option");
    let drinker = thread::spawn(move || drink(far));
    for byte in pattern().iter().take(100_000) {
        near.write_all(&[*byte]).expect("taken");
    }
    drop(near);
    assert_eq!(drinker.join().expect("the same bytes"), 100_000);
    assert!(relay.finish().0.success());
}

#[test]
fn half_close_both_ways() {
    let (relay, mut near, mut far) = through("");
    let mut text = String::new();
    near.write_all(b"request").expect("sent");
    near.shutdown(Shutdown::Write).expect("half-closed");
    far.read_to_string(&mut text).expect("the end is passed on");
    far.write_all(b"answer").expect("still open");
    drop(far);
    near.read_to_string(&mut text).expect("the whole answer");
    assert_eq!(text, "requestanswer");
    assert!(relay.finish().0.success());
    // And the other way round.
    let (relay, mut near, mut far) = through("");
    far.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(near.read(&mut [0; 9]).expect("the end is passed on"), 0);
    near.write_all(b"goes on").expect("still open");
    drop(near);
    text.clear();
    far.read_to_string(&mut text).expect("all");
    assert_eq!(text, "goes on");
    assert!(relay.finish().0.success());
}

#[test]
fn one_way_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("f").display().to_string();
    std::fs::write(&file, "stays").expect("written");
    let copy = format!("create:{file}.copy");
    assert_eq!(run(&["relay", "-u", &format!("open:{file}"), &copy], b"").code, Some(0));
    assert_eq!(std::fs::read(format!("{file}.copy")).expect("made"), b"stays");
    // -U: from the second to the first, whose own data is not read.
    assert_eq!(run(&["relay", "-U", "-", &format!("open:{file}")], b"never read").text(), "stays");
    assert_eq!(run(&["relay", "-u", "-", "system:cat >&2"], b"to a program").err, "to a program");
}

#[test]
fn local_addresses() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let text = b"here and there\n";
    let back = |address: &str| {
        let ran = run(&["relay", "-", address], text);
        assert_eq!(ran.text(), "here and there\n", "{address}");
    };
    for address in [
        "socketpair",
        "socketpair,socktype=5",
        "pipe",
        "exec:cat",
        "exec:cat,pipes",
        "system:cat; true",
        "shell:cat",
        "exec:'sh -c cat'",
    ] {
        back(address);
    }
    assert_eq!(run(&["relay", "-", "system:tr a-z A-Z"], text).text(), "HERE AND THERE\n");
    assert_eq!(run(&["relay", "-!!-", "exec:cat"], text).text(), "here and there\n");
    let into = |address: String| assert_eq!(run(&["relay", "-u", "-", &address], text).code, Some(0));
    into(format!("create:{}", path("made")));
    into(format!("gopen:{}", path("made")));
    assert_eq!(std::fs::read(path("made")).expect("made"), [&text[..], text].concat(), "gopen appends");
    into(format!("open:{},creat,excl,mode=0600", path("new")));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path("new")).expect("made").permissions());
    assert_eq!(mode & 0o777, 0o600);
    // Reads from one address and writes to another.
    let dual = format!("open:{}!!create:{}", path("made"), path("out"));
    assert_eq!(run(&["relay", &dual, "exec:cat"], b"").code, Some(0));
    assert_eq!(std::fs::read(path("out")).expect("made"), [&text[..], text].concat());
}

#[test]
fn a_fifo_joins_two_of_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let fifo = format!("pipe:{}", dir.path().join("fifo").display());
    let reader = Running::start(&mut sockeye(&["relay", "-u", &fifo, "-"]));
    crate::common::until_there(&dir.path().join("fifo"));
    assert_eq!(run(&["relay", "-u", "-", &fifo], b"through the fifo\n").code, Some(0));
    let (status, lines) = reader.finish();
    assert!(status.success() && lines == ["through the fifo"], "{lines:?}");
}

#[test]
fn descriptors_of_the_shell() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("f").display().to_string();
    let line = format!("'{}' relay -u fd:0 fd:7 7>'{file}'", env!("CARGO_BIN_EXE_sockeye"));
    assert_eq!(peer("sh", &["-c", &line], b"through 7").code, Some(0));
    assert_eq!(std::fs::read(file).expect("made"), b"through 7");
}

#[test]
fn a_server_forks_and_limits_its_children() {
    if !support::peers(&["socat", "ncat"]) {
        return;
    }
    let (server, at) = listening(&["relay", "tcp-listen:127.0.0.1:0,fork,max-children=1", "exec:cat"]);
    let mut first = TcpStream::connect(&at).expect("it listens");
    first.write_all(b"x").expect("sent");
    first.read_exact(&mut [0]).expect("echoed");
    // The second waits in the queue until the first has left.
    let mut second = TcpStream::connect(&at).expect("the queue has room");
    second.write_all(b"y").expect("sent");
    second.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("a timeout");
    assert!(second.read_exact(&mut [0]).is_err());
    drop(first);
    second.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    second.read_exact(&mut [0]).expect("echoed");
    drop(second);
    assert_eq!(peer("socat", &["-t60", "-", &format!("tcp:{at}")], b"socat").text(), "socat");
    assert_eq!(peer("ncat", &["127.0.0.1", port(&at)], b"ncat").text(), "ncat");
    assert!(ended(server).iter().any(|l| l == "sockeye: 4 clients served"));
}

#[test]
fn programs_learn_who_is_there() {
    let (_server, at) = listening(&[
        "relay",
        "tcp-listen:127.0.0.1:0,fork",
        "system:echo $SOCKEYE_PEERADDR $SOCKEYE_PEERPORT $SOCKEYE_SOCKPORT",
    ]);
    let mut client = TcpStream::connect(&at).expect("it listens");
    let own = client.local_addr().expect("bound").port();
    let mut said = String::new();
    client.read_to_string(&mut said).expect("all");
    assert_eq!(said, format!("127.0.0.1 {own} {}\n", port(&at)));
}

#[test]
fn datagrams_of_any_length_through_udp_and_unix() {
    if !support::peers(&["python3"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("d").display().to_string();
    let program = "
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(a[0])
print('bound')
while True:
    m, p = s.recvfrom(70000)
    s.sendto(m, p)
";
    let mut far = crate::common::python_beside(program, &[&path]);
    far.line("bound");
    let (_relay, at) = listening(&["relay", "udp-listen:127.0.0.1:0", &format!("unix-sendto:{path}")]);
    let (status, lines) = python_sends(&at, &[1, 0, 8192, 9000, 65507, 0, 3]).finish();
    assert!(status.success(), "{lines:?}");
}

/// Sends datagrams of these sizes, each after the answer to the one before it.
fn python_sends(at: &str, sizes: &[usize]) -> Running {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    let program = "
host, port = a[0].rsplit(':', 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(60)
s.connect((host, int(port)))
for n in map(int, a[1:]):
    s.send(b'z' * n)
    assert s.recv(70000) == b'z' * n, n
";
    let args: Vec<&str> = std::iter::once(at).chain(sizes.iter().map(String::as_str)).collect();
    crate::common::python_beside(program, &args)
}

#[test]
fn curl_fetches_through_a_relay() {
    if !support::peers(&["curl", "python3"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("page"), pattern()).expect("written");
    let mut web = Running::start(
        Command::new("python3")
            .args(["-um", "http.server", "--bind", "127.0.0.1", "0"])
            .current_dir(dir.path())
            .stdin(Stdio::null()),
    );
    let line = web.line("port ");
    let target = line.split("port ").nth(1).and_then(|l| l.split(' ').next()).expect("a port");
    let path = dir.path().join("s").display().to_string();
    let (_relay, _) =
        listening(&["relay", &format!("unix-listen:{path},fork"), &format!("tcp:127.0.0.1:{target}")]);
    for _ in 0..2 {
        let got = peer("curl", &["-sS", "--unix-socket", &path, "http://localhost/page"], b"");
        assert!(got.out == pattern(), "{}", got.err);
    }
}

#[test]
fn what_passes_can_be_seen() {
    let ran = run(&["relay", "-v", "-x", "-", "exec:cat"], b"seen\n");
    assert_eq!(ran.text(), "seen\n");
    for arrow in ['>', '<'] {
        let head = ran.err.lines().find(|l| l.starts_with(arrow)).expect("a line for each way");
        assert!(head.ends_with("length=5 from=0 to=4"), "{head}");
    }
    assert!(ran.err.contains(" 73 65 65 6e 0a") && ran.err.contains("seen."), "{}", ran.err);
}

#[test]
fn a_signal_ends_it_with_a_summary() {
    let (relay, mut near, mut far) = through("");
    near.write_all(b"12345").expect("sent");
    far.read_exact(&mut [0; 5]).expect("passed");
    relay.signal("TERM");
    relay.signal("TERM");
    let (status, lines) = relay.finish();
    assert_eq!(status.code(), Some(143), "{lines:?}");
    assert!(lines.iter().any(|l| l.contains("→ 5 bytes") && l.contains("← 0 bytes")), "{lines:?}");
}

#[test]
fn json_says_what_was_done() {
    let ran = run(&["relay", "--json", "-", "exec:cat"], b"1234");
    let said: serde_json::Value = serde_json::from_str(&ran.err).expect("one line of JSON");
    assert_eq!(said["forward"]["bytes"], 4);
    assert_eq!(said["backward"]["reason"], "end-of-data");
}

#[test]
fn deadlines_are_kept() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", silent.local_addr().expect("bound"));
    for args in [&["-T", "0.2"][..], &["--total-timeout", "200ms"]] {
        let ran =
            run(&[&["relay", "tcp-listen:127.0.0.1:0,accept-timeout=0.2"], args, &[&*to]].concat(), b"");
        assert_eq!(ran.code, Some(3), "{}", ran.err);
        let mut held = sockeye(&[&["relay"], args, &["socketpair", &to]].concat());
        let ran = fed(&mut held, b"");
        assert_eq!(ran.code, Some(3), "{}", ran.err);
    }
}

/// Neither side ever waits, and still signals and deadlines have their turn.
#[test]
fn sides_that_never_wait_can_be_stopped() {
    for to in ["open:/dev/null", "open:/dev/null,append"] {
        let running = Running::start(&mut sockeye(&["relay", "-u", "open:/dev/zero", to]));
        let io = format!("/proc/{}/io", running.child.id());
        let moved = || {
            let io = std::fs::read_to_string(&io).expect("it runs");
            io.lines().find_map(|l| l.strip_prefix("rchar: ")?.parse::<u64>().ok()).unwrap_or(0)
        };
        until(|| moved() > 10 << 20, "it moves data");
        running.signal("TERM");
        let (status, lines) = running.finish();
        assert_eq!(status.code(), Some(128 + 15), "{lines:?}");
    }
    let ran = run(&["relay", "-u", "--total-timeout", "0.2", "open:/dev/zero", "open:/dev/null"], b"");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
}
