//! Connections that wait to be used again.

use std::sync::{Mutex, PoisonError};

use super::{
    exchange::Conn,
    stream::{Plain, Stream},
};

/// The connections that wait; the last one in is the first out, for it is the least likely to have been closed.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Conn>>);

/// Enough for as many transfers at once as a person starts.
const KEPT: usize = 64;

impl Pool {
    pub(super) fn put(&self, conn: Conn) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(conn);
    }

    /// A connection to the same place that the other side has not closed.
    pub(super) fn take(&self, key: &str) -> Option<Conn> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(at) = kept.iter().rposition(|c| c.key == key) {
            let conn = kept.remove(at);
            if quiet(&conn.stream) {
                return Some(conn);
            }
        }
        None
    }
}

/// Whether nothing waits to be read: between two answers that could only be the end, or what nobody asked for.
fn quiet(stream: &Stream) -> bool {
    let mut byte = [0];
    let read = match stream {
        Stream::Plain(Plain::Tcp(s)) => s.try_read(&mut byte),
        Stream::Plain(Plain::Unix(s)) => s.try_read(&mut byte),
        // A session ticket may wait there; a closed one shows when the request is sent.
        Stream::Tls(_) => return true,
    };
    read.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
}
