//! One request and the head of its answer, over one connection.

use std::{future::poll_fn, io, pin::Pin, task::Poll, time::Duration};

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{
    Timings,
    failure::{Failure, FailureKind, of_answer, of_receive},
    note::{Note, Watch},
    stream::{Buffer, Stream},
    upload::Body,
};
use crate::{
    Error,
    error::Reason,
    proto::http::{self as wire, Event, Framing, Limits, Method, ResponseHead, ResponseReader},
    tls::Facts,
};

/// A connection, with what was received on it and not consumed.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) stream: Stream,
    pub(super) buffer: Buffer,
    pub(super) key: String,
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) tls: Option<Facts>,
}

/// A request, ready to be sent.
pub(super) struct Outgoing<'a> {
    pub(super) head: &'a [u8],
    pub(super) method: &'a Method,
    pub(super) body: &'a Body,
    /// The host, for errors.
    pub(super) host: &'a str,
    /// The longest wait for the first byte, and for each one after it.
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
}

/// What an answer begins with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reader: ResponseReader,
    pub(super) head: ResponseHead,
    /// The heads of the interim answers, as they came.
    pub(super) interim: Vec<Vec<u8>>,
    /// Whether the whole request was sent: else the connection cannot be used again.
    pub(super) sent: bool,
}

/// Why an exchange failed, and whether anything at all had been received.
pub(super) struct Broken {
    pub(super) failure: Failure,
    pub(super) untouched: bool,
}

/// The state of an exchange whose final head has not been read.
struct Pending<'a> {
    conn: &'a mut Conn,
    request: &'a Outgoing<'a>,
    watch: &'a Watch,
    reader: ResponseReader,
    interim: Vec<Vec<u8>>,
    head: Option<ResponseHead>,
    received: bool,
}

/// Waits, but not longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    attempt: &'static str,
    host: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| FailureKind::Timeout.with(Error::new(attempt, host, Reason::TimedOut(limit))))
}

/// Sends a request and reads up to the end of the final head. An answer that comes before the request is out
/// ends the sending.
pub(super) async fn exchange(
    conn: &mut Conn,
    request: &Outgoing<'_>,
    timings: &mut Timings,
    watch: &Watch,
) -> Result<Answer, Broken> {
    let reader = ResponseReader::new(request.method.clone(), Limits::default());
    let mut pending =
        Pending { conn, request, watch, reader, interim: Vec::new(), head: None, received: false };
    let outcome = async {
        let sent = pending.send(timings).await?;
        pending.receive(timings).await?;
        Ok(sent)
    };
    match outcome.await {
        Ok(sent) => {
            let Pending { reader, interim, head, .. } = pending;
            let head = head.expect("receiving ends with a head");
            Ok(Answer { reader, head, interim, sent })
        }
        Err(failure) => Err(Broken { failure, untouched: !pending.received }),
    }
}

impl Pending<'_> {
    /// Sends head and body. Gives whether all of it went out.
    async fn send(&mut self, timings: &mut Timings) -> Result<bool, Failure> {
        let (host, idle) = (self.request.host, self.request.idle);
        timings.pretransfer = timings.elapsed();
        let mut piece = self.request.head.to_vec();
        let mut source = self.request.body.source();
        let chunked = self.request.body.length().is_none();
        let (mut sent, mut ended) = (0u64, matches!(self.request.body, Body::None));
        // A small body shares the write with the head.
        if !ended && !chunked {
            (sent, ended) = append(&mut source, &mut piece, false).await.map_err(|e| self.unreadable(e))?;
        }
        let mut first = true;
        loop {
            if !self.write(&piece, idle).await? {
                return Ok(false);
            }
            if std::mem::take(&mut first) {
                let head = self.request.head;
                self.watch.tell(|| Note::RequestHead { head });
            }
            if ended {
                break;
            }
            piece.clear();
            let (more, end) =
                append(&mut source, &mut piece, chunked).await.map_err(|e| self.unreadable(e))?;
            sent += more;
            ended = end;
            timings.sent = sent;
        }
        within(idle, "send to", host, self.conn.stream.flush())
            .await?
            .map_err(|e| FailureKind::Send.with(Error::new("send to", host, e)))?;
        timings.sent = sent;
        if sent > 0 {
            self.watch.tell(|| Note::RequestBody { bytes: sent });
        }
        Ok(true)
    }

    fn unreadable(&self, error: io::Error) -> Failure {
        FailureKind::Read.with(Error::new("read the body for", self.request.host, error))
    }

    /// Writes all of `piece`, reading meanwhile: a server that answers before it reads must not block both
    /// sides. Gives `false` when its final answer came first.
    async fn write(&mut self, piece: &[u8], idle: Duration) -> Result<bool, Failure> {
        let host = self.request.host;
        let mut done = 0;
        while done < piece.len() {
            let Conn { stream, buffer, .. } = &mut *self.conn;
            let early = self.head.is_some();
            let step = poll_fn(|cx| {
                if let Poll::Ready(result) = Pin::new(&mut *stream).poll_write(cx, &piece[done..]) {
                    return Poll::Ready(Moved::Out(result));
                }
                if early {
                    return Poll::Pending;
                }
                buffer.poll_fill(stream, cx).map(Moved::In)
            });
            match within(idle, "send to", host, step).await? {
                Moved::Out(Ok(count)) => done += count,
                // The reason may be waiting to be read.
                Moved::Out(Err(e)) => {
                    let failure = FailureKind::Send.with(Error::new("send to", host, e));
                    return match self.drain(idle).await {
                        true => Ok(false),
                        false => Err(failure),
                    };
                }
                Moved::In(Ok(count)) => {
                    self.received |= count > 0;
                    self.advance()?;
                    if count == 0 || self.head.as_ref().is_some_and(|h| h.status.as_u16() >= 300) {
                        return Ok(false);
                    }
                }
                Moved::In(Err(e)) => return Err(of_receive(e, host)),
            }
        }
        Ok(true)
    }

    /// After a failed write: whether an answer was there all the same.
    async fn drain(&mut self, idle: Duration) -> bool {
        while self.head.is_none() {
            let Conn { stream, buffer, .. } = &mut *self.conn;
            match tokio::time::timeout(idle, buffer.fill(stream)).await {
                Ok(Ok(bytes)) if !bytes.is_empty() => self.received = true,
                _ => return false,
            }
            if self.advance().is_err() {
                return false;
            }
        }
        true
    }

    /// Receives until the final head is there.
    async fn receive(&mut self, timings: &mut Timings) -> Result<(), Failure> {
        let (host, watch) = (self.request.host, self.watch);
        while self.head.is_none() {
            let limit = if self.received { self.request.idle } else { self.request.first_byte };
            let Conn { stream, buffer, .. } = &mut *self.conn;
            let filled = within(limit, "get an answer from", host, buffer.fill(stream)).await?;
            match filled {
                Ok([]) => {
                    let error = self.reader.eof().err().unwrap_or(wire::Error::Empty);
                    return Err(of_answer(error, host));
                }
                Ok(data) => {
                    if !self.received {
                        timings.first_byte = timings.elapsed();
                    }
                    watch.tell(|| Note::Received { data });
                }
                Err(e) => return Err(of_receive(e, host)),
            }
            self.received = true;
            self.advance()?;
        }
        if timings.first_byte.is_zero() {
            timings.first_byte = timings.elapsed();
        }
        Ok(())
    }

    /// Reads what is in the buffer, up to the final head.
    fn advance(&mut self) -> Result<(), Failure> {
        while self.head.is_none() {
            let filled = self.conn.buffer.filled();
            let (event, used) = self.reader.step(filled).map_err(|e| of_answer(e, self.request.host))?;
            match event {
                Event::Interim(head) => {
                    self.watch.tell(|| Note::Interim { head: &head.raw });
                    self.interim.push(head.raw);
                }
                Event::Head(head) => {
                    let framing = self.reader.framing().unwrap_or(Framing::UntilClose);
                    self.watch.tell(|| Note::ResponseHead {
                        status: head.status.as_u16(),
                        head: &head.raw,
                        framing: rule(framing),
                    });
                    self.head = Some(*head);
                }
                Event::Wait | Event::Body(_) => return Ok(()),
            }
            self.conn.buffer.consume(used);
        }
        Ok(())
    }
}

enum Moved {
    Out(io::Result<usize>),
    In(io::Result<usize>),
}

/// Appends the next bytes of a body to `piece`, as a chunk where chunks are sent. Gives how many of the body and
/// whether it ended.
async fn append(
    source: &mut super::upload::Source<'_>,
    piece: &mut Vec<u8>,
    chunked: bool,
) -> io::Result<(u64, bool)> {
    const ROOM: usize = 64 << 10;
    /// The longest size line of a chunk, and the CRLF behind its data.
    const LINE: usize = 8;
    let before = piece.len();
    let data = before + if chunked { LINE } else { 0 };
    piece.resize(before + ROOM + LINE, 0);
    let mut filled = data;
    let end = before + ROOM;
    let mut ended = false;
    while filled < end {
        let count = source.next(&mut piece[filled..end]).await?;
        filled += count;
        ended = count == 0;
        // What comes in chunks goes out as it comes.
        if ended || chunked {
            break;
        }
    }
    let length = filled - data;
    piece.truncate(filled);
    if chunked {
        let line = format!("{length:06x}\r\n");
        piece[before..data].copy_from_slice(line.as_bytes());
        piece.extend_from_slice(b"\r\n");
    }
    Ok((length as u64, ended))
}

/// How a body's end is known, in words.
pub(super) fn rule(framing: Framing) -> String {
    match framing {
        Framing::None(wire::NoBody::Head) => "no body: the answer to HEAD has none".into(),
        Framing::None(wire::NoBody::Status(code)) => format!("no body: status {code} has none"),
        Framing::None(wire::NoBody::NotDeclared) => "no body: none is declared".into(),
        Framing::Length(length) => format!("after {length} bytes: Content-Length"),
        Framing::Chunked => "at the last chunk: Transfer-Encoding: chunked".into(),
        Framing::UntilClose => "when the connection closes: nothing tells the length".into(),
    }
}
