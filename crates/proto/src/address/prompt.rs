//! What people type at a prompt: `host:port` and bare ports, without a keyword.

use std::net::{IpAddr, Ipv4Addr};

use super::error::{Fault, Problem};
use super::kind::{Family, Host, HostPort, Kind, Port};
use super::parse::{finish, host, nearest_keyword, optional_host, parse_port};
use super::tokens::{Field, Lexer};
use super::{Prompted, Role};

/// Reads an address without a keyword, if the text is one for this role; else `lexer` stays where it is.
pub(super) fn address(lexer: &mut Lexer<'_>, role: Role) -> Result<Option<Prompted>, Fault> {
    let mut ahead = lexer.clone();
    let first = ahead.field(&[':', ','])?;
    let second = if ahead.take(':') { Some(ahead.field(&[':', ','])?) } else { None };
    if !matches!(ahead.rest().chars().next(), None | Some(',')) {
        return Ok(None);
    }
    let (kind, bare_port) = match second {
        None => match bare_port(&first, role) {
            Some(port) => (listen(Some(Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST))), port), true),
            None => return Ok(None),
        },
        Some(second) => match host_port(&first, &second, role)? {
            Some(kind) => (kind, false),
            None => return Ok(None),
        },
    };
    *lexer = ahead;
    let keyword = if role == Role::Listen { "TCP-LISTEN" } else { "TCP-CONNECT" };
    let address = finish(lexer, keyword, kind)?;
    Ok(Some(Prompted { address, bare_port }))
}

fn bare_port(field: &Field, role: Role) -> Option<Port> {
    let digits = !field.text.is_empty() && field.text.bytes().all(|b| b.is_ascii_digit());
    if role == Role::Listen && digits { parse_port(&field.text) } else { None }
}

fn host_port(first: &Field, second: &Field, role: Role) -> Result<Option<Kind>, Fault> {
    let Some(port) = parse_port(&second.text) else { return Ok(None) };
    if role == Role::Listen && matches!(first.text.as_str(), "" | "*") {
        return Ok(Some(listen(optional_host(first)?, port)));
    }
    if !is_host(&first.text, role) {
        return Ok(None);
    }
    if let Some(nearest) = mistyped_keyword(&first.text) {
        let (word, port) = (first.text.clone(), second.text.clone());
        return Err(Fault::new(first.at.clone(), Problem::HostLikeKeyword { word, nearest, port }));
    }
    let host = host(first)?;
    Ok(Some(match role {
        Role::Listen => listen(Some(host), port),
        Role::Connect | Role::Relay => Kind::Tcp { family: Family::Any, to: HostPort { host, port } },
    }))
}

/// Whether `text` is meant as a host, not as a descriptor or a path. Where the pure
/// grammar rules, it must look like nothing else.
fn is_host(text: &str, role: Role) -> bool {
    if text.is_empty() || text.contains('/') || text.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    role != Role::Relay || surely_host(text)
}

/// No keyword looks like these.
fn surely_host(text: &str) -> bool {
    text.starts_with('[') || text.contains('.') || text.eq_ignore_ascii_case("localhost")
}

/// The keyword that `text` may be: one slip away in four letters or more, two in eight or more.
fn mistyped_keyword(text: &str) -> Option<String> {
    if surely_host(text) {
        return None;
    }
    let slips = (text.len() / 4).min(2);
    let word = text.to_ascii_uppercase();
    nearest_keyword(text).filter(|known| strsim::osa_distance(&word, known) <= slips)
}

fn listen(host: Option<Host>, port: Port) -> Kind {
    Kind::TcpListen { family: Family::Any, host, port }
}
