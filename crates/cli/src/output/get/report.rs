//! What is known of a transfer at its end: `--json` prints it, `-w` picks from it.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;
use sockeye::{
    http::{Failure, FailureKind, Request, Response, Timings, Version},
    tls::Facts,
};

/// What is known of a transfer.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(skip)]
    pub(super) id: u64,
    /// The URL asked for, without login.
    pub(super) url: String,
    /// The URL that answered.
    pub(super) url_effective: String,
    pub(super) method: String,
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http_version: Option<&'static str>,
    /// Names in small letters; every value of each.
    pub(super) headers: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) trailers: BTreeMap<String, Vec<String>>,
    /// How the body's end was known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) framing: String,
    pub(super) local: String,
    pub(super) remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<Facts>,
    /// In seconds, each since the transfer began.
    pub(super) timings: Seconds,
    pub(super) size_download: u64,
    pub(super) size_upload: u64,
    pub(super) size_header: usize,
    pub(super) size_request: usize,
    pub(super) redirects: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_url: Option<String>,
    pub(super) connects: u32,
    pub(crate) retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failed>,
    /// Bytes of body over all tries.
    #[serde(skip)]
    pub(crate) written: u64,
    /// Whether anyone will read it.
    #[serde(skip)]
    read: bool,
    #[serde(skip)]
    start: std::time::Instant,
}

/// When what happened, in seconds since the transfer began.
#[derive(Debug, Default, Serialize)]
pub(super) struct Seconds {
    pub(super) name: f64,
    pub(super) connect: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<f64>,
    pub(super) pretransfer: f64,
    pub(super) first_byte: f64,
    pub(super) redirect: f64,
    pub(super) total: f64,
}

/// How a transfer failed.
#[derive(Debug, Serialize)]
pub(super) struct Failed {
    pub(super) kind: FailureKind,
    pub(super) exit_code: u8,
    pub(super) message: String,
}

impl Report {
    /// Nothing but what was asked. `read`: someone will read it; else little is filled in.
    pub(crate) fn new(id: u64, request: &Request, read: bool) -> Self {
        let mut url = request.url.clone();
        let _ = url.set_password(None).and_then(|()| url.set_username(""));
        Self {
            id,
            url: url.to_string(),
            url_effective: url.into(),
            method: request.method.to_string(),
            status: None,
            reason: None,
            http_version: None,
            headers: BTreeMap::new(),
            trailers: BTreeMap::new(),
            framing: String::new(),
            local: String::new(),
            remote: String::new(),
            tls: None,
            timings: Seconds::default(),
            size_download: 0,
            size_upload: 0,
            size_header: 0,
            size_request: 0,
            redirects: 0,
            redirect_url: None,
            connects: 0,
            retries: 0,
            file: None,
            error: None,
            written: 0,
            read,
            start: std::time::Instant::now(),
        }
    }

    /// The head is there.
    pub(crate) fn answered(&mut self, response: &Response) {
        if !self.read {
            return;
        }
        let head = &response.head;
        let mut url = response.url.clone();
        let _ = url.set_password(None).and_then(|()| url.set_username(""));
        self.url_effective = url.into();
        self.method = response.method.to_string();
        self.status = Some(head.status.as_u16());
        self.reason = Some(head.reason.clone());
        self.http_version = Some(match head.version {
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        });
        self.headers = fields(&head.headers);
        self.framing = response.framing();
        self.local = response.local().to_owned();
        self.remote = response.peer().to_owned();
        self.tls = response.tls().cloned();
        self.size_header = response.heads.iter().map(Vec::len).sum();
        self.size_request = response.request_size;
        self.redirects = response.redirects;
        self.redirect_url = response.redirect_to.as_ref().map(ToString::to_string);
        self.connects += response.connects;
        self.took(&response.timings);
    }

    /// The body is there, or as much of it as came.
    pub(crate) fn received(&mut self, response: &Response) {
        if !self.read {
            return;
        }
        self.trailers = fields(&response.trailers);
        self.size_download = response.received();
        self.took(&response.timings);
    }

    /// The transfer failed.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.size_download = self.size_download.max(self.written);
        self.timings.total = self.start.elapsed().as_secs_f64();
        let (kind, message) = (failure.kind, failure.to_string());
        self.error = Some(Failed { kind, exit_code: kind.exit_code(), message });
    }

    fn took(&mut self, timings: &Timings) {
        self.size_upload = timings.sent;
        self.timings = Seconds {
            name: timings.name.as_secs_f64(),
            connect: timings.connect.as_secs_f64(),
            tls: timings.tls.map(|t| t.as_secs_f64()),
            pretransfer: timings.pretransfer.as_secs_f64(),
            first_byte: timings.first_byte.as_secs_f64(),
            redirect: timings.redirect.as_secs_f64(),
            total: self.start.elapsed().as_secs_f64(),
        };
    }

    /// Bytes of body each second.
    pub(super) fn speed(&self, bytes: u64) -> u64 {
        let seconds = self.timings.total;
        if seconds > 0.0 { (bytes as f64 / seconds) as u64 } else { 0 }
    }
}

fn fields(headers: &sockeye::proto::http::HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        map.entry(name.to_string()).or_default().push(text);
    }
    map
}
