//! UDP: to one peer, from anyone, and one session for each peer on a shared socket.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use socket2::{Domain, Type};
use sockeye_proto::address::{Address, Family, Host, HostPort, OptionName, Options, Port};
use tokio::{io::Interest, sync::mpsc, time::MissedTickBehavior};

use super::{
    About, Batch, Context, DatagramReader, DatagramWriter, Endpoint, Handle, Keep, Listener, Name, Reader,
    Writer,
    access::Access,
    datagram::{Activity, NotTaken, SessionQueue, SessionSender},
    each::{self, Notes, Packets},
    net,
    offload::{Offload, Route},
    sockopt,
};
use crate::{Error, Result};

/// How long a session may be silent where `idle-timeout` says nothing: nobody says that no more comes.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(60);

/// How many sessions one socket has at most.
const SESSIONS: usize = 65_536;

/// How often sessions that have ended are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// How often dropped datagrams are told of.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How many new sessions wait to be accepted before datagrams of more are dropped.
const NEW_SESSIONS: usize = 1024;

/// `UDP`, `UDP-SENDTO`: datagrams to one peer and from it only.
pub(super) async fn connect(
    address: &Address,
    family: Family,
    to: &HostPort,
    context: &Context,
) -> Result<Endpoint> {
    let what = address.to_string();
    let peers = net::resolve(to, family).await?;
    let net::Connected { handle, local, peer } =
        net::connect(&address.options, &peers, Type::DGRAM, net::Speaker::Either, &what).await?;
    let (reader, writer) = ends(&handle, address, context, Access::default(), Some(peer))
        .map_err(|e| Error::new("use", &what, e))?;
    Ok(Endpoint {
        reader,
        writer,
        about: About { address: what, local, peer: Some(peer.into()), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// `UDP-DATAGRAM`: sends to `to`, broadcast and multicast included; takes from anyone.
pub(super) async fn datagram(
    address: &Address,
    family: Family,
    to: &HostPort,
    context: &Context,
) -> Result<Endpoint> {
    let what = address.to_string();
    let to = net::resolve(to, family).await?[0];
    let socket = net::socket(&address.options, Domain::for_address(to), Type::DGRAM, &what)?;
    if let Some(source) = net::source(&address.options, to).await? {
        net::bind(&socket, source, Type::DGRAM, &address.options, &what)?;
    }
    let local = socket.local_addr().ok().and_then(|a| a.as_socket()).map(Name::from);
    let access = Access::of(&address.options)?;
    let ends = Handle::new(socket.into())
        .and_then(|handle| ends(&handle.into(), address, context, access, Some(to)));
    let (reader, writer) = ends.map_err(|e| Error::new("use", &what, e))?;
    Ok(Endpoint {
        reader,
        writer,
        about: About { address: what, local, peer: Some(to.into()), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// `UDP-RECV`: takes datagrams from anyone, answers none.
pub(super) async fn recv(
    address: &Address,
    family: Family,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Endpoint> {
    let (handle, about) = receiver(address, family, host, port).await?;
    let (reader, writer) = ends(&handle, address, context, Access::of(&address.options)?, None)
        .map_err(|e| Error::new("receive at", address, e))?;
    Ok(Endpoint { reader, writer, about: about.into(), keep: Keep::default() })
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
    if share == Share::ByDatagram && each::wants_facts(&address.options) {
        return each::listener(handle, about, each::whole, address, context);
    }
    let socket = Udp::new(handle, &address.options).map_err(|e| Error::new("receive at", address, e))?;
    let (new, accepted) = mpsc::channel(NEW_SESSIONS);
    let sessions = Sessions {
        socket,
        about: about.clone(),
        context: context.clone(),
        idle: address.options.time(OptionName::IdleTimeout).unwrap_or(SESSION_IDLE),
        share,
        known: LruCache::unbounded(),
        new,
        dropped: 0,
        told: None,
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
    let local = socket.local_addr().ok().and_then(|a| a.as_socket()).map(Name::from);
    let handle = Handle::new(socket.into()).map_err(|e| Error::new("receive at", at, e))?;
    Ok((handle.into(), About { address: what, local, ..About::default() }))
}

/// How a UDP socket is read, and written where there is somebody to send to: many datagrams at a time, or one by
/// one where each is to be told of.
fn ends(
    handle: &Arc<Handle>,
    address: &Address,
    context: &Context,
    access: Access,
    to: Option<SocketAddr>,
) -> std::io::Result<(Reader, Writer)> {
    if let Some(notes) = Notes::wanted(address, context) {
        let reader = Packets::reader(handle, each::whole, access, Some(notes));
        let writer = to.map(|to| DatagramWriter::to(handle.clone(), to.into()));
        return Ok((reader, writer.map_or(Writer::Nothing, |writer| Writer::Datagrams(writer.into()))));
    }
    let socket = Udp::new(handle.clone(), &address.options)?;
    let route = |to| Route { to, from: None };
    let writer = to.map_or(Writer::Nothing, |to| socket.writer(route(to), None));
    Ok((Reader::Datagrams(DatagramReader::udp(socket.handle, socket.offload, access).into()), writer))
}

/// A UDP socket, and what the kernel can do for it.
struct Udp {
    handle: Arc<Handle>,
    offload: Arc<Offload>,
    /// What is sent many at a time carries its class with it (ECN), and not the one that the options say.
    one_by_one: bool,
}

impl Udp {
    fn new(handle: Arc<Handle>, options: &Options) -> std::io::Result<Self> {
        let offload = Offload::new(&handle)?.into();
        let classes = [OptionName::Tos, OptionName::Tclass];
        let one_by_one = options
            .iter()
            .any(|setting| classes.contains(&setting.name) || sockopt::is_numbered(setting.name));
        Ok(Self { handle, offload, one_by_one })
    }

    fn writer(&self, route: Route, activity: Option<Activity>) -> Writer {
        let writer = match self.one_by_one {
            true => DatagramWriter::to(self.handle.clone(), route.to.into()).during(activity),
            false => DatagramWriter::udp(self.handle.clone(), self.offload.clone(), route, activity),
        };
        Writer::Datagrams(writer.into())
    }
}

/// The dispatcher of a shared socket: which datagram belongs to which session.
struct Sessions {
    socket: Udp,
    about: About,
    context: Context,
    idle: Duration,
    share: Share,
    /// The least recently used goes when there is no room for a new one.
    known: LruCache<SocketAddr, SessionSender>,
    new: mpsc::Sender<Endpoint>,
    /// Datagrams for sessions that did not keep up, not told of yet.
    dropped: u64,
    told: Option<Instant>,
}

impl Sessions {
    async fn run(mut self) {
        let mut forget = tokio::time::interval(FORGET_EVERY);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut came: Vec<(Route, Batch)> = Vec::new();
            let Udp { handle, offload, .. } = &self.socket;
            let share = self.share;
            let recv = || {
                offload.recv(handle, |route, datagram| {
                    match came.iter_mut().rev().find(|(r, _)| *r == route) {
                        Some((_, batch)) if share == Share::ByPeer => batch.push(datagram),
                        _ => {
                            let mut batch = Batch::new();
                            batch.push(datagram);
                            came.push((route, batch));
                        }
                    }
                })
            };
            let received = tokio::select! {
                received = handle.wait(Interest::READABLE, recv) => received,
                _ = forget.tick(), if !self.known.is_empty() => {
                    self.forget_the_ended();
                    continue;
                }
            };
            match received {
                Ok(()) => {}
                Err(e) if e.raw_os_error() == Some(libc::EBADF) => return,
                // What ICMP says of an answer to one peer (ECONNREFUSED) is nothing to the others.
                Err(_) => continue,
            }
            for (route, batch) in came {
                if self.dispatch(route, batch).is_err() {
                    return;
                }
            }
        }
    }

    /// A session that has ended would stay until the table is full.
    fn forget_the_ended(&mut self) {
        let ended = self.known.iter().filter(|(_, session)| session.has_ended());
        let ended: Vec<SocketAddr> = ended.map(|(peer, _)| *peer).collect();
        for peer in ended {
            self.known.pop(&peer);
        }
    }

    /// Hands messages to their session; fails when the listener is gone and nobody is left to serve.
    fn dispatch(&mut self, route: Route, mut messages: Batch) -> Result<(), ()> {
        let count = messages.len() as u64;
        if let Some(session) = self.known.get(&route.to) {
            match session.send(messages) {
                Ok(()) => return Ok(()),
                Err(NotTaken::Full) => {
                    self.tell_dropped(count, route.to);
                    return Ok(());
                }
                Err(NotTaken::Ended(back)) => {
                    self.known.pop(&route.to);
                    messages = back;
                }
            }
        }
        let activity = (self.share == Share::ByPeer).then(|| Activity::new(self.idle));
        let reader = match &activity {
            None => DatagramReader::once(messages),
            Some(activity) => {
                let (send, queue) = SessionQueue::new();
                // A new queue takes what one receive brings.
                let _ = send.send(messages);
                if self.known.len() >= SESSIONS {
                    self.known.pop_lru();
                }
                self.known.push(route.to, send);
                DatagramReader::session(queue, activity.clone())
            }
        };
        let writer = self.socket.writer(route, activity);
        let peer = SocketAddr::new(route.to.ip().to_canonical(), route.to.port());
        let endpoint = Endpoint {
            reader: Reader::Datagrams(reader.into()),
            writer,
            about: About { peer: Some(peer.into()), ..self.about.clone() }.into(),
            keep: Keep::default(),
        };
        match self.new.try_send(endpoint) {
            Ok(()) => Ok(()),
            Err(refused) => {
                // Too many at once: dropped like a SYN over the backlog.
                self.known.pop(&route.to);
                let all_gone = self.known.iter().all(|(_, session)| session.has_ended());
                if matches!(refused, mpsc::error::TrySendError::Closed(_)) && all_gone {
                    Err(())
                } else {
                    Ok(())
                }
            }
        }
    }

    fn tell_dropped(&mut self, count: u64, peer: SocketAddr) {
        self.dropped += count;
        if self.told.is_none_or(|last| last.elapsed() >= TELL_EVERY) {
            let address = &self.about.address;
            self.context.notice(format_args!(
                "{address}: {} datagrams dropped, the last from {peer}: its session does not keep up",
                self.dropped
            ));
            (self.told, self.dropped) = (Some(Instant::now()), 0);
        }
    }
}
