//! What can be wrong with the text of an address, and where.

use std::fmt;
use std::ops::Range;

/// A text that is not an address: the text, the place, and what is wrong there.
///
/// `Display` is one line; [`ParseError::diagram`] shows the text with carets under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The whole text that was parsed.
    pub text: String,
    /// Where in `text` the problem is, in bytes, always on character boundaries.
    pub at: Range<usize>,
    /// The problem.
    pub what: Problem,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address \"{}\": {}", self.text.escape_debug(), self.what)
    }
}

impl std::error::Error for ParseError {}

impl ParseError {
    /// Three lines: the problem, the text, and carets under the place in it.
    ///
    /// Control characters in the text are shown as `?`, so that the carets stay under their place.
    pub fn diagram(&self) -> String {
        let shown: String = self.text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let before = self.text.get(..self.at.start).map_or(0, |s| s.chars().count());
        let width = self.text.get(self.at.clone()).map_or(1, |s| s.chars().count()).max(1);
        format!("{}\n  {shown}\n  {}{}", self.what, " ".repeat(before), "^".repeat(width))
    }
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// There is nothing where an address should be.
    #[error("an address is expected, such as TCP:<host>:<port>")]
    Empty,
    /// No address kind has this keyword.
    #[error("unknown keyword \"{word}\"{}", did_you_mean(.nearest.as_deref()))]
    UnknownKeyword {
        /// The word as typed.
        word: String,
        /// The known keyword most like it, if one is like it.
        nearest: Option<String>,
    },
    /// A word before a port that is one slip away from a keyword.
    #[error("is \"{word}\" the keyword \"{nearest}\", mistyped? As a host it is written TCP:{word}:{port}")]
    HostLikeKeyword {
        /// The word as typed.
        word: String,
        /// The keyword it is like.
        nearest: String,
        /// The port after it, as typed.
        port: String,
    },
    /// No option has this name.
    #[error("unknown option \"{word}\"{}", did_you_mean(.nearest.as_deref()))]
    UnknownOption {
        /// The word as typed.
        word: String,
        /// The known option most like it, if one is like it.
        nearest: Option<String>,
    },
    /// The option exists, but not for this kind of address.
    #[error("{keyword} does not take the option \"{option}\"; it is for {kinds}")]
    OptionNotForKind {
        /// The option as typed.
        option: String,
        /// The keyword of the address.
        keyword: &'static str,
        /// The groups of kinds that take the option.
        kinds: String,
    },
    /// The wrong number of parameters.
    #[error("wrong number of parameters: write {shape}{hint}")]
    Parameters {
        /// The right shape, such as `TCP:<host>:<port>`.
        shape: String,
        /// What may have been meant, beginning with a separator, or nothing.
        hint: &'static str,
    },
    /// A parameter that must not be empty is empty.
    #[error("the {name} is missing: write {shape}")]
    MissingParameter {
        /// Which parameter.
        name: &'static str,
        /// The right shape, such as `TCP:<host>:<port>`.
        shape: String,
    },
    /// A host that is neither an IP address nor a possible name.
    #[error("\"{word}\" is neither an IP address (IPv6 in brackets) nor a host name")]
    Host {
        /// The text given.
        word: String,
    },
    /// A port that is neither a number that fits nor a possible service name.
    #[error("\"{word}\" is not a port: a number from 0 to 65535, or the name of a service")]
    Port {
        /// The text given.
        word: String,
    },
    /// A parameter that is not a number, or not one that fits.
    #[error("\"{word}\" is not a number that fits")]
    Number {
        /// The text given.
        word: String,
    },
    /// A socket address that is not written as data, or is too long for one.
    #[error(
        "\"{word}\" is not the data of a socket address: write x and pairs of hexadecimal digits, at most 126 bytes"
    )]
    Data {
        /// The text given.
        word: String,
    },
    /// An IP protocol that is neither a number that fits nor a possible name.
    #[error("\"{word}\" is not an IP protocol: a number from 0 to 255, or a name such as icmp")]
    Protocol {
        /// The text given.
        word: String,
    },
    /// The address of an interface that is none.
    #[error(
        "\"{word}\" is not an interface's address: an IPv4 address and the length of its network's prefix, such as 10.0.0.1/24"
    )]
    Network {
        /// The text given.
        word: String,
    },
    /// A file descriptor that is not a number, or too large.
    #[error("\"{word}\" is not a file descriptor: a number from 0 to 2147483647")]
    Descriptor {
        /// The text given.
        word: String,
    },
    /// A NUL character where the kernel's interface cannot carry one.
    #[error("the {name} contains a NUL character")]
    Nul {
        /// Which parameter.
        name: &'static str,
    },
    /// The option needs a value and has none.
    #[error("the option \"{option}\" needs a value: {expected}")]
    MissingValue {
        /// The option as typed.
        option: String,
        /// What it takes.
        expected: String,
    },
    /// The option's value is not of its type, or out of its bounds.
    #[error("\"{value}\" is no value for the option \"{option}\": {expected}")]
    BadValue {
        /// The option as typed.
        option: String,
        /// The value as typed.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// A bracket or quote is not closed.
    #[error("this {opener} is never closed; \\{opener} stands for the character itself")]
    Unclosed {
        /// The opening character.
        opener: char,
    },
    /// The text ends after a backslash.
    #[error("nothing follows the backslash; \\\\ stands for the character itself")]
    TrailingBackslash,
    /// `A!!B` where one address is expected.
    #[error("one address is expected here, not two joined by !!; \\! stands for the character itself")]
    Dual,
    /// A known keyword that has no URL spelling.
    #[error("{keyword} has no URL spelling: write {shape}")]
    NoUrl {
        /// The keyword.
        keyword: &'static str,
        /// The right shape.
        shape: String,
    },
    /// A URL with a path where the kind has none.
    #[error("a {scheme}:// address ends after the port")]
    UrlPath {
        /// The scheme as typed.
        scheme: String,
    },
    /// A `%` in a URL that two hexadecimal digits do not follow, or that does not give UTF-8.
    #[error("bad percent-encoding; %25 stands for the % itself")]
    Percent,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |word| format!("; did you mean \"{word}\"?"))
}

/// A problem and its place, on the way to becoming a [`ParseError`].
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) what: Problem,
}

impl Fault {
    pub(super) fn new(at: Range<usize>, what: Problem) -> Self {
        Self { at, what }
    }

    pub(super) fn within(self, text: &str) -> ParseError {
        ParseError { text: text.to_owned(), at: self.at, what: self.what }
    }
}
