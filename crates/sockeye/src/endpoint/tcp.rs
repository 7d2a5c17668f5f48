//! TCP: connecting and listening.

use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::Arc,
};

use socket2::Type;
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Options, Port};

use super::{
    About, Context, Endpoint, Finish, Handle, Keep, Listener, Reader, Writer,
    net::{self, Connected, Speaker},
    proxy_protocol::{self, Greet, greeted},
};
use crate::{Error, Result};

/// What listen(2) gets where `backlog` says nothing: as much as the kernel allows (somaxconn).
const BACKLOG: i32 = 4096;

pub(super) fn backlog(options: &Options) -> i32 {
    options.number(OptionName::Backlog).and_then(|n| i32::try_from(n).ok()).unwrap_or(BACKLOG)
}

pub(super) async fn connect(
    address: &Address,
    family: Family,
    to: &HostPort,
    context: &Context,
) -> Result<Endpoint> {
    let speaker = if context.spoken { Speaker::Us } else { Speaker::Either };
    let what = address.to_string();
    let peers = net::resolve(to, family).await?;
    let connected = net::connect(&address.options, &peers, Type::STREAM, speaker, &what).await?;
    Ok(stream(connected, what))
}

pub(super) async fn listen(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Listener> {
    if address.options.flag(OptionName::AcceptProxy) {
        let inner = listen_plainly(address, family, host, port, context).await?;
        let greet: Greet = Arc::new(|endpoint| Box::pin(proxy_protocol::accept(endpoint)));
        return greeted(inner, greet, address, context);
    }
    Listener::stream(listening(address, family, host, port).await?, address, context)
}

/// A listener that looks at nothing but the connection: who may connect, and what passes, is for whoever
/// finds out who the client is.
pub(super) async fn listen_plainly(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Listener> {
    let socket = listening(address, family, host, port).await?;
    Ok(Listener::stream(socket, address, context)?.plain())
}

async fn listening(address: &Address, family: Family, host: Option<&Host>, port: &Port) -> Result<OwnedFd> {
    let what = address.to_string();
    let at = net::listening(&address.options, family, host, port).await?;
    let socket = net::socket(&address.options, socket2::Domain::for_address(at), Type::STREAM, &what)?;
    // A server that restarts must not wait for its old connections' TIME-WAIT (SO_REUSEADDR), unless told to.
    if !address.options.has(OptionName::Reuseaddr) {
        socket.set_reuse_address(true).map_err(|e| Error::new("set SO_REUSEADDR on", &what, e))?;
    }
    let failed = |e| {
        let error = Error::new("listen on", format!("{what} at {at}"), e);
        net::not_bound(error, at, Type::STREAM, &address.options)
    };
    socket.bind(&at.into()).map_err(failed)?;
    socket.listen(backlog(&address.options)).map_err(failed)?;
    Ok(OwnedFd::from(socket))
}

/// An endpoint on a connected stream socket.
pub(super) fn stream(connected: Connected, address: String) -> Endpoint {
    let Connected { handle, local, peer } = connected;
    let descriptors = Some([handle.as_fd().as_raw_fd(); 2]);
    let about = About { address, local, peer: Some(peer.into()), descriptors, facts: None };
    endpoint(handle, about)
}

/// An endpoint on a stream socket's descriptor.
pub(super) fn endpoint(handle: Arc<Handle>, about: About) -> Endpoint {
    Endpoint {
        reader: Reader::Stream(handle.clone()),
        writer: Writer::Stream(handle, Finish::Shutdown),
        about: about.into(),
        keep: Keep::default(),
    }
}
