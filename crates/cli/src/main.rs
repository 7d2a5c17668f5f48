//! The `sockeye` command: parse, run, exit code.
#![forbid(unsafe_code)]

mod args;
mod command;
mod output;

use std::process::ExitCode;

fn main() -> ExitCode {
    let invocation = match args::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => return output::usage(&error),
    };
    match command::run(invocation) {
        Ok(code) => code,
        Err(failure) => output::failure(&failure),
    }
}
