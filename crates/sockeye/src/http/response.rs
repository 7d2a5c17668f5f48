//! An answer whose head is there and whose body is still coming.

use std::{fs::File, io, sync::Arc, time::Duration};

use super::{
    Timings,
    decode::{Coding, DecodeError, Decoder},
    exchange::{Answer, Conn, rule, within},
    failure::{Failure, FailureKind, of_answer, of_receive},
    note::{Note, Watch},
    pool::Pool,
    splice::Pipe,
    stream::Stream,
};
use crate::{
    Error,
    error::Reason,
    proto::http::{BodyEvent, End, Event, Framing, HeaderMap, ResponseHead, ResponseReader, Version, header},
    tls::Facts,
};

/// An answer. Its body is taken with [`chunk`](Self::chunk) or [`copy_to`](Self::copy_to); when it was taken
/// whole, the connection goes back to be used again.
#[derive(Debug)]
pub struct Response {
    /// The final head.
    pub head: ResponseHead,
    /// Every head since the first request, as they came: redirects, interim answers, the final one.
    pub heads: Vec<Vec<u8>>,
    /// The URL that answered.
    pub url: url::Url,
    /// The method that it answers.
    pub method: super::Method,
    /// The redirects followed.
    pub redirects: u32,
    /// When what happened.
    pub timings: Timings,
    /// The bytes of the last request's head.
    pub request_size: usize,
    /// Connections that were made for it.
    pub connects: u32,
    /// The fields behind the last chunk.
    pub trailers: HeaderMap,
    /// Where a redirect would lead that was not followed.
    pub redirect_to: Option<url::Url>,
    reader: ResponseReader,
    conn: Option<Conn>,
    /// Bytes at the front of the buffer that the caller had.
    taken: usize,
    pipe: Option<Pipe>,
    reusable: bool,
    facts: (String, String, Option<Facts>),
    idle: Duration,
    watch: Watch,
    pool: Arc<Pool>,
}

/// Where a body is written to.
pub trait Output: io::Write {
    /// The file behind it, where bytes may go to it directly.
    fn file(&self) -> Option<&File> {
        None
    }
}

impl Output for File {
    fn file(&self) -> Option<&File> {
        Some(self)
    }
}

impl Output for Vec<u8> {}

impl Output for io::Sink {}

/// What the making of a response needs besides the answer.
pub(super) struct Context {
    pub(super) url: url::Url,
    pub(super) method: super::Method,
    pub(super) timings: Timings,
    pub(super) request_size: usize,
    pub(super) connects: u32,
    pub(super) idle: Duration,
    pub(super) watch: Watch,
    pub(super) pool: Arc<Pool>,
}

impl Response {
    pub(super) fn new(answer: Answer, conn: Conn, context: Context) -> Self {
        let Answer { reader, head, interim, sent } = answer;
        let chunked_10 = head.version == Version::Http10 && reader.framing() == Some(Framing::Chunked);
        let reusable = sent
            && head.keeps_alive()
            && head.status.as_u16() != 101
            && reader.framing() != Some(Framing::UntilClose)
            && !chunked_10;
        let mut heads = interim;
        heads.push(head.raw.clone());
        let facts = (conn.local.clone(), conn.peer.clone(), conn.tls.clone());
        let Context { url, method, timings, request_size, connects, idle, watch, pool } = context;
        Self {
            head,
            heads,
            url,
            method,
            redirects: 0,
            timings,
            request_size,
            connects,
            trailers: HeaderMap::new(),
            redirect_to: None,
            reader,
            conn: Some(conn),
            taken: 0,
            pipe: None,
            reusable,
            facts,
            idle,
            watch,
            pool,
        }
    }

    /// This end of the connection; empty for a Unix socket.
    pub fn local(&self) -> &str {
        &self.facts.0
    }

    /// The other end of the connection.
    pub fn peer(&self) -> &str {
        &self.facts.1
    }

    /// What TLS was agreed on.
    pub fn tls(&self) -> Option<&Facts> {
        self.facts.2.as_ref()
    }

    /// The length of the body, where the head tells.
    pub fn length(&self) -> Option<u64> {
        match self.reader.framing()? {
            Framing::Length(length) => Some(length),
            Framing::None(_) => Some(0),
            Framing::Chunked | Framing::UntilClose => None,
        }
    }

    /// The bytes of body that came so far, framing taken off.
    pub fn received(&self) -> u64 {
        self.reader.received()
    }

    /// How the body's end is known, in words.
    pub fn framing(&self) -> String {
        self.reader.framing().map(rule).unwrap_or_default()
    }

    /// The content coding of the body; `Err` is one that is not understood.
    pub fn coding(&self) -> Result<Coding, Failure> {
        let mut values = self.head.headers.get_all(header::CONTENT_ENCODING).iter();
        let (first, more) = (values.next(), values.next());
        let text = first.map_or("", |v| v.to_str().unwrap_or("?"));
        Coding::named(text).filter(|_| more.is_none()).ok_or_else(|| {
            let reason = Reason::Protocol(format!("the content coding \"{text}\" is not understood"));
            FailureKind::Encoding.with(Error::new("decode the answer of", self.host(), reason))
        })
    }

    /// The next piece of the body, framing taken off, content coding not; `None` when it is whole.
    ///
    /// # Errors
    /// A body that is cut short, framing that is broken, a connection that fails, nothing for too long.
    pub async fn chunk(&mut self) -> Result<Option<&[u8]>, Failure> {
        loop {
            let Some(conn) = &mut self.conn else { return Ok(None) };
            conn.buffer.consume(std::mem::take(&mut self.taken));
            let filled = conn.buffer.filled();
            let (event, used) = self.reader.step(filled).map_err(|e| of_answer(e, host_of(&self.url)))?;
            let front = &filled[..used];
            match event {
                Event::Body(BodyEvent::Data) => {
                    self.taken = used;
                    self.watch.tell(|| Note::Data { data: front });
                    break;
                }
                Event::Body(BodyEvent::Chunk(chunk)) => {
                    self.watch.tell(|| Note::Chunk { line: front, size: chunk.size });
                }
                Event::Body(BodyEvent::Trailers(fields)) => {
                    self.watch.tell(|| Note::Trailers { fields: front });
                    self.trailers = fields;
                }
                Event::Body(BodyEvent::End(end)) => {
                    conn.buffer.consume(used);
                    self.finish(end);
                    return Ok(None);
                }
                _ => {
                    if !self.receive().await? {
                        return Ok(None);
                    }
                    continue;
                }
            }
            if self.taken == 0 {
                conn.buffer.consume(used);
            }
        }
        Ok(self.conn.as_ref().map(|conn| &conn.buffer.filled()[..self.taken]))
    }

    /// Receives once; `false` when the end of the connection ended the body.
    async fn receive(&mut self) -> Result<bool, Failure> {
        let Some(conn) = &mut self.conn else { return Ok(false) };
        let host = host_of(&self.url);
        let filled = within(self.idle, "receive from", host, conn.buffer.fill(&mut conn.stream)).await?;
        match filled {
            Ok([]) => {}
            Ok(data) => {
                self.watch.tell(|| Note::Received { data });
                return Ok(true);
            }
            // TLS that ends without saying so is as good as the end where the length tells.
            Err(e)
                if e.kind() == io::ErrorKind::UnexpectedEof
                    && self.reader.framing() != Some(Framing::UntilClose) => {}
            Err(e) => return Err(of_receive(e, host)),
        }
        let end = self.reader.eof().map_err(|e| of_answer(e, host))?;
        self.finish(end);
        Ok(false)
    }

    /// The whole body, content coding included, where all of it has arrived with the head: without a wait, and the
    /// connection goes back at once. `None` where more must be received.
    pub fn take_whole(&mut self) -> Option<Vec<u8>> {
        let conn = self.conn.as_mut()?;
        conn.buffer.consume(std::mem::take(&mut self.taken));
        let filled = conn.buffer.filled();
        let Some(Framing::Length(_)) = self.reader.framing() else { return None };
        let length = usize::try_from(self.reader.direct()).ok().filter(|&n| n <= filled.len())?;
        let body = filled[..length].to_vec();
        self.watch.tell(|| Note::Data { data: &body });
        self.reader.moved(length as u64);
        conn.buffer.consume(length);
        self.finish(End::Length(self.reader.received()));
        Some(body)
    }

    /// Writes the rest of the body to `out`, content coding taken off where `decode` says so. Calls `progress`
    /// with the number of bytes received by each step. Gives the number of bytes written.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); besides, an output that refuses and content that cannot be decoded.
    pub async fn copy_to<O: Output>(
        &mut self,
        out: &mut O,
        decode: bool,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Failure> {
        let coding = if decode { self.coding()? } else { Coding::Identity };
        if coding != Coding::Identity {
            return self.decode_to(out, coding, progress).await;
        }
        let mut written = 0;
        loop {
            tokio::task::coop::consume_budget().await;
            if let Some(moved) = self.splice_to(out).await? {
                written += moved;
                progress(moved);
                continue;
            }
            let Some(piece) = self.chunk().await? else { return Ok(written) };
            let count = piece.len() as u64;
            out.write_all(piece).map_err(unwritten)?;
            written += count;
            progress(count);
        }
    }

    /// Moves what the kernel holds straight to the file behind `out`, where that pays: a long stretch of body,
    /// nothing in the buffer, nobody watching. `None` where it does not.
    async fn splice_to<O: Output>(&mut self, out: &O) -> Result<Option<u64>, Failure> {
        /// Below this, making a pipe costs more than it saves.
        const WORTH: u64 = 256 << 10;
        let Some(conn) = &mut self.conn else { return Ok(None) };
        conn.buffer.consume(std::mem::take(&mut self.taken));
        let (Stream::Plain(socket), Some(file)) = (&conn.stream, out.file()) else { return Ok(None) };
        let direct = self.reader.direct();
        let pays = self.pipe.is_some() || direct >= WORTH && Pipe::fits(file);
        if direct == 0 || !pays || !conn.buffer.filled().is_empty() || self.watch.every_receive() {
            return Ok(None);
        }
        if self.pipe.is_none() {
            self.pipe = Pipe::new().ok();
        }
        let Some(pipe) = &self.pipe else { return Ok(None) };
        let host = host_of(&self.url);
        let count = within(self.idle, "receive from", host, pipe.take(socket, direct)).await?;
        let count = count.map_err(|e| of_receive(e, host))?;
        pipe.give(file, count).map_err(unwritten)?;
        self.reader.moved(count as u64);
        // At the end of the stream the slower way finds out what that means.
        Ok((count > 0).then_some(count as u64))
    }

    async fn decode_to<O: Output>(
        &mut self,
        out: &mut O,
        coding: Coding,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Failure> {
        let host = self.host().to_owned();
        let fail = |e| match e {
            DecodeError::Output(e) => unwritten(e),
            DecodeError::Data(e) => FailureKind::Encoding.with(Error::new("decode the answer of", &host, e)),
        };
        let mut decoder = Decoder::new(coding, out).map_err(|e| fail(DecodeError::Data(e)))?;
        let mut empty = true;
        while let Some(piece) = self.chunk().await? {
            decoder.write(piece).map_err(fail)?;
            empty = false;
            progress(piece.len() as u64);
        }
        // No body at all (HEAD, 304) is not a broken one.
        if !empty {
            decoder.finish().map_err(fail)?;
            let (from, to) = (self.received(), decoder.written());
            self.watch.tell(|| Note::Decoded { coding: coding.name(), from, to });
        }
        Ok(decoder.written())
    }

    /// Takes the rest of the body and throws it away, where that is cheaper than a new connection.
    pub(super) async fn discard(&mut self) -> Result<(), Failure> {
        const CHEAP: u64 = 256 << 10;
        let known = self.length().is_none_or(|n| n <= CHEAP);
        while self.reusable && known && self.received() <= CHEAP {
            if self.chunk().await?.is_none() {
                return Ok(());
            }
        }
        self.conn = None;
        Ok(())
    }

    fn host(&self) -> &str {
        host_of(&self.url)
    }

    /// The body is whole: the connection goes back, or is closed.
    fn finish(&mut self, end: End) {
        let bytes = self.reader.received();
        self.timings.total = self.timings.elapsed();
        let rule = match end {
            End::NoBody(_) => "no body follows this head".into(),
            End::Length(length) => format!("all {length} bytes of Content-Length are here"),
            End::LastChunk => "the last chunk is here".to_owned(),
            End::Closed => "the connection closed".into(),
        };
        self.watch.tell(|| Note::BodyEnd { rule, bytes });
        let Some(conn) = self.conn.take() else { return };
        // Bytes behind the end belong to no request.
        let kept = self.reusable && end != End::Closed && conn.buffer.filled().is_empty();
        self.watch.tell(|| Note::Done { kept, host: host_of(&self.url) });
        if kept {
            self.pool.put(conn);
        }
    }
}

fn unwritten(error: io::Error) -> Failure {
    FailureKind::Write.with(Error::new("write", "the body", error))
}

fn host_of(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default()
}
