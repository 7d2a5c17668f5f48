//! The Socket API against the kernel.

mod datagram;
mod message;
mod names;
mod options;
mod python;
mod raw;
mod signals;
mod stream;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use sockeye::{
    Addr, Socket,
    socket::{Family, Type},
};

use crate::support::PATIENCE;

/// A loopback address of the family with a port of the kernel's choice.
pub(crate) fn loopback(family: Family) -> SocketAddr {
    match family {
        Family::Inet => (Ipv4Addr::LOCALHOST, 0).into(),
        Family::Inet6 => (Ipv6Addr::LOCALHOST, 0).into(),
        Family::Unix => panic!("Unix sockets have paths"),
    }
}

/// A socket whose calls fail rather than hang a test.
pub(crate) fn socket(family: Family, kind: Type) -> Socket {
    let socket = Socket::new(family, kind).expect("a socket");
    socket.set_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// A TCP listener on loopback and its address.
pub(crate) fn listener(family: Family) -> (Socket, Addr) {
    let listener = socket(family, Type::Stream);
    listener.bind(loopback(family)).expect("bind to port 0");
    listener.listen(16).expect("listen");
    let addr = listener.local_addr().expect("a bound socket has an address");
    (listener, addr)
}

/// Two ends of a TCP connection over loopback: the client's and the server's.
pub(crate) fn connection(family: Family) -> (Socket, Socket) {
    let (listener, addr) = listener(family);
    let client = socket(family, Type::Stream);
    client.connect(&addr).expect("connect to a listener");
    let (server, _) = listener.accept().expect("accept");
    server.set_timeout(Some(PATIENCE)).expect("a timeout");
    (client, server)
}

/// Bytes that tell a shift, a swap or a loss.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8 ^ (i / 251) as u8).collect()
}
