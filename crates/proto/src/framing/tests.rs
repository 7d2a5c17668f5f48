//! What every framing promises, for any messages and any split of the stream.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Framings of every kind, and of every width of length field.
const SPECS: [&str; 24] = [
    "line",
    "delim:\\n",
    "delim:\\r\\n",
    "delim:aab",
    "delim:\\x00",
    "fixed:1",
    "fixed:7",
    "len:u8",
    "len:u16be",
    "len:u16le",
    "len:u24be",
    "len:u24le",
    "len:u32be",
    "len:u32le",
    "len:u64be",
    "len:u64le",
    "len:varint",
    "len:u32be,adjust=-4",
    "len:u16le,offset=3,adjust=2",
    "len:varint,offset=2,adjust=-1",
    "len:u16be,skip=5",
    "len:u8,offset=1,adjust=-9,skip=9",
    "netstring",
    "sealed",
];

fn framing(spec: &str) -> Framing {
    spec.parse().unwrap_or_else(|e| panic!("{spec}: {e}"))
}

/// Every step that the bytes give when they arrive in pieces that end at `cuts`.
fn decode(
    framing: &Framing,
    wire: &[u8],
    cuts: &[usize],
) -> Result<(Vec<Vec<u8>>, Vec<Skipped>), FrameError> {
    let mut deframer = Deframer::new(framing);
    let (mut messages, mut skipped) = (Vec::new(), Vec::new());
    let mut from = 0;
    for &to in cuts.iter().chain([&wire.len()]) {
        let mut piece = &wire[from..to.max(from)];
        from = to.max(from);
        while !piece.is_empty() {
            let space = deframer.space();
            let n = space.len().min(piece.len());
            space[..n].copy_from_slice(&piece[..n]);
            piece = &piece[n..];
            deframer.received(n);
            loop {
                match deframer.step()? {
                    Item::Message(message) => messages.push(message.bytes.to_vec()),
                    Item::Skipped(skip) => skipped.push(skip),
                    Item::NeedMore(Need::AtLeast(n) | Need::Exactly(n)) => {
                        assert_ne!(n, 0, "a need of nothing");
                        break;
                    }
                }
            }
        }
    }
    match deframer.end() {
        Ok(last) => messages.extend(last.map(|place| deframer.bytes(place).to_vec())),
        Err(half) => return Err(FrameError::Half(half)),
    }
    Ok((messages, skipped))
}

/// Encodes what the framing takes of `messages`; gives the wire and what was taken.
fn encode(framing: &Framing, messages: &[Vec<u8>]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut encoder = framing.encoder();
    let (mut wire, mut taken) = (Vec::new(), Vec::new());
    for message in messages {
        let before = wire.len();
        match encoder.encode(message, Duration::from_nanos(wire.len() as u64), &mut wire) {
            Ok(()) => taken.push(message.clone()),
            Err(_) => assert_eq!(wire.len(), before, "a refused message leaves no bytes"),
        }
    }
    (wire, taken)
}

fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\r\nab,:0\xF5SK\0".to_vec())];
    let sizes = prop_oneof![Just(1usize..2), Just(7..8), Just(0..40), Just(200..300)];
    prop::collection::vec(sizes.prop_flat_map(move |r| prop::collection::vec(byte.clone(), r)), 0..12)
}

proptest! {
    #[test]
    fn decoding_gives_what_was_encoded(
        spec in prop::sample::select(SPECS.to_vec()),
        messages in messages(),
        mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let framing = framing(spec);
        let (wire, taken) = encode(&framing, &messages);
        let mut cuts: Vec<usize> = cuts.drain(..).map(|c| c.index(wire.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decode(&framing, &wire, &cuts), Ok((taken, vec![])));
    }

    #[test]
    fn any_bytes_give_an_answer_and_the_same_for_any_split(
        spec in prop::sample::select(SPECS.to_vec()),
        wire in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            prop::collection::vec(prop::sample::select(b"0123:,ab\n\r\xF5SK\x01\0".to_vec()), 0..300),
        ],
    ) {
        let framing = framing(spec).with_max(100);
        let bytewise: Vec<usize> = (0..wire.len()).collect();
        let (whole, split) = (decode(&framing, &wire, &[]), decode(&framing, &wire, &bytewise));
        match (whole, split) {
            (Ok((a, _)), Ok((b, _))) => prop_assert_eq!(a, b),
            (Err(a), Err(b)) => prop_assert_eq!(std::mem::discriminant(&a), std::mem::discriminant(&b)),
            (a, b) => prop_assert!(false, "{:?} at once, {:?} byte by byte", a, b),
        }
    }

    #[test]
    fn text_form_comes_back(
        width in 0..6usize, little: bool, offset: u16, adjust in -100i64..100, skip: Option<u16>,
        delimiter in prop::collection::vec(any::<u8>(), 1..6), size in 1usize..9999, max in 9999usize..99999,
    ) {
        const WIDTHS: [Width; 6] = [Width::U8, Width::U16, Width::U24, Width::U32, Width::U64, Width::Varint];
        let two = matches!(WIDTHS[width], Width::U16 | Width::U24 | Width::U32 | Width::U64);
        let order = if little && two { ByteOrder::Little } else { ByteOrder::Big };
        let field = LengthField { width: WIDTHS[width], order, offset, adjust, skip };
        for kind in [
            Kind::Line,
            Kind::Netstring,
            Kind::Sealed,
            Kind::Fixed(size.try_into().unwrap()),
            Kind::Length(field),
            Kind::Delim(Delimiter::new(delimiter).unwrap()),
        ] {
            let framing = Framing::new(kind).with_max(max);
            prop_assert_eq!(framing.to_string().parse(), Ok(framing));
        }
    }
}

/// Fault run 11: one byte a write, and every split point of a frame: the same decoding.
#[test]
fn fault_11_every_split_point() {
    for spec in SPECS {
        let framing = framing(spec);
        let messages: Vec<Vec<u8>> = [&b"x"[..], b"seven b", b"", b"other seven"].map(Vec::from).to_vec();
        let (wire, taken) = encode(&framing, &messages);
        assert!(!taken.is_empty(), "{spec} takes a message");
        let bytewise: Vec<usize> = (0..wire.len()).collect();
        let expected = Ok((taken, vec![]));
        assert_eq!(decode(&framing, &wire, &bytewise), expected, "{spec} byte by byte");
        for cut in 0..=wire.len() {
            assert_eq!(decode(&framing, &wire, &[cut]), expected, "{spec} cut at {cut}");
        }
    }
}

#[test]
fn every_prefix_of_a_frame_needs_more() {
    for spec in SPECS {
        let framing = framing(spec);
        let (wire, _) = encode(&framing, &[b"seven b".to_vec()]);
        for cut in 0..wire.len() {
            let mut decoder = framing.decoder();
            match decoder.decode(&wire[..cut]) {
                Ok(Step::NeedMore(Need::Exactly(more))) => {
                    assert_eq!(cut + more, wire.len(), "{spec} at {cut}")
                }
                Ok(Step::NeedMore(Need::AtLeast(more))) => {
                    assert!(cut + more <= wire.len(), "{spec} at {cut}")
                }
                // A message of one byte is whole after one byte.
                Ok(Step::Message(_)) if spec == "fixed:1" => {}
                other => panic!("{spec} at {cut}: {other:?}"),
            }
            match decoder.end(&wire[..cut]) {
                End::Clean => assert_eq!(cut, 0),
                End::Half(half) => {
                    assert_eq!((half.have, half.at), (cut, 0));
                    assert!(half.due.is_none_or(|due| due == wire.len() as u64), "{spec}: {half:?}");
                }
                End::Message(_) => assert_eq!(spec, "line"),
            }
        }
    }
}

/// Fault run 12: length field 0, max, max + 1, 2^64 - 1: a typed error with size and limit; allocation never
/// above the limit.
#[test]
fn fault_12_length_field_bounds() {
    let limit = 1000;
    for spec in ["len:u64be", "len:varint", "netstring"] {
        let framing = framing(spec).with_max(limit);
        let head = |n: u64| match spec {
            "len:u64be" => n.to_be_bytes().to_vec(),
            "netstring" => format!("{n}:").into_bytes(),
            _ => {
                let groups = (0..10).map(|i| (n >> (7 * i)) as u8 & 0x7f).collect::<Vec<_>>();
                let last = groups.iter().rposition(|&g| g != 0).unwrap_or(0);
                groups[..=last]
                    .iter()
                    .enumerate()
                    .map(|(i, g)| if i < last { g | 0x80 } else { *g })
                    .collect()
            }
        };
        for size in [limit as u64 + 1, 1 << 32, u64::MAX] {
            let mut decoder = framing.decoder();
            let error = decoder.decode(&head(size)).unwrap_err();
            assert_eq!(error, FrameError::TooLong { size, limit, at: 0 }, "{spec}");
        }
        let mut deframer = Deframer::new(&framing);
        let head_max = head(limit as u64);
        deframer.space()[..head_max.len()].copy_from_slice(&head_max);
        deframer.received(head_max.len());
        assert!(matches!(deframer.step(), Ok(Item::NeedMore(Need::Exactly(n))) if n >= limit), "{spec}");
        assert_eq!(deframer.capacity(), 8 << 10, "{spec}: nothing is allocated for what was only announced");
        let (wire, taken) = encode(&framing, &[vec![], vec![7; limit]]);
        assert_eq!(decode(&framing, &wire, &[]).unwrap().0, taken, "{spec}: 0 and max");
    }
}

#[test]
fn max_counts_after_adjustment() {
    let framing = framing("len:u32be,adjust=-4,max=10");
    let ok = [&14u32.to_be_bytes()[..], &[7; 10]].concat();
    assert_eq!(decode(&framing, &ok, &[]).unwrap().0, [[7; 10]]);
    let error = decode(&framing, &15u32.to_be_bytes(), &[]).unwrap_err();
    assert_eq!(error, FrameError::TooLong { size: 11, limit: 10, at: 0 });
    let error = decode(&framing, &3u32.to_be_bytes(), &[]).unwrap_err();
    assert_eq!(error, FrameError::BadLength { length: 3, adjust: -4, at: 0 });
}

#[test]
fn a_frame_that_ends_within_its_header_is_refused() {
    let framing = framing("len:u32be,skip=0");
    let error = decode(&framing, &0u32.to_be_bytes(), &[]).unwrap_err();
    assert_eq!(error, FrameError::EndsInHeader { size: 0, header: 4, at: 0 });
    // A message that carries its own header goes through as it is, if the header is right.
    let whole = [&4u32.to_be_bytes()[..]].concat();
    assert_eq!(encode(&framing, std::slice::from_ref(&whole)).0, whole);
    assert_eq!(
        framing.encoder().encode(b"\0\0\0\x05", Duration::ZERO, &mut vec![]),
        Err(EncodeError::OwnHeader { skip: 0 })
    );
}

#[test]
fn limits_of_delimited_messages() {
    for (spec, end) in [("line,max=4", "\n"), ("line,max=4", "\r\n"), ("delim:\\r\\n,max=4", "\r\n")] {
        let framing = framing(spec);
        let wire = format!("abcd{end}");
        let bytewise: Vec<usize> = (0..wire.len()).collect();
        assert_eq!(decode(&framing, wire.as_bytes(), &bytewise).unwrap().0, [b"abcd"], "{spec}");
        for cuts in [vec![], bytewise] {
            let error = decode(&framing, format!("ok{end}abcde{end}").as_bytes(), &cuts).unwrap_err();
            let at = 2 + end.len() as u64;
            assert!(
                matches!(error, FrameError::Unended { limit: 4, at: a, .. } if a == at),
                "{spec}: {error}"
            );
        }
    }
}

#[test]
fn the_end_reports_a_half_message() {
    let half = |spec: &str, wire: &[u8]| match decode(&framing(spec), wire, &[]) {
        Err(error @ FrameError::Half(_)) => error.to_string(),
        other => panic!("{spec}: {other:?}"),
    };
    assert_eq!(
        half("len:u16be", b"\0\x01x\0\x05he"),
        "the stream ended in the middle of the message at byte 3: 4 of 7 bytes came"
    );
    assert_eq!(
        half("delim:;", b"a;bc"),
        "the stream ended in the middle of the message at byte 2: 2 bytes came, and no end"
    );
    assert_eq!(
        half("netstring", b"5:hello"),
        "the stream ended in the middle of the message at byte 0: 7 of 8 bytes came"
    );
    assert_eq!(decode(&framing("line"), b"a\r\nb", &[]).unwrap().0, [b"a", b"b"]);
}

#[test]
fn netstring_samples() {
    // From the specification: hello world!, and the empty string.
    let wire = b"12:hello world!,0:,";
    assert_eq!(decode(&framing("netstring"), wire, &[]).unwrap().0, [&b"hello world!"[..], b""]);
    for (bad, place) in [("05:hello,", 1), ("x", 0), ("5;hello,", 1), ("5:hello;", 7), (":", 0)] {
        let error = decode(&framing("netstring"), bad.as_bytes(), &[]).unwrap_err();
        assert!(matches!(error, FrameError::Netstring { at, .. } if at == place), "{bad}: {error}");
    }
}

#[test]
fn varint_samples() {
    // From the encoding guide of Protocol Buffers: 150 is 96 01.
    let wire = [&[0x96, 0x01][..], &[7; 150]].concat();
    assert_eq!(encode(&framing("len:varint"), &[vec![7; 150]]).0, wire);
    assert_eq!(decode(&framing("len:varint"), &wire, &[1]).unwrap().0, [[7; 150]]);
    let endless = [0xff; 11];
    assert_eq!(decode(&framing("len:varint"), &endless, &[]), Err(FrameError::Varint { at: 0 }));
}

#[test]
fn messages_that_would_not_come_back_are_refused() {
    let refused = |spec: &str, message: &[u8]| {
        framing(spec).encoder().encode(message, Duration::ZERO, &mut vec![]).unwrap_err()
    };
    assert_eq!(refused("line", b"a\nb"), EncodeError::Delimiter { at: 1 });
    assert_eq!(refused("line", b"a\r"), EncodeError::CarriageReturn);
    assert_eq!(refused("delim:aa", b"ba"), EncodeError::Delimiter { at: 1 });
    assert_eq!(refused("fixed:3", b"ab"), EncodeError::WrongSize { size: 2, due: 3 });
    let unfit = EncodeError::Unrepresentable { size: 256, field: "u8", adjust: 0 };
    assert_eq!(refused("len:u8", &[0; 256]), unfit);
    assert_eq!(refused("line,max=3", b"abcd"), EncodeError::TooLong { size: 4, limit: 3 });
}

#[test]
fn spec_errors_name_the_nearest_word() {
    for (text, expected) in [
        ("lin", "no framing is named \"lin\" (did you mean line?)"),
        ("len:u23be", "no length field is of type \"u23be\" (did you mean u24?)"),
        ("len:u32be,ofset=2", "len has no option \"ofset=2\" (did you mean offset?)"),
        ("len", "len needs the type of the length field"),
        ("fixed:0", "fixed:N must be a number of bytes, 1 or more, got \"0\""),
        ("delim:", "delim needs the bytes between messages"),
        ("delim:\\q", "\"\\\\q\" is no escape"),
        ("sealed,mx=3", "sealed has no option \"mx=3\" (did you mean max?)"),
        ("netstring:3", "netstring takes no parameter, got \"3\""),
        ("line,max=lots", "max must be a number of bytes, got \"lots\""),
    ] {
        let error = text.parse::<Framing>().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    for (text, same) in [
        ("LEN:U32,LE", "len:u32le"),
        ("len:u32", "len:u32be"),
        ("(len:u32,le)", "len:u32le"),
        ("delim:0x0d0a", "delim:\\r\\n"),
        ("delim:\\,", "delim:\\x2c"),
        ("line,max=64k", "line,max=65536"),
    ] {
        assert_eq!(text.parse::<Framing>().unwrap().to_string(), same);
    }
}
