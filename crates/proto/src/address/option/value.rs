//! The types of values: from text to [`Value`] and back.

use std::fmt;
use std::time::Duration;

use super::Value;
use crate::address::data::{c_int, data, socket_option};

/// What value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Nothing, 1 or 0.
    Flag,
    /// A whole number between two bounds, both included; 0x and 0 prefixes are hexadecimal and octal.
    Number {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number of bytes, at most 2^63-1; k, M and G stand for 2^10, 2^20 and 2^30.
    Size,
    /// File permissions in octal, up to 7777.
    Mode,
    /// A time up to 2^32 s: seconds with a fraction, or with a unit (`us`, `ms`, `s`, `m`, `h`, `d`).
    Time,
    /// A framing of messages.
    Framing,
    /// Any text.
    Text,
    /// A socket option by number: `level:name:value`.
    Numbered(Numbered),
    /// An ioctl(2) by number: `request:value`.
    Request(Numbered),
    /// One of a few words, in any case.
    OneOf {
        /// The words.
        words: &'static [&'static str],
        /// Whether the option may stand alone and then means the first word.
        alone: bool,
    },
}

/// How the value of a numbered socket option or ioctl(2) is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// In the notation of [`data`](crate::address::data).
    Data,
    /// As an `int` of C.
    Int,
    /// As text, its bytes as they are.
    Text,
}

impl Numbered {
    /// Level, name and value of a socket option written `level:name:value`.
    pub fn parse(self, text: &str) -> Option<(i32, i32, Vec<u8>)> {
        socket_option(text, |value| self.bytes(value))
    }

    /// Request and argument of an ioctl(2) written `request:value`.
    pub fn parse_request(self, text: &str) -> Option<(u32, Vec<u8>)> {
        let (request, value) = text.split_once(':')?;
        Some((u32::try_from(number(request)?).ok()?, self.bytes(value)?))
    }

    fn bytes(self, value: &str) -> Option<Vec<u8>> {
        match self {
            Self::Data => data(value),
            Self::Int => c_int(value),
            Self::Text => Some(value.as_bytes().to_vec()),
        }
    }
}

pub(super) const DATA: ValueType = ValueType::Numbered(Numbered::Data);
pub(super) const INT: ValueType = ValueType::Numbered(Numbered::Int);
pub(super) const STRING: ValueType = ValueType::Numbered(Numbered::Text);
pub(super) const FLAG: ValueType = ValueType::Flag;
pub(super) const SIZE: ValueType = ValueType::Size;
pub(super) const MODE: ValueType = ValueType::Mode;
pub(super) const TIME: ValueType = ValueType::Time;
pub(super) const TEXT: ValueType = ValueType::Text;
pub(super) const FRAMING: ValueType = ValueType::Framing;

pub(super) const fn int(min: i64, max: i64) -> ValueType {
    ValueType::Number { min, max }
}

pub(super) const fn one_of(words: &'static [&'static str]) -> ValueType {
    ValueType::OneOf { words, alone: false }
}

pub(super) const fn word_or(words: &'static [&'static str]) -> ValueType {
    ValueType::OneOf { words, alone: true }
}

const LONGEST: Duration = Duration::from_secs(1 << 32);

impl ValueType {
    /// The value of an option that stands without `=`, if it may.
    pub(crate) fn alone(self) -> Option<Value> {
        match self {
            Self::Flag => Some(Value::Flag(true)),
            Self::OneOf { words, alone: true } => words.first().map(|word| Value::Text((*word).to_owned())),
            _ => None,
        }
    }

    /// The value that `text` stands for, if it is of this type and within its bounds.
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Flag => match text.to_ascii_lowercase().as_str() {
                "1" | "yes" | "true" | "on" => Some(Value::Flag(true)),
                "0" | "no" | "false" | "off" => Some(Value::Flag(false)),
                _ => None,
            },
            Self::Number { min, max } => number(text).filter(|n| (min..=max).contains(n)).map(Value::Number),
            Self::Size => size(text).map(Value::Number),
            Self::Mode => {
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                let mode = digits.then(|| i64::from_str_radix(text, 8).ok()).flatten();
                mode.filter(|n| *n <= 0o7777).map(Value::Number)
            }
            Self::Time => time(text).map(Value::Time),
            Self::Framing => text.parse().ok().map(Value::Framing),
            Self::Text => Some(Value::Text(text.to_owned())),
            Self::Numbered(form) => form.parse(text).map(|_| Value::Text(text.to_owned())),
            Self::Request(form) => form.parse_request(text).map(|_| Value::Text(text.to_owned())),
            Self::OneOf { words, .. } => {
                words.iter().find(|w| w.eq_ignore_ascii_case(text)).map(|w| Value::Text((*w).to_owned()))
            }
        }
    }
}

/// What the type takes, for errors and listings.
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("0 or 1"),
            Self::Number { min: i64::MIN, max: i64::MAX } => f.write_str("a whole number"),
            Self::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Size => f.write_str("a number of bytes such as 4096, 64k or 1M"),
            Self::Mode => f.write_str("permissions in octal, such as 0640"),
            Self::Time => f.write_str("a time such as 0.5 (seconds), 200ms or 2m"),
            Self::Framing => f.write_str("a framing such as line, delim:0x0d0a, len:u32be or sealed"),
            Self::Text => f.write_str("text"),
            Self::Numbered(Numbered::Data) => f.write_str(
                "LEVEL:NAME:VALUE, with level and name as numbers and the value as data (1, i1, x01ff)",
            ),
            Self::Numbered(Numbered::Int) => f.write_str("LEVEL:NAME:NUMBER, all as numbers"),
            Self::Numbered(Numbered::Text) => f.write_str("LEVEL:NAME:TEXT, with level and name as numbers"),
            Self::Request(Numbered::Data) => f.write_str(
                "REQUEST:VALUE, with the request as a number and the value as data (1, i1, x01ff)",
            ),
            Self::Request(Numbered::Int) => f.write_str("REQUEST:NUMBER, both as numbers"),
            Self::Request(Numbered::Text) => f.write_str("REQUEST:TEXT, with the request as a number"),
            Self::OneOf { words, .. } => write!(f, "one of {}", words.join(", ")),
        }
    }
}

/// A whole number with an optional sign; 0x and 0 prefixes are hexadecimal and octal, as in C.
pub(crate) fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(if negative { -size } else { size }).ok()
}

fn size(text: &str) -> Option<i64> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number(digits).filter(|n| *n >= 0)?.checked_mul(1 << shift)
}

fn time(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let unit_nanos: u128 = match unit {
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "" | "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !all_digits || whole.len() + fraction.len() == 0 || whole.len() > 18 || fraction.len() > 18 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let nanos = whole * unit_nanos + fraction * unit_nanos / scale;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    let rest = u32::try_from(nanos % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, rest)).filter(|t| *t <= LONGEST)
}

/// Seconds, with as many decimals as it takes.
pub(crate) fn seconds(time: Duration) -> String {
    let text = format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
