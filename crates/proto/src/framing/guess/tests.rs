//! Data of known framing must be recognised; data without any must not.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A small generator of the tests' own, so that samples are the same on every run.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u8
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next()).collect()
    }

    fn text(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| b"etaoin shrdlu, cmfwyp."[usize::from(self.next()) % 22]).collect()
    }
}

fn sample(spec: &str, count: usize, text: bool) -> Vec<u8> {
    let framing: Framing = spec.parse().unwrap();
    let (mut encoder, mut random, mut wire) = (framing.encoder(), Lcg(7), Vec::new());
    for i in 0..count {
        let size = 1 + usize::from(random.next()) % 180;
        let message = if text { random.text(size) } else { random.bytes(size) };
        let _ = encoder.encode(&message, Duration::from_secs(i as u64), &mut wire);
    }
    wire
}

fn first(sample: &[u8]) -> String {
    guess(sample, true).first().map_or_else(|| "nothing".into(), |g| g.framing.to_string())
}

#[test]
fn known_framings_are_recognised() {
    for spec in [
        "len:u8",
        "len:u16be",
        "len:u16le",
        "len:u24be",
        "len:u32be",
        "len:u32le",
        "len:u64be",
        "len:u64le",
        "len:varint",
        "len:u32be,adjust=-4",
        "len:u16be,offset=2",
        "netstring",
        "sealed",
    ] {
        for text in [false, true] {
            let wire = sample(spec, 60, text);
            let best = first(&wire);
            // A field of zeros before a big-endian one is the same as a wider one.
            let same: &[&str] = if spec == "len:u16be,offset=2" { &["len:u32be"] } else { &[] };
            assert!(
                best == spec || same.contains(&best.as_str()),
                "{spec}, text {text}: {:#?}",
                guess(&wire, true)
            );
        }
    }
    for spec in ["line", "delim:\\r\\n", "delim:\\x00", "delim:\\x1e", "delim:|"] {
        assert_eq!(first(&sample(spec, 60, true)), spec);
    }
}

#[test]
fn a_few_small_messages_are_enough() {
    assert_eq!(first(b"\x05hello\x05world\x03and\x04more"), "len:u8");
    assert_eq!(first(b"\0\0\0\x05hello\0\0\0\x05world"), "len:u32be");
    assert_eq!(first(b"5:hello,5:world,"), "netstring");
    assert_eq!(first(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "delim:\\r\\n");
    assert_eq!(first("第一行\n第二行\n".as_bytes()), "line");
}

#[test]
fn records_of_one_size_are_recognised() {
    let mut random = Lcg(3);
    let records = (0..200u32).flat_map(|i| {
        let mut record = b"HDR\x01\x00\x00".to_vec();
        record.extend(i.to_le_bytes());
        record.extend(random.bytes(6));
        record
    });
    let wire: Vec<u8> = records.collect();
    let all = guess(&wire, true);
    assert!(all.iter().any(|g| g.framing.to_string() == "fixed:16"), "{all:#?}");
}

#[test]
fn random_and_constant_data_give_nothing_strong() {
    for seed in 0..20 {
        let noise = Lcg(seed).bytes(5000);
        let all = guess(&noise, true);
        assert!(all.iter().all(|g| g.bits < 16.0), "{all:#?}");
    }
    for constant in [vec![0; 5000], vec![b'a'; 5000], vec![0xff; 5000]] {
        let all = guess(&constant, true);
        assert!(all.iter().all(|g| g.bits < 16.0), "{all:#?}");
    }
    assert!(guess(b"", true).is_empty());
}

#[test]
fn a_cut_sample_is_recognised_as_well() {
    let wire = sample("len:u32be", 60, false);
    let cut = guess(&wire[..wire.len() - 5], false);
    assert_eq!(cut[0].framing.to_string(), "len:u32be");
    assert!(cut[0].evidence.ends_with("the sample ends in the middle of more"));
}

proptest! {
    /// The same entry point as the fuzz target: any bytes, no panic, and every guess fits.
    #[test]
    fn any_bytes_are_weighed(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(b"\0\x01\x02\x05:,5\r\nabc\xF5SK".to_vec()), 0..200),
        ],
        complete: bool,
    ) {
        for guess in guess(&bytes, complete) {
            prop_assert!(guess.bits > 0.0 && guess.covered <= bytes.len());
            prop_assert!(guess.smallest <= guess.largest && guess.messages > 0);
        }
    }
}
