//! Listening: an endpoint for each peer that comes.
//!
//! A listener outlives what single connections do to it: a peer that resets before it is accepted is
//! skipped, and when descriptors run out it waits for some to come free, without spinning.

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::net::SocketFlags;
use sockeye_proto::address::{Address, Kind, Options};
use tokio::{io::Interest, sync::mpsc};

use super::{
    About, Context, Endpoint, Handle, Name, Nature, Unlink, access::Access, begin::begin, net::named, shape,
    sockopt, tcp, uninterrupted,
};
use crate::{Error, Result, error::Reason, event::Event, socket::Addr};

/// How long to wait for descriptors to come free before trying again.
pub(super) const BACKOFF: Duration = Duration::from_millis(100);

/// How often a refusal of the kernel is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Gives an endpoint for each peer. The socket closes when this is dropped.
#[derive(Debug)]
pub struct Listener {
    source: Source,
    terms: Arc<Terms>,
    /// The path of a Unix socket, and lock files, go with their listener.
    unlink: Vec<Unlink>,
}

/// What a listener knows beside its socket.
#[derive(Debug, Clone)]
struct Terms {
    about: Arc<About>,
    access: Access,
    kind: Kind,
    options: Options,
    context: Context,
    shortage: Arc<Shortage>,
}

/// A listener's socket on its way to another thread's runtime.
#[derive(Debug)]
pub(super) struct Shared {
    socket: OwnedFd,
    nature: Nature,
    terms: Arc<Terms>,
    unlink: Vec<Unlink>,
}

impl Shared {
    /// A listener on the runtime that this is called in.
    pub(super) fn listener(self) -> Result<Listener> {
        let Self { socket, nature, terms, unlink } = self;
        let handle =
            Handle::socket(socket, nature).map_err(|e| Error::new("listen on", &terms.about.address, e))?;
        Ok(Listener { source: Source::Stream(handle), terms, unlink })
    }
}

#[derive(Debug)]
enum Source {
    /// accept(2) on a listening socket.
    Stream(Handle),
    /// Endpoints made by a task that reads a shared socket and ends with this listener.
    Sessions { from: mpsc::Receiver<Endpoint>, task: Task },
}

/// Aborted when this is dropped, unless it was let go.
#[derive(Debug)]
struct Task(Option<tokio::task::JoinHandle<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Listener {
    /// A listener on a socket on which listen(2) was called already.
    pub(super) fn stream(socket: OwnedFd, address: &Address, context: &Context) -> Result<Self> {
        let what = address.to_string();
        let handle = Handle::new(socket).map_err(|e| Error::new("listen on", &what, e))?;
        let local = socket2::SockRef::from(&handle).local_addr().ok();
        let local = local.and_then(|a| Addr::from_kernel(&a)).map(Name::from);
        Self::with(
            Source::Stream(handle),
            About { address: what, local, ..About::default() },
            address,
            context,
        )
    }

    /// A listener whose endpoints `task` makes.
    pub(super) fn sessions(
        from: mpsc::Receiver<Endpoint>,
        task: tokio::task::JoinHandle<()>,
        about: About,
        address: &Address,
        context: &Context,
    ) -> Result<Self> {
        Self::with(Source::Sessions { from, task: Task(Some(task)) }, about, address, context)
    }

    fn with(source: Source, about: About, address: &Address, context: &Context) -> Result<Self> {
        let access = Access::of(&address.options)?;
        let about = Arc::new(about);
        let (kind, options, context) = (address.kind.clone(), address.options.clone(), context.clone());
        let shortage = Arc::new(Shortage {
            address: about.address.clone(),
            context: context.clone(),
            told: Mutex::default(),
        });
        let terms = Terms { about, access, kind, options, context, shortage }.into();
        Ok(Self { source, terms, unlink: Vec::new() })
    }

    /// Without a look at the peers, and without what options do to the data.
    pub(super) fn plain(mut self) -> Self {
        let terms = Arc::make_mut(&mut self.terms);
        terms.access = Access::default();
        terms.options = sockopt::only_late(&terms.options);
        self
    }

    /// The path goes away when the listener does.
    pub(super) fn unlinking(mut self, path: Unlink) -> Self {
        self.unlink.push(path);
        self
    }

    /// The same socket for this many loops on threads of their own: each peer comes to one of them. Itself where
    /// peers come from a task that reads one socket for all.
    pub(super) fn share(self, loops: usize) -> Result<Vec<Shared>, Self> {
        let Self { source, terms, unlink } = self;
        let Source::Stream(handle) = source else { return Err(Self { source, terms, unlink }) };
        let nature = handle.nature();
        let own = handle.into_fd();
        let shared = |socket| Shared { socket, nature, terms: terms.clone(), unlink: Vec::new() };
        let mut all: Vec<_> = (1..loops).map_while(|_| own.try_clone().ok()).map(shared).collect();
        all.push(Shared { unlink, ..shared(own) });
        Ok(all)
    }

    /// Takes no more peers, but lets the task of a shared socket serve those that came.
    pub(super) fn last(mut self) {
        if let Source::Sessions { task, .. } = &mut self.source {
            task.0 = None;
        }
    }

    /// Those paths too.
    pub(super) fn hold(&mut self, locks: Vec<Unlink>) {
        self.unlink.extend(locks);
    }

    /// The address as given, and what it is bound to.
    pub fn about(&self) -> &Arc<About> {
        &self.terms.about
    }

    /// What to do when there is no room for what a client needs.
    pub fn shortage(&self) -> Arc<Shortage> {
        self.terms.shortage.clone()
    }

    /// Waits for the next peer that is allowed in.
    ///
    /// # Errors
    /// Only those that end a listener: its socket was shut down. Whatever single peers do, and a lack of
    /// descriptors, is told through the context and waited out.
    pub async fn accept(&mut self) -> Result<Endpoint> {
        loop {
            let mut endpoint = match &mut self.source {
                Source::Sessions { from, .. } => match from.recv().await {
                    Some(endpoint) => endpoint,
                    None => return Err(self.failed(io::Error::other("its socket failed"))),
                },
                Source::Stream(handle) => {
                    match accept_one(handle, &self.terms.about, &self.terms.options).await {
                        Ok(endpoint) => endpoint,
                        Err(e) if is_about_the_peer(&e) => continue,
                        Err(e) if is_shortage(e.raw_os_error()) => {
                            self.terms.shortage.tell(&e.into());
                            tokio::time::sleep(BACKOFF).await;
                            continue;
                        }
                        Err(e) => return Err(self.failed(e)),
                    }
                }
            };
            endpoint.note_descriptors();
            if self.terms.access.admits(endpoint.about.peer.as_ref().and_then(Name::ip)) {
                match begin(endpoint, &self.terms.kind, &self.terms.options, &self.terms.context).await {
                    Ok(endpoint) => {
                        return Ok(shape::apply(endpoint, &self.terms.options, &self.terms.context));
                    }
                    Err(error) => {
                        self.terms.context.notice(format_args!("{error}"));
                        continue;
                    }
                }
            }
            let About { address, peer, .. } = &*endpoint.about;
            self.terms.context.events.emit(|| Event::Refused {
                address,
                peer: peer.as_deref(),
                reason: "access",
            });
            self.terms.context.notice(format_args!("{}: refused by allow/deny", endpoint.about.name()));
        }
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::new("accept on", &self.terms.about.address, error)
    }
}

/// What a listener does when descriptors or the kernel's memory run out: it says so, seldom, and waits.
#[derive(Debug)]
pub struct Shortage {
    address: String,
    context: Context,
    told: Mutex<Option<Instant>>,
}

impl Shortage {
    /// After a failure to open something on behalf of a client that was accepted already: where there was no
    /// room, waits for a moment and says that it is worth another attempt.
    pub async fn waited(&self, failure: Option<&Error>) -> bool {
        let Some(error) = failure.filter(|e| is_shortage(e.errno())) else { return false };
        self.tell(error.reason());
        Box::pin(tokio::time::sleep(BACKOFF)).await;
        true
    }

    /// At most one line in a while, however many clients wait.
    pub(super) fn tell(&self, reason: &Reason) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|last| now.duration_since(last) >= TELL_EVERY) {
            *told = Some(now);
            self.context.notice(format_args!(
                "{}: no room for more: {reason} (clients wait; raise the limit with 'ulimit -n')",
                self.address
            ));
        }
    }
}

async fn accept_one(listener: &Handle, own: &About, options: &Options) -> io::Result<Endpoint> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (fd, peer) = listener
        .wait(Interest::READABLE, || uninterrupted(|| rustix::net::acceptfrom_with(listener, flags)))
        .await?;
    sockopt::late(options, &fd)?;
    let local = match &own.local {
        Some(local) if !is_everywhere(local) => Some(local.clone()),
        _ => rustix::net::getsockname(&fd).ok().as_ref().and_then(named),
    };
    let peer = peer.as_ref().and_then(named);
    let mut handle = Handle::socket(fd, listener.nature())?;
    if let Some(peer) = peer.as_ref().and_then(Name::ip) {
        handle = handle.between(local.as_ref().and_then(Name::ip), peer, options);
    }
    let about = About { address: own.address.clone(), local, peer, ..About::default() };
    Ok(tcp::endpoint(Arc::new(handle), about))
}

/// Whether a listener's name says nothing of the address that its peers connect to.
fn is_everywhere(local: &Name) -> bool {
    local.ip().is_some_and(|address| address.ip().is_unspecified())
}

/// accept(2) also reports what happened to the connection it would have returned.
fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENOPROTOOPT
                | libc::EPERM
                | libc::ETIMEDOUT
        )
    )
}

fn is_shortage(errno: Option<i32>) -> bool {
    matches!(errno, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
