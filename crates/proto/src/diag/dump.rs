//! The reply to a dump, datagram by datagram: rows, and then a verdict. A dump is whole only when it ends
//! with [`Progress::Done`]; anything else must be repeated or reported.

use super::{
    Malformed,
    wire::{
        Message, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK, next_message,
    },
};

/// How far a reply has come after a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More is to come.
    More,
    /// That was all.
    Done,
    /// The table changed under the dump, or a part of it was lost: what came is not to be trusted. Ask again.
    Interrupted,
    /// The kernel refused the request, with this errno.
    Refused(i32),
}

/// A reply that is being read.
#[derive(Debug)]
pub struct Reply {
    sequence: Option<u32>,
    interrupted: bool,
}

impl Reply {
    /// The reply to the request with this number; messages of others are skipped.
    pub fn to(sequence: u32) -> Self {
        Self { sequence: Some(sequence), interrupted: false }
    }

    /// A reply recorded in a file, whatever its numbers.
    pub fn recorded() -> Self {
        Self { sequence: None, interrupted: false }
    }

    /// Takes one datagram; each message about a socket goes to `each`, which may end the reading with an
    /// error of its own. `received` is the datagram's whole length: more than `datagram` holds means
    /// that its end was cut off.
    pub fn feed<E: From<Malformed>>(
        &mut self,
        datagram: &[u8],
        received: usize,
        mut each: impl FnMut(Message<'_>) -> Result<(), E>,
    ) -> Result<Progress, E> {
        if received > datagram.len() {
            return Ok(Progress::Interrupted);
        }
        let mut rest = datagram;
        while let Some(message) = next_message(&mut rest) {
            let message = message?;
            if self.sequence.is_some_and(|s| s != message.sequence) {
                continue;
            }
            self.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
            match message.kind {
                NLMSG_DONE | NLMSG_ERROR => {
                    return Ok(match message.errno()? {
                        0 if self.interrupted => Progress::Interrupted,
                        0 => Progress::Done,
                        errno => Progress::Refused(errno),
                    });
                }
                SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => each(message)?,
                _ => {}
            }
        }
        Ok(Progress::More)
    }
}
