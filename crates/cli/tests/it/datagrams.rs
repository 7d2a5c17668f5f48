//! Unix datagrams against Python's: boundaries, answers, and who gets them.

use crate::{
    common::{python, run, sockeye, until_there},
    support::{self, Running},
};

#[test]
fn unix_recv_keeps_each_datagram() {
    if !support::peers(&["python3"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("in");
    let (at, out) = (format!("unix-recv:{}", path.display()), dir.path().join("out"));
    let to = format!("open:{},creat,wronly,frame=line", out.display());
    let receiver = Running::start(&mut sockeye(&["relay", "-u", &at, &to]));
    until_there(&path);
    let program = "
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for m in (b'one', b'two and a half', b'x' * 5000): s.sendto(m, a[0])
";
    let ran = python(program, &[&path.display().to_string()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let expected = format!("one\ntwo and a half\n{}\n", "x".repeat(5000));
    let read = || std::fs::read_to_string(&out).unwrap_or_default();
    crate::common::until(|| read().len() >= expected.len(), "every datagram");
    assert_eq!(read(), expected);
    receiver.signal("TERM");
    drop(receiver.finish());
    assert!(!path.exists(), "the path goes with its socket");
}

/// `UNIX-CLIENT` finds out what kind of socket is there, and has a name to which answers can go.
#[test]
fn unix_client_talks_to_every_kind_of_socket() {
    if !support::peers(&["python3"]) {
        return;
    }
    for kind in ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_SEQPACKET"] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("s").display().to_string();
        let program = format!(
            "
s = socket.socket(socket.AF_UNIX, socket.{kind}); s.bind(a[0])
if socket.{kind} != socket.SOCK_DGRAM: s.listen()
print('ready')
if socket.{kind} != socket.SOCK_DGRAM:
    c, _ = s.accept()
    c.sendall(b'heard ' + c.recv(99)); c.close()
else:
    data, peer = s.recvfrom(99); s.sendto(b'heard ' + data, peer)
"
        );
        let mut peer = crate::common::python_beside(&program, &[&path]);
        peer.line("ready");
        let ran = run(&["relay", "-t", "5", "-", &format!("unix-client:{path}")], b"me");
        assert_eq!(String::from_utf8_lossy(&ran.out), "heard me", "{kind}: {}", ran.err);
        assert_eq!(ran.code, Some(0), "{kind}: {}", ran.err);
    }
}
