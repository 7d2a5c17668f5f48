//! The user agent: requests, redirects, cookies, the connections that are kept.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cookie_store::CookieStore;
use tokio::time::Instant;
use url::Url;

use super::{
    Auth, ConnectOptions, Method, Observer, Proxy, Timings,
    connect::{Connector, Goal},
    exchange::{Broken, Conn, Outgoing, exchange},
    failure::{Failure, FailureKind},
    note::{Note, Watch},
    pool::Pool,
    proxy::ProxyKind,
    response::{Context, Response},
    stream::Buffer,
    upload::Body,
};
use crate::{
    Error,
    error::Reason,
    event::Events,
    proto::http::{Fields, Hop, Version, header, redirect},
};

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to.
    pub url: Url,
    /// With what method.
    pub method: Method,
    /// Whether the method stays as it is through redirects.
    pub fixed_method: bool,
    /// The version spoken.
    pub version: Version,
    /// The fields besides those that the client makes: `Host`, `Authorization`, `Cookie`, lengths. A field
    /// given here goes before the client's own.
    pub fields: Fields,
    /// Fields that the client would make and shall not, in any case of letters.
    pub without: Vec<String>,
    /// The body.
    pub body: Body,
    /// The login; it goes before one in the URL.
    pub auth: Option<Auth>,
    /// The proxy.
    pub proxy: Option<Proxy>,
    /// How many redirects are followed; `None` follows none and takes a redirect as the answer.
    pub redirects: Option<u32>,
}

impl Request {
    /// A GET of `url`, following no redirects.
    pub fn get(url: Url) -> Self {
        Self {
            url,
            method: Method::GET,
            fixed_method: false,
            version: Version::Http11,
            fields: Fields::new(),
            without: Vec::new(),
            body: Body::None,
            auth: None,
            proxy: None,
            redirects: None,
        }
    }
}

/// How a client works.
#[derive(Debug)]
pub struct Options {
    /// How connections are made.
    pub connect: ConnectOptions,
    /// The longest wait for the first byte of an answer.
    pub first_byte: Duration,
    /// The longest wait for each byte after it, and for each one sent.
    pub idle: Duration,
}

impl Default for Options {
    /// 300 s each.
    fn default() -> Self {
        let minutes = Duration::from_secs(300);
        Self { connect: ConnectOptions::default(), first_byte: minutes, idle: minutes }
    }
}

/// A user agent: what it learns (connections, names, cookies, TLS sessions) serves all its requests.
pub struct Client {
    connector: Connector,
    first_byte: Duration,
    idle: Duration,
    pool: Arc<Pool>,
    cookies: Mutex<CookieStore>,
    observer: Option<Arc<dyn Observer>>,
    events: Events,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connector", &self.connector).finish_non_exhaustive()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

impl Client {
    /// A client without connections or cookies.
    pub fn new(options: Options) -> Self {
        Self {
            connector: Connector::new(options.connect),
            first_byte: options.first_byte,
            idle: options.idle,
            pool: Arc::default(),
            cookies: Mutex::default(),
            observer: None,
            events: Events::none(),
        }
    }

    /// Tells `observer` and `events` of everything that happens.
    #[must_use]
    pub fn watched(mut self, observer: Option<Arc<dyn Observer>>, events: Events) -> Self {
        self.observer = observer;
        self.events = events;
        self
    }

    /// Sends a request, follows redirects, and gives the answer when its head is there.
    ///
    /// # Errors
    /// Every failure up to the head; `kind` tells which. Too many redirects are one of them.
    pub async fn fetch(&self, request: &Request, id: u64) -> Result<Response, Failure> {
        let watch = Watch { id, observer: self.observer.clone(), events: self.events.clone() };
        let timings = Timings::started(Instant::now());
        let mut request = std::borrow::Cow::Borrowed(request);
        let mut response = self.send(&request, timings, &watch).await?;
        let mut redirects = 0;
        while let Some(hop) = next_hop(&request, &response)? {
            let Some(limit) = request.redirects else {
                response.redirect_to = Some(hop.url);
                break;
            };
            if redirects == limit {
                let reason = Reason::Protocol(format!("more than {limit} redirects"));
                return Err(FailureKind::Redirects.with(Error::new("follow redirects to", hop.url, reason)));
            }
            redirects += 1;
            watch.tell(|| Note::Redirect {
                status: response.head.status.as_u16(),
                to: hop.url.as_str(),
                method: hop.method.as_str(),
            });
            response.discard().await?;
            apply(request.to_mut(), hop)?;
            let mut timings = Timings::started(timings.start);
            timings.redirect = timings.elapsed();
            let next = self.send(&request, timings, &watch).await?;
            let before = std::mem::replace(&mut response, next);
            response.heads.splice(0..0, before.heads);
            response.connects += before.connects;
            response.redirects = redirects;
        }
        Ok(response)
    }

    /// Sends one request; a kept connection that proves closed is replaced by a new one.
    async fn send(
        &self,
        request: &Request,
        mut timings: Timings,
        watch: &Watch,
    ) -> Result<Response, Failure> {
        let goal = self.goal(request)?;
        let key = key(request, goal);
        let head = self.head(request, goal)?;
        let outgoing = Outgoing {
            head: &head,
            method: &request.method,
            body: &request.body,
            host: goal.host,
            first_byte: self.first_byte,
            idle: self.idle,
        };
        let mut connects = 0;
        let (answer, conn) = loop {
            let kept = self.pool.take(&key);
            let used_before = kept.is_some();
            let mut conn = match kept {
                Some(conn) => {
                    timings.reused();
                    watch.tell(|| Note::Reused { host: goal.host, peer: &conn.peer });
                    conn
                }
                None => {
                    connects += 1;
                    let made = self.connector.connect(goal, &mut timings, watch).await?;
                    let (local, peer, tls) = (made.local, made.peer, made.tls);
                    Conn { stream: made.stream, buffer: Buffer::new(), key: key.clone(), local, peer, tls }
                }
            };
            match exchange(&mut conn, &outgoing, &mut timings, watch).await {
                Ok(answer) => break (answer, conn),
                // It was closed while it waited, as servers may: that says nothing of the request.
                Err(Broken { failure, untouched: true })
                    if used_before
                        && request.body.replayable()
                        && failure.kind != FailureKind::Timeout
                        && failure.kind != FailureKind::Read => {}
                Err(Broken { failure, .. }) => return Err(failure),
            }
        };
        self.learn(&request.url, &answer.head.headers);
        Ok(Response::new(
            answer,
            conn,
            Context {
                url: request.url.clone(),
                method: request.method.clone(),
                timings,
                request_size: head.len(),
                connects,
                idle: self.idle,
                watch: watch.clone(),
                pool: Arc::clone(&self.pool),
            },
        ))
    }

    fn goal<'a>(&self, request: &'a Request) -> Result<Goal<'a>, Failure> {
        let url = &request.url;
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            other => {
                let reason = Reason::Usage("only http and https are spoken".into());
                return Err(FailureKind::Scheme.with(Error::new("fetch", format!("{other}: URLs"), reason)));
            }
        };
        let no_host =
            || FailureKind::Url.with(Error::new("fetch", url, Reason::Usage("no host in it".into())));
        let host = url.host_str().ok_or_else(no_host)?;
        let port = url.port_or_known_default().unwrap_or(80);
        let proxy = request.proxy.as_ref().filter(|_| self.connector.options.unix_socket.is_none());
        Ok(Goal { host, port, https, proxy, user_agent: request.fields.value("User-Agent") })
    }

    /// The whole head of a request.
    fn head(&self, request: &Request, goal: Goal<'_>) -> Result<Vec<u8>, Failure> {
        let url = &request.url;
        let mut fields = Fields::new();
        let bad = |e: crate::proto::http::InvalidField| {
            FailureKind::Url.with(Error::new("send", url, Reason::Usage(e.to_string())))
        };
        let given = |name: &str| request.fields.value(name).is_some();
        let wanted =
            |name: &str| !given(name) && !request.without.iter().any(|n| n.eq_ignore_ascii_case(name));
        let plain_proxy = goal.proxy.filter(|p| p.kind == ProxyKind::Http && !goal.https);
        if wanted("Host") {
            let port = url.port().map_or_else(String::new, |p| format!(":{p}"));
            fields.push("Host", format!("{}{port}", goal.host)).map_err(bad)?;
        } else if let Some(host) = request.fields.value("Host") {
            fields.push("Host", host).map_err(bad)?;
        }
        if let Some(login) = plain_proxy.and_then(|p| p.credentials.clone())
            && wanted("Proxy-Authorization")
        {
            fields.push("Proxy-Authorization", Auth::Basic(login).field()).map_err(bad)?;
        }
        let login = request.auth.clone().or_else(|| super::auth::userinfo(url).map(Auth::Basic));
        if let Some(auth) = login
            && wanted("Authorization")
        {
            fields.push("Authorization", auth.field()).map_err(bad)?;
        }
        for (name, value) in request.fields.iter().filter(|(n, _)| !n.eq_ignore_ascii_case("host")) {
            fields.push(name, value).map_err(bad)?;
        }
        let cookies = self.cookies_for(url);
        if !cookies.is_empty() && wanted("Cookie") {
            fields.push("Cookie", cookies).map_err(bad)?;
        }
        match request.body.length() {
            None if wanted("Transfer-Encoding") && !given("Content-Length") => {
                fields.push("Transfer-Encoding", "chunked").map_err(bad)?;
            }
            Some(length) if !matches!(request.body, Body::None) && wanted("Content-Length") => {
                fields.push("Content-Length", length.to_string()).map_err(bad)?;
            }
            _ => {}
        }
        if plain_proxy.is_some() && wanted("Proxy-Connection") {
            fields.push("Proxy-Connection", "Keep-Alive").map_err(bad)?;
        }
        let mut out = Vec::with_capacity(512);
        fields.request(
            request.method.as_str(),
            &target(url, plain_proxy.is_some()),
            request.version,
            &mut out,
        );
        Ok(out)
    }

    fn cookies_for(&self, url: &Url) -> String {
        let jar = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = jar.get_request_values(url).map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Keeps the cookies of an answer, for this client's life.
    fn learn(&self, url: &Url, headers: &crate::proto::http::HeaderMap) {
        if !headers.contains_key(header::SET_COOKIE) {
            return;
        }
        let mut jar = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for value in headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok()) {
            // A cookie that is not for this host, or malformed, is not kept.
            let _ = jar.parse(value, url);
        }
    }
}

/// What names a kept connection: the origin, and the way there.
fn key(request: &Request, goal: Goal<'_>) -> String {
    let scheme = if goal.https { "https" } else { "http" };
    match &goal.proxy {
        // Whatever the host, plain requests share the connection to the proxy.
        Some(p) if p.kind == ProxyKind::Http && !goal.https => format!("proxy {}", p.name()),
        Some(p) => format!("{scheme}://{}:{} by {:?} {}", goal.host, goal.port, p.kind, p.name()),
        None => format!("{scheme}://{}:{}", goal.host, request.url.port_or_known_default().unwrap_or(80)),
    }
}

/// The request target: the path, or to a proxy the whole URL, without login and fragment.
fn target(url: &Url, whole: bool) -> String {
    if whole {
        let mut url = url.clone();
        url.set_fragment(None);
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        return url.into();
    }
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn next_hop(request: &Request, response: &Response) -> Result<Option<Hop>, Failure> {
    let location = response.head.headers.get(header::LOCATION).map(|v| v.as_bytes());
    let hop = redirect(response.head.status, location, &request.url, &request.method, request.fixed_method);
    match hop {
        Ok(hop) => Ok(hop),
        Err(_) if request.redirects.is_none() => Ok(None),
        Err(e) => {
            let error = Error::new("follow the redirect of", &request.url, Reason::Protocol(e.to_string()));
            Err(FailureKind::Scheme.with(error))
        }
    }
}

/// Turns a request into that of the next hop: no credentials to another origin, no body where it became GET.
fn apply(request: &mut Request, hop: Hop) -> Result<(), Failure> {
    if !hop.same_origin {
        request.auth = None;
        for name in ["Authorization", "Cookie", "Host"] {
            request.fields.remove(name);
        }
    }
    let login = (request.url.username().to_owned(), request.url.password().map(str::to_owned));
    request.url = hop.url;
    if hop.same_origin && request.url.username().is_empty() {
        let _ =
            request.url.set_username(&login.0).and_then(|()| request.url.set_password(login.1.as_deref()));
    }
    request.method = hop.method;
    if !hop.body {
        request.body = Body::None;
        for name in ["Content-Type", "Content-Length", "Transfer-Encoding"] {
            request.fields.remove(name);
        }
    } else if !request.body.replayable() {
        let reason = Reason::Usage("the body came from the standard input and cannot be sent again".into());
        return Err(FailureKind::Send.with(Error::new("follow the redirect to", &request.url, reason)));
    }
    Ok(())
}
