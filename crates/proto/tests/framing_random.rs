//! Bounded, seeded runs of what the fuzz targets of the framings do. SOCKEYE_SCALE=N multiplies them.

#[path = "../../../fuzz/fuzz_targets/framing/drive.rs"]
mod drive;

use std::time::Duration;

use sockeye_proto::framing::{Framing, guess};

/// Bytes that look like frames that went wrong: pieces of good ones, noise, and changes to both.
struct Source(u64);

impl Source {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64*: small, and the same on every machine.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    fn input(&mut self, specs: &[&str]) -> Vec<u8> {
        let framing: Framing = specs[self.below(specs.len())].parse().expect("a framing");
        let mut encoder = framing.encoder();
        let mut bytes = Vec::new();
        for i in 0..self.below(6) as u64 {
            let size = [0, 1, 7, 60, 300][self.below(5)];
            let message: Vec<u8> = (0..size).map(|_| b"\r\na0:,\xF5\xff"[self.below(8)]).collect();
            let _ = encoder.encode(&message, Duration::from_secs(i), &mut bytes);
        }
        for _ in 0..self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] = self.below(256) as u8,
                1 => bytes.insert(at, self.below(256) as u8),
                2 => bytes.truncate(at),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes.insert(0, 1 + self.below(40) as u8);
        bytes
    }
}

fn rounds(count: usize) -> usize {
    count * std::env::var("SOCKEYE_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

#[test]
fn decoders_take_any_bytes() {
    let targets = [drive::LINE, drive::DELIM, drive::FIXED, drive::LENGTH, drive::NETSTRING, drive::SEALED];
    let mut source = Source(0x5eed);
    for _ in 0..rounds(2000) {
        for specs in targets {
            drive::drive(specs, &source.input(specs));
        }
    }
}

#[test]
fn guessing_takes_any_bytes() {
    let mut source = Source(0xbeef);
    for _ in 0..rounds(100) {
        for specs in [drive::LINE, drive::LENGTH, drive::NETSTRING, drive::SEALED] {
            let bytes = source.input(specs);
            for guess in guess(&bytes, source.below(2) == 0) {
                assert!(guess.bits > 0.0 && guess.covered <= bytes.len(), "{guess:?}");
            }
        }
    }
}
