//! The text of fields as it is kept until it is printed: a key that comes with every socket takes two bytes, and
//! its number is kept only where it differs from the last. Thousands of rows are kept until the widths of their
//! columns are known, and with -i most of a row is keys, and numbers that are the same in all of them.

use std::{
    fmt,
    ops::{Deref, DerefMut, Range},
};

/// What stands before a key. UTF-8 has no such bytes, and neither has any other text with keys in it.
const ESCAPE: u8 = 0xff;
/// The same, where the key's number is the one it had before.
const AGAIN: u8 = 0xfe;

macro_rules! keys {
    ($($name:ident = $text:literal,)*) => {
        /// A key that precedes a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Key { $($name,)* }

        const KEYS: &[&str] = &[$($text,)*];

        /// Where the last number of each key is.
        type Last = [Range<usize>; [$($text,)*].len()];
    };
}

keys! {
    Wscale = " wscale:",
    Rto = " rto:",
    Backoff = " backoff:",
    Rtt = " rtt:",
    Ato = " ato:",
    Mss = " mss:",
    Pmtu = " pmtu:",
    Rcvmss = " rcvmss:",
    Advmss = " advmss:",
    Cwnd = " cwnd:",
    Ssthresh = " ssthresh:",
    BytesSent = " bytes_sent:",
    BytesRetrans = " bytes_retrans:",
    BytesAcked = " bytes_acked:",
    BytesReceived = " bytes_received:",
    SegsOut = " segs_out:",
    SegsIn = " segs_in:",
    DataSegsOut = " data_segs_out:",
    DataSegsIn = " data_segs_in:",
    Send = " send ",
    Lastsnd = " lastsnd:",
    Lastrcv = " lastrcv:",
    Lastack = " lastack:",
    PacingRate = " pacing_rate ",
    DeliveryRate = " delivery_rate ",
    Delivered = " delivered:",
    DeliveredCe = " delivered_ce:",
    AppLimited = " app_limited",
    Busy = " busy:",
    RwndLimited = " rwnd_limited:",
    SndbufLimited = " sndbuf_limited:",
    Unacked = " unacked:",
    Retrans = " retrans:",
    Lost = " lost:",
    Sacked = " sacked:",
    DsackDups = " dsack_dups:",
    Fackets = " fackets:",
    Reordering = " reordering:",
    ReordSeen = " reord_seen:",
    RcvRtt = " rcv_rtt:",
    RcvSpace = " rcv_space:",
    RcvSsthresh = " rcv_ssthresh:",
    Notsent = " notsent:",
    Minrtt = " minrtt:",
    RcvOoopack = " rcv_ooopack:",
    SndWnd = " snd_wnd:",
    Subflows = " subflows:",
    AddAddrSignal = " add_addr_signal:",
    AddAddrAccepted = " add_addr_accepted:",
    SubflowsMax = " subflows_max:",
    AddAddrSignalMax = " add_addr_signal_max:",
    AddAddrAcceptedMax = " add_addr_accepted_max:",
    Users = " users:((\"",
    Pid = "\",pid=",
    Fd = ",fd=",
    Timer = " timer:(",
    Inode = " ino:",
    Cookie = " sk:",
    Cgroup = " cgroup:",
}

/// An end of a [`Text`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    len: usize,
    longer: usize,
}

/// Bytes of fields, one behind the other.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// By how much the printed text is longer than the bytes.
    longer: usize,
    last: Last,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: Vec::new(), longer: 0, last: std::array::from_fn(|_| 0..0) }
    }
}

impl Text {
    /// Appends a key.
    pub(super) fn key(&mut self, key: Key) {
        self.bytes.extend_from_slice(&[ESCAPE, key as u8]);
        self.longer += KEYS[key as usize].len() - 2;
    }

    /// Appends a key and its number.
    pub(super) fn pair(&mut self, key: Key, n: u64) {
        self.longer += KEYS[key as usize].len() - 2;
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(n).as_bytes();
        let last = &mut self.last[key as usize];
        if self.bytes.get(last.clone()) == Some(digits) {
            self.bytes.extend_from_slice(&[AGAIN, key as u8]);
            self.longer += digits.len();
        } else {
            self.bytes.extend_from_slice(&[ESCAPE, key as u8]);
            let start = self.bytes.len();
            self.bytes.extend_from_slice(digits);
            *last = start..self.bytes.len();
        }
    }

    /// How long the text from `start` on is when printed, if no key stands before. Keys that come after start
    /// anew.
    pub(super) fn printed_from(&mut self, start: usize) -> usize {
        self.bytes.len() - start + std::mem::take(&mut self.longer)
    }

    /// Forgets the field that has come after `len` bytes. It must have no keys.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.longer = 0;
    }

    /// Where the text ends, for [`Text::rewind`].
    pub(super) fn mark(&self) -> Mark {
        Mark { len: self.bytes.len(), longer: self.longer }
    }

    /// Forgets what has come since, and the numbers that might have been there.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.bytes.truncate(mark.len);
        self.longer = mark.longer;
        self.last = std::array::from_fn(|_| 0..0);
    }
}

/// Prints what was kept, field by field in the order of the keeping.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    bytes: &'a [u8],
    last: Last,
}

impl<'a> Printer<'a> {
    pub(super) fn new(text: &'a Text) -> Self {
        Self { bytes: &text.bytes, last: std::array::from_fn(|_| 0..0) }
    }

    pub(super) fn print(&mut self, out: &mut Vec<u8>, field: Range<usize>) {
        let (mut at, bytes) = (field.start, &self.bytes[..field.end]);
        while let Some(plain) = bytes[at..].iter().position(|b| *b >= AGAIN) {
            out.extend_from_slice(&bytes[at..at + plain]);
            at += plain;
            let (mark, key) = (bytes[at], usize::from(bytes[at + 1]));
            at += 2;
            out.extend_from_slice(KEYS[key].as_bytes());
            if mark == AGAIN {
                out.extend_from_slice(&bytes[self.last[key].clone()]);
            } else {
                let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                self.last[key] = at..at + digits;
            }
        }
        out.extend_from_slice(&bytes[at..]);
    }
}

impl Deref for Text {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.bytes
    }
}

impl DerefMut for Text {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
