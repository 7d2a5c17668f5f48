//! Bounded, seeded runs of what the fuzz targets of the PROXY protocol and of proxies' answers do.
//! SOCKEYE_SCALE=N multiplies them.

#[path = "../../../fuzz/src/proxies.rs"]
#[allow(unreachable_pub, reason = "another crate uses it as well")]
mod proxies;

/// Random choices, the same on every machine (xorshift64*).
struct Source(u64);

impl Source {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    /// Pieces one after another, with a few bytes changed, put in, taken out or cut off.
    fn input(&mut self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut bytes: Vec<u8> = vec![self.below(256) as u8, self.below(40) as u8];
        for _ in 0..1 + self.below(4) {
            bytes.extend_from_slice(pieces[self.below(pieces.len())]);
        }
        for _ in 0..self.below(3) {
            let at = 2 + self.below(bytes.len() - 1);
            match self.below(3) {
                0 if at < bytes.len() => bytes[at] = self.below(256) as u8,
                1 => bytes.insert(at, self.below(256) as u8),
                _ => bytes.truncate(at),
            }
        }
        bytes
    }
}

fn rounds(count: usize) -> usize {
    let scale = std::env::var("SOCKEYE_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    count * scale
}

#[test]
fn headers_of_the_proxy_protocol() {
    let pieces: [&[u8]; 10] = [
        b"PROXY TCP4 127.0.0.1 127.0.0.2 80 443\r\n",
        b"PROXY TCP6 ::1 fe80::2 1 65535\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY TCP4 256.0.0.1 1.2.3.4 0 99999\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x02\0\x50\x01\xbb",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x31\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\r\n",
    ];
    let mut source = Source(0x5eed_0001);
    for _ in 0..rounds(20_000) {
        proxies::header(&source.input(&pieces)[1..]);
    }
}

#[test]
fn answers_of_proxies() {
    let pieces: [&[u8]; 12] = [
        b"\0\x5a\0\x50\x7f\0\0\x01",
        b"\0\x5b\0\0\0\0\0\0",
        b"\x05\0",
        b"\x05\x02",
        b"\x05\xff",
        b"\x01\0",
        b"\x05\0\0\x01\x7f\0\0\x01\0\x50",
        b"\x05\0\0\x03\x0bexample.org\0\x50",
        b"\x05\x02\0\x01\0\0\0\0\0\0",
        b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.0 407 Login\r\nProxy-Authenticate: Basic\r\n\r\n",
    ];
    let mut source = Source(0x5eed_0002);
    for _ in 0..rounds(20_000) {
        proxies::answer(&source.input(&pieces));
    }
}
