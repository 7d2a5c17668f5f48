//! What a socket tool must survive; each test is named after its number in the list of fault runs.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    common::{listening, peer, place, port, python, python_beside, sockeye, until},
    support::{self, PATIENCE, Running},
};

fn connect(at: &str) -> TcpStream {
    let client = TcpStream::connect(at).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

fn echoed(client: &mut TcpStream) {
    client.write_all(b"x").expect("sent");
    client.read_exact(&mut [0]).expect("echoed");
}

/// How long a process has computed so far (proc(5): utime and stime, in hundredths of a second).
fn computed(process: &Running) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.child.id())).expect("it runs");
    let fields: Vec<u64> =
        stat.rsplit(')').next().expect("a name").split(' ').filter_map(|f| f.parse().ok()).collect();
    // After the name and the state come ppid … cmajflt (10 fields), then utime and stime.
    Duration::from_millis((fields[10] + fields[11]) * 10)
}

/// The share of a core that a process takes while nothing is asked of it.
fn share(process: &Running, window: Duration) -> f64 {
    let (before, began) = (computed(process), Instant::now());
    std::thread::sleep(window);
    (computed(process) - before).as_secs_f64() / began.elapsed().as_secs_f64()
}

/// How many descriptors it has open.
fn descriptors(process: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", process.child.id())).expect("it runs").count()
}

/// How many sockets it has. Threads that serve have copies of the listening one, and each keeps a few idle pipes
/// to splice through, which belong to no connection.
fn sockets(process: &Running) -> usize {
    let all = fs::read_dir(format!("/proc/{}/fd", process.child.id())).expect("it runs");
    let links = all.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let sockets = links.filter(|link| link.to_string_lossy().starts_with("socket:"));
    sockets.collect::<std::collections::BTreeSet<_>>().len()
}

fn resident(process: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.child.id())).expect("it runs");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a size");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number of kB")
}

fn limited(descriptors: u32, args: &[&str]) -> (Running, String) {
    let line = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
    let mut server =
        Running::start(Command::new("sh").args(["-c", &line, env!("CARGO_BIN_EXE_sockeye")]).args(args));
    let at = place(&mut server);
    (server, at)
}

#[test]
fn fault_01_more_clients_than_descriptors() {
    if !support::peers(&["python3"]) {
        return;
    }
    for args in [
        &["serve", "echo", "tcp-listen:127.0.0.1:0"][..],
        &["relay", "tcp-listen:127.0.0.1:0,fork", "socketpair"],
    ] {
        let (server, at) = limited(64, args);
        let began = Instant::now();
        let program = "
host, port = a[0].rsplit(':', 1)
all = [socket.create_connection((host, int(port))) for i in range(500)]
print('connected')
sys.stdin.readline()
for i, s in enumerate(all):
    s.settimeout(60)
    s.sendall(b'%d' % i)
    s.shutdown(socket.SHUT_WR)
    assert s.makefile('rb').read() == b'%d' % i
    s.close()
print('served')
";
        let program = format!("import sys, socket\na = sys.argv[1:]\n{program}");
        let mut clients = Running::start(
            Command::new("python3").args(["-uc", &program, &at]).stdin(std::process::Stdio::piped()),
        );
        clients.line("connected");
        let share = share(&server, Duration::from_secs(2));
        assert!(share < 0.05, "{share} of a core");
        drop(clients.child.stdin.take());
        clients.line("served");
        server.signal("TERM");
        let (status, lines) = server.finish();
        assert!(status.success(), "{lines:?}");
        let told = lines.iter().filter(|l| l.contains("Too many open files")).count() as u64;
        assert!((1..=began.elapsed().as_secs() + 1).contains(&told), "{lines:#?}");
        if args[0] == "serve" {
            assert!(lines.iter().any(|l| l == "sockeye: 500 clients served"), "{lines:?}");
        }
    }
}

#[test]
fn fault_02_at_the_limit_with_nothing_to_accept() {
    if !support::peers(&["prlimit"]) {
        return;
    }
    let (server, at) = listening(&["serve", "echo", "tcp-listen:127.0.0.1:0"]);
    rests_at_the_limit(&server, &at);
    let (relay, through) = relaying(&at);
    rests_at_the_limit(&relay, &through);
}

/// A relay of one client after another to an echo server.
fn relaying(to: &str) -> (Running, String) {
    listening(&["relay", "tcp-listen:127.0.0.1:0,fork", &format!("tcp:{to}")])
}

fn rests_at_the_limit(server: &Running, at: &str) {
    let mut first = connect(at);
    echoed(&mut first);
    let limit = |most: usize| {
        let pid = server.child.id().to_string();
        let ran = peer("prlimit", &["--pid", &pid, &format!("--nofile={most}:4096")], b"");
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    };
    limit(descriptors(server));
    let idle = share(server, Duration::from_secs(1));
    assert!(idle < 0.05, "{idle} of a core");
    let mut second = connect(at);
    second.write_all(b"x").expect("sent");
    let waiting = share(server, Duration::from_secs(1));
    assert!(waiting < 0.05, "{waiting} of a core");
    echoed(&mut first);
    limit(1000);
    second.read_exact(&mut [0]).expect("served as soon as there is room");
}

#[test]
fn fault_03_a_reset_before_it_is_accepted() {
    if !support::peers(&["python3"]) {
        return;
    }
    let (server, at) = listening(&["serve", "echo", "tcp-listen:127.0.0.1:0"]);
    let (relay, through) = relaying(&at);
    outlives_resets(&relay, &through);
    outlives_resets(&server, &at);
    let (status, lines) = {
        server.signal("TERM");
        server.finish()
    };
    assert!(status.success() && lines.len() <= 2, "{lines:?}");
}

fn outlives_resets(server: &Running, at: &str) {
    server.signal("STOP");
    let program = "
host, port = a[0].rsplit(':', 1)
for i in range(200):
    s = socket.create_connection((host, int(port)))
    if i % 2: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
";
    let ran = python(program, &[at]);
    server.signal("CONT");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    echoed(&mut connect(at));
}

/// `tool … | head -c 1` for every command that shows something; `serve -v` and `listen -k` follow.
#[test]
fn fault_04_the_reader_leaves() {
    if !support::peers(&["bash", "timeout"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("large");
    fs::write(&file, b"line\n".repeat(400_000)).expect("written");
    let root = dir.path().display().to_string();
    let (_server, at) = listening(&["serve", "files", "tcp-listen:127.0.0.1:0", "--root", &root]);
    let file = file.display();
    for line in [
        "relay -u open:/dev/zero -",
        "relay exec:yes -",
        &format!("relay -x -u open:{file} open:/dev/null 2>&1"),
        &format!("relay --json --stats -u open:{file} open:/dev/null 2>&1"),
        "connect exec:yes 2>&1",
        "options",
        "options --json",
        "ss -a",
        "ss -a --json",
        "netstat -a",
        "ping -c 20 -i 0.01 127.0.0.1",
        &format!("get http://{at}/large"),
        &format!("get -v http://{at}/large 2>&1"),
        &format!("frame --from line --to netstring {file}"),
        "completions bash",
        "man",
        "--help",
        "relay --help",
    ] {
        let bin = env!("CARGO_BIN_EXE_sockeye");
        let script =
            format!("timeout -s KILL 50 '{bin}' {line} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}");
        let ran = peer("bash", &["-c", &script], b"");
        assert!(matches!(ran.code, Some(0 | 141)), "{line}: {:?} {}", ran.code, ran.err);
        assert!(!ran.err.contains("panicked"), "{line}: {}", ran.err);
    }
}

/// A server whose output nobody reads any more ends: what it had to say was the point of `-v`.
#[test]
fn fault_04_the_reader_of_a_server_leaves() {
    for args in [
        &["serve", "echo", "tcp-listen:127.0.0.1:0", "-v"][..],
        &["serve", "echo", "tcp-listen:127.0.0.1:0", "--events", "-"],
        &["listen", "-k", "tcp-listen:127.0.0.1:0"],
    ] {
        let mut command = sockeye(args);
        let (read, write) = std::io::pipe().expect("a pipe");
        let (mut errors, stderr) = std::io::pipe().expect("a pipe");
        let mut child = command.stdout(write).stderr(stderr).spawn().expect("the binary was built");
        drop(command);
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            errors.read_exact(&mut byte).expect("it says where it listens");
            line.push(byte[0]);
        }
        drop(read);
        let line = String::from_utf8(line).expect("text");
        let mut client = connect(line.trim().rsplit(' ').next().expect("a place"));
        client.write_all(b"one\n").expect("sent");
        let mut rest = Vec::new();
        // It ends, whether by an end or a reset.
        let _ = client.read_to_end(&mut rest);
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("{args:?} goes on");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(0), "{args:?}");
        let mut said = String::new();
        errors.read_to_string(&mut said).expect("text");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn fault_05_a_reset_in_mid_relay() {
    if !support::peers(&["python3"]) {
        return;
    }
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", target.local_addr().expect("bound"));
    let (mut relay, at) = listening(&["relay", "tcp-listen:127.0.0.1:0,fork", &to]);
    let before = sockets(&relay);
    let program = "
host, port = a[0].rsplit(':', 1)
s = socket.create_connection((host, int(port)))
s.sendall(b'x'); s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
print('resets', s.getsockname()[1], flush=True)
s.close()
";
    let mut client = python_beside(program, &[&at]);
    let (mut far, _) = target.accept().expect("it connects");
    far.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    echo_one(&mut far);
    let line = client.line("resets");
    let from = line.rsplit(' ').next().expect("a port");
    let said = relay.line("Connection reset by peer");
    assert!(said.contains(&format!("127.0.0.1:{from}")), "{said}");
    // The other leg ends, and both descriptors are closed.
    let _ = far.read(&mut [0; 9]);
    until(|| sockets(&relay) <= before, "both descriptors closed");
    // The listener lives.
    let mut next = connect(&at);
    next.write_all(b"x").expect("sent");
    echo_one(&mut target.accept().expect("it connects").0);
    next.read_exact(&mut [0]).expect("echoed");
}

fn echo_one(far: &mut TcpStream) {
    let mut byte = [0];
    far.read_exact(&mut byte).expect("a byte");
    far.write_all(&byte).expect("sent");
}

#[test]
fn fault_06_a_half_close_after_the_request() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", target.local_addr().expect("bound"));
    let (_relay, at) = listening(&["relay", "tcp-listen:127.0.0.1:0,fork", &to]);
    let mut client = connect(&at);
    client.write_all(b"request").expect("sent");
    client.shutdown(Shutdown::Write).expect("half-closed");
    let mut far = target.accept().expect("it connects").0;
    let mut request = Vec::new();
    far.read_to_end(&mut request).expect("the end is passed on");
    let reply = vec![b'r'; 8 << 20];
    let writer = std::thread::spawn(move || far.write_all(&reply).map(|()| reply.len()));
    let mut got = Vec::new();
    client.read_to_end(&mut got).expect("the whole reply");
    assert_eq!((&request[..], got.len()), (&b"request"[..], writer.join().expect("no panic").expect("sent")));
}

#[test]
fn fault_07_one_side_stops_reading() {
    if !support::peers(&["ss"]) {
        return;
    }
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = target.local_addr().expect("bound");
    let (mut relay, at) =
        listening(&["relay", "-T", "2", "tcp-listen:127.0.0.1:0,fork", &format!("tcp:{place}")]);
    let before = sockets(&relay);
    let mut client = connect(&at);
    let (far, _) = target.accept().expect("it connects");
    far.shutdown(Shutdown::Write).expect("half-closed");
    // More than all the buffers take, to someone who does not read.
    client.set_write_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let block = vec![0; 1 << 20];
    while client.write(&block).is_ok() {}
    client.shutdown(Shutdown::Write).expect("half-closed");
    let said = relay.line("nothing passed for 2s");
    assert!(said.contains(&place.to_string()), "{said}");
    until(|| sockets(&relay) <= before, "both descriptors closed");
    let ours = format!("sport = :{} or dport = :{}", port(&at), place.port());
    let seen = peer("ss", &["-Htn", "state", "close-wait", &ours], b"").text();
    assert_eq!(seen, "");
}

#[test]
fn fault_08_unread_input_does_not_cut_the_reply() {
    let (_server, at) = listening(&["serve", "greet", "tcp-listen:127.0.0.1:0", "--delay", "50ms"]);
    let (_relay, through) = relaying(&at);
    for round in 0..40 {
        let mut client = connect(if round % 2 == 0 { &at } else { &through });
        client.write_all(&vec![7; 200_000]).expect("taken");
        client.shutdown(Shutdown::Write).expect("half-closed");
        let mut reply = String::new();
        client.read_to_string(&mut reply).expect("an end, not a reset");
        assert_eq!(reply, "Thank you for connecting\r\n");
    }
}

/// 10 MB at 1 kB/s would take three hours: the reader is that slow until memory has been measured, then reads on.
#[test]
fn fault_09_tiny_buffers_and_a_slow_reader() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{},sndbuf=2304,rcvbuf=2304", target.local_addr().expect("bound"));
    let (relay, at) = listening(&["relay", "tcp-listen:127.0.0.1:0,rcvbuf=2304,sndbuf=2304", &to]);
    let mut client = connect(&at);
    let (mut far, _) = target.accept().expect("it connects");
    far.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let data: Vec<u8> = (0..10_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sent = data.clone();
    let writer = std::thread::spawn(move || client.write_all(&sent));
    let mut got = vec![0; 1000];
    far.read_exact(&mut got).expect("the first kilobyte");
    let before = resident(&relay);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(250));
        let mut next = [0; 250];
        far.read_exact(&mut next).expect("more");
        got.extend(next);
    }
    let slow = resident(&relay);
    far.read_to_end(&mut got).expect("all of it");
    // The other direction is open until this side has ended too.
    drop(far);
    assert!(got == data, "every byte");
    assert!(slow.saturating_sub(before) < 1024, "{before} kB grew to {slow} kB");
    writer.join().expect("no panic").expect("sent");
    assert!(relay.finish().0.success());
}

/// Stopping and continuing a process interrupts its waits (signal(7)), and so does the handler for the end of
/// children, which a relay to a program has.
#[test]
fn fault_10_a_signal_every_millisecond() {
    if !support::peers(&["python3"]) {
        return;
    }
    for to in ["exec:cat", "socketpair"] {
        let (relay, at) = listening(&["relay", "tcp-listen:127.0.0.1:0", to]);
        let storm = "
import signal, time
print('storm')
pid, n = int(a[0]), 0
try:
    while True:
        for s in (signal.SIGCHLD, signal.SIGSTOP, signal.SIGCONT, signal.SIGWINCH): os.kill(pid, s)
        time.sleep(0.001); n += 1
except ProcessLookupError:
    pass
";
        let mut storm = python_beside(storm, &[&relay.child.id().to_string()]);
        storm.line("storm");
        let mut client = connect(&at);
        let data: Vec<u8> =
            (0..16_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (sent, mut out) = (data.clone(), client.try_clone().expect("a descriptor"));
        let writer = std::thread::spawn(move || {
            out.write_all(&sent)?;
            out.shutdown(Shutdown::Write)
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).expect("no reset");
        assert!(got == data, "every byte");
        writer.join().expect("no panic").expect("sent");
        let (status, lines) = relay.finish();
        assert!(status.success(), "{lines:?}");
    }
}
