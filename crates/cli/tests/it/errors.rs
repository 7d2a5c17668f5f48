//! Bad input and refusals: one line that says what was tried, on what, why, and what to do; and the exit code.

use std::{
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixListener,
    path::Path,
    process::Command,
};

use crate::{
    common::{Ran, fed, peer, run},
    support::{self, Netns},
};

/// The exit codes by what they stand for.
const NETWORK: i32 = 1;
const USAGE: i32 = 2;
const DEADLINE: i32 = 3;
const RESOURCE: i32 = 4;
const PROTOCOL: i32 = 5;

/// What went wrong is told in one line that has all of `parts`; a picture of the address may follow.
#[track_caller]
fn says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}", ran.err);
    let told: Vec<&str> =
        ran.err.lines().filter(|l| !l.starts_with("  ") && !l.contains("listening on")).collect();
    let [line] = told[..] else { panic!("one line, not {told:#?}") };
    assert!(line.starts_with("sockeye: cannot "), "{line}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
    assert!(!line.contains("os error"), "{line}");
}

#[test]
fn addresses_that_cannot_be_read() {
    for (address, parts, place) in [
        ("nonsense:1", &["\"nonsense:1\"", "unknown keyword", "relay --help"][..], "^^^^^^^^"),
        ("tpc-listen:1", &["unknown keyword", "did you mean \"TCP-LISTEN\"?"], "^^^^^^^^^^"),
        ("tcp:localhost:80,nosuch=1", &["unknown option \"nosuch\"", "sockeye options"], "^^^^^^"),
        ("tcp:localhost:80,keepalvie", &["unknown option", "did you mean \""], "^^^^^^^^^"),
        ("tcp:localhost:99999", &["\"99999\" is not a port", "0 to 65535"], "^^^^^"),
        (
            "tcp:localhost:80,retry=many",
            &["\"many\" is no value for the option \"retry\"", "a whole number"],
            "^^^^",
        ),
        ("exec:", &["the command is missing", "EXEC:<command-line>"], "^"),
    ] {
        let ran = run(&["relay", address, "-"], b"");
        says(&ran, USAGE, &[parts, &["cannot read the address"]].concat());
        let lines: Vec<&str> = ran.err.lines().collect();
        assert_eq!(lines.len(), 3, "{}", ran.err);
        assert_eq!((lines[1].trim(), lines[2].trim()), (address, place));
    }
}

#[test]
fn what_cannot_be_asked_for() {
    let long = format!("unix:/{}", "x".repeat(120));
    for (args, parts) in [
        (
            &["connect", "localhost:no-such-service"][..],
            &["`no-such-service`", "give the port as a number"][..],
        ),
        (&["connect", &long], &["use the path /xxx", "121 bytes", "at most 107 bytes"]),
        (&["listen", &long], &["use the path /xxx", "121 bytes", "at most 107 bytes"]),
        (&["listen", "exec:cat"], &["EXEC:cat", "not an address to listen on"]),
        (&["serve", "echo", "exec:cat"], &["EXEC:cat", "not an address to listen on"]),
        (&["relay", "-", "tcp-listen:0,fork"], &["TCP-LISTEN:0,fork", "put the address with fork first"]),
    ] {
        says(&run(args, b""), USAGE, parts);
    }
}

#[test]
fn what_the_network_refuses() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").to_string();
    says(
        &run(&["connect", &closed], b""),
        NETWORK,
        &["connect to", &closed, "Connection refused", "start the server"],
    );
    says(
        &run(&["connect", "no-such-host.invalid:80"], b""),
        NETWORK,
        &["resolve no-such-host.invalid", "check the spelling"],
    );
    says(
        &run(&["relay", "tcp-listen:127.0.0.1:0,accept-timeout=0.05", "-"], b""),
        DEADLINE,
        &["accept on TCP-LISTEN:127.0.0.1:0", "no answer within 50ms", "accept-timeout"],
    );
    says(
        &run(&["relay", "-T", "0.05", "socketpair", "tcp-listen:127.0.0.1:0,accept-timeout=0.05"], b""),
        DEADLINE,
        &["accept on"],
    );
}

#[test]
fn what_has_no_route_or_no_answer() {
    if !support::root() || !support::peers(&["ip"]) {
        return;
    }
    let lonely = Netns::new("errors");
    let inside = |address: &str| {
        fed(
            Command::new("ip").args([
                "netns",
                "exec",
                &lonely.name,
                env!("CARGO_BIN_EXE_sockeye"),
                "connect",
                address,
            ]),
            b"",
        )
    };
    says(
        &inside("192.0.2.1:80"),
        NETWORK,
        &["connect to 192.0.2.1:80", "Network is unreachable", "ip route get"],
    );
    // On that network nobody has the address.
    let neighbour = Netns::new("errors-next");
    lonely.join(&neighbour, &["192.0.2.9/24"], &["192.0.2.8/24"]);
    says(
        &inside("tcp:192.0.2.1:80,connect-timeout=0.05"),
        DEADLINE,
        &["connect to 192.0.2.1:80", "no answer within 50ms", "firewall", "connect-timeout"],
    );
}

#[test]
fn addresses_in_use_say_by_whom() {
    let us = format!("(process {})", std::process::id());
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let (tcp, udp) =
        (tcp.local_addr().map(|a| (a.to_string(), tcp)), udp.local_addr().map(|a| (a.to_string(), udp)));
    let ((tcp, _tcp), (udp, _udp)) = (tcp.expect("bound"), udp.expect("bound"));
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let _unix = UnixListener::bind(&path).expect("a path");
    let (by_path, file) = (path.display().to_string(), dir.path().join("file"));
    std::fs::write(&file, "").expect("written");
    let listens = format!("already listens on {tcp}");
    let (to, bound) = (format!("tcp-listen:{tcp}"), format!("is bound to {udp}"));
    let from = format!("tcp:127.0.0.1:1,bind={tcp}");
    for (args, parts) in [
        (&["listen", &tcp][..], &["listen on", &us, &listens, "reuseport"][..]),
        (&["listen", "-k", &tcp], &["listen on", &us, &listens]),
        (&["serve", "echo", &tcp], &["listen on", &us, &listens]),
        (&["relay", &to, "-"], &["listen on", &us, &listens]),
        (&["relay", "-", &from], &["bind to", &us, &listens]),
        (&["serve", "echo", &format!("udp-listen:{udp}")], &["bind to", &us, &bound, "another port"]),
        (&["relay", "-u", &format!("udp-recv:{udp}"), "-"], &["bind to", &us, &bound]),
        (&["listen", &format!("unix:{by_path}")], &["bind to", &by_path, &us, "already listens there"]),
        (&["relay", &format!("unix-recv:{by_path}"), "-"], &["bind to", &by_path, &us]),
        (
            &["listen", &format!("unix:{}", file.display())],
            &["bind to", "no socket is there", "take another path"],
        ),
    ] {
        says(&run(args, b""), RESOURCE, &[parts, &["Address already in use"]].concat());
    }
    assert!(path.exists() && file.exists());
}

/// A relative name is the same socket, though the kernel knows it by the text it was bound with.
#[test]
fn a_relative_path_in_use() {
    if !support::peers(&["python3"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let program = "os.chdir(a[0]); s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(); print('bound'); sys.stdin.read(); import time; time.sleep(99)";
    let mut holder = crate::common::python_beside(program, &[&dir.path().display().to_string()]);
    holder.line("bound");
    let pid = format!("(process {})", holder.child.id());
    says(
        &run(&["listen", &format!("unix:{}/s", dir.path().display())], b""),
        RESOURCE,
        &["Address already in use", &pid, "already listens there"],
    );
}

#[test]
fn paths_that_do_not_fit() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("file"), "x").expect("written");
    std::os::unix::fs::symlink("loop", at("loop")).expect("made");
    drop(UnixListener::bind(at("dead")).expect("a path"));
    let open = |name: &str| format!("open:{}", at(name));
    for (args, code, parts) in [
        (&["connect", "unix:/etc/passwd"][..], NETWORK, &["/etc/passwd", "is no socket"][..]),
        (
            &["connect", &format!("unix:{}", at("dead"))],
            NETWORK,
            &["Connection refused", "no server listens at that path"],
        ),
        (&["connect", &format!("unix:{}", at("none"))], RESOURCE, &["No such file", "start the server"]),
        (
            &["listen", &format!("unix:{}", at("none/s"))],
            RESOURCE,
            &["No such file", "directory of that path"],
        ),
        (&["relay", "-u", &open("none"), "-"], RESOURCE, &["open", "No such file", "check the path"]),
        (&["relay", "-u", &open(""), "-"], RESOURCE, &["Is a directory", "the path of a file"]),
        (&["relay", "-u", "-", &open("")], RESOURCE, &["Is a directory", "the path of a file"]),
        (&["relay", "-u", &open("file/x"), "-"], RESOURCE, &["Not a directory", "a part of that path"]),
        (&["relay", "-u", &open("loop"), "-"], RESOURCE, &["Too many levels", "lead in a circle"]),
        (
            &["relay", "-u", "-", &format!("{},creat,excl", open("file"))],
            RESOURCE,
            &["File exists", "leave out excl"],
        ),
        (&["relay", "-u", &open("dead"), "-"], RESOURCE, &["No such device", "unix:"]),
        (
            &["relay", "exec:no-such-program", "-"],
            RESOURCE,
            &["start EXEC:no-such-program", "no such program"],
        ),
        (&["relay", "fd:77", "-"], RESOURCE, &["descriptor 77", "Bad file descriptor"]),
    ] {
        says(&run(args, b""), code, parts);
    }
}

#[test]
fn what_the_disk_and_the_user_may_not() {
    let full = run(&["relay", "-u", "-", "open:/dev/full,wronly"], b"x");
    says(&full, RESOURCE, &["write to", "/dev/full", "No space left", "remove something"]);
    if !support::root() || !support::peers(&["setpriv"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("ours");
    // Where the binary is, this user may not look either.
    let bin = Path::new("/tmp").join(format!("sockeye-{}", std::process::id()));
    std::fs::copy(env!("CARGO_BIN_EXE_sockeye"), &bin).expect("copied");
    let program = bin.display().to_string();
    let nobody = |args: &[&str]| {
        let user = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--inh-caps=-all",
            "--bounding-set=-all",
            &program,
        ];
        peer("setpriv", &[&user, args].concat(), b"")
    };
    let path = dir.path().join("s").display().to_string();
    let denied = [
        nobody(&["listen", &format!("unix:{path}")]),
        nobody(&["connect", &format!("unix:{path}")]),
        nobody(&["relay", "-u", &format!("open:{path}"), "-"]),
    ];
    let raw = ["ip4-sendto:127.0.0.1:253", "ip4-recv:253", "ip6-recvfrom:253"]
        .map(|a| (a, nobody(&["relay", a, "-"])));
    let low = nobody(&["listen", "127.0.0.1:1"]);
    std::fs::remove_file(&bin).expect("it was there");
    for ran in &denied {
        says(ran, RESOURCE, &[&path, "Permission denied", "the permissions of the path"]);
    }
    // Fault run 25, its first part.
    for (address, ran) in &raw {
        says(
            ran,
            RESOURCE,
            &[&address.to_uppercase(), "Operation not permitted", "CAP_NET_RAW", "ping_group_range"],
        );
    }
    let open_to_all =
        std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").expect("Linux");
    if open_to_all.trim() == "1024" {
        says(&low, RESOURCE, &["127.0.0.1:1", "Permission denied", "CAP_NET_BIND_SERVICE"]);
    }
}

#[test]
fn what_breaks_the_protocol() {
    let broken = run(&["relay", "-u", "-,frame=netstring", "-"], b"nonsense");
    says(&broken, PROTOCOL, &["read from"]);
}
