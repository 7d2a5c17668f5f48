//! What a damaged, thinned out or shuffled stream of sealed frames gives.

use proptest::prelude::*;

use super::*;
use crate::framing::{Deframer, Framing, Half, Item, Kind};

/// What came out of a stream: messages with their place, and what was skipped.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    messages: Vec<(Vec<u8>, Order)>,
    skipped: Vec<(usize, Junk)>,
    half: Option<Half>,
}

impl Outcome {
    fn texts(&self) -> Vec<&[u8]> {
        self.messages.iter().map(|(text, _)| text.as_slice()).collect()
    }
}

fn read(wire: &[u8]) -> Outcome {
    let mut deframer = Deframer::new(&Framing::new(Kind::Sealed));
    let mut outcome = Outcome::default();
    let mut rest = wire;
    while !rest.is_empty() {
        let space = deframer.space();
        let n = space.len().min(rest.len());
        space[..n].copy_from_slice(&rest[..n]);
        rest = &rest[n..];
        deframer.received(n);
        loop {
            match deframer.step().expect("nothing in these tests is final") {
                Item::Message(m) => outcome.messages.push((m.bytes.into(), m.seal.expect("sealed").order)),
                Item::Skipped(s) => outcome.skipped.push((s.bytes, s.why)),
                Item::NeedMore(_) => break,
            }
        }
    }
    outcome.half = deframer.end().err();
    outcome
}

fn frames(texts: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut encoder = Framing::new(Kind::Sealed).encoder();
    let seal = |(i, text): (usize, &&[u8])| {
        let mut frame = Vec::new();
        encoder.encode(text, Duration::from_secs(i as u64), &mut frame).expect("small enough");
        frame
    };
    texts.iter().enumerate().map(seal).collect()
}

const TEXTS: [&[u8]; 4] = [b"first", b"the second message", b"", b"fourth"];

/// Fault run 13: every single bit of a sealed frame flipped: a checksum error, then resynchronised; never a
/// wrong message.
#[test]
fn fault_13_every_bit() {
    let frames = frames(&TEXTS);
    let (start, len) = (frames[0].len(), frames[1].len());
    for bit in 0..len * 8 {
        let mut wire = frames.concat();
        wire[start + bit / 8] ^= 1 << (bit % 8);
        let outcome = read(&wire);
        assert_eq!(outcome.texts(), [b"first", &b""[..], b"fourth"], "bit {bit}");
        assert_eq!(outcome.messages[1].1, Order::Gap { missing: 1 }, "bit {bit}");
        assert_eq!(outcome.skipped.iter().map(|s| s.0).sum::<usize>(), len, "bit {bit}: {outcome:?}");
        let expected = match bit / 8 {
            0..3 => matches!(outcome.skipped[0].1, Junk::NoMagic),
            3..HEADER => matches!(outcome.skipped[0].1, Junk::BadHeader),
            _ => matches!(outcome.skipped[0].1, Junk::BadChecksum { sequence: 1 }),
        };
        assert!(expected, "bit {bit}: {outcome:?}");
    }
}

#[test]
fn loss_repetition_and_reordering_have_names() {
    let f = frames(&TEXTS);
    let order = |picks: &[usize]| {
        let outcome = read(&picks.iter().flat_map(|&i| f[i].clone()).collect::<Vec<_>>());
        (outcome.messages.iter().map(|m| m.1).collect::<Vec<_>>(), outcome.skipped)
    };
    use Order::{Gap, Late, Next};
    assert_eq!(order(&[0, 1, 2, 3]), (vec![Next; 4], vec![]));
    assert_eq!(order(&[0, 3]), (vec![Next, Gap { missing: 2 }], vec![]));
    assert_eq!(order(&[2, 3]), (vec![Gap { missing: 2 }, Next], vec![]));
    assert_eq!(order(&[0, 2, 1, 3]), (vec![Next, Gap { missing: 1 }, Late, Next], vec![]));
    let repeated = Junk::Repeated { sequence: 1 };
    assert_eq!(order(&[0, 1, 1, 2]), (vec![Next; 3], vec![(f[1].len(), repeated)]));
    let repeated = Junk::Repeated { sequence: 0 };
    assert_eq!(order(&[0, 1, 0, 2]), (vec![Next; 3], vec![(f[0].len(), repeated)]));
}

#[test]
fn what_is_too_old_to_tell_is_not_delivered() {
    let texts = vec![&b"x"[..]; 200];
    let f = frames(&texts);
    let wire = [&f[1..].concat()[..], &f[0]].concat();
    let outcome = read(&wire);
    assert_eq!(outcome.messages.len(), 199);
    assert_eq!(outcome.skipped, [(f[0].len(), Junk::Stale { sequence: 0 })]);
}

#[test]
fn a_sender_that_starts_anew_is_no_repetition() {
    let old = frames(&TEXTS).concat();
    let mut encoder = Framing::new(Kind::Sealed).encoder();
    let mut wire = old;
    encoder.encode(b"again", Duration::from_secs(100), &mut wire).unwrap();
    encoder.encode(b"and on", Duration::from_secs(101), &mut wire).unwrap();
    let outcome = read(&wire);
    assert_eq!(
        outcome.messages[4..],
        [(b"again".to_vec(), Order::Restart), (b"and on".to_vec(), Order::Next)]
    );
}

#[test]
fn sequence_numbers_at_their_end_do_not_panic() {
    let mut wire = Vec::new();
    for sequence in [u64::MAX - 1, u64::MAX, 0, u64::MAX] {
        encode(b"x", sequence, Duration::ZERO, &mut wire).unwrap();
    }
    let outcome = read(&wire);
    assert_eq!(outcome.messages.len(), 2);
    let (stale, repeated) = (Junk::Stale { sequence: 0 }, Junk::Repeated { sequence: u64::MAX });
    assert_eq!(outcome.skipped.iter().map(|s| s.1).collect::<Vec<_>>(), [stale, repeated]);
}

#[test]
fn a_frame_carried_in_a_damaged_frame_is_not_taken_for_one() {
    let inner = frames(&[b"inner", b"other inner"]).concat();
    let outer = frames(&[b"a", &inner, b"b"]);
    let mut wire = outer.concat();
    let place = outer[0].len() + outer[1].len() - 1;
    wire[place] ^= 1;
    let outcome = read(&wire);
    assert_eq!(outcome.texts(), [b"a", b"b"]);
}

#[test]
fn missing_bytes_cost_one_frame() {
    let f = frames(&TEXTS);
    for cut in 1..f[1].len() {
        // The first `cut` bytes of the second frame are missing; then its last ones.
        let head_gone = [&f[0][..], &f[1][cut..], &f[2], &f[3]].concat();
        let tail_gone = [&f[0][..], &f[1][..f[1].len() - cut], &f[2], &f[3]].concat();
        for wire in [head_gone, tail_gone] {
            assert_eq!(read(&wire).texts(), [b"first", &b""[..], b"fourth"], "{cut} bytes missing");
        }
    }
}

#[test]
fn other_bytes_between_frames_are_skipped() {
    let f = frames(&TEXTS);
    let wire = [b"\xF5 noise \xF5SK\x01 more", &f[0][..], b"\xF5S", &f[1], b"tail\xF5"].concat();
    let outcome = read(&wire);
    assert_eq!(outcome.texts(), [&b"first"[..], b"the second message"]);
    assert_eq!(outcome.half.map(|h| h.have), Some(1), "what may be the start of a frame: {outcome:?}");
}

#[test]
fn another_version_is_final() {
    let mut wire = frames(&[b"x"]).concat();
    wire[3] = 2;
    let check = crc32c::crc32c(&wire[..CHECKED]);
    wire[CHECKED..HEADER].copy_from_slice(&check.to_be_bytes());
    let mut decoder = Framing::new(Kind::Sealed).decoder();
    assert_eq!(decoder.decode(&wire), Err(FrameError::Version { version: 2, at: 0 }));
}

/// A peer that nests the beginnings of large frames does not make each byte be summed again and again.
#[test]
fn nested_beginnings_are_not_searched_for_ever() {
    let mut beginning = Vec::new();
    encode(&vec![0; 500_000], 0, Duration::ZERO, &mut beginning).unwrap();
    let wire = beginning[..HEADER].repeat(40_000);
    let outcome = read(&wire);
    assert!(outcome.messages.is_empty());
    assert!(outcome.skipped.len() < 30, "{} steps", outcome.skipped.len());
}

proptest! {
    /// Whatever happens to the bytes on the way, what is delivered was sent, and nothing twice.
    #[test]
    fn damage_never_makes_a_message(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
        faults in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>()), 0..10),
    ) {
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let mut wire = frames(&texts).concat();
        for (place, fault, byte) in faults {
            let at = place.index(wire.len());
            match fault {
                0 => wire[at] = byte,
                1 => { wire.remove(at); }
                2 => wire.insert(at, byte),
                _ => wire.extend_from_within(at..),
            }
            if wire.is_empty() { break; }
        }
        let mut left = texts.clone();
        for text in read(&wire).texts() {
            let place = left.iter().position(|t| *t == text);
            prop_assert!(place.is_some(), "{:?} was not sent, or came twice", text);
            left.remove(place.unwrap());
        }
    }
}

/// The frames in the documentation of the layout are the ones that are written and read here.
#[test]
fn documented_test_vectors() {
    let page = include_str!("../../../../../docs/sealed-frame.md");
    let block =
        page.split("```vectors\n").nth(1).and_then(|b| b.split("```").next()).expect("a block of vectors");
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    let mut count = 0;
    for vector in block.trim().split("\n\n") {
        let field = |name: &str| -> String {
            let values = vector.lines().filter_map(|l| l.strip_prefix(name)).map(str::trim);
            values.filter(|v| *v != "-").collect()
        };
        let (payload, frame) = (hex(&field("payload")), hex(&field("frame")));
        let nanos = Duration::from_nanos(field("timestamp").parse().unwrap());
        let mut written = Vec::new();
        encode(&payload, field("sequence").parse().unwrap(), nanos, &mut written).unwrap();
        assert_eq!(written, frame, "{vector}");
        assert_eq!(read(&frame).texts(), [payload]);
        count += 1;
    }
    assert_eq!(count, 3);
}
