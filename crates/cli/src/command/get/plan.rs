//! From the flags to a client and one job for each URL.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use sockeye::{
    Error,
    error::Reason,
    http::{
        ACCEPTED, Auth, ConnectOptions, ConnectTo, Credentials, Failure, FailureKind, Fields, Method,
        Options, Proxy, Request, Url, Version,
    },
    proto::address::Family,
    tls::{ClientOptions, Identity, Verify, Versions},
};

use super::payload;
use crate::args::{Get, GetConnection};

/// One URL to fetch.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) request: Request,
    pub(super) target: Target,
}

/// Where a body goes.
pub(super) enum Target {
    Stdout,
    /// Nowhere: the explanation of the exchange, or the JSON, is the output.
    Nowhere,
    File(PathBuf),
    /// A file in this directory, named by the server or else by the URL.
    NamedByServer(PathBuf),
}

fn usage(attempt: &'static str, target: impl std::fmt::Display, why: impl Into<String>) -> Error {
    Error::new(attempt, target, Reason::Usage(why.into()))
}

/// How the client works.
pub(super) fn client(args: &GetConnection) -> Result<Options, Error> {
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Any,
    };
    let tls = ClientOptions {
        cafile: args.cacert.clone(),
        capath: args.capath.clone(),
        verify: if args.insecure { Verify::Nothing } else { Verify::Full },
        alpn: vec!["http/1.1".into()],
        identity: args.cert.clone().map(|cert| Identity { cert, key: args.key.clone() }),
        versions: if args.tls13 { Versions::From13 } else { Versions::From12 },
        ..ClientOptions::default()
    };
    let idle = limit(args.idle_timeout);
    Ok(Options {
        connect: ConnectOptions {
            tls,
            resolve: args.resolve.iter().map(|t| resolve(t)).collect::<Result<_, _>>()?,
            connect_to: args.connect_to.iter().map(|t| connect_to(t)).collect::<Result<_, _>>()?,
            unix_socket: args.unix_socket.clone(),
            family,
            timeout: limit(args.connect_timeout),
        },
        first_byte: idle,
        idle,
    })
}

/// A limit; 0 is none, as in curl.
pub(super) fn limit(time: Duration) -> Duration {
    const NONE: Duration = Duration::from_secs(u32::MAX as u64);
    if time.is_zero() { NONE } else { time.min(NONE) }
}

/// `HOST:PORT:ADDRESS[,ADDRESS]`; addresses may stand in brackets.
fn resolve(text: &str) -> Result<(String, u16, Vec<IpAddr>), Error> {
    let bad = || usage("use", format!("--resolve {text}"), "it must be HOST:PORT:ADDRESS[,ADDRESS]");
    let (host, rest) = text.trim_start_matches(['+', '-']).split_once(':').ok_or_else(bad)?;
    let (port, addresses) = rest.split_once(':').ok_or_else(bad)?;
    let address = |a: &str| a.trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| bad());
    let addresses = addresses.split(',').map(address).collect::<Result<_, _>>()?;
    Ok((host.to_owned(), port.parse().map_err(|_| bad())?, addresses))
}

/// `HOST:PORT:HOST:PORT`, each of which may be empty; IPv6 in brackets.
fn connect_to(text: &str) -> Result<ConnectTo, Error> {
    let bad = || usage("use", format!("--connect-to {text}"), "it must be HOST:PORT:HOST:PORT");
    let mut parts = Vec::new();
    let mut rest = text;
    while parts.len() < 4 {
        let end = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']').ok_or_else(bad)? + 2,
            None => rest.find(':').unwrap_or(rest.len()),
        };
        parts.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix(':') {
            Some(more) => rest = more,
            None if rest.is_empty() => break,
            None => return Err(bad()),
        }
    }
    let [from, from_port, to, to_port] = <[String; 4]>::try_from(parts).map_err(|_| bad())?;
    let port = |p: &str| if p.is_empty() { Ok(0) } else { p.parse().map_err(|_| bad()) };
    Ok(ConnectTo { from: (from, port(&from_port)?), to: (to, port(&to_port)?) })
}

/// A job for each URL.
pub(super) fn jobs(args: &Get) -> Result<Vec<Job>, Failure> {
    let as_url = |e: Error| FailureKind::Url.with(e);
    let payload = payload::of(&args.request).map_err(|e| FailureKind::Read.with(e))?;
    let urls = args.urls.iter().chain(&args.url_option);
    let mut outputs = args.output.output.iter();
    let mut jobs = Vec::new();
    for (id, text) in (1..).zip(urls) {
        let url = payload::url(text, &payload, &args.request)?;
        let mut request = request(args, url).map_err(as_url)?;
        if !payload.query {
            payload.apply(&mut request).map_err(as_url)?;
        }
        let target = target(args, outputs.next(), &request.url)?;
        jobs.push(Job { id, request, target });
    }
    Ok(jobs)
}

fn target(args: &Get, output: Option<&PathBuf>, url: &Url) -> Result<Target, Failure> {
    let dir = args.output.output_dir.clone().unwrap_or_default();
    match output {
        Some(path) if path.as_os_str() == "-" => Ok(Target::Stdout),
        Some(path) => Ok(Target::File(dir.join(path))),
        None if args.output.remote_name && args.output.remote_header_name => Ok(Target::NamedByServer(dir)),
        None if args.output.remote_name => Ok(Target::File(dir.join(remote_name(url)?))),
        None if args.show.wire || args.show.json => Ok(Target::Nowhere),
        None => Ok(Target::Stdout),
    }
}

/// The last part of the URL's path, as curl names files.
pub(super) fn remote_name(url: &Url) -> Result<String, Failure> {
    let last = url.path().rsplit('/').next().unwrap_or_default();
    sockeye::proto::http::safe_name(last).ok_or_else(|| {
        let error = usage("name a file after", url, "its path ends without a name");
        FailureKind::Write.with(error.hint("name the file with -o"))
    })
}

fn request(args: &Get, url: Url) -> Result<Request, Error> {
    let typed = &args.request;
    let mut request = Request::get(url);
    request.method = match (&typed.method, typed.head) {
        (Some(name), _) => Method::from_bytes(name.as_bytes())
            .map_err(|_| usage("use the method", name, "it must be a word without blanks"))?,
        (None, true) => Method::HEAD,
        (None, false) => Method::GET,
    };
    request.fixed_method = typed.method.is_some();
    request.version = if typed.http1_0 { Version::Http10 } else { Version::Http11 };
    request.redirects = typed.location.then(|| u32::try_from(typed.max_redirs).unwrap_or(u32::MAX));
    let field = |e: sockeye::proto::http::InvalidField| usage("send", "the header", e.to_string());
    let agent =
        typed.user_agent.clone().unwrap_or_else(|| concat!("sockeye/", env!("CARGO_PKG_VERSION")).into());
    let range = typed.range.as_ref().map(|r| format!("bytes={r}"));
    let compressed = typed.compressed.then(|| ACCEPTED.to_owned());
    let fields = [
        ("User-Agent", Some(agent).filter(|a| !a.is_empty())),
        ("Accept", Some("*/*".into())),
        ("Range", range),
        ("Accept-Encoding", compressed),
        ("Referer", typed.referer.clone()),
        ("Cookie", typed.cookie.clone()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            request.fields.push(name, value).map_err(field)?;
        }
    }
    for line in header_lines(&typed.headers)? {
        header(&mut request, &line).map_err(field)?;
    }
    request.auth = match (&typed.user, &typed.oauth2_bearer) {
        (Some(login), _) => {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Some(Auth::Basic(Credentials { user: user.into(), password: password.into() }))
        }
        (None, Some(token)) => Some(Auth::Bearer(token.clone())),
        (None, None) => None,
    };
    request.proxy = proxy(&args.connection, &request.url)?;
    Ok(request)
}

fn header_lines(typed: &[String]) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for line in typed {
        let Some(path) = line.strip_prefix('@') else {
            lines.push(line.clone());
            continue;
        };
        let text = std::fs::read_to_string(path).map_err(|e| Error::new("read headers from", path, e))?;
        lines.extend(text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned));
    }
    Ok(lines)
}

/// curl's reading of -H: `Name: value`, `Name:` takes the client's own away, `Name;` sends it empty.
fn header(request: &mut Request, line: &str) -> Result<(), sockeye::proto::http::InvalidField> {
    if let Some((name, value)) = line.split_once(':') {
        // The first one given replaces the client's own; more of the same name stand beside it.
        let own = ["user-agent", "accept", "range", "accept-encoding", "referer", "host"];
        if own.iter().any(|n| name.eq_ignore_ascii_case(n)) {
            request.fields.remove(name);
        }
        match value.trim() {
            "" => request.without.push(name.to_owned()),
            value => request.fields.push(name, value)?,
        }
        return Ok(());
    }
    match line.trim_end().strip_suffix(';') {
        Some(name) => request.fields.push(name, ""),
        None => Fields::new().push(line, ""),
    }
}

/// The proxy of -x, or of the environment as curl reads it.
fn proxy(args: &GetConnection, url: &Url) -> Result<Option<Proxy>, Error> {
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let either = |name: &str| env(name).or_else(|| env(&name.to_uppercase()));
    let typed = args.proxy.clone().or_else(|| match url.scheme() {
        // HTTP_PROXY in capitals can be set by a client of a CGI program, so it does not count.
        "http" => env("http_proxy").or_else(|| either("all_proxy")),
        _ => either("https_proxy").or_else(|| either("all_proxy")),
    });
    let Some(typed) = typed.filter(|p| !p.is_empty()) else { return Ok(None) };
    let except = args.noproxy.clone().or_else(|| either("no_proxy")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let excepted =
        except.split([',', ' ']).map(|e| e.trim_matches(['[', ']']).trim_start_matches('.')).any(|e| {
            let inside = host.strip_suffix(e).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            e == "*" || (!e.is_empty() && inside)
        });
    if excepted { Ok(None) } else { typed.parse().map(Some) }
}
