//! Text ⇄ [`Framing`]: `KIND[:PARAMETER][,OPTION[=VALUE]]…`, keywords in any case.

use std::{fmt, num::NonZeroUsize, str::FromStr};

use super::{ByteOrder, Delimiter, Framing, Kind, LengthField, Width};

const KINDS: [&str; 6] = ["line", "delim", "fixed", "len", "netstring", "sealed"];
const WIDTHS: [Width; 6] = [Width::U8, Width::U16, Width::U24, Width::U32, Width::U64, Width::Varint];

/// Why a text is no framing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No such kind.
    #[error("no framing is named {:?}{}; there are line, delim, fixed, len, netstring and sealed", .0, hint(.1))]
    Kind(String, Option<&'static str>),
    /// A kind that needs a parameter has none.
    #[error("{0} needs {1}")]
    NoParameter(&'static str, &'static str),
    /// A kind without parameters has one.
    #[error("{0} takes no parameter, got {1:?}")]
    Parameter(&'static str, String),
    /// No such length field.
    #[error("no length field is of type {:?}{}; there are u8, u16, u24, u32, u64 (with be or le) and varint", .0, hint(.1))]
    Width(String, Option<&'static str>),
    /// No such option, or not for this kind.
    #[error("{} has no option {:?}{}; it has {}", .0, .1, hint(.2), .3)]
    Option(&'static str, String, Option<&'static str>, &'static str),
    /// An option's value is missing or no number in its range.
    #[error("{0} must be {1}, got {2:?}")]
    Value(&'static str, &'static str, String),
    /// A backslash before something that it does not go with.
    #[error("{0:?} is no escape; there are \\r \\n \\t \\0 \\\\ \\, and \\xHH")]
    Escape(String),
}

/// The known word nearest to an unknown one, if any is near.
fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    let (distance, word) = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), *k))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + word.len() / 3).then_some(word)
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |word| format!(" (did you mean {word}?)"))
}

impl FromStr for Framing {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut words = split(unwrapped(text)).into_iter();
        let first = words.next().unwrap_or_default();
        let (name, parameter) = match first.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (first, None),
        };
        let lower = name.trim().to_ascii_lowercase();
        let (kind, name) = match lower.as_str() {
            "line" | "lines" => (bare("line", parameter, Kind::Line)?, "line"),
            "netstring" => (bare("netstring", parameter, Kind::Netstring)?, "netstring"),
            "sealed" => (bare("sealed", parameter, Kind::Sealed)?, "sealed"),
            "delim" => (Kind::Delim(delimiter(parameter)?), "delim"),
            "fixed" => {
                let size = required("fixed", "the size of every message, as in fixed:64", parameter)?;
                let bad = || SpecError::Value("fixed:N", "a number of bytes, 1 or more", size.into());
                let size = bytes(size).and_then(NonZeroUsize::new).ok_or_else(bad)?;
                (Kind::Fixed(size), "fixed")
            }
            "len" | "length" => (Kind::Length(length(parameter)?), "len"),
            _ => return Err(SpecError::Kind(name.into(), nearest(&lower, &KINDS))),
        };
        let mut framing = Self::new(kind);
        for word in words {
            framing.option(name, word)?;
        }
        Ok(framing)
    }
}

impl Framing {
    fn option(&mut self, kind: &'static str, word: &str) -> Result<(), SpecError> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let lower = name.trim().to_ascii_lowercase();
        let value = value.map(str::trim);
        match (&mut self.kind, lower.as_str(), value) {
            (Kind::Fixed(size), "max", value) => {
                let max = number("max", "a number of bytes", value, bytes)?;
                if max < size.get() {
                    let text = value.unwrap_or_default().into();
                    return Err(SpecError::Value("max", "at least the size of every message", text));
                }
            }
            (_, "max", value) => self.max = number("max", "a number of bytes", value, bytes)?,
            (Kind::Length(field), "be", None) => field.order = ByteOrder::Big,
            (Kind::Length(field), "le", None) => field.order = ByteOrder::Little,
            (Kind::Length(field), "offset", value) => {
                field.offset = number("offset", "a number of bytes below 64k", value, small)?;
            }
            (Kind::Length(field), "skip", value) => {
                field.skip = Some(number("skip", "a number of bytes below 64k", value, small)?);
            }
            (Kind::Length(field), "adjust", value) => {
                let parse = |v: &str| v.parse().ok().filter(|a: &i64| a.unsigned_abs() < 1 << 32);
                field.adjust = number("adjust", "a whole number between -2^32 and 2^32", value, parse)?;
            }
            (Kind::Length(_), ..) => {
                let near = nearest(&lower, &["be", "le", "offset", "adjust", "skip", "max"]);
                return Err(SpecError::Option(
                    kind,
                    word.into(),
                    near,
                    "be, le, offset=, adjust=, skip= and max=",
                ));
            }
            _ => return Err(SpecError::Option(kind, word.into(), nearest(&lower, &["max"]), "max=")),
        }
        Ok(())
    }
}

/// Without the brackets that keep a framing together among the options of an address.
fn unwrapped(text: &str) -> &str {
    let inside = |open, close| text.strip_prefix(open).and_then(|t: &str| t.strip_suffix(close));
    inside('(', ')').or_else(|| inside('[', ']')).or_else(|| inside('{', '}')).unwrap_or(text)
}

/// Splits at commas that no backslash precedes.
fn split(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut escaped) = (Vec::new(), 0, false);
    for (i, c) in text.char_indices() {
        if c == ',' && !escaped {
            words.push(&text[start..i]);
            start = i + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    words.push(&text[start..]);
    words
}

fn bare(name: &'static str, parameter: Option<&str>, kind: Kind) -> Result<Kind, SpecError> {
    match parameter {
        None | Some("") => Ok(kind),
        Some(text) => Err(SpecError::Parameter(name, text.into())),
    }
}

fn required<'a>(
    name: &'static str,
    what: &'static str,
    parameter: Option<&'a str>,
) -> Result<&'a str, SpecError> {
    parameter.filter(|p| !p.is_empty()).ok_or(SpecError::NoParameter(name, what))
}

fn number<T>(
    name: &'static str,
    what: &'static str,
    value: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, SpecError> {
    let text = value.unwrap_or_default();
    parse(text).ok_or_else(|| SpecError::Value(name, what, text.into()))
}

fn small(text: &str) -> Option<u16> {
    bytes(text).and_then(|n| n.try_into().ok())
}

/// `64`, `0x40`, `64k`, `2M`, `1G`, also with `B` or `iB`: powers of 1024.
fn bytes(text: &str) -> Option<usize> {
    if let Some(hex) = text.strip_prefix("0x") {
        return usize::from_str_radix(hex, 16).ok();
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<usize>().ok()?.checked_mul(unit)
}

fn length(parameter: Option<&str>) -> Result<LengthField, SpecError> {
    let text = required("len", "the type of the length field, as in len:u32be", parameter)?;
    let lower = text.trim().to_ascii_lowercase();
    let (width, order) = match lower.strip_suffix("le") {
        Some(width) => (width, ByteOrder::Little),
        None => (lower.strip_suffix("be").unwrap_or(&lower), ByteOrder::Big),
    };
    match WIDTHS.into_iter().find(|w| w.name() == width) {
        Some(width) => Ok(LengthField::new(width, order)),
        None => Err(SpecError::Width(text.into(), nearest(width, &WIDTHS.map(Width::name)))),
    }
}

/// A delimiter as typed: text with escapes, or `0x` and pairs of hexadecimal digits.
fn delimiter(parameter: Option<&str>) -> Result<Delimiter, SpecError> {
    const WHAT: &str = "the bytes between messages, as in delim:\\r\\n or delim:0x0d0a (a comma: \\,)";
    let text = required("delim", WHAT, parameter)?;
    let bytes = match text.strip_prefix("0x") {
        Some(hex) => hexadecimal(hex)
            .ok_or_else(|| SpecError::Value("delim:0x…", "pairs of hexadecimal digits", text.into()))?,
        None => unescape(text)?,
    };
    Delimiter::new(bytes).ok_or(SpecError::NoParameter("delim", WHAT))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [a, b] => Some((char::from(*a).to_digit(16)? << 4 | char::from(*b).to_digit(16)?) as u8),
            _ => None,
        })
        .collect()
}

fn unescape(text: &str) -> Result<Vec<u8>, SpecError> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(i) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..i]);
        rest = &rest[i..];
        let code = rest[1..].chars().next();
        let len = if code == Some('x') { 4 } else { 1 + code.map_or(0, char::len_utf8) };
        let byte = match code {
            Some('r') => Some(b'\r'),
            Some('n') => Some(b'\n'),
            Some('t') => Some(b'\t'),
            Some('0') => Some(0),
            Some('\\') => Some(b'\\'),
            Some(',') => Some(b','),
            Some('x') => rest.get(2..4).and_then(hexadecimal).and_then(|bytes| bytes.first().copied()),
            _ => None,
        };
        match (byte, rest.get(len..)) {
            (Some(byte), Some(after)) => {
                out.push(byte);
                rest = after;
            }
            _ => return Err(SpecError::Escape(rest.chars().take(4).collect())),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Line => f.write_str("line")?,
            Kind::Delim(delimiter) => {
                f.write_str("delim:")?;
                escape(delimiter.bytes(), f)?;
            }
            Kind::Fixed(size) => return write!(f, "fixed:{size}"),
            Kind::Length(field) => field.fmt(f)?,
            Kind::Netstring => f.write_str("netstring")?,
            Kind::Sealed => f.write_str("sealed")?,
        }
        if self.max != super::DEFAULT_MAX {
            write!(f, ",max={}", self.max)?;
        }
        Ok(())
    }
}

impl fmt::Display for LengthField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.width, self.order) {
            (Width::U8 | Width::Varint, _) => "",
            (_, ByteOrder::Big) => "be",
            (_, ByteOrder::Little) => "le",
        };
        write!(f, "len:{}{order}", self.width.name())?;
        if self.offset != 0 {
            write!(f, ",offset={}", self.offset)?;
        }
        if self.adjust != 0 {
            write!(f, ",adjust={}", self.adjust)?;
        }
        self.skip.map_or(Ok(()), |skip| write!(f, ",skip={skip}"))
    }
}

fn escape(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let hex_like = bytes.starts_with(b"0x");
    for (i, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' => f.write_str("\\r")?,
            b'\n' => f.write_str("\\n")?,
            b'\t' => f.write_str("\\t")?,
            b'\\' => f.write_str("\\\\")?,
            b'!'..=b'~' if byte != b',' && !(hex_like && i == 0) => write!(f, "{}", char::from(byte))?,
            _ => write!(f, "\\x{byte:02x}")?,
        }
    }
    Ok(())
}

impl serde::Serialize for Framing {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
