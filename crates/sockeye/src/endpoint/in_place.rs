//! `nofork`: a program on the other address's own descriptors, with nobody in between.

use std::{os::fd::OwnedFd, sync::Arc};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use sockeye_proto::address::{Address, Groups, Kind, OptionName, Spec};

use super::{
    About, Context, Direction, Endpoint, Keep, Reader, Writer,
    program::{self, Joined, Line},
};
use crate::{Error, Result, error::Reason, socket::child};

/// Runs the program to its end. Nothing is left to be relayed then: what is returned reads and writes nothing.
pub(super) async fn run(
    address: &Address,
    line: Line<'_>,
    direction: Direction,
    context: &Context,
) -> Result<Endpoint> {
    let what = address.to_string();
    let (stdin, stdout) = descriptors(context, &what)?;
    let joined = Joined {
        stdin: (direction != Direction::Read).then_some(stdin),
        stdout: (direction != Direction::Write).then_some(stdout),
        terminal: None,
    };
    let mut program = program::spawn(address, line, joined, context)?;
    program.end_and_tell(None).await;
    let about = About { address: what, ..About::default() };
    Ok(Endpoint {
        reader: Reader::Nothing,
        writer: Writer::Nothing,
        about: Arc::new(about),
        keep: Keep::default(),
    })
}

/// Copies of the other side's descriptors, which wait as programs expect it.
fn descriptors(context: &Context, what: &str) -> Result<(OwnedFd, OwnedFd)> {
    let refused = |text: &str| Error::new("start", what, Reason::Usage(text.to_owned()));
    let other = context.other.as_ref().ok_or_else(|| {
        refused("with nofork the program is the second address, and uses what the first one opened")
    })?;
    let [reads, writes] = other.descriptors.filter(|_| is_plain(&other.address)).ok_or_else(|| {
        refused("the other address has no descriptors that a program could use as they are")
    })?;
    let copy = |number| {
        let fd = child::duplicate(number)?;
        let flags = fcntl_getfl(&fd)?;
        if flags.contains(OFlags::NONBLOCK) {
            fcntl_setfl(&fd, flags - OFlags::NONBLOCK)?;
        }
        Ok::<_, std::io::Error>(fd)
    };
    let failed = |e: std::io::Error| Error::new("start", what, e);
    Ok((copy(reads).map_err(failed)?, copy(writes).map_err(failed)?))
}

/// Whether the bytes on its descriptors are those that are meant.
fn is_plain(address: &str) -> bool {
    const SHAPES: [OptionName; 7] = [
        OptionName::Frame,
        OptionName::Crlf,
        OptionName::Cr,
        OptionName::Ignoreeof,
        OptionName::Readbytes,
        OptionName::Escape,
        OptionName::AcceptProxy,
    ];
    let plain = |address: &Address| {
        let computed = address.kind.keyword().groups.meets(Groups::TLS.and(Groups::ARQ));
        let one_socket_for_all = matches!(
            address.kind,
            Kind::UdpListen { .. }
                | Kind::UdpRecvfrom { .. }
                | Kind::UnixRecvfrom(_)
                | Kind::IpRecvfrom { .. }
        );
        !computed && !one_socket_for_all && SHAPES.iter().all(|name| !address.options.has(*name))
    };
    match Spec::parse(address) {
        Ok(Spec::Single(address)) => plain(&address),
        Ok(Spec::Dual { read, write }) => plain(&read) && plain(&write),
        Err(_) => false,
    }
}
