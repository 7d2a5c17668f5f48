//! What tests share: peers that may be missing, programs that run beside a test, network namespaces.
//! Used by the tests of the library and (by path) by those of the binary.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part")]
#![allow(clippy::print_stderr, reason = "a skipped test says so to whoever runs it")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// How long a test waits for something that should come at once, on a machine however busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Says that the test is skipped because of `missing`, or fails where CI demands every peer.
pub fn skip(missing: &str) -> bool {
    assert!(
        std::env::var_os("SOCKEYE_REQUIRE_PEERS").is_none_or(|v| v != "1"),
        "{missing}, and SOCKEYE_REQUIRE_PEERS=1"
    );
    eprintln!("skipped: {missing}");
    false
}

/// Whether every one of these programs is there; says why the test is skipped where one is not.
pub fn peers(programs: &[&str]) -> bool {
    let found = |p: &str| {
        let path = std::env::var("PATH").unwrap_or_default();
        path.split(':').chain(["/usr/sbin", "/sbin"]).any(|dir| std::path::Path::new(dir).join(p).exists())
    };
    programs.iter().all(|p| found(p) || skip(&format!("the program {p} is not installed")))
}

/// Whether the test runs as root; says that it is skipped where it does not.
pub fn root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|l| l.strip_prefix("Uid:")).and_then(|l| l.split_whitespace().nth(1));
    uid == Some("0") || skip("this test needs root")
}

/// A program that runs beside a test and ends with it, whatever happens.
#[derive(Debug)]
pub struct Running {
    /// The program; its input is open where the command asked for a pipe.
    pub child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts `command`; what it prints on either stream can be waited for.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let (send, lines) = channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|s| Box::new(s) as Box<dyn Read + Send>),
            child.stderr.take().map(|s| Box::new(s) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n') {
                    let Ok(line) = line else { return };
                    if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line that contains `text` and returns it.
    pub fn line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => {
                    self.seen.push(line.clone());
                    return line;
                }
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?}; seen: {:#?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without {text:?}; seen: {:#?}", self.seen)
                }
            }
        }
    }

    /// Sends a signal, by its name without SIG ("TERM").
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{name}");
    }

    /// Waits for the end; gives the status and every line printed.
    pub fn finish(mut self) -> (ExitStatus, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still running; seen: {:#?}", self.seen),
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        (status, std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network namespace of the test's own, removed when dropped. Needs root (see [`root`]) and iproute2.
#[derive(Debug)]
pub struct Netns {
    /// Its name, unique to this process and `label`.
    pub name: String,
}

impl Netns {
    /// A new namespace with its loopback up.
    pub fn new(label: &str) -> Self {
        let name = format!("sockeye-{label}-{}", std::process::id());
        ip(&["netns", "add", &name]);
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Runs `ip` inside; panics where it fails.
    pub fn ip(&self, args: &[&str]) {
        ip(&[&["-n", &self.name], args].concat());
    }

    /// A command that runs `program` inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Joins two namespaces by a veth pair named `veth0` in both, with these addresses (`10.9.0.1/24`), up.
    pub fn join(&self, other: &Self, ours: &[&str], theirs: &[&str]) {
        self.ip(&["link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", &other.name]);
        for (namespace, addresses) in [(self, ours), (other, theirs)] {
            for address in addresses {
                let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
                namespace.ip(&[&["addr", "add", address, "dev", "veth0"], nodad].concat());
            }
            namespace.ip(&["link", "set", "veth0", "up"]);
        }
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn ip(args: &[&str]) {
    let out = Command::new("ip").args(args).output().expect("ip can be started");
    assert!(out.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
}
