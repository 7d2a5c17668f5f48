//! Recorded dumps: the messages of sock_diag as they came, as `ss -D` writes and `TCPDIAG_FILE` names them.

use std::io::{Read, Write};

use sockeye_proto::diag::{
    Malformed, Progress, Reply, Socket, States,
    request::{Dump, IpFamily, Protocol, Want},
    wire::{NLMSG_DONE, finish, start},
};

use super::{
    Families,
    netlink::{Broken, Diag, malformed},
};
use crate::{Error, Result, error::Reason};
use sockeye_proto::diag::filter::Family;

/// A recorded dump is read whole; one of a million sockets with their tcp_info is 600 MB.
const LIMIT: u64 = 1 << 30;

/// Reads a recorded dump of TCP sockets and gives each to `each`, up to its end mark. A file that ends
/// without the mark is an error after its last socket.
pub fn read_dump(file: impl Read, each: &mut dyn FnMut(&Socket) -> Result<()>) -> Result<()> {
    let fail = |reason: Reason| Error::new("read", "the recorded dump", reason);
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).map_err(|e| fail(e.into()))?;
    let mut reply = Reply::recorded();
    let progress = reply.feed::<Fault>(&bytes, bytes.len(), |message| {
        each(&Socket::parse_inet(Protocol::Tcp as u16, message.payload)?).map_err(Fault::Each)
    });
    let progress = match progress {
        Err(Fault::Each(error)) => return Err(error),
        Err(Fault::Malformed(error)) => return Err(fail(Reason::Protocol(error.to_string()))),
        Ok(progress) => progress,
    };
    match progress {
        Progress::Done | Progress::Interrupted => Ok(()),
        Progress::More => Err(fail(Reason::Protocol("it ends before its end mark".to_owned()))),
        Progress::Refused(errno) => Err(fail(rustix::io::Errno::from_raw_os_error(errno).into())),
    }
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        malformed(error)
    }
}

/// Why the reading ends: the file, or whoever takes the rows.
enum Fault {
    Malformed(Malformed),
    Each(Error),
}

impl From<Malformed> for Fault {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

/// Writes the kernel's messages about TCP sockets in these states to `out`, IPv4 before IPv6, with one end
/// mark behind them all.
pub fn write_dump(mut out: impl Write, families: Families, states: States, want: Want) -> Result<()> {
    let fail = |e: std::io::Error| Error::new("write", "the dump", e);
    let mut diag = Diag::open().map_err(|e| Error::new("open", "a netlink socket", e))?;
    for (family, ip) in [(Family::Inet, IpFamily::V4), (Family::Inet6, IpFamily::V6)] {
        if !families.contains(family) {
            continue;
        }
        let dump = Dump::Inet { protocol: Protocol::Tcp, family: ip, bytecode: Vec::new() };
        let bytes = whole(&mut diag, &dump, states, want)?;
        out.write_all(&bytes).map_err(fail)?;
    }
    let mut end = Vec::new();
    let at = start(&mut end, NLMSG_DONE, 0, 0);
    end.extend(0u32.to_ne_bytes());
    finish(&mut end, at);
    out.write_all(&end).and_then(|()| out.flush()).map_err(fail)
}

fn whole(diag: &mut Diag, dump: &Dump, states: States, want: Want) -> Result<Vec<u8>> {
    let fail = |reason: Reason| Error::new("dump", "the TCP sockets", reason);
    for _ in 0..8 {
        let mut bytes = Vec::new();
        let outcome = diag.dump(dump, states, want, |message| {
            bytes.extend_from_slice(message.bytes);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            Ok(())
        });
        match outcome {
            Ok(()) => return Ok(bytes),
            Err(Broken::Interrupted) => {}
            Err(Broken::Refused(errno)) => return Err(fail(errno.into())),
            Err(Broken::Failed(error)) => return Err(error),
        }
    }
    Err(fail(Reason::Protocol("the table changed during each of several attempts".to_owned())))
}
