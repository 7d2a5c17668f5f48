//! From what was typed to what runs: each command turns its arguments into a library call.

mod generate;

use std::process::ExitCode;

use crate::{args::Command, output::Failure};

/// Runs one command to its end and says with what code the process exits.
pub(crate) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}
