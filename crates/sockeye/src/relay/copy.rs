//! One direction: reads here, writes there, until a reason to end.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Ended, Meter, Rules, Way, splice};
use crate::{
    Error,
    endpoint::{About, After, Batch, Finish, Handle, Nature, Reader, Writer, room},
    error::Reason,
};

/// The first read's room; a stream that fills it is worth more.
const SMALL: usize = 16 * 1024;

/// The largest read's room.
const LARGE: usize = 512 * 1024;

/// What a direction is called, its rules, and where it is counted.
#[derive(Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) way: Way,
    pub(super) names: [&'a About; 2],
    pub(super) rules: &'a Rules,
    pub(super) meter: &'a Meter,
    /// That nobody reads any more what is written is no failure.
    pub(super) cool: bool,
}

/// What stopped a copy.
pub(super) enum Stop {
    Read(io::Error),
    Write(io::Error),
}

/// Copies until the source ends, passes the end on, and says why it ended.
///
/// Not an `async fn`: that would keep its arguments twice, and thousands of idle connections are their size.
#[expect(clippy::manual_async_fn)]
pub(super) fn run<'a>(
    reader: &'a mut Reader,
    writer: &'a mut Writer,
    route: Route<'a>,
) -> impl Future<Output = Ended> + Send + 'a {
    async move {
        if matches!(reader, Reader::Nothing) || matches!(writer, Writer::Nothing) {
            return Ended::Unused;
        }
        let copied = match (&mut *reader, &mut *writer) {
            (Reader::Stream(from), Writer::Stream(to, finish)) => streams(from, to, *finish, &route).await,
            // In boxes, as is all else that streams do rarely.
            (Reader::Stream(_) | Reader::Bytes(_), _) => Box::pin(bytes(reader, writer, &route)).await,
            (Reader::Datagrams(_) | Reader::Messages(_), _) => {
                Box::pin(messages(reader, writer, &route)).await
            }
            (Reader::Nothing, _) => return Ended::Unused,
        };
        let cool = route.cool || matches!(writer, Writer::Stream(_, Finish::CloseStandardOutput));
        let copied = match copied {
            Ok(()) => match writer {
                Writer::Stream(to, Finish::Shutdown) => to.shutdown_write(),
                other => Box::pin(other.finish()).await,
            }
            .map_err(Stop::Write),
            Err(stop) => Err(stop),
        };
        match copied {
            Ok(()) => Ended::EndOfData,
            Err(Stop::Write(e)) if cool && has_left(&e) => Ended::ReaderGone,
            Err(stop) => Ended::Failed(route.failed(stop).into()),
        }
    }
}

impl Route<'_> {
    fn failed(&self, stop: Stop) -> Error {
        let [from, to] = self.names;
        match stop {
            Stop::Write(e) => Error::new("write to", to.name(), e),
            Stop::Read(e) if e.kind() == io::ErrorKind::InvalidData => {
                Error::new("read from", from.name(), Reason::Protocol(e.to_string()))
            }
            Stop::Read(e) => Error::new("read from", from.name(), e),
        }
    }

    fn tap(&self, bytes: &[u8]) {
        if let Some(tap) = &self.rules.tap {
            tap.passes(self.way, bytes);
        }
    }
}

/// From descriptor to descriptor: small answers through a small buffer, bulk through the kernel.
#[expect(clippy::manual_async_fn)]
fn streams<'a>(
    from: &'a Handle,
    to: &'a Handle,
    finish: Finish,
    route: &'a Route<'a>,
) -> impl Future<Output = Result<(), Stop>> + Send + 'a {
    async move {
        let mut splices = route.rules.tap.is_none() && splice::possible(from, to);
        let mut size = SMALL;
        let mut bulk = splices && from.nature() == Nature::File;
        // Whether a socket's peer is still there, the other direction learns by reading it.
        let watched = to.nature() != Nature::Stream || route.rules.only.is_some();
        let mut broken = watched.then(|| Box::pin(to.until_broken()));
        loop {
            if bulk {
                poll_fn(|cx| match from.poll_readable(cx) {
                    Poll::Pending => gone_by_now(&mut broken, cx).map(Err),
                    ready => ready.map_err(Stop::Read),
                })
                .await?;
                let burst = Box::pin(splice::burst(from, to, route.meter)).await?;
                bulk = burst.moved >= SMALL;
                match burst.then {
                    splice::Then::End => return Ok(()),
                    splice::Then::Wait => continue,
                    splice::Then::Copy => splices = false,
                }
            }
            let (buffer, length, after) = poll_fn(|cx| match room::poll_read(from, size, cx) {
                Poll::Pending => gone_by_now(&mut broken, cx).map(Err),
                ready => ready.map_err(Stop::Read),
            })
            .await?;
            if length == 0 {
                return Ok(());
            }
            let filled = length == buffer.len();
            route.tap(&buffer[..length]);
            let mut sent = 0;
            let after = if finish == Finish::Shutdown { after } else { After::Something };
            let written = poll_fn(|cx| to.poll_write_all(cx, &buffer[..length], after, &mut sent)).await;
            room::give_back(buffer);
            written.map_err(Stop::Write)?;
            route.meter.add(length, 1);
            // Files never wait: without this, nothing else on the thread (signals, deadlines) would get its turn.
            tokio::task::consume_budget().await;
            bulk = filled && splices;
            if filled && !splices {
                to.carries_bulk();
                size = (size * 4).min(LARGE);
            }
        }
    }
}

/// Whether whoever reads what is written has left, where that is watched.
fn gone_by_now(broken: &mut Option<Pin<Box<impl Future<Output = ()>>>>, cx: &mut Context<'_>) -> Poll<Stop> {
    match broken {
        Some(broken) => broken.as_mut().poll(cx).map(|()| gone()),
        None => Poll::Pending,
    }
}

/// Whether whoever read what is written has left.
fn has_left(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn broken_pipe() -> io::Error {
    io::Error::from_raw_os_error(libc::EPIPE)
}

fn gone() -> Stop {
    Stop::Write(broken_pipe())
}

/// From any stream of bytes to anything; a read becomes a message where the sink takes messages.
async fn bytes(reader: &mut Reader, writer: &mut Writer, route: &Route<'_>) -> Result<(), Stop> {
    let to_messages = matches!(writer, Writer::Datagrams(_) | Writer::Messages(_));
    let mut size = if to_messages { route.rules.block } else { SMALL };
    let mut batch = Batch::new();
    loop {
        let (buffer, length) = match reader {
            Reader::Stream(from) => tokio::select! {
                biased;
                read = room::read(from, size) => read,
                () = writer.until_broken() => return Err(gone()),
            },
            Reader::Bytes(from) => {
                let mut buffer = room::take(size);
                let read = tokio::select! {
                    biased;
                    read = from.read(&mut buffer) => read,
                    () = writer.until_broken() => return Err(gone()),
                };
                read.map(|length| (buffer, length))
            }
            _ => return Ok(()),
        }
        .map_err(Stop::Read)?;
        if length == 0 {
            return Ok(());
        }
        route.tap(&buffer[..length]);
        let written = match writer {
            Writer::Stream(to, _) => to.write_all(&buffer[..length]).await,
            Writer::Bytes(to) => write_and_flush(to, &buffer[..length]).await,
            Writer::Datagrams(to) => to.send_one(&buffer[..length]).await,
            Writer::Messages(to) => {
                batch.clear();
                batch.push(&buffer[..length]);
                to.send(&batch).await
            }
            Writer::Nothing => Ok(()),
        };
        if length == buffer.len() && !to_messages {
            if let Writer::Stream(to, _) = writer {
                to.carries_bulk();
            }
            size = (size * 4).min(LARGE);
        }
        room::give_back(buffer);
        written.map_err(Stop::Write)?;
        route.meter.add(length, 1);
        tokio::task::consume_budget().await;
    }
}

/// From messages to anything; into a stream they are written one after the other.
async fn messages(reader: &mut Reader, writer: &mut Writer, route: &Route<'_>) -> Result<(), Stop> {
    let mut batch = Batch::new();
    loop {
        batch.clear();
        let more = match reader {
            Reader::Datagrams(from) => tokio::select! {
                biased;
                more = from.recv(&mut batch) => more,
                () = writer.until_broken() => return Err(gone()),
            },
            Reader::Messages(from) => tokio::select! {
                biased;
                more = from.recv(&mut batch) => more,
                () = writer.until_broken() => return Err(gone()),
            },
            _ => Ok(false),
        };
        if !more.map_err(Stop::Read)? {
            return Ok(());
        }
        batch.iter().for_each(|message| route.tap(message));
        writer.send_batch(&batch).await.map_err(Stop::Write)?;
        route.meter.add(batch.bytes().len(), batch.len());
        tokio::task::consume_budget().await;
    }
}

async fn write_and_flush(
    to: &mut (dyn tokio::io::AsyncWrite + Send + Unpin),
    bytes: &[u8],
) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
