//! The second spelling of addresses: `scheme://host:port`, `scheme:///path`, with options after `?` or `,`.

use super::Address;
use super::error::{Fault, Problem};
use super::keywords::{Build, Keyword};
use super::parse::{finish, kind, set};
use super::tokens::{Field, Lexer};

/// Whether `://` after this keyword begins a URL. After the others it is text: `SYSTEM://bin/x`.
pub(super) fn spelled(keyword: &Keyword) -> bool {
    !matches!(keyword.build, Build::Command(_) | Build::OptionalCommand(_))
}

/// Parses a URL whose scheme is `keyword`, typed as `scheme`. Host, path, and the names and values after
/// `?` are percent-decoded.
pub(super) fn address(
    lexer: &mut Lexer<'_>,
    keyword: &'static Keyword,
    scheme: &str,
) -> Result<Address, Fault> {
    let shape = format!("{}{}", scheme.to_ascii_uppercase(), keyword.parameters());
    let start = lexer.position();
    lexer.skip(scheme.len() + "://".len());
    let fields = match keyword.build {
        Build::HostPort(_) | Build::ListenPort(_) => authority(lexer, scheme)?,
        Build::Unix(_) | Build::Abstract(_) | Build::Path(_) | Build::OptionalPath(_) => {
            let path = decoded(&mut *lexer, &['?', ','])?;
            if path.text.is_empty() { Vec::new() } else { vec![path] }
        }
        _ => {
            let what = Problem::NoUrl { keyword: keyword.name, shape };
            return Err(Fault::new(start..lexer.position(), what));
        }
    };
    let kind = kind(keyword, fields, start..lexer.position(), &shape)?;
    let mut query = Vec::new();
    if lexer.take('?') {
        loop {
            let name = decoded(lexer, &['=', '&', ','])?;
            let value = if lexer.take('=') { Some(decoded(lexer, &['&', ','])?) } else { None };
            query.push((name, value));
            if !lexer.take('&') {
                break;
            }
        }
    }
    let mut address = finish(lexer, keyword.name, kind)?;
    let after = std::mem::take(&mut address.options);
    for (name, value) in &query {
        if !(name.text.is_empty() && value.is_none()) {
            set(&mut address.options, keyword, name, value.as_ref())?;
        }
    }
    for setting in after.iter() {
        address.options.push(setting.name, setting.value.clone());
    }
    Ok(address)
}

/// `host:port`, `[host]:port` or `:port`, and a slash after it that means nothing.
fn authority(lexer: &mut Lexer<'_>, scheme: &str) -> Result<Vec<Field>, Fault> {
    let mut fields = Vec::new();
    let bracket = lexer.rest().starts_with('[');
    let host_end = if bracket { lexer.rest().find(']').map_or(0, |i| i + 1) } else { 0 };
    let start = lexer.position();
    let mut host = raw(lexer, host_end, &[':', '/', '?', ','])?;
    host.at.start = start;
    fields.push(host);
    while lexer.take(':') {
        fields.push(decoded(lexer, &[':', '/', '?', ','])?);
    }
    if lexer.take('/') && !matches!(lexer.rest().chars().next(), None | Some('?' | ',')) {
        let at = lexer.position() - 1..lexer.end();
        return Err(Fault::new(at, Problem::UrlPath { scheme: scheme.to_owned() }));
    }
    Ok(fields)
}

fn decoded(lexer: &mut Lexer<'_>, stops: &[char]) -> Result<Field, Fault> {
    raw(lexer, 0, stops)
}

/// The text up to the first of `stops` after `protected` bytes, percent-decoded.
fn raw(lexer: &mut Lexer<'_>, protected: usize, stops: &[char]) -> Result<Field, Fault> {
    let start = lexer.position();
    let rest = lexer.rest();
    let length = rest[protected..].find(stops).map_or(rest.len(), |i| protected + i);
    let at = start..start + length;
    let text = percent_decode(&rest[..length], protected > 0)
        .ok_or_else(|| Fault::new(at.clone(), Problem::Percent))?;
    lexer.skip(length);
    Ok(Field { text, at })
}

/// `zone`: in `[fe80::1%eth0]` the `%` may stand for itself, as people type it (RFC 6874 wants `%25`).
fn percent_decode(text: &str, zone: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
        });
        match code {
            Some(Some(byte)) if !zone || byte == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            Some(None) if !zone => return None,
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
