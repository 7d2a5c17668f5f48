//! Datagrams one at a time: an endpoint for each (`…-RECVFROM`), and what the kernel tells of each beside its bytes,
//! where options such as `ip-recvttl` ask for it.

use std::{io, os::fd::AsFd, sync::Arc};

use rustix::net::{AddressFamily, SocketAddrAny, netdevice::index_to_name};
use sockeye_proto::address::{Address, OptionName, Options};
use tokio::{io::Interest, sync::mpsc};

use super::{
    About, Batch, BoxFuture, Context, DatagramReader, DatagramWriter, Endpoint, Handle, Keep, Listener,
    MessageRead, Name, Reader, Writer,
    access::Access,
    datagram::{LARGEST, recv_from},
    net::named,
};
use crate::{
    Result,
    event::{Event, Events},
    socket::{Ancillary, ancillary_of_next},
};

/// How many datagrams one receive takes at most before they are passed on.
const AT_ONCE: usize = 32;

/// How a datagram is read: what it holds, and from whom.
pub(super) type Receive = fn(&Handle, &mut [u8]) -> io::Result<(usize, Option<SocketAddrAny>)>;

/// As it comes.
pub(super) fn whole(handle: &Handle, room: &mut [u8]) -> io::Result<(usize, Option<SocketAddrAny>)> {
    recv_from(handle, room)
}

/// Something that came with a datagram: the kind of ancillary message, what it is called there, its value, and the
/// variable that programs get it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// `IP_TTL`
    pub kind: &'static str,
    /// `ttl`
    pub name: &'static str,
    /// `64`
    pub value: String,
    /// `IP_TTL`, without the prefix of programs' variables.
    pub variable: &'static str,
}

/// Whether the options ask for more than the bytes of datagrams.
pub(super) fn wants_facts(options: &Options) -> bool {
    [
        OptionName::Timestamp,
        OptionName::Pktinfo,
        OptionName::Recvttl,
        OptionName::Recvtos,
        OptionName::Recvopts,
        OptionName::Retopts,
        OptionName::Recvtclass,
        OptionName::Recvhoplimit,
        OptionName::Recvpktinfo,
        OptionName::Recvdstopts,
        OptionName::Recvhopopts,
        OptionName::Recvrthdr,
    ]
    .into_iter()
    .any(|name| options.flag(name))
}

/// Who is told of the facts.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    events: Events,
    address: String,
}

impl Notes {
    /// Where the options of the address ask for any.
    pub(super) fn wanted(address: &Address, context: &Context) -> Option<Self> {
        let events = context.events.clone();
        wants_facts(&address.options).then(|| Self { events, address: address.to_string() })
    }

    /// What the kernel knows of the datagram that is the next to be received.
    fn take(&self, handle: &Handle) -> Vec<Fact> {
        // Without one there is nothing to tell either.
        let facts = facts(handle, ancillary_of_next(handle.as_fd()).unwrap_or_default());
        for Fact { kind, name, value, .. } in &facts {
            let address = &self.address;
            self.events.emit(|| Event::Ancillary { address, kind, name, value });
        }
        facts
    }
}

/// An endpoint for each datagram; what is written goes to its sender, if that has a name.
pub(super) fn listener(
    handle: Arc<Handle>,
    about: About,
    receive: Receive,
    address: &Address,
    context: &Context,
) -> Result<Listener> {
    let (send, from) = mpsc::channel(16);
    let template = about.clone();
    let notes = Notes::wanted(address, context);
    let task = tokio::spawn(async move {
        loop {
            let (mut first, mut facts) = (Batch::new(), Vec::new());
            let one = || {
                if let Some(notes) = &notes {
                    facts = notes.take(&handle);
                }
                first.push_with(LARGEST, |room| receive(&handle, room))
            };
            let Ok((_, peer)) = handle.wait(Interest::READABLE, one).await else { return };
            let facts = (!facts.is_empty()).then(|| facts.into());
            let about = About { peer: peer.as_ref().and_then(named), facts, ..template.clone() };
            let writer = match peer {
                // Who has no name gets no answer.
                Some(to) if about.peer.is_some() || to.address_family() != AddressFamily::UNIX => {
                    Writer::Datagrams(DatagramWriter::to(handle.clone(), to).into())
                }
                _ => Writer::Nothing,
            };
            let reader = Reader::Datagrams(DatagramReader::once(first).into());
            let endpoint = Endpoint { reader, writer, about: about.into(), keep: Keep::default() };
            if send.send(endpoint).await.is_err() {
                return;
            }
        }
    });
    Listener::sessions(from, task, about, address, context)
}

/// Reads datagrams of the peers that are allowed, and tells of each what was asked for.
pub(super) struct Packets {
    handle: Arc<Handle>,
    receive: Receive,
    access: Access,
    notes: Option<Notes>,
}

impl Packets {
    pub(super) fn reader(
        handle: &Arc<Handle>,
        receive: Receive,
        access: Access,
        notes: Option<Notes>,
    ) -> Reader {
        Reader::Messages(Box::new(Self { handle: handle.clone(), receive, access, notes }))
    }
}

impl MessageRead for Packets {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            let Self { handle, receive, access, notes } = self;
            let many = || {
                for _ in 0..AT_ONCE {
                    if let Some(notes) = notes {
                        notes.take(handle);
                    }
                    match batch.push_with(LARGEST, |room| receive(handle, room)) {
                        Ok((_, sender)) => {
                            let peer = sender.as_ref().and_then(named);
                            if !access.admits(peer.as_ref().and_then(Name::ip)) {
                                batch.pop();
                            }
                        }
                        Err(_) if !batch.is_empty() => break,
                        Err(e) => return Err(e),
                    }
                }
                if batch.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            };
            handle.wait(Interest::READABLE, many).await.map(|()| true)
        })
    }

    fn ends(&self) -> bool {
        false
    }
}

/// As socat writes data.
fn hex(data: &[u8]) -> String {
    data.iter().fold("x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn facts(handle: &Handle, messages: Vec<Ancillary>) -> Vec<Fact> {
    let fact = |kind, name, value: String, variable| Fact { kind, name, value, variable };
    let v6 = socket2::SockRef::from(handle).domain().is_ok_and(|domain| domain == socket2::Domain::IPV6);
    let interface = |index: u32| index_to_name(handle, index).unwrap_or_else(|_| index.to_string());
    let mut all = Vec::new();
    for message in messages {
        match message {
            Ancillary::Timestamp(time) => {
                if let Ok(time) = jiff::Timestamp::try_from(time) {
                    let shown = time.to_zoned(jiff::tz::TimeZone::system());
                    let micros = time.as_microsecond().rem_euclid(1_000_000);
                    let shown = format!("{}, {micros:06} usecs", shown.strftime("%a %b %e %H:%M:%S %Y"));
                    all.push(fact("SCM_TIMESTAMP", "timestamp", shown, "TIMESTAMP"));
                }
            }
            Ancillary::HopLimit(hops) if v6 => {
                all.push(fact("IPV6_HOPLIMIT", "hoplimit", hops.to_string(), "IPV6_HOPLIMIT"));
            }
            Ancillary::HopLimit(hops) => all.push(fact("IP_TTL", "ttl", hops.to_string(), "IP_TTL")),
            Ancillary::TrafficClass(class) if v6 => {
                all.push(fact("IPV6_TCLASS", "tclass", format!("x{class:08x}"), "IPV6_TCLASS"));
            }
            Ancillary::TrafficClass(class) => all.push(fact("IP_TOS", "tos", class.to_string(), "IP_TOS")),
            Ancillary::PacketInfo { interface: index, destination: std::net::IpAddr::V6(to), .. } => {
                let words = to.segments().map(|word| format!("{word:04x}")).join(":");
                all.push(fact("IPV6_PKTINFO", "dstaddr", format!("[{words}]"), "IPV6_DSTADDR"));
                all.push(fact("IPV6_PKTINFO", "if", interface(index), "IPV6_IF"));
            }
            Ancillary::PacketInfo { interface: index, destination, local } => {
                all.push(fact("IP_PKTINFO", "if", interface(index), "IP_IF"));
                all.push(fact("IP_PKTINFO", "locaddr", local.to_string(), "IP_LOCADDR"));
                all.push(fact("IP_PKTINFO", "dstaddr", destination.to_string(), "IP_DSTADDR"));
            }
            Ancillary::Other {
                level: libc::IPPROTO_IP,
                kind: libc::IP_RECVOPTS | libc::IP_RETOPTS,
                data,
            } => {
                all.push(fact("IP_OPTIONS", "options", hex(&data), "IP_OPTIONS"));
            }
            Ancillary::Other { level: libc::IPPROTO_IPV6, kind, data } => {
                let named = match kind {
                    libc::IPV6_DSTOPTS => Some(("IPV6_DSTOPTS", "dstopts")),
                    libc::IPV6_HOPOPTS => Some(("IPV6_HOPOPTS", "hopopts")),
                    libc::IPV6_RTHDR => Some(("IPV6_RTHDR", "rthdr")),
                    _ => None,
                };
                all.extend(named.map(|(kind, name)| fact(kind, name, hex(&data), kind)));
            }
            _ => {}
        }
    }
    all
}
