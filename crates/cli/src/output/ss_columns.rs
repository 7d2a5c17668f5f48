//! Columns that line up as ss's do, to the blank.
//!
//! Fields are kept until they are rendered: at the end, or when as much has gathered as ss gathers (five
//! chunks of 1 MiB, in which a field takes a two-byte length and an even number of bytes). Widths are those
//! of the widest field so far; on a terminal the spare room is spread over the columns, and a row that is too
//! wide breaks between columns.

use std::{
    io::{self, Write},
    ops::Range,
};

use super::ss_text::{self, Printer, Text};

/// The columns, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub(super) enum Column {
    Netid,
    State,
    RecvQ,
    SendQ,
    Address,
    Port,
    PeerAddress,
    PeerPort,
    Process,
}

const COUNT: usize = 9;
/// Behind the last column ss has an empty one, which counts when chunks fill.
const LAST: usize = COUNT - 1;
const HEADERS: [&str; COUNT] =
    ["Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process"];
const DELIMITERS: [&str; COUNT] = ["", " ", " ", " ", " ", "", " ", "", ""];
const RIGHT: [bool; COUNT] = [false, false, false, false, true, false, true, false, false];

/// Room in a chunk, and how many gather before they are rendered.
const CHUNK: usize = (1 << 20) - 16;
const CHUNKS: u32 = 5;

/// Lengths that stand for something else: a long field, and from here on one of the recent ones.
const LONG: u8 = 255;
const SAME: u8 = LONG - RECENT as u8;

/// How many different fields of a column are remembered.
const RECENT: usize = 8;

/// The last different fields of a column, by their places and by what they were made from, where that is known:
/// states, queues and addresses come again and again.
#[derive(Debug, Clone, Default)]
struct Recent {
    fields: [Range<usize>; RECENT],
    raw: [Option<u64>; RECENT],
    next: usize,
}

impl Recent {
    fn made_from(&self, raw: u64) -> Option<usize> {
        self.raw.iter().position(|r| *r == Some(raw))
    }

    fn find(&self, bytes: &[u8], field: &[u8]) -> Option<usize> {
        // The last byte tells most of them apart.
        let last = field.last()?;
        self.fields.iter().position(|place| {
            place.len() == field.len() && bytes[place.end - 1] == *last && bytes[place.clone()] == *field
        })
    }

    fn push(&mut self, place: Range<usize>, raw: Option<u64>) {
        (self.fields[self.next], self.raw[self.next]) = (place, raw);
        self.next = (self.next + 1) % RECENT;
    }
}

/// The length of a long field, as it is kept and as it is printed.
#[derive(Debug, Clone, Copy)]
struct Long {
    kept: u32,
    printed: u32,
}

/// How long the fields of a row are: [`LONG`] for a long one, whose length is the next of `long`, [`SAME`] and above
/// for one that is as a recent one and not kept again.
type Lens = [u8; COUNT];

/// How many different rows of lengths are remembered, and what stands before one that is not.
const SHAPES: usize = 32;
const NEW: u8 = u8::MAX;

/// The last different rows of lengths: most rows are as long as others, field by field.
#[derive(Debug, Clone, Default)]
struct Shapes {
    rows: [Lens; SHAPES],
    next: usize,
}

impl Shapes {
    fn find(&self, row: &Lens) -> Option<u8> {
        self.rows.iter().position(|known| known == row).map(|at| at as u8)
    }

    fn push(&mut self, row: Lens) {
        self.rows[self.next] = row;
        self.next = (self.next + 1) % SHAPES;
    }
}

/// A table that is being filled.
#[derive(Debug)]
pub(super) struct Columns<W> {
    out: W,
    /// The terminal's width, where the output is one.
    terminal: Option<usize>,
    shown: [bool; COUNT],
    widest: [usize; COUNT],
    /// The fields, one behind the other, and what tells where each ends: for each row the number of its shape, or
    /// [`NEW`] and the lengths.
    bytes: Text,
    lens: Vec<u8>,
    long: Vec<Long>,
    row: Lens,
    shapes: Shapes,
    recent: [Recent; COUNT],
    current: usize,
    /// Where the current field begins.
    start: usize,
    /// What the current field is made from, and whether it is one of the recent ones and was not written again.
    raw: Option<u64>,
    same: Option<usize>,
    /// The chunk that ss would be filling: its number, and how much of it is used.
    chunks: u32,
    used: usize,
    rendered: u64,
    scratch: Vec<u8>,
}

/// A place to which a table can be taken back, while nothing behind it has been rendered.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    widest: [usize; COUNT],
    bytes: ss_text::Mark,
    lens: usize,
    long: usize,
    row: Lens,
    shapes: Shapes,
    current: usize,
    start: usize,
    recent: [Recent; COUNT],
    chunks: u32,
    used: usize,
    rendered: u64,
}

impl<W: Write> Columns<W> {
    pub(super) fn new(out: W, terminal: Option<usize>, hidden: &[Column]) -> Self {
        let mut shown = [true; COUNT];
        for column in hidden {
            shown[*column as usize] = false;
        }
        Self {
            out,
            terminal,
            shown,
            widest: [0; COUNT],
            bytes: Text::default(),
            lens: Vec::new(),
            long: Vec::new(),
            row: Lens::default(),
            shapes: Shapes::default(),
            recent: Default::default(),
            current: 0,
            start: 0,
            raw: None,
            same: None,
            chunks: 0,
            used: 0,
            rendered: 0,
            scratch: Vec::new(),
        }
    }

    pub(super) fn header(&mut self) {
        for (i, header) in HEADERS.into_iter().enumerate() {
            self.bytes.extend_from_slice(header.as_bytes());
            if i < LAST {
                self.flush_field();
            }
        }
    }

    /// Ends the current field and goes on to `column`, on the next row if it lies before.
    pub(super) fn go(&mut self, column: Column) -> io::Result<()> {
        let target = column as usize;
        while self.current != target {
            let ends_row = self.current == LAST;
            self.flush_field();
            if ends_row {
                self.end_row()?;
            }
        }
        Ok(())
    }

    /// Goes to `column` for a field that `write` makes from `raw` alone, so that one that is known need not be
    /// made.
    pub(super) fn put(&mut self, column: Column, raw: u64, write: impl FnOnce(&mut Text)) -> io::Result<()> {
        self.go(column)?;
        if !self.shown[column as usize] {
            return Ok(());
        }
        self.raw = Some(raw);
        self.same = self.recent[column as usize].made_from(raw);
        if self.same.is_none() {
            write(&mut self.bytes);
        }
        Ok(())
    }

    /// The bytes of the current field; append to them.
    pub(super) fn text(&mut self) -> &mut Text {
        &mut self.bytes
    }

    fn flush_field(&mut self) {
        let column = self.current;
        self.current = (column + 1) % COUNT;
        if !self.shown[column] {
            self.bytes.truncate(self.start);
            return;
        }
        let printed = self.keep(column);
        self.widest[column] = self.widest[column].max(printed);
        self.account(printed);
    }

    /// Ends the text of a field; how long it is when printed.
    fn keep(&mut self, column: usize) -> usize {
        let raw = self.raw.take();
        if let Some(slot) = self.same.take() {
            self.row[column] = SAME + slot as u8;
            return self.recent[column].fields[slot].len();
        }
        let field = self.start..self.bytes.len();
        let (len, keyed) = (field.len(), self.bytes.end(self.start));
        let printed = keyed.unwrap_or(len);
        let recent = &mut self.recent[column];
        let short = u8::try_from(len).ok().filter(|n| *n < SAME && keyed.is_none());
        self.row[column] = match short.map(|n| (n, recent.find(&self.bytes, &self.bytes[field.clone()]))) {
            Some((_, Some(slot))) => {
                recent.raw[slot] = raw.or(recent.raw[slot]);
                self.bytes.truncate(self.start);
                SAME + slot as u8
            }
            Some((short, None)) => {
                if short > 0 {
                    recent.push(field, raw);
                }
                short
            }
            None => {
                let small = |n: usize| u32::try_from(n).expect("a few messages make no 4 GiB");
                self.long.push(Long { kept: small(len), printed: small(printed) });
                LONG
            }
        };
        self.start = self.bytes.len();
        printed
    }

    fn close_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if let Some(shape) = self.shapes.find(&row) {
            return self.lens.push(shape);
        }
        self.lens.push(NEW);
        self.lens.extend_from_slice(&row);
        self.shapes.push(row);
    }

    /// What this field takes of ss's chunks.
    fn account(&mut self, len: usize) {
        self.chunks = self.chunks.max(1);
        if self.used != 0 && self.used + 2 + len >= CHUNK {
            self.chunks += 1;
            self.used = 0;
        }
        let end = self.used + 2 + len + len % 2;
        if end + 2 > CHUNK {
            self.chunks += 1;
            self.used = 0;
        } else {
            self.used = end;
        }
    }

    /// Behind the last column: the empty one, and the time to render.
    fn end_row(&mut self) -> io::Result<()> {
        self.close_row();
        if self.chunks >= CHUNKS {
            return self.render();
        }
        self.account(0);
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            widest: self.widest,
            bytes: self.bytes.mark(),
            lens: self.lens.len(),
            long: self.long.len(),
            row: self.row,
            shapes: self.shapes.clone(),
            current: self.current,
            start: self.start,
            recent: self.recent.clone(),
            chunks: self.chunks,
            used: self.used,
            rendered: self.rendered,
        }
    }

    /// Takes the table back to `mark`; `false` if rows behind it have been printed.
    pub(super) fn rewind(&mut self, mark: &Mark) -> bool {
        if self.rendered != mark.rendered {
            return false;
        }
        self.bytes.rewind(&mark.bytes);
        self.lens.truncate(mark.lens);
        self.long.truncate(mark.long);
        self.row = mark.row;
        self.shapes.clone_from(&mark.shapes);
        self.widest = mark.widest;
        (self.current, self.start) = (mark.current, mark.start);
        (self.raw, self.same) = (None, None);
        self.recent.clone_from(&mark.recent);
        (self.chunks, self.used) = (mark.chunks, mark.used);
        true
    }

    /// Prints what has gathered.
    pub(super) fn render(&mut self) -> io::Result<()> {
        // The field that is being written counts for the row, but not for the width.
        if self.current != 0 {
            if self.shown[self.current] {
                self.keep(self.current);
            } else {
                self.bytes.truncate(self.start);
            }
            self.close_row();
        }
        let widths = self.widths();
        let fields: Vec<usize> = (0..COUNT).filter(|c| self.shown[*c]).collect();
        let mut kept = Kept::of(&self.bytes, &self.lens, &self.long);
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(row) = kept.row() {
            for column in &fields {
                let delimiter = if *column == fields[0] { "" } else { DELIMITERS[*column] };
                let (field, printed) = kept.field(*column, row[*column]);
                let blanks = widths[*column].saturating_sub(delimiter.len() + printed);
                let (left, right) = if RIGHT[*column] { (blanks, 0) } else { (0, blanks) };
                scratch.extend_from_slice(delimiter.as_bytes());
                scratch.resize(scratch.len() + left, b' ');
                if row[*column] == LONG && *column == Column::Process as usize {
                    kept.printer.print(&mut scratch, field);
                } else {
                    scratch.extend_from_slice(&self.bytes[field]);
                }
                scratch.resize(scratch.len() + right, b' ');
            }
            scratch.push(b'\n');
            if scratch.len() > 16 << 10 {
                self.out.write_all(&scratch)?;
                scratch.clear();
            }
        }
        self.out.write_all(&scratch)?;
        scratch.clear();
        self.scratch = scratch;
        self.bytes.clear();
        self.lens.clear();
        self.long.clear();
        self.shapes = Shapes::default();
        self.recent = Default::default();
        (self.current, self.start) = (0, 0);
        (self.chunks, self.used) = (0, 0);
        self.rendered += 1;
        self.out.flush()
    }

    fn widths(&self) -> [usize; COUNT] {
        let screen = self.terminal.unwrap_or(usize::MAX);
        let mut widths = [0; COUNT];
        let mut first = true;
        for column in (0..COUNT).filter(|c| self.shown[*c]) {
            let delimiter = if first || self.widest[column] == 0 { 0 } else { DELIMITERS[column].len() };
            widths[column] = (self.widest[column] + delimiter).min(screen);
            first &= widths[column] == 0;
        }
        if let Some(screen) = self.terminal {
            spread(&mut widths, screen);
        }
        widths
    }
}

/// The rows that were kept, in their order.
struct Kept<'a> {
    at: usize,
    lens: std::slice::Iter<'a, u8>,
    long: std::slice::Iter<'a, Long>,
    shapes: Shapes,
    recent: [Recent; COUNT],
    printer: Printer<'a>,
}

impl<'a> Kept<'a> {
    fn of(bytes: &'a Text, lens: &'a [u8], long: &'a [Long]) -> Self {
        Self {
            at: 0,
            lens: lens.iter(),
            long: long.iter(),
            shapes: Shapes::default(),
            recent: Default::default(),
            printer: Printer::new(bytes),
        }
    }

    fn row(&mut self) -> Option<Lens> {
        let shape = *self.lens.next()?;
        if shape != NEW {
            return Some(self.shapes.rows[usize::from(shape)]);
        }
        let row = std::array::from_fn(|_| *self.lens.next().expect("a row of lengths has been pushed whole"));
        self.shapes.push(row);
        Some(row)
    }

    /// Where the next field is, and how long it is when printed.
    fn field(&mut self, column: usize, len: u8) -> (Range<usize>, usize) {
        let recent = &mut self.recent[column];
        if (SAME..LONG).contains(&len) {
            let place = recent.fields[usize::from(len - SAME)].clone();
            return (place.clone(), place.len());
        }
        let (kept, printed) = match len {
            LONG => {
                let Long { kept, printed } = *self.long.next().expect("each long field has pushed it");
                (kept as usize, printed as usize)
            }
            short => (short.into(), short.into()),
        };
        let place = self.at..self.at + kept;
        self.at = place.end;
        if len != LONG && len > 0 {
            recent.push(place.clone(), None);
        }
        (place, printed)
    }
}

/// Breaks the columns into lines that fit the screen, and spreads what is left of each line over its
/// columns, the odd blanks from the right.
fn spread(widths: &mut [usize; COUNT], screen: usize) {
    let mut line = 0;
    while line < COUNT {
        let (mut end, mut len, mut count) = (line, 0, 0);
        while end < COUNT && len + widths[end] <= screen {
            len += widths[end];
            count += usize::from(widths[end] > 0);
            end += 1;
            if len == screen && widths[end - 1] > 0 {
                break;
            }
        }
        // A column is never wider than the screen, so that one always fits.
        if let Some(each) = (screen - len).checked_div(count) {
            let mut odd = (screen - len) % count;
            for width in widths[line..end].iter_mut().rev().filter(|w| **w > 0) {
                *width += each + usize::from(odd > 0);
                odd = odd.saturating_sub(1);
            }
        }
        line = end.max(line + 1);
    }
}

#[cfg(test)]
#[path = "ss_tests.rs"]
mod tests;
