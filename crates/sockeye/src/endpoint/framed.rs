//! `frame=`: messages on an endpoint that is a stream, and explanations of what each receive brought.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, ready},
    time::Duration,
};

use serde::Serialize;
use sockeye_proto::{
    address::{OptionName, Options},
    framing::{
        Deframer, Encoder, Explainer, Explanation, Frame, FrameError, Framing, Kind, Need, Skipped, Step,
    },
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{
    About, Batch, BoxFuture, Context, Endpoint, Finish, MessageRead, MessageWrite, Reader, Writer,
    shape::Stream,
};
use crate::framed::now;

/// Told what each receive from an endpoint brought.
pub type Explain = Arc<dyn Fn(&About, &Explanation) + Send + Sync>;

type BoxedRead = Box<dyn AsyncRead + Send + Sync + Unpin>;
type BoxedWrite = Box<dyn AsyncWrite + Send + Sync + Unpin>;

/// Puts the framing that the options ask for around an endpoint's stream, and has its receives explained where
/// the context asks for that.
pub(super) fn apply(mut endpoint: Endpoint, options: &Options, context: &Context) -> Endpoint {
    let watch = Watch::new(&endpoint.about, context);
    let framing = options.framing(OptionName::Frame);
    endpoint.reader = match (endpoint.reader, framing) {
        (Reader::Datagrams(from), _) => Reader::Datagrams(Box::new(from.explained(watch))),
        (reader @ (Reader::Stream(_) | Reader::Bytes(_)), Some(framing)) => {
            let connection = matches!(endpoint.writer, Writer::Stream(_, Finish::Shutdown));
            frame_reader(reader, framing, watch, connection)
        }
        (reader @ (Reader::Stream(_) | Reader::Bytes(_)), None) if watch.explainer.is_some() => {
            stream_of(reader, |from| Reader::Bytes(Box::new(Seen { from, watch })))
        }
        (reader, _) => reader,
    };
    if let Some(framing) = framing {
        endpoint.writer = frame_writer(endpoint.writer, framing);
    }
    endpoint
}

/// The endpoint as lines of text, for people and programs that talk to a framed peer: each line is a
/// message without its newline, and each message is shown as a line, whatever is in it.
#[must_use]
pub fn lines(mut endpoint: Endpoint) -> Endpoint {
    let watch = Watch::new(&endpoint.about, &Context::default());
    let connection = matches!(endpoint.writer, Writer::Stream(_, Finish::Shutdown));
    endpoint.reader = frame_reader(endpoint.reader, &Framing::new(Kind::Line), watch, connection);
    endpoint.writer = stream_to(endpoint.writer, |to| Box::new(ShownLines { to, out: Vec::new() }));
    endpoint
}

fn frame_reader(reader: Reader, framing: &Framing, watch: Watch, connection: bool) -> Reader {
    let deframer = Deframer::new(framing);
    stream_of(reader, |from| {
        Reader::Messages(Box::new(FrameReader {
            from,
            deframer,
            watch,
            connection,
            ended: false,
            failed: None,
        }))
    })
}

fn frame_writer(writer: Writer, framing: &Framing) -> Writer {
    let (encoder, stamps_time) = (framing.encoder(), framing.stamps_time());
    stream_to(writer, |to| Box::new(FrameWriter { to, encoder, stamps_time, out: Vec::new() }))
}

fn stream_of(reader: Reader, wrap: impl FnOnce(BoxedRead) -> Reader) -> Reader {
    match reader {
        Reader::Stream(from) => wrap(Box::new(Stream::new(from, Finish::Nothing))),
        Reader::Bytes(from) => wrap(from),
        other => other,
    }
}

fn stream_to(writer: Writer, wrap: impl FnOnce(BoxedWrite) -> Box<dyn MessageWrite>) -> Writer {
    match writer {
        Writer::Stream(to, finish) => Writer::Messages(wrap(Box::new(Stream::new(to, finish)))),
        Writer::Bytes(to) => Writer::Messages(wrap(to)),
        other => other,
    }
}

/// Tells what is to be told of what an endpoint receives.
#[derive(Clone)]
pub(super) struct Watch {
    about: Arc<About>,
    context: Context,
    explainer: Option<Explainer>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("about", &self.about).finish_non_exhaustive()
    }
}

/// An explanation as an event: of which endpoint, and what.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    what: &'a Explanation,
    address: &'a str,
    peer: Option<&'a str>,
}

impl Watch {
    fn new(about: &Arc<About>, context: &Context) -> Self {
        // What is typed or comes from a program has no network between that could split or merge it.
        let networked = about.local.is_some() || about.peer.is_some();
        let explainer = (networked && context.explain.is_some()).then(Explainer::new);
        Self { about: about.clone(), context: context.clone(), explainer }
    }

    fn received(&mut self, bytes: usize) {
        if let Some(explainer) = &mut self.explainer {
            explainer.received(bytes);
        }
    }

    fn step(&mut self, step: &Step, message: &[u8]) {
        if let Step::Skipped(skipped) = step {
            self.skipped(skipped);
        }
        if let Some(explainer) = &mut self.explainer {
            explainer.step(step, message);
            if let Step::NeedMore(_) = step {
                self.tell();
            }
        }
    }

    fn skipped(&self, skipped: &Skipped) {
        let (name, Skipped { bytes, at, why }) = (self.about.name(), skipped);
        self.context.notice(format_args!("{name}: {bytes} bytes at byte {at} were skipped: {why}"));
        if self.explainer.is_none() {
            self.emit(&Explanation::FrameSkipped(*skipped));
        }
    }

    fn failed(&mut self, error: &FrameError) {
        if let Some(explainer) = &mut self.explainer {
            match error {
                FrameError::Half(half) => explainer.ended(Some(*half)),
                error => explainer.failed(error),
            }
            self.tell();
        }
    }

    fn ended(&mut self) {
        if let Some(explainer) = &mut self.explainer {
            explainer.ended(None);
            self.tell();
        }
    }

    /// One receive of a stream without framing.
    fn bytes(&mut self, bytes: usize) {
        if let Some(explainer) = &mut self.explainer {
            match bytes {
                0 => explainer.ended(None),
                n => explainer.received_bytes(n),
            }
            self.tell();
        }
    }

    /// One datagram: a receive that is a message.
    pub(super) fn datagram(&mut self, message: &[u8]) {
        if self.explainer.is_some() {
            self.received(message.len());
            let frame = Frame { consumed: message.len(), payload: 0..message.len(), seal: None };
            self.step(&Step::Message(frame), message);
            self.step(&Step::NeedMore(Need::AtLeast(1)), b"");
        }
    }

    fn tell(&mut self) {
        let Some(explainer) = &mut self.explainer else { return };
        let told: Vec<_> = explainer.drain().collect();
        for what in told {
            if let Some(explain) = &self.context.explain {
                explain(&self.about, &what);
            }
            self.emit(&what);
        }
    }

    fn emit(&self, what: &Explanation) {
        let About { address, peer, .. } = &*self.about;
        self.context.events.emit(|| Told { what, address, peer: peer.as_deref() });
    }
}

/// Messages out of a stream.
struct FrameReader {
    from: BoxedRead,
    deframer: Deframer,
    watch: Watch,
    /// A peer is at the other end, who must not be cut off.
    connection: bool,
    ended: bool,
    /// What went wrong after messages that were still good.
    failed: Option<FrameError>,
}

impl FrameReader {
    /// Adds every message that is whole; what went wrong comes after them.
    fn decode(&mut self, batch: &mut Batch) {
        loop {
            let step = match self.deframer.advance() {
                Ok(step) => step,
                Err(error) => return self.fail(error),
            };
            let message = match &step {
                Step::Message(frame) => self.deframer.bytes(frame.payload.clone()),
                _ => b"",
            };
            self.watch.step(&step, message);
            match step {
                Step::Message(_) => batch.push(message),
                Step::Skipped(_) => {}
                Step::NeedMore(_) => return,
            }
        }
    }

    fn fail(&mut self, error: FrameError) {
        self.watch.failed(&error);
        self.failed = Some(error);
        self.ended = true;
    }

    fn end(&mut self, batch: &mut Batch) {
        self.ended = true;
        match self.deframer.end() {
            Ok(last) => {
                if let Some(place) = last {
                    batch.push(self.deframer.bytes(place));
                }
                self.watch.ended();
            }
            Err(half) => self.fail(FrameError::Half(half)),
        }
    }
}

impl MessageRead for FrameReader {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            while batch.is_empty() {
                if let Some(error) = self.failed.take() {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
                if self.ended {
                    return Ok(false);
                }
                match self.from.read(self.deframer.space()).await? {
                    0 => self.end(batch),
                    n => {
                        self.deframer.received(n);
                        self.watch.received(n);
                        self.decode(batch);
                    }
                }
            }
            Ok(true)
        })
    }

    fn is_connection(&self) -> bool {
        self.connection
    }
}

/// Messages into a stream.
struct FrameWriter {
    to: BoxedWrite,
    encoder: Encoder,
    stamps_time: bool,
    out: Vec<u8>,
}

impl MessageWrite for FrameWriter {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            self.out.clear();
            let now = if self.stamps_time { now() } else { Duration::ZERO };
            let mut refused = None;
            for message in batch.iter() {
                if let Err(error) = self.encoder.encode(message, now, &mut self.out) {
                    refused = Some(io::Error::new(io::ErrorKind::InvalidInput, error));
                    break;
                }
            }
            // The messages before one that does not fit are good.
            self.to.write_all(&self.out).await?;
            self.to.flush().await?;
            refused.map_or(Ok(()), Err)
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.to.shutdown())
    }
}

/// Messages as lines for whoever reads them.
struct ShownLines {
    to: BoxedWrite,
    out: Vec<u8>,
}

impl MessageWrite for ShownLines {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            self.out.clear();
            for message in batch.iter() {
                self.out.extend_from_slice(message);
                self.out.push(b'\n');
            }
            self.to.write_all(&self.out).await?;
            self.to.flush().await
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.to.shutdown())
    }
}

/// A stream without framing whose receives are explained.
struct Seen {
    from: BoxedRead,
    watch: Watch,
}

impl AsyncRead for Seen {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Task<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        ready!(Pin::new(&mut self.from).poll_read(cx, room))?;
        self.watch.bytes(room.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}
