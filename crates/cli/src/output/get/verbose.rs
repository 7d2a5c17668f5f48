//! `-v`: curl's habit, `* ` for what is done, `> ` and `< ` for heads.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use sockeye::http::{Note, Observer};

/// Writes notes to the standard error.
#[derive(Debug)]
pub(crate) struct Verbose;

impl Verbose {
    /// On the standard error.
    pub(crate) fn new() -> Self {
        Self
    }
}

impl Observer for Verbose {
    fn note(&self, _: u64, note: &Note<'_>) {
        let text = rendered(note);
        if !text.is_empty() {
            let _ = io::stderr().lock().write_all(&text);
        }
    }
}

fn rendered(note: &Note<'_>) -> Vec<u8> {
    let mut star = String::new();
    let written = match note {
        Note::Connecting { peer } => write!(star, "  Trying {peer}..."),
        Note::ConnectFailed { peer, reason } => {
            write!(star, "connect to {} port {} failed: {reason}", peer.ip(), peer.port())
        }
        Note::Connected { host, peer, .. } => match peer.parse::<std::net::SocketAddr>() {
            Ok(at) => write!(star, "Connected to {host} ({}) port {}", at.ip(), at.port()),
            Err(_) => write!(star, "Connected to {host} ({peer})"),
        },
        Note::Reused { host, .. } => write!(star, "Re-using existing connection with host {host}"),
        Note::Tunnel { proxy, target } => write!(star, "Tunnel to {target} through {proxy} established"),
        Note::Tls { facts } => {
            let alpn = match &facts.alpn {
                Some(protocol) => format!("\n* ALPN: server accepted {protocol}"),
                None => "\n* ALPN: server did not agree on a protocol".into(),
            };
            let trust = if facts.verified { "certificate verify ok" } else { "certificate not verified" };
            write!(star, "SSL connection using {} / {}{alpn}\n* SSL {trust}", facts.version, facts.cipher)
        }
        Note::RequestHead { head } => return prefixed(b"> ", head),
        Note::Interim { head } | Note::ResponseHead { head, .. } => return prefixed(b"< ", head),
        Note::Trailers { fields } => return prefixed(b"< ", fields),
        Note::RequestBody { bytes } => write!(star, "upload completely sent off: {bytes} bytes"),
        Note::Redirect { to, .. } => write!(star, "Issue another request to this URL: '{to}'"),
        Note::Done { kept: true, host } => write!(star, "Connection to host {host} left intact"),
        Note::Done { kept: false, .. } => write!(star, "Closing connection"),
        _ => return Vec::new(),
    };
    match written {
        Ok(()) => format!("* {star}\n").into_bytes(),
        Err(_) => Vec::new(),
    }
}

fn prefixed(prefix: &[u8], head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len() * 2);
    for line in head.split_inclusive(|&b| b == b'\n') {
        out.extend_from_slice(prefix);
        out.extend_from_slice(line);
    }
    out
}
