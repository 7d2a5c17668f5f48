//! What happens during a relay, as lines of socat's log.

use std::{
    collections::HashMap,
    io::{self, Write},
    os::unix::fs::FileTypeExt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use serde_json::Value;
use sockeye::relay::Way;
use sockeye_proto::address::{Kind, OptionName, Spec};

use super::{
    Level, Logger,
    words::{call, socket_name},
};

/// Turns the events of the library, each a line of JSON, into socat's messages.
#[derive(Debug)]
pub(crate) struct EventLog {
    logger: Arc<Logger>,
    only: Option<Way>,
    /// Endpoints that are open, by the number they have in events.
    open: HashMap<u64, Side>,
    /// The number of the first of a pair, until the second is told of.
    first: Option<u64>,
    /// Programs that ended badly, by process id, and with what status.
    exited: HashMap<u64, i64>,
    /// How the direction there ended, until the way back is told of.
    forward: String,
    child: Arc<AtomicU8>,
}

/// What is remembered of an endpoint.
#[derive(Debug)]
struct Side {
    descriptors: Option<[i64; 2]>,
    program: Option<u64>,
}

impl EventLog {
    /// `child` becomes the code that a program leaves to us: 1 where it fails before the data has ended, its own
    /// with `nofork`.
    pub(crate) fn new(logger: Arc<Logger>, only: Option<Way>, child: Arc<AtomicU8>) -> Self {
        Self {
            logger,
            only,
            open: HashMap::new(),
            first: None,
            exited: HashMap::new(),
            forward: String::new(),
            child,
        }
    }

    fn event(&mut self, event: &Value) {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        match text("event") {
            Some("listening") => {
                let (local, address) = (text("local"), text("address").unwrap_or_default());
                let local = socket_name(local.unwrap_or(address));
                let does = match Spec::parse(address) {
                    Ok(Spec::Single(address)) => match address.kind {
                        Kind::UdpListen { .. } => "listening on UDP",
                        Kind::UdpRecvfrom { .. } | Kind::UnixRecvfrom(_) => "receiving on",
                        _ => "listening on",
                    },
                    _ => "listening on",
                };
                self.logger.log(Level::Notice, &format!("{does} {local}"));
            }
            Some("opened") => self.opened(event),
            Some("exited") if has(text("program"), OptionName::Nofork) => {
                let signal = event["signal"].as_i64().map(|signal| 128 + signal);
                let code = event["status"].as_i64().or(signal).and_then(|code| u8::try_from(code).ok());
                self.child.store(code.unwrap_or(1), Ordering::Relaxed);
            }
            Some("exited") => {
                if let (Some(pid), Some(status @ 1..)) = (number(event, "pid"), event["status"].as_i64()) {
                    self.exited.insert(pid, status);
                }
            }
            Some("ancillary") => {
                let part = |name| text(name).unwrap_or_default();
                let line = format!("ancillary message: {}: {}={}", part("kind"), part("name"), part("value"));
                self.logger.log(Level::Info, &line);
            }
            Some("ended") => self.ended(event),
            Some("closed") => {
                number(event, "id").and_then(|id| self.open.remove(&id));
            }
            Some("error") => {
                let (attempt, target) =
                    (text("attempt").unwrap_or_default(), text("target").unwrap_or_default());
                let reason = text("reason").unwrap_or_default();
                self.logger.log(Level::Error, &call(attempt, target, reason));
            }
            _ => {}
        }
    }

    fn opened(&mut self, event: &Value) {
        let Some(id) = number(event, "id") else { return };
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let way = match self.only {
            None => Use::Both,
            Some(Way::Forward) if self.first.is_none() => Use::Read,
            Some(Way::Backward) if self.first.is_some() => Use::Read,
            Some(_) => Use::Write,
        };
        let address = text("address").unwrap_or_default();
        for line in lines(address, text("peer"), text("local"), way) {
            self.logger.log(Level::Notice, &line);
        }
        let descriptors = event["descriptors"].as_array().and_then(|pair| {
            let (reads, writes) = (pair.first()?.as_i64()?, pair.get(1)?.as_i64()?);
            Some(match way {
                Use::Both => [reads, writes],
                Use::Read => [reads; 2],
                Use::Write => [writes; 2],
            })
        });
        let program = text("peer").and_then(|peer| peer.strip_prefix("pid ")?.parse().ok());
        self.open.insert(id, Side { descriptors, program });
        let Some(first) = self.first.take() else {
            self.first = Some(id);
            return;
        };
        // Its program ran in the meantime, on the other side's descriptors.
        if has(text("address"), OptionName::Nofork) {
            return;
        }
        // Both of a pair are open when they are told of.
        let known = |id| self.open.get(&id).and_then(|side| side.descriptors);
        let shown = |[reads, writes]: [i64; 2]| format!("[{reads},{writes}]");
        let with =
            known(first).zip(known(id)).map(|(one, other)| format!("{} and {}", shown(one), shown(other)));
        let line = "starting data transfer loop";
        self.logger.log(
            Level::Notice,
            &with.map_or_else(|| line.to_owned(), |fds| format!("{line} with FDs {fds}")),
        );
        self.logger.settle();
    }

    fn ended(&mut self, event: &Value) {
        let (from, to) = (number(event, "from").unwrap_or(0), number(event, "to").unwrap_or(0));
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let reason = text("reason").unwrap_or_default();
        let (side, other) = if from < to { (1, 2) } else { (2, 1) };
        let descriptor = |id: u64, which: usize| match self.open.get(&id).and_then(|s| s.descriptors) {
            Some(both) => both[which].to_string(),
            None => "?".to_owned(),
        };
        let (reads, writes) = (descriptor(from, 0), descriptor(to, 1));
        let logger = &self.logger;
        match (text("error"), reason) {
            (Some(error), _) => {
                let why = why(error);
                match error.starts_with("cannot read from") {
                    // The end of the data, as it takes it.
                    true if reason == "reset" => {
                        logger.log(Level::Warning, &format!("read({reads}, ...): {why}"));
                        logger.log(Level::Notice, &format!("socket {side} to socket {other} is in error"));
                    }
                    true => logger.log(Level::Error, &format!("read({reads}, ...): {why}")),
                    false if error.starts_with("cannot write to") => {
                        logger.log(Level::Error, &format!("write({writes}, ...): {why}"));
                    }
                    false => logger.log(Level::Error, error),
                }
            }
            (None, "timeout") if side == 2 && self.forward == "timeout" => {}
            (None, "timeout") => logger.log(Level::Notice, "inactivity timeout triggered"),
            (None, "unused") => {}
            (None, reason) => {
                let bytes = number(event, "bytes").unwrap_or(0);
                logger.log(Level::Info, &format!("transferred {bytes} bytes from {reads} to {writes}"));
                match reason {
                    "end-of-data" => {
                        logger.log(Level::Notice, &format!("socket {side} (fd {reads}) is at EOF"));
                    }
                    "reader-gone" => logger.log(Level::Notice, &format!("write({writes}, ...): Broken pipe")),
                    reason => logger.log(Level::Info, &format!("socket {side} ended: {reason}")),
                }
            }
        }
        self.programs_ended([from, to], reason);
    }

    /// A program that fails while the other side has more to say is a failure; with both at their end it is none.
    fn programs_ended(&mut self, sides: [u64; 2], reason: &str) {
        if sides[0] < sides[1] {
            self.forward = reason.to_owned();
            return;
        }
        let programs: Vec<u64> = sides.iter().filter_map(|id| self.open.get(id)?.program).collect();
        let complete = [&*self.forward, reason].iter().all(|why| matches!(*why, "end-of-data" | "unused"));
        for pid in programs {
            if let Some(status) = self.exited.remove(&pid)
                && !complete
            {
                let text = format!("waitpid(): child {pid} exited with status {status}");
                self.logger.log(Level::Error, &text);
                self.child.store(1, Ordering::Relaxed);
            }
        }
    }
}

impl Write for EventLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Each event is written at once.
        if let Ok(event) = serde_json::from_slice(bytes) {
            self.event(&event);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an address has a flag set.
fn has(address: Option<&str>, name: OptionName) -> bool {
    matches!(address.map(Spec::parse), Some(Ok(Spec::Single(address))) if address.options.flag(name))
}

fn number(event: &Value, name: &str) -> Option<u64> {
    event.get(name)?.as_u64()
}

/// The system's own words in an error's text: `cannot read from 127.0.0.1:80: Connection reset by peer (hint)`.
fn why(error: &str) -> &str {
    let text = error.split_once(" (").map_or(error, |(text, _)| text);
    text.rsplit_once(": ").map_or(text, |(_, why)| why)
}

/// What an endpoint is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Both,
    Read,
    Write,
}

impl Use {
    fn words(self) -> &'static str {
        match self {
            Self::Both => "reading and writing",
            Self::Read => "reading",
            Self::Write => "writing",
        }
    }
}

/// What is said of an endpoint that was opened.
fn lines(text: &str, peer: Option<&str>, local: Option<&str>, way: Use) -> Vec<String> {
    let one = |line: String| vec![line];
    let does = way.words();
    match Spec::parse(text) {
        Ok(Spec::Single(address)) => match &address.kind {
            Kind::Stdio => one(match way {
                Use::Both => "reading from and writing to stdio".to_owned(),
                Use::Read => "using stdin for reading".to_owned(),
                Use::Write => "using stdout for writing".to_owned(),
            }),
            Kind::Stdin | Kind::Stdout | Kind::Stderr => {
                one(format!("using {} for {does}", address.kind.keyword().name.to_lowercase()))
            }
            Kind::Fd(number) => one(format!("using file descriptor {number} for {does}")),
            Kind::Create(path) => one(format!("creating regular file \"{path}\" for writing")),
            Kind::Open(path) | Kind::Gopen(path) => {
                one(format!("opening {} \"{path}\" for {does}", file_type(path)))
            }
            Kind::Pipe(Some(path)) => one(format!("opening named pipe \"{path}\" for {does}")),
            Kind::Pipe(None) => one("writing to and reading from unnamed pipe".to_owned()),
            // Its name was told when it was there.
            Kind::Pty => Vec::new(),
            Kind::Exec(_) | Kind::System(_) | Kind::Shell(_) if address.options.flag(OptionName::Nofork) => {
                Vec::new()
            }
            Kind::Exec(_) | Kind::System(_) | Kind::Shell(_) => {
                let on = |name| address.options.flag(name);
                let using = match () {
                    () if on(OptionName::Pty) || on(OptionName::Openpty) || on(OptionName::Ptmx) => "pty",
                    () if on(OptionName::Pipes) => "pipes",
                    () => "socket",
                };
                let pid = peer.and_then(|peer| peer.strip_prefix("pid ")).unwrap_or("?");
                vec![
                    format!("forking off child, using {using} for {does}"),
                    format!("forked off child process {pid}"),
                ]
            }
            Kind::UdpSendto { .. } | Kind::UnixSendto(_) => one(format!(
                "successfully prepared local socket {}",
                local.map_or_else(|| "AF=1 \"<anon>\"".to_owned(), socket_name)
            )),
            _ => connected(text, peer, local),
        },
        // The two halves of one side were not told of one by one.
        Ok(Spec::Dual { read, write }) => {
            let halves = [(read, Use::Read), (write, Use::Write)];
            halves.iter().flat_map(|(half, way)| lines(&half.to_string(), None, None, *way)).collect()
        }
        Err(_) => connected(text, peer, local),
    }
}

fn connected(address: &str, peer: Option<&str>, local: Option<&str>) -> Vec<String> {
    match (peer, local) {
        (Some(peer), Some(local)) if address.contains("-LISTEN") => {
            vec![format!("accepting connection from {} on {}", socket_name(peer), socket_name(local))]
        }
        (None, Some(local)) if address.contains("-LISTEN") => {
            vec![format!("accepting connection from AF=1 \"<anon>\" on {}", socket_name(local))]
        }
        (Some(peer), local) => vec![
            format!("opening connection to {}", socket_name(peer)),
            format!(
                "successfully connected from local address {}",
                local.map_or_else(|| "AF=1 \"<anon>\"".to_owned(), socket_name)
            ),
        ],
        _ => vec![format!("opened {address}")],
    }
}

fn file_type(path: &str) -> &'static str {
    match std::fs::metadata(path).map(|data| data.file_type()) {
        Ok(kind) if kind.is_char_device() => "character device",
        Ok(kind) if kind.is_block_device() => "block device",
        Ok(kind) if kind.is_fifo() => "named pipe",
        Ok(kind) if kind.is_socket() => "socket",
        Ok(kind) if kind.is_dir() => "directory",
        Ok(_) => "regular file",
        Err(_) => "undef",
    }
}
