//! Request bodies: bytes and files, or the standard input as it comes.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};

use tokio::io::AsyncReadExt;

/// The body of a request.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// Bytes and files one after the other: the length is known and it can be sent again.
    Parts(Vec<Part>),
    /// The standard input, in chunks as it comes; it can be sent once.
    Stdin,
}

/// A piece of a body.
#[derive(Debug, Clone)]
pub enum Part {
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// A part of a file.
    File {
        /// The file.
        path: PathBuf,
        /// Where the part begins.
        from: u64,
        /// How long it is.
        length: u64,
    },
}

impl Body {
    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Parts(vec![Part::Bytes(bytes.into())])
    }

    /// The length, where it is known; 0 without a body.
    pub fn length(&self) -> Option<u64> {
        let length = |part: &Part| match part {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::File { length, .. } => *length,
        };
        match self {
            Self::None => Some(0),
            Self::Parts(parts) => Some(parts.iter().map(length).sum()),
            Self::Stdin => None,
        }
    }

    /// Whether it can be sent again, after a redirect or on another connection.
    pub(super) fn replayable(&self) -> bool {
        !matches!(self, Self::Stdin)
    }

    pub(super) fn source(&self) -> Source<'_> {
        match self {
            Self::None => Source::Parts { parts: [].iter(), open: None },
            Self::Parts(parts) => Source::Parts { parts: parts.iter(), open: None },
            Self::Stdin => Source::Stdin(tokio::io::stdin()),
        }
    }
}

/// Where the next bytes of a body come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Parts { parts: std::slice::Iter<'a, Part>, open: Option<Open<'a>> },
    Stdin(tokio::io::Stdin),
}

#[derive(Debug)]
pub(super) enum Open<'a> {
    Bytes(&'a [u8]),
    File(io::Take<File>),
}

impl Source<'_> {
    /// Reads the next bytes into `piece`; 0 at the end.
    pub(super) async fn next(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stdin(stdin) => stdin.read(piece).await,
            Self::Parts { parts, open } => loop {
                match open {
                    Some(Open::Bytes(bytes)) if !bytes.is_empty() => return Read::read(bytes, piece),
                    Some(Open::File(file)) if file.limit() > 0 => {
                        let count = Read::read(file, piece)?;
                        if count == 0 {
                            return Err(io::Error::new(
                                io::ErrorKind::UnexpectedEof,
                                "the file became shorter while it was sent",
                            ));
                        }
                        return Ok(count);
                    }
                    _ => {}
                }
                *open = match parts.next() {
                    None => return Ok(0),
                    Some(Part::Bytes(bytes)) => Some(Open::Bytes(bytes)),
                    Some(Part::File { path, from, length }) => {
                        let mut file = File::open(path)?;
                        file.seek(SeekFrom::Start(*from))?;
                        Some(Open::File(file.take(*length)))
                    }
                };
            },
        }
    }
}
