//! Opening: one arm for each kind of address, and what is tried again.

use std::{fmt, sync::Arc, time::Duration};

use sockeye_proto::address::{Address, Family, Kind, OptionName, Options, SocketUse, Spec, Value};

use super::{
    About, Endpoint, Explain, Listener, Reader, Unlink, Watch, arq,
    begin::begin,
    file, generic, in_place, process, program,
    program::Line,
    proxied, pty, raw, shape,
    stdio::{self, Standard},
    support, tcp, tls, tun,
    udp::{self, Share},
    unix,
};
use crate::{Error, Result, error::Reason, event::Events};

/// Told what is worth a line but is no failure.
pub type Tell = Arc<dyn Fn(fmt::Arguments<'_>) + Send + Sync>;

/// What opening an address needs to know of its surroundings.
#[derive(Clone, Default)]
pub struct Context {
    /// Where events go.
    pub events: Events,
    /// Who gets told what is worth a line but is no failure.
    pub tell: Option<Tell>,
    /// The endpoint on the other side: programs learn of it from their environment.
    pub other: Option<Arc<About>>,
    /// Whether the other side has said something that is to be passed on at once.
    pub spoken: bool,
    /// Who gets told what each receive from a socket brought, if anyone.
    pub explain: Option<Explain>,
    /// Who gets told how the windows of arq connections slide, if anyone.
    pub window: Option<Watch>,
    /// The prefix of the variables that programs get: `SOCKEYE`, or `SOCAT` under that name.
    pub prefix: Option<Arc<str>>,
}

impl Context {
    /// Tells whoever listens.
    pub fn notice(&self, text: fmt::Arguments<'_>) {
        if let Some(tell) = &self.tell {
            tell(text);
        }
    }

    /// The same context on behalf of this other side.
    #[must_use]
    pub fn facing(&self, other: &Endpoint) -> Self {
        let spoken = matches!(&other.reader, Reader::Stream(from) if from.has_data());
        Self { other: Some(other.about.clone()), spoken, ..self.clone() }
    }

    /// `PREFIX_PEERADDR` and its siblings, as socat(1) describes them.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let prefix = self.prefix.as_deref().unwrap_or("SOCKEYE");
        let mut all = vec![
            (format!("{prefix}_PID"), std::process::id().to_string()),
            (format!("{prefix}_PPID"), std::process::id().to_string()),
            (format!("{prefix}_VERSION"), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let Some(other) = &self.other else { return all };
        for (kind, name) in [("SOCK", &other.local), ("PEER", &other.peer)] {
            let Some(name) = name else { continue };
            match name.ip() {
                Some(address) => {
                    let ip = address.ip();
                    let shown = match ip {
                        // In full, as scripts of socat's know it.
                        std::net::IpAddr::V6(ip) if self.prefix.is_some() => {
                            let words = ip.segments().map(|word| format!("{word:04x}"));
                            format!("[{}]", words.join(":"))
                        }
                        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                        std::net::IpAddr::V4(ip) => ip.to_string(),
                    };
                    all.push((format!("{prefix}_{kind}ADDR"), shown));
                    // Raw packets have none.
                    if address.port() != 0 {
                        all.push((format!("{prefix}_{kind}PORT"), address.port().to_string()));
                    }
                }
                None => all.push((format!("{prefix}_{kind}ADDR"), name.to_string())),
            }
        }
        let facts = other.facts.iter().flatten();
        all.extend(facts.map(|fact| (format!("{prefix}_{}", fact.variable), fact.value.clone())));
        all
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("events", &self.events)
            .field("other", &self.other)
            .finish_non_exhaustive()
    }
}

/// Which way data will go through an endpoint; files and programs are opened accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// It is read and written.
    #[default]
    Both,
    /// It is only read.
    Read,
    /// It is only written.
    Write,
}

/// An address that was opened.
#[derive(Debug)]
pub enum Opened {
    /// Ready to be joined to another.
    Endpoint(Box<Endpoint>),
    /// Gives an endpoint for each peer.
    Listener(Box<Listener>),
}

impl Opened {
    /// Lock files that go when this closes.
    fn hold(&mut self, locks: Vec<Unlink>) {
        match self {
            Self::Endpoint(endpoint) => endpoint.keep.rare().locks.extend(locks),
            Self::Listener(listener) => listener.hold(locks),
        }
    }

    /// The endpoint, or the first that a listener gives; the listener is closed then.
    ///
    /// # Errors
    /// As [`Listener::accept`], and when nobody comes within the listener's `accept-timeout`.
    pub async fn first(self, accept_timeout: Option<Duration>) -> Result<Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Ok(*endpoint),
            Self::Listener(listener) => Box::pin(first_of(*listener, accept_timeout)).await,
        }
    }
}

async fn first_of(mut listener: Listener, accept_timeout: Option<Duration>) -> Result<Endpoint> {
    let accepted = match accept_timeout {
        None => listener.accept().await,
        Some(limit) => tokio::time::timeout(limit, listener.accept()).await.unwrap_or_else(|_| {
            Err(Error::new("accept on", &listener.about().address, Reason::TimedOut(limit)))
        }),
    };
    listener.last();
    accepted
}

/// Opens one side of a relay. The two halves of `A!!B` are opened one after the other, each one way.
///
/// # Errors
/// As [`open`].
pub async fn open_spec(spec: &Spec, direction: Direction, context: &Context) -> Result<Opened> {
    match spec {
        Spec::Single(address) => open(address, direction, context).await,
        Spec::Dual { read, write } => Box::pin(open_both(read, write, context)).await,
    }
}

async fn open_both(read: &Address, write: &Address, context: &Context) -> Result<Opened> {
    let first = |a: &Address| a.options.time(OptionName::AcceptTimeout);
    let reading = open(read, Direction::Read, context).await?.first(first(read)).await?;
    let writing = open(write, Direction::Write, context).await?.first(first(write)).await?;
    // Each half keeps what it lives with; programs of both are rare enough to keep the reading one's.
    let mut keep = reading.keep;
    keep.program = keep.program.or(writing.keep.program);
    keep.unlink = keep.unlink.or(writing.keep.unlink);
    let about = About {
        address: format!("{}!!{}", reading.about.address, writing.about.address),
        local: writing.about.local.clone(),
        peer: writing.about.peer.clone(),
        descriptors: reading.about.descriptors.zip(writing.about.descriptors).map(|(r, w)| [r[0], w[1]]),
        facts: None,
    };
    let (reader, writer) = (reading.reader, writing.writer);
    Ok(Opened::Endpoint(Box::new(Endpoint { reader, writer, about: about.into(), keep })))
}

/// Opens an address; tries again as its `retry`, `forever`, `interval`, `backoff` and `jitter` say.
///
/// # Errors
/// What was tried, on which address, why it failed, and what to do next; options that the kind of address does
/// not support are wrong usage.
pub async fn open(address: &Address, direction: Direction, context: &Context) -> Result<Opened> {
    support::check(address)?;
    let locks = process::locks(&address.options).await?;
    let opened = match open_once(address, direction, context).await {
        Err(error) => Box::pin(open_again(address, direction, context, error)).await,
        opened => opened,
    };
    let mut opened = opened?;
    if !locks.is_empty() {
        opened.hold(locks);
    }
    Ok(opened)
}

/// After an attempt that failed.
async fn open_again(
    address: &Address,
    direction: Direction,
    context: &Context,
    mut error: Error,
) -> Result<Opened> {
    let mut patience = Patience::of(&address.options);
    while let Some(pause) = patience.pause() {
        context.notice(format_args!("{error}; trying again in {pause:.3?}"));
        tokio::time::sleep(pause).await;
        match open_once(address, direction, context).await {
            Ok(opened) => return Ok(opened),
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

/// How often opening is tried again, and how long the pauses are.
#[derive(Debug)]
pub(crate) struct Patience {
    left: u64,
    pause: Duration,
    factor: u32,
    longest: Duration,
    jitter: f64,
}

/// The longest pause where `backoff-max` says nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Patience {
    pub(crate) fn of(options: &Options) -> Self {
        let number = |name| options.number(name);
        let pause = options.time(OptionName::Interval).unwrap_or(Duration::from_secs(1));
        Self {
            left: match options.flag(OptionName::Forever) {
                true => u64::MAX,
                false => number(OptionName::Retry).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            },
            pause,
            factor: number(OptionName::Backoff).and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            longest: options.time(OptionName::BackoffMax).unwrap_or_else(|| LONGEST_PAUSE.max(pause)),
            jitter: number(OptionName::Jitter).map_or(0.0, |percent| percent as f64 / 100.0),
        }
    }

    /// How long to wait before the next attempt, if there is to be one.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.pause.min(self.longest);
        self.pause = pause.saturating_mul(self.factor);
        Some(pause.mul_f64(1.0 + self.jitter * (2.0 * chance() - 1.0)))
    }
}

/// A number from 0 to 1 that nobody can foresee: the standard library seeds each hasher at random.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64
}

/// `pf=`: the family, where the keyword leaves it open.
fn narrowed(address: &Address) -> Option<Box<Address>> {
    let wanted = match address.options.text(OptionName::ProtocolFamily)? {
        "ip4" | "ipv4" | "inet" | "inet4" | "2" => Family::V4,
        "ip6" | "ipv6" | "inet6" | "10" => Family::V6,
        _ => return None,
    };
    let mut narrowed = address.clone();
    narrowed.kind.set_family(wanted);
    Some(narrowed.into())
}

async fn open_once(address: &Address, direction: Direction, context: &Context) -> Result<Opened> {
    let narrowed = narrowed(address);
    let address = narrowed.as_deref().unwrap_or(address);
    let elsewhere = process::early(address)?;
    let opened = open_kind(address, direction, context).await?;
    drop(elsewhere);
    process::late(address)?;
    Ok(opened)
}

async fn open_kind(address: &Address, direction: Direction, context: &Context) -> Result<Opened> {
    let options = &address.options;
    let mut endpoint = match &address.kind {
        // What a relay opens for each of its clients, without the room that other kinds need for it.
        Kind::Tcp { family, to } => tcp::connect(address, *family, to, context).await?,
        _ => {
            if let Some(listener) = Box::pin(open_listener(address, context)).await? {
                return Ok(Opened::Listener(Box::new(listener)));
            }
            Box::pin(open_endpoint(address, direction, context)).await?
        }
    };
    endpoint.note_descriptors();
    let endpoint = begin(endpoint, &address.kind, options, context).await?;
    Ok(Opened::Endpoint(Box::new(shape::apply(endpoint, options, context))))
}

/// The kinds that give an endpoint for each peer.
async fn open_listener(address: &Address, context: &Context) -> Result<Option<Listener>> {
    Ok(Some(match &address.kind {
        Kind::TcpListen { family, host, port } => {
            tcp::listen(address, *family, host.as_ref(), port, context).await?
        }
        Kind::SctpListen { family, host, port } => {
            tcp::listen(&sctp(address), *family, host.as_ref(), port, context).await?
        }
        Kind::UdpListen { family, host, port } => {
            udp::listen(address, *family, host.as_ref(), port, Share::ByPeer, context).await?
        }
        Kind::UdpRecvfrom { family, host, port } => {
            udp::listen(address, *family, host.as_ref(), port, Share::ByDatagram, context).await?
        }
        Kind::ArqListen { host, port } => arq::listen(address, host.as_ref(), port, context).await?,
        Kind::TlsListen { host, port } => tls::listen(address, host.as_ref(), port, context).await?,
        Kind::IpRecvfrom { family, protocol } => raw::recvfrom(address, *family, protocol, context).await?,
        Kind::UnixListen(at) => unix::listen(address, at, context)?,
        Kind::UnixRecvfrom(at) => unix::recvfrom(address, at, context)?,
        Kind::Socket(socket) if matches!(socket.does, SocketUse::Listen | SocketUse::Recvfrom) => {
            generic::listen(address, socket, context)?
        }
        Kind::VsockListen(port) => generic::vsock_listen(address, *port, context)?,
        _ => return Ok(None),
    }))
}

/// The address with the protocol number of SCTP, whose one-to-one sockets are used as TCP's are.
fn sctp(address: &Address) -> Address {
    let mut address = address.clone();
    address.options.push(OptionName::Socketprotocol, Value::Number(i64::from(libc::IPPROTO_SCTP)));
    address
}

async fn started(
    address: &Address,
    line: Line<'_>,
    direction: Direction,
    context: &Context,
) -> Result<Endpoint> {
    match address.options.flag(OptionName::Nofork) {
        true => in_place::run(address, line, direction, context).await,
        false => program::start(address, line, direction, context),
    }
}

/// The kinds that are one endpoint.
async fn open_endpoint(address: &Address, direction: Direction, context: &Context) -> Result<Endpoint> {
    let name = || address.to_string();
    Ok(match &address.kind {
        Kind::Udp { family, to } | Kind::UdpSendto { family, to } => {
            udp::connect(address, *family, to, context).await?
        }
        Kind::UdpRecv { family, host, port } => {
            udp::recv(address, *family, host.as_ref(), port, context).await?
        }
        Kind::UdpDatagram { family, to } => udp::datagram(address, *family, to, context).await?,
        Kind::Arq { to } => arq::connect(address, to, context).await?,
        Kind::Tls { to } => tls::connect(address, to).await?,
        Kind::Proxy { via, to }
        | Kind::Socks4 { via, to }
        | Kind::Socks4a { via, to }
        | Kind::Socks5 { via, to } => proxied::connect(address, via, to).await?,
        Kind::IpSendto { family, host, protocol } => {
            raw::sendto(address, *family, host, protocol, context).await?
        }
        Kind::IpDatagram { family, host, protocol } => {
            raw::datagram(address, *family, host, protocol, context).await?
        }
        Kind::IpRecv { family, protocol } => raw::recv(address, *family, protocol, context).await?,
        Kind::Pty => pty::open(address, context).await?,
        Kind::UnixConnect(to) => unix::connect(address, to).await?,
        Kind::UnixClient(to) => unix::client(address, to).await?,
        Kind::UnixSendto(to) => unix::sendto(address, to).await?,
        Kind::UnixRecv(at) => unix::recv(address, at)?,
        Kind::Socket(socket) => generic::open(address, socket).await?,
        Kind::VsockConnect(to) => generic::vsock_connect(address, *to).await?,
        Kind::Tun(own) => tun::open(address, *own)?,
        Kind::Sctp { family, to } => tcp::connect(&sctp(address), *family, to, context).await?,
        Kind::Interface(name) => generic::interface(address, name)?,
        Kind::Socketpair => unix::socketpair(address)?,
        Kind::Stdio => stdio::open(Standard::Both, name())?,
        Kind::Stdin => stdio::open(Standard::Input, name())?,
        Kind::Stdout => stdio::open(Standard::Output, name())?,
        Kind::Stderr => stdio::open(Standard::Error, name())?,
        Kind::Fd(number) => stdio::descriptor(*number, name())?,
        Kind::Open(path) => file::open(address, path, direction).await?,
        Kind::Create(path) => file::create(address, path).await?,
        Kind::Gopen(path) => file::gopen(address, path, direction).await?,
        Kind::Pipe(Some(path)) => file::fifo(address, path, direction).await?,
        Kind::Pipe(None) => file::pipe(address)?,
        Kind::Exec(line) => started(address, Line::Words(line), direction, context).await?,
        Kind::System(line) => started(address, Line::System(line), direction, context).await?,
        Kind::Shell(line) => started(address, Line::Shell(line.as_deref()), direction, context).await?,
        other => {
            let reason = Reason::Usage("this kind of address cannot be opened yet".into());
            return Err(Error::new("open", format!("{other:?}"), reason));
        }
    })
}
