//! From text to [`Address`]: the keyword, its parameters, the options.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use super::data;
use super::error::{Fault, Problem};
use super::keywords::{Build, Keyword, keywords};
use super::kind::{
    GenericSocket, Host, HostPort, InterfaceAddress, Kind, Port, Protocol, SocketUse, UnixName, Via, Vsock,
};
use super::option::{OptionName, Options, SHORTHANDS, ValueType, normal, number, options};
use super::tokens::{Field, Lexer};
use super::{Address, Prompted, Role, prompt, url};
use crate::framing::Framing;

/// Parses the part of `whole` that `part` names; the places of faults are those in `whole`.
pub(super) fn single(whole: &str, part: Range<usize>, role: Role) -> Result<Prompted, Fault> {
    let text = &whole[part.clone()];
    let mut lexer = Lexer::new(whole, part.clone());
    if text.is_empty() {
        return Err(Fault::new(part, Problem::Empty));
    }
    let word_end = text.find([':', ',']).unwrap_or(text.len());
    let word = &text[..word_end];
    if let Some(keyword) = Keyword::from_name(word) {
        let keyword =
            if role == Role::Listen && !word.contains('-') { keyword.when_listening() } else { keyword };
        if text[word_end..].starts_with("://") && url::spelled(keyword) {
            return url::address(&mut lexer, keyword, word).map(Prompted::from);
        }
        lexer.skip(word_end);
        let typed = word.to_ascii_uppercase();
        return keyword_address(&mut lexer, keyword, &typed).map(Prompted::from);
    }
    if word == "-" && !text[word_end..].starts_with(':') {
        lexer.skip(1);
        return finish(&mut lexer, "STDIO", Kind::Stdio).map(Prompted::from);
    }
    if let Some(prompted) = prompt::address(&mut lexer, role)? {
        return Ok(prompted);
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let field = lexer.field(&[','])?;
        let kind = Kind::Fd(descriptor(&field)?);
        return finish(&mut lexer, "FD", kind).map(Prompted::from);
    }
    if word.contains('/') {
        let field = lexer.field(&[','])?;
        let kind = Kind::Gopen(text_parameter(field, "filename", "GOPEN:<filename>")?);
        return finish(&mut lexer, "GOPEN", kind).map(Prompted::from);
    }
    let at = part.start..part.start + word_end;
    Err(Fault::new(at, unknown_keyword(word)))
}

pub(super) fn unknown_keyword(word: &str) -> Problem {
    let nearest = nearest_keyword(word);
    Problem::UnknownKeyword { word: word.to_owned(), nearest }
}

/// The known keyword most like `word`, in capitals.
pub(super) fn nearest_keyword(word: &str) -> Option<String> {
    let names = keywords().iter().flat_map(Keyword::names);
    nearest(&word.to_ascii_uppercase(), names)
}

/// The known word that the fewest slips (letters changed, left out, added or swapped) lead to, up to a third
/// of the letters.
fn nearest(word: &str, known: impl Iterator<Item = &'static str>) -> Option<String> {
    let letters = word.chars().count();
    let slips = (letters / 3).max(1);
    if !(2..=40).contains(&letters) {
        return None;
    }
    known
        .map(|name| (strsim::osa_distance(word, name), name))
        .filter(|(distance, _)| *distance <= slips)
        .min_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| strsim::jaro_winkler(word, b.1).total_cmp(&strsim::jaro_winkler(word, a.1)))
        })
        .map(|(_, name)| name.to_owned())
}

/// Parameters and options after the keyword, which is taken already.
fn keyword_address(lexer: &mut Lexer<'_>, keyword: &'static Keyword, typed: &str) -> Result<Address, Fault> {
    let shape = format!("{typed}{}", keyword.parameters());
    let start = lexer.position();
    let given = lexer.take(':');
    let whole_text = matches!(
        keyword.build,
        Build::Unix(_)
            | Build::Abstract(_)
            | Build::Path(_)
            | Build::OptionalPath(_)
            | Build::Command(_)
            | Build::OptionalCommand(_)
            | Build::Descriptor(_)
    );
    let mut fields = Vec::new();
    if given {
        let stops: &[char] = if whole_text { &[','] } else { &[':', ','] };
        loop {
            fields.push(lexer.field(stops)?);
            if !lexer.take(':') {
                break;
            }
        }
    }
    let at = start..lexer.position();
    let kind = kind(keyword, fields, at, &shape)?;
    finish(lexer, keyword.name, kind)
}

/// The kind that `fields` make, which stand at `at`; `shape` is what should have been written.
pub(super) fn kind(
    keyword: &Keyword,
    fields: Vec<Field>,
    at: Range<usize>,
    shape: &str,
) -> Result<Kind, Fault> {
    let wrong = |hint| Fault::new(at.clone(), Problem::Parameters { shape: shape.to_owned(), hint });
    let count = fields.len();
    let mut fields = fields.into_iter();
    let mut next = || fields.next().ok_or_else(|| wrong(""));
    Ok(match (keyword.build, count) {
        (Build::Nothing(make), 0) => make(),
        (Build::HostPort(make), 2) => {
            make(HostPort { host: needed_host(&next()?, shape)?, port: port(&next()?, shape)? })
        }
        (Build::ListenPort(make), 1) => make(None, port(&next()?, shape)?),
        (Build::ListenPort(make), 2) => make(optional_host(&next()?)?, port(&next()?, shape)?),
        (Build::HostProtocol(make), 2) => make(needed_host(&next()?, shape)?, protocol(&next()?, shape)?),
        (Build::Protocol(make), 1) => make(protocol(&next()?, shape)?),
        (Build::Via(make), 3 | 4) => {
            let server = needed_host(&next()?, shape)?;
            let server_port = if count == 4 { Some(port(&next()?, shape)?) } else { None };
            let to = HostPort { host: needed_host(&next()?, shape)?, port: port(&next()?, shape)? };
            make(Via { host: server, port: server_port }, to)
        }
        (Build::Unix(make), 1) => make(UnixName::Path(text_parameter(next()?, "filename", shape)?)),
        (Build::Abstract(make), 1) => make(UnixName::Abstract(needed(next()?, "name", shape)?.text)),
        (Build::Path(make), 1) => make(text_parameter(next()?, "filename", shape)?),
        (Build::OptionalPath(make), 0) => make(None),
        (Build::OptionalPath(make), 1) => make(Some(text_parameter(next()?, "filename", shape)?)),
        (Build::Command(make), 1) => make(text_parameter(next()?, "command", shape)?),
        (Build::OptionalCommand(make), 0) => make(None),
        (Build::OptionalCommand(make), 1) => make(Some(text_parameter(next()?, "command", shape)?)),
        (Build::Descriptor(make), 1) => make(descriptor(&next()?)?),
        (Build::Socket(does), 3 | 4) => {
            let has_type = !matches!(does, SocketUse::Connect | SocketUse::Listen);
            if has_type != (count == 4) {
                return Err(wrong(""));
            }
            let family = numeric(&next()?)?;
            let kind = if has_type { numeric(&next()?)? } else { 1 };
            let protocol = numeric(&next()?)?;
            let field = next()?;
            if data(&field.text).is_none_or(|bytes| bytes.len() > LONGEST_ADDRESS) {
                return Err(Fault::new(field.at, Problem::Data { word: field.text }));
            }
            Kind::Socket(GenericSocket { does, family, kind, protocol, address: field.text })
        }
        (Build::Vsock, 2) => Kind::VsockConnect(Vsock { cid: numeric(&next()?)?, port: numeric(&next()?)? }),
        (Build::VsockPort, 1) => Kind::VsockListen(numeric(&next()?)?),
        (Build::OptionalNetwork(make), 0) => make(None),
        (Build::OptionalNetwork(make), 1) => make(Some(network(&next()?)?)),
        (Build::HostPort(_) | Build::ListenPort(_) | Build::Via(_), 4..) => {
            return Err(wrong("; an IPv6 address stands in brackets, such as [::1]"));
        }
        _ => return Err(wrong("")),
    })
}

/// The options, up to the end of the text.
pub(super) fn finish(lexer: &mut Lexer<'_>, keyword: &'static str, kind: Kind) -> Result<Address, Fault> {
    let keyword = Keyword::from_name(keyword).expect("the parser passes names of the table");
    let mut settings = Options::default();
    while lexer.take(',') {
        let name = lexer.field(&['=', ','])?;
        let value = if lexer.take('=') { Some(lexer.field(&[','])?) } else { None };
        if name.text.is_empty() && value.is_none() {
            continue;
        }
        set(&mut settings, keyword, &name, value.as_ref())?;
    }
    if lexer.position() < lexer.end() {
        let at = lexer.position()..lexer.end();
        let shape = format!("{}{}", keyword.name, keyword.parameters());
        return Err(Fault::new(at, Problem::Parameters { shape, hint: "" }));
    }
    Ok(Address { kind, options: settings })
}

/// Checks one option and adds it.
pub(super) fn set(
    settings: &mut Options,
    keyword: &'static Keyword,
    name: &Field,
    value: Option<&Field>,
) -> Result<(), Fault> {
    let word = normal(&name.text);
    let shorthand = SHORTHANDS.iter().find(|row| row.0 == word);
    let Some(option) = shorthand.map(|row| row.1).or_else(|| OptionName::from_spelling(&word)) else {
        let known = options().iter().flat_map(|o| o.spellings()).chain(SHORTHANDS.iter().map(|row| row.0));
        let what = Problem::UnknownOption { word: name.text.clone(), nearest: nearest(&word, known) };
        return Err(Fault::new(name.at.clone(), what));
    };
    let info = option.info();
    if !info.groups.meets(keyword.groups) {
        let kinds = info.groups.describe();
        let what = Problem::OptionNotForKind { option: name.text.clone(), keyword: keyword.name, kinds };
        return Err(Fault::new(name.at.clone(), what));
    }
    let expected = || info.value.to_string();
    let bad = |at: Range<usize>, value: &str| {
        // A framing has a grammar of its own, and its own words for what is wrong.
        let expected = match value.parse::<Framing>() {
            Err(error) if info.value == ValueType::Framing => error.to_string(),
            _ => expected(),
        };
        let what = Problem::BadValue { option: name.text.clone(), value: value.to_owned(), expected };
        Fault::new(at, what)
    };
    let value = match (shorthand, value) {
        (Some((_, _, implied)), None) => {
            info.value.parse(implied).ok_or_else(|| bad(name.at.clone(), implied))?
        }
        (Some(_), Some(field)) => return Err(bad(field.at.clone(), &field.text)),
        (None, Some(field)) => {
            info.value.parse(&field.text).ok_or_else(|| bad(field.at.clone(), &field.text))?
        }
        (None, None) => info.value.alone().ok_or_else(|| {
            let what = Problem::MissingValue { option: name.text.clone(), expected: expected() };
            Fault::new(name.at.clone(), what)
        })?,
    };
    settings.push(option, value);
    Ok(())
}

fn needed(field: Field, name: &'static str, shape: &str) -> Result<Field, Fault> {
    if field.text.is_empty() {
        return Err(Fault::new(field.at, Problem::MissingParameter { name, shape: shape.to_owned() }));
    }
    Ok(field)
}

fn text_parameter(field: Field, name: &'static str, shape: &str) -> Result<String, Fault> {
    let field = needed(field, name, shape)?;
    if field.text.contains('\0') {
        return Err(Fault::new(field.at, Problem::Nul { name }));
    }
    Ok(field.text)
}

fn needed_host(field: &Field, shape: &str) -> Result<Host, Fault> {
    host(&needed(field.clone(), "host", shape)?)
}

/// A host to listen on: nothing or `*` is every interface.
pub(super) fn optional_host(field: &Field) -> Result<Option<Host>, Fault> {
    if matches!(field.text.as_str(), "" | "*") { Ok(None) } else { host(field).map(Some) }
}

pub(super) fn host(field: &Field) -> Result<Host, Fault> {
    parse_host(&field.text)
        .ok_or_else(|| Fault::new(field.at.clone(), Problem::Host { word: field.text.clone() }))
}

fn parse_host(text: &str) -> Option<Host> {
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inside.split_once('%') {
            Some((address, zone)) => {
                let valid = !zone.is_empty() && zone.chars().all(|c| is_name_char(c) && c != '%');
                valid.then_some(())?;
                Some(Host::Scoped(address.parse().ok()?, zone.to_owned()))
            }
            None => inside.parse::<Ipv6Addr>().ok().map(|ip| Host::Ip(ip.into())),
        };
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Host::Ip(ip));
    }
    let named = text.len() <= 255
        && !text.is_empty()
        && text.chars().all(|c| is_name_char(c) && c != '%' && c != '*');
    named.then(|| Host::Name(text.to_owned()))
}

/// Whether a name (of a host, zone, service or protocol) may hold `c`. Names in any script are let
/// through; what is refused is what the grammar uses, blanks and controls.
fn is_name_char(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"/:,[](){}\"'\\!=@?#<>|;&$`".contains(c)
}

pub(super) fn port(field: &Field, shape: &str) -> Result<Port, Fault> {
    let field = needed(field.clone(), "port", shape)?;
    parse_port(&field.text).ok_or_else(|| Fault::new(field.at, Problem::Port { word: field.text }))
}

pub(super) fn parse_port(text: &str) -> Option<Port> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return u16::try_from(number(text)?).ok().map(Port::Number);
    }
    named(text).map(Port::Service)
}

fn protocol(field: &Field, shape: &str) -> Result<Protocol, Fault> {
    let field = needed(field.clone(), "protocol", shape)?;
    let text = &field.text;
    let parsed = if text.starts_with(|c: char| c.is_ascii_digit()) {
        number(text).and_then(|n| u8::try_from(n).ok()).map(Protocol::Number)
    } else {
        named(text).map(Protocol::Name)
    };
    parsed.ok_or_else(|| Fault::new(field.at, Problem::Protocol { word: field.text }))
}

/// A service or protocol name: letters, digits and a few signs, a letter first.
fn named(text: &str) -> Option<String> {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let rest = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+*".contains(c));
    (first && rest && text.len() <= 64).then(|| text.to_owned())
}

/// The longest socket address behind its family (`sockaddr_storage`).
const LONGEST_ADDRESS: usize = 126;

/// A number that fits.
fn numeric<T: TryFrom<i64>>(field: &Field) -> Result<T, Fault> {
    let fits = number(&field.text).and_then(|n| T::try_from(n).ok());
    fits.ok_or_else(|| Fault::new(field.at.clone(), Problem::Number { word: field.text.clone() }))
}

/// `10.0.0.1/24`
fn network(field: &Field) -> Result<InterfaceAddress, Fault> {
    let parsed = field.text.split_once('/').and_then(|(ip, bits)| {
        let bits = number(bits).and_then(|n| u8::try_from(n).ok()).filter(|bits| *bits <= 32)?;
        Some(InterfaceAddress { ip: ip.parse().ok()?, bits })
    });
    parsed.ok_or_else(|| Fault::new(field.at.clone(), Problem::Network { word: field.text.clone() }))
}

fn descriptor(field: &Field) -> Result<u32, Fault> {
    let digit = field.text.starts_with(|c: char| c.is_ascii_digit());
    let fd = number(&field.text)
        .filter(|n| digit && *n <= i64::from(i32::MAX))
        .and_then(|n| u32::try_from(n).ok());
    fd.ok_or_else(|| Fault::new(field.at.clone(), Problem::Descriptor { word: field.text.clone() }))
}
