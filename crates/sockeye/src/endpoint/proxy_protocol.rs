//! `send-proxy` and `accept-proxy`: the client's address ahead of its data, and handshakes in general that
//! accepted connections go through before they count.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use sockeye_proto::{
    address::Address,
    proxy_protocol::{self, Header, Peers},
};
use tokio::sync::{Semaphore, mpsc};

use super::{About, Context, Endpoint, Listener, Name, Reader};
use crate::{Error, Result, error::Reason};

/// How long an accepted connection may take to say who it is.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many may be at it at a time.
const AT_ONCE: usize = 1024;

/// How many that are done may wait to be taken.
const WAITING: usize = 64;

/// The header to send on behalf of `client`.
pub(super) fn header(version: &str, client: Option<&About>) -> Vec<u8> {
    let address = |name: &Option<Name>| name.as_ref()?.ip();
    let peers = client.and_then(|client| {
        Some(Peers { source: address(&client.peer)?, destination: address(&client.local)? })
    });
    match version {
        "v2" => proxy_protocol::version_2(peers),
        _ => proxy_protocol::version_1(peers),
    }
}

/// Reads the header of an accepted connection; the client is who it says.
pub(super) async fn accept(mut endpoint: Endpoint) -> Result<Endpoint> {
    let failed = |about: &About, e: Reason| Error::new("read the PROXY header of", about.name(), e);
    let Reader::Stream(handle) = &endpoint.reader else {
        let reason = Reason::Usage("it is no stream".into());
        return Err(failed(&endpoint.about, reason));
    };
    let mut reader = proxy_protocol::Reader::new();
    let header = loop {
        let mut buffer = vec![0; reader.wants()];
        let length = handle.read(&mut buffer).await.map_err(|e| failed(&endpoint.about, e.into()))?;
        match reader.receive(&buffer[..length]) {
            Ok(None) => {}
            Ok(Some(header)) => break header,
            Err(e) => return Err(failed(&endpoint.about, Reason::Protocol(e.to_string()))),
        }
    };
    if let Header::Proxied(peers) = header {
        let about = About {
            address: endpoint.about.address.clone(),
            local: Some(peers.destination.into()),
            peer: Some(peers.source.into()),
            descriptors: endpoint.about.descriptors,
            facts: None,
        };
        endpoint.about = Arc::new(about);
    }
    Ok(endpoint)
}

/// What an accepted connection goes through.
pub(super) type Greet =
    Arc<dyn Fn(Endpoint) -> Pin<Box<dyn Future<Output = Result<Endpoint>> + Send>> + Send + Sync>;

/// A listener whose connections have been through `greet`, many at a time: one that says nothing holds up
/// nobody else. Those that fail are told of and closed.
pub(super) fn greeted(
    mut inner: Listener,
    greet: Greet,
    address: &Address,
    context: &Context,
) -> Result<Listener> {
    let about = (**inner.about()).clone();
    let (done, from) = mpsc::channel(WAITING);
    let told = context.clone();
    let task = tokio::spawn(async move {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let endpoint = tokio::select! {
                accepted = inner.accept() => match accepted {
                    Ok(endpoint) => endpoint,
                    Err(_) => return,
                },
                () = done.closed() => return,
            };
            let (greet, done, told) = (greet.clone(), done.clone(), told.clone());
            tokio::spawn(async move {
                let name = endpoint.about.name().to_owned();
                let greeted = match tokio::time::timeout(HANDSHAKE, greet(endpoint)).await {
                    Ok(greeted) => greeted,
                    Err(_) => Err(Error::new("shake hands with", &name, Reason::TimedOut(HANDSHAKE))),
                };
                drop(place);
                match greeted {
                    // Nobody waits for it any more: it closes.
                    Ok(endpoint) => drop(done.send(endpoint).await),
                    Err(error) => told.notice(format_args!("{error}")),
                }
            });
        }
    });
    Listener::sessions(from, task, about, address, context)
}

/// The error of an endpoint that should be a stream.
pub(super) fn no_stream() -> io::Error {
    io::Error::other("it is no stream of bytes")
}
