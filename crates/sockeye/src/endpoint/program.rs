//! Programs with their input and output joined to an endpoint: `EXEC`, `SYSTEM`, `SHELL`.

use std::{
    io,
    os::fd::OwnedFd,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use sockeye_proto::address::{Address, OptionName, Options};
use tokio::process::{Child, Command};

use super::{About, Context, Direction, Endpoint, Finish, Handle, Keep, Reader, Writer, unix};
use crate::{Error, Result, error::Reason};

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

    fn terminate(&self) {
        let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            // It may have ended in this moment; then there is nobody to tell.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
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
    let what = address.to_string();
    let options = &address.options;
    let mut command = command(line, options, &what)?;
    for (name, value) in context.environment() {
        command.env(name, value);
    }
    let failed = |e: io::Error| Error::new("start", &what, e);
    let ends = ends(options, direction).map_err(failed)?;
    command.stdin(ends.stdin).stdout(ends.stdout);
    if let Some(errors) = ends.stderr {
        command.stderr(errors);
    }
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
    let about =
        About { address: what.clone(), local: None, peer: child.id().map(|pid| format!("pid {pid}")) };
    Ok(Endpoint {
        reader: ends.reader,
        writer: ends.writer,
        about: about.into(),
        keep: Keep { program: Some(Program { child, name: what }.into()), ..Keep::default() },
    })
}

/// Both sides of what joins a program to us.
struct Ends {
    reader: Reader,
    writer: Writer,
    stdin: Stdio,
    stdout: Stdio,
    stderr: Option<Stdio>,
}

fn ends(options: &Options, direction: Direction) -> io::Result<Ends> {
    let errors = |out: &OwnedFd| -> io::Result<Option<Stdio>> {
        Ok(if options.flag(OptionName::Stderr) { Some(out.try_clone()?.into()) } else { None })
    };
    // What a direction does not carry stays as it is: `-u EXEC:… -` leaves the program our own input.
    let (reads, writes) = (direction != Direction::Write, direction != Direction::Read);
    if options.flag(OptionName::Pipes) {
        let (their_in, our_out) = pipe()?;
        let (our_in, their_out) = pipe()?;
        return Ok(Ends {
            reader: if reads { Reader::Stream(Arc::new(Handle::new(our_in)?)) } else { Reader::Nothing },
            writer: if writes {
                Writer::Stream(Arc::new(Handle::new(our_out)?), Finish::Close)
            } else {
                Writer::Nothing
            },
            stderr: errors(&their_out)?,
            stdin: if writes { their_in.into() } else { Stdio::inherit() },
            stdout: if reads { their_out.into() } else { Stdio::inherit() },
        });
    }
    let (ours, theirs) = unix::pair(options)?;
    let theirs: OwnedFd = theirs.into();
    let handle = Arc::new(Handle::new(ours.into())?);
    let stderr = errors(&theirs)?;
    let endpoint = unix::on_socket(handle, String::new(), None);
    let stdin = if writes { theirs.try_clone()?.into() } else { Stdio::inherit() };
    let stdout = if reads { theirs.into() } else { Stdio::inherit() };
    Ok(Ends {
        reader: if reads { endpoint.reader } else { Reader::Nothing },
        writer: if writes { endpoint.writer } else { Writer::Nothing },
        stdin,
        stdout,
        stderr,
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

fn command(line: Line<'_>, options: &Options, what: &str) -> Result<Command> {
    let usage = |text: &str| Error::new("start", what, Reason::Usage(text.to_owned()));
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
            let mut command = Command::new("/bin/sh");
            command.args(["-c", text]);
            command
        }
        Line::Shell(text) => {
            let mut command = Command::new(std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into()));
            if let Some(text) = text {
                command.args(["-c", text]);
            }
            command
        }
    };
    if let Some(directory) = options.text(OptionName::Chdir) {
        command.current_dir(directory);
    }
    if let Some(user) = options.text(OptionName::Su) {
        let (uid, gid) = user_and_group(user)?;
        command.uid(uid).gid(gid);
    }
    if options.flag(OptionName::Setsid) {
        crate::socket::child::setsid(command.as_std_mut());
    } else if options.has(OptionName::Setpgid) {
        command.process_group(0);
    }
    Ok(command)
}

/// The number of a user given by name or number.
pub(super) fn user_id(user: &str) -> Result<u32> {
    match user.parse() {
        Ok(number) => Ok(number),
        Err(_) => user_and_group(user).map(|(uid, _)| uid),
    }
}

/// The number of a group given by name or number.
pub(super) fn group_id(group: &str) -> Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let number = database("/etc/group", group).and_then(|fields| fields.get(2)?.parse().ok());
    number.ok_or_else(|| {
        Error::new("find the group", group, Reason::Usage("/etc/group does not name it".into()))
    })
}

fn user_and_group(user: &str) -> Result<(u32, u32)> {
    let entry = database("/etc/passwd", user);
    let ids = entry.and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
    ids.ok_or_else(|| Error::new("find the user", user, Reason::Usage("/etc/passwd does not name it".into())))
}

/// The fields of the line of `name` in passwd(5) or group(5).
fn database(file: &str, name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_owned).collect())
}
