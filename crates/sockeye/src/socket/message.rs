//! sendmsg and recvmsg: bytes with ancillary data and flags.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, BorrowedFd},
};

use rustix::event::PollFlags;
use socket2::{MsgHdr, SockAddr};

use super::{Addr, Ancillary, Flags, SendAncillary, Socket, ancillary, sys};
use crate::{Error, Result};

/// Room for ancillary data where the caller does not say: the most descriptors that the kernel passes at once
/// (253, `SCM_MAX_FD`), with timestamps and credentials beside them.
const ROOM: usize = 1536;

/// What [`Socket::recvmsg`] brings beside the bytes.
#[derive(Debug)]
pub struct Message {
    /// How many bytes arrived in the buffer; with [`Flags::TRUNC`] asked for, the datagram's whole length.
    pub bytes: usize,
    /// The ancillary data, in the order that the kernel gave it.
    pub ancillary: Vec<Ancillary>,
    /// `MSG_TRUNC`, `MSG_CTRUNC`, `MSG_EOR`, `MSG_OOB`, `MSG_ERRQUEUE` as they apply.
    pub flags: Flags,
    /// The sender, where the kernel names one.
    pub sender: Option<Addr>,
}

/// What the kernel has to tell of the datagram that is the next to be received; nothing where none is there.
pub(crate) fn ancillary_of_next(socket: BorrowedFd<'_>) -> io::Result<Vec<Ancillary>> {
    let mut control = vec![0; ROOM];
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    let received = sys::recvmsg(socket, &mut [0; 1], &mut control, flags)?;
    Ok(ancillary::decode(&control[..received.control.min(ROOM)]))
}

impl Socket {
    /// `sendmsg`: the parts as one message, with ancillary data, to `addr` or to the peer; how many bytes the
    /// kernel took. Descriptors go with the first byte, so a stream needs at least one.
    pub fn sendmsg(
        &self,
        parts: &[IoSlice<'_>],
        ancillary: &[SendAncillary<'_>],
        flags: Flags,
        addr: Option<&Addr>,
    ) -> Result<usize> {
        let failed = |reason| match addr {
            Some(addr) => Error::new("send to", addr, reason),
            None => self.error("send to", reason),
        };
        let to: Option<SockAddr> = addr.map(Addr::to_kernel).transpose().map_err(failed)?;
        let control = ancillary::encode(ancillary);
        let mut message = MsgHdr::new().with_buffers(parts);
        if !control.is_empty() {
            message = message.with_control(&control);
        }
        if let Some(to) = &to {
            message = message.with_addr(to);
        }
        let wanted = flags | Flags::NO_SIGNAL;
        let call = || self.inner.sendmsg(&message, wanted.0);
        self.wait_for(flags).run(self.as_fd(), PollFlags::OUT, call).map_err(failed)
    }

    /// `recvmsg`: bytes, ancillary data, flags and the sender. Descriptors that arrive are owned by the result,
    /// and closed with it unless they are taken out.
    pub fn recvmsg(&self, buffer: &mut [u8], flags: Flags) -> Result<Message> {
        self.recvmsg_with_room(buffer, ROOM, flags)
    }

    /// `recvmsg` with so many bytes of room for ancillary data; what does not fit is lost, and
    /// [`Flags::CTRUNC`] reported.
    pub fn recvmsg_with_room(&self, buffer: &mut [u8], room: usize, flags: Flags) -> Result<Message> {
        let mut control = vec![0; room];
        let received = self.recv_raw(buffer, &mut control, flags)?;
        Ok(Message {
            bytes: received.bytes,
            ancillary: ancillary::decode(&control[..received.control.min(room)]),
            flags: Flags(received.flags & !Flags::CMSG_CLOEXEC.0),
            sender: Addr::from_kernel(&received.sender),
        })
    }
}
