//! What was typed, one file per command: clap's structures, no system calls.

mod generate;

pub(crate) use generate::{Completions, Man};

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

/// See, speak, shape and stress any socket.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, about, long_about = None, propagate_version = true)]
#[command(after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sockeye completions bash    a completion script for bash";

/// The commands, one variant each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual pages
    Man(Man),
}

/// Parses a whole command line, the program's name included.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    Ok(Cli::try_parse_from(words)?.command)
}

/// The definition that help, completions and manual pages are made from.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}
