//! Heads to be sent: fields in the order and spelling that they were given in.

use super::{RequestHead, Version};

/// Fields of a head to be sent, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// A field that would break the head apart: not a name, or a value with CR, LF or NUL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be a header field")]
pub struct InvalidField(pub String);

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) -> Result<(), InvalidField> {
        let (name, value) = (name.into(), value.into());
        let fine = http::HeaderName::from_bytes(name.as_bytes()).is_ok()
            && !value.bytes().any(|b| (b < 32 && b != b'\t') || b == 127);
        if !fine {
            return Err(InvalidField(format!("{name}: {value}").escape_debug().to_string()));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Replaces every field of that name (in any case) by one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), InvalidField> {
        self.remove(name);
        self.push(name, value)
    }

    /// Takes away every field of that name, in any case.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// The first value of that name, in any case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// Appends a whole request head to `out`. `method` and `target` must be free of blanks and controls.
    pub fn request(&self, method: &str, target: &str, version: Version, out: &mut Vec<u8>) {
        for part in [method, " ", target, " ", version.as_str(), "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        self.write(out);
    }

    /// Appends a whole answer's head to `out`.
    pub fn response(&self, status: http::StatusCode, version: Version, out: &mut Vec<u8>) {
        let reason = status.canonical_reason().unwrap_or_default();
        for part in [version.as_str(), " ", status.as_str(), " ", reason, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        self.write(out);
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(if value.is_empty() { b":" } else { b": " });
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl RequestHead {
    /// The path of the target, percent-decoded, without the query; `None` where it is not a path or its
    /// decoding is not UTF-8 or has a NUL.
    pub fn path(&self) -> Option<String> {
        let target = match self.target.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/')?..],
            None => self.target.as_str(),
        };
        let path = target.split(['?', '#']).next()?;
        let bytes = percent_decode(path.strip_prefix('/')?)?;
        String::from_utf8(bytes).ok().filter(|p| !p.contains('\0')).map(|p| format!("/{p}"))
    }
}

/// `%41` to `A`; `None` for a bad escape.
pub(super) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| (b as char).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}
