//! Integrity: what is added to a packet so that the receiver sees whether it is the one that was sent.
//!
//! - `off`: nothing. UDP's own checksum of 16 bits is all there is.
//! - `crc32c`: four bytes over the whole packet, against accidents. Anyone can make them.
//! - `aead`: AES-256-GCM, keys from a Noise handshake with a pre-shared key; the nonce is the packet number,
//!   which is never used twice; the header is authenticated. Keys are updated as in RFC 9001 section 6.

use super::noise::Keys;
use ring::{aead, hkdf};
use std::ops::Range;

/// A key is replaced after this many packets (RFC 9001 section 6.6).
const PACKETS_PER_KEY: u64 = 1 << 23;
/// Forgeries after which a connection ends (RFC 9001 section 6.6, for AES-GCM: 2^52; ours is lower).
const MAX_FORGERIES: u64 = 1 << 36;

/// How the packets of a connection are protected.
#[derive(Debug)]
pub(crate) enum Seal {
    Off,
    Crc32c,
    Aead(Box<Aead>),
}

impl Seal {
    pub(crate) fn tag_len(&self) -> usize {
        match self {
            Self::Off => 0,
            Self::Crc32c => 4,
            Self::Aead(_) => aead::MAX_TAG_LEN,
        }
    }

    /// The key phase of what is sealed now; `number` is the next packet's.
    pub(crate) fn phase(&mut self, number: u64) -> bool {
        match self {
            Self::Aead(aead) => aead.phase(number),
            _ => false,
        }
    }

    /// Packet `number` was acknowledged: keys used for it are known to the peer.
    pub(crate) fn acked(&mut self, number: u64) {
        if let Self::Aead(aead) = self {
            aead.confirmed |= number >= aead.sealing.first;
        }
    }

    /// Seals `packet`, whose first `header` bytes stay readable, and appends the tag.
    pub(crate) fn seal(&self, number: u64, packet: &mut Vec<u8>, start: usize, header: usize) {
        match self {
            Self::Off => {}
            Self::Crc32c => {
                let crc = crc32c::crc32c(&packet[start..]);
                packet.extend_from_slice(&crc.to_be_bytes());
            }
            Self::Aead(aead) => {
                let (head, payload) = packet[start..].split_at_mut(header);
                let tag = aead.sealing.seal(number, head, payload);
                packet.extend_from_slice(tag.as_ref());
            }
        }
    }

    /// Checks (and decrypts) a packet; gives where its payload is.
    pub(crate) fn open(
        &mut self,
        number: u64,
        phase: bool,
        packet: &mut [u8],
        header: usize,
    ) -> Option<Range<usize>> {
        let end = packet.len().checked_sub(self.tag_len()).filter(|&e| e >= header)?;
        match self {
            Self::Off => {}
            Self::Crc32c => {
                let (body, crc) = packet.split_at(end);
                if crc != crc32c::crc32c(body).to_be_bytes() {
                    return None;
                }
            }
            Self::Aead(aead) => {
                let (head, payload) = packet.split_at_mut(header);
                aead.open(number, phase, head, payload)?;
            }
        }
        Some(header..end)
    }

    /// Whether so many forgeries arrived that the keys must not be used any more.
    pub(crate) fn is_exhausted(&self) -> bool {
        matches!(self, Self::Aead(aead) if aead.forgeries >= MAX_FORGERIES)
    }

    #[cfg(test)]
    pub(crate) fn update_keys_after(&mut self, packets: u64) {
        if let Self::Aead(aead) = self {
            aead.packets_per_key = packets;
        }
    }
}

/// One generation of keys in one direction.
struct Generation {
    secret: [u8; 32],
    key: aead::LessSafeKey,
    iv: [u8; 12],
    /// The first packet number that it is used for.
    first: u64,
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").field("first", &self.first).finish_non_exhaustive()
    }
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(secret: &[u8; 32], label: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret)
        .expand(&[label], Len(N))
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are within what HKDF expands to");
    out
}

impl Generation {
    fn new(secret: [u8; 32], first: u64) -> Self {
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, &expand::<32>(&secret, b"arq1 key"))
            .expect("the key has the length of the algorithm's");
        Self { secret, key: aead::LessSafeKey::new(key), iv: expand(&secret, b"arq1 iv"), first }
    }

    fn next(&self, first: u64) -> Self {
        Self::new(expand(&self.secret, b"arq1 next"), first)
    }

    fn nonce(&self, number: u64) -> aead::Nonce {
        let mut nonce = self.iv;
        for (n, b) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *n ^= b;
        }
        aead::Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, number: u64, head: &[u8], payload: &mut [u8]) -> aead::Tag {
        self.key
            .seal_in_place_separate_tag(self.nonce(number), aead::Aad::from(head), payload)
            .expect("a packet is far below the limit of the algorithm")
    }

    fn open(&self, number: u64, head: &[u8], payload: &mut [u8]) -> Option<()> {
        self.key.open_in_place(self.nonce(number), aead::Aad::from(head), payload).ok().map(|_| ())
    }
}

/// The keys of both directions.
#[derive(Debug)]
pub(crate) struct Aead {
    sealing: Generation,
    opening: Generation,
    previous: Option<Generation>,
    phase: bool,
    /// Whether a packet of this phase was acknowledged: only then may the next update begin.
    confirmed: bool,
    forgeries: u64,
    packets_per_key: u64,
    /// The number of the next packet to be sealed.
    next: u64,
}

impl Aead {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            sealing: Generation::new(keys.sealing, 0),
            opening: Generation::new(keys.opening, 0),
            previous: None,
            phase: false,
            confirmed: false,
            forgeries: 0,
            packets_per_key: PACKETS_PER_KEY,
            next: 0,
        }
    }

    fn phase(&mut self, number: u64) -> bool {
        self.next = number;
        if self.confirmed && number - self.sealing.first >= self.packets_per_key {
            self.turn(number, u64::MAX);
        }
        self.phase
    }

    /// Goes to the next generation: ours from packet `number` on, the peer's from `theirs` on.
    fn turn(&mut self, number: u64, theirs: u64) {
        self.sealing = self.sealing.next(number);
        let next = self.opening.next(theirs);
        self.previous = Some(std::mem::replace(&mut self.opening, next));
        self.phase = !self.phase;
        self.confirmed = false;
    }

    fn open(&mut self, number: u64, phase: bool, head: &[u8], payload: &mut [u8]) -> Option<()> {
        let opened = if phase == self.phase {
            let opened = self.opening.open(number, head, payload);
            if opened.is_some() {
                self.opening.first = self.opening.first.min(number);
            }
            opened
        } else if let Some(previous) = self.previous.as_ref().filter(|_| number < self.opening.first) {
            previous.open(number, head, payload)
        } else {
            let next = self.opening.next(number);
            let opened = next.open(number, head, payload);
            if opened.is_some() {
                // The peer has gone on; what we seal from here on follows.
                self.sealing = self.sealing.next(self.next + 1);
                self.previous = Some(std::mem::replace(&mut self.opening, next));
                self.phase = !self.phase;
                self.confirmed = false;
            }
            opened
        };
        if opened.is_none() {
            self.forgeries += 1;
        }
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys are updated on the way, late packets of the last generation still open, and no key is used for a
    /// packet of the other generation.
    #[test]
    fn keys_turn_and_what_is_late_still_opens() {
        let (a, b) = ([1; 32], [2; 32]);
        let mut client = Seal::Aead(Box::new(Aead::new(Keys { sealing: a, opening: b })));
        let mut server = Seal::Aead(Box::new(Aead::new(Keys { sealing: b, opening: a })));
        client.update_keys_after(10);
        let mut late = Vec::new();
        let mut phases = Vec::new();
        for number in 0..100u64 {
            let phase = client.phase(number);
            phases.push(phase);
            let mut packet = vec![0x11; 20];
            packet[19] = number as u8;
            client.seal(number, &mut packet, 0, 9);
            assert_eq!(packet.len(), 36);
            if number % 7 == 3 {
                late.push((number, phase, packet));
                continue;
            }
            let range = server.open(number, phase, &mut packet, 9).expect("it opens");
            assert_eq!((range.clone(), packet[19]), (9..20, number as u8));
            // The server answers; its packet is in the client's phase, and confirms the keys.
            let answer_phase = server.phase(number);
            assert_eq!(answer_phase, phase);
            let mut answer = vec![0x11; 20];
            server.seal(number, &mut answer, 0, 9);
            assert!(client.open(number, answer_phase, &mut answer, 9).is_some());
            client.acked(number);
            for (number, phase, mut packet) in late.drain(..) {
                assert!(server.open(number, phase, &mut packet, 9).is_some(), "late packet {number}");
            }
        }
        assert!(phases.windows(2).filter(|w| w[0] != w[1]).count() >= 8, "keys were updated");
        let mut forged = vec![0; 40];
        assert!(server.open(200, false, &mut forged, 9).is_none());
        assert!(server.open(200, true, &mut forged, 9).is_none());
    }
}
