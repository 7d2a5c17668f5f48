//! Many clients that hear one another: what one says goes to all the others.
//!
//! Each client has a queue of its own, bounded in bytes. Who does not keep up is dropped with a reason; the
//! others lose nothing and are not slowed.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::mpsc;

use crate::endpoint::{Batch, Endpoint};

/// How many bytes may wait for one client before it is dropped.
const QUEUE: usize = 1 << 20;

/// Where everyone meets.
#[derive(Debug, Default)]
pub struct Hub {
    members: Mutex<HashMap<u64, Member>>,
}

#[derive(Debug)]
struct Member {
    queue: mpsc::UnboundedSender<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
}

/// A member's side: what it is to hear.
#[derive(Debug)]
pub struct Hearing {
    queue: mpsc::UnboundedReceiver<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
}

impl Hub {
    /// Takes part under this number.
    pub fn join(&self, id: u64) -> Hearing {
        let (send, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        self.lock().insert(id, Member { queue: send, waiting: waiting.clone() });
        Hearing { queue, waiting }
    }

    /// Takes part no more.
    pub fn leave(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Says something to everyone but `from`. Whose queue is full is out: its hearing ends.
    pub fn say(&self, from: Option<u64>, text: &[u8]) {
        let text: Arc<[u8]> = text.into();
        self.lock().retain(|id, member| {
            if Some(*id) == from {
                return true;
            }
            let waiting = member.waiting.fetch_add(text.len(), Relaxed) + text.len();
            waiting <= QUEUE && member.queue.send(text.clone()).is_ok()
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Member>> {
        self.members.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Hearing {
    /// What comes next; nothing when the hub has dropped this member.
    pub async fn next(&mut self) -> Option<Arc<[u8]>> {
        let text = self.queue.recv().await?;
        self.waiting.fetch_sub(text.len(), Relaxed);
        Some(text)
    }
}

/// Lets one client hear and be heard until it leaves. `said` turns what it says into what the others hear.
///
/// # Errors
/// When receiving or sending fails, and [`io::ErrorKind::TimedOut`] when it did not keep up with the others.
pub async fn member(
    hub: &Hub,
    id: u64,
    endpoint: &mut Endpoint,
    mut said: impl FnMut(&[u8]) -> Option<Vec<u8>>,
) -> io::Result<()> {
    let mut hearing = hub.join(id);
    let mut batch = Batch::new();
    let outcome = loop {
        tokio::select! {
            more = endpoint.reader.recv(&mut batch) => match more {
                Ok(true) => {
                    for text in batch.iter().filter_map(&mut said) {
                        hub.say(Some(id), &text);
                    }
                    batch.release();
                }
                Ok(false) => break Ok(()),
                Err(e) => break Err(e),
            },
            next = hearing.next() => {
                let Some(text) = next else {
                    break Err(io::Error::new(io::ErrorKind::TimedOut, "it did not keep up with the others"));
                };
                if let Err(e) = endpoint.writer.send(&text).await {
                    break Err(e);
                }
            }
        }
    };
    hub.leave(id);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn everyone_else_hears_in_order() {
        let hub = Hub::default();
        let (mut one, mut two) = (hub.join(1), hub.join(2));
        hub.say(Some(1), b"a");
        hub.say(None, b"b");
        block_on(async {
            assert_eq!(&*two.next().await.expect("a"), b"a");
            assert_eq!(&*two.next().await.expect("b"), b"b");
            assert_eq!(&*one.next().await.expect("b"), b"b");
        });
    }

    #[test]
    fn who_does_not_keep_up_is_dropped_and_the_others_lose_nothing() {
        let hub = Hub::default();
        let (mut slow, mut quick) = (hub.join(1), hub.join(2));
        let text = vec![7; QUEUE / 4];
        block_on(async {
            for _ in 0..10 {
                hub.say(None, &text);
                assert_eq!(quick.next().await.as_deref(), Some(&text[..]));
            }
            let mut heard = 0;
            while slow.next().await.is_some() {
                heard += 1;
            }
            assert_eq!(heard, 4, "what fitted its queue was still delivered");
        });
    }
}
