//! Seeing relays while they run: statistics on SIGUSR1, progress, metrics over HTTP.

use std::{sync::Arc, time::Duration};

use sockeye::{
    Error,
    endpoint::{Batch, Context, Endpoint},
    relay::Registry,
};
use sockeye_proto::address::{Kind, Role, Spec};
use tokio::signal::unix::{SignalKind, signal};

use super::{listen::listener, session::prompted};
use crate::output::{Failure, notice, traffic};

/// How often progress is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The largest request head for metrics.
const HEAD: usize = 8 * 1024;

/// How long a request for metrics may take.
const REQUEST_TIME: Duration = Duration::from_secs(10);

/// Prints what is relayed whenever SIGUSR1 comes.
pub(super) fn on_signal(registry: Arc<Registry>) -> Result<(), Failure> {
    let mut signals =
        signal(SignalKind::user_defined1()).map_err(|e| Error::new("wait for", "SIGUSR1", e))?;
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            traffic::registry(&registry);
        }
    });
    Ok(())
}

/// Draws a bar, or counts where the size is not known, on a terminal.
pub(super) fn progress(registry: Arc<Registry>, source: &Spec) {
    let size = size_of(source);
    tokio::spawn(async move {
        let bar = traffic::progress_bar(size);
        loop {
            let live: u64 = registry.live().iter().map(|relay| relay.bytes.iter().sum::<u64>()).sum();
            let ended: u64 = registry.ended().bytes.iter().sum();
            bar.set_position(live + ended);
            tokio::time::sleep(DRAW_EVERY).await;
        }
    });
}

/// How much will come, where it comes from a file.
fn size_of(source: &Spec) -> Option<u64> {
    let (Spec::Single(address) | Spec::Dual { read: address, .. }) = source;
    let metadata = match &address.kind {
        Kind::Open(path) | Kind::Gopen(path) => std::fs::metadata(path),
        Kind::Stdio | Kind::Stdin => std::fs::metadata("/proc/self/fd/0"),
        _ => return None,
    };
    metadata.ok().filter(std::fs::Metadata::is_file).map(|m| m.len())
}

/// Answers every HTTP request at `address` with the metrics.
pub(super) async fn metrics(
    address: &str,
    registry: Arc<Registry>,
    context: &Context,
) -> Result<(), Failure> {
    let mut listener = listener(&prompted(address, Role::Listen)?.address, context).await?;
    let about = listener.about();
    notice(format_args!("metrics on http://{}/metrics", about.local.as_deref().unwrap_or(&about.address)));
    tokio::spawn(async move {
        while let Ok(client) = listener.accept().await {
            let registry = registry.clone();
            tokio::spawn(async move {
                // A client that does not finish its request gets no answer.
                let _ = tokio::time::timeout(REQUEST_TIME, answer(client, &registry)).await;
            });
        }
    });
    Ok(())
}

async fn answer(mut client: Endpoint, registry: &Registry) -> std::io::Result<()> {
    let (mut head, mut batch) = (Vec::new(), Batch::new());
    while !head.windows(4).any(|w| w == b"\r\n\r\n") && head.len() < HEAD {
        if !client.reader.recv(&mut batch).await? {
            return Ok(());
        }
        head.extend_from_slice(batch.bytes());
    }
    let (status, body) = match head.starts_with(b"GET ") {
        true => ("200 OK", registry.metrics()),
        false => ("405 Method Not Allowed", String::new()),
    };
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    client.writer.send(reply.as_bytes()).await?;
    client.close().await;
    Ok(())
}
