//! Content codings (RFC 9110, section 8.4.1) taken off on the way to the output.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// The content codings that are understood, as `Accept-Encoding` offers them.
pub const ACCEPTED: &str = "deflate, gzip, br, zstd";

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// zlib (RFC 1950), or bare deflate, which some servers send by that name.
    Deflate,
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878), windows up to 8 MiB (RFC 9659).
    Zstd,
}

impl Coding {
    /// The coding that a `Content-Encoding` names; `None` for one that is not understood, or several.
    pub fn named(value: &str) -> Option<Self> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// As it is named in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Takes a coding off what is written to it and writes the rest on.
pub(super) struct Decoder<W: Write> {
    inner: Inner<W>,
    state: Arc<State>,
}

enum Inner<W: Write> {
    Undecided(Option<Tracked<W>>),
    Gzip(flate2::write::MultiGzDecoder<Tracked<W>>),
    Zlib(flate2::write::ZlibDecoder<Tracked<W>>),
    Deflate(flate2::write::DeflateDecoder<Tracked<W>>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<Tracked<W>>>),
    Zstd(zstd::stream::write::Decoder<'static, Tracked<W>>),
}

/// What passed to the output, and whether the output refused it: a decoder's error does not tell the two apart.
#[derive(Default)]
struct State {
    written: AtomicU64,
    refused: AtomicBool,
}

struct Tracked<W> {
    out: W,
    state: Arc<State>,
}

impl<W: Write> Write for Tracked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.out.write(bytes);
        match &result {
            Ok(count) if *count > 0 || bytes.is_empty() => {
                self.state.written.fetch_add(*count as u64, Ordering::Relaxed);
            }
            _ => self.state.refused.store(true, Ordering::Relaxed),
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Why decoding stopped.
#[derive(Debug)]
pub(super) enum DecodeError {
    /// The output refused.
    Output(io::Error),
    /// The data is not of this coding, or cut.
    Data(io::Error),
}

const WINDOW_LOG: u32 = 23;

impl<W: Write> Decoder<W> {
    pub(super) fn new(coding: Coding, out: W) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let out = Tracked { out, state: Arc::clone(&state) };
        let inner = match coding {
            Coding::Identity | Coding::Deflate => Inner::Undecided(Some(out)),
            Coding::Gzip => Inner::Gzip(flate2::write::MultiGzDecoder::new(out)),
            Coding::Brotli => {
                Inner::Brotli(Box::new(brotli_decompressor::DecompressorWriter::new(out, 64 << 10)))
            }
            Coding::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(out)?;
                decoder.window_log_max(WINDOW_LOG)?;
                Inner::Zstd(decoder)
            }
        };
        Ok(Self { inner, state })
    }

    /// Bytes written on so far.
    pub(super) fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.decide(bytes);
        let result = match &mut self.inner {
            Inner::Undecided(_) => Ok(()),
            Inner::Gzip(d) => d.write_all(bytes),
            Inner::Zlib(d) => d.write_all(bytes),
            Inner::Deflate(d) => d.write_all(bytes),
            Inner::Brotli(d) => d.write_all(bytes),
            Inner::Zstd(d) => d.write_all(bytes),
        };
        result.map_err(|e| self.error(e))
    }

    /// The end of the body: what is still held goes out; data that breaks off is an error.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        let result = match &mut self.inner {
            Inner::Undecided(_) => Ok(()),
            Inner::Gzip(d) => d.try_finish(),
            Inner::Zlib(d) => d.try_finish(),
            Inner::Deflate(d) => d.try_finish(),
            Inner::Brotli(d) => d.close(),
            Inner::Zstd(d) => d.flush(),
        };
        result.map_err(|e| self.error(e))
    }

    /// "deflate" may be zlib or not: the first byte tells (RFC 1950, section 2.2).
    fn decide(&mut self, bytes: &[u8]) {
        if let (Inner::Undecided(out), Some(first)) = (&mut self.inner, bytes.first())
            && let Some(out) = out.take()
        {
            self.inner = match first & 0x0f == 8 && first >> 4 <= 7 {
                true => Inner::Zlib(flate2::write::ZlibDecoder::new(out)),
                false => Inner::Deflate(flate2::write::DeflateDecoder::new(out)),
            };
        }
    }

    fn error(&self, error: io::Error) -> DecodeError {
        match self.state.refused.load(Ordering::Relaxed) {
            true => DecodeError::Output(error),
            false => DecodeError::Data(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(coding: Coding, data: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        let mut decoder = Decoder::new(coding, &mut out).expect("memory");
        data.chunks(3).try_for_each(|piece| decoder.write(piece))?;
        decoder.finish()?;
        drop(decoder);
        Ok(out)
    }

    fn deflate(data: &[u8], zlib: bool) -> Vec<u8> {
        use flate2::{Compression, write};
        if zlib {
            let mut e = write::ZlibEncoder::new(Vec::new(), Compression::default());
            e.write_all(data).expect("memory");
            return e.finish().expect("memory");
        }
        let mut e = write::DeflateEncoder::new(Vec::new(), Compression::default());
        e.write_all(data).expect("memory");
        e.finish().expect("memory")
    }

    #[test]
    fn deflate_by_either_reading() {
        let data = b"the same text, the same text, the same text".repeat(9);
        for zlib in [true, false] {
            assert_eq!(decode(Coding::Deflate, &deflate(&data, zlib)).expect("decodes"), data);
        }
    }

    #[test]
    fn zstd_in_pieces_and_junk_refused() {
        let data = b"zstandard ".repeat(999);
        let packed = zstd::encode_all(&data[..], 3).expect("memory");
        assert_eq!(decode(Coding::Zstd, &packed).expect("decodes"), data);
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate] {
            let verdict = decode(coding, b"\xff\xfe this is none of them \x00\x01\x02\xff\xff\xff");
            assert!(matches!(verdict, Err(DecodeError::Data(_))), "{coding:?}: {verdict:?}");
        }
    }

    #[test]
    fn brotli_and_gzip_members_in_pieces() {
        // One stored meta-block of five bytes, as in RFC 7932, section 9.2.
        assert_eq!(decode(Coding::Brotli, b"\x0b\x02\x80hello\x03").expect("decodes"), b"hello");
        let member = |text: &[u8]| {
            let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            e.write_all(text).expect("memory");
            e.finish().expect("memory")
        };
        let two = [member(b"one, "), member(b"two")].concat();
        assert_eq!(decode(Coding::Gzip, &two).expect("decodes"), b"one, two");
        for cut in [two.len() - 1, member(b"one, ").len() - 4] {
            assert!(matches!(decode(Coding::Gzip, &two[..cut]), Err(DecodeError::Data(_))), "cut at {cut}");
        }
    }

    #[test]
    fn the_output_s_error_is_told_apart() {
        let mut full: &mut [u8] = &mut [0; 4];
        let mut decoder = Decoder::new(Coding::Deflate, &mut full).expect("memory");
        let packed = deflate(&b"x".repeat(100), true);
        let verdict = decoder.write(&packed).and_then(|()| decoder.finish());
        assert!(matches!(verdict, Err(DecodeError::Output(_))));
    }
}
