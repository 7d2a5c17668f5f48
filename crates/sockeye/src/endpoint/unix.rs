//! Unix domain sockets: streams, sequenced packets and datagrams, by path or in the abstract namespace.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use socket2::{Domain, SockAddr, Socket, Type};
use sockeye_proto::address::{Address, OptionName, Options, UnixName};

use super::{
    About, Context, DatagramReader, DatagramWriter, Endpoint, Finish, Handle, Keep, Listener, Name, Reader,
    Unlink, Writer,
    datagram::EmptyMeans,
    each, net,
    proxy_protocol::{self, Greet, greeted},
    sockopt, tcp,
};
use crate::{
    Error, Result,
    diag::{self, Bind},
    error::Reason,
    socket::{Addr, UnixAddr, remove_stale},
};

/// How many bytes a name has room for behind the first, which is zero for abstract ones: unix(7).
const PATH_ROOM: usize = 107;

/// `UNIX-CONNECT`: a stream, or what `type=` says.
pub(super) async fn connect(address: &Address, name: &UnixName) -> Result<Endpoint> {
    connect_as(address, name, socket_type(&address.options, Type::STREAM)).await
}

/// `UNIX-CLIENT`: whatever kind of socket is there.
pub(super) async fn client(address: &Address, name: &UnixName) -> Result<Endpoint> {
    let mut first = None;
    for kind in [Type::STREAM, Type::SEQPACKET, Type::DGRAM] {
        match connect_as(address, name, kind).await {
            Err(e) if e.errno() == Some(libc::EPROTOTYPE) => first = first.or(Some(e)),
            result => return result,
        }
    }
    Err(first.expect("the loop ends without a result only after an error"))
}

async fn connect_as(address: &Address, name: &UnixName, kind: Type) -> Result<Endpoint> {
    let what = address.to_string();
    let socket = net::socket(&address.options, Domain::UNIX, kind, &what)?;
    let unlink = match address.options.text(OptionName::Bind) {
        Some(path) => Some(bind(&socket, &local_name(path), &address.options)?),
        // A datagram socket without a name gets no answers.
        None if kind == Type::DGRAM => {
            autobind(&socket).map_err(|e| Error::new("bind a name for", &what, e))?;
            None
        }
        None => None,
    };
    let limit = address.options.time(OptionName::ConnectTimeout).unwrap_or(net::CONNECT_TIMEOUT);
    let handle = net::connect_socket(socket, kind, &sockaddr(name, &address.options)?, limit)
        .await
        .map_err(|e| Error::new("connect to", name, e))?;
    sockopt::late(&address.options, &handle)?;
    let mut endpoint = on_socket(Arc::new(handle), what, Some(name.to_string().into()));
    endpoint.keep.unlink = unlink.flatten();
    Ok(endpoint)
}

pub(super) fn listen(address: &Address, name: &UnixName, context: &Context) -> Result<Listener> {
    let what = address.to_string();
    let kind = socket_type(&address.options, Type::STREAM);
    let socket = net::socket(&address.options, Domain::UNIX, kind, &what)?;
    let unlink = bind(&socket, name, &address.options)?;
    socket.listen(tcp::backlog(&address.options)).map_err(|e| Error::new("listen on", name, e))?;
    let mut listener = Listener::stream(OwnedFd::from(socket), address, context)?;
    if address.options.flag(OptionName::AcceptProxy) {
        let greet: Greet = Arc::new(|endpoint| Box::pin(proxy_protocol::accept(endpoint)));
        listener = greeted(listener.plain(), greet, address, context)?;
    }
    Ok(match unlink {
        Some(unlink) => listener.unlinking(unlink),
        None => listener,
    })
}

/// `UNIX-SENDTO`: datagrams to that socket, and its answers.
pub(super) async fn sendto(address: &Address, name: &UnixName) -> Result<Endpoint> {
    connect_as(address, name, Type::DGRAM).await
}

/// `UNIX-RECV`: datagrams from anyone, answers to none.
pub(super) fn recv(address: &Address, name: &UnixName) -> Result<Endpoint> {
    let (handle, about, unlink) = receiver(address, name)?;
    let reader = Reader::Datagrams(DatagramReader::socket(handle, EmptyMeans::Message).into());
    Ok(Endpoint {
        reader,
        writer: Writer::Nothing,
        about: about.into(),
        keep: Keep { unlink, ..Keep::default() },
    })
}

/// `UNIX-RECVFROM`: an endpoint for each datagram; what is written goes to its sender.
pub(super) fn recvfrom(address: &Address, name: &UnixName, context: &Context) -> Result<Listener> {
    let (handle, about, unlink) = receiver(address, name)?;
    let listener = each::listener(handle, about, each::whole, address, context)?;
    Ok(match unlink {
        Some(unlink) => listener.unlinking(unlink),
        None => listener,
    })
}

fn receiver(address: &Address, name: &UnixName) -> Result<(Arc<Handle>, About, Option<Unlink>)> {
    let what = address.to_string();
    let socket = net::socket(&address.options, Domain::UNIX, Type::DGRAM, &what)?;
    let unlink = bind(&socket, name, &address.options)?;
    sockopt::late(&address.options, &socket)?;
    let handle = Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("receive at", name, e))?;
    Ok((
        Arc::new(handle),
        About { address: what, local: Some(name.to_string().into()), ..About::default() },
        unlink,
    ))
}

/// An endpoint on a connected socket of whatever type.
pub(super) fn on_socket(handle: Arc<Handle>, address: String, peer: Option<Name>) -> Endpoint {
    let socket = socket2::SockRef::from(&handle);
    let local = socket.local_addr().ok().and_then(|a| Addr::from_kernel(&a));
    let local = local.filter(|a| *a != Addr::Unix(UnixAddr::Unnamed));
    let about = About { address, local: local.map(Name::from), peer, ..About::default() };
    let empty = match socket.r#type() {
        Ok(Type::STREAM) => return tcp::endpoint(handle, about),
        Ok(Type::SEQPACKET) => EmptyMeans::End,
        _ => EmptyMeans::Message,
    };
    Endpoint {
        reader: Reader::Datagrams(DatagramReader::socket(handle.clone(), empty).into()),
        writer: Writer::Datagrams(DatagramWriter::connected(handle, empty).into()),
        about: about.into(),
        keep: Keep::default(),
    }
}

/// Two joined sockets of which one reads what is written to the other, as `SOCKETPAIR` and programs use them.
pub(super) fn pair(options: &Options) -> io::Result<(Socket, Socket)> {
    Socket::pair(Domain::UNIX, socket_type(options, Type::STREAM), None)
}

/// `SOCKETPAIR`: what is written comes back.
pub(super) fn socketpair(address: &Address) -> Result<Endpoint> {
    let what = address.to_string();
    let failed = |e| Error::new("make", &what, e);
    let (ours, theirs) = pair(&address.options).map_err(failed)?;
    sockopt::all(&address.options, &ours)?;
    let empty = match ours.r#type() {
        Ok(Type::DGRAM) => EmptyMeans::Message,
        _ => EmptyMeans::End,
    };
    let streams = matches!(ours.r#type(), Ok(Type::STREAM));
    let ours = Arc::new(Handle::new(ours.into()).map_err(failed)?);
    let theirs = Arc::new(Handle::new(theirs.into()).map_err(failed)?);
    let (reader, writer) = match streams {
        true => (Reader::Stream(ours), Writer::Stream(theirs, Finish::Shutdown)),
        false => (
            Reader::Datagrams(DatagramReader::socket(ours, empty).into()),
            Writer::Datagrams(DatagramWriter::connected(theirs, empty).into()),
        ),
    };
    let about = About { address: what.clone(), ..About::default() };
    Ok(Endpoint { reader, writer, about: about.into(), keep: Keep::default() })
}

/// Binds, after removing what an earlier server left behind; `None` where there is no path to remove later.
fn bind(socket: &Socket, name: &UnixName, options: &Options) -> Result<Option<Unlink>> {
    let place = match name {
        UnixName::Path(path) => Bind::Unix(Path::new(path)),
        UnixName::Abstract(name) => Bind::Abstract(name.as_bytes()),
    };
    let failed = |e| diag::explained(Error::new("bind to", name, e), place);
    if let UnixName::Path(path) = name {
        if options.flag(OptionName::UnlinkEarly) || options.flag(OptionName::Unlink) {
            super::file::remove_first(path, options)?;
        } else {
            remove_stale(path)?;
        }
    }
    let address = sockaddr(name, options)?;
    super::file::with_umask(options, || socket.bind(&address)).map_err(failed)?;
    let UnixName::Path(path) = name else { return Ok(None) };
    super::file::own(Path::new(path), options)?;
    if options.flag(OptionName::UnlinkLate) {
        std::fs::remove_file(path).map_err(|e| Error::new("remove", path, e))?;
        return Ok(None);
    }
    let keep = options.has(OptionName::UnlinkClose) && !options.flag(OptionName::UnlinkClose);
    Ok((!keep).then(|| Unlink(PathBuf::from(path))))
}

fn socket_type(options: &Options, default: Type) -> Type {
    options.number(OptionName::Socktype).and_then(|n| i32::try_from(n).ok()).map_or(default, Type::from)
}

fn local_name(text: &str) -> UnixName {
    match text.strip_prefix('@') {
        Some(name) => UnixName::Abstract(name.to_owned()),
        None => UnixName::Path(text.to_owned()),
    }
}

/// Lets the kernel choose an abstract name (unix(7), "Autobind feature").
fn autobind(socket: &Socket) -> io::Result<()> {
    Ok(rustix::net::bind(socket, &rustix::net::SocketAddrUnix::new_unnamed())?)
}

fn sockaddr(name: &UnixName, options: &Options) -> Result<SockAddr> {
    // Zeros behind a path mean nothing; behind an abstract name they are part of it.
    let loose = options.has(OptionName::UnixTightsocklen) && !options.flag(OptionName::UnixTightsocklen);
    let made = match name {
        UnixName::Path(path) => SockAddr::unix(path),
        UnixName::Abstract(name) if loose => {
            SockAddr::unix(format!("\0{name}{}", "\0".repeat(PATH_ROOM.saturating_sub(name.len()))))
        }
        UnixName::Abstract(name) => SockAddr::unix(format!("\0{name}")),
    };
    made.map_err(|_| {
        let length = match name {
            UnixName::Path(name) | UnixName::Abstract(name) => name.len(),
        };
        Error::new("use the path", name, Reason::Usage(format!("it is {length} bytes long")))
            .hint("a Unix socket's path is at most 107 bytes; use a shorter one, or a relative one")
    })
}
