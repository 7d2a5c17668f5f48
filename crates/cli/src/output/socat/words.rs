//! Errors as the system calls and complaints that socat's users know.

use std::net::SocketAddr;

use sockeye::{Error, error::Reason};
use sockeye_proto::address::{ParseError, Problem};

/// `AF=2 127.0.0.1:80`
pub(super) fn socket_name(name: &str) -> String {
    match name.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(to)) => format!("AF=2 {to}"),
        Ok(SocketAddr::V6(to)) => {
            let words = to.ip().segments().map(|word| format!("{word:04x}")).join(":");
            format!("AF=10 [{words}]:{}", to.port())
        }
        Err(_) => format!("AF=1 \"{name}\""),
    }
}

/// An error as the system call that failed. The descriptor is the one that socat has there.
pub(crate) fn in_its_words(error: &Error) -> String {
    match error.reason() {
        Reason::Each(all) => all.last().map_or_else(String::new, in_its_words),
        Reason::TimedOut(_) if error.attempt().starts_with("connect") => {
            call(error.attempt(), error.target(), "Connection timed out")
        }
        reason => call(error.attempt(), error.target(), &reason.to_string()),
    }
}

pub(super) fn call(attempt: &str, target: &str, reason: &str) -> String {
    let place = target.rsplit(' ').next().unwrap_or(target);
    let length = match place.parse::<SocketAddr>() {
        Ok(SocketAddr::V4(_)) => 16,
        Ok(SocketAddr::V6(_)) => 28,
        Err(_) => place.len() + 2,
    };
    let is_address = place.parse::<SocketAddr>().is_ok();
    match attempt {
        "connect to" if is_address || place.starts_with('/') => {
            format!("connect(5, {}, {length}): {reason}", socket_name(place))
        }
        "bind to" | "listen on" if is_address || place.starts_with('/') => {
            format!("bind(5, {{{}}}, {length}): {reason}", socket_name(place))
        }
        "open" => format!("open(\"{target}\", 02, 0666): {reason}"),
        "make a socket for" if target.starts_with("SCTP") => {
            let family = if target.starts_with("SCTP6") { 10 } else { 2 };
            format!("socket({family}, 1, 132): {reason}")
        }
        "take the lock" => format!("could not obtain lock \"{target}\""),
        "start" => {
            let program = program(target);
            format!("execvp(\"{program}\", \"{program}\"): {reason}")
        }
        "resolve" => {
            format!("getaddrinfo(\"{target}\", \"NULL\", {{1,0,1,6}}, {{}}): Name or service not known")
        }
        _ => format!("cannot {attempt} {target}: {reason}"),
    }
}

/// The program of an address `EXEC:program arguments,options`.
fn program(address: &str) -> &str {
    let line = address.split_once(':').map_or(address, |(_, line)| line);
    line.split([' ', ',']).next().unwrap_or(line)
}

/// What is wrong with an address, in socat's words where it has some.
pub(crate) fn unreadable(error: &ParseError) -> String {
    let keyword = error.text.split([':', ',']).next().unwrap_or_default();
    match &error.what {
        Problem::UnknownKeyword { word, .. } => format!("unknown device/address \"{word}\""),
        Problem::UnknownOption { word, .. } => format!("parseopts_table(): unknown option \"{word}\""),
        Problem::OptionNotForKind { option, .. } => {
            format!("parseopts_table(): option \"{option}\" not supported with this address type")
        }
        Problem::BadValue { option, value, expected } => format!(
            "parseopts(): missing numerical value of option \"{option}={value}\": it takes {expected}"
        ),
        Problem::Parameters { shape, .. } => {
            let given = parameters(&error.text);
            let wanted = shape.matches('<').count() - usize::from(shape.contains("[<host>:]"));
            format!("{keyword}: wrong number of parameters ({given} instead of {wanted})")
        }
        what => what.to_string(),
    }
}

/// How many parameters an address was given; brackets hold theirs together.
fn parameters(address: &str) -> usize {
    let (mut depth, mut found) = (0_u32, 0);
    for letter in address.chars() {
        match letter {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => found += 1,
            ',' if depth == 0 => break,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_the_calls_that_failed() {
        let refused = "Connection refused";
        assert_eq!(
            call("connect to", "127.0.0.1:1", refused),
            "connect(5, AF=2 127.0.0.1:1, 16): Connection refused"
        );
        assert_eq!(
            call("connect to", "[::1]:1", refused),
            "connect(5, AF=10 [0000:0000:0000:0000:0000:0000:0000:0001]:1, 28): Connection refused"
        );
        let text = call("listen on", "1.2.3.4:22", "Cannot assign requested address");
        assert_eq!(text, "bind(5, {AF=2 1.2.3.4:22}, 16): Cannot assign requested address");
    }
}
