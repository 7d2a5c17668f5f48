//! Which framing might this be? Unknown data is read with every likely framing, and what fits is weighed.
//!
//! The weight is in bits: how much shorter the bytes of the headers get when they are taken for what the
//! framing says they are (a length up to the largest seen), instead of for bytes as frequent as they are in the
//! sample. Chance alone gives about zero; each option that a framing needs costs some bits.

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hasher};

use memchr::memmem;

use super::{
    ByteOrder, DEFAULT_MAX, Decoder, Delimiter, FrameError, Framing, Kind, LengthField, Need, Step, Width,
};

/// More than this of a sample is not looked at.
pub const SAMPLE: usize = 256 << 10;

/// After so many messages a framing has shown what it can.
const ENOUGH: usize = 2048;

/// At most so many guesses are given.
const GUESSES: usize = 6;

/// A framing that fits.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Guess {
    /// The framing.
    pub framing: Framing,
    /// How much speaks for it, in bits: below 16 is weak, above 64 strong.
    pub bits: f64,
    /// How many whole messages it finds in the sample.
    pub messages: usize,
    /// The size of the smallest of them.
    pub smallest: usize,
    /// The size of the largest of them.
    pub largest: usize,
    /// Bytes of the sample that are in whole frames.
    pub covered: usize,
    /// What speaks for it, in words.
    pub evidence: String,
}

/// Proposes framings for `sample`, best first. `complete` says that the sample is all there is, and not the
/// beginning of more.
pub fn guess(sample: &[u8], complete: bool) -> Vec<Guess> {
    let complete = complete && sample.len() <= SAMPLE;
    let sample = Sample::new(&sample[..sample.len().min(SAMPLE)], complete);
    let mut found: Vec<(u64, Guess)> = Vec::new();
    found.extend(fields().filter_map(|field| sample.length(field)));
    found.extend(DELIMITERS.iter().filter_map(|delimiter| sample.delimiter(delimiter)));
    found.extend([sample.line(), sample.netstring(), sample.sealed(), sample.fixed()].into_iter().flatten());
    found.retain(|(_, guess)| guess.bits > 0.0);
    found.sort_by(|a, b| b.1.bits.total_cmp(&a.1.bits));
    let best = found.first().map_or(0.0, |(_, guess)| guess.bits);
    let mut seen = Vec::new();
    // The same boundaries in another spelling (a u16 at offset 2 instead of a u32) say nothing new.
    found.retain(|(boundaries, _)| !seen.contains(boundaries) && (seen.push(*boundaries), true).1);
    // What is far weaker than the best only distracts.
    found.into_iter().map(|(_, guess)| guess).filter(|g| g.bits * 8.0 > best).take(GUESSES).collect()
}

const DELIMITERS: [&[u8]; 13] = [
    b"\r\n",
    b"\n",
    b"\0",
    b"\r\n\r\n",
    b"\n\n",
    b"\r",
    b"\x1e",
    b"\x1f",
    b"\x03",
    b"\x04",
    b"\x7e",
    b";",
    b"|",
];

/// The length fields worth trying: counting what follows, themselves, the whole frame, or leaving out
/// up to 16 bytes of header or trailer.
fn fields() -> impl Iterator<Item = LengthField> {
    let orders = |width| match width {
        Width::U8 | Width::Varint => &[ByteOrder::Big][..],
        _ => &[ByteOrder::Big, ByteOrder::Little],
    };
    let widths = [Width::U32, Width::U16, Width::U8, Width::Varint, Width::U24, Width::U64];
    widths.into_iter().flat_map(move |width| {
        orders(width).iter().flat_map(move |&order| {
            (0..=8u16).flat_map(move |offset| {
                let size = width.bytes().unwrap_or(1) as i64;
                let header = size + i64::from(offset);
                let mut adjusts = vec![0, -size, -header];
                adjusts.extend(1..=16);
                adjusts.dedup();
                adjusts.into_iter().map(move |adjust| LengthField {
                    width,
                    order,
                    offset,
                    adjust,
                    skip: None,
                })
            })
        })
    })
}

struct Sample<'a> {
    bytes: &'a [u8],
    complete: bool,
    /// What each byte costs, in bits, by its frequency in the sample.
    cost: [f64; 256],
    /// UTF-8 without control characters other than tab, CR and LF.
    text: bool,
}

/// What a framing finds in a sample.
#[derive(Default)]
struct Run {
    messages: usize,
    smallest: usize,
    largest: usize,
    covered: usize,
    empty: usize,
    boundaries: DefaultHasher,
    /// What the headers cost as mere bytes.
    header_cost: f64,
}

impl Run {
    fn message(&mut self, size: usize, consumed: usize) {
        self.smallest = if self.messages == 0 { size } else { self.smallest.min(size) };
        self.largest = self.largest.max(size);
        self.empty += usize::from(size == 0);
        self.messages += 1;
        self.covered += consumed;
        self.boundaries.write_usize(self.covered);
    }

    fn mostly_empty(&self) -> bool {
        self.empty * 2 > self.messages
    }

    fn guess(self, framing: Framing, bits: f64, evidence: String) -> (u64, Guess) {
        let mut boundaries = self.boundaries;
        // A fixed size and a length field may well agree: both are worth knowing.
        boundaries.write_u8(u8::from(matches!(framing.kind(), Kind::Fixed(_))));
        let Self { messages, smallest, largest, covered, .. } = self;
        let bits = (bits * 10.0).round() / 10.0;
        (boundaries.finish(), Guess { framing, bits, messages, smallest, largest, covered, evidence })
    }
}

impl<'a> Sample<'a> {
    fn new(bytes: &'a [u8], complete: bool) -> Self {
        let mut counts = [1usize; 256];
        bytes.iter().for_each(|&b| counts[usize::from(b)] += 1);
        let total = (bytes.len() + 256) as f64;
        let cost = counts.map(|n| (total / n as f64).log2());
        Self { bytes, complete, cost, text: is_text(bytes) }
    }

    fn cost(&self, bytes: &[u8]) -> f64 {
        bytes.iter().map(|&b| self.cost[usize::from(b)]).sum()
    }

    /// Reads the sample; none if it does not fit. `header` gives the bytes of a frame that are not message.
    fn run(&self, framing: &Framing, header: impl Fn(&[u8]) -> f64) -> Option<Run> {
        let mut decoder: Decoder = framing.decoder();
        let mut run = Run::default();
        loop {
            let rest = &self.bytes[run.covered..];
            match decoder.decode(rest) {
                Ok(Step::Message(frame)) => {
                    run.header_cost += header(&rest[..frame.payload.start]);
                    run.message(frame.payload.len(), frame.consumed);
                    if run.messages == ENOUGH {
                        return (!run.mostly_empty()).then_some(run);
                    }
                }
                Ok(Step::NeedMore(need)) => {
                    // A whole sample that ends in the middle of a first, large message fits nothing.
                    let far = matches!(need, Need::Exactly(n) if self.complete && n > run.covered);
                    let enough = run.messages >= 2 || (run.messages == 1 && rest.is_empty());
                    return (enough && !far && !run.mostly_empty()).then_some(run);
                }
                Ok(Step::Skipped(_)) | Err(_) => return None,
            }
        }
    }

    /// What the place of the last boundary says, in bits and in words.
    fn landing(&self, run: &Run) -> (f64, &'static str) {
        match (self.bytes.len() - run.covered, self.complete) {
            (0, true) => {
                let mean = run.covered as f64 / run.messages as f64;
                (mean.max(2.0).log2(), "the last message ends where the data ends")
            }
            _ if run.messages == ENOUGH => (0.0, "no more were looked at"),
            (_, true) => (-16.0, "the data ends in the middle of a message"),
            (_, false) => (0.0, "the sample ends in the middle of more"),
        }
    }

    fn length(&self, field: LengthField) -> Option<(u64, Guess)> {
        let framing = Framing::new(Kind::Length(field));
        let offset = usize::from(field.offset);
        let run = self.run(&framing, |header| self.cost(&header[offset.min(header.len())..]))?;
        let (landing, words) = self.landing(&run);
        let count = run.messages as f64;
        let options = if field.offset == 0 { 0.0 } else { 5.0 } + if field.adjust == 0 { 0.0 } else { 5.0 };
        let spread = ((run.largest + 1) as f64).log2();
        let bits = run.header_cost - count * spread + landing - 4.0 - options;
        let evidence = format!("{} lengths in a row each lead to the next; {words}", run.messages);
        Some(run.guess(framing, bits, evidence))
    }

    fn netstring(&self) -> Option<(u64, Guess)> {
        let framing = Framing::new(Kind::Netstring);
        let run = self.run(&framing, |_| 16.0)?;
        let (landing, words) = self.landing(&run);
        let bits = run.header_cost + landing;
        let evidence = format!("{} sizes in decimal, each with its colon and comma; {words}", run.messages);
        Some(run.guess(framing, bits, evidence))
    }

    /// Sealed frames prove themselves, even between other bytes.
    fn sealed(&self) -> Option<(u64, Guess)> {
        let framing = Framing::new(Kind::Sealed).with_max(SAMPLE.max(DEFAULT_MAX));
        let (mut decoder, mut run, mut at) = (framing.decoder(), Run::default(), 0);
        loop {
            match decoder.decode(&self.bytes[at..]) {
                Ok(Step::Message(frame)) => {
                    run.message(frame.payload.len(), frame.consumed);
                    at += frame.consumed;
                }
                Ok(Step::Skipped(skipped)) => at += skipped.bytes,
                Ok(Step::NeedMore(_)) | Err(FrameError::TooLong { .. } | FrameError::Version { .. }) => break,
                Err(_) => return None,
            }
        }
        let bits = 64.0 * run.messages as f64;
        let evidence = format!("{} frames with both checksums right", run.messages);
        (run.messages > 0).then(|| run.guess(framing, bits, evidence))
    }

    fn line(&self) -> Option<(u64, Guess)> {
        if !self.text {
            return None;
        }
        let framing = Framing::new(Kind::Line);
        let run = self.run_delimited(&framing)?;
        let bits = 4.0 * run.messages as f64 + self.ending(b"\n");
        let evidence = format!("{} lines of text; {}", run.messages, self.ending_words(b"\n"));
        Some(run.guess(framing, bits, evidence))
    }

    fn delimiter(&self, bytes: &[u8]) -> Option<(u64, Guess)> {
        let framing = Framing::new(Kind::Delim(Delimiter::new(bytes)?));
        let run = self.run_delimited(&framing)?;
        let printable = bytes.iter().all(|b| (b' '..=b'~').contains(b));
        // What is between control characters must be text, unless two or more bytes keep coming together.
        let weight = if self.text && printable {
            0.2
        } else if self.text || self.text_between(bytes) {
            3.9
        } else if bytes.len() > 1 {
            let expected = self.bytes.len() as f64 * (-self.cost(bytes)).exp2();
            (run.messages as f64 / expected).log2().min(8.0) / 2.0
        } else {
            return None;
        };
        let several = if self.text && bytes.len() > 1 { 1.2 } else { 1.0 };
        let bits = weight * several * run.messages as f64 + self.ending(bytes);
        let evidence = format!("{} delimiters; {}", run.messages, self.ending_words(bytes));
        Some(run.guess(framing, bits, evidence))
    }

    fn run_delimited(&self, framing: &Framing) -> Option<Run> {
        self.run(framing, |_| 0.0)
    }

    fn ending(&self, end: &[u8]) -> f64 {
        match (self.bytes.ends_with(end), self.complete) {
            (true, true) => 8.0,
            (false, true) => -8.0,
            (_, false) => 0.0,
        }
    }

    fn ending_words(&self, end: &[u8]) -> &'static str {
        match (self.bytes.ends_with(end), self.complete) {
            (true, _) => "the data ends with one",
            (false, true) => "the data does not end with one",
            (false, false) => "the sample ends before the next",
        }
    }

    fn text_between(&self, delimiter: &[u8]) -> bool {
        let mut from = 0;
        let ends = memmem::find_iter(self.bytes, delimiter).chain([self.bytes.len()]);
        ends.into_iter().all(|end| {
            let piece = self.bytes.get(from..end).unwrap_or_default();
            from = end + delimiter.len();
            is_text(piece)
        })
    }

    /// The distance at which bytes repeat far more often than by chance.
    fn fixed(&self) -> Option<(u64, Guess)> {
        // Every distance is tried, so part of the sample must do.
        let part = &self.bytes[..self.bytes.len().min(SAMPLE / 8)];
        let n = part.len();
        let equal_at = |distance: usize| {
            let pairs = part.iter().zip(&part[distance..]);
            pairs.filter(|(a, b)| a == b).count() as f64 / (n - distance) as f64
        };
        if n < 8 {
            return None;
        }
        // Runs of one byte repeat at every distance.
        let chance = self.cost.iter().map(|cost| (-2.0 * cost).exp2()).sum::<f64>().max(equal_at(1));
        let score = |size: usize| {
            let equal = equal_at(size);
            let gain = equal * (equal / chance).log2()
                + (1.0 - equal) * ((1.0 - equal).max(1e-9) / (1.0 - chance).max(1e-9)).log2();
            (equal, if equal > chance + 0.1 { gain * (n - size) as f64 } else { 0.0 })
        };
        // A multiple of the size repeats as well, so a larger one must be much better.
        let sizes =
            (2..=1024.min(n / 4)).filter(|size| !self.complete || self.bytes.len().is_multiple_of(*size));
        let best = sizes
            .map(|size| (size, score(size)))
            .reduce(|a, b| if b.1.0 > a.1.0 + 0.05 || (b.1.0 > a.1.0 && b.0 % a.0 != 0) { b } else { a })?;
        let (size, (equal, gain)) = best;
        let framing = Framing::new(Kind::Fixed(size.try_into().ok()?));
        let run = self.run(&framing, |_| 0.0)?;
        let bits = (gain - 16.0).min(1.5 * run.messages as f64);
        let (equal, chance) = (equal * 100.0, chance * 100.0);
        let evidence = format!(
            "{equal:.0} % of the bytes are the same {size} bytes further on (by chance {chance:.0} %)"
        );
        Some(run.guess(framing, bits, evidence))
    }
}

/// UTF-8 (the end may be cut) without control characters other than tab, CR and LF.
fn is_text(bytes: &[u8]) -> bool {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    valid.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'))
}
