use super::*;
use proptest::prelude::*;

fn round_trip(frame: &Frame<'_>) {
    let mut out = vec![0, 0];
    put(&mut out, frame);
    let mut frames = Frames::new(&out);
    assert_eq!(frames.next(), Some(Ok(*frame)));
    assert_eq!(frames.next(), None);
    // Cut anywhere, a frame is malformed or shorter, never a panic.
    for cut in 2..out.len() {
        assert!(Frames::new(&out[..cut]).all(|f| f != Ok(*frame)), "cut at {cut}");
    }
}

#[test]
fn vectors() {
    let lane = Lane { channel: Channel(3), mode: Mode::Unordered };
    let vectors: [(Frame<'_>, &[u8]); 8] = [
        (Frame::Ping, &[0x01]),
        (Frame::Window { bytes: 65_536, messages: 100 }, &[0x04, 0x80, 0x01, 0x00, 0x00, 0x40, 0x64]),
        (Frame::Challenge(*b"12345678"), b"\x0612345678"),
        (Frame::Response(*b"12345678"), b"\x0712345678"),
        (Frame::Close { code: 0, reason: "done" }, b"\x08\x00\x04done"),
        (Frame::MtuProbe, &[0x09]),
        (Frame::Skip { lane, id: MessageId(9), counted: 70 }, &[0x0a, 1, 3, 9, 0x40, 70]),
        (
            Frame::Fragment(Fragment {
                lane,
                id: MessageId(5),
                offset: 64,
                fin: true,
                end: false,
                data: b"abc",
            }),
            b"\x4b\x03\x05\x40\x40\x03abc",
        ),
    ];
    for (frame, bytes) in vectors {
        let mut out = Vec::new();
        put(&mut out, &frame);
        assert_eq!(out, bytes, "{frame:?}");
        round_trip(&frame);
    }
    let mut out = Vec::new();
    put_ack(&mut out, [90..101, 80..85, 10..11].into_iter(), 25, 0, 100);
    assert_eq!(out, [0x02, 0x40, 100, 25, 0, 2, 10, 4, 4, 0x40, 68, 0]);
    let Some(Ok(Frame::Ack(ack))) = Frames::new(&out).next() else { panic!("an acknowledgement") };
    assert_eq!(ack.ranges().collect::<Vec<_>>(), [90..=100, 80..=84, 10..=10]);
}

#[test]
fn an_acknowledgement_below_zero_is_malformed() {
    for bytes in [&[0x02, 5, 0, 0, 0, 6][..], &[0x02, 5, 0, 0, 1, 1, 3, 0], &[0x02, 5, 0, 0, 1, 1, 2, 1]] {
        assert_eq!(Frames::new(bytes).next(), Some(Err(Violation::Frame("acknowledgement"))));
    }
}

/// Integers longer than they need be are taken, and are written as short as they can be.
#[test]
fn a_long_integer_says_the_same_as_a_short_one() {
    let long = [0x02, 0x99, 0x9c, 0x30, 0x5a, 0, 0, 1, 0x40, 1, 1, 0x0b, 0];
    let Some(Ok(ack)) = Frames::new(&long).next() else { panic!("an acknowledgement") };
    let mut short = Vec::new();
    put(&mut short, &ack);
    assert_eq!(short.len(), long.len() - 2);
    assert_eq!(Frames::new(&short).next(), Some(Ok(ack)));
}

proptest! {
    #[test]
    fn fragments_come_back(
        channel: u8, mode in 0usize..4, id in 0u64..1 << 40, offset in 0u32..1 << 30, fin: bool, end: bool,
        data in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let lane = Lane { channel: Channel(channel), mode: Mode::ALL[mode] };
        let fragment = Fragment { lane, id: MessageId(id), offset, fin, end, data: &data };
        let mut out = Vec::new();
        put_fragment(&mut out, &fragment);
        prop_assert_eq!(out.len() - data.len(), fragment_overhead(MessageId(id), offset, data.len()));
        prop_assert_eq!(Frames::new(&out).next(), Some(Ok(Frame::Fragment(fragment))));
    }

    #[test]
    fn acknowledgements_come_back(parts in proptest::collection::vec((1u64..1000, 1u64..1000), 1..80), us in 0u64..1 << 40) {
        let mut at = 0;
        let mut ranges: Vec<_> = parts.iter().map(|(gap, len)| { let s = at + gap; at = s + len; s..at }).collect();
        ranges.reverse();
        let mut out = Vec::new();
        put_ack(&mut out, ranges.iter().cloned(), us, 7, 100);
        prop_assert!(out.len() <= 100);
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&out).next() else { panic!("an acknowledgement") };
        let back: Vec<_> = ack.ranges().map(|r| *r.start()..*r.end() + 1).collect();
        prop_assert_eq!(&back[..], &ranges[..back.len()]);
        prop_assert_eq!((ack.delay_us, ack.congested), (us, 7));
    }

    #[test]
    fn any_bytes_decode_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for frame in Frames::new(&bytes).flatten() {
            let mut out = Vec::new();
            put(&mut out, &frame);
            prop_assert_eq!(Frames::new(&out).next(), Some(Ok(frame)));
        }
    }
}
