//! Opening: one arm for each kind of address, and what is tried again.

use std::{fmt, sync::Arc, time::Duration};

use sockeye_proto::address::{Address, Kind, OptionName, Spec};

use super::{
    About, Endpoint, Explain, Listener, arq, file, program,
    program::Line,
    shape,
    stdio::{self, Standard},
    tcp,
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
    /// Who gets told what each receive from a socket brought, if anyone.
    pub explain: Option<Explain>,
    /// The prefix of the variables that programs get: `SOCKEYE`, or `SOCAT` under that name.
    pub prefix: Option<&'static str>,
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
    pub fn facing(&self, other: &Arc<About>) -> Self {
        Self { other: Some(other.clone()), ..self.clone() }
    }

    /// `PREFIX_PEERADDR` and its siblings, as socat(1) describes them.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let prefix = self.prefix.unwrap_or("SOCKEYE");
        let mut all = vec![
            (format!("{prefix}_PID"), std::process::id().to_string()),
            (format!("{prefix}_PPID"), std::process::id().to_string()),
            (format!("{prefix}_VERSION"), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        let Some(other) = &self.other else { return all };
        for (kind, name) in [("SOCK", &other.local), ("PEER", &other.peer)] {
            let Some(name) = name else { continue };
            match name.parse::<std::net::SocketAddr>() {
                Ok(address) => {
                    let ip = address.ip();
                    let shown = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
                    all.push((format!("{prefix}_{kind}ADDR"), shown));
                    all.push((format!("{prefix}_{kind}PORT"), address.port().to_string()));
                }
                Err(_) => all.push((format!("{prefix}_{kind}ADDR"), name.clone())),
            }
        }
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
    /// The endpoint, or the first that a listener gives; the listener is closed then.
    ///
    /// # Errors
    /// As [`Listener::accept`], and when nobody comes within the listener's `accept-timeout`.
    pub async fn first(self, accept_timeout: Option<Duration>) -> Result<Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Ok(*endpoint),
            Self::Listener(mut listener) => {
                let accepted = match accept_timeout {
                    None => listener.accept().await,
                    Some(limit) => {
                        tokio::time::timeout(limit, listener.accept()).await.unwrap_or_else(|_| {
                            Err(Error::new("accept on", &listener.about().address, Reason::TimedOut(limit)))
                        })
                    }
                };
                listener.last();
                accepted
            }
        }
    }
}

/// Opens one side of a relay. The two halves of `A!!B` are opened one after the other, each one way.
///
/// # Errors
/// As [`open`].
pub async fn open_spec(spec: &Spec, direction: Direction, context: &Context) -> Result<Opened> {
    match spec {
        Spec::Single(address) => open(address, direction, context).await,
        Spec::Dual { read, write } => {
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
            };
            let (reader, writer) = (reading.reader, writing.writer);
            Ok(Opened::Endpoint(Box::new(Endpoint { reader, writer, about: about.into(), keep })))
        }
    }
}

/// Opens an address; tries again as its `retry`, `forever` and `interval` say.
///
/// # Errors
/// What was tried, on which address, why it failed, and what to do next.
pub async fn open(address: &Address, direction: Direction, context: &Context) -> Result<Opened> {
    let options = &address.options;
    let mut left = match options.flag(OptionName::Forever) {
        true => u64::MAX,
        false => options.number(OptionName::Retry).and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
    };
    let pause = options.time(OptionName::Interval).unwrap_or(Duration::from_secs(1));
    loop {
        match open_once(address, direction, context).await {
            Err(error) if left > 0 => {
                left -= 1;
                context.notice(format_args!("{error}; trying again in {pause:?}"));
                tokio::time::sleep(pause).await;
            }
            result => return result,
        }
    }
}

async fn open_once(address: &Address, direction: Direction, context: &Context) -> Result<Opened> {
    let name = || address.to_string();
    let options = &address.options;
    let endpoint = match &address.kind {
        Kind::TcpListen { family, host, port } => {
            return listener(tcp::listen(address, *family, host.as_ref(), port, context).await);
        }
        Kind::UdpListen { family, host, port } => {
            return listener(
                udp::listen(address, *family, host.as_ref(), port, Share::ByPeer, context).await,
            );
        }
        Kind::UdpRecvfrom { family, host, port } => {
            return listener(
                udp::listen(address, *family, host.as_ref(), port, Share::ByDatagram, context).await,
            );
        }
        Kind::ArqListen { host, port } => {
            return listener(arq::listen(address, host.as_ref(), port, context).await);
        }
        Kind::UnixListen(at) => return listener(unix::listen(address, at, context)),
        Kind::UnixRecvfrom(at) => return listener(unix::recvfrom(address, at, context)),
        Kind::Tcp { family, to } => tcp::connect(address, *family, to).await?,
        Kind::Udp { family, to } | Kind::UdpSendto { family, to } => {
            udp::connect(address, *family, to).await?
        }
        Kind::UdpRecv { family, host, port } => udp::recv(address, *family, host.as_ref(), port).await?,
        Kind::UdpDatagram { family, to } => udp::datagram(address, *family, to).await?,
        Kind::Arq { to } => arq::connect(address, to, context).await?,
        Kind::UnixConnect(to) => unix::connect(address, to).await?,
        Kind::UnixClient(to) => unix::client(address, to).await?,
        Kind::UnixSendto(to) => unix::sendto(address, to).await?,
        Kind::UnixRecv(at) => unix::recv(address, at)?,
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
        Kind::Exec(line) => program::start(address, Line::Words(line), direction, context)?,
        Kind::System(line) => program::start(address, Line::System(line), direction, context)?,
        Kind::Shell(line) => program::start(address, Line::Shell(line.as_deref()), direction, context)?,
        other => {
            let reason = Reason::Usage("this kind of address cannot be opened yet".into());
            return Err(Error::new("open", format!("{other:?}"), reason));
        }
    };
    Ok(Opened::Endpoint(Box::new(shape::apply(endpoint, options, context))))
}

fn listener(listener: Result<Listener>) -> Result<Opened> {
    Ok(Opened::Listener(Box::new(listener?)))
}
