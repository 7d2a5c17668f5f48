//! sockeye's framings beside tokio-util's codecs, in one run: the same bytes in the same pieces, decoded in
//! turns, medians of several rounds. Also bytes allocated for each message, and the speed of sealed frames.
//!
//! `cargo run --release [ROUNDS]`

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use sockeye_proto::framing::{Deframer, Framing, Item};
use tokio_util::codec::{Decoder, LengthDelimitedCodec, LinesCodec};

struct Counting;

static ALLOCATED: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size as u64, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a read brings.
const PIECE: usize = 64 << 10;
const TOTAL: usize = 64 << 20;

/// Messages of `size` printable bytes, framed.
fn wire(spec: &str, size: usize) -> (Vec<u8>, usize) {
    let framing: Framing = spec.parse().expect("a framing");
    let mut encoder = framing.encoder();
    let message: Vec<u8> = (0..size).map(|i| b'a' + (i % 26) as u8).collect();
    let (mut out, mut count) = (Vec::new(), 0);
    while out.len() < TOTAL {
        encoder.encode(&message, Duration::from_secs(count as u64), &mut out).expect("it fits");
        count += 1;
    }
    (out, count)
}

fn deframer(spec: &str) -> Deframer {
    Deframer::new(&spec.parse().expect("a framing"))
}

/// Decodes all with sockeye; gives how many messages, and a sum that depends on each.
fn sockeye(deframer: &mut Deframer, wire: &[u8]) -> (usize, usize) {
    let (mut count, mut sum) = (0, 0);
    let mut rest = wire;
    while !rest.is_empty() {
        let space = deframer.space();
        let n = space.len().min(rest.len()).min(PIECE);
        space[..n].copy_from_slice(&rest[..n]);
        rest = &rest[n..];
        deframer.received(n);
        loop {
            match deframer.step().expect("good frames") {
                Item::Message(message) => {
                    count += 1;
                    sum += usize::from(message.bytes[0]) + message.bytes.len();
                }
                Item::Skipped(_) => unreachable!("good frames"),
                Item::NeedMore(_) => break,
            }
        }
    }
    (count, sum)
}

/// The same with a codec of tokio-util.
fn tokio_util<D: Decoder>(mut codec: D, wire: &[u8]) -> (usize, usize)
where
    D::Item: AsRef<[u8]>,
    D::Error: std::fmt::Debug,
{
    let mut buf = BytesMut::with_capacity(PIECE);
    let (mut count, mut sum) = (0, 0);
    for piece in wire.chunks(PIECE) {
        buf.extend_from_slice(piece);
        while let Some(message) = codec.decode(&mut buf).expect("good frames") {
            count += 1;
            let message = message.as_ref();
            sum += usize::from(message[0]) + message.len();
        }
    }
    (count, sum)
}

fn timed(work: impl FnOnce() -> (usize, usize)) -> (f64, u64, (usize, usize)) {
    let allocated = ALLOCATED.load(Ordering::Relaxed);
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed().as_secs_f64(), ALLOCATED.load(Ordering::Relaxed) - allocated, result)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(7);
    println!("{TOTAL} bytes in pieces of {PIECE}; medians of {rounds} rounds, taken in turns");
    for (spec, size) in [("len:u32be", 64), ("line", 64)] {
        let (wire, count) = wire(spec, size);
        let mut deframer = deframer(spec);
        // The first pass grows the buffer; what is allocated after it would be allocated for messages.
        sockeye(&mut deframer, &wire);
        let (mut ours, mut theirs, mut allocated) = (vec![], vec![], 0);
        for _ in 0..rounds {
            let (seconds, bytes, a) = timed(|| sockeye(&mut deframer, black_box(&wire)));
            ours.push(seconds);
            assert_eq!(bytes, 0, "decoding allocates nothing in the steady state");
            let (seconds, bytes, b) = timed(|| match spec {
                "line" => tokio_util(LinesCodec::new_with_max_length(1 << 20), black_box(&wire)),
                _ => tokio_util(LengthDelimitedCodec::new(), black_box(&wire)),
            });
            theirs.push(seconds);
            allocated = bytes;
            assert_eq!(a, b, "both decode the same");
            assert_eq!(a.0, count);
        }
        let rate = |seconds: f64| count as f64 / seconds / 1e6;
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{spec:10} {size} B: sockeye {:6.1} M messages/s, tokio-util {:6.1}, ratio {:.2}; \
             bytes allocated a message: 0 and {:.3}",
            rate(ours),
            rate(theirs),
            theirs / ours,
            allocated as f64 / count as f64,
        );
    }
    let (wire, count) = wire("sealed", 1024);
    let (mut decode, mut encode) = (vec![], vec![]);
    for _ in 0..rounds {
        let (seconds, _, (n, _)) = timed(|| sockeye(&mut deframer("sealed"), black_box(&wire)));
        assert_eq!(n, count);
        decode.push(seconds);
        let mut out = Vec::with_capacity(wire.len());
        let message = [7; 1024];
        let mut encoder = "sealed".parse::<Framing>().expect("a framing").encoder();
        let (seconds, bytes, _) = timed(|| {
            for i in 0..count {
                encoder
                    .encode(black_box(&message), Duration::from_secs(i as u64), &mut out)
                    .expect("it fits");
                if out.len() > PIECE {
                    out.clear();
                }
            }
            (count, out.len())
        });
        assert_eq!(bytes, 0, "encoding allocates nothing");
        encode.push(seconds);
    }
    let gib = |seconds: Vec<f64>| (count * 1024) as f64 / median(seconds) / f64::from(1 << 30);
    println!("sealed    1 KiB: decode {:.2} GiB/s, encode {:.2} GiB/s of payload", gib(decode), gib(encode));
}
