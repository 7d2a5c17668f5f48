//! `sockeye connect` with real servers.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    common::{fed, place, python_beside, run, sockeye, until_there},
    support::{self, Running},
};

/// The promise of the tutorial: the input ends, and the answer that comes 3 s later is shown whole.
#[test]
fn a_late_answer_is_not_cut() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = server.local_addr().expect("bound").to_string();
    let served = thread::spawn(move || {
        let (mut client, _) = server.accept().expect("a client");
        let mut request = String::new();
        client.read_to_string(&mut request).expect("the request, to its end");
        // The pause is the server's behaviour, not a wait for something.
        thread::sleep(Duration::from_secs(3));
        client.write_all(b"the whole answer\n").expect("the client is still there");
        request
    });
    let ran = run(&["connect", &format!("tcp:{at}")], b"request");
    assert_eq!(ran.text(), "the whole answer\n");
    assert_eq!(ran.err, "", "silent in a pipe");
    assert_eq!(served.join().expect("served"), "request");
}

#[test]
fn the_server_may_end_first_and_still_hears_the_rest() {
    let server = TcpListener::bind("[::1]:0").expect("a port");
    let at = server.local_addr().expect("bound").to_string();
    let served = thread::spawn(move || {
        let (mut client, _) = server.accept().expect("a client");
        client.write_all(b"mine is said").expect("sent");
        client.shutdown(std::net::Shutdown::Write).expect("half-closed");
        let mut rest = String::new();
        client.read_to_string(&mut rest).expect("the rest");
        rest
    });
    let mut connect = Running::start(sockeye(&["connect", &at]).stdin(Stdio::piped()));
    // Its output ends when ours does.
    connect.line("mine is said");
    let mut stdin = connect.child.stdin.take().expect("a pipe");
    stdin.write_all(b"and mine").expect("it still reads");
    drop(stdin);
    assert!(connect.finish().0.success());
    assert_eq!(served.join().expect("served"), "and mine");
}

#[test]
fn talks_to_socat_on_every_kind_of_socket() {
    if !support::peers(&["socat"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s").display().to_string();
    let name = format!("sockeye-test-{}", std::process::id());
    let cases = [
        ("tcp4-listen:0,bind=127.0.0.1", "tcp:PLACE".to_owned()),
        ("tcp6-listen:0,bind=[::1]", "tcp:PLACE".to_owned()),
        (&format!("unix-listen:{path}"), format!("unix-connect:{path}")),
        (&format!("unix-listen:{path}.seq,socktype=5"), format!("unix-connect:{path}.seq,type=5")),
        (&format!("abstract-listen:{name}"), format!("abstract-connect:{name}")),
    ];
    for (theirs, ours) in &cases {
        let mut socat = Running::start(Command::new("socat").args(["-dd", theirs, "exec:cat"]));
        let line = socat.line("listening on ");
        let at = line.rsplit(' ').next().expect("a place");
        let ran = run(&["connect", &ours.replace("PLACE", at)], b"there and back\n");
        assert_eq!(ran.text(), "there and back\n", "{theirs}");
        assert!(socat.finish().0.success(), "{theirs}");
    }
}

#[test]
fn talks_to_nc_and_ncat_on_unix_sockets() {
    let dir = tempfile::tempdir().expect("a directory");
    for (i, (program, args)) in
        [("nc.openbsd", &["-N", "-lU"][..]), ("ncat", &["-lU"])].into_iter().enumerate()
    {
        if !support::peers(&[program]) {
            continue;
        }
        let path = dir.path().join(i.to_string());
        let shown = path.display().to_string();
        let server = Running::start(
            Command::new(program)
                .args(args)
                .arg(&shown)
                .stdin(std::fs::File::open("/etc/services").map_or_else(|_| Stdio::null(), Into::into)),
        );
        until_there(&path);
        let ran = run(&["connect", "-U", &shown], b"from sockeye\n");
        assert_eq!(ran.out, std::fs::read("/etc/services").unwrap_or_default(), "{program}: {}", ran.err);
        let (status, lines) = server.finish();
        assert!(status.success() && lines.contains(&"from sockeye".to_owned()), "{program}: {lines:?}");
    }
}

#[test]
fn datagrams_keep_their_boundaries_with_python() {
    if !support::peers(&["python3"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("d").display().to_string();
    let program = "
s = socket.socket(getattr(socket, a[0]), socket.SOCK_DGRAM)
s.bind(a[1] if a[0] == 'AF_UNIX' else (a[1], 0))
n = s.getsockname()
print('listening on', n if isinstance(n, str) else ('[%s]:%d' if ':' in n[0] else '%s:%d') % n[:2], flush=True)
for i in range(3):
    m, p = s.recvfrom(100)
    s.sendto(b'<%d:%s>\\n' % (i, m), p)
";
    for (family, host, ours) in
        [("AF_INET", "127.0.0.1", "udp:"), ("AF_INET6", "::1", "udp:"), ("AF_UNIX", &path, "unix-sendto:")]
    {
        let mut server = python_beside(program, &[family, host]);
        let at = place(&mut server);
        let mut connect =
            Running::start(sockeye(&["connect", "-b", "4", &format!("{ours}{at}")]).stdin(Stdio::piped()));
        let mut stdin = connect.child.stdin.take().expect("a pipe");
        // A stream has no messages: -b says how much of it becomes a datagram at the most.
        stdin.write_all(b"onetwo").expect("it reads");
        connect.line("<0:onet>");
        connect.line("<1:wo>");
        stdin.write_all(b"x").expect("it reads");
        connect.line("<2:x>");
        drop(stdin);
        let (status, lines) = connect.finish();
        assert!(status.success(), "{lines:?}");
        assert!(server.finish().0.success());
    }
}

/// A name with two addresses of which one answers: the other is tried as well, whichever comes first.
#[test]
fn a_name_is_tried_at_each_of_its_addresses() {
    if !support::root() || !support::peers(&["unshare", "mount"]) {
        return;
    }
    // A name with two addresses, in a hosts(5) that only the command sees.
    let mut hosts = tempfile::NamedTempFile::new().expect("a file");
    hosts.write_all(b"::1 both.test\n127.0.0.1 both.test\n").expect("written");
    let connect = |port: u16| {
        Command::new("unshare")
            .args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""])
            .arg(hosts.path())
            .args([env!("CARGO_BIN_EXE_sockeye"), "connect", &format!("tcp:both.test:{port}")])
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    };
    for ip in [SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), SocketAddr::from((Ipv4Addr::LOCALHOST, 0))] {
        let server = TcpListener::bind(ip).expect("a port");
        let port = server.local_addr().expect("bound").port();
        let served = thread::spawn(move || {
            server.accept().expect("a client").0.write_all(b"here").expect("sent");
        });
        assert_eq!(connect(port).stdout, b"here", "{ip}");
        served.join().expect("served");
    }
    // Nothing listens at either: both are named.
    let free = TcpListener::bind("[::1]:0").expect("a port").local_addr().expect("bound").port();
    let ran = connect(free);
    assert_eq!(ran.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&ran.stderr);
    for address in ["127.0.0.1", "[::1]"] {
        assert!(errors.contains(&format!("{address}:{free}: Connection refused")), "{errors}");
    }
}

#[test]
fn options_of_nc_do_what_they_do_there() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = server.local_addr().expect("bound");
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let listened = |args: &[&str], input: &[u8]| {
        let ran = run(&[&["connect"], args].concat(), input);
        let (mut client, from) = server.accept().expect("a client");
        let mut heard = String::new();
        client.read_to_string(&mut heard).expect("all of it");
        (ran, from, heard)
    };
    let (ran, _, _) = listened(&["-z", &host, &port], b"never sent");
    assert_eq!((ran.code, ran.err.trim()), (Some(0), &*format!("sockeye: connected to {at}")));
    // -q: the answer is not waited for, and that is no failure.
    let (ran, _, heard) = listened(&["-q", "0", "-C", &host, &port], b"a\nb\n");
    assert_eq!((ran.code, &*heard), (Some(0), "a\r\nb\r\n"), "{}", ran.err);
    let (ran, from, _) = listened(&["--send-only", "-s", "127.0.0.9", &host, &port], b"");
    assert_eq!((ran.code, from.ip().to_string()), (Some(0), "127.0.0.9".to_owned()), "{}", ran.err);
    // -w: silence is a deadline that passed.
    let ran = run(&["connect", "-w", "0.1", &host, &port], b"");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(run(&["connect", "-z", "-w", "5", &format!("{host}:1")], b"").code == Some(1));
}

#[test]
fn a_unix_server_may_be_of_any_type() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let server = UnixListener::bind(&path).expect("a path");
    let served = thread::spawn(move || {
        let (mut client, _) = server.accept().expect("a client");
        let mut heard = String::new();
        client.read_to_string(&mut heard).expect("all");
        client.write_all(heard.to_uppercase().as_bytes()).expect("sent");
    });
    let mut plain = sockeye(&["connect", &path.display().to_string()]);
    assert_eq!(fed(&mut plain, "gr\u{fc}n 你好".as_bytes()).text(), "GR\u{dc}N 你好");
    served.join().expect("served");
}
