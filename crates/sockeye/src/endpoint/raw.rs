//! Raw IP: `IP-SENDTO`, `IP-DATAGRAM`, `IP-RECV`, `IP-RECVFROM` (raw(7)). Needs CAP_NET_RAW.
//!
//! What is written is what packets carry; the kernel makes the IP header. Of IPv4 it also delivers the header,
//! which is taken off here; of IPv6 it does not.

use std::{io, net::SocketAddr, os::fd::OwnedFd, sync::Arc};

use socket2::{Domain, Socket, Type};
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Port, Protocol};

use super::{
    About, Context, DatagramWriter, Endpoint, Handle, Keep, Listener, Writer,
    access::Access,
    datagram::{EmptyMeans, recv_from},
    each::{self, Notes, Packets, Receive},
    net, sockopt,
};
use crate::{Error, Result, socket};

/// `IP-SENDTO`: packets to a host, and those that come from it.
pub(super) async fn sendto(
    address: &Address,
    family: Family,
    host: &Host,
    protocol: &Protocol,
    context: &Context,
) -> Result<Endpoint> {
    let what = address.to_string();
    let to = target(host, family).await?;
    let socket = socket_for(address, to, protocol)?;
    bind_source(&socket, address, to).await?;
    socket.connect(&to.into()).map_err(|e| Error::new("connect to", to, e))?;
    sockopt::late(&address.options, &socket)?;
    let handle = Arc::new(Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("use", &what, e))?);
    Ok(Endpoint {
        reader: Packets::reader(&handle, packets(to), Access::default(), Notes::wanted(address, context)),
        writer: Writer::Datagrams(DatagramWriter::connected(handle, EmptyMeans::Message).into()),
        about: About { address: what, peer: Some(to.ip().to_string().into()), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// `IP-DATAGRAM`: packets to a host or group, and those that come from anyone.
pub(super) async fn datagram(
    address: &Address,
    family: Family,
    host: &Host,
    protocol: &Protocol,
    context: &Context,
) -> Result<Endpoint> {
    let what = address.to_string();
    let to = target(host, family).await?;
    let socket = socket_for(address, to, protocol)?;
    bind_source(&socket, address, to).await?;
    sockopt::late(&address.options, &socket)?;
    let handle = Arc::new(Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("use", &what, e))?);
    Ok(Endpoint {
        reader: Packets::reader(
            &handle,
            packets(to),
            Access::of(&address.options)?,
            Notes::wanted(address, context),
        ),
        writer: Writer::Datagrams(DatagramWriter::to(handle, to.into()).into()),
        about: About { address: what, peer: Some(to.ip().to_string().into()), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// `IP-RECV`: packets from anyone; none are sent.
pub(super) async fn recv(
    address: &Address,
    family: Family,
    protocol: &Protocol,
    context: &Context,
) -> Result<Endpoint> {
    let (handle, at) = receiver(address, family, protocol).await?;
    Ok(Endpoint {
        reader: Packets::reader(
            &handle,
            packets(at),
            Access::of(&address.options)?,
            Notes::wanted(address, context),
        ),
        writer: Writer::Nothing,
        about: About { address: address.to_string(), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// `IP-RECVFROM`: an endpoint for each packet; what is written goes to its sender.
pub(super) async fn recvfrom(
    address: &Address,
    family: Family,
    protocol: &Protocol,
    context: &Context,
) -> Result<Listener> {
    let (handle, at) = receiver(address, family, protocol).await?;
    let about = About { address: address.to_string(), ..About::default() };
    each::listener(handle, about, packets(at), address, context)
}

async fn receiver(
    address: &Address,
    family: Family,
    protocol: &Protocol,
) -> Result<(Arc<Handle>, SocketAddr)> {
    let what = address.to_string();
    // Without a family and a place, IPv4: raw sockets have no dual stack.
    let family =
        if family == Family::Any && !address.options.has(OptionName::Bind) { Family::V4 } else { family };
    let at = net::listening(&address.options, family, None, &Port::Number(0)).await?;
    let socket = socket_for(address, at, protocol)?;
    socket.bind(&at.into()).map_err(|e| Error::new("bind to", at.ip(), e))?;
    sockopt::late(&address.options, &socket)?;
    let handle = Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("use", &what, e))?;
    Ok((Arc::new(handle), at))
}

fn socket_for(address: &Address, to: SocketAddr, protocol: &Protocol) -> Result<Socket> {
    let number = socket::Protocol::of_address(protocol)?;
    let protocol = Some(socket2::Protocol::from(number.0));
    let (domain, what) = (Domain::for_address(to), address.to_string());
    net::socket_of(&address.options, domain, Type::RAW, protocol, &what)
}

async fn bind_source(socket: &Socket, address: &Address, to: SocketAddr) -> Result<()> {
    let Some(mut source) = net::source(&address.options, to).await? else { return Ok(()) };
    source.set_port(0);
    socket.bind(&source.into()).map_err(|e| Error::new("bind to", source.ip(), e))
}

async fn target(host: &Host, family: Family) -> Result<SocketAddr> {
    let to = HostPort { host: host.clone(), port: Port::Number(0) };
    Ok(net::resolve(&to, family).await?[0])
}

/// How packets of that family are read.
fn packets(of: SocketAddr) -> Receive {
    if of.is_ipv4() { without_header } else { each::whole }
}

fn without_header(
    handle: &Handle,
    room: &mut [u8],
) -> io::Result<(usize, Option<rustix::net::SocketAddrAny>)> {
    let (length, sender) = recv_from(handle, room)?;
    // The length of the header is its second half byte, in words of four bytes (RFC 791, section 3.1).
    let header = room.first().map_or(0, |first| usize::from(first & 0xf) * 4).min(length);
    room.copy_within(header..length, 0);
    Ok((length - header, sender))
}
