//! Netlink on the wire: messages in a buffer, attributes in a message, and both written.
//!
//! ```text
//! nlmsghdr:  len u32 │ type u16 │ flags u16 │ seq u32 │ pid u32 │ payload, padded to 4
//! nlattr:    len u16 │ type u16 │ payload, padded to 4        (lengths include their header)
//! ```

use super::Malformed;

/// Bytes in a message's header.
pub const HEADER: usize = 16;
/// The message types that end or break a dump.
pub const NLMSG_ERROR: u16 = 2;
/// The end of a dump.
pub const NLMSG_DONE: u16 = 3;
/// Request and answer of a dump of TCP sockets before Linux 3.3 (`TCPDIAG_GETSOCK`): still found in recorded dumps,
/// and still answered.
pub const TCPDIAG_GETSOCK: u16 = 18;
/// Request and answer of a socket dump.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Ask the kernel to abort a socket.
pub const SOCK_DESTROY: u16 = 21;
/// Flag: this is a request.
pub const NLM_F_REQUEST: u16 = 0x1;
/// Flag: answer with an acknowledgement or an error.
pub const NLM_F_ACK: u16 = 0x4;
/// Flag: the table changed while it was being dumped, so that the dump may be inconsistent.
pub const NLM_F_DUMP_INTR: u16 = 0x10;
/// Flags: everything that matches.
pub const NLM_F_DUMP: u16 = 0x300;

/// One message of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is: `NLMSG_DONE`, `NLMSG_ERROR` or the type of its family.
    pub kind: u16,
    /// `NLM_F_…`.
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
    /// Header and payload as they came, padding left out.
    pub bytes: &'a [u8],
}

impl Message<'_> {
    /// The error number of an `NLMSG_ERROR` or `NLMSG_DONE` message: 0, or a positive errno.
    pub fn errno(&self) -> Result<i32, Malformed> {
        match self.payload.first_chunk::<4>() {
            Some(code) => Ok(i32::from_ne_bytes(*code).checked_neg().unwrap_or(i32::MAX)),
            None if self.kind == NLMSG_DONE => Ok(0),
            None => Err(Malformed("an error message without a number")),
        }
    }
}

/// Takes the first message off `buffer`; `None` at the end.
pub fn next_message<'a>(buffer: &mut &'a [u8]) -> Option<Result<Message<'a>, Malformed>> {
    if buffer.is_empty() {
        return None;
    }
    let bytes = *buffer;
    let cut = |what| Some(Err(Malformed(what)));
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        *buffer = &[];
        return cut("a message shorter than its header");
    };
    let len = u32_at(header, 0) as usize;
    if len < HEADER || len > bytes.len() {
        *buffer = &[];
        return cut("a message whose length does not fit");
    }
    *buffer = bytes.get(align(len)..).unwrap_or(&[]);
    Some(Ok(Message {
        kind: u16_at(header, 4),
        flags: u16_at(header, 6),
        sequence: u32_at(header, 8),
        payload: &bytes[HEADER..len],
        bytes: &bytes[..len],
    }))
}

/// The attributes of a message, each as its type (flags masked out) and payload. Ends at the first
/// attribute whose length makes no sense, as the kernel's own parser does.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<4>()?;
        let len = usize::from(u16_at(header, 0));
        let payload = rest.get(4..len)?;
        rest = rest.get(align(len)..).unwrap_or(&[]);
        Some((u16_at(header, 2) & 0x3fff, payload))
    })
}

/// Starts a message in `out`; give what it returns to [`finish`].
pub fn start(out: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32) -> usize {
    let at = out.len();
    out.extend_from_slice(&0u32.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&0u32.to_ne_bytes());
    at
}

/// Ends the message that began at `at`: writes its length and pads it.
pub fn finish(out: &mut Vec<u8>, at: usize) {
    let len = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&len.to_ne_bytes());
    out.resize(at + align(out.len() - at), 0);
}

/// Appends an attribute, padded. One that is too long for its 16-bit length is not written: `false`.
pub fn attribute(out: &mut Vec<u8>, kind: u16, payload: &[u8]) -> bool {
    let Ok(len) = u16::try_from(payload.len() + 4) else { return false };
    out.extend_from_slice(&len.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(4), 0);
    true
}

pub(super) const fn align(len: usize) -> usize {
    len.next_multiple_of(4)
}

/// The number at `at`; 0 where the bytes end before it (fields that an older kernel does not send).
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_ne_bytes(*b))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_ne_bytes(*b))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_ne_bytes(*b))
}

/// A port: network order.
pub(super) fn port_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be(u16_at(bytes, at))
}
