//! What the options of an address do to the bytes that pass: line ends, limits, waiting on after the end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use sockeye_proto::address::{OptionName, Options};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::{Context as Surroundings, Endpoint, Finish, Handle, Reader, Writer, framed};

/// How often `ignoreeof` looks for more.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Applies the options that change what passes.
pub(super) fn apply(mut endpoint: Endpoint, options: &Options, context: &Surroundings) -> Endpoint {
    if options.flag(OptionName::Ignoreeof) {
        endpoint.reader = map_reader(endpoint.reader, |from| Box::new(Endless { from, pause: None }));
    }
    if let Some(code) = options.number(OptionName::Escape).and_then(|n| u8::try_from(n).ok()) {
        endpoint.reader = map_reader(endpoint.reader, |from| Box::new(Escape { from, code, met: false }));
    }
    if let Some(most) = options.number(OptionName::Readbytes).and_then(|n| u64::try_from(n).ok()) {
        endpoint.reader = map_reader(endpoint.reader, |from| Box::new(from.take(most)));
    }
    let newline: Option<&'static [u8]> = match (options.flag(OptionName::Crlf), options.flag(OptionName::Cr))
    {
        (true, _) => Some(b"\r\n"),
        (_, true) => Some(b"\r"),
        _ => None,
    };
    if let Some(newline) = newline {
        endpoint.reader = map_reader(endpoint.reader, |from| Box::new(FromNewline { from, newline }));
        endpoint.writer = match endpoint.writer {
            Writer::Stream(to, finish) => {
                let to = Box::new(Stream::new(to, finish));
                Writer::Bytes(Box::new(ToNewline { to, newline, waiting: Vec::new(), sent: 0 }))
            }
            Writer::Bytes(to) => {
                Writer::Bytes(Box::new(ToNewline { to, newline, waiting: Vec::new(), sent: 0 }))
            }
            other => other,
        };
    }
    framed::apply(endpoint, options, context)
}

/// A reader whose end is never seen.
pub fn without_end(reader: Reader) -> Reader {
    map_reader(reader, |from| Box::new(from.chain(Never)))
}

type BoxedRead = Box<dyn AsyncRead + Send + Sync + Unpin>;

pub(super) fn map_reader(reader: Reader, map: impl FnOnce(BoxedRead) -> BoxedRead) -> Reader {
    match reader {
        Reader::Stream(from) => Reader::Bytes(map(Box::new(Stream::new(from, Finish::Nothing)))),
        Reader::Bytes(from) => Reader::Bytes(map(from)),
        other => other,
    }
}

/// A descriptor as tokio's traits have streams.
#[derive(Debug)]
pub struct Stream {
    handle: Option<Arc<Handle>>,
    finish: Finish,
}

impl Stream {
    /// The end character of a terminal, written as the last byte.
    fn poll_end_of_terminal(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(handle) = &self.handle else { return Poll::Ready(Ok(())) };
        if let Some(end) = super::terminal::end_character(handle) {
            ready!(handle.poll_write(cx, &[end]))?;
            super::pty::tell_again(handle, end);
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream {
    /// A stream on a descriptor, and what `shutdown` does to it.
    pub fn new(handle: Arc<Handle>, finish: Finish) -> Self {
        Self { handle: Some(handle), finish }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(handle) = &self.handle else { return Poll::Ready(Ok(())) };
        let length = ready!(handle.poll_read(cx, room.initialize_unfilled()))?;
        room.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.handle {
            Some(handle) => handle.poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finish == Finish::EndOfTerminal {
            return self.poll_end_of_terminal(cx);
        }
        Poll::Ready(match (self.finish, &self.handle) {
            (Finish::Shutdown, Some(handle)) => handle.shutdown_write(),
            (Finish::Close, _) => {
                self.handle = None;
                Ok(())
            }
            (Finish::CloseStandardOutput, _) => {
                self.handle = None;
                super::stdio::close_standard_output()
            }
            _ => Ok(()),
        })
    }
}

struct Never;

impl AsyncRead for Never {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// Reads on after the end, as `tail -f` does.
struct Endless {
    from: BoxedRead,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let before = room.filled().len();
            ready!(Pin::new(&mut self.from).poll_read(cx, room))?;
            if room.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            self.pause = Some(Box::pin(tokio::time::sleep(LOOK_AGAIN)));
        }
    }
}

/// Ends before a certain byte.
struct Escape {
    from: BoxedRead,
    code: u8,
    met: bool,
}

impl AsyncRead for Escape {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.met {
            return Poll::Ready(Ok(()));
        }
        let start = room.filled().len();
        ready!(Pin::new(&mut self.from).poll_read(cx, room))?;
        if let Some(at) = room.filled()[start..].iter().position(|&byte| byte == self.code) {
            self.met = true;
            room.set_filled(start + at);
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads lines that end in something else than LF.
struct FromNewline {
    from: BoxedRead,
    newline: &'static [u8],
}

impl AsyncRead for FromNewline {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let start = room.filled().len();
            ready!(Pin::new(&mut self.from).poll_read(cx, room))?;
            let came = room.filled().len() - start;
            let newline = self.newline;
            let read = &mut room.filled_mut()[start..];
            // CR LF loses its CRs wherever they are, as socat has it; a lone CR becomes LF.
            let mut kept = 0;
            for at in 0..read.len() {
                match read[at] {
                    b'\r' if newline == b"\r\n" => continue,
                    b'\r' => read[kept] = b'\n',
                    other => read[kept] = other,
                }
                kept += 1;
            }
            room.set_filled(start + kept);
            if kept > 0 || came == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Writes LF as something else.
struct ToNewline<W> {
    to: W,
    newline: &'static [u8],
    /// What was taken and is not written yet.
    waiting: Vec<u8>,
    sent: usize,
}

impl<W: AsyncWrite + Unpin> ToNewline<W> {
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.waiting.len() {
            self.sent += ready!(Pin::new(&mut self.to).poll_write(cx, &self.waiting[self.sent..]))?;
        }
        self.waiting.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for ToNewline<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_waiting(cx))?;
        for &byte in bytes {
            match byte {
                b'\n' => {
                    let newline = self.newline;
                    self.waiting.extend_from_slice(newline);
                }
                other => self.waiting.push(other),
            }
        }
        // Taken is taken: what does not go out now goes out before the next write, or with the flush.
        match self.poll_waiting(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            _ => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        Pin::new(&mut self.to).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_waiting(cx))?;
        Pin::new(&mut self.to).poll_shutdown(cx)
    }
}
