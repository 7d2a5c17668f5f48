//! Request bodies as curl's flags describe them: data, forms, uploads.

use std::{fs, io::Read, path::Path};

use sockeye::{
    Error,
    error::Reason,
    http::{Body, Failure, FailureKind, Method, Part, Request, Url},
};

use crate::args::GetRequest;

/// What is to be sent with each request.
pub(super) struct Payload {
    body: Body,
    content_type: Option<String>,
    method: Method,
    /// -G: it goes into the query instead.
    pub(super) query: bool,
    /// -T: its name completes a URL that ends with a slash.
    upload_name: Option<String>,
}

impl Payload {
    /// Gives the request this body; the user's method and fields stay.
    pub(super) fn apply(&self, request: &mut Request) -> Result<(), Error> {
        if matches!(self.body, Body::None) {
            return Ok(());
        }
        request.body = self.body.clone();
        if !request.fixed_method {
            request.method = self.method.clone();
        }
        if let Some(kind) = &self.content_type
            && request.fields.value("Content-Type").is_none()
            && !request.without.iter().any(|n| n.eq_ignore_ascii_case("content-type"))
        {
            let bad = |e: sockeye::proto::http::InvalidField| {
                Error::new("send", "the form", Reason::Usage(e.to_string()))
            };
            request.fields.push("Content-Type", kind.as_str()).map_err(bad)?;
        }
        Ok(())
    }
}

/// What the flags describe.
pub(super) fn of(args: &GetRequest) -> Result<Payload, Error> {
    let none = Payload {
        body: Body::None,
        content_type: None,
        method: Method::POST,
        query: args.get,
        upload_name: None,
    };
    if let Some(path) = &args.upload_file {
        return upload(path, none);
    }
    if !args.forms.is_empty() {
        return multipart(&args.forms, none);
    }
    let mut pieces = Vec::new();
    for text in &args.data {
        pieces.push(match text.strip_prefix('@') {
            Some(path) => read(path)?.into_iter().filter(|b| !matches!(b, b'\r' | b'\n' | 0)).collect(),
            None => text.clone().into_bytes(),
        });
    }
    for text in &args.data_binary {
        pieces.push(match text.strip_prefix('@') {
            Some(path) => read(path)?,
            None => text.clone().into_bytes(),
        });
    }
    pieces.extend(args.data_raw.iter().map(|t| t.clone().into_bytes()));
    for text in &args.data_urlencode {
        pieces.push(urlencoded(text)?.into_bytes());
    }
    if pieces.is_empty() {
        return Ok(Payload { query: false, ..none });
    }
    let body = Body::bytes(pieces.join(&b'&'));
    Ok(Payload { body, content_type: Some("application/x-www-form-urlencoded".into()), ..none })
}

/// A URL as typed, with the data of -G and the file name of -T where they belong.
pub(super) fn url(text: &str, payload: &Payload, args: &GetRequest) -> Result<Url, Failure> {
    let bad = |why: String| FailureKind::Url.with(Error::new("fetch", text, Reason::Usage(why)));
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&whole).map_err(|e| bad(e.to_string()))?;
    if payload.query
        && let Body::Parts(parts) = &payload.body
    {
        let data = parts.iter().filter_map(|p| match p {
            Part::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
            Part::File { .. } => None,
        });
        let query: Vec<_> = url.query().map(Into::into).into_iter().chain(data).collect();
        url.set_query(Some(&query.join("&")));
    }
    if let (Some(name), true) =
        (&payload.upload_name, args.upload_file.is_some() && url.path().ends_with('/'))
    {
        url = url.join(name).map_err(|e| bad(e.to_string()))?;
    }
    Ok(url)
}

fn read(path: &str) -> Result<Vec<u8>, Error> {
    if path == "-" {
        let mut all = Vec::new();
        let read = std::io::stdin().read_to_end(&mut all);
        return read.map(|_| all).map_err(|e| Error::new("read", "the standard input", e));
    }
    fs::read(path).map_err(|e| Error::new("read", path, e))
}

fn upload(path: &Path, none: Payload) -> Result<Payload, Error> {
    let method = Method::PUT;
    if path.as_os_str() == "-" || path.as_os_str() == "." {
        return Ok(Payload { body: Body::Stdin, method, ..none });
    }
    let upload_name = path.file_name().map(|n| format!("./{}", n.to_string_lossy()));
    Ok(Payload { body: Body::Parts(vec![file(path)?]), method, upload_name, ..none })
}

fn file(path: &Path) -> Result<Part, Error> {
    let meta = fs::metadata(path).map_err(|e| Error::new("read", path.display(), e))?;
    if meta.is_dir() {
        let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(Error::new("read", path.display(), error));
    }
    // What is no regular file has no length beforehand.
    match meta.is_file() {
        true => Ok(Part::File { path: path.to_owned(), from: 0, length: meta.len() }),
        false => read(&path.to_string_lossy()).map(Part::Bytes),
    }
}

/// `content`, `=content`, `name=content`, `@file`, `name@file`: all but the name is percent-encoded.
fn urlencoded(text: &str) -> Result<String, Error> {
    match text.find(['=', '@']) {
        None => Ok(percent_encoded(text.as_bytes())),
        Some(at) => {
            let (name, rest) = text.split_at(at);
            let content = match rest.strip_prefix('@') {
                Some(path) => read(path)?,
                None => rest.as_bytes()[1..].to_vec(),
            };
            let equals = if name.is_empty() { "" } else { "=" };
            Ok(format!("{name}{equals}{}", percent_encoded(&content)))
        }
    }
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
fn percent_encoded(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => write!(out, "%{byte:02X}").expect("memory takes all"),
        }
    }
    out
}

/// A multipart form (RFC 7578) of `name=text`, `name=@file`, `name=<file` with `;type=` and `;filename=`.
fn multipart(forms: &[String], none: Payload) -> Result<Payload, Error> {
    let boundary = boundary();
    let mut parts = Vec::new();
    for form in forms {
        let bad = || Error::new("use the form part", form, Reason::Usage("it must be NAME=CONTENT".into()));
        let (name, content) = form.split_once('=').ok_or_else(bad)?;
        let (content, kind, file_name) = parameters(content);
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(name));
        let (part, own_kind) = match content.split_at_checked(1) {
            Some(("@", path)) => {
                let own = Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned());
                let shown = file_name.or(own).unwrap_or_default();
                head.push_str(&format!("; filename=\"{}\"", quoted(&shown)));
                let part = if path == "-" { Part::Bytes(read("-")?) } else { file(Path::new(path))? };
                (part, Some(guessed(&shown)))
            }
            Some(("<", path)) => (Part::Bytes(read(path)?), None),
            _ => (Part::Bytes(content.to_owned().into_bytes()), None),
        };
        if let Some(kind) = kind.as_deref().or(own_kind) {
            head.push_str(&format!("\r\nContent-Type: {kind}"));
        }
        head.push_str("\r\n\r\n");
        parts.extend([Part::Bytes(head.into_bytes()), part, Part::Bytes(b"\r\n".to_vec())]);
    }
    parts.push(Part::Bytes(format!("--{boundary}--\r\n").into_bytes()));
    let content_type = Some(format!("multipart/form-data; boundary={boundary}"));
    Ok(Payload { body: Body::Parts(parts), content_type, ..none })
}

/// Content without its `;type=` and `;filename=`, and these.
fn parameters(text: &str) -> (String, Option<String>, Option<String>) {
    let (mut kind, mut name) = (None, None);
    let mut kept = Vec::new();
    for piece in text.split(';') {
        match piece.split_once('=') {
            Some(("type", value)) => kind = Some(value.to_owned()),
            Some(("filename", value)) => name = Some(value.trim_matches('"').to_owned()),
            _ => kept.push(piece),
        }
    }
    (kept.join(";"), kind, name)
}

/// RFC 7578, section 2 and the HTML standard: quotes and line ends are percent-encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn guessed(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// A line that stands in no content: a hash with the process's random keys.
fn boundary() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one(std::process::id());
    format!("------------------------{:016x}{:016x}", random(), random())
}
