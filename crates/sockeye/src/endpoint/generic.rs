//! Sockets of any family: `SOCKET-CONNECT` and its siblings, `VSOCK-CONNECT`, `VSOCK-LISTEN`, and `INTERFACE`.

use std::{os::fd::OwnedFd, sync::Arc};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockeye_proto::address::{Address, GenericSocket, OptionName, SocketUse, Vsock, data};

use super::{
    About, Context, DatagramReader, DatagramWriter, Endpoint, Handle, Keep, Listener, Reader, Writer,
    datagram::EmptyMeans,
    each,
    net::{self, named},
    sockopt, tcp, tun, unix,
};
use crate::{
    Error, Result,
    error::Reason,
    socket::{generic, options},
};

/// `ETH_P_ALL` of <linux/if_ether.h>: packets of every protocol.
const EVERY_PROTOCOL: u16 = 3;

/// `VMADDR_CID_ANY` of vsock(7).
const ANY_CONTEXT: u32 = u32::MAX;

/// `SOL_PACKET` and `PACKET_IGNORE_OUTGOING` of packet(7): what we send ourselves does not come back.
const IGNORE_OUTGOING: (i32, i32) = (263, 23);

/// `SOCKET-CONNECT`, `SOCKET-SENDTO`, `SOCKET-DATAGRAM`, `SOCKET-RECV`.
pub(super) async fn open(address: &Address, socket: &GenericSocket) -> Result<Endpoint> {
    let what = address.to_string();
    let place = place(&what, socket)?;
    let made = made(address, socket, &what)?;
    match socket.does {
        SocketUse::Connect | SocketUse::Sendto => connected(address, made, &place, what).await,
        SocketUse::Datagram => {
            sockopt::late(&address.options, &made)?;
            let handle = handle(made, &what)?;
            let to = generic::any(&place);
            Ok(Endpoint {
                reader: Reader::Datagrams(DatagramReader::socket(handle.clone(), EmptyMeans::Message).into()),
                writer: Writer::Datagrams(DatagramWriter::to(handle, to).into()),
                about: About { address: what, ..About::default() }.into(),
                keep: Keep::default(),
            })
        }
        _ => {
            bind(&made, &place, &what)?;
            sockopt::late(&address.options, &made)?;
            Ok(Endpoint { writer: Writer::Nothing, ..unix::on_socket(handle(made, &what)?, what, None) })
        }
    }
}

/// `SOCKET-LISTEN`, `SOCKET-RECVFROM`.
pub(super) fn listen(address: &Address, socket: &GenericSocket, context: &Context) -> Result<Listener> {
    let what = address.to_string();
    let place = place(&what, socket)?;
    let made = made(address, socket, &what)?;
    bind(&made, &place, &what)?;
    if socket.does == SocketUse::Listen {
        return listening(address, made, context);
    }
    sockopt::late(&address.options, &made)?;
    let handle = handle(made, &what)?;
    let about = About { address: what, ..About::default() };
    each::listener(handle, about, each::whole, address, context)
}

/// `VSOCK-CONNECT`.
pub(super) async fn vsock_connect(address: &Address, to: Vsock) -> Result<Endpoint> {
    let what = address.to_string();
    let made = net::socket(&address.options, Domain::VSOCK, Type::STREAM, &what)?;
    connected(address, made, &SockAddr::vsock(to.cid, to.port), what).await
}

/// `VSOCK-LISTEN`.
pub(super) fn vsock_listen(address: &Address, port: u32, context: &Context) -> Result<Listener> {
    let what = address.to_string();
    let made = net::socket(&address.options, Domain::VSOCK, Type::STREAM, &what)?;
    bind(&made, &SockAddr::vsock(ANY_CONTEXT, port), &what)?;
    listening(address, made, context)
}

/// `INTERFACE`: whole packets, as the interface sends and receives them.
pub(super) fn interface(address: &Address, name: &str) -> Result<Endpoint> {
    let what = address.to_string();
    let protocol = EVERY_PROTOCOL.to_be();
    let made = net::socket_of(
        &address.options,
        Domain::PACKET,
        Type::RAW,
        Some(Protocol::from(i32::from(protocol))),
        &what,
    )?;
    tun::set_flags(&address.options, name)?;
    let index = rustix::net::netdevice::name_to_index(&made, name)
        .map_err(|e| Error::new("find the interface", name, e))?;
    // `sockaddr_ll` of packet(7): protocol, index, and what only received packets have.
    let place = [&protocol.to_ne_bytes()[..], &index.to_ne_bytes(), &[0; 12]].concat();
    let failed = |reason| Error::new("use the interface", name, reason);
    bind(&made, &generic::address(libc::AF_PACKET as u16, &place).map_err(failed)?, &what)?;
    options::set_by_number(&made, IGNORE_OUTGOING.0, IGNORE_OUTGOING.1, &1_i32.to_ne_bytes())?;
    sockopt::late(&address.options, &made)?;
    Ok(unix::on_socket(handle(made, &what)?, what, None))
}

fn made(address: &Address, socket: &GenericSocket, what: &str) -> Result<Socket> {
    let protocol = Some(Protocol::from(socket.protocol));
    let (domain, kind) = (Domain::from(i32::from(socket.family)), Type::from(socket.kind));
    let made = net::socket_of(&address.options, domain, kind, protocol, what)?;
    if let Some(text) = address.options.text(OptionName::Bind) {
        let bytes = data(text).ok_or_else(|| {
            let reason =
                Reason::Usage("it is not the data of a socket address, such as x1f907f000001".into());
            Error::new("bind to", text, reason)
        })?;
        let place = generic::address(socket.family, &bytes).map_err(|e| Error::new("bind to", text, e))?;
        bind(&made, &place, what)?;
    }
    Ok(made)
}

fn place(what: &str, socket: &GenericSocket) -> Result<SockAddr> {
    let wrong = || Reason::Usage("it is not the data of a socket address".into());
    let bytes = data(&socket.address).ok_or_else(wrong);
    bytes.and_then(|bytes| generic::address(socket.family, &bytes)).map_err(|e| Error::new("use", what, e))
}

async fn connected(address: &Address, made: Socket, to: &SockAddr, what: String) -> Result<Endpoint> {
    let limit = address.options.time(OptionName::ConnectTimeout).unwrap_or(net::CONNECT_TIMEOUT);
    let kind = made.r#type().map_err(|e| Error::new("use", &what, e))?;
    let connected = net::connect_socket(made, kind, to, limit).await;
    let handle = connected.map_err(|e| Error::new("connect to", &what, e))?;
    sockopt::late(&address.options, &handle)?;
    let peer = rustix::net::getpeername(&handle).ok().flatten().as_ref().and_then(named);
    Ok(unix::on_socket(Arc::new(handle), what, peer))
}

fn listening(address: &Address, made: Socket, context: &Context) -> Result<Listener> {
    made.listen(tcp::backlog(&address.options)).map_err(|e| Error::new("listen on", address, e))?;
    Listener::stream(OwnedFd::from(made), address, context)
}

fn bind(made: &Socket, place: &SockAddr, what: &str) -> Result<()> {
    made.bind(place).map_err(|e| Error::new("bind to", what, e))
}

fn handle(made: Socket, what: &str) -> Result<Arc<Handle>> {
    Ok(Arc::new(Handle::new(OwnedFd::from(made)).map_err(|e| Error::new("use", what, e))?))
}
