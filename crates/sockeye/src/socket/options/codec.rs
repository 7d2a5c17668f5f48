//! Values ⇄ what the kernel reads and writes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::BorrowedFd,
    time::Duration,
};

use rustix::net::netdevice::{index_to_name, name_to_index};

use super::{
    super::{Addr, Credentials},
    Form, Group, Unit, Value,
    value::number,
};
use crate::error::Reason;

/// The first four bytes as an int; what is missing is zero.
pub(in super::super) fn word(bytes: &[u8]) -> i32 {
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    i32::from_ne_bytes(word)
}

fn long(bytes: &[u8]) -> i64 {
    let mut long = [0; 8];
    for (to, from) in long.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_ne_bytes(long)
}

pub(super) fn decode(fd: BorrowedFd<'_>, form: Form, bytes: &[u8]) -> Result<Value, Reason> {
    let int = word(bytes);
    Ok(match form {
        Form::Bool => Value::Bool(int != 0),
        Form::Int | Form::Size => Value::Int(int.into()),
        Form::Unsigned => Value::Int(int.cast_unsigned().into()),
        Form::Long => Value::Int(long(bytes)),
        Form::Time(Unit::Timeval) => {
            let (seconds, rest) = bytes.split_at(bytes.len() / 2);
            Value::Time(
                Duration::from_secs(long(seconds).max(0).cast_unsigned())
                    .saturating_add(Duration::from_micros(long(rest).max(0).cast_unsigned())),
            )
        }
        // The kernel says -1 for some times that were not set.
        Form::Time(unit) => Value::Time(unit.one() * u32::try_from(int).unwrap_or(0)),
        Form::Linger => {
            let seconds = u64::try_from(word(bytes.get(4..).unwrap_or_default())).unwrap_or(0);
            Value::Linger((int != 0).then(|| Duration::from_secs(seconds)))
        }
        Form::Word(words) => match words.iter().find(|(_, n)| *n == int) {
            Some((word, _)) => Value::Text((*word).to_owned()),
            None => Value::Int(int.into()),
        },
        Form::Errno => Value::Errno(int),
        Form::Text(_) => {
            let text = bytes.split(|b| *b == 0).next().unwrap_or_default();
            Value::Text(String::from_utf8_lossy(text).into_owned())
        }
        Form::Interface => Value::Text(interface_name(fd, int.cast_unsigned())),
        Form::InterfaceBe => Value::Text(interface_name(fd, u32::from_be(int.cast_unsigned()))),
        Form::Interface4 => Value::Text(Ipv4Addr::from(int.to_ne_bytes()).to_string()),
        Form::Credentials => match Credentials::from_bytes(bytes) {
            Some(who) => Value::Credentials(who),
            None => Value::Bytes(bytes.to_owned()),
        },
        Form::Numbers => Value::Numbers(bytes.chunks_exact(4).map(|n| word(n).cast_unsigned()).collect()),
        Form::PortRange => {
            let range = int.cast_unsigned();
            Value::PortRange((range & 0xffff) as u16, (range >> 16) as u16)
        }
        Form::Address => decode_address(bytes).map_or_else(|| Value::Bytes(bytes.to_owned()), Value::Address),
        Form::Bytes(_) | Form::Group4 | Form::Group6 | Form::Source4 | Form::Source6 => {
            Value::Bytes(bytes.to_owned())
        }
    })
}

fn decode_address(bytes: &[u8]) -> Option<Addr> {
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let ip: IpAddr = match i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?)) {
        libc::AF_INET => <[u8; 4]>::try_from(bytes.get(4..8)?).ok()?.into(),
        libc::AF_INET6 => <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port).into())
}

fn interface_name(fd: BorrowedFd<'_>, index: u32) -> String {
    match index {
        0 => "any".to_owned(),
        index => index_to_name(fd, index).unwrap_or_else(|_| index.to_string()),
    }
}

pub(super) fn encode(fd: BorrowedFd<'_>, form: Form, value: &Value) -> Result<Vec<u8>, Reason> {
    let unfit = || Reason::Usage(format!("`{value}` does not fit it, it takes {}", form.words()));
    let int = |n: i64| i32::try_from(n).map(|n| n.to_ne_bytes().to_vec()).map_err(|_| unfit());
    match (form, value) {
        (Form::Bool, Value::Bool(on)) => int((*on).into()),
        (Form::Int | Form::Size | Form::Word(_), Value::Int(n)) => int(*n),
        (Form::Unsigned, Value::Int(n)) => {
            u32::try_from(*n).map(|n| n.to_ne_bytes().to_vec()).map_err(|_| unfit())
        }
        (Form::Long, Value::Int(n)) => Ok(n.to_ne_bytes().to_vec()),
        (Form::Time(unit), Value::Time(time)) => encode_time(unit, *time).ok_or_else(unfit),
        (Form::Linger, Value::Linger(time)) => {
            let seconds = time.map_or(Some(0), |t| i32::try_from(ceil(t, Duration::from_secs(1))).ok());
            Ok([i32::from(time.is_some()), seconds.ok_or_else(unfit)?].map(i32::to_ne_bytes).concat())
        }
        (Form::Text(room), Value::Text(text)) if text.len() <= room => Ok(text.clone().into_bytes()),
        (Form::Interface, Value::Text(name)) => Ok(interface(fd, name)?.to_ne_bytes().to_vec()),
        (Form::Interface, Value::Int(n)) => int(*n),
        (Form::InterfaceBe, Value::Text(name)) => Ok(interface(fd, name)?.to_be_bytes().to_vec()),
        (Form::Interface4, Value::Text(name)) => mreqn(fd, Ipv4Addr::UNSPECIFIED, Some(name)),
        (Form::Bytes(_), Value::Bytes(bytes)) => Ok(bytes.clone()),
        (_, Value::Group(group)) => encode_group(fd, form, group)?.ok_or_else(unfit),
        (Form::PortRange, Value::PortRange(low, high)) => {
            Ok((u32::from(*low) | u32::from(*high) << 16).to_ne_bytes().to_vec())
        }
        _ => Err(unfit()),
    }
}

/// How many units a time is, rounded up: asking for little must not become asking for nothing.
fn ceil(time: Duration, unit: Duration) -> u128 {
    time.as_nanos().div_ceil(unit.as_nanos())
}

fn encode_time(unit: Unit, time: Duration) -> Option<Vec<u8>> {
    if unit == Unit::Timeval {
        let micros = ceil(time, Duration::from_micros(1));
        let halves = [micros / 1_000_000, micros % 1_000_000].map(isize::try_from);
        return Some([halves[0].ok()?, halves[1].ok()?].map(isize::to_ne_bytes).concat());
    }
    Some(i32::try_from(ceil(time, unit.one())).ok()?.to_ne_bytes().to_vec())
}

/// The index of an interface given by name or index; 0 for `any`.
fn interface(fd: BorrowedFd<'_>, name: &str) -> Result<u32, Reason> {
    match number(name).and_then(|n| u32::try_from(n).ok()) {
        Some(index) => Ok(index),
        None if name.is_empty() || name == "any" => Ok(0),
        None => Ok(name_to_index(fd, name)?),
    }
}

/// `struct ip_mreqn`: group, address of the interface, index of the interface.
fn mreqn(fd: BorrowedFd<'_>, group: Ipv4Addr, place: Option<&str>) -> Result<Vec<u8>, Reason> {
    let (address, index) = match place.map(|p| (p, p.parse::<Ipv4Addr>())) {
        None => (Ipv4Addr::UNSPECIFIED, 0),
        Some((_, Ok(address))) => (address, 0),
        Some((name, Err(_))) => (Ipv4Addr::UNSPECIFIED, interface(fd, name)?),
    };
    Ok([group.octets(), address.octets(), index.to_ne_bytes()].concat())
}

fn encode_group(fd: BorrowedFd<'_>, form: Form, value: &Group) -> Result<Option<Vec<u8>>, Reason> {
    let place = value.interface.as_deref();
    let index = || interface(fd, place.unwrap_or_default());
    Ok(match (form, value.group, value.source) {
        (Form::Group4, IpAddr::V4(group), None) => Some(mreqn(fd, group, place)?),
        // struct ip_mreq_source: group, address of the interface, source.
        (Form::Source4, IpAddr::V4(group), Some(IpAddr::V4(source))) => {
            let Ok(address) = place.unwrap_or("0.0.0.0").parse::<Ipv4Addr>() else { return Ok(None) };
            Some([group.octets(), address.octets(), source.octets()].concat())
        }
        // struct ipv6_mreq: group, index of the interface.
        (Form::Group6, IpAddr::V6(group), None) => {
            Some([&group.octets()[..], &index()?.to_ne_bytes()].concat())
        }
        // struct group_source_req: index, aligned, then group and source as sockaddr_storage.
        (Form::Source6, IpAddr::V6(group), Some(IpAddr::V6(source))) => {
            let mut bytes = index()?.to_ne_bytes().to_vec();
            bytes.resize(size_of::<usize>(), 0);
            for ip in [group, source] {
                bytes.extend(u16::try_from(libc::AF_INET6).expect("a small number").to_ne_bytes());
                bytes.extend([0; 6]);
                bytes.extend(ip.octets());
                bytes.resize(bytes.len() + 128 - 24, 0);
            }
            Some(bytes)
        }
        _ => None,
    })
}
