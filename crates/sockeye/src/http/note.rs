//! What happens during a transfer, for whoever watches: `-v`, `--wire` and events are three renderings of it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use serde::{Serialize, Serializer};

use crate::{event::Events, tls::Facts};

/// One thing that happened. Serialised, it is the body of an event of the kind `http`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Note<'a> {
    /// A name was looked up.
    Resolved {
        /// The name.
        host: &'a str,
        /// What it stands for, in the order of trying.
        addresses: &'a [IpAddr],
    },
    /// An address is being tried.
    Connecting {
        /// The address.
        peer: SocketAddr,
    },
    /// An address was tried in vain.
    ConnectFailed {
        /// The address.
        peer: SocketAddr,
        /// Why.
        reason: String,
    },
    /// A connection is there.
    Connected {
        /// The host asked for.
        host: &'a str,
        /// The other end.
        peer: &'a str,
        /// This end.
        local: &'a str,
        /// Since the transfer began.
        seconds: f64,
    },
    /// A connection of an earlier transfer is used again.
    Reused {
        /// The host asked for.
        host: &'a str,
        /// The other end.
        peer: &'a str,
    },
    /// A proxy made the connection to the target.
    Tunnel {
        /// The proxy.
        proxy: &'a str,
        /// The target.
        target: &'a str,
    },
    /// TLS was agreed on.
    Tls {
        /// What was agreed on.
        #[serde(flatten)]
        facts: &'a Facts,
    },
    /// A request's head was sent.
    RequestHead {
        /// The head.
        #[serde(serialize_with = "text")]
        head: &'a [u8],
    },
    /// A request's body was sent.
    RequestBody {
        /// Its length.
        bytes: u64,
    },
    /// One receive brought this.
    Received {
        /// The bytes.
        #[serde(rename = "bytes", serialize_with = "length")]
        data: &'a [u8],
    },
    /// An interim (1xx) head was read.
    Interim {
        /// The head.
        #[serde(serialize_with = "text")]
        head: &'a [u8],
    },
    /// The answer's head was read.
    ResponseHead {
        /// The status.
        status: u16,
        /// The head.
        #[serde(serialize_with = "text")]
        head: &'a [u8],
        /// How the body's end will be known.
        framing: String,
    },
    /// A piece of the body was read, framing taken off.
    Data {
        /// The bytes.
        #[serde(rename = "bytes", serialize_with = "length")]
        data: &'a [u8],
    },
    /// A chunk's size line was read.
    Chunk {
        /// The line, with a CRLF before it that ends the chunk before.
        #[serde(serialize_with = "text")]
        line: &'a [u8],
        /// The size it announces.
        size: u64,
    },
    /// A trailer was read.
    Trailers {
        /// The fields, as they came.
        #[serde(serialize_with = "text")]
        fields: &'a [u8],
    },
    /// The body is whole.
    BodyEnd {
        /// By which rule.
        rule: String,
        /// The length of the body, framing taken off.
        bytes: u64,
    },
    /// The content coding was taken off.
    Decoded {
        /// The coding.
        coding: &'a str,
        /// Bytes that came.
        from: u64,
        /// Bytes that they stand for.
        to: u64,
    },
    /// A redirect is followed.
    Redirect {
        /// The status.
        status: u16,
        /// Where to.
        to: &'a str,
        /// With what method.
        method: &'a str,
    },
    /// The connection is kept for another transfer, or closed.
    Done {
        /// Whether it is kept.
        kept: bool,
        /// The host asked for.
        host: &'a str,
    },
}

fn text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

fn length<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(bytes.len() as u64)
}

/// Someone who watches transfers.
pub trait Observer: Send + Sync {
    /// Something happened in the transfer `id`.
    fn note(&self, id: u64, note: &Note<'_>);

    /// Whether every receive is to be told apart; bodies then take the slower way through memory.
    fn every_receive(&self) -> bool {
        false
    }
}

/// One transfer's way to its watchers; costs a branch where there are none.
#[derive(Clone, Default)]
pub(super) struct Watch {
    pub(super) id: u64,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) events: Events,
}

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    id: u64,
    #[serde(flatten)]
    note: &'a Note<'a>,
}

impl Watch {
    pub(super) fn tell<'a>(&self, note: impl FnOnce() -> Note<'a>) {
        if self.observer.is_none() && !self.events.wanted() {
            return;
        }
        let note = note();
        if let Some(observer) = &self.observer {
            observer.note(self.id, &note);
        }
        self.events.emit(|| Event { event: "http", id: self.id, note: &note });
    }

    /// Whether the body must come through memory, so that each receive is seen.
    pub(super) fn every_receive(&self) -> bool {
        self.events.wanted() || self.observer.as_ref().is_some_and(|o| o.every_receive())
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("id", &self.id).field("watched", &self.observer.is_some()).finish()
    }
}
