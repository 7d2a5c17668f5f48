//! The text of fields as it is kept until it is printed: a key that comes with every socket takes two bytes, and
//! its value is kept only where it differs from the last few. Thousands of rows are kept until the widths of their
//! columns are known, and with -i most of a row is keys, and values that many rows have in common.

use std::{
    fmt,
    ops::{Deref, DerefMut, Range},
};

/// How many values of a key are remembered.
const SLOTS: usize = 8;

/// What stands before a key. UTF-8 has no such bytes, and neither has any other text with keys in it.
///
/// The key, the length of its value in a byte, and the value, which is remembered from now on.
const NEW: u8 = 0xff;
/// From here up to [`NEW`]: the key, whose value is the one in this slot.
const SLOT: u8 = NEW - SLOTS as u8;
/// The key alone.
const KEY: u8 = SLOT - 1;

macro_rules! keys {
    ($($name:ident = $text:literal,)*) => {
        /// A key that precedes a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Key { $($name,)* }

        const KEYS: &[&str] = &[$($text,)*];

        /// The last values of each key.
        type AllValues = [Values; [$($text,)*].len()];
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
    Bbr = " bbr:(bw:",
    BbrMinrtt = ",mrtt:",
    BbrPacing = ",pacing_gain:",
    BbrCwnd = ",cwnd_gain:",
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
    Receive = " skmem:(r",
    ReceiveLimit = ",rb",
    Transmit = ",t",
    TransmitLimit = ",tb",
    Forward = ",f",
    Queued = ",w",
    OptionMemory = ",o",
    Backlogged = ",bl",
    Dropped = ",d",
}

/// The last different values of a key: what they were made from, and where their text is.
#[derive(Debug, Clone, Default)]
struct Values {
    raw: [u64; SLOTS],
    start: [usize; SLOTS],
    /// 0 where there is none yet.
    len: [u8; SLOTS],
    next: usize,
}

impl Values {
    fn find(&self, raw: u64) -> Option<usize> {
        self.raw.iter().position(|r| *r == raw).filter(|slot| self.len[*slot] > 0)
    }

    fn place(&self, slot: usize) -> Range<usize> {
        self.start[slot]..self.start[slot] + usize::from(self.len[slot])
    }

    fn push(&mut self, raw: u64, start: usize, len: u8) {
        let slot = self.next;
        (self.raw[slot], self.start[slot], self.len[slot]) = (raw, start, len);
        self.next = (slot + 1) % SLOTS;
    }
}

fn no_values() -> Box<AllValues> {
    Box::new(std::array::from_fn(|_| Values::default()))
}

/// An end of a [`Text`].
#[derive(Debug, Clone)]
pub(super) struct Mark {
    len: usize,
    keyed: usize,
    unkeyed: usize,
    values: Box<AllValues>,
}

/// Bytes of fields, one behind the other.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// Of the field that is being written: how long its keys are with the values that they repeat, and how many
    /// bytes stand for them.
    keyed: usize,
    unkeyed: usize,
    values: Box<AllValues>,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: Vec::new(), keyed: 0, unkeyed: 0, values: no_values() }
    }
}

impl Text {
    fn mark_key(&mut self, mark: u8, key: Key) {
        self.bytes.extend_from_slice(&[mark, key as u8]);
        self.keyed += KEYS[key as usize].len();
        self.unkeyed += 2;
    }

    /// Appends a key.
    pub(super) fn key(&mut self, key: Key) {
        self.mark_key(KEY, key);
    }

    /// Appends a key and its value, which `write` writes, without keys, if it is not known: the same text for the
    /// same `raw`.
    pub(super) fn value(&mut self, key: Key, raw: u64, write: impl FnOnce(&mut Self)) {
        if let Some(slot) = self.values[key as usize].find(raw) {
            self.mark_key(SLOT + slot as u8, key);
            self.keyed += usize::from(self.values[key as usize].len[slot]);
            return;
        }
        self.mark_key(NEW, key);
        self.bytes.push(0);
        self.unkeyed += 1;
        let start = self.bytes.len();
        write(self);
        // What does not fit goes on without having been remembered.
        if let Ok(len @ 1..) = u8::try_from(self.bytes.len() - start) {
            self.bytes[start - 1] = len;
            self.values[key as usize].push(raw, start, len);
        }
    }

    /// Appends a key and its number.
    pub(super) fn pair(&mut self, key: Key, n: u64) {
        self.value(key, n, |text| super::ss::number_of(text, n));
    }

    /// Ends the field that began at `start`: how long it is when printed, if it is not printed as it is.
    pub(super) fn end(&mut self, start: usize) -> Option<usize> {
        let (keyed, unkeyed) = (std::mem::take(&mut self.keyed), std::mem::take(&mut self.unkeyed));
        (unkeyed > 0).then(|| self.bytes.len() - start - unkeyed + keyed)
    }

    /// Forgets the field that has come after `len` bytes. It must have no keys.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Where the text ends, for [`Text::rewind`].
    pub(super) fn mark(&self) -> Mark {
        let values = self.values.clone();
        Mark { len: self.bytes.len(), keyed: self.keyed, unkeyed: self.unkeyed, values }
    }

    /// Forgets what has come since.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        self.bytes.truncate(mark.len);
        (self.keyed, self.unkeyed) = (mark.keyed, mark.unkeyed);
        self.values.clone_from(&mark.values);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        *self.values = std::array::from_fn(|_| Values::default());
    }
}

/// Prints what was kept, field by field in the order of the keeping.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    bytes: &'a [u8],
    values: Box<AllValues>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(text: &'a Text) -> Self {
        Self { bytes: &text.bytes, values: no_values() }
    }

    pub(super) fn print(&mut self, out: &mut Vec<u8>, field: Range<usize>) {
        let (mut at, bytes) = (field.start, &self.bytes[..field.end]);
        while let Some(plain) = bytes[at..].iter().position(|b| *b >= KEY) {
            out.extend_from_slice(&bytes[at..at + plain]);
            at += plain;
            let (mark, key) = (bytes[at], usize::from(bytes[at + 1]));
            at += 2;
            out.extend_from_slice(KEYS[key].as_bytes());
            let values = &mut self.values[key];
            match mark {
                NEW => {
                    let len = bytes[at];
                    at += 1;
                    if len > 0 {
                        values.push(0, at, len);
                    }
                }
                KEY => {}
                slot => out.extend_from_slice(&bytes[values.place((slot - SLOT).into())]),
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
