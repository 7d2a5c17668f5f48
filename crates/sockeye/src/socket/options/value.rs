//! What options are worth: typed values, and their one spelling as text.

use std::{fmt, net::IpAddr, time::Duration};

use super::super::{Addr, Credentials};
use crate::proto::address;

/// The form of an option's value, in the kernel and as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// On or off: `int` in C.
    Bool,
    /// A whole number: `int`.
    Int,
    /// A whole number from 0: `unsigned int`.
    Unsigned,
    /// A whole number from 0: 64 bits.
    Long,
    /// A number of bytes, `int`; text may end in k, M or G (powers of 1024).
    Size,
    /// A time; text may have a unit (`200ms`), without one it counts the option's own.
    Time(Unit),
    /// `struct linger`: `off`, or the time that close waits; 0 resets the connection.
    Linger,
    /// One of these words, `int`; other numbers are taken too.
    Word(&'static [(&'static str, i32)]),
    /// An error number.
    Errno,
    /// A text of at most so many bytes.
    Text(usize),
    /// A structure of at most so many bytes: text is hexadecimal.
    Bytes(usize),
    /// An interface by name or index; 0 or `any` for none. `int`.
    Interface,
    /// As `Interface`, with the index in network byte order.
    InterfaceBe,
    /// An interface of IPv4 multicast: by name, index or address. Read as the address.
    Interface4,
    /// An IPv4 multicast group: `GROUP[:INTERFACE]`, `struct ip_mreqn`.
    Group4,
    /// An IPv4 multicast group and a sender: `GROUP:INTERFACE:SOURCE`, `struct ip_mreq_source`.
    Source4,
    /// An IPv6 multicast group: `[GROUP][:INTERFACE]`, `struct ipv6_mreq`.
    Group6,
    /// An IPv6 multicast group and a sender: `[GROUP]:INTERFACE:[SOURCE]`, `struct group_source_req`.
    Source6,
    /// `struct ucred`.
    Credentials,
    /// Group ids, `gid_t[]`.
    Numbers,
    /// A range of ports, `LOW-HIGH`; 0-0 is the system's.
    PortRange,
    /// A socket address.
    Address,
}

/// The unit in which the kernel counts a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `struct timeval`, microseconds; a plain number counts seconds. 0 is no limit.
    Timeval,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
}

impl Unit {
    pub(super) fn one(self) -> Duration {
        match self {
            Self::Timeval | Self::Seconds => Duration::from_secs(1),
            Self::Millis => Duration::from_millis(1),
            Self::Micros => Duration::from_micros(1),
        }
    }
}

impl Form {
    /// Bytes to offer the kernel.
    pub(super) fn room(self) -> usize {
        match self {
            Self::Long | Self::Linger => 8,
            Self::Time(Unit::Timeval) => 2 * size_of::<usize>(),
            Self::Text(room) | Self::Bytes(room) => room,
            Self::Credentials => 12,
            Self::Numbers => 4 * 1024,
            Self::Address => 128,
            _ => 4,
        }
    }

    /// In words, for documentation.
    pub fn words(self) -> String {
        match self {
            Self::Bool => "on or off".into(),
            Self::Int | Self::Unsigned | Self::Long => "number".into(),
            Self::Size => "bytes".into(),
            Self::Time(Unit::Timeval | Unit::Seconds) => "time, in seconds".into(),
            Self::Time(Unit::Millis) => "time, in milliseconds".into(),
            Self::Time(Unit::Micros) => "time, in microseconds".into(),
            Self::Linger => "off, or a time in seconds".into(),
            Self::Word(words) => words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join("|"),
            Self::Errno => "error".into(),
            Self::Text(_) => "text".into(),
            Self::Bytes(_) => "bytes in hexadecimal".into(),
            Self::Interface | Self::InterfaceBe => "interface".into(),
            Self::Interface4 => "interface or its address".into(),
            Self::Group4 => "GROUP[:INTERFACE]".into(),
            Self::Source4 => "GROUP:INTERFACE:SOURCE".into(),
            Self::Group6 => "[GROUP][:INTERFACE]".into(),
            Self::Source6 => "[GROUP]:INTERFACE:[SOURCE]".into(),
            Self::Credentials => "pid, uid, gid".into(),
            Self::Numbers => "numbers".into(),
            Self::PortRange => "LOW-HIGH".into(),
            Self::Address => "address".into(),
        }
    }
}

/// The value of an option. `Display` writes what [`set`](super::set) reads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// `on`, `off`.
    Bool(bool),
    /// A number: also of bytes, in the option's own unit where it is a time.
    Int(i64),
    /// A time.
    Time(Duration),
    /// `off`, or how long.
    Linger(Option<Duration>),
    /// An error number; 0 is none.
    Errno(i32),
    /// A text, a word, the name of an interface. Given to [`set`](super::set): any value as text.
    Text(String),
    /// A structure, as the kernel lays it out.
    Bytes(Vec<u8>),
    /// A multicast group.
    Group(Group),
    /// Who is at the other end.
    Credentials(Credentials),
    /// Several numbers.
    Numbers(Vec<u32>),
    /// Ports, from and to; 0 and 0 are the system's.
    PortRange(u16, u16),
    /// An address.
    Address(Addr),
}

/// A multicast group to be a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group's address.
    pub group: IpAddr,
    /// The interface by name, index or (IPv4) address; the routing table chooses where there is none.
    pub interface: Option<String>,
    /// Only what this sender sends.
    pub source: Option<IpAddr>,
}

impl Value {
    /// This value as one of `form`: texts are read, numbers fitted.
    pub(super) fn read_as(&self, form: Form) -> Result<Self, String> {
        match (self, form) {
            (Self::Text(text), _) => read(text, form),
            (Self::Int(n), Form::Bool) => Ok(Self::Bool(*n != 0)),
            (Self::Int(n), Form::Time(unit)) => scaled(unit.one(), *n as f64).map(Self::Time),
            (Self::Int(n), Form::Linger) => {
                scaled(Duration::from_secs(1), *n as f64).map(|t| Self::Linger(Some(t)))
            }
            (Self::Bool(on), Form::Int | Form::Unsigned | Form::Long | Form::Size | Form::Word(_)) => {
                Ok(Self::Int((*on).into()))
            }
            (Self::Bool(false), Form::Linger) => Ok(Self::Linger(None)),
            (Self::Time(t), Form::Linger) => Ok(Self::Linger(Some(*t))),
            _ => Ok(self.clone()),
        }
    }
}

fn read(text: &str, form: Form) -> Result<Value, String> {
    let bad = |what: &str| format!("`{text}` is not {what}");
    match form {
        Form::Bool => match text.to_ascii_lowercase().as_str() {
            "" | "1" | "on" | "true" | "yes" => Ok(Value::Bool(true)),
            "0" | "off" | "false" | "no" => Ok(Value::Bool(false)),
            _ => Err(bad("on or off")),
        },
        Form::Int | Form::Unsigned | Form::Long => {
            number(text).map(Value::Int).ok_or_else(|| bad("a number"))
        }
        Form::Size => {
            size(text).map(Value::Int).ok_or_else(|| bad("a number of bytes, such as 65536 or 64k"))
        }
        Form::Time(unit) => time(text, unit.one()).map(Value::Time).map_err(|e| bad(&e)),
        Form::Linger if text.eq_ignore_ascii_case("off") => Ok(Value::Linger(None)),
        Form::Linger => {
            time(text, Duration::from_secs(1)).map(|t| Value::Linger(Some(t))).map_err(|e| bad(&e))
        }
        Form::Word(words) => {
            let known =
                words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, n)| (*n).into());
            let names = || bad(&format!("one of {}", form.words().replace('|', ", ")));
            known.or_else(|| number(text)).map(Value::Int).ok_or_else(names)
        }
        Form::Group4 | Form::Source4 | Form::Group6 | Form::Source6 => group(text, form).map(Value::Group),
        Form::PortRange => match text.split_once('-').map(|(low, high)| (low.parse(), high.parse())) {
            Some((Ok(low), Ok(high))) if low <= high => Ok(Value::PortRange(low, high)),
            _ => Err(bad("a range of ports, such as 30000-40000")),
        },
        Form::Bytes(_) => hex(text).map(Value::Bytes).ok_or_else(|| bad("pairs of hexadecimal digits")),
        Form::Text(_) | Form::Interface | Form::InterfaceBe | Form::Interface4 => {
            Ok(Value::Text(text.to_owned()))
        }
        Form::Errno | Form::Credentials | Form::Numbers | Form::Address => {
            Err(bad("a value that can be set"))
        }
    }
}

/// A whole number, with a 0x or 0 prefix hexadecimal or octal.
pub(super) fn number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let digits_of =
        |radix, digits| u64::from_str_radix(digits, radix).ok().and_then(|n| i64::try_from(n).ok());
    let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => digits_of(16, hex)?,
        None if digits.len() > 1 && digits.starts_with('0') => digits_of(8, &digits[1..])?,
        None if digits.starts_with('+') => return None,
        None => digits_of(10, digits)?,
    };
    Some(sign * value)
}

fn size(text: &str) -> Option<i64> {
    let scale = match text.chars().last()?.to_ascii_lowercase() {
        'k' => 1 << 10,
        'm' => 1 << 20,
        'g' => 1 << 30,
        _ => return number(text),
    };
    number(&text[..text.len() - 1])?.checked_mul(scale)
}

/// A time: a number with a fraction, and a unit.
fn time(text: &str, unit: Duration) -> Result<Duration, String> {
    let units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let named = units.iter().find_map(|(name, scale)| {
        let digits = text.strip_suffix(name)?;
        digits.parse::<f64>().ok().map(|n| (n * scale, Duration::from_secs(1)))
    });
    let (count, unit) = match named {
        Some(found) => found,
        None => (text.parse::<f64>().map_err(|_| "a time, such as 30s or 200ms".to_owned())?, unit),
    };
    scaled(unit, count)
}

fn scaled(unit: Duration, count: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(unit.as_secs_f64() * count).map_err(|_| "a time from 0".to_owned())
}

fn group(text: &str, form: Form) -> Result<Group, String> {
    let bad = || format!("`{text}` is not {}", form.words());
    let (group, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (group, rest) = bracketed.split_once(']').ok_or_else(bad)?;
            (group, rest.strip_prefix(':').unwrap_or(rest))
        }
        None if matches!(form, Form::Group6) => text.split_once('%').unwrap_or((text, "")),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let (interface, source) = rest.split_once(':').unwrap_or((rest, ""));
    let ip = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| bad());
    Ok(Group {
        group: ip(group)?,
        interface: (!interface.is_empty()).then(|| interface.to_owned()),
        source: if source.is_empty() { None } else { Some(ip(source)?) },
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|p| p.len() == 2 && !p.starts_with('+'))?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(on) => f.write_str(if *on { "on" } else { "off" }),
            Self::Int(n) => n.fmt(f),
            Self::Time(Duration::ZERO) | Self::Linger(Some(Duration::ZERO)) => f.write_str("0s"),
            Self::Time(t) | Self::Linger(Some(t)) => write!(f, "{t:?}"),
            Self::Linger(None) => f.write_str("off"),
            Self::Errno(0) => f.write_str("none"),
            Self::Errno(errno) => {
                let text = std::io::Error::from_raw_os_error(*errno).to_string();
                f.write_str(text.split(" (os error").next().unwrap_or(&text))
            }
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Group(group) => group.fmt(f),
            Self::Credentials(who) => write!(f, "pid={},uid={},gid={}", who.pid, who.uid, who.gid),
            Self::Numbers(numbers) => {
                f.write_str(&numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
            }
            Self::PortRange(low, high) => write!(f, "{low}-{high}"),
            Self::Address(addr) => addr.fmt(f),
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = |ip: &IpAddr| if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        f.write_str(&ip(&self.group))?;
        if self.interface.is_some() || self.source.is_some() {
            write!(f, ":{}", self.interface.as_deref().unwrap_or_default())?;
        }
        self.source.iter().try_for_each(|source| write!(f, ":{}", ip(source)))
    }
}

impl serde::Serialize for Value {
    /// Numbers and booleans as such, times as seconds, an error as its number, all else as text.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(on) => serializer.serialize_bool(*on),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::Time(t) | Self::Linger(Some(t)) => serializer.serialize_f64(t.as_secs_f64()),
            Self::Linger(None) => serializer.serialize_none(),
            Self::Errno(errno) => serializer.serialize_i32(*errno),
            Self::Credentials(who) => who.serialize(serializer),
            Self::Numbers(numbers) => numbers.serialize(serializer),
            other => serializer.collect_str(other),
        }
    }
}

impl From<&address::Value> for Value {
    fn from(value: &address::Value) -> Self {
        match value {
            address::Value::Flag(on) => Self::Bool(*on),
            address::Value::Number(n) => Self::Int(*n),
            address::Value::Time(time) => Self::Time(*time),
            address::Value::Framing(framing) => Self::Text(framing.to_string()),
            address::Value::Text(text) => Self::Text(text.clone()),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident($convert:expr)),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant($convert(value))
            }
        })*
    };
}

from! {
    bool => Bool(std::convert::identity),
    i32 => Int(i64::from),
    u32 => Int(i64::from),
    i64 => Int(std::convert::identity),
    Duration => Time(std::convert::identity),
    &str => Text(str::to_owned),
    String => Text(std::convert::identity),
    Vec<u8> => Bytes(std::convert::identity),
    Group => Group(std::convert::identity),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMS: &[Form] = &[
        Form::Bool,
        Form::Int,
        Form::Unsigned,
        Form::Long,
        Form::Size,
        Form::Time(Unit::Timeval),
        Form::Time(Unit::Millis),
        Form::Linger,
        Form::Word(&[("want", 1), ("do", 2)]),
        Form::Text(16),
        Form::Bytes(8),
        Form::Interface,
        Form::Interface4,
        Form::Group4,
        Form::Source4,
        Form::Group6,
        Form::Source6,
        Form::PortRange,
        Form::Errno,
        Form::Credentials,
        Form::Numbers,
        Form::Address,
    ];

    proptest! {
        #[test]
        fn any_text_is_a_value_that_reads_back_or_an_error(text in "\\PC{0,20}|[0-9a-z.:%\\[\\]-]{0,20}") {
            for form in FORMS {
                if let Ok(value) = read(&text, *form) {
                    prop_assert_eq!(read(&value.to_string(), *form), Ok(value), "{:?}", form);
                }
            }
        }

        #[test]
        fn times_read_back(nanos: u64) {
            let time = Duration::from_nanos(nanos % 1_000_000_000_000);
            // Seconds with a fraction are a floating-point number: exact to the microsecond.
            let Ok(Value::Time(back)) = read(&Value::Time(time).to_string(), Form::Time(Unit::Seconds)) else {
                panic!("{time:?}")
            };
            prop_assert!(back.abs_diff(time) < Duration::from_micros(1));
        }
    }

    #[test]
    fn units_scale() {
        let time = |text: &str, unit| match read(text, Form::Time(unit)) {
            Ok(Value::Time(time)) => time,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(time("1500", Unit::Millis), Duration::from_millis(1500));
        assert_eq!(time("0.5", Unit::Seconds), Duration::from_millis(500));
        assert_eq!(time("20us", Unit::Seconds), Duration::from_micros(20));
        assert_eq!(time("1h", Unit::Millis), Duration::from_secs(3600));
        for wrong in ["", "-1", "1d", "nan", "inf", "1e300", "s"] {
            assert!(read(wrong, Form::Time(Unit::Seconds)).is_err(), "{wrong}");
        }
        assert_eq!(read("1G", Form::Size), Ok(Value::Int(1 << 30)));
        assert!(read("9999999999G", Form::Size).is_err());
    }
}
