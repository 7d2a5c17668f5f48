//! What people and programs get to see: text, JSON, events, terminal screens.
//!
//! Nothing else in the command writes to the standard streams. A reader that leaves (`sockeye … | head -1`)
//! is not an error: it ends the command quietly with exit code 0.

pub(crate) mod frame;
pub(crate) mod get;

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    sync::OnceLock,
};

use sockeye::{
    Error,
    endpoint::About,
    event::{Event, Events},
    stop::{Stopper, Urgency},
};

use crate::args::{self, Unusable};

pub(crate) mod console;
pub(crate) mod explain;
pub(crate) mod netstat;
pub(crate) mod options;
pub(crate) mod ping;
pub(crate) mod socat;
pub(crate) mod ss;
mod ss_columns;
mod ss_detail;
mod ss_fields;
mod ss_tcp;
mod ss_text;
pub(crate) mod tap;
pub(crate) mod traffic;
pub(crate) mod watch;
mod watch_diagram;
pub(crate) mod window;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error to be shown, with its class's exit code.
    Error(Box<Error>),
    /// An error with lines that show the place of it.
    Explained(Box<Error>, String),
    /// Whoever read the output has left.
    ReaderGone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<io::Error> for Failure {
    /// For errors of writing to the standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Error::new("write to", "the standard output", error).into(),
        }
    }
}

/// A standard stream with what a command must know to write well to it.
#[derive(Debug)]
pub(crate) struct Out {
    stream: io::BufWriter<io::Stdout>,
}

impl Out {
    /// The standard output, buffered; flushed when dropped.
    pub(crate) fn stdout() -> Self {
        Self { stream: io::BufWriter::new(io::stdout()) }
    }

    /// How many columns the terminal has, where it is one.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then_some(size.ws_col.into())
    }

    /// Writes bytes as they are, and flushes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes)?;
        Ok(self.flush()?)
    }

    /// Writes an event as one line of JSON, with the time first.
    pub(crate) fn event(&mut self, event: &impl serde::Serialize) -> Result<(), Failure> {
        #[derive(serde::Serialize)]
        struct Timed<'a, E> {
            time: f64,
            #[serde(flatten)]
            event: &'a E,
        }
        let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
        self.json(&Timed { time: since.map_or(0.0, |d| d.as_secs_f64()), event })
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut *self, value).map_err(io::Error::from)?;
        self.write_all(b"\n")?;
        Ok(self.flush()?)
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Shows why a command failed, as one line on the standard error, and gives its exit code.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    match failure {
        Failure::ReaderGone => ExitCode::SUCCESS,
        Failure::Error(error) => failed("sockeye", error, error.class().exit_code(), false),
        Failure::Explained(error, place) => {
            events().emit(|| Event::from(&**error));
            let _ = writeln!(io::stderr(), "sockeye: {error}\n{place}");
            ExitCode::from(error.class().exit_code())
        }
    }
}

/// The same for a command with its own name or exit codes; with `json` the error is the result too, as it is
/// among events.
pub(crate) fn failed(program: &str, error: &Error, code: u8, json: bool) -> ExitCode {
    events().emit(|| Event::failure(error, code));
    if json {
        // A reader who has left needs no error.
        let _ = Out::stdout().event(&Event::failure(error, code));
    }
    // When even the standard error is closed, the exit code is all that is left to say.
    let _ = writeln!(io::stderr(), "{program}: {error}");
    ExitCode::from(code)
}

/// A line that is worth knowing but no result: to the standard error.
pub(crate) fn notice(text: fmt::Arguments<'_>) {
    // One write for each, so that lines of many connections do not mix.
    let _ = io::stderr().write_all(format!("sockeye: {text}\n").as_bytes());
}

/// A line for people only: where the standard error is a terminal.
pub(crate) fn hint(text: fmt::Arguments<'_>) {
    if io::stderr().is_terminal() {
        notice(text);
    }
}

/// Whether a person reads the standard error.
pub(crate) fn is_for_people() -> bool {
    io::stderr().is_terminal()
}

/// A value as a line of JSON on the standard error, for commands whose standard output carries data.
pub(crate) fn json_notice(value: &impl serde::Serialize) {
    if let Ok(mut line) = serde_json::to_vec(value) {
        line.push(b'\n');
        let _ = io::stderr().write_all(&line);
    }
}

/// A message that a service received, as the tutorials' console shows it.
pub(crate) fn message(about: &About, text: &[u8]) {
    let line = format!("Message from {}: {}\n", about.name(), String::from_utf8_lossy(text).trim_end());
    said(io::stdout().write_all(line.as_bytes()));
}

/// Who ends the command when its reader has left.
static LEFT: OnceLock<Stopper> = OnceLock::new();

/// From now on `stopper` is asked when whoever reads the standard output has left: a server whose clients are
/// shown to nobody would go on for ever.
pub(crate) fn ends_with_its_reader(stopper: &Stopper) {
    // There is one session in a process; a second one would end with the first.
    let _ = LEFT.set(stopper.clone());
}

/// Looks at what came of writing to the standard output while the command does other things.
fn said(written: io::Result<()>) {
    if written.is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        && let Some(stopper) = LEFT.get()
    {
        stopper.ask(Urgency::Now);
    }
}

/// The standard output for events.
struct EventsOut;

impl Write for EventsOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        said(io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the events of this process go.
static EVENTS: OnceLock<Events> = OnceLock::new();

/// Opens what events are to be written to.
pub(crate) fn open_events(args: &args::Events) -> Result<(), Failure> {
    let Some(path) = &args.events else { return Ok(()) };
    let events = if path.as_os_str() == "-" {
        Events::to(EventsOut)
    } else {
        let file = std::fs::File::create(path);
        Events::to(file.map_err(|e| Error::new("write events to", path.display(), e))?)
    };
    // A process runs one command.
    let _ = EVENTS.set(events);
    Ok(())
}

/// Where the events of this process go; nowhere, unless they were asked for.
pub(crate) fn events() -> Events {
    EVENTS.get().cloned().unwrap_or_default()
}

/// Shows help (exit code 0) or what is wrong with the command line (exit code 2).
pub(crate) fn usage(unusable: &Unusable) -> ExitCode {
    match unusable {
        Unusable::Own(error) => {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
        Unusable::Applet(text, code) => {
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::from(*code)
        }
    }
}

/// Writes a line to the standard error, where people and logs look for what is no result.
pub(crate) fn remark(line: impl fmt::Display) {
    // When even the standard error is closed there is no one to tell.
    let _ = writeln!(io::stderr(), "{line}");
}
