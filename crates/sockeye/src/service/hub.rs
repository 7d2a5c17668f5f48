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
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use crate::endpoint::{Batch, Endpoint};

/// How many bytes may wait for one client before it is dropped.
const QUEUE: usize = 1 << 20;

/// What a queued text costs beside its bytes: empty ones must not be free.
const COST: usize = 64;

/// How many bytes are written together at the most.
const TOGETHER: usize = 64 << 10;

/// How long a member that leaves may take to read what still waits for it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where everyone meets.
#[derive(Debug)]
pub struct Hub {
    members: Mutex<HashMap<u64, Member>>,
    /// How many bytes may wait for one member.
    most: usize,
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_queue(QUEUE)
    }
}

#[derive(Debug)]
struct Member {
    queue: mpsc::UnboundedSender<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
    /// Goes with the member: a hearing that cannot write notices.
    present: oneshot::Sender<()>,
}

/// A member's side: what it is to hear.
#[derive(Debug)]
pub struct Hearing {
    queue: mpsc::UnboundedReceiver<Arc<[u8]>>,
    waiting: Arc<AtomicUsize>,
    gone: oneshot::Receiver<()>,
}

impl Hub {
    /// A hub where at most so many bytes wait for one member before it is dropped.
    pub fn with_queue(bytes: usize) -> Self {
        Self { members: Mutex::default(), most: bytes }
    }

    /// Takes part under this number.
    pub fn join(&self, id: u64) -> Hearing {
        let (send, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (present, gone) = oneshot::channel();
        self.lock().insert(id, Member { queue: send, waiting: waiting.clone(), present });
        Hearing { queue, waiting, gone }
    }

    /// Takes part no more.
    pub fn leave(&self, id: u64) {
        drop(self.remove(id));
    }

    /// As [`leave`](Self::leave); the hearing goes on to the end of its queue for as long as the result lives.
    fn remove(&self, id: u64) -> Option<oneshot::Sender<()>> {
        self.lock().remove(&id).map(|member| member.present)
    }

    /// Says something to everyone but `from`. Whose queue is full is out: its hearing ends.
    pub fn say(&self, from: Option<u64>, text: &[u8]) {
        let text: Arc<[u8]> = text.into();
        self.lock().retain(|id, member| {
            if Some(*id) == from {
                return true;
            }
            member.queue(&text, self.most)
        });
    }

    /// Says something to one member.
    pub fn tell(&self, id: u64, text: &[u8]) {
        let mut members = self.lock();
        if members.get(&id).is_some_and(|member| !member.queue(&text.into(), self.most)) {
            members.remove(&id);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Member>> {
        self.members.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Member {
    /// Queues a text; says whether there was room.
    fn queue(&self, text: &Arc<[u8]>, most: usize) -> bool {
        let cost = text.len() + COST;
        let waiting = self.waiting.fetch_add(cost, Relaxed) + cost;
        waiting <= most && self.queue.send(text.clone()).is_ok()
    }
}

impl Hearing {
    /// What comes next; nothing when the hub has dropped this member.
    pub async fn next(&mut self) -> Option<Arc<[u8]>> {
        let text = self.queue.recv().await?;
        self.waiting.fetch_sub(text.len() + COST, Relaxed);
        Some(text)
    }

    /// As [`next`](Self::next), with all that waits, up to a bound, in one batch.
    async fn fill(&mut self, batch: &mut Batch) -> Option<()> {
        batch.clear();
        batch.push(&self.next().await?);
        while batch.bytes().len() < TOGETHER
            && let Ok(text) = self.queue.try_recv()
        {
            self.waiting.fetch_sub(text.len() + COST, Relaxed);
            batch.push(&text);
        }
        Some(())
    }
}

/// What becomes of what a member said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The others hear this.
    ToOthers(Vec<u8>),
    /// Nobody hears it.
    Nothing,
    /// The member leaves.
    Leave,
}

/// Lets one client hear and be heard until it leaves. `said` says what becomes of what it says. Hearing and
/// speaking go on side by side: who does not read may still speak, until its queue is full.
///
/// # Errors
/// When receiving or sending fails, and [`io::ErrorKind::TimedOut`] when it did not keep up with the others.
pub async fn member(
    hub: &Hub,
    id: u64,
    endpoint: &mut Endpoint,
    welcome: Option<&[u8]>,
    mut said: impl FnMut(&[u8]) -> Said,
) -> io::Result<()> {
    let mut hearing = hub.join(id);
    let Endpoint { reader, writer, .. } = endpoint;
    let speak = async {
        let mut batch = Batch::new();
        while reader.recv(&mut batch).await? {
            for text in batch.iter() {
                match said(text) {
                    Said::ToOthers(text) => hub.say(Some(id), &text),
                    Said::Nothing => {}
                    Said::Leave => return Ok(()),
                }
            }
            batch.release();
        }
        Ok(())
    };
    let mut hear = Box::pin(async {
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "it did not keep up with the others");
        if let Some(welcome) = welcome {
            writer.send(welcome).await?;
        }
        let mut batch = Batch::new();
        while hearing.fill(&mut batch).await.is_some() {
            tokio::select! {
                biased;
                sent = writer.send_batch(&batch) => sent?,
                _ = &mut hearing.gone => return Err(slow()),
            }
        }
        Err(slow())
    });
    tokio::select! {
        ended = speak => {
            // Nothing more is queued; what is queued is not cut off.
            let _present = hub.remove(id);
            if ended.is_ok() {
                let _ = tokio::time::timeout(FAREWELL, &mut hear).await;
            }
            ended
        }
        ended = &mut hear => {
            hub.leave(id);
            ended
        }
    }
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
        let text = vec![7; QUEUE / 4 - COST];
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
