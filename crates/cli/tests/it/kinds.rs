//! Kinds of address and their options, each with the real thing at the other end.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{Netns, PATIENCE, Running, peers, root};

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(SOCKEYE);
    command.args(args);
    command
}

/// Runs a command to its end with this input.
fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut stdin = child.stdin.take().expect("it was piped");
    let input = input.to_vec();
    // A program that reads nothing has gone before it is written to.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the input was written");
    output
}

/// The output of a relay that must succeed.
fn relayed(args: &[&str], input: &str) -> String {
    let output = run(sockeye(&["relay"]).args(args), input.as_bytes());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The error of a relay that must fail with this code.
fn refused(args: &[&str], code: i32) -> String {
    let output = run(sockeye(&["relay"]).args(args), b"");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
    errors
}

/// Starts a relay that listens, and says on which port.
fn listening(args: &[&str]) -> (Running, u16) {
    let mut running = Running::start(sockeye(&["relay"]).args(args).stdin(Stdio::null()));
    let line = running.line("listening on");
    let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
    (running, port.expect("a port at the end of the line"))
}

/// A port that nobody uses at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("it is bound").port()
}

/// Connects once somebody listens there.
fn connected(port: u16) -> TcpStream {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(e) => assert!(std::time::Instant::now() < deadline, "port {port}: {e}"),
        }
        std::thread::yield_now();
    }
}

fn certificate(folder: &Path) -> (String, String) {
    let path = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", &key, "-out", &cert])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (cert, key)
}

#[test]
fn tls_server_with_openssl_as_client() {
    if !peers(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = certificate(folder.path());
    let (_server, port) = listening(&[&format!("tls-listen:127.0.0.1:0,cert={cert},key={key},fork"), "pipe"]);
    let mut client = Running::start(
        Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-CAfile", &cert])
            .args(["-connect", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::piped()),
    );
    client.child.stdin.as_mut().expect("piped").write_all(b"through TLS\n").expect("it reads");
    client.line("through TLS");
    // And sockeye on either side: the end of each direction is passed on, nothing is cut.
    let text = "x".repeat(300_000);
    let to = format!("tls:127.0.0.1:{port},cafile={cert}");
    assert_eq!(relayed(&["-", &to], &text), text);
    let errors = refused(&["-", &format!("tls:127.0.0.1:{port}")], 1);
    assert!(errors.contains("agree on TLS"), "{errors}");
    assert_eq!(relayed(&["-", &format!("tls:127.0.0.1:{port},verify=0")], "anyone"), "anyone");
}

#[test]
fn tls_client_with_openssl_as_server() {
    if !peers(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (cert, key) = certificate(folder.path());
    let port = free_port();
    let mut server = Running::start(
        Command::new("openssl")
            .args(["s_server", "-rev", "-accept", &format!("127.0.0.1:{port}"), "-cert", &cert, "-key", &key])
            .args(["-alpn", "sock", "-Verify", "1", "-CAfile", &cert])
            .stdin(Stdio::null()),
    );
    server.line("ACCEPT");
    let to =
        format!("tls:localhost:{port},cafile={cert},cert={cert},key={key},alpn=sock,retry=5,interval=0.1");
    let mut client = Running::start(sockeye(&["relay", "-", &to]).stdin(Stdio::piped()));
    client.child.stdin.as_mut().expect("piped").write_all(b"abc\n").expect("it reads");
    client.line("cba");
}

#[test]
fn http_proxy_of_ncat() {
    if !peers(&["ncat"]) {
        return;
    }
    let (_echo, echo) = listening(&["tcp-listen:127.0.0.1:0,fork", "pipe"]);
    let port = free_port();
    let _proxy = Running::start(
        Command::new("ncat")
            .args([
                "-lk",
                "127.0.0.1",
                &port.to_string(),
                "--proxy-type",
                "http",
                "--proxy-auth",
                "me:secret",
            ])
            .stdin(Stdio::null()),
    );
    drop(connected(port));
    let to = format!("proxy:127.0.0.1:127.0.0.1:{echo},proxyport={port}");
    // The input stays open: ncat's proxy ends both directions with the first that ends.
    let with_login = format!("{to},proxyauth=me:secret");
    let mut client = Running::start(sockeye(&["relay", "-", &with_login]).stdin(Stdio::piped()));
    client.child.stdin.as_mut().expect("piped").write_all(b"by proxy\n").expect("it reads");
    client.line("by proxy");
    let errors = refused(&["-", &to], 1);
    assert!(errors.contains("the proxy wants a login"), "{errors}");
}

/// A SOCKS server for 4, 4a and 5 with and without login, which says what it was asked for.
const SOCKS: &str = r#"
import socket, struct, sys, threading
def exact(c, n):
    data = b""
    while len(data) < n:
        more = c.recv(n - len(data))
        if not more: raise EOFError
        data += more
    return data
def text(c):
    out = b""
    while (b := exact(c, 1)) != b"\0": out += b
    return out.decode()
def pump(a, b):
    while data := a.recv(65536): b.sendall(data)
    b.shutdown(socket.SHUT_WR)
def serve(c):
    version = exact(c, 1)[0]
    if version == 4:
        _, port, ip = struct.unpack("!BH4s", exact(c, 7))
        user = text(c)
        named = ip[:3] == b"\0\0\0"
        host = text(c) if named else socket.inet_ntoa(ip)
        print("socks4a" if named else "socks4", user, host, flush=True)
        answer = b"\0\x5a" + bytes(6)
    else:
        methods = exact(c, exact(c, 1)[0])
        user = "-"
        if 2 in methods:
            c.sendall(b"\5\2"); exact(c, 1)
            user = exact(c, exact(c, 1)[0]).decode(); word = exact(c, exact(c, 1)[0]).decode()
            c.sendall(b"\1" + (b"\0" if word == "secret" else b"\1"))
            if word != "secret": return
        else: c.sendall(b"\5\0")
        kind = exact(c, 4)[3]
        host = socket.inet_ntoa(exact(c, 4)) if kind == 1 else exact(c, exact(c, 1)[0]).decode()
        port = struct.unpack("!H", exact(c, 2))[0]
        print("socks5", user, host, flush=True)
        answer = b"\5\0\0\1" + bytes(6)
    up = socket.create_connection((host, port))
    c.sendall(answer)
    threading.Thread(target=pump, args=(c, up)).start(); pump(up, c)
s = socket.create_server(("127.0.0.1", 0)); print("port", s.getsockname()[1], flush=True)
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"#;

#[test]
fn socks_in_all_its_versions() {
    if !peers(&["python3"]) {
        return;
    }
    let (_echo, echo) = listening(&["tcp4-listen:127.0.0.1:0,fork", "pipe"]);
    let mut proxy = Running::start(Command::new("python3").args(["-c", SOCKS]).stdin(Stdio::null()));
    let port = proxy.line("port ").replace("port ", "");
    let via = |kind: &str, host: &str, options: &str| {
        let to = format!("{kind}:127.0.0.1:{host}:{echo},socksport={port}{options}");
        relayed(&["-", &to], "by socks")
    };
    assert_eq!(via("socks4", "localhost", ",socksuser=me"), "by socks");
    proxy.line("socks4 me 127.0.0.1");
    assert_eq!(via("socks4a", "localhost", ",socksuser=me"), "by socks");
    proxy.line("socks4a me localhost");
    assert_eq!(via("socks5", "localhost", ""), "by socks");
    proxy.line("socks5 - localhost");
    assert_eq!(via("socks5", "127.0.0.1", ",socksuser=me,sockspass=secret"), "by socks");
    proxy.line("socks5 me 127.0.0.1");
    let wrong = format!("socks5:127.0.0.1:127.0.0.1:{echo},socksport={port},socksuser=me,sockspass=x");
    let errors = refused(&["-", &wrong], 1);
    assert!(errors.contains("name or password is wrong"), "{errors}");
}

#[test]
fn programs_on_a_terminal_of_their_own() {
    if !peers(&["python3", "tty", "stty"]) {
        return;
    }
    // Its input ends, and so does the session: the end character is what a terminal has for that.
    let text =
        relayed(&["-t", "5", "-", "exec:'python3 -i',pty,setsid,ctty,stderr,echo=0"], "print(6 * 7)\n");
    assert!(text.contains(">>> 42"), "{text}");
    let text = relayed(&["-", "system:'tty; stty -a',pty,echo=0,raw,min=7,speed=9600"], "");
    assert!(text.contains("/dev/pts/"), "{text}");
    for setting in ["-echo ", "-icanon", "-opost", "min = 7", "speed 9600"] {
        assert!(text.contains(setting), "{setting}: {text}");
    }
}

#[test]
fn a_new_terminal_with_a_link() {
    if !peers(&["socat"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join("tty");
    let link = link.to_str().expect("a path");
    let mut ours = Running::start(
        sockeye(&["relay", &format!("pty,link={link},rawer,mode=600"), "-"]).stdin(Stdio::piped()),
    );
    ours.line("PTY is /dev/pts/");
    let mut theirs =
        Running::start(Command::new("socat").args(["-", &format!("{link},rawer")]).stdin(Stdio::piped()));
    theirs.child.stdin.as_mut().expect("piped").write_all(b"to the master\n").expect("it reads");
    ours.line("to the master");
    ours.child.stdin.as_mut().expect("piped").write_all(b"to the slave\n").expect("it reads");
    theirs.line("to the slave");
    ours.signal("TERM");
    ours.finish();
    assert!(!Path::new(link).exists(), "the link goes with its terminal");
}

/// A terminal of Python's as standard input: its settings before, during and after.
const TERMINAL: &str = r#"
import os, pty, subprocess, sys, termios, time
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
child = subprocess.Popen([sys.argv[1], "relay", "-u", "-,rawer", "/dev/null"], stdin=slave)
while termios.tcgetattr(slave)[3] & termios.ECHO: time.sleep(0.01)
print("raw", flush=True)
child.terminate(); child.wait()
print("restored" if termios.tcgetattr(slave) == before else "left raw", flush=True)
"#;

#[test]
fn terminal_settings_are_put_back() {
    if !peers(&["python3"]) {
        return;
    }
    let python = Running::start(Command::new("python3").args(["-c", TERMINAL, SOCKEYE]).stdin(Stdio::null()));
    let (_, lines) = python.finish();
    assert!(lines.contains(&"raw".to_owned()) && lines.contains(&"restored".to_owned()), "{lines:?}");
}

#[test]
fn raw_ip_between_namespaces_of_our_own() {
    if !root() || !peers(&["ip", "socat"]) {
        return;
    }
    let namespace = Netns::new("raw");
    let inside = |args: &[&str]| {
        let mut command = namespace.command(SOCKEYE);
        command.arg("relay").args(args);
        command
    };
    for (family, host) in [("4", "127.0.0.1"), ("6", "[::1]")] {
        let bind = if family == "6" { ",bind=[::1]" } else { "" };
        let mut receiver =
            Running::start(inside(&["-u", &format!("ip{family}-recv:253{bind}"), "-"]).stdin(Stdio::null()));
        // There is nothing to wait for: packets are sent until one is seen.
        let to = format!("IP{family}-SENDTO:{host}:253");
        let sender = repeating(namespace.command("socat").args(["-u", "-", &to]), "raw packet\n");
        assert_eq!(receiver.line("raw packet"), "raw packet", "without the IP header");
        drop(sender);
        // An echo of what comes, to the real socat.
        let mut echo = Running::start(
            inside(&[&format!("ip{family}-recvfrom:252{bind}"), "exec:'tr a-z A-Z'"]).stdin(Stdio::null()),
        );
        let to = format!("IP{family}-DATAGRAM:{host}:252");
        let mut asker = repeating(namespace.command("socat").args(["-", &to]), "shout\n");
        asker.line("SHOUT");
        drop(asker);
        let _ = echo.child.kill();
    }
}

#[test]
fn multicast_and_namespaces_by_option() {
    if !root() || !peers(&["ip"]) {
        return;
    }
    let namespace = Netns::new("group");
    namespace.ip(&["link", "set", "lo", "multicast", "on"]);
    namespace.ip(&["route", "add", "224.0.0.0/4", "dev", "lo"]);
    let netns = format!("netns={}", namespace.name);
    let from = format!("udp4-recv:5555,add-membership=224.1.2.3:127.0.0.1,{netns}");
    let mut receiver = Running::start(sockeye(&["relay", "-u", &from, "-"]).stdin(Stdio::null()));
    let to = format!("udp4-datagram:224.1.2.3:5555,multicast-if=127.0.0.1,multicast-ttl=1,{netns}");
    let sender = repeating(&mut sockeye(&["relay", "-u", "-", &to]), "to the group\n");
    receiver.line("to the group");
    drop(sender);
}

/// A program whose input is this line, again and again until it ends: a receiver that is not there yet hears it later.
fn repeating(command: &mut Command, line: &'static str) -> Running {
    let mut program = Running::start(command.stdin(Stdio::piped()));
    let mut input = program.child.stdin.take().expect("piped");
    std::thread::spawn(move || {
        while input.write_all(line.as_bytes()).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    program
}

#[test]
fn proxy_protocol_both_ways() {
    for version in ["v1", "v2"] {
        // Behind: takes the client from the header. In front: says who the client is.
        let behind = "tcp-listen:127.0.0.1:0,fork,accept-proxy,allow=127.0.0.9";
        let (_behind, port) = listening(&[behind, "system:'echo $SOCKEYE_PEERADDR; cat'"]);
        let front = format!("tcp:127.0.0.1:{port},send-proxy={version}");
        let (_front, front) = listening(&["tcp-listen:127.0.0.1:0,fork", &front]);
        let to = format!("tcp:127.0.0.1:{front},bind=127.0.0.9");
        assert_eq!(relayed(&["-", &to], "after"), "127.0.0.9\nafter", "{version}");
        // Whoever is not allowed, by its own address or by none, is not served.
        let other = format!("tcp:127.0.0.1:{front},bind=127.0.0.8");
        let output = run(&mut sockeye(&["relay", "-", &other]), b"");
        assert!(output.stdout.is_empty(), "{version}");
        let mut plain = connected(port);
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it is accepted");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(answer.is_empty(), "a client without a header");
    }
}

#[test]
fn retry_with_a_growing_pause_and_a_preamble() {
    let port = free_port();
    let to = format!("tcp:127.0.0.1:{port},forever,interval=0.02,backoff=2,backoff-max=0.1,jitter=50");
    let from = format!("{to},fork,preamble=again\\n");
    let mut client = Running::start(sockeye(&["relay", &from, "exec:true"]).stdin(Stdio::null()));
    for _ in 0..4 {
        client.line("trying again in ");
    }
    let server = TcpListener::bind(("127.0.0.1", port)).expect("nobody took the port");
    for _ in 0..2 {
        let (mut peer, _) = server.accept().expect("a client");
        let mut line = [0; 6];
        peer.read_exact(&mut line).expect("the preamble");
        assert_eq!(&line, b"again\n");
    }
    let output = run(&mut sockeye(&["relay", "--preamble", "first\\n", "-", "pipe"]), b"then");
    assert_eq!(output.stdout, b"first\nthen");
}

#[test]
fn options_of_files_locks_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let file = path("file");
    std::fs::write(&file, "0123456789").expect("a file");
    let read = |options: &str| relayed(&["-u", &format!("open:{file},{options}"), "-"], "");
    assert_eq!(read("seek=4"), "456789");
    assert_eq!(read("seek-end=-3"), "789");
    assert_eq!(read("seek=2,seek-cur=2,readbytes=3"), "456");
    assert_eq!(read("escape=0x35"), "01234");
    relayed(&["-u", "-", &format!("open:{file},append")], "ab");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "0123456789ab");
    relayed(&["-u", "-", &format!("open:{file},truncate=3,seek=3,mode=600")], "x");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "012x");
    let errors = refused(&["-u", "-", &format!("open:{file},creat,excl")], 4);
    assert!(errors.contains("File exists"), "{errors}");
    let lock = path("lock");
    std::fs::write(&lock, "").expect("a lock of somebody");
    let errors = refused(&["-", &format!("pipe,lockfile={lock}")], 4);
    assert!(errors.contains("take the lock"), "{errors}");
    std::fs::remove_file(&lock).expect("it is there");
    assert_eq!(relayed(&["-", &format!("pipe,lockfile={lock}")], "locked"), "locked");
    assert!(!Path::new(&lock).exists());
    // The peer goes on talking, but this side ends with the other.
    let text = relayed(&["-", "system:'cat; exec sleep 100',half-close=close"], "");
    assert_eq!(text, "");
    let errors = refused(&["system:'exec sleep 100',idle-timeout=0.2", "system:'exec sleep 100'"], 3);
    assert!(errors.contains("200ms"), "{errors}");
}

#[test]
fn options_of_programs() {
    let text = relayed(&["-u", "system:'pwd; echo $WORD',chdir=/usr,setenv=WORD=a b", "-"], "");
    assert_eq!(text, "/usr\na b\n");
    assert_eq!(relayed(&["-", "system:'cat <&5 >&6',fdin=5,fdout=6"], "by number"), "by number");
    assert_eq!(relayed(&["-u", "system:'echo oops >&2',stderr", "-"], ""), "oops\n");
    assert_eq!(relayed(&["-u", "system:'echo $0',shell=/bin/bash", "-"], ""), "/bin/bash\n");
    assert_eq!(relayed(&["-", "exec:cat,pipes"], "through pipes"), "through pipes");
    let text = relayed(&["-u", "system:'ps -o sid= -p $$; echo $$',setsid", "-"], "");
    let words: Vec<_> = text.split_whitespace().collect();
    assert_eq!(words[0], words[1], "it leads its session");
    if root() {
        let text = relayed(&["-u", "system:'id -un; id -gn',su=nobody", "-"], "");
        assert_eq!(text, "nobody\nnogroup\n");
        // The relay itself gives up its privileges once the address is open: what it starts then has none.
        let text = relayed(&["-u", "open:/etc/shadow,su=nobody", "system:'id -un; cat >/dev/null'"], "");
        assert_eq!(text, "nobody\n");
    }
}

#[test]
fn options_of_sockets() {
    if !peers(&["ss"]) {
        return;
    }
    let options = "sndbuf-late=40000,keepalive,setsockopt-int=6:4:77,nodelay";
    let (_server, port) = listening(&[&format!("tcp-listen:127.0.0.1:0,{options}"), "pipe"]);
    let mut client = connected(port);
    client.write_all(b"x").expect("it is accepted");
    client.read_exact(&mut [0]).expect("the echo: the connection is accepted");
    let listed = Command::new("ss")
        .args(["-tnmo", "state", "established", "sport", "=", &format!(":{port}")])
        .output();
    let listed = String::from_utf8_lossy(&listed.expect("ss runs").stdout).into_owned();
    assert!(listed.contains("tb80000"), "SO_SNDBUF, which the kernel doubles: {listed}");
    assert!(listed.contains("timer:(keepalive,1min"), "TCP_KEEPIDLE of 77 s by number: {listed}");
    let errors = refused(&["-", "tcp:127.0.0.1:1,mode=600"], 2);
    assert!(errors.contains("mode"), "{errors}");
}
