//! The socket options of an address: those of the table by name, any other by number, early or late.

use std::os::fd::AsFd;

use sockeye_proto::address::{OptionName, Options, Setting, Value, ValueType};

use crate::{
    Error, Result,
    error::Reason,
    socket::{
        ioctl::{Argument, ioctl},
        options,
    },
};

/// Sets what is set on a socket before it is bound and connected.
pub(super) fn early(all: &Options, socket: impl AsFd) -> Result<()> {
    for setting in all.iter() {
        if let Some(request) = owner_request(setting.name) {
            own(&socket, request, setting)?;
        } else if setting.name == OptionName::SetsockoptListen {
            by_number(setting, &socket)?;
        } else if !is_late(setting.name) {
            by_name(setting, &socket)?;
        }
    }
    Ok(())
}

/// Sets what is set on a socket once it is connected, accepted or (where it never connects) bound.
pub(super) fn late(all: &Options, socket: impl AsFd) -> Result<()> {
    for setting in all.iter() {
        match setting.name {
            OptionName::Setsockopt | OptionName::SetsockoptInt | OptionName::SetsockoptString => {
                by_number(setting, &socket)?;
            }
            // The kernel turns it off again by itself: an accepted socket has not inherited it.
            OptionName::Quickack => by_name(setting, &socket)?,
            name if is_late(name) => by_name(setting, &socket)?,
            _ => {}
        }
    }
    Ok(())
}

/// Sets everything, on a socket that is what it is already.
pub(super) fn all(options: &Options, socket: impl AsFd) -> Result<()> {
    early(options, &socket)?;
    late(options, socket)
}

/// Those of the options that [`late`] looks at.
pub(super) fn only_late(all: &Options) -> Options {
    let mut late = Options::default();
    let wanted = |name| is_late(name) || is_numbered(name) || name == OptionName::Quickack;
    for setting in all.iter().filter(|setting| wanted(setting.name)) {
        late.push(setting.name, setting.value.clone());
    }
    late
}

/// Whether the options ask for anything of a socket.
pub(super) fn wanted(all: &Options) -> bool {
    all.iter().any(|setting| {
        let name = setting.name;
        name.info().socket.is_some() || is_numbered(name) || owner_request(name).is_some()
    })
}

/// The ioctl(2) of options that say who gets a socket's signals: socket(7).
pub(super) fn owner_request(name: OptionName) -> Option<u32> {
    match name {
        OptionName::Fiosetown => Some(0x8901),
        OptionName::Siocspgrp => Some(0x8902),
        _ => None,
    }
}

fn own(socket: impl AsFd, request: u32, setting: &Setting) -> Result<()> {
    let Value::Number(pid) = setting.value else { return Ok(()) };
    let pid = i32::try_from(pid).unwrap_or(0).to_ne_bytes().to_vec();
    ioctl(socket, request, Argument::Bytes(pid))
        .map(drop)
        .map_err(|e| Error::new("set the owner of", "the socket", e))
}

/// Options that carry level and number.
pub(super) fn is_numbered(name: OptionName) -> bool {
    matches!(
        name,
        OptionName::Setsockopt
            | OptionName::SetsockoptInt
            | OptionName::SetsockoptString
            | OptionName::SetsockoptListen
    )
}

fn is_late(name: OptionName) -> bool {
    matches!(name, OptionName::SndbufLate | OptionName::RcvbufLate | OptionName::MssLate)
}

fn by_name(setting: &Setting, socket: impl AsFd) -> Result<()> {
    match setting.name.info().socket {
        Some(name) => options::set(socket, options::lookup(name)?, &options::Value::from(&setting.value)),
        None => Ok(()),
    }
}

fn by_number(setting: &Setting, socket: impl AsFd) -> Result<()> {
    let (Value::Text(text), ValueType::Numbered(form)) = (&setting.value, setting.name.info().value) else {
        return Ok(());
    };
    let (level, name, value) = form.parse(text).ok_or_else(|| {
        let reason = Reason::Usage("it is not LEVEL:NAME:VALUE, with level and name as numbers".into());
        Error::new("set the socket option", text, reason)
    })?;
    options::set_by_number(socket, level, name, &value)
}
