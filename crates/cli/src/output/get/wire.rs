//! `--wire`: the exchange as a reader would annotate it.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use sockeye::http::{Note, Observer};

/// Writes an explanation of everything sent and received.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The body goes to the standard output: the explanation to the other stream.
    to_stderr: bool,
    /// Several transfers: each line says which.
    numbered: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    received: u64,
}

impl Wire {
    /// On the standard output, or the standard error where bodies go to the former.
    pub(crate) fn new(to_stderr: bool, numbered: bool) -> Self {
        Self { to_stderr, numbered, state: Mutex::new(State { start: Instant::now(), received: 0 }) }
    }
}

impl Observer for Wire {
    fn note(&self, id: u64, note: &Note<'_>) {
        let text = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            explained(note, &mut state)
        };
        let mut out = String::new();
        for line in text.lines() {
            if self.numbered {
                out.push_str(&format!("[{id}] "));
            }
            out.push_str(line);
            out.push('\n');
        }
        // A reader that left wants no more; the transfer goes on.
        let _ = match self.to_stderr {
            true => io::stderr().lock().write_all(out.as_bytes()),
            false => io::stdout().lock().write_all(out.as_bytes()),
        };
    }

    fn every_receive(&self) -> bool {
        true
    }
}

fn explained(note: &Note<'_>, state: &mut State) -> String {
    let now = state.start.elapsed().as_secs_f64();
    match note {
        Note::Resolved { host, addresses } => {
            let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            format!("= {host} is {}", list.join(", "))
        }
        Note::Connecting { peer } => format!("= connecting to {peer}"),
        Note::ConnectFailed { peer, reason } => format!("= {peer} does not answer: {reason}"),
        Note::Connected { peer, local, .. } => {
            state.received = 0;
            format!("= connected: {local} to {peer}  [{now:.6} s]")
        }
        Note::Reused { peer, .. } => {
            state.received = 0;
            format!("= the connection to {peer} is used again")
        }
        Note::Tunnel { proxy, target } => format!("= the proxy {proxy} connected to {target}"),
        Note::Tls { facts } => {
            let trust = if facts.verified { "checked" } else { "NOT checked" };
            format!("= {} with {}, certificate {trust}  [{now:.6} s]", facts.version, facts.cipher)
        }
        Note::RequestHead { head } => {
            format!("> sent the head, {} bytes  [{now:.6} s]\n{}", head.len(), indented(head))
        }
        Note::RequestBody { bytes } => format!("> sent the body, {bytes} bytes  [{now:.6} s]"),
        Note::Received { data } => {
            state.received += data.len() as u64;
            format!("< received {} bytes, {} so far  [{now:.6} s]", data.len(), state.received)
        }
        Note::Interim { head } => {
            format!("  interim head of {} bytes: another one follows\n{}", head.len(), indented(head))
        }
        Note::ResponseHead { head, framing, .. } => format!(
            "  head of {} bytes, up to the blank line\n{}\n  the body will end {framing}",
            head.len(),
            indented(head)
        ),
        Note::Chunk { line, size: 0 } => format!("  last chunk: {}", quoted(line)),
        Note::Chunk { line, size } => format!("  chunk of {size} bytes: {}", quoted(line)),
        Note::Data { data } => format!("  body, {} bytes: {}", data.len(), quoted(data)),
        Note::Trailers { fields } => format!("  trailer of {} bytes\n{}", fields.len(), indented(fields)),
        Note::BodyEnd { rule, bytes } => format!("= whole, {bytes} bytes of body: {rule}  [{now:.6} s]"),
        Note::Decoded { coding, from, to } => format!("= {coding}: {from} bytes decoded to {to}"),
        Note::Redirect { status, to, method } => format!("= {status} redirects to {method} {to}"),
        Note::Done { kept: true, .. } => "= the connection is kept".into(),
        Note::Done { kept: false, .. } => "= the connection is closed".into(),
        _ => String::new(),
    }
}

/// The beginning of some bytes, escaped.
fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let dots = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{dots}", shown.escape_ascii())
}

/// The lines of a head, controls escaped, line ends shown.
fn indented(head: &[u8]) -> String {
    let lines = head.split_inclusive(|&b| b == b'\n').map(|line| format!("    {}", shown(line)));
    lines.collect::<Vec<_>>().join("\n")
}

fn shown(line: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(line).chars() {
        match c {
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
