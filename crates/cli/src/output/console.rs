//! The console: a prompt, each line sent, each answer shown with who said it.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use sockeye::{
    Error,
    endpoint::{About, Batch, BoxFuture, Endpoint, Keep, MessageRead, MessageWrite, Reader, Writer},
    relay::Ended,
};

use crate::command::Meeting;

const PROMPT: &str = "> ";

/// Whether a person types and reads.
pub(crate) fn is_for_people() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// A console that shows what `peer` says.
pub(crate) fn open(peer: &str, framed: bool) -> Result<Endpoint, Error> {
    let standard = streams(framed)?;
    super::hint(format_args!("connected to {peer}; each line is sent, Ctrl-D ends"));
    show("", "");
    Ok(Endpoint {
        reader: Reader::Messages(Box::new(Typed { from: standard.reader })),
        writer: Writer::Messages(Box::new(Shown { peer: peer.to_owned() })),
        about: About { address: "console".into(), ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// The plain streams; as lines where messages are to be typed and shown.
pub(crate) fn streams(framed: bool) -> Result<Endpoint, Error> {
    let standard = sockeye::endpoint::standard()?;
    Ok(if framed { sockeye::endpoint::lines(standard) } else { standard })
}

/// Takes the last prompt away, and says that it was the peer who ended, if it was.
pub(crate) fn farewell(peer: &str, heard: &Ended) {
    let mut out = io::stdout().lock();
    // A terminal that is gone needs no farewell.
    let _ = match heard {
        Ended::EndOfData => writeln!(out, "\r\x1b[K{peer} has closed the connection"),
        _ => write!(out, "\r\x1b[K").and_then(|()| out.flush()),
    };
}

/// Shows a line of another subject above the prompt, if there is one.
pub(crate) fn aside(line: &str) {
    let prompt = if is_for_people() { PROMPT } else { "" };
    // Nobody reads it: nothing to do.
    let _ = io::stderr().lock().write_all(format!("\r\x1b[K{line}\n{prompt}").as_bytes());
}

/// Shows what a client of many said.
pub(crate) fn heard(peer: &str, text: &[u8], framed: bool) {
    if is_for_people() {
        show(peer, &String::from_utf8_lossy(text));
    } else {
        let mut out = io::stdout().lock();
        let shown = [text, if framed { b"\n" } else { b"" }].concat();
        super::said(out.write_all(&shown).and_then(|()| out.flush()));
    }
}

/// Says each line typed to everyone at the meeting.
pub(crate) async fn lines(meeting: Arc<Meeting>, reads: bool) {
    if !reads {
        return;
    }
    let Ok(mut standard) = streams(meeting.framed) else { return };
    let mut batch = Batch::new();
    while let Ok(true) = standard.reader.recv(&mut batch).await {
        batch.iter().for_each(|line| meeting.hub.say(None, line));
    }
}

/// Replaces the prompt by what was said, and puts it back underneath.
fn show(peer: &str, text: &str) {
    let mut out = io::stdout().lock();
    let mut shown = String::from("\r\x1b[K");
    if !peer.is_empty() {
        let plain: String = text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect();
        for line in plain.trim_end_matches('\n').split('\n') {
            shown.push_str(&format!("\x1b[2m{peer}\x1b[0m {line}\n"));
        }
    }
    shown.push_str(PROMPT);
    // A terminal that is gone hangs up as well, which ends the command.
    let _ = out.write_all(shown.as_bytes()).and_then(|()| out.flush());
}

/// What is typed, line by line; the prompt comes back after each.
struct Typed {
    from: Reader,
}

impl MessageRead for Typed {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            let more = self.from.recv(batch).await?;
            if more {
                show("", "");
            }
            Ok(more)
        })
    }
}

/// What the peer says.
struct Shown {
    peer: String,
}

impl MessageWrite for Shown {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        for message in batch.iter() {
            show(&self.peer, &String::from_utf8_lossy(message));
        }
        Box::pin(async { Ok(()) })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        // Called when the peer has ended, and again when all is closed: see `farewell`.
        Box::pin(async { Ok(()) })
    }
}
