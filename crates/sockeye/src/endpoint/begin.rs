//! What happens to an endpoint between its opening and its first byte: settings of descriptors that we did not
//! make, what its address says of ends and deadlines, and what is sent before anything else.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    sync::Arc,
    task::{Context as Polling, Poll},
};

use rustix::{fs::Mode, io::FdFlags};
use sockeye_proto::address::{Kind, OptionName, Options};
use tokio::io::AsyncWrite;

use super::{
    Batch, BoxFuture, Context, DatagramReader, DatagramWriter, Endpoint, Finish, Handle, MessageRead,
    MessageWrite, Nature, Reader, Terms, Writer, descriptor, file, program, proxy_protocol, sockopt,
    terminal,
};
use crate::{Error, Result, error::Reason};

/// Prepares an endpoint as the options of its address say.
pub(super) async fn begin(
    mut endpoint: Endpoint,
    kind: &Kind,
    options: &Options,
    context: &Context,
) -> Result<Endpoint> {
    if options.iter().next().is_none() {
        return Ok(endpoint);
    }
    if is_foreign(kind) {
        adopt(&mut endpoint, kind, options)?;
    }
    // Who opens a pseudo terminal has to find it ready.
    if !matches!(kind, Kind::Pty) {
        descriptor::apply(options, &handles(&endpoint), &endpoint.about.address)?;
    }
    let terms = Terms {
        // Sessions of UDP-LISTEN end by themselves after that time.
        idle: options.time(OptionName::IdleTimeout).filter(|_| !matches!(kind, Kind::UdpListen { .. })),
        total: options.time(OptionName::TotalTimeout),
        ends_with_other: options.text(OptionName::HalfClose) == Some("close")
            || options.text(OptionName::Shut) == Some("close"),
        cool_write: options.flag(OptionName::CoolWrite),
    };
    if terms != Terms::default() {
        endpoint.keep.rare().terms = terms;
    }
    if options.flag(OptionName::NullEof) {
        endpoint.reader = match endpoint.reader {
            Reader::Datagrams(from) => Reader::Messages(Box::new(NullEof { from, ended: false })),
            other => other,
        };
    }
    endpoint.writer = ending(endpoint.writer, options);
    if options.has(OptionName::SendProxy) || options.has(OptionName::Preamble) {
        Box::pin(greet(&mut endpoint, options, context)).await?;
    }
    Ok(endpoint)
}

/// Sends what its address says that comes before anything else.
async fn greet(endpoint: &mut Endpoint, options: &Options, context: &Context) -> Result<()> {
    if let Some(version) = options.text(OptionName::SendProxy) {
        let header = proxy_protocol::header(version, context.other.as_deref());
        send(endpoint, &header, "send the PROXY header to").await?;
    }
    if let Some(preamble) = options.text(OptionName::Preamble) {
        send(endpoint, preamble.as_bytes(), "send the preamble to").await?;
    }
    Ok(())
}

async fn send(endpoint: &mut Endpoint, bytes: &[u8], attempt: &'static str) -> Result<()> {
    let failed = |e: Reason| Error::new(attempt, endpoint.about.name(), e);
    if matches!(endpoint.writer, Writer::Nothing) {
        return Err(failed(Reason::Usage("nothing is sent this way".into())));
    }
    endpoint.writer.send(bytes).await.map_err(|e| failed(e.into()))
}

/// Descriptors that are what they are, whoever made them.
pub(super) fn is_foreign(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Stdio
            | Kind::Stdin
            | Kind::Stdout
            | Kind::Stderr
            | Kind::Fd(_)
            | Kind::Open(_)
            | Kind::Gopen(_)
    )
}

fn adopt(endpoint: &mut Endpoint, kind: &Kind, options: &Options) -> Result<()> {
    let what = endpoint.about.address.clone();
    let handles: Vec<Arc<Handle>> = handles(endpoint);
    let sockets = handles.iter().filter(|h| matches!(h.nature(), Nature::Stream | Nature::Packets));
    // A socket that GOPEN connected has its options already.
    if sockopt::wanted(options) && !matches!(kind, Kind::Gopen(_)) {
        let sockets: Vec<_> = sockets.collect();
        if sockets.is_empty() {
            let reason = Reason::Usage("it is no socket".into());
            return Err(Error::new("set the socket options of", &what, reason));
        }
        for socket in sockets {
            sockopt::all(options, socket)?;
        }
    }
    let fds: Vec<BorrowedFd<'_>> = handles.iter().map(|h| h.as_fd()).collect();
    let changed = terminal::apply_to_some(options, &fds, &what)?;
    if !changed.is_empty() {
        endpoint.keep.rare().terminals = changed;
    }
    for fd in fds {
        if !matches!(kind, Kind::Open(_) | Kind::Gopen(_)) {
            own(fd, &what, options)?;
            file::lock(fd, &what, options)?;
        }
        if options.has(OptionName::Cloexec) {
            let flags = if options.flag(OptionName::Cloexec) { FdFlags::CLOEXEC } else { FdFlags::empty() };
            rustix::io::fcntl_setfd(fd, flags).map_err(|e| Error::new("pass on", &what, e))?;
        }
    }
    Ok(())
}

fn own(fd: BorrowedFd<'_>, what: &str, options: &Options) -> Result<()> {
    let text = |names: [OptionName; 2]| names.into_iter().find_map(|name| options.text(name));
    let user = text([OptionName::User, OptionName::UserLate]).map(program::user_id).transpose()?;
    let group = text([OptionName::Group, OptionName::GroupLate]).map(program::group_id).transpose()?;
    if user.is_some() || group.is_some() {
        std::os::unix::fs::fchown(fd, user, group).map_err(|e| Error::new("set the owner of", what, e))?;
    }
    let mode = [OptionName::Mode, OptionName::ModeLate].into_iter().find_map(|name| options.number(name));
    if let Some(mode) = mode.and_then(|mode| u32::try_from(mode).ok()) {
        rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))
            .map_err(|e| Error::new("set the mode of", what, e))?;
    }
    Ok(())
}

fn handles(endpoint: &Endpoint) -> Vec<Arc<Handle>> {
    let mut found = Vec::new();
    match &endpoint.reader {
        Reader::Stream(handle) => found.push(handle.clone()),
        Reader::Datagrams(reader) => found.extend(reader.handle().cloned()),
        _ => {}
    }
    match &endpoint.writer {
        Writer::Stream(handle, _) if !found.iter().any(|h| Arc::ptr_eq(h, handle)) => {
            found.push(handle.clone());
        }
        Writer::Datagrams(writer) if found.is_empty() => found.push(writer.handle().clone()),
        _ => {}
    }
    found
}

/// How the end is passed on, where the options say something else than is usual.
fn ending(writer: Writer, options: &Options) -> Writer {
    let shut = options.text(OptionName::Shut);
    let silent = options.text(OptionName::HalfClose) == Some("ignore")
        || shut == Some("none")
        || options.flag(OptionName::EndClose);
    match writer {
        Writer::Datagrams(to) if shut == Some("null") => Writer::Messages(Box::new(NullAtEnd(to))),
        Writer::Datagrams(to) if silent => Writer::Messages(Box::new(Silent(to))),
        Writer::Stream(to, _) if silent => Writer::Stream(to, Finish::Nothing),
        Writer::Bytes(to) if silent => Writer::Bytes(Box::new(NeverShut(to))),
        other => other,
    }
}

/// Messages whose end is an empty one.
struct NullEof {
    from: Box<DatagramReader>,
    ended: bool,
}

impl MessageRead for NullEof {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            if self.ended || !self.from.recv(batch).await? {
                return Ok(false);
            }
            // A receive stops behind an empty message: only the last can be one.
            if batch.iter().last().is_some_and(<[u8]>::is_empty) {
                self.ended = true;
                batch.pop();
            }
            Ok(!batch.is_empty())
        })
    }
}

/// Says at the end that no more comes by an empty message.
struct NullAtEnd(Box<DatagramWriter>);

impl MessageWrite for NullAtEnd {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.0.send(batch))
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.0.send_one(&[]))
    }
}

/// Says nothing at the end.
struct Silent(Box<DatagramWriter>);

impl MessageWrite for Silent {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.0.send(batch))
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A stream whose end is not passed on.
struct NeverShut(Box<dyn AsyncWrite + Send + Sync + Unpin>);

impl AsyncWrite for NeverShut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Polling<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Polling<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
}
