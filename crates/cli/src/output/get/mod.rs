//! What `sockeye get` shows: bodies, explanations of the exchange, progress, reports.

mod progress;
mod report;
mod verbose;
mod wire;
mod write_out;

pub(crate) use progress::{Progress, Screen};
pub(crate) use report::Report;
pub(crate) use verbose::Verbose;
pub(crate) use wire::Wire;

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use sockeye::{event::Event, http::Failure};

/// The standard output as a file, so that the kernel can move bodies into it.
pub(crate) fn stdout() -> io::Result<File> {
    io::stdout().flush()?;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}

/// Shows why a transfer failed, as curl does, and gives curl's exit code.
pub(crate) fn failure(failure: &Failure, show: bool) -> ExitCode {
    let code = failure.kind.exit_code();
    super::events().emit(|| Event::failure(&failure.error, code));
    if show {
        // When even the standard error is closed, the exit code is all that is left to say.
        let _ = writeln!(io::stderr(), "sockeye: ({code}) {}", failure.error);
    }
    ExitCode::from(code)
}

/// Says that a transfer is tried again.
pub(crate) fn retrying(failure: &Failure, wait: Duration, left: u32) {
    let tries = if left == 1 { "try" } else { "tries" };
    let _ = writeln!(
        io::stderr(),
        "sockeye: {}; again in {:.1} s, {left} more {tries} after that",
        failure.error,
        wait.as_secs_f64()
    );
}

/// Prints a report as one line of JSON.
pub(crate) fn json(report: &Report) -> Result<(), super::Failure> {
    super::Out::stdout().json(report)
}

/// Prints what -w asks for.
pub(crate) fn write_out(format: &str, report: &Report) -> Result<(), super::Failure> {
    let format = match format.strip_prefix('@') {
        None => format.to_owned(),
        Some("-") => io::read_to_string(io::stdin())?,
        Some(path) => {
            std::fs::read_to_string(path).map_err(|e| sockeye::Error::new("read the format from", path, e))?
        }
    };
    let (out, err) = write_out::render(&format, report);
    let _ = io::stderr().write_all(err.as_bytes());
    super::Out::stdout().bytes(out.as_bytes())
}

/// A date as HTTP writes it.
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}
