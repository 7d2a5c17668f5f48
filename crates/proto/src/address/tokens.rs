//! The lexer: fields of text up to a separator that no quote, bracket or backslash protects.
//!
//! - `\x` stands for x itself, except for the escapes of C: `\0 \a \b \e \f \n \r \t \v`.
//! - `"…"` and `'…'` protect what they hold and are left out. A backslash works inside both.
//! - `(…)`, `[…]`, `{…}` protect what they hold, nest, and stay.

use std::ops::Range;

use super::error::{Fault, Problem};

/// A piece of an address, with quotes and backslashes taken away.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// What it says.
    pub(super) text: String,
    /// Where it stood, in bytes of the whole text.
    pub(super) at: Range<usize>,
}

/// Reads fields from a part of a text, and knows where in the whole text it is.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    whole: &'a str,
    position: usize,
    end: usize,
}

impl<'a> Lexer<'a> {
    /// Reads the bytes of `whole` that `part` names; both ends are on character boundaries.
    pub(super) fn new(whole: &'a str, part: Range<usize>) -> Self {
        Self { whole, position: part.start, end: part.end }
    }

    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        &self.whole[self.position..self.end]
    }

    /// Where the next field starts.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Where the text ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Takes `prefix` if it comes next.
    pub(super) fn take(&mut self, prefix: char) -> bool {
        let taken = self.rest().starts_with(prefix);
        if taken {
            self.position += prefix.len_utf8();
        }
        taken
    }

    /// Skips `bytes`, which must end on a character boundary at most at the end.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Reads up to the first unprotected character of `stops`, or to the end. The stop stays.
    pub(super) fn field(&mut self, stops: &[char]) -> Result<Field, Fault> {
        let start = self.position;
        let mut text = String::new();
        let mut open: Vec<(char, usize)> = Vec::new();
        while let Some(c) = self.rest().chars().next() {
            let at = self.position;
            let inside = open.last().map(|&(opener, _)| opener);
            if inside.is_none() && stops.contains(&c) {
                break;
            }
            self.position += c.len_utf8();
            let quoted = matches!(inside, Some('"' | '\''));
            match c {
                '\\' => text.push(self.escaped(at)?),
                _ if inside.is_some_and(|opener| closer(opener) == c) => {
                    open.pop();
                    if !quoted || !open.is_empty() {
                        text.push(c);
                    }
                }
                '"' | '\'' if !quoted => {
                    if !open.is_empty() {
                        text.push(c);
                    }
                    open.push((c, at));
                }
                '(' | '[' | '{' if !quoted => {
                    open.push((c, at));
                    text.push(c);
                }
                _ => text.push(c),
            }
        }
        match open.last() {
            Some(&(opener, at)) => Err(Fault::new(at..at + 1, Problem::Unclosed { opener })),
            None => Ok(Field { text, at: start..self.position }),
        }
    }

    fn escaped(&mut self, at: usize) -> Result<char, Fault> {
        let Some(c) = self.rest().chars().next() else {
            return Err(Fault::new(at..at + 1, Problem::TrailingBackslash));
        };
        self.position += c.len_utf8();
        Ok(match c {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            'e' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            other => other,
        })
    }
}

/// Where an unprotected `!!` stands in `text`, if one does.
pub(super) fn double_bang(text: &str) -> Result<Option<usize>, Fault> {
    let mut lexer = Lexer::new(text, 0..text.len());
    loop {
        lexer.field(&['!'])?;
        if lexer.rest().is_empty() {
            return Ok(None);
        }
        if lexer.rest().starts_with("!!") {
            return Ok(Some(lexer.position()));
        }
        lexer.take('!');
    }
}

fn closer(opener: char) -> char {
    match opener {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        quote => quote,
    }
}

/// Writes `text` so that a field read back has exactly it: separators, quotes and brackets get a
/// backslash, control characters their escapes. In the value of an option `:` separates nothing.
pub(super) fn protect(text: &str, in_value: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let escape = match c {
            ':' if in_value => {
                out.push(c);
                continue;
            }
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\x1b' => 'e',
            '\x0c' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\x0b' => 'v',
            '\\' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | ':' | ',' | '!' => c,
            plain => {
                out.push(plain);
                continue;
            }
        };
        out.push('\\');
        out.push(escape);
    }
    out
}
