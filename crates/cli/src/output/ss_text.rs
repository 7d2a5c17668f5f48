//! The text of fields as it is kept until it is printed: a key that comes with every socket takes two bytes.
//! Thousands of rows are kept until the widths of their columns are known, and with -i most of a row is keys.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// What stands before a key's number. UTF-8 has no such byte, and neither has any other text with keys in it.
const ESCAPE: u8 = 0xff;

macro_rules! keys {
    ($($name:ident = $text:literal,)*) => {
        /// A key that precedes a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Key { $($name,)* }

        const KEYS: &[&str] = &[$($text,)*];
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

/// Bytes of fields, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// By how much the printed text is longer than the bytes.
    longer: usize,
}

impl Text {
    /// Appends a key.
    pub(super) fn key(&mut self, key: Key) {
        self.bytes.extend_from_slice(&[ESCAPE, key as u8]);
        self.longer += KEYS[key as usize].len() - 2;
    }

    /// Appends a key and its number.
    pub(super) fn pair(&mut self, key: Key, n: u64) {
        self.key(key);
        self.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    }

    /// How long the text from `start` on is when printed, if no key stands before. Keys that come after start
    /// anew.
    pub(super) fn printed_from(&mut self, start: usize) -> usize {
        self.bytes.len() - start + std::mem::take(&mut self.longer)
    }

    /// Forgets what comes after `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        self.longer = 0;
    }
}

/// Prints what was kept.
pub(super) fn print(out: &mut Vec<u8>, kept: &[u8]) {
    let mut parts = kept.split(|b| *b == ESCAPE);
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        if let [key, rest @ ..] = part {
            out.extend_from_slice(KEYS.get(usize::from(*key)).map_or(b"", |k| k.as_bytes()));
            out.extend_from_slice(rest);
        }
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
