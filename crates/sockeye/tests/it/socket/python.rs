//! The Socket API talks with Python's `socket` module, both ways.

use std::process::{Command, Stdio};

use sockeye::{
    Addr, Socket,
    socket::{Family, Flags, Shutdown, Type},
};

use super::{listener, loopback, socket};
use crate::support::{Running, peers};

fn python(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-u", "-c", script]).args(args).stdin(Stdio::null());
    command
}

#[test]
fn a_python_client_talks_to_a_server_here() {
    if !peers(&["python3"]) {
        return;
    }
    for family in [Family::Inet, Family::Inet6] {
        let (listener, addr) = listener(family);
        let ip = addr.ip().expect("an IP address");
        let script = "import socket, sys\n\
            s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n\
            s.sendall('你好'.encode()); s.shutdown(socket.SHUT_WR)\n\
            print(s.makefile().read())";
        let mut client = Running::start(&mut python(script, &[&ip.ip().to_string(), &ip.port().to_string()]));
        let (server, _) = listener.accept().expect("accept");
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut &server, &mut all).expect("to the end");
        server.send_all(&[b"<", &all[..], b">"].concat()).expect("answer");
        server.close();
        client.line("<你好>");
        assert!(client.finish().0.success());
    }
}

#[test]
fn a_client_here_talks_to_a_python_server() {
    if !peers(&["python3"]) {
        return;
    }
    let script = "import socket\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1); print(s.getsockname()[1])\n\
        c, a = s.accept()\n\
        while d := c.recv(7): c.sendall(d.upper())\n\
        print('end from', a[1])";
    let mut server = Running::start(&mut python(script, &[]));
    let port: u16 = server.line("").trim().parse().expect("a port");
    let client = socket(Family::Inet, Type::Stream);
    client.connect(([127, 0, 0, 1], port)).expect("connect");
    client.send_all(b"one and two and three").expect("send");
    client.shutdown(Shutdown::Write).expect("half-close");
    let mut back = [0; 21];
    client.recv_exact(&mut back).expect("all of it");
    assert_eq!(&back, b"ONE AND TWO AND THREE");
    server.line(&format!("end from {}", client.local_addr().expect("bound").port().expect("an IP address")));
}

#[test]
fn datagrams_and_unix_sockets_reach_python_and_come_back() {
    if !peers(&["python3"]) {
        return;
    }
    let udp = "import socket\n\
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::1', 0)); print(s.getsockname()[1])\n\
        d, a = s.recvfrom(99); s.sendto(b'Hello, ' + d + b'!', a)";
    let mut server = Running::start(&mut python(udp, &[]));
    let port: u16 = server.line("").trim().parse().expect("a port");
    let client = socket(Family::Inet6, Type::Datagram);
    let to = (loopback(Family::Inet6).ip(), port);
    client.send_to(b"sockeye", to).expect("send");
    let mut buffer = [0; 64];
    let (n, sender) = client.recv_from(&mut buffer).expect("receive");
    assert_eq!((&buffer[..n], sender), (&b"Hello, sockeye!"[..], Addr::from(to)));

    let name = format!("sockeye-python-{}", std::process::id());
    let unix = "import array, os, socket, sys\n\
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('\\0' + sys.argv[1])\n\
        r, w = os.pipe(); os.write(w, b'through a pipe')\n\
        s.sendmsg([b'take'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [r]))])";
    let listener = socket(Family::Unix, Type::SeqPacket);
    listener.bind(Addr::abstract_name(name.clone())).expect("bind");
    listener.listen(1).expect("listen");
    let _client = Running::start(&mut python(unix, &[&name]));
    let (server, _) = listener.accept().expect("accept");
    let message = server.recvmsg(&mut buffer, Flags::NONE).expect("receive");
    assert_eq!(&buffer[..message.bytes], b"take");
    let Some(sockeye::socket::Ancillary::Descriptors(fds)) = message.ancillary.into_iter().next() else {
        panic!("no descriptor arrived")
    };
    let n = rustix::io::read(&fds[0], &mut buffer).expect("a pipe");
    assert_eq!(&buffer[..n], b"through a pipe");
}

#[test]
fn python_takes_over_a_socket_that_was_made_here() {
    if !peers(&["python3"]) {
        return;
    }
    let (ours, theirs) = Socket::pair(Type::Stream).expect("a pair");
    let script = "import socket\n\
        s = socket.socket(fileno=socket.dup(0)); s.sendall(b'I am ' + s.family.name.encode())";
    let mut command = python(script, &[]);
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    let child = Running::start(&mut command);
    drop(command);
    let mut all = String::new();
    std::io::Read::read_to_string(&mut &ours, &mut all).expect("to the end");
    assert_eq!(all, "I am AF_UNIX");
    assert!(child.finish().0.success());
}
