//! What the rooms of this test program share: the binary, its servers, its peers, its events.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::support::Running;

/// The binary with these arguments and no input.
pub(crate) fn sockeye(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(args).stdin(Stdio::null());
    command
}

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Ran {
    /// Its standard output as text, when it ended well.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// Runs a command to its end with `input` on its standard input.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let input = input.to_vec();
    // Who needs no input may leave before it is written.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let out = child.wait_with_output().expect("a child can be waited for");
    feeder.join().expect("writing does not panic");
    Ran { out: out.stdout, err: String::from_utf8_lossy(&out.stderr).into_owned(), code: out.status.code() }
}

/// Runs the binary to its end with `input` on its standard input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Ran {
    fed(&mut sockeye(args), input)
}

/// Runs another program to its end.
pub(crate) fn peer(program: &str, args: &[&str], input: &[u8]) -> Ran {
    fed(Command::new(program).args(args), input)
}

/// Runs a Python program to its end; `a` are its arguments.
pub(crate) fn python(program: &str, args: &[&str]) -> Ran {
    let program = format!("import sys, socket, os, struct, threading\na = sys.argv[1:]\n{program}");
    fed(Command::new("python3").args(["-c", &program]).args(args), b"")
}

/// A Python program beside the test.
pub(crate) fn python_beside(program: &str, args: &[&str]) -> Running {
    let program = format!("import sys, socket, os, struct, threading\na = sys.argv[1:]\n{program}");
    Running::start(Command::new("python3").args(["-uc", &program]).args(args).stdin(Stdio::null()))
}

/// The binary beside the test, once it listens; and where: `127.0.0.1:40000`, a path.
pub(crate) fn listening(args: &[&str]) -> (Running, String) {
    let mut running = Running::start(&mut sockeye(args));
    let at = place(&mut running);
    (running, at)
}

/// Where the next listener of a program listens.
pub(crate) fn place(running: &mut Running) -> String {
    let line = running.line("listening on ");
    line.split_once("listening on ").expect("just found").1.to_owned()
}

/// The port of `127.0.0.1:40000`.
pub(crate) fn port(at: &str) -> &str {
    at.rsplit(':').next().unwrap_or(at)
}

/// Waits until something is there.
pub(crate) fn until_there(path: &Path) {
    until(|| path.exists(), &path.display().to_string());
}

/// Waits until `holds`.
#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool, what: &str) {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::yield_now();
    }
}

/// Sends SIGTERM and waits for the end; gives what was printed.
#[track_caller]
pub(crate) fn ended(running: Running) -> Vec<String> {
    running.signal("TERM");
    let (status, lines) = running.finish();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    lines
}
