//! From an [`Address`](sockeye_proto::address::Address) to something open: one way to read, one way to write, whatever it is.
//!
//! [`open`] gives either an [`Endpoint`], ready to be joined to another by the relay, or a [`Listener`],
//! which gives an endpoint for each peer that comes. One file for each kind of address; what they
//! share (names, sockets, options) is in `net`.

mod accept;
mod access;
mod arq;
mod begin;
pub mod clients;
mod datagram;
mod descriptor;
mod each;
mod file;
mod framed;
mod generic;
mod handle;
mod in_place;
mod message;
mod name;
mod namespace;
mod net;
mod offload;
mod open;
mod process;
mod program;
mod proxied;
mod proxy_protocol;
mod pty;
mod raw;
pub(crate) mod room;
mod shape;
mod sockopt;
mod stdio;
mod support;
mod tcp;
mod terminal;
mod tls;
mod tun;
mod udp;
mod unix;

use std::{
    fmt, io,
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::Duration,
};

use rustix::event::PollFlags;
use tokio::io::{AsyncRead, AsyncWrite};

pub use accept::{Listener, Shortage};
pub use access::Access;
pub use arq::{Watch, Window};
pub use datagram::{DatagramReader, DatagramWriter};
pub use each::Fact;
pub use framed::{Explain, lines};
pub use handle::{Handle, Nature};
pub use message::{Batch, BoxFuture, MessageRead, MessageWrite};
pub use name::Name;
pub use open::{Context, Direction, Opened, Tell, open, open_spec};
pub use process::lock;
pub use program::{Program, passes_on};
pub use shape::{Stream, without_end};
pub use stdio::standard;

pub(crate) use handle::{After, Filled, uninterrupted};
pub(crate) use pty::ends_by_character;

/// Something open to read from and write to.
#[derive(Debug)]
pub struct Endpoint {
    /// Where data comes from.
    pub reader: Reader,
    /// Where data goes.
    pub writer: Writer,
    /// What it is called.
    pub about: Arc<About>,
    /// What lives as long as the endpoint: a program, a path to be removed.
    pub keep: Keep,
}

/// What is known of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The address as it was given.
    pub address: String,
    /// The local name, where there is one: `127.0.0.1:40000`, `/run/x.sock`.
    pub local: Option<Name>,
    /// The peer's name, where there is one.
    pub peer: Option<Name>,
    /// The numbers of the descriptors that are read and written, where bytes move on descriptors.
    pub descriptors: Option<[i32; 2]>,
    /// What came with the datagram that it was opened for, where that was asked for.
    pub facts: Option<Box<[Fact]>>,
}

impl About {
    /// The peer where there is one, otherwise the address as given.
    pub fn name(&self) -> &str {
        self.peer.as_deref().unwrap_or(&self.address)
    }
}

/// What lives as long as an endpoint.
#[derive(Debug, Default)]
pub struct Keep {
    /// The program at the other end.
    pub program: Option<Box<Program>>,
    /// A path that is removed when the endpoint closes.
    pub unlink: Option<Unlink>,
    /// What few endpoints have.
    pub(crate) rare: Option<Box<Rare>>,
    /// A place in a listener's count of clients.
    pub(crate) place: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// What few endpoints have, apart from the rest: thousands of connections do without.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// Lock files, and other paths that go with the endpoint.
    pub(crate) locks: Vec<Unlink>,
    /// Terminals whose settings are put back.
    pub(crate) terminals: Vec<terminal::Changed>,
    /// What the address itself says of ends and deadlines.
    pub(crate) terms: Terms,
}

/// What an address says of the relay that it is part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// `idle-timeout`
    pub(crate) idle: Option<Duration>,
    /// `total-timeout`
    pub(crate) total: Option<Duration>,
    /// `half-close=close`: when the other side ends, so does this one.
    pub(crate) ends_with_other: bool,
    /// `cool-write`: that nobody reads any more what is written here is no failure.
    pub(crate) cool_write: bool,
}

impl Keep {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn terms(&self) -> Terms {
        self.rare.as_ref().map(|rare| rare.terms).unwrap_or_default()
    }
}

/// A path that is removed when this is dropped.
#[derive(Debug)]
pub struct Unlink(pub(crate) std::path::PathBuf);

impl Drop for Unlink {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing left to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where data comes from.
pub enum Reader {
    /// A stream of bytes on a descriptor.
    Stream(Arc<Handle>),
    /// Datagrams or sequenced packets on a socket.
    Datagrams(Box<DatagramReader>),
    /// A stream of bytes that is computed: TLS, say.
    Bytes(Box<dyn AsyncRead + Send + Sync + Unpin>),
    /// Messages that are computed: framed streams, say.
    Messages(Box<dyn MessageRead>),
    /// Nothing comes: the address can only be written to.
    Nothing,
}

/// Where data goes.
pub enum Writer {
    /// A stream of bytes on a descriptor, and how its end is passed on.
    Stream(Arc<Handle>, Finish),
    /// Datagrams or sequenced packets on a socket.
    Datagrams(Box<DatagramWriter>),
    /// A stream of bytes that is computed: TLS, say.
    Bytes(Box<dyn AsyncWrite + Send + Sync + Unpin>),
    /// Messages that are computed: framed streams, say.
    Messages(Box<dyn MessageWrite>),
    /// Nothing can go: the address can only be read from.
    Nothing,
}

/// How the end of the data is passed on to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// shutdown(2) of the sending side: the socket's other direction goes on.
    Shutdown,
    /// close(2): a pipe's reader learns it that way.
    Close,
    /// As `Close`, for the process's own standard output, of which the process has another copy.
    CloseStandardOutput,
    /// The end character, for whoever reads a terminal by lines.
    EndOfTerminal,
    /// Not at all.
    Nothing,
}

/// How long a program may take to end after its input did, and a peer to take in what it was sent.
const GRACE: Duration = Duration::from_secs(2);

/// How much of a peer's input is thrown away so that it gets to read our last words.
const DRAIN: u64 = 64 << 20;

/// What one receive from a stream takes where every receive counts as a message.
const RECEIVE: usize = 16 * 1024;

impl Endpoint {
    /// Notes the numbers of its descriptors, unless whoever opened it knows better.
    pub(crate) fn note_descriptors(&mut self) {
        if self.about.descriptors.is_some() {
            return;
        }
        let number = |handle: &Handle| handle.as_fd().as_raw_fd();
        let reads = match &self.reader {
            Reader::Stream(from) => Some(number(from)),
            Reader::Datagrams(from) => from.handle().map(|handle| number(handle)),
            _ => None,
        };
        let writes = match &self.writer {
            Writer::Stream(to, _) => Some(number(to)),
            Writer::Datagrams(to) => Some(number(to.handle())),
            _ => None,
        };
        if let Some(either) = reads.or(writes) {
            // A copy only where others hold it too: an endpoint that was just opened is alone with it.
            Arc::make_mut(&mut self.about).descriptors =
                Some([reads.unwrap_or(either), writes.unwrap_or(either)]);
        }
    }

    /// Whether it is one connected stream socket and nothing else.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.writer, Writer::Stream(_, Finish::Shutdown)) && self.keep.program.is_none()
    }

    /// Closes without cutting off what was written: a socket with unread input would answer close(2) with a
    /// reset, which throws away what the peer has not read yet. So the end is passed on first, and for a
    /// bounded time and amount what still arrives is thrown away. A program gets a moment to end by itself.
    pub async fn close(mut self) {
        if let Some(mut program) = self.keep.program.take() {
            if let Writer::Stream(terminal, Finish::EndOfTerminal) = &self.writer
                && terminal.polls(PollFlags::empty()).is_err()
            {
                // It still uses the terminal, which hangs up now: it should end before its reads fail.
                program.hang_up();
            }
            // Its input ends when our ends close; only then is there anything to wait for.
            drop((self.reader, self.writer));
            program.end_and_tell(Some(GRACE)).await;
            return;
        }
        let drained = self.drain();
        // Whatever goes wrong with a connection that is being closed, closing it is all that is left.
        let _ = tokio::time::timeout(GRACE, drained).await;
    }

    async fn drain(&mut self) -> io::Result<()> {
        if matches!(self.writer, Writer::Bytes(_) | Writer::Messages(_)) {
            self.writer.finish().await?;
            return match &mut self.reader {
                Reader::Messages(from) if from.is_connection() => drain_messages(from.as_mut()).await,
                _ => Ok(()),
            };
        }
        let Reader::Stream(from) = &self.reader else { return Ok(()) };
        if from.nature() != Nature::Stream || !matches!(self.writer, Writer::Stream(_, Finish::Shutdown)) {
            return Ok(());
        }
        let from = from.clone();
        self.writer.finish().await?;
        let mut left = DRAIN;
        while left > 0 {
            let (buffer, length) = room::read(&from, RECEIVE).await?;
            room::give_back(buffer);
            if length == 0 {
                break;
            }
            left = left.saturating_sub(length as u64);
        }
        Ok(())
    }
}

async fn drain_messages(from: &mut dyn MessageRead) -> io::Result<()> {
    let (mut batch, mut left) = (Batch::new(), DRAIN);
    while left > 0 && from.recv(&mut batch).await? {
        left = left.saturating_sub(batch.bytes().len() as u64);
        batch.clear();
    }
    Ok(())
}

impl Reader {
    /// Waits for messages and puts them into `batch`; `false` at the end of the data. From a stream without a
    /// framing, a message is what one receive brings: part of what was sent, or several sends together.
    ///
    /// # Errors
    /// What receiving fails with.
    pub async fn recv(&mut self, batch: &mut Batch) -> io::Result<bool> {
        batch.clear();
        match self {
            Self::Stream(from) => {
                let (buffer, length) = room::read(from, RECEIVE).await?;
                if length > 0 {
                    batch.push(&buffer[..length]);
                }
                room::give_back(buffer);
            }
            Self::Bytes(from) => {
                let mut buffer = room::take(RECEIVE);
                let length = tokio::io::AsyncReadExt::read(from, &mut buffer).await?;
                if length > 0 {
                    batch.push(&buffer[..length]);
                }
                room::give_back(buffer);
            }
            Self::Datagrams(from) => return from.recv(batch).await,
            Self::Messages(from) => return from.recv(batch).await,
            Self::Nothing => {}
        }
        Ok(!batch.is_empty())
    }

    /// Whether what comes are messages, with boundaries that mean something.
    pub fn is_messages(&self) -> bool {
        matches!(self, Self::Datagrams(_) | Self::Messages(_))
    }

    /// Whether what comes are datagrams, without a connection.
    pub fn is_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams(reader) if reader.is_connectionless())
    }

    /// The terminal that this reads, if it is one.
    pub(crate) fn terminal(&self) -> Option<Arc<Handle>> {
        match self {
            Self::Stream(from) if from.nature() == Nature::Device => Some(from.clone()),
            _ => None,
        }
    }

    /// Whether this can come to an end by itself. Datagram sockets cannot: nobody says that no more come.
    pub fn ends(&self) -> bool {
        match self {
            Self::Datagrams(reader) => reader.ends(),
            Self::Messages(reader) => reader.ends(),
            _ => true,
        }
    }
}

impl Writer {
    /// Sends one message: a datagram, a frame, or just bytes where the sink is a stream.
    ///
    /// # Errors
    /// What sending fails with.
    pub async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        use tokio::io::AsyncWriteExt;
        match self {
            Self::Stream(to, _) => to.write_all(message).await,
            Self::Bytes(to) => {
                to.write_all(message).await?;
                to.flush().await
            }
            Self::Datagrams(to) => to.send_one(message).await,
            Self::Messages(to) => {
                let mut batch = Batch::new();
                batch.push(message);
                to.send(&batch).await
            }
            Self::Nothing => Ok(()),
        }
    }

    /// Sends every message of `batch`; where the sink is a stream, their bytes one after another.
    ///
    /// # Errors
    /// What sending fails with.
    pub async fn send_batch(&mut self, batch: &Batch) -> io::Result<()> {
        use tokio::io::AsyncWriteExt;
        match self {
            Self::Stream(to, _) => to.write_all(batch.bytes()).await,
            Self::Bytes(to) => {
                to.write_all(batch.bytes()).await?;
                to.flush().await
            }
            Self::Datagrams(to) => to.send(batch).await,
            Self::Messages(to) => to.send(batch).await,
            Self::Nothing => Ok(()),
        }
    }

    /// Passes on that no more comes.
    ///
    /// # Errors
    /// What shutdown(2) reports, or what writing the rest of a computed stream fails with.
    pub async fn finish(&mut self) -> io::Result<()> {
        use tokio::io::AsyncWriteExt;
        match self {
            Self::Stream(handle, Finish::Shutdown) => handle.shutdown_write(),
            Self::Stream(_, Finish::Close) => {
                *self = Self::Nothing;
                Ok(())
            }
            Self::Stream(_, Finish::CloseStandardOutput) => {
                *self = Self::Nothing;
                stdio::close_standard_output()
            }
            Self::Stream(handle, Finish::EndOfTerminal) => pty::finish(handle).await,
            Self::Bytes(writer) => writer.shutdown().await,
            Self::Datagrams(writer) => writer.finish(),
            Self::Messages(writer) => writer.finish().await,
            Self::Stream(_, Finish::Nothing) | Self::Nothing => Ok(()),
        }
    }

    /// Resolves when nobody can read any more what is written here, where that can be known.
    pub(crate) async fn until_broken(&self) {
        match self {
            Self::Stream(handle, _) => handle.until_broken().await,
            _ => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(handle) => f.debug_tuple("Stream").field(handle).finish(),
            Self::Datagrams(reader) => f.debug_tuple("Datagrams").field(reader).finish(),
            Self::Bytes(_) => f.write_str("Bytes"),
            Self::Messages(_) => f.write_str("Messages"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(handle, finish) => f.debug_tuple("Stream").field(handle).field(finish).finish(),
            Self::Datagrams(writer) => f.debug_tuple("Datagrams").field(writer).finish(),
            Self::Bytes(_) => f.write_str("Bytes"),
            Self::Messages(_) => f.write_str("Messages"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}
