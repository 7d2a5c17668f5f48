//! Static files over HTTP/1.1: the core of `serve files`.
//!
//! A client has [`Options::head`] for each request's head, so one that sends a byte now and then keeps nothing
//! busy for long; a kept connection may be silent for [`Options::idle`]. What a path means is settled by the
//! kernel: files are opened beneath the root (openat2, `RESOLVE_BENEATH`), whatever dots and links say.

mod answer;
mod file_type;

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    time::timeout,
};

use crate::{
    Error, Result,
    endpoint::{Endpoint, Handle, Listener, Name, Reader, Writer, clients},
    event::{Events, next_id},
    proto::http::{
        BodyEvent, Fields, Limits, Method, RequestEvent, RequestHead, RequestReader, StatusCode, Version,
    },
    stop::Stop,
};
use answer::{Answer, Content};

/// How files are served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a directory without `index.html` is listed; else it is not found.
    pub listing: bool,
    /// The time a client has for the head of a request.
    pub head: Duration,
    /// How long a kept connection may be silent, and a slow reader may take nothing.
    pub idle: Duration,
    /// Where events go.
    pub events: Events,
}

impl Default for Options {
    /// Listings, 10 s for a head, 60 s of silence.
    fn default() -> Self {
        let (head, idle) = (Duration::from_secs(10), Duration::from_secs(60));
        Self { listing: true, head, idle, events: Events::none() }
    }
}

/// A directory that is served.
#[derive(Debug)]
pub struct Files {
    root: OwnedFd,
    options: Options,
}

/// What is told of each request.
#[derive(Serialize)]
struct Served<'a> {
    event: &'static str,
    id: u64,
    peer: Option<&'a str>,
    method: &'a str,
    target: &'a str,
    status: u16,
    bytes: u64,
}

/// The largest file that is read into memory, to go out with its head in one write.
const SMALL: u64 = 32 << 10;
/// What of a request's body is read past, to keep the connection.
const SKIPPED: u64 = 64 << 10;

impl Files {
    /// Serves what is beneath `root`.
    ///
    /// # Errors
    /// A root that cannot be opened or is no directory.
    pub fn new(root: &Path, options: Options) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())
            .map_err(|e| Error::new("serve files of", root.display(), e))?;
        Ok(Self { root, options })
    }

    /// Serves one client to its end.
    ///
    /// # Errors
    /// The stream's. A client that is too slow or breaks the protocol is told so and closed, without an error.
    pub async fn serve(&self, endpoint: &mut Endpoint) -> io::Result<()> {
        let peer = endpoint.about.peer.clone();
        let wire = match (&mut endpoint.reader, &mut endpoint.writer) {
            (Reader::Stream(from), Writer::Stream(to, _)) => Wire::Handles(Arc::clone(from), Arc::clone(to)),
            (Reader::Bytes(from), Writer::Bytes(to)) => Wire::Computed(from, to),
            _ => {
                let kind = io::ErrorKind::Unsupported;
                return Err(io::Error::new(kind, "HTTP needs a stream that goes both ways"));
            }
        };
        let room = vec![0; Limits::default().head + 1024];
        Client { files: self, wire, peer, id: next_id(), room, filled: 0, out: Vec::new() }.serve().await
    }
}

/// Serves every client of `listener` until asked to stop.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve(
    files: Arc<Files>,
    listener: Listener,
    limits: &clients::Limits,
    stop: &Stop,
) -> Result<clients::Served> {
    let events = files.options.events.clone();
    clients::serve(listener, limits, &events, stop, move |mut endpoint| {
        let files = Arc::clone(&files);
        async move {
            // Whatever ends one client's conversation is no matter of the others.
            let _ = files.serve(&mut endpoint).await;
            endpoint.close().await;
        }
    })
    .await
}

/// Bytes in and out.
enum Wire<'a> {
    Handles(Arc<Handle>, Arc<Handle>),
    Computed(
        &'a mut Box<dyn tokio::io::AsyncRead + Send + Sync + Unpin>,
        &'a mut Box<dyn tokio::io::AsyncWrite + Send + Sync + Unpin>,
    ),
}

impl Wire<'_> {
    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Handles(from, _) => from.read(room).await,
            Self::Computed(from, _) => from.read(room).await,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Handles(_, to) => to.write_all(bytes).await,
            Self::Computed(_, to) => {
                to.write_all(bytes).await?;
                to.flush().await
            }
        }
    }

    /// Sends `length` bytes of a file, inside the kernel (sendfile(2)) where there is a descriptor. `idle`: the
    /// longest wait for the reader.
    async fn send(&mut self, file: &File, mut from: u64, length: u64, idle: Duration) -> io::Result<()> {
        let end = from + length;
        let shorter = || io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter");
        while from < end {
            let left = usize::try_from(end - from).unwrap_or(usize::MAX).min(1 << 20);
            let sent = match self {
                Self::Handles(_, to) => {
                    let send = || Ok(rustix::fs::sendfile(&**to, file, Some(&mut from), left)?);
                    timeout(idle, to.wait(Interest::WRITABLE, send)).await??
                }
                Self::Computed(_, to) => {
                    use std::os::unix::fs::FileExt;
                    let mut piece = vec![0; left.min(64 << 10)];
                    let count = file.read_at(&mut piece, from)?;
                    from += count as u64;
                    timeout(idle, to.write_all(&piece[..count])).await??;
                    count
                }
            };
            if sent == 0 {
                return Err(shorter());
            }
            tokio::task::coop::consume_budget().await;
        }
        match self {
            Self::Handles(..) => Ok(()),
            Self::Computed(_, to) => to.flush().await,
        }
    }
}

/// One client while it is served.
struct Client<'a> {
    files: &'a Files,
    wire: Wire<'a>,
    peer: Option<Name>,
    id: u64,
    /// What was received and not consumed is at the front.
    room: Vec<u8>,
    filled: usize,
    out: Vec<u8>,
}

impl Client<'_> {
    async fn serve(&mut self) -> io::Result<()> {
        let mut first = true;
        loop {
            let mut reader = RequestReader::new(Limits::default());
            // Between requests silence is fine; a head that has begun must come to its end.
            if !first && self.filled == 0 && !self.more(self.files.options.idle).await? {
                return Ok(());
            }
            first = false;
            let head = match timeout(self.files.options.head, self.head(&mut reader)).await {
                Ok(Ok(Some(head))) => head,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(Refused::Io(e))) => return Err(e),
                Ok(Err(Refused::Request(e))) => {
                    return self.refuse(StatusCode::BAD_REQUEST, &e.to_string()).await;
                }
                Err(_) => {
                    return self.refuse(StatusCode::REQUEST_TIMEOUT, "the head did not come in time").await;
                }
            };
            let answer = answer::to(&self.files.root, &head, self.files.options.listing, SystemTime::now());
            let whole = self.skip_body(&mut reader).await?;
            let keep = whole && head.keeps_alive();
            self.answer(&head, answer, keep).await?;
            if !keep {
                return Ok(());
            }
        }
    }

    /// Reads a request's head; none where the client has left.
    async fn head(&mut self, reader: &mut RequestReader) -> Result<Option<Box<RequestHead>>, Refused> {
        loop {
            match reader.step(&self.room[..self.filled]).map_err(Refused::Request)? {
                (RequestEvent::Head(head), used) => {
                    self.consume(used);
                    return Ok(Some(head));
                }
                _ => {
                    if !self.more(self.files.options.idle).await.map_err(Refused::Io)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads past a body that nobody wants; `false` where it is too long for that.
    async fn skip_body(&mut self, reader: &mut RequestReader) -> io::Result<bool> {
        let mut skipped = 0;
        while skipped <= SKIPPED && reader.direct() <= SKIPPED {
            let Ok((RequestEvent::Body(event), used)) = reader.step(&self.room[..self.filled]) else {
                return Ok(false);
            };
            self.consume(used);
            skipped += used as u64;
            match event {
                BodyEvent::End(_) => return Ok(true),
                BodyEvent::Wait if !self.more(self.files.options.idle).await? => return Ok(false),
                _ => {}
            }
        }
        Ok(false)
    }

    async fn answer(&mut self, head: &RequestHead, answer: Answer, keep: bool) -> io::Result<()> {
        let Answer { status, mut fields, content, length } = answer;
        let connection = match (keep, head.version) {
            (false, _) => Some("close"),
            (true, Version::Http10) => Some("keep-alive"),
            (true, Version::Http11) => None,
        };
        if let Some(word) = connection {
            let _ = fields.push("Connection", word);
        }
        self.files.options.events.emit(|| Served {
            event: "request",
            id: self.id,
            peer: self.peer.as_deref(),
            method: head.method.as_str(),
            target: &head.target,
            status: status.as_u16(),
            bytes: length,
        });
        self.out.clear();
        fields.response(status, Version::Http11, &mut self.out);
        let idle = self.files.options.idle;
        let mut large = None;
        if head.method != Method::HEAD {
            match content {
                Content::None => {}
                Content::Bytes(bytes) => self.out.extend_from_slice(&bytes),
                Content::File { file, from } if length <= SMALL => {
                    use std::os::unix::fs::FileExt;
                    let at = self.out.len();
                    self.out.resize(at + usize::try_from(length).unwrap_or(0), 0);
                    file.read_exact_at(&mut self.out[at..], from)?;
                }
                Content::File { file, from } => large = Some((file, from)),
            }
        }
        timeout(idle, self.wire.write(&self.out)).await??;
        match large {
            Some((file, from)) => self.wire.send(&file, from, length, idle).await,
            None => Ok(()),
        }
    }

    /// Tells a client what is wrong with it, and ends the conversation.
    async fn refuse(&mut self, status: StatusCode, why: &str) -> io::Result<()> {
        let text = format!("{why}\n");
        let mut fields = Fields::new();
        let length = text.len().to_string();
        for (name, value) in [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", &length),
            ("Connection", "close"),
        ] {
            let _ = fields.push(name, value);
        }
        self.out.clear();
        fields.response(status, Version::Http11, &mut self.out);
        self.out.extend_from_slice(text.as_bytes());
        timeout(self.files.options.idle, self.wire.write(&self.out)).await?
    }

    /// Receives once; `false` at the end of the stream.
    async fn more(&mut self, limit: Duration) -> io::Result<bool> {
        if self.filled == self.room.len() {
            return Ok(false);
        }
        let Ok(count) = timeout(limit, self.wire.read(&mut self.room[self.filled..])).await else {
            return Ok(false);
        };
        let count = count?;
        self.filled += count;
        Ok(count > 0)
    }

    fn consume(&mut self, used: usize) {
        self.room.copy_within(used..self.filled, 0);
        self.filled -= used;
    }
}

/// Why there is no head.
enum Refused {
    Io(io::Error),
    Request(crate::proto::http::Error),
}
