//! What socat prints: log lines, listings, version; and errors in its words.

use std::{
    io::{self, Write},
    net::SocketAddr,
    os::unix::net::UnixDatagram,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use sockeye::{Error, error::Reason, relay::Way};
use sockeye_proto::address::{self, Groups, ParseError, Problem, SHORTHANDS};

use super::{Failure, Out, tap::Dump};
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
            LogTo::File(path) => {
                let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
                Sink::File(file.map_err(|e| Error::new("write the log to", path, e))?)
            }
            LogTo::Syslog(facility) => {
                let socket = UnixDatagram::unbound().and_then(|s| s.connect("/dev/log").map(|()| s));
                let socket = socket.map_err(|e| Error::new("write to", "syslog", e))?;
                Sink::Syslog(socket, facility_number(facility)?)
            }
        };
        Ok(Self { most, format: log.clone(), sink: sink.into() })
    }

    /// Writes a message, if it is grave enough.
    pub(crate) fn log(&self, level: Level, text: &str) {
        if level > self.most {
            return;
        }
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
    local
        .map(|n| 16 + n)
        .or(known)
        .ok_or_else(|| Error::new("write to", "syslog", Reason::Usage(format!("\"{name}\" is no facility"))))
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
                }
            }
            Some("ended") => {
                let bytes = event.get("bytes").and_then(serde_json::Value::as_u64).unwrap_or(0);
                match (text("error"), text("reason").unwrap_or_default()) {
                    (Some(error), _) => logger.log(Level::Error, error),
                    (None, "timeout") => logger.log(Level::Notice, "inactivity timeout triggered"),
                    (None, "unused") => {}
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
        Err(_) => place.len() + 3,
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
        "resolve" => {
            format!("getaddrinfo(\"{target}\", \"NULL\", {{1,0,1,6}}, {{}}): Name or service not known")
        }
        _ => format!("cannot {attempt} {target}: {reason}"),
    }
}

/// What is wrong with an address, in socat's words where it has some.
pub(crate) fn unreadable(error: &ParseError) -> String {
    match &error.what {
        Problem::UnknownKeyword { word, .. } => format!("unknown device/address \"{word}\""),
        Problem::UnknownOption { word, .. } => format!("parseopts_table(): unknown option \"{word}\""),
        what => what.to_string(),
    }
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
        let dump = Dump::wanted(u8::from(text), hex);
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

/// What socat(1) calls the features that are here, and those that are not.
const FEATURES: &[(&str, bool)] = &[
    ("STDIO", true),
    ("FDNUM", true),
    ("FILE", true),
    ("CREAT", true),
    ("GOPEN", true),
    ("TERMIOS", true),
    ("PIPE", true),
    ("SOCKETPAIR", true),
    ("UNIX", true),
    ("ABSTRACT_UNIXSOCKET", true),
    ("IP4", true),
    ("IP6", true),
    ("RAWIP", true),
    ("GENERICSOCKET", false),
    ("INTERFACE", false),
    ("TCP", true),
    ("UDP", true),
    ("SCTP", false),
    ("LISTEN", true),
    ("SOCKS4", true),
    ("SOCKS4A", true),
    ("SOCKS5", true),
    ("VSOCK", false),
    ("PROXY", true),
    ("SYSTEM", true),
    ("SHELL", true),
    ("EXEC", true),
    ("READLINE", false),
    ("TUN", false),
    ("PTY", true),
    ("OPENSSL", true),
    ("FIPS", false),
    ("LIBWRAP", false),
    ("SYCLS", false),
    ("FILAN", false),
    ("RETRY", true),
];

/// `-V`
pub(crate) fn version() -> Result<ExitCode, Failure> {
    let mut text = format!("sockeye {} under the name of socat\n", env!("CARGO_PKG_VERSION"));
    text.push_str("socat version 1.7.4 is the one whose command line it takes\nfeatures:\n");
    for (name, here) in FEATURES {
        text.push_str(&if *here {
            format!("  #define WITH_{name} 1\n")
        } else {
            format!("  #undef WITH_{name}\n")
        });
    }
    Out::stdout().bytes(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

const HELP: &str = "\
Usage:
socat [options] <bi-address> <bi-address>
   options:
      -V     print version and feature information to stdout, and exit
      -h|-?  print a help text describing command line options and addresses
      -hh    like -h, plus a list of all common address option names
      -hhh   like -hh, plus a list of all available address option names
      -d[ddd]         increase verbosity (use up to 4 times; 2 are recommended)
      -ly[facility]  log to syslog, using facility (default is daemon)
      -lf<logfile>   log to file
      -ls            log to stderr (default if no other log)
      -lp<progname>  set the program name used for logging
      -lu            use microseconds for logging timestamps
      -lh            add hostname to log messages
      -v     verbose text dump of data traffic
      -x     verbose hexadecimal dump of data traffic
      -r <file>      raw dump of data flowing from left to right
      -R <file>      raw dump of data flowing from right to left
      -b<size_t>     set data buffer size (8192)
      -s     sloppy (continue on error)
      -t<timeout>    wait seconds before closing second channel
      -T<timeout>    total inactivity timeout in seconds
      -u     unidirectional mode (left to right)
      -U     unidirectional mode (right to left)
      -L <lockfile>  try to obtain lock, or fail
      -W <lockfile>  try to obtain lock, or wait
      -4     prefer IPv4 if version is not explicitly specified
      -6     prefer IPv6 if version is not explicitly specified
   bi-address:
      <single-address>!!<single-address>
      <single-address>
   single-address:
      <address-head>[,<opts>]
   address-head:
";

/// `-h`, `-hh`, `-hhh`: the kinds of address, then the options, then all their spellings.
pub(crate) fn help(level: u8) -> Result<ExitCode, Failure> {
    let mut kinds: Vec<_> = address::keywords().iter().collect();
    kinds.sort_by_key(|kind| kind.name);
    let mut text = HELP.to_owned();
    for kind in kinds {
        let parameters = kind.parameters().replace("[<host>:]", "");
        text.push_str(&format!("      {}{parameters}\tgroups={}\n", kind.name, kind.groups));
        if level > 2 {
            for alias in kind.aliases {
                text.push_str(&format!("         {alias} is an alias name for {}\n", kind.name));
            }
        }
    }
    if level > 1 {
        text.push_str("   opts:\n      <opt>{,<opts>}:\n   opt:\n");
        let mut rows: Vec<String> = Vec::new();
        for option in address::options() {
            let groups =
                if option.groups == Groups::ANY { "ANY".to_owned() } else { option.groups.to_string() };
            let names = option.spellings().take(if level > 2 { usize::MAX } else { 1 });
            rows.extend(names.map(|name| format!("      {name}\tgroups={groups}\ttype={}\n", option.value)));
        }
        if level > 2 {
            rows.extend(SHORTHANDS.iter().map(|(name, option, value)| {
                format!(
                    "      {name}\tgroups={}\ttype={}={value}\n",
                    option.info().groups,
                    option.info().spelling
                )
            }));
        }
        rows.sort();
        text.extend(rows);
    }
    Out::stdout().bytes(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
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
