//! Socket options: what they do, and what they are worth on a socket just opened.

use std::process::ExitCode;

use sockeye::{
    Socket,
    socket::options::{self, Access},
};
use sockeye_proto::address::{Address, Role};

use super::session;
use crate::{
    args::Options,
    output::{Failure, options as output},
};

pub(super) fn run(args: &Options) -> Result<ExitCode, Failure> {
    match &args.what {
        None => output::table(args.json)?,
        Some(name) => match options::find(name) {
            Some(option) => output::explanation(option, args.json)?,
            // `SO_RCVBUFF` is an option misspelt rather than an address.
            None if is_word(name) => {
                options::lookup(name)?;
            }
            None => values(name, args.json)?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn is_word(text: &str) -> bool {
    Address::parse_for(text, Role::Connect).is_err()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn values(text: &str, json: bool) -> Result<(), Failure> {
    let address = session::prompted(text, Role::Connect)?.address;
    let socket = Socket::for_address(&address)?;
    let (family, kind) = (socket.family()?, socket.kind()?);
    let readable = options::table().filter(|o| o.access != Access::Set && o.on.includes(family, kind));
    let found = readable.map(|option| (option, options::get(&socket, option))).collect();
    output::values(&output::Values { address, family, kind, protocol: socket.protocol()?, found }, json)
}
