//! What a request for a file is answered with (RFC 9110: conditions in section 13, ranges in section 14).

use std::{
    fmt::Write,
    fs::{File, Metadata},
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    time::{Duration, SystemTime},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};

use super::file_type;
use crate::proto::http::{Fields, HeaderName, Method, RangeRequest, RequestHead, StatusCode, header};

/// An answer, ready to be sent.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: Fields,
    pub(super) content: Content,
    /// The length of the content, also where HEAD keeps it back.
    pub(super) length: u64,
}

pub(super) enum Content {
    None,
    Bytes(Vec<u8>),
    File { file: File, from: u64 },
}

/// What `head` is answered with, from beneath `root`.
pub(super) fn to(root: &OwnedFd, head: &RequestHead, listing: bool, now: SystemTime) -> Answer {
    if head.method != Method::GET && head.method != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, now, "only GET and HEAD are served\n");
        push(&mut answer.fields, "Allow", "GET, HEAD");
        return answer;
    }
    let Some(path) = head.path() else { return text(StatusCode::BAD_REQUEST, now, "bad path\n") };
    match find(root, &path, listing, now) {
        Ok(Found::File { file, meta, name }) => with_file(head, file, &meta, &name, now),
        Ok(Found::Directory(answer)) => answer,
        Err(Errno::ACCESS | Errno::PERM) => text(StatusCode::FORBIDDEN, now, "not allowed\n"),
        Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
            text(StatusCode::SERVICE_UNAVAILABLE, now, "try again later\n")
        }
        Err(_) => text(StatusCode::NOT_FOUND, now, "not found\n"),
    }
}

enum Found {
    File { file: File, meta: Metadata, name: String },
    Directory(Answer),
}

fn find(root: &OwnedFd, path: &str, listing: bool, now: SystemTime) -> Result<Found, Errno> {
    let relative = path.trim_start_matches('/');
    let (file, meta) = open(root, if relative.is_empty() { "." } else { relative })?;
    if meta.is_file() {
        // "file/" names something in a directory that is none.
        return if path.ends_with('/') {
            Err(Errno::NOENT)
        } else {
            Ok(Found::File { file, meta, name: path.into() })
        };
    }
    if !meta.is_dir() {
        return Err(Errno::NOENT);
    }
    if !path.ends_with('/') {
        let mut answer = text(StatusCode::MOVED_PERMANENTLY, now, "this is a directory\n");
        // Relative to the request: a name from the path may not become a host.
        let last = path.rsplit('/').next().unwrap_or_default();
        push(&mut answer.fields, "Location", &format!("./{}/", escaped_url(last)));
        return Ok(Found::Directory(answer));
    }
    match open(root, &format!("{relative}index.html")) {
        Ok((file, meta)) if meta.is_file() => Ok(Found::File { file, meta, name: "index.html".into() }),
        _ if listing => Ok(Found::Directory(list(&file, path, now)?)),
        _ => Err(Errno::NOENT),
    }
}

/// Opens for reading, beneath the root whatever dots and links say; never waits for a FIFO's other end.
fn open(root: &OwnedFd, path: &str) -> Result<(File, Metadata), Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = File::from(openat2(root, path, flags, Mode::empty(), resolve)?);
    let meta = file.metadata().map_err(|_| Errno::IO)?;
    Ok((file, meta))
}

fn with_file(head: &RequestHead, file: File, meta: &Metadata, name: &str, now: SystemTime) -> Answer {
    let length = meta.len();
    let tag = format!("\"{:x}-{:x}-{length:x}\"", meta.mtime(), meta.mtime_nsec());
    // HTTP's dates have seconds.
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(meta.mtime()).unwrap_or(0));
    let mut fields = dated(now);
    push(&mut fields, "Last-Modified", &httpdate::fmt_http_date(changed));
    push(&mut fields, "ETag", &tag);
    push(&mut fields, "Accept-Ranges", "bytes");
    if unchanged(head, &tag, changed) {
        return Answer { status: StatusCode::NOT_MODIFIED, fields, content: Content::None, length: 0 };
    }
    let range = field(head, &header::RANGE).filter(|_| same_as_before(head, &tag, changed));
    let span = match range.and_then(|r| RangeRequest::parse(r.as_bytes())).map(|r| r.within(length)) {
        None => None,
        Some(Ok(span)) => Some(span),
        Some(Err(_)) => {
            let mut answer = text(StatusCode::RANGE_NOT_SATISFIABLE, now, "no such range\n");
            push(&mut answer.fields, "Content-Range", &format!("bytes */{length}"));
            return answer;
        }
    };
    push(&mut fields, "Content-Type", file_type::of(name));
    let (status, from, length) = match span {
        None => (StatusCode::OK, 0, length),
        Some(span) => {
            let range = format!("bytes {}-{}/{length}", span.first, span.last);
            push(&mut fields, "Content-Range", &range);
            (StatusCode::PARTIAL_CONTENT, span.first, span.last - span.first + 1)
        }
    };
    push(&mut fields, "Content-Length", &length.to_string());
    Answer { status, fields, content: Content::File { file, from }, length }
}

/// RFC 9110, section 13.2.2: `If-None-Match` goes before `If-Modified-Since`.
fn unchanged(head: &RequestHead, tag: &str, changed: SystemTime) -> bool {
    if let Some(tags) = field(head, &header::IF_NONE_MATCH) {
        return tags.split(',').map(str::trim).any(|t| t == "*" || t.strip_prefix("W/").unwrap_or(t) == tag);
    }
    let since = field(head, &header::IF_MODIFIED_SINCE).and_then(|d| httpdate::parse_http_date(d).ok());
    since.is_some_and(|since| changed <= since)
}

/// RFC 9110, section 13.1.5: a range of what the client does not have a part of is of no use.
fn same_as_before(head: &RequestHead, tag: &str, changed: SystemTime) -> bool {
    match field(head, &header::IF_RANGE) {
        None => true,
        Some(validator) if validator.starts_with('"') => validator == tag,
        Some(date) => httpdate::parse_http_date(date).is_ok_and(|date| date == changed),
    }
}

fn field<'a>(head: &'a RequestHead, name: &HeaderName) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

fn dated(now: SystemTime) -> Fields {
    let mut fields = Fields::new();
    push(&mut fields, "Date", &httpdate::fmt_http_date(now));
    fields
}

fn push(fields: &mut Fields, name: &str, value: &str) {
    // What could break a head apart is left out of it.
    let _ = fields.push(name, value);
}

fn text(status: StatusCode, now: SystemTime, text: &str) -> Answer {
    page(status, now, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

fn page(status: StatusCode, now: SystemTime, kind: &str, bytes: Vec<u8>) -> Answer {
    let mut fields = dated(now);
    let length = bytes.len() as u64;
    push(&mut fields, "Content-Type", kind);
    push(&mut fields, "Content-Length", &length.to_string());
    Answer { status, fields, content: Content::Bytes(bytes), length }
}

/// The names in a directory, sorted, as links.
fn list(dir: &File, path: &str, now: SystemTime) -> Result<Answer, Errno> {
    /// A listing is for people.
    const MOST: usize = 10_000;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)?.take(MOST) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            let slash = if entry.file_type() == rustix::fs::FileType::Directory { "/" } else { "" };
            names.push((name, slash));
        }
    }
    names.sort();
    let title = escaped_html(path);
    let mut html = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body><h1>{title}</h1><ul>\n"
    );
    for (name, slash) in names {
        let (link, shown) = (escaped_url(&name), escaped_html(&name));
        html.push_str(&format!("<li><a href=\"./{link}{slash}\">{shown}{slash}</a></li>\n"));
    }
    html.push_str("</ul></body></html>\n");
    Ok(page(StatusCode::OK, now, "text/html; charset=utf-8", html.into_bytes()))
}

fn escaped_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn escaped_url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("memory takes all"),
        }
    }
    out
}
