//! `ARQ`, `ARQ-LISTEN`: messages over UDP, whole and (as their mode says) in order.
//!
//! What is written goes as messages of one lane; what comes, of whatever lane, is read in the order of its
//! arrival. The end of the data is a message of its own, so each direction ends by itself.

mod window;

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use socket2::Type;
use sockeye_proto::{
    address::{Address, Family, Host, HostPort, OptionName, Options, Port, Value},
    arq::{Algorithm, Channel, Config, Integrity, Lane, Mode, STREAM},
};
use tokio::sync::mpsc;

use super::{
    About, Batch, BoxFuture, Context, Endpoint, Keep, Listener, MessageRead, MessageWrite, Reader, Writer,
    net,
};
use crate::{
    Error, Result,
    arq::{Connection, Endpoint as Arq},
    error::Reason,
};

use window::Watched;
pub use window::{Watch, Window};

/// Accepted connections that wait for the listener's user.
const WAITING: usize = 1024;

/// Bytes in one batch of messages, more or less.
const MAX_BATCH: usize = 1 << 20;

/// The machine's settings, as the options of an address say.
fn config(options: &Options, what: &str) -> Result<Config> {
    let mut config = Config::default();
    let number = |name| options.number(name).and_then(|n| u32::try_from(n).ok());
    if let Some(idle) = options.time(OptionName::Idle) {
        config.idle = idle;
        config.keep_alive = Some(idle / 3);
    } else {
        config.keep_alive = Some(config.idle / 3);
    }
    if let Some(limit) = options.time(OptionName::ConnectTimeout) {
        config.handshake_timeout = limit;
    }
    config.window = number(OptionName::Window);
    if let Some(channels) = number(OptionName::Channels) {
        config.channels = u8::try_from(channels).unwrap_or(u8::MAX);
    }
    if let Some(mtu) = number(OptionName::ArqMtu) {
        config.max_datagram = u16::try_from(mtu).unwrap_or(u16::MAX);
    }
    if options.text(OptionName::ArqCongestion) == Some(Algorithm::Bbr.name()) {
        config.congestion = Algorithm::Bbr;
    }
    let off = |name| options.last(name) == Some(&Value::Flag(false));
    config.retransmit = !off(OptionName::Retransmit);
    config.integrity = match (options.text(OptionName::Integrity), options.text(OptionName::Key)) {
        (None | Some("aead"), Some(key)) => Integrity::Aead(Box::new(self::key(key, what)?)),
        (Some("aead"), None) => {
            let reason = Reason::Usage("integrity=aead needs key=".into());
            return Err(Error::new("open", what, reason).hint("make one with: openssl rand -hex 32"));
        }
        (Some("off"), _) => Integrity::Off,
        _ if off(OptionName::Checksum) => Integrity::Off,
        _ => Integrity::Crc32c,
    };
    Ok(config)
}

fn key(digits: &str, what: &str) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    let pairs = digits.as_bytes().as_chunks::<2>().0;
    let parsed = digits.len() == 64
        && key.iter_mut().zip(pairs).all(|(byte, pair)| {
            let value = std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
            value.map(|v| *byte = v).is_some()
        });
    parsed.then_some(key).ok_or_else(|| {
        let reason = Reason::Usage("the key must have 64 hexadecimal digits".into());
        Error::new("open", what, reason).hint("make one with: openssl rand -hex 32")
    })
}

fn lane(options: &Options) -> Lane {
    let name = options.text(OptionName::ArqMode).unwrap_or_default();
    let mode = Mode::ALL.into_iter().find(|m| m.name() == name).unwrap_or_default();
    Lane { channel: Channel(0), mode }
}

/// `ARQ:host:port`: the addresses of the name in turn.
pub(super) async fn connect(address: &Address, to: &HostPort, context: &Context) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let config = config(options, &what)?;
    let mut failures = Vec::new();
    for peer in net::resolve(to, Family::Any).await? {
        let any = if peer.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
        let at = net::source(options, peer).await?.unwrap_or(any);
        let socket = net::bound(options, at, Type::DGRAM, &what)?;
        match Arq::with_socket(socket.into(), config.clone(), false)?.connect(peer).await {
            Ok(connection) => return Ok(endpoint(connection, what, options, context)),
            Err(error) => failures.push(error),
        }
    }
    match failures.pop() {
        Some(only) if failures.is_empty() => Err(only),
        Some(last) => {
            failures.push(last);
            Err(Error::new("connect to", what, Reason::Each(failures)))
        }
        None => Err(Error::new("connect to", what, Reason::Unresolved("the name has no address".into()))),
    }
}

/// `ARQ-LISTEN:[host:]port`: one socket for all connections.
pub(super) async fn listen(
    address: &Address,
    host: Option<&Host>,
    port: &Port,
    context: &Context,
) -> Result<Listener> {
    let (what, options) = (address.to_string(), &address.options);
    let config = config(options, &what)?;
    let at = net::listening(options, Family::Any, host, port).await?;
    let socket = net::bound(options, at, Type::DGRAM, &what)?;
    let arq = Arq::with_socket(socket.into(), config, true)?;
    let about = About { address: what.clone(), local: Some(arq.local_address().into()), ..About::default() };
    let (new, accepted) = mpsc::channel(WAITING);
    let (options, inner) = (options.clone(), context.clone());
    let task = tokio::spawn(async move {
        while let Ok(connection) = arq.accept().await {
            if new.send(endpoint(connection, what.clone(), &options, &inner)).await.is_err() {
                return;
            }
        }
    });
    Listener::sessions(accepted, task, about, address, context)
}

fn endpoint(connection: Connection, address: String, options: &Options, context: &Context) -> Endpoint {
    let lane = lane(options);
    let peer = connection.peer().map(Into::into);
    let about = About { address, local: Some(connection.local_address().into()), peer, ..About::default() };
    let watched = Watched::begin(connection, about.clone(), options.text(OptionName::WindowSvg), context);
    let both = Arc::new(Both { watched, ended: AtomicBool::new(false) });
    Endpoint {
        reader: Reader::Messages(Box::new(Incoming { both: Arc::clone(&both), ended: false })),
        writer: Writer::Messages(Box::new(Outgoing { both, lane })),
        about: about.into(),
        keep: Keep::default(),
    }
}

/// What reader and writer share. The connection ends when both are gone: as done where its end was passed on.
struct Both {
    watched: Arc<Watched>,
    ended: AtomicBool,
}

impl Drop for Both {
    fn drop(&mut self) {
        if self.ended.load(Ordering::Relaxed) {
            self.watched.connection.close(0, "done");
        }
    }
}

struct Incoming {
    both: Arc<Both>,
    /// The peer's end was seen.
    ended: bool,
}

struct Outgoing {
    both: Arc<Both>,
    lane: Lane,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("lane", &self.lane).finish_non_exhaustive()
    }
}

/// The library's error, as one of the kind that streams fail with.
fn as_io(error: Error) -> io::Error {
    let kind = match error.reason() {
        Reason::TimedOut(_) => io::ErrorKind::TimedOut,
        Reason::Protocol(_) => io::ErrorKind::InvalidData,
        Reason::Usage(_) => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, error.to_string())
}

impl MessageRead for Incoming {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            if self.ended {
                return Ok(false);
            }
            let connection = &self.both.watched.connection;
            let mut next = connection.recv().await.map_err(as_io)?;
            self.ended = next.is_none();
            while let Some(message) = next {
                self.ended = message.end;
                if !message.end || !message.data.is_empty() {
                    batch.push(&message.data);
                }
                // A batch is what has arrived, within bounds.
                let more = !self.ended && batch.bytes().len() < MAX_BATCH;
                next = if more { connection.try_recv() } else { None };
            }
            Ok(!batch.is_empty())
        })
    }
}

impl MessageWrite for Outgoing {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            for message in batch.iter() {
                let data = Bytes::copy_from_slice(message);
                self.both.watched.connection.send(self.lane, data, false, None).await.map_err(as_io)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let connection = &self.both.watched.connection;
            // The end overtakes nothing: what other lanes carry has arrived before it goes.
            if self.lane != STREAM {
                connection.flush().await.map_err(as_io)?;
            }
            if !self.both.ended.swap(true, Ordering::Relaxed) {
                connection.send(STREAM, Bytes::new(), true, None).await.map_err(as_io)?;
            }
            connection.flush().await.map_err(as_io)
        })
    }
}
