//! What passes, shown as socat's -v and -x show it: a line that says when, how much and which way, then the
//! data as text, in hexadecimal, or as both.

use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use sockeye::relay::{Tap, Way};

/// Writes what passes to the standard error.
#[derive(Debug)]
pub(crate) struct Dump {
    text: bool,
    hex: bool,
    /// Under another tool's name: bytes of ASCII, and blocks that end in `--`.
    strict: bool,
    /// Offsets of what has passed each way.
    passed: [AtomicU64; 2],
}

impl Dump {
    /// A tap, if either was asked for.
    pub(crate) fn wanted(verbose: u8, hex: bool) -> Option<Arc<dyn Tap>> {
        let hex = hex || verbose > 1;
        Self::made(verbose > 0, hex, false)
    }

    /// As [`Dump::wanted`], to the byte as socat writes it.
    pub(crate) fn strict(text: bool, hex: bool) -> Option<Arc<dyn Tap>> {
        Self::made(text, hex, true)
    }

    fn made(text: bool, hex: bool, strict: bool) -> Option<Arc<dyn Tap>> {
        (text || hex)
            .then(|| Arc::new(Self { text, hex, strict, passed: Default::default() }) as Arc<dyn Tap>)
    }
}

impl Tap for Dump {
    fn passes(&self, way: Way, bytes: &[u8]) {
        let from = self.passed[way as usize].fetch_add(bytes.len() as u64, Relaxed);
        let arrow = if way == Way::Forward { '>' } else { '<' };
        let now = jiff::Zoned::now().strftime("%Y/%m/%d %H:%M:%S.%6f");
        let to = (from + bytes.len() as u64).saturating_sub(1).max(from);
        let mut shown = format!("{arrow} {now}  length={} from={from} to={to}\n", bytes.len());
        match (self.text, self.hex) {
            (true, true) if self.strict => {
                // A line of the data ends a line of the dump.
                bytes.split_inclusive(|&b| b == b'\n').for_each(|line| both(&mut shown, line));
                shown.push_str("--\n");
            }
            (true, true) => both(&mut shown, bytes),
            (false, true) => hexadecimal(&mut shown, bytes),
            _ if self.strict => {
                text(&mut shown, bytes.iter().map(|&b| if b < 0x80 { char::from(b) } else { '\0' }))
            }
            _ => text(&mut shown, String::from_utf8_lossy(bytes).chars()),
        }
        // One write for each, so that lines of many connections do not mix. Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(shown.as_bytes());
    }
}

/// Text as it is; what would disturb a terminal is escaped.
fn text(shown: &mut String, letters: impl Iterator<Item = char>) {
    for c in letters {
        match c {
            '\n' => shown.push('\n'),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push('\t'),
            '\\' => shown.push_str("\\\\"),
            c if c.is_control() => shown.push('.'),
            c => shown.push(c),
        }
    }
}

fn hexadecimal(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(shown, " {byte:02x}");
    }
    shown.push('\n');
}

/// Sixteen bytes a line, in hexadecimal and as text.
fn both(shown: &mut String, bytes: &[u8]) {
    for line in bytes.chunks(16) {
        let mut hex = String::new();
        for byte in line {
            let _ = write!(hex, " {byte:02x}");
        }
        let ascii: String =
            line.iter().map(|&b| if (b' '..=b'~').contains(&b) { char::from(b) } else { '.' }).collect();
        let _ = writeln!(shown, "{hex:<48}  {ascii}");
    }
}
