//! TCP: connecting and listening.

use std::os::fd::OwnedFd;

use socket2::Type;
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Options, Port};

use super::{
    About, Context, Endpoint, Finish, Handle, Keep, Listener, Reader, Writer,
    net::{self, Connected},
};
use crate::{Error, Result};

/// What listen(2) gets where `backlog` says nothing: as much as the kernel allows (somaxconn).
const BACKLOG: i32 = 4096;

pub(super) fn backlog(options: &Options) -> i32 {
    options.number(OptionName::Backlog).and_then(|n| i32::try_from(n).ok()).unwrap_or(BACKLOG)
}

pub(super) async fn connect(address: &Address, family: Family, to: &HostPort) -> Result<Endpoint> {
    let what = address.to_string();
    let peers = net::resolve(to, family).await?;
    let connected = net::connect(&address.options, &peers, Type::STREAM, &what).await?;
    Ok(stream(connected, what))
}

pub(super) async fn listen(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Listener> {
    let what = address.to_string();
    let at = net::listening(&address.options, family, host, port).await?;
    let socket = net::socket(&address.options, socket2::Domain::for_address(at), Type::STREAM, &what)?;
    // A server that restarts must not wait for its old connections' TIME-WAIT (SO_REUSEADDR), unless told to.
    if !address.options.has(OptionName::Reuseaddr) {
        socket.set_reuse_address(true).map_err(|e| Error::new("set SO_REUSEADDR on", &what, e))?;
    }
    socket.bind(&at.into()).map_err(|e| Error::new("listen on", at, e))?;
    socket.listen(backlog(&address.options)).map_err(|e| Error::new("listen on", at, e))?;
    Listener::stream(OwnedFd::from(socket), address, context)
}

/// An endpoint on a connected stream socket.
pub(super) fn stream(connected: Connected, address: String) -> Endpoint {
    let Connected { handle, local, peer } = connected;
    let about = About { address, local, peer: Some(peer.to_string()) };
    endpoint(handle, about)
}

/// An endpoint on a stream socket's descriptor.
pub(super) fn endpoint(handle: std::sync::Arc<Handle>, about: About) -> Endpoint {
    Endpoint {
        reader: Reader::Stream(handle.clone()),
        writer: Writer::Stream(handle, Finish::Shutdown),
        about: about.into(),
        keep: Keep::default(),
    }
}
