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
    /// Offsets of what has passed each way.
    passed: [AtomicU64; 2],
}

impl Dump {
    /// A tap, if either was asked for.
    pub(crate) fn wanted(verbose: u8, hex: bool) -> Option<Arc<dyn Tap>> {
        let hex = hex || verbose > 1;
        (verbose > 0 || hex)
            .then(|| Arc::new(Self { text: verbose > 0, hex, passed: Default::default() }) as Arc<dyn Tap>)
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
            (true, true) => both(&mut shown, bytes),
            (false, true) => hexadecimal(&mut shown, bytes),
            _ => text(&mut shown, bytes),
        }
        // One write for each, so that lines of many connections do not mix. Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(shown.as_bytes());
    }
}

/// Text as it is; what would disturb a terminal is escaped.
fn text(shown: &mut String, bytes: &[u8]) {
    for c in String::from_utf8_lossy(bytes).chars() {
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
