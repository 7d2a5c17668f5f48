//! The socket options of an address: those of the table by name, any other by number, early or late.

use std::os::fd::AsFd;

use sockeye_proto::address::{OptionName, Options, Setting, Value};

use crate::{Error, Result, error::Reason, socket::options};

/// Sets what is set on a socket before it is bound and connected.
pub(super) fn early(all: &Options, socket: impl AsFd) -> Result<()> {
    for setting in all.iter() {
        if setting.name == OptionName::SetsockoptListen {
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
    all.iter().any(|setting| setting.name.info().socket.is_some() || is_numbered(setting.name))
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
    let Value::Text(text) = &setting.value else { return Ok(()) };
    let wrong = || {
        let reason = Reason::Usage("it is not LEVEL:NAME:VALUE, with level and name as numbers".into());
        Error::new("set the socket option", text, reason)
    };
    let (level, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (name, value) = rest.split_once(':').ok_or_else(wrong)?;
    let (level, name) = (int(level).ok_or_else(wrong)?, int(name).ok_or_else(wrong)?);
    let bytes = match setting.name {
        OptionName::SetsockoptString => Some(value.as_bytes().to_vec()),
        OptionName::SetsockoptInt => int(value).map(|n| n.to_ne_bytes().to_vec()),
        _ => data(value),
    };
    options::set_by_number(socket, level, name, &bytes.ok_or_else(wrong)?)
}

/// Data as socat writes it: `x` and hexadecimal digits, or an `int` with or without an `i` before it.
fn data(text: &str) -> Option<Vec<u8>> {
    match text.strip_prefix('x') {
        Some(digits) => {
            let pairs = digits.as_bytes().chunks(2);
            pairs
                .map(|pair| {
                    let pair = std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?;
                    u8::from_str_radix(pair, 16).ok()
                })
                .collect()
        }
        None => int(text.strip_prefix('i').unwrap_or(text)).map(|n| n.to_ne_bytes().to_vec()),
    }
}

/// A number as C writes it.
fn int(text: &str) -> Option<i32> {
    match (sockeye_proto::address::ValueType::Number { min: i32::MIN.into(), max: u32::MAX.into() })
        .parse(text)?
    {
        // Masks are written without a sign.
        Value::Number(n) => u32::try_from(n).ok().map(u32::cast_signed).or_else(|| i32::try_from(n).ok()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_hexadecimal_or_an_int() {
        assert_eq!(data("x0a1B"), Some(vec![0x0a, 0x1b]));
        assert_eq!(data("7"), Some(7_i32.to_ne_bytes().to_vec()));
        assert_eq!(data("i-1"), Some((-1_i32).to_ne_bytes().to_vec()));
        assert_eq!(data("0x10"), Some(16_i32.to_ne_bytes().to_vec()));
        for wrong in ["x0", "xzz", "", "\"text\"", "1:2"] {
            assert_eq!(data(wrong), None, "{wrong}");
        }
    }
}
