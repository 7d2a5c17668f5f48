//! From what was typed to what runs: each command turns its arguments into a library call.

mod connect;
mod frame;
mod generate;
mod listen;
mod netstat;
mod observe;
mod options;
mod ping;
mod relay;
mod serve;
mod session;
mod socat;
mod ss;
mod states;
mod watch;

pub(crate) use listen::Meeting;
mod get;

use std::process::ExitCode;

use crate::{
    args::Command,
    output::{self, Failure},
};

/// Runs one command to its end and says with what code the process exits.
pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    if let Some(events) = command.events() {
        // First of all, so that events tell of whatever fails from here on.
        output::open_events(events)?;
    }
    match command {
        Command::Relay(args) => relay::run(&args),
        Command::Socat(args) => socat::run(&args),
        Command::Connect(args) => connect::run(&args),
        Command::Listen(args) => listen::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Options(args) => options::run(&args),
        Command::Frame(args) => frame::frame(&args),
        Command::Get(args) => get::run(*args.0),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
        Command::Ping(args) => ping::run(&args),
        Command::Netstat(args) => netstat::run(&args),
        Command::Ss(args) => ss::run(&args),
        Command::Watch(args) => watch::run(&args),
    }
}
