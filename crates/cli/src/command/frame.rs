//! Convert, check and guess how messages are framed.

use std::{fs::File, io, path::Path, process::ExitCode};

use sockeye::{Error, error::Class, framed};
use sockeye_proto::framing::Framing;

use crate::{
    args::Frame,
    output::{self, Failure, Out},
};

pub(super) fn frame(args: &Frame) -> Result<ExitCode, Failure> {
    let (mut input, name) = open(args.file.as_deref())?;
    match (&args.from, &args.to) {
        (Some(from), Some(to)) => convert(&mut input, &name, from, to),
        (Some(from), None) => check(&mut input, &name, from, args.json),
        (None, _) => {
            let (guesses, looked_at) = framed::guess_input(input, &name)?;
            output::frame::guesses(&guesses, looked_at, args.json)?;
            Ok(if guesses.is_empty() {
                ExitCode::from(Class::Protocol.exit_code())
            } else {
                ExitCode::SUCCESS
            })
        }
    }
}

fn open(file: Option<&Path>) -> Result<(Box<dyn io::Read>, String), Error> {
    match file {
        Some(path) if path != Path::new("-") => {
            let file = File::open(path).map_err(|e| Error::new("open", path.display(), e))?;
            Ok((Box::new(file), path.display().to_string()))
        }
        _ => Ok((Box::new(io::stdin().lock()), "the standard input".into())),
    }
}

fn convert(input: &mut impl io::Read, name: &str, from: &Framing, to: &Framing) -> Result<ExitCode, Failure> {
    let mut out = Out::stdout();
    let census = framed::convert(input, name, (from, to), |frames| out.bytes(frames))?;
    Ok(sound(output::frame::damage(&census, name)))
}

fn check(input: &mut impl io::Read, name: &str, framing: &Framing, json: bool) -> Result<ExitCode, Failure> {
    let census = framed::check(input, name, framing)?;
    output::frame::census(&census, framing, json)?;
    Ok(sound(census.is_sound()))
}

fn sound(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(Class::Protocol.exit_code()) }
}
