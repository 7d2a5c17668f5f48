//! Asking what runs to end: once politely, so that it finishes what it has begun, a second time at once.

use tokio::sync::watch;

/// How urgently something is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Urgency {
    /// It goes on.
    #[default]
    None,
    /// It takes on nothing new and finishes what it has.
    Drain,
    /// It ends now.
    Now,
}

/// Asks; clones ask the same. Dropping it asks nothing.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Urgency>);

/// Hears. Clones hear the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Urgency>);

impl Stopper {
    /// A pair of one who asks and one who hears.
    pub fn new() -> (Self, Stop) {
        let (send, receive) = watch::channel(Urgency::None);
        (Self(send), Stop(receive))
    }

    /// Asks with at least this urgency.
    pub fn ask(&self, urgency: Urgency) {
        self.0.send_if_modified(|now| {
            let more = urgency > *now;
            *now = urgency.max(*now);
            more
        });
    }
}

impl Stop {
    /// Never asks.
    pub fn never() -> Self {
        Stopper::new().1
    }

    /// Waits until asked with at least this urgency.
    pub async fn asked(&self, urgency: Urgency) {
        if self.0.clone().wait_for(|now| *now >= urgency).await.is_err() {
            std::future::pending().await
        }
    }
}
