//! What socat prints: log lines, listings, version; and errors in its words.

use std::{
    io::{self, Write},
    os::unix::net::UnixDatagram,
    sync::{Arc, Mutex},
};

use super::{Failure, tap::Dump};
use sockeye::{
    Error,
    error::Reason,
    relay::{Registry, Way},
};

mod events;
mod listing;
mod words;

pub(crate) use events::EventLog;
pub(crate) use listing::{help, version};
pub(crate) use words::{in_its_words, unreadable};

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
