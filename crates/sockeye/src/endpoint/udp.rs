//! UDP: to one peer, from anyone, and one session for each peer on a shared socket.

use std::{collections::HashMap, net::SocketAddr, os::fd::OwnedFd, sync::Arc, time::Duration};

use rustix::net::SocketAddrAny;
use socket2::{Domain, Type};
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Port};
use tokio::{io::Interest, sync::mpsc};

use super::{
    About, Batch, Context, DatagramReader, DatagramWriter, Endpoint, Handle, Keep, Listener, Reader, Writer,
    datagram::{Activity, EmptyMeans, LARGEST, recv_from},
    net,
};
use crate::{Error, Result};

/// How long a session may be silent where `idle-timeout` says nothing: nobody says that no more comes.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(60);

/// How many datagrams of one session wait for its reader before more are dropped.
const SESSION_QUEUE: usize = 256;

/// How many new sessions wait to be accepted before datagrams of more are dropped.
const NEW_SESSIONS: usize = 1024;

/// `UDP`, `UDP-SENDTO`: datagrams to one peer and from it only.
pub(super) async fn connect(address: &Address, family: Family, to: &HostPort) -> Result<Endpoint> {
    let what = address.to_string();
    let peers = net::resolve(to, family).await?;
    let net::Connected { handle, local, peer } =
        net::connect(&address.options, &peers, Type::DGRAM, &what).await?;
    Ok(Endpoint {
        reader: Reader::Datagrams(DatagramReader::socket(handle.clone(), EmptyMeans::Message).into()),
        writer: Writer::Datagrams(DatagramWriter::connected(handle, EmptyMeans::Message).into()),
        about: About { address: what, local, peer: Some(peer.to_string()) }.into(),
        keep: Keep::default(),
    })
}

/// `UDP-DATAGRAM`: sends to `to`, broadcast and multicast included; takes from anyone.
pub(super) async fn datagram(address: &Address, family: Family, to: &HostPort) -> Result<Endpoint> {
    let what = address.to_string();
    let to = net::resolve(to, family).await?[0];
    let socket = net::socket(&address.options, Domain::for_address(to), Type::DGRAM, &what)?;
    if let Some(source) = net::source(&address.options, to).await? {
        socket.bind(&source.into()).map_err(|e| Error::new("bind to", source, e))?;
    }
    let local = socket.local_addr().ok().and_then(|a| a.as_socket()).map(|a| a.to_string());
    let handle = Arc::new(Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("use", &what, e))?);
    Ok(Endpoint {
        reader: Reader::Datagrams(DatagramReader::socket(handle.clone(), EmptyMeans::Message).into()),
        writer: Writer::Datagrams(DatagramWriter::to(handle, to.into(), None).into()),
        about: About { address: what, local, peer: Some(to.to_string()) }.into(),
        keep: Keep::default(),
    })
}

/// `UDP-RECV`: takes datagrams from anyone, answers none.
pub(super) async fn recv(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
) -> Result<Endpoint> {
    let (handle, about) = receiver(address, family, host, port).await?;
    Ok(Endpoint {
        reader: Reader::Datagrams(DatagramReader::socket(handle, EmptyMeans::Message).into()),
        writer: Writer::Nothing,
        about: about.into(),
        keep: Keep::default(),
    })
}

/// What makes an endpoint of datagrams on a shared socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// `UDP-LISTEN`: a session for each peer, until it is silent for the idle time.
    ByPeer,
    /// `UDP-RECVFROM`: an endpoint for each datagram.
    ByDatagram,
}

/// A listener that tells the peers of one socket apart.
pub(super) async fn listen(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
    share: Share,
    context: &Context,
) -> Result<Listener> {
    let (handle, about) = receiver(address, family, host, port).await?;
    let (new, accepted) = mpsc::channel(NEW_SESSIONS);
    let sessions = Sessions {
        handle,
        about: about.clone(),
        idle: address.options.time(OptionName::IdleTimeout).unwrap_or(SESSION_IDLE),
        share,
        known: HashMap::new(),
        new,
    };
    Listener::sessions(accepted, tokio::spawn(sessions.run()), about, address, context)
}

async fn receiver(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
) -> Result<(Arc<Handle>, About)> {
    let what = address.to_string();
    let at = net::listening(&address.options, family, host, port).await?;
    let socket = net::bound(&address.options, at, Type::DGRAM, &what)?;
    let local = socket.local_addr().ok().and_then(|a| a.as_socket()).map(|a| a.to_string());
    let handle = Handle::new(OwnedFd::from(socket)).map_err(|e| Error::new("receive at", at, e))?;
    Ok((Arc::new(handle), About { address: what, local, peer: None }))
}

/// The dispatcher of a shared socket: which datagram belongs to which session.
struct Sessions {
    handle: Arc<Handle>,
    about: About,
    idle: Duration,
    share: Share,
    known: HashMap<SocketAddr, mpsc::Sender<Batch>>,
    new: mpsc::Sender<Endpoint>,
}

impl Sessions {
    async fn run(mut self) {
        loop {
            let mut message = Batch::new();
            let one = || message.push_with(LARGEST, |room| recv_from(&self.handle, room));
            match self.handle.wait(Interest::READABLE, one).await {
                Ok((_, Some(from))) => {
                    if self.dispatch(message, from).is_err() {
                        return;
                    }
                }
                Ok((_, None)) => {}
                // What ICMP says of an answer to one peer (ECONNREFUSED) is nothing to the others.
                Err(e) if e.raw_os_error() == Some(libc::EBADF) => return,
                Err(_) => {}
            }
        }
    }

    /// Hands one datagram to its session; fails when the listener is gone and nobody is left to serve.
    fn dispatch(&mut self, message: Batch, from: SocketAddrAny) -> Result<(), ()> {
        let Ok(peer) = SocketAddr::try_from(from.clone()) else { return Ok(()) };
        let message = match self.known.get(&peer) {
            Some(session) => match session.try_send(message) {
                // A full queue is like a full socket buffer: the datagram is dropped.
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => return Ok(()),
                Err(mpsc::error::TrySendError::Closed(message)) => {
                    self.known.remove(&peer);
                    message
                }
            },
            None => message,
        };
        let activity = (self.share == Share::ByPeer).then(|| Activity::new(self.idle));
        let reader = match &activity {
            None => DatagramReader::once(message),
            Some(activity) => {
                let (send, queue) = mpsc::channel(SESSION_QUEUE);
                send.try_send(message).expect("a new queue has room for one");
                self.forget_ended();
                self.known.insert(peer, send);
                DatagramReader::session(queue, activity.clone())
            }
        };
        let endpoint = Endpoint {
            reader: Reader::Datagrams(reader.into()),
            writer: Writer::Datagrams(DatagramWriter::to(self.handle.clone(), from, activity).into()),
            about: About { peer: Some(peer.to_string()), ..self.about.clone() }.into(),
            keep: Keep::default(),
        };
        match self.new.try_send(endpoint) {
            Err(mpsc::error::TrySendError::Closed(_)) if self.known.is_empty() => Err(()),
            // Too many at once: dropped like a SYN over the backlog. The session's queue went with it.
            _ => Ok(()),
        }
    }

    /// Drops the sessions that have ended, whenever the table would have to grow.
    fn forget_ended(&mut self) {
        if self.known.len() == self.known.capacity() {
            self.known.retain(|_, session| !session.is_closed());
        }
    }
}
