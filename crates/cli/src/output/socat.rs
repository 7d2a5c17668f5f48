//! What socat prints: log lines, listings, version; and errors in its words.

use std::{
    io::{self, Write},
    net::SocketAddr,
    os::unix::net::UnixDatagram,
    sync::{Arc, Mutex},
};

use sockeye::{
    Error,
    error::Reason,
    relay::{Registry, Way},
};
use sockeye_proto::address::{ParseError, Problem};

use super::{Failure, tap::Dump};

mod listing;

pub(crate) use listing::{help, version};

use crate::args::socat::{Log, LogTo};

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warning,
    Notice,
    Info,
}

impl Level {
    fn letter(self) -> char {
        match self {
            Self::Error => 'E',
            Self::Warning => 'W',
            Self::Notice => 'N',
            Self::Info => 'I',
        }
    }

    /// Its number in syslog(3).
    fn priority(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
        }
    }
}

/// Writes messages as socat does.
#[derive(Debug)]
pub(crate) struct Logger {
    most: Level,
    format: Log,
    sink: Mutex<Sink>,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    File(std::fs::File),
    Syslog(UnixDatagram, u8),
    /// Nobody listens at /dev/log: as syslog(3) has it, what is said there is lost.
    Nowhere,
}

fn syslog(facility: u8) -> Sink {
    match UnixDatagram::unbound().and_then(|s| s.connect("/dev/log").map(|()| s)) {
        Ok(socket) => Sink::Syslog(socket, facility),
        Err(_) => Sink::Nowhere,
    }
}

impl Logger {
    /// `verbosity`: how many `-d` were given.
    pub(crate) fn new(log: &Log, verbosity: u8) -> Result<Self, Error> {
        let most = match verbosity {
            0 => Level::Error,
            1 => Level::Warning,
            2 => Level::Notice,
            _ => Level::Info,
        };
        let sink = match &log.to {
            LogTo::Stderr => Sink::Stderr,
            LogTo::Mixed(facility) => {
                facility_number(facility)?;
                Sink::Stderr
            }
            LogTo::File(path) => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                Sink::File(file.map_err(|e| Error::new("write the log to", path, e))?)
            }
            LogTo::Syslog(facility) => syslog(facility_number(facility)?),
        };
        Ok(Self { most, format: log.clone(), sink: sink.into() })
    }

    /// From now on data passes: what a mixed log says goes to syslog.
    fn settle(&self) {
        if let LogTo::Mixed(facility) = &self.format.to
            && let Ok(number) = facility_number(facility)
        {
            *self.sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = syslog(number);
        }
    }

    /// Writes a message that was asked for, however grave it is.
    pub(crate) fn tell(&self, level: Level, text: &str) {
        self.write(level, text);
    }

    /// Writes a message, if it is grave enough.
    pub(crate) fn log(&self, level: Level, text: &str) {
        if level <= self.most {
            self.write(level, text);
        }
    }

    fn write(&self, level: Level, text: &str) {
        let name = self.format.name.as_deref().unwrap_or("socat");
        let (pid, letter) = (std::process::id(), level.letter());
        let message = format!("{name}[{pid}] {letter} {text}");
        let now = jiff::Zoned::now();
        let time =
            now.strftime(if self.format.micros { "%Y/%m/%d %H:%M:%S.%6f" } else { "%Y/%m/%d %H:%M:%S" });
        let host = if self.format.host { host_name() } else { String::new() };
        let mut sink = self.sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A log that cannot be written has nowhere to say so.
        let _ = match &mut *sink {
            Sink::Nowhere => Ok(()),
            // One write for each, so that lines of many processes do not mix.
            Sink::Stderr => io::stderr().write_all(format!("{time} {host}{message}\n").as_bytes()),
            Sink::File(file) => file.write_all(format!("{time} {host}{message}\n").as_bytes()),
            Sink::Syslog(socket, facility) => {
                let number = *facility * 8 + level.priority();
                socket.send(format!("<{number}>{message}").as_bytes()).map(drop)
            }
        };
    }
}

fn host_name() -> String {
    format!("{} ", rustix::system::uname().nodename().to_string_lossy())
}

fn facility_number(name: &str) -> Result<u8, Error> {
    const NAMES: [&str; 12] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    ];
    let local = name.strip_prefix("local").and_then(|n| n.parse::<u8>().ok()).filter(|n| *n < 8);
    let known = NAMES.iter().position(|known| *known == name).and_then(|n| u8::try_from(n).ok());
    local.map(|n| 16 + n).or(known).ok_or_else(|| {
        Error::new("write to", "syslog", Reason::Usage(format!("unknown syslog facility \"{name}\"")))
    })
}

/// The line of an error in the command line, before there is a log.
pub(crate) fn line(text: &str) -> String {
    let (now, pid) = (jiff::Zoned::now(), std::process::id());
    format!("{} socat[{pid}] E {text}\n", now.strftime("%Y/%m/%d %H:%M:%S"))
}

/// Turns the events of the library, each a line of JSON, into socat's messages.
#[derive(Debug)]
pub(crate) struct EventLog {
    logger: Arc<Logger>,
    opened: u64,
}

impl EventLog {
    pub(crate) fn new(logger: Arc<Logger>) -> Self {
        Self { logger, opened: 0 }
    }

    fn event(&mut self, event: &serde_json::Value) {
        let text = |name: &str| event.get(name).and_then(serde_json::Value::as_str);
        let logger = &self.logger;
        match text("event") {
            Some("listening") => {
                let local = text("local").or_else(|| text("address")).unwrap_or_default();
                logger.log(Level::Notice, &format!("listening on {}", socket_name(local)));
            }
            Some("opened") => {
                self.opened += 1;
                match (text("peer"), text("local"), text("address")) {
                    (Some(peer), Some(local), Some(address)) if address.contains("-LISTEN") => {
                        let (peer, local) = (socket_name(peer), socket_name(local));
                        logger.log(Level::Notice, &format!("accepting connection from {peer} on {local}"));
                    }
                    (Some(_), Some(local), _) => {
                        let text =
                            format!("successfully connected from local address {}", socket_name(local));
                        logger.log(Level::Notice, &text);
                    }
                    (_, _, Some(address)) => logger.log(Level::Notice, &format!("opened {address}")),
                    _ => {}
                }
                // Both of a pair are opened when the first is told of.
                if self.opened.is_multiple_of(2) {
                    logger.log(Level::Notice, "starting data transfer loop");
                    logger.settle();
                }
            }
            Some("ended") => {
                let bytes = event.get("bytes").and_then(serde_json::Value::as_u64).unwrap_or(0);
                match (text("error"), text("reason").unwrap_or_default()) {
                    (Some(error), _) => logger.log(Level::Error, error),
                    (None, "timeout") => logger.log(Level::Notice, "inactivity timeout triggered"),
                    (None, "unused") => {}
                    (None, "end-of-data") => {
                        let number =
                            |name: &str| event.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
                        let side = if number("from") < number("to") { 1 } else { 2 };
                        logger.log(Level::Notice, &format!("socket {side} is at EOF"));
                        logger.log(Level::Info, &format!("transferred {bytes} bytes from socket {side}"));
                    }
                    (None, reason) => {
                        logger.log(Level::Info, &format!("transferred {bytes} bytes, then {reason}"));
                    }
                }
            }
            Some("error") => {
                let (attempt, target) =
                    (text("attempt").unwrap_or_default(), text("target").unwrap_or_default());
                let reason = text("reason").unwrap_or_default();
                logger.log(Level::Error, &call(attempt, target, reason));
            }
            _ => {}
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

/// `AF=2 127.0.0.1:80`
fn socket_name(name: &str) -> String {
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

fn call(attempt: &str, target: &str, reason: &str) -> String {
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

/// `-D`: what this process has open, one line for each descriptor.
pub(crate) fn descriptors() {
    let mut text = "  FD  type    inode  mode  target\n".to_owned();
    let mut numbers: Vec<u32> = std::fs::read_dir("/proc/self/fd")
        .map(|all| all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    numbers.sort_unstable();
    for number in numbers {
        let path = format!("/proc/self/fd/{number}");
        // One that was closed since is not there any more: that of the listing itself.
        let (Ok(target), Ok(stat)) = (std::fs::read_link(&path), rustix::fs::stat(&path)) else { continue };
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        let (inode, mode, target) = (stat.st_ino, stat.st_mode, target.display());
        text.push_str(&format!("{number:>4}: {kind:?} {inode} {mode:06o} {target}\n"));
    }
    // What cannot be shown is not missed by the data.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What passed, told at the end or when SIGUSR1 comes.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    logger: Arc<Logger>,
    registry: Arc<Registry>,
    only: Option<Way>,
}

impl Statistics {
    pub(crate) fn new(logger: Arc<Logger>, registry: Arc<Registry>, only: Option<Way>) -> Self {
        Self { logger, registry, only }
    }

    /// One line for each way that data may go.
    pub(crate) fn tell(&self) {
        let ended = self.registry.ended();
        let (mut bytes, mut chunks) = (ended.bytes, ended.chunks);
        for live in self.registry.live() {
            for way in 0..2 {
                bytes[way] += live.bytes[way];
                chunks[way] += live.chunks[way];
            }
        }
        let ways = [(Way::Forward, "left to right"), (Way::Backward, "right to left")];
        for (way, text) in ways.into_iter().filter(|(way, _)| self.only.is_none_or(|only| only == *way)) {
            let (bytes, chunks) = (bytes[way as usize], chunks[way as usize]);
            let text = format!("STATISTICS: {text}: {chunks} packets(s), {bytes} byte(s)");
            self.logger.tell(Level::Info, &text);
        }
    }

    /// Tells whenever SIGUSR1 comes.
    pub(crate) fn on_signal(&self) -> Result<(), Failure> {
        let statistics = self.clone();
        let kind = tokio::signal::unix::SignalKind::user_defined1();
        let mut signals =
            tokio::signal::unix::signal(kind).map_err(|e| Error::new("wait for", "SIGUSR1", e))?;
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                statistics.tell();
            }
        });
        Ok(())
    }
}

/// A message where there is no log to write it to.
pub(crate) fn complain(text: &str) {
    // Nobody reads it: nothing to do.
    let _ = io::stderr().write_all(line(text).as_bytes());
}

/// What passes, shown and copied.
pub(crate) struct Tap {
    dump: Option<Arc<dyn sockeye::relay::Tap>>,
    copies: [Option<Mutex<std::fs::File>>; 2],
}

impl Tap {
    /// A tap, if anything was asked for.
    pub(crate) fn wanted(
        text: bool,
        hex: bool,
        raw: &[Option<String>; 2],
    ) -> Result<Option<Arc<dyn sockeye::relay::Tap>>, Error> {
        let dump = Dump::strict(text, hex);
        if raw.iter().all(Option::is_none) {
            return Ok(dump);
        }
        let open = |path: &Option<String>| {
            let Some(path) = path else { return Ok(None) };
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            file.map(|file| Some(Mutex::new(file))).map_err(|e| Error::new("open", path, e))
        };
        Ok(Some(Arc::new(Self { dump, copies: [open(&raw[0])?, open(&raw[1])?] })))
    }
}

impl sockeye::relay::Tap for Tap {
    fn passes(&self, way: Way, bytes: &[u8]) {
        if let Some(copy) = &self.copies[way as usize] {
            // The copy is a look at the data, not the data: what cannot be written to it passes all the same.
            let _ = copy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write_all(bytes);
        }
        if let Some(dump) = &self.dump {
            dump.passes(way, bytes);
        }
    }
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
