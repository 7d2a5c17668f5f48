//! Who may connect, for how long, and that the data goes on where nobody looks.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    process::Command,
};

use crate::{
    common::{listening, sockeye, until},
    support::{PATIENCE, Running, peers},
};

#[test]
fn who_is_refused_is_an_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events");
    let events = file.display().to_string();
    for option in ["allow=192.0.2.0/24", "deny=127.0.0.0/8", "range=127.0.0.2/32", "lowport"] {
        let address = format!("tcp-listen:127.0.0.1:0,fork,{option}");
        let (server, at) = listening(&["relay", "--events", &events, &address, "pipe"]);
        let mut client = TcpStream::connect(&at).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        // It is closed unheard, with an end or a reset.
        let _ = client.read(&mut [0]);
        let from = client.local_addr().expect("connected").to_string();
        let told = || {
            std::fs::read_to_string(&file).expect("events").lines().any(|line| {
                line.contains("\"event\":\"refused\"")
                    && line.contains("\"reason\":\"access\"")
                    && line.contains(&from)
            })
        };
        until(told, "it is told");
        server.signal("TERM");
        assert!(server.finish().0.success(), "{option}");
    }
}

#[test]
fn the_proxy_protocol_on_unix_sockets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let address = format!("unix-listen:{},accept-proxy,fork", path.display());
    let mut server = Running::start(
        sockeye(&["relay", &address, "system:echo $SOCKEYE_PEERADDR $SOCKEYE_PEERPORT"])
            .stdin(std::process::Stdio::null()),
    );
    server.line("listening on");
    let mut client = UnixStream::connect(&path).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.write_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n").expect("sent");
    let mut said = String::new();
    client.read_to_string(&mut said).expect("an answer");
    assert_eq!(said, "192.0.2.7 40000\n");
}

#[test]
fn deadlines_say_which_they_were() {
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", target.local_addr().expect("bound"));
    for (option, words) in [
        ("--idle-timeout=0.1", "nothing passed for 100ms"),
        ("--total-timeout=0.1", "it took longer than the 100ms that it was given"),
    ] {
        let mut command = sockeye(&["relay", option, "socketpair", &to]);
        let out = command.stdin(std::process::Stdio::null()).output().expect("it runs");
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(3), "{error}");
        assert!(error.contains(words), "{error}");
    }
}

/// What is shown is beside the data: where its reader has left, the data goes on.
#[test]
fn the_data_goes_on_where_nobody_reads_what_is_shown() {
    if !peers(&["bash"]) {
        return;
    }
    for option in ["-v", "-x", "--stats", "--explain", "--json"] {
        let folder = tempfile::tempdir().expect("a folder");
        let line = format!(
            "mkfifo errors; head -c 1 errors >/dev/null & \
             head -c 300000 /dev/urandom > data; mkfifo in; \
             '{}' relay {option} -u open:in create:got 2> errors & relay=$!; \
             exec 3> in; head -c 100000 data >&3; sleep 0.2; tail -c 200000 data >&3; exec 3>&-; \
             wait $relay && cmp data got",
            env!("CARGO_BIN_EXE_sockeye")
        );
        let out = Command::new("timeout")
            .args(["60", "bash", "-c", &line])
            .current_dir(folder.path())
            .output()
            .expect("it runs");
        assert!(out.status.success(), "{option}: {out:?}");
    }
}
