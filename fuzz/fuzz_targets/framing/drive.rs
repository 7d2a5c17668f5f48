//! What the fuzz targets of the framings do with their bytes; the bounded runs in the tests do the same.

use std::time::Duration;

use sockeye_proto::framing::{Deframer, FrameError, Framing, Half, Need, Step};

type Outcome = (Vec<Vec<u8>>, Result<(), FrameError>);

/// Decodes `data` with each of `specs`, at once and in pieces: both must give the same messages and the same
/// kind of end, and what was decoded must survive being encoded and decoded again.
pub(crate) fn drive(specs: &[&str], data: &[u8]) {
    let (&piece, data) = data.split_first().unwrap_or((&1, data));
    for spec in specs {
        let framing: Framing = spec.parse().expect("the specs of the targets are right");
        let framing = framing.with_max(256);
        let (whole, end) = decode(&framing, data, data.len().max(1));
        let (pieces, end_of_pieces) = decode(&framing, data, usize::from(piece).max(1));
        assert_eq!(whole, pieces, "{spec}: the split made a difference");
        assert_eq!(kind(&end), kind(&end_of_pieces), "{spec}: the split made a difference at the end");
        again(&framing, &whole);
    }
}

fn decode(framing: &Framing, data: &[u8], piece: usize) -> Outcome {
    let mut deframer = Deframer::new(framing);
    let mut messages = Vec::new();
    for mut bytes in data.chunks(piece) {
        while !bytes.is_empty() {
            let space = deframer.space();
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            deframer.received(n);
            loop {
                match deframer.advance() {
                    Ok(Step::Message(frame)) => messages.push(deframer.bytes(frame.payload).to_vec()),
                    Ok(Step::Skipped(skipped)) => assert_ne!(skipped.bytes, 0, "a step that does not move"),
                    Ok(Step::NeedMore(Need::AtLeast(n) | Need::Exactly(n))) => {
                        assert_ne!(n, 0, "a need of nothing");
                        break;
                    }
                    Err(error) => return (messages, Err(error)),
                }
            }
        }
    }
    let end = deframer.end().map(|last| messages.extend(last.map(|place| deframer.bytes(place).to_vec())));
    (messages, end.map_err(|half: Half| FrameError::Half(half)))
}

fn kind(end: &Result<(), FrameError>) -> Option<std::mem::Discriminant<FrameError>> {
    end.as_ref().err().map(std::mem::discriminant)
}

fn again(framing: &Framing, messages: &[Vec<u8>]) {
    let (mut encoder, mut wire, mut taken) = (framing.encoder(), Vec::new(), Vec::new());
    for message in messages {
        // A message with its own header (skip=) or an unusual one may be refused; what is taken must come back.
        if encoder.encode(message, Duration::ZERO, &mut wire).is_ok() {
            taken.push(message.clone());
        }
    }
    assert_eq!(decode(framing, &wire, wire.len().max(1)), (taken, Ok(())), "{framing}");
}

/// The specs of each target.
pub(crate) const LINE: &[&str] = &["line"];
pub(crate) const DELIM: &[&str] = &["delim:\\n", "delim:\\r\\n", "delim:aab"];
pub(crate) const FIXED: &[&str] = &["fixed:1", "fixed:7"];
pub(crate) const LENGTH: &[&str] = &[
    "len:u8",
    "len:u16be",
    "len:u24le",
    "len:u32be",
    "len:u64le",
    "len:varint",
    "len:u16le,adjust=-2",
    "len:u8,skip=0",
    "len:varint,offset=1,skip=1",
    "len:u16be,offset=1,adjust=3,skip=5",
];
pub(crate) const NETSTRING: &[&str] = &["netstring"];
pub(crate) const SEALED: &[&str] = &["sealed"];
