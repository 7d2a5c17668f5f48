//! Programs with their input and output joined to an endpoint: `EXEC`, `SYSTEM`, `SHELL`.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use sockeye_proto::address::{Address, OptionName, Options, Value};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::{About, Context, Direction, Endpoint, Finish, Handle, Keep, Reader, Writer, pty, sockopt, unix};
use crate::{
    Error, Result,
    error::Reason,
    event::{Event, Events},
    socket::child::{self, Before},
};

/// What is started, and how its command line is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line<'a> {
    /// Split into words; no shell.
    Words(&'a str),
    /// `/bin/sh -c`.
    System(&'a str),
    /// `$SHELL -c`, or an interactive `$SHELL`.
    Shell(Option<&'a str>),
}

/// A program that was started. Dropping it sends it SIGTERM if it still runs.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    pid: Option<u32>,
    events: Events,
    /// Tasks that pass signals on to it.
    #[expect(dead_code, reason = "they end when this is dropped")]
    passing: Vec<AbortOnDrop>,
}

impl Program {
    /// The process id, until the program has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The command line.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for its end for at most `grace`, then sends SIGTERM and waits that long again, then SIGKILL.
    ///
    /// # Errors
    /// What waitpid(2) reports.
    pub async fn end(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Ok(status) = tokio::time::timeout(grace, self.child.wait()).await {
            return status;
        }
        self.terminate();
        if let Ok(status) = tokio::time::timeout(grace, self.child.wait()).await {
            return status;
        }
        self.child.start_kill()?;
        self.child.wait().await
    }

    /// As [`Program::end`], or without `grace` once it ends by itself; tells whoever listens to events how it ended.
    pub(super) async fn end_and_tell(&mut self, grace: Option<Duration>) {
        let ended = match grace {
            Some(grace) => self.end(grace).await,
            None => self.child.wait().await,
        };
        // That its end cannot be learned changes nothing for whoever closes it.
        let Ok(status) = ended else { return };
        let (program, pid) = (&*self.name, self.pid);
        self.events.emit(|| Event::Exited { program, pid, status: status.code(), signal: status.signal() });
    }

    /// What a program gets when its terminal goes: SIGHUP, and SIGCONT for one that is stopped.
    pub(super) fn hang_up(&self) {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may have ended in this moment; then there is nobody to tell.
            let _ = kill_process(pid, Signal::HUP).and_then(|()| kill_process(pid, Signal::CONT));
        }
    }

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // It may have ended in this moment; then there is nobody to tell.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// Starts the program of an address.
pub(super) fn start(
    address: &Address,
    line: Line<'_>,
    direction: Direction,
    context: &Context,
) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let (ends, joined) = ends(options, direction, &what)?;
    let program = spawn(address, line, joined, context)?;
    let about = About {
        address: what,
        peer: program.id().map(|pid| format!("pid {pid}").into()),
        ..About::default()
    };
    Ok(Endpoint {
        reader: ends.reader,
        writer: ends.writer,
        about: about.into(),
        keep: Keep { program: Some(program.into()), ..Keep::default() },
    })
}

/// Starts the program with its side of what joins it to somebody.
pub(super) fn spawn(address: &Address, line: Line<'_>, joined: Joined, context: &Context) -> Result<Program> {
    let (what, options) = (address.to_string(), &address.options);
    let mut command = command(line, options, &what)?;
    for (name, value) in context.environment() {
        command.env(name, value);
    }
    let failed = |e: io::Error| Error::new("start", &what, e);
    let mut before = identity(options)?;
    if let Some(number) = options.number(OptionName::Setpgid) {
        // 0, and socat's 1: a group of its own.
        command.process_group(if number == 1 { 0 } else { i32::try_from(number).unwrap_or(0) });
    }
    attach(&mut command, joined, options, &mut before).map_err(failed)?;
    child::before(command.as_std_mut(), before);
    let child = command.spawn().map_err(|e| {
        let hint = (e.kind() == io::ErrorKind::NotFound)
            .then_some("no such program; EXEC uses no shell, SYSTEM does");
        let error = failed(e);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    // The command keeps our copies of the program's ends; with them open its end would never be seen.
    drop(command);
    let pid = child.id();
    let passing = passed_on(options, pid).map_err(failed)?;
    Ok(Program { child, name: what, pid, events: context.events.clone(), passing })
}

/// Passes signals on to the program, as `sighup`, `sigint` and `sigquit` ask for.
fn passed_on(options: &Options, pid: Option<u32>) -> io::Result<Vec<AbortOnDrop>> {
    let kinds = passes_on(options);
    let Some(pid) = pid.and_then(|id| Pid::from_raw(id.cast_signed())).filter(|_| !kinds.is_empty()) else {
        return Ok(Vec::new());
    };
    // Not by its number, which another process may have one day.
    let process = Arc::new(pidfd_open(pid, PidfdFlags::empty())?);
    let pass = |kind: SignalKind| {
        let (mut signals, process) = (signal(kind)?, process.clone());
        Ok(AbortOnDrop(tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if let Some(signal) = Signal::from_named_raw(kind.as_raw_value()) {
                    // It may have ended in this moment; then there is nobody to tell.
                    let _ = pidfd_send_signal(&process, signal);
                }
            }
        })))
    };
    kinds.into_iter().map(pass).collect()
}

/// The signals that an address passes on to its program. They end nothing here then.
pub fn passes_on(options: &Options) -> Vec<SignalKind> {
    let all = [
        (OptionName::Sighup, SignalKind::hangup()),
        (OptionName::Sigint, SignalKind::interrupt()),
        (OptionName::Sigquit, SignalKind::quit()),
    ];
    all.into_iter().filter(|(name, _)| options.flag(*name)).map(|(_, kind)| kind).collect()
}

/// A task that ends with this.
#[derive(Debug)]
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Our side of what joins a program to us.
struct Ends {
    reader: Reader,
    writer: Writer,
}

/// The program's side.
pub(super) struct Joined {
    /// What it reads from and writes to; what is not there stays as it is: `-u EXEC:… -` leaves the program
    /// our own input.
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    /// The terminal that they are, if they are one.
    pub(super) terminal: Option<OwnedFd>,
}

fn ends(options: &Options, direction: Direction, what: &str) -> Result<(Ends, Joined)> {
    let failed = |e: io::Error| Error::new("start", what, e);
    let (reads, writes) = (direction != Direction::Write, direction != Direction::Read);
    let on_terminal = [OptionName::Pty, OptionName::Openpty, OptionName::Ptmx];
    let (reader, writer, stdin, stdout, terminal);
    if on_terminal.into_iter().any(|name| options.flag(name)) {
        let (master, slave) = pty::pair(options, what)?;
        (reader, writer) = pty::ends(master).map_err(failed)?;
        stdin = slave.try_clone().map_err(failed)?;
        stdout = slave.try_clone().map_err(failed)?;
        terminal = Some(slave);
    } else if options.flag(OptionName::Pipes) {
        let (their_in, our_out) = pipe().map_err(failed)?;
        let (our_in, their_out) = pipe().map_err(failed)?;
        reader = Reader::Stream(Arc::new(Handle::new(our_in).map_err(failed)?));
        writer = Writer::Stream(Arc::new(Handle::new(our_out).map_err(failed)?), Finish::Close);
        (stdin, stdout, terminal) = (their_in, their_out, None);
    } else {
        let (ours, theirs) = unix::pair(options).map_err(failed)?;
        sockopt::all(options, &ours)?;
        let theirs: OwnedFd = theirs.into();
        let endpoint =
            unix::on_socket(Arc::new(Handle::new(ours.into()).map_err(failed)?), String::new(), None);
        (reader, writer) = (endpoint.reader, endpoint.writer);
        stdin = theirs.try_clone().map_err(failed)?;
        (stdout, terminal) = (theirs, None);
    }
    let ends = Ends {
        reader: if reads { reader } else { Reader::Nothing },
        writer: if writes { writer } else { Writer::Nothing },
    };
    Ok((ends, Joined { stdin: writes.then_some(stdin), stdout: reads.then_some(stdout), terminal }))
}

/// Gives the program its side, at the descriptors that `fdin`, `fdout` and `stderr` say.
fn attach(command: &mut Command, joined: Joined, options: &Options, before: &mut Before) -> io::Result<()> {
    let Joined { stdin, stdout, terminal } = joined;
    let number = |name| options.number(name).and_then(|n| i32::try_from(n).ok());
    if let (true, Some(out)) = (options.flag(OptionName::Stderr), &stdout) {
        command.stderr(Stdio::from(out.try_clone()?));
    }
    match (stdin, number(OptionName::Fdin)) {
        (Some(fd), None | Some(0)) => drop(command.stdin(Stdio::from(fd))),
        (Some(fd), Some(number)) => before.descriptors.push((apart(fd)?, number)),
        (None, _) => drop(command.stdin(Stdio::inherit())),
    }
    match (stdout, number(OptionName::Fdout)) {
        (Some(fd), None | Some(1)) => drop(command.stdout(Stdio::from(fd))),
        (Some(fd), Some(number)) => before.descriptors.push((apart(fd)?, number)),
        (None, _) => drop(command.stdout(Stdio::inherit())),
    }
    before.session = options.flag(OptionName::Setsid);
    before.terminal = terminal.filter(|_| options.flag(OptionName::Ctty));
    Ok(())
}

/// The descriptor at a number that no `fdin` or `fdout` overwrites: those are below 65536, but few use more than
/// a handful.
fn apart(fd: OwnedFd) -> io::Result<OwnedFd> {
    const ABOVE: i32 = 64;
    Ok(rustix::io::fcntl_dupfd_cloexec(&fd, ABOVE)?)
}

/// Who the program is, and what it sees as the root directory.
fn identity(options: &Options) -> Result<Before> {
    let mut before = Before::default();
    let first = |names: &[OptionName]| names.iter().find_map(|name| options.text(*name));
    if let Some(name) = first(&[OptionName::Su, OptionName::SuDelayed, OptionName::SuEarly]) {
        let user = user(name)?;
        (before.groups, before.gid, before.uid) = (Some(user.groups), Some(user.gid), Some(user.uid));
    }
    if let Some(group) = first(&[OptionName::Setgid, OptionName::SetgidEarly]) {
        before.gid = Some(group_id(group)?);
    }
    if let Some(user) = first(&[OptionName::Setuid, OptionName::SetuidEarly]) {
        before.uid = Some(user_id(user)?);
    }
    if let Some(root) = first(&[OptionName::Chroot, OptionName::ChrootEarly]) {
        let root = std::ffi::CString::new(root);
        before.root =
            Some(root.map_err(|e| Error::new("change the root directory to", "it", io::Error::from(e)))?);
    }
    before.umask = options.number(OptionName::Umask).and_then(|mask| u32::try_from(mask).ok());
    Ok(before)
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

fn command(line: Line<'_>, options: &Options, what: &str) -> Result<Command> {
    let usage = |text: &str| Error::new("start", what, Reason::Usage(text.to_owned()));
    let shell = options.text(OptionName::ShellProgram).map(std::ffi::OsString::from);
    let mut command = match line {
        Line::Words(text) => {
            let words = shlex::split(text).ok_or_else(|| usage("a quote in the command is not closed"))?;
            let (program, arguments) = words.split_first().ok_or_else(|| usage("the command is empty"))?;
            let mut command = Command::new(program);
            command.args(arguments);
            if let Some(file) = program.rsplit('/').next().filter(|_| options.flag(OptionName::Login)) {
                command.arg0(format!("-{file}"));
            }
            command
        }
        Line::System(text) => {
            let mut command = Command::new(shell.unwrap_or_else(|| "/bin/sh".into()));
            command.args(["-c", text]);
            command
        }
        Line::Shell(text) => {
            let mut command = Command::new(
                shell.unwrap_or_else(|| std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into())),
            );
            if let Some(text) = text {
                command.args(["-c", text]);
            }
            command
        }
    };
    if let Some(directory) = options.text(OptionName::Chdir) {
        command.current_dir(directory);
    }
    if let Some(path) = options.text(OptionName::Path) {
        command.env("PATH", path);
    }
    for setting in options.iter().filter(|setting| setting.name == OptionName::Setenv) {
        let Value::Text(text) = &setting.value else { continue };
        let (name, value) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| usage("setenv takes NAME=VALUE; a comma in it is written \\,"))?;
        command.env(name, value);
    }
    Ok(command)
}

/// A user, with what groups it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

/// The user of a name or number in passwd(5) and group(5).
pub(super) fn user(name: &str) -> Result<User> {
    let unknown = || Error::new("find the user", name, Reason::Usage("/etc/passwd does not name it".into()));
    let column = if name.bytes().all(|b| b.is_ascii_digit()) { 2 } else { 0 };
    let fields = database("/etc/passwd", column, name).ok_or_else(unknown)?;
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    let (uid, gid) = number(2).zip(number(3)).ok_or_else(unknown)?;
    let mut groups = vec![gid];
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    for line in text.lines() {
        let parts: Vec<_> = line.split(':').collect();
        if let [_, _, number, members] = parts[..]
            && members.split(',').any(|member| member == fields[0])
        {
            groups.extend(number.parse::<u32>().ok().filter(|number| *number != gid));
        }
    }
    Ok(User { uid, gid, groups })
}

/// The number of a user given by name or number.
pub(super) fn user_id(name: &str) -> Result<u32> {
    match name.parse() {
        Ok(number) => Ok(number),
        Err(_) => user(name).map(|user| user.uid),
    }
}

/// The number of a group given by name or number.
pub(super) fn group_id(group: &str) -> Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let number = database("/etc/group", 0, group).and_then(|fields| fields.get(2)?.parse().ok());
    number.ok_or_else(|| {
        Error::new("find the group", group, Reason::Usage("/etc/group does not name it".into()))
    })
}

/// The fields of the line that has `name` in that column of passwd(5) or group(5).
fn database(file: &str, column: usize, name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').nth(column) == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}
