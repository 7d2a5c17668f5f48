//! A stream of messages as a whole: convert it, count it, guess how it is framed.
//!
//! All read in pieces and keep no more than the largest message.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    time::Duration,
};

use sockeye_proto::framing::{Census, Deframer, FrameError, Framing, Guess, SAMPLE, Step, guess};

use super::{RECEIVE, now};
use crate::{Error, Result, error::Reason};

/// What is collected before it is written.
const BATCH: usize = 64 << 10;

/// Reads `input` as `from` and gives the same messages as `to` to `write`, whole frames at a time and without
/// holding any back while waiting for more input. The census says what was skipped; half a message at the end or
/// a broken framing is an error after all messages before it were written.
pub fn convert<E: From<Error>>(
    input: &mut impl Read,
    name: &str,
    (from, to): (&Framing, &Framing),
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Census, E> {
    let (mut census, mut encoder, mut out) = (Census::default(), to.encoder(), Vec::new());
    let stamps_time = to.stamps_time();
    let ended = read(input, name, from, &mut census, |event| {
        match event {
            Event::Message(message) => {
                let now = if stamps_time { now() } else { Duration::ZERO };
                if let Err(error) = encoder.encode(message, now, &mut out) {
                    let (target, reason) = (format!("a message of {name}"), Reason::Usage(error.to_string()));
                    return ControlFlow::Break(Error::new(format!("write as {to}"), target, reason).into());
                }
                if out.len() < BATCH {
                    return ControlFlow::Continue(());
                }
            }
            Event::Waiting if out.is_empty() => return ControlFlow::Continue(()),
            Event::Waiting => {}
        }
        let written = write(&out);
        out.clear();
        written.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    });
    // What was converted before an error is not lost.
    if !out.is_empty() {
        write(&out)?;
    }
    ended?;
    Ok(census)
}

/// Reads `input` as `framing` and counts; a broken framing is part of the census, not an error.
pub fn check(input: &mut impl Read, name: &str, framing: &Framing) -> Result<Census> {
    let mut census = Census::default();
    let ended = read(input, name, framing, &mut census, |_| ControlFlow::<Error>::Continue(()));
    match ended {
        Err(error) if matches!(error.reason(), Reason::Frame(_)) => Ok(census),
        ended => ended.map(|()| census),
    }
}

/// Proposes framings for the beginning of `input`, best first; also says how many bytes were looked at.
pub fn guess_input(input: impl Read, name: &str) -> Result<(Vec<Guess>, usize)> {
    let mut sample = Vec::new();
    // One byte more than a sample tells whether it is all.
    let read = input.take(SAMPLE as u64 + 1).read_to_end(&mut sample);
    read.map_err(|e| Error::new("read", name, e))?;
    Ok((guess(&sample, sample.len() <= SAMPLE), sample.len().min(SAMPLE)))
}

enum Event<'a> {
    Message(&'a [u8]),
    /// All that came is decoded; a read follows.
    Waiting,
}

fn read<E: From<Error>>(
    input: &mut impl Read,
    name: &str,
    framing: &Framing,
    census: &mut Census,
    mut on: impl FnMut(Event<'_>) -> ControlFlow<E>,
) -> Result<(), E> {
    let mut deframer = Deframer::new(framing);
    loop {
        let step = deframer.advance().map_err(|error| {
            census.failed(&error);
            E::from(Error::new(RECEIVE, name, error))
        })?;
        census.step(&step);
        let event = match &step {
            Step::Message(frame) => Event::Message(deframer.bytes(frame.payload.clone())),
            Step::Skipped(_) => continue,
            Step::NeedMore(_) => Event::Waiting,
        };
        if let ControlFlow::Break(error) = on(event) {
            return Err(error);
        }
        let Step::NeedMore(_) = step else { continue };
        match input.read(deframer.space()) {
            Ok(0) => break,
            Ok(n) => deframer.received(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::new("read", name, e).into()),
        }
    }
    match deframer.end() {
        Ok(None) => Ok(()),
        Ok(Some(place)) => {
            census.last(place.len());
            match on(Event::Message(deframer.bytes(place))) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(error) => Err(error),
            }
        }
        Err(half) => {
            census.half(half);
            Err(Error::new(RECEIVE, name, FrameError::Half(half)).into())
        }
    }
}
