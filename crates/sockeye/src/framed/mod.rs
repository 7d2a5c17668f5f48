//! Messages on any stream, blocking (`recv`, `send`) or under tokio (`recv_async`, `send_async`).
//!
//! Two sends over TCP may arrive as one receive ("sticky"), one send as several ("half"): `recv` on a bare
//! socket gives bytes as they happen to arrive. With a [`Framing`] around the stream, each `recv` is one
//! message as it was sent. The tutorials' sticky-packet program, mended:
//!
//! ```
//! use sockeye::framed::Framed;
//! # use std::net::{TcpListener, TcpStream};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let client = TcpStream::connect(listener.local_addr()?)?;
//! # let (server, _) = listener.accept()?;
//!
//! let mut client = Framed::new(client, &"len:u32be".parse()?);
//! let mut server = Framed::new(server, &"len:u32be".parse()?);
//! client.send(b"hello")?;
//! client.send(b"world")?; // on a bare socket, one recv(1024) would give b"helloworld"
//! assert_eq!(server.recv()?, Some(&b"hello"[..]));
//! # assert_eq!(server.recv()?, Some(&b"world"[..]));
//! # drop(client);
//! # assert_eq!(server.recv()?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//! A peer that breaks the framing, or ends in the middle of a message, is
//! [`Reason::Frame`]. After [`FrameError::Damaged`] (sealed frames only) the
//! next `recv` goes on with the next good frame; after any other error the stream is of no more use.

mod tools;

pub use tools::{check, convert, guess_input};

use std::{
    io::{self, Read, Write},
    ops::Range,
    time::{Duration, SystemTime},
};

use sockeye_proto::framing::{Deframer, Encoder, FrameError, Framing, Seal, Step};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Error, Result, error::Reason};

/// Messages on a stream: a `TcpStream` of the standard library or of tokio, a socket, a pipe.
#[derive(Debug)]
pub struct Framed<S> {
    stream: S,
    ends: Ends,
}

impl<S> Framed<S> {
    /// Puts `framing` around `stream`, in both directions.
    pub fn new(stream: S, framing: &Framing) -> Self {
        Self { stream, ends: Ends::new(framing) }
    }

    /// The same with the name by which errors call the stream: its address, as a rule.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.ends.name = name.into();
        self
    }

    /// What the last message's frame said beside it, if it was sealed.
    pub fn seal(&self) -> Option<Seal> {
        self.ends.seal
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream below, and the bytes that were received but are no whole message yet.
    pub fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.ends.incoming.left().to_vec())
    }
}

impl<S: Read> Framed<S> {
    /// The next message; none after the last. It stays valid until the next call.
    pub fn recv(&mut self) -> Result<Option<&[u8]>> {
        let place = loop {
            match self.ends.next()? {
                Next::Message(place) => break place,
                Next::End => return Ok(None),
                Next::Read => match self.stream.read(self.ends.incoming.space()) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    read => self.ends.read(read)?,
                },
            }
        };
        Ok(Some(self.ends.incoming.bytes(place)))
    }
}

impl<S: Write> Framed<S> {
    /// Sends one message, whole.
    pub fn send(&mut self, message: &[u8]) -> Result<()> {
        let frame = self.ends.frame(message)?;
        let sent = self.stream.write_all(frame).and_then(|()| self.stream.flush());
        sent.map_err(|e| self.ends.error(SEND, e))
    }
}

impl<S: AsyncRead + Unpin> Framed<S> {
    /// The next message; none after the last. It stays valid until the next call. A call that is dropped
    /// before it is done loses nothing.
    pub async fn recv_async(&mut self) -> Result<Option<&[u8]>> {
        let place = loop {
            match self.ends.next()? {
                Next::Message(place) => break place,
                Next::End => return Ok(None),
                Next::Read => {
                    let read = self.stream.read(self.ends.incoming.space()).await;
                    self.ends.read(read)?;
                }
            }
        };
        Ok(Some(self.ends.incoming.bytes(place)))
    }
}

impl<S: AsyncWrite + Unpin> Framed<S> {
    /// Sends one message, whole. A call that is dropped before it is done may leave half a message behind.
    pub async fn send_async(&mut self, message: &[u8]) -> Result<()> {
        let frame = self.ends.frame(message)?;
        let sent = match self.stream.write_all(frame).await {
            Ok(()) => self.stream.flush().await,
            failed => failed,
        };
        sent.map_err(|e| self.ends.error(SEND, e))
    }
}

const SEND: &str = "send a message to";
const RECEIVE: &str = "receive a message from";

/// All but moving the bytes.
#[derive(Debug)]
struct Ends {
    name: String,
    incoming: Deframer,
    encoder: Encoder,
    stamps_time: bool,
    out: Vec<u8>,
    seal: Option<Seal>,
    ended: bool,
}

enum Next {
    Message(Range<usize>),
    Read,
    End,
}

impl Ends {
    fn new(framing: &Framing) -> Self {
        Self {
            name: "the stream".into(),
            incoming: Deframer::new(framing),
            encoder: framing.encoder(),
            stamps_time: framing.stamps_time(),
            out: Vec::new(),
            seal: None,
            ended: false,
        }
    }

    fn next(&mut self) -> Result<Next> {
        match self.incoming.advance() {
            Ok(Step::Message(frame)) => {
                self.seal = frame.seal;
                Ok(Next::Message(frame.payload))
            }
            Ok(Step::NeedMore(_)) if !self.ended => Ok(Next::Read),
            Ok(Step::NeedMore(_)) => match self.incoming.end() {
                Ok(last) => Ok(last.map_or(Next::End, Next::Message)),
                Err(half) => Err(self.error(RECEIVE, FrameError::Half(half))),
            },
            Ok(Step::Skipped(skipped)) => Err(self.error(RECEIVE, FrameError::Damaged(skipped))),
            Err(error) => Err(self.error(RECEIVE, error)),
        }
    }

    fn read(&mut self, read: io::Result<usize>) -> Result<()> {
        match read {
            Ok(0) => self.ended = true,
            Ok(n) => self.incoming.received(n),
            Err(error) => return Err(self.error(RECEIVE, error)),
        }
        Ok(())
    }

    /// The frame of `message`, in a buffer that is used again and again.
    fn frame(&mut self, message: &[u8]) -> Result<&[u8]> {
        self.out.clear();
        let now = if self.stamps_time { now() } else { Duration::ZERO };
        match self.encoder.encode(message, now, &mut self.out) {
            Ok(()) => Ok(&self.out),
            Err(error) => Err(self.error(SEND, Reason::Usage(error.to_string()))),
        }
    }

    fn error(&self, attempt: &'static str, reason: impl Into<Reason>) -> Error {
        Error::new(attempt, &self.name, reason)
    }
}

/// The time since 1970, as sealed frames carry it.
pub fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
