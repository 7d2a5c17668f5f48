//! Static files, served to curl and to clients that misbehave.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use sockeye::{
    endpoint::{Context, Direction, Opened, clients::Limits, open},
    http::server::{Files, Options, serve},
    proto::address::Address,
    stop::{Stopper, Urgency},
};

use crate::support::{self, PATIENCE, peers};

/// Runs `test` against a server of `root`; gives it the port.
fn with_server(root: &Path, options: Options, test: impl FnOnce(u16)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let files = Arc::new(Files::new(root, options).expect("a directory"));
    let address = Address::parse("TCP-LISTEN:0,bind=127.0.0.1,backlog=1024,fork").expect("an address");
    let (stopper, stop) = Stopper::new();
    let opened = runtime.block_on(open(&address, Direction::Both, &Context::default())).expect("a port");
    let Opened::Listener(listener) = opened else { panic!("it listens") };
    let local = listener.about().local.clone().expect("bound");
    let port = local.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    let serving = runtime.spawn(async move { serve(files, *listener, &Limits::default(), &stop).await });
    test(port);
    stopper.ask(Urgency::Now);
    runtime.block_on(serving).expect("no panic").expect("it served");
}

/// Sends these bytes and reads until the server closes.
fn talk(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("TCP");
    stream.write_all(bytes).expect("open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("closed in order");
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request, with `Connection: close` and these lines.
fn ask(port: u16, request: &str, lines: &str) -> String {
    talk(port, format!("{request} HTTP/1.1\r\nHost: h\r\n{lines}Connection: close\r\n\r\n").as_bytes())
}

fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer:?}"))
}

fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    answer
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
        .unwrap_or_else(|| panic!("{name}: {answer}"))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head").1
}

#[test]
fn files_are_served_byte_exact() {
    if !peers(&["curl"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    let out = tempfile::tempdir().expect("a directory");
    let sizes = [0, 1, 1024, 32 << 10, (32 << 10) + 1, 5_000_001];
    let content = |size: usize| (0..size).map(|i| (i * 7 + i / 251) as u8).collect::<Vec<_>>();
    for size in sizes {
        fs::write(temp.path().join(size.to_string()), content(size)).expect("a file");
    }
    with_server(temp.path(), Options::default(), |port| {
        let urls: Vec<_> = sizes.iter().map(|size| format!("http://127.0.0.1:{port}/{size}")).collect();
        let got = Command::new("curl")
            .args(["-sS", "--noproxy", "*", "-w", "%{num_connects}", "--remote-name-all", "--output-dir"])
            .arg(out.path())
            .args(&urls)
            .output()
            .expect("curl");
        assert_eq!(String::from_utf8_lossy(&got.stdout), "100000", "one connection: {got:?}");
        for size in sizes {
            assert!(
                fs::read(out.path().join(size.to_string())).expect("the file") == content(size),
                "{size}"
            );
        }
        let whole = content(5_000_001);
        for (range, from, to) in
            [("100-199", 100, 200), ("4000000-", 4_000_000, 5_000_001), ("-7", 4_999_994, 5_000_001)]
        {
            let got = Command::new("curl")
                .args(["-sS", "--noproxy", "*", "-r", range, &urls[5]])
                .output()
                .expect("curl");
            assert!(got.stdout == whole[from..to], "{range}");
        }
    });
}

#[tokio::test]
async fn our_client_and_our_server_agree() {
    use sockeye::http::{Client, Request};
    let temp = tempfile::tempdir().expect("a directory");
    let content: Vec<u8> = (0..3_000_000u32).map(|i| (i % 241) as u8).collect();
    fs::write(temp.path().join("f"), &content).expect("a file");
    let root = temp.path().to_owned();
    let (tell, port) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        with_server(&root, Options::default(), |port| {
            tell.send(port).expect("someone asks");
            let _ = ended.recv();
        });
    });
    let url: sockeye::http::Url =
        format!("http://127.0.0.1:{}/f", port.recv().expect("it listens")).parse().expect("a URL");
    let client = Client::default();
    for turn in 0..3 {
        let mut answer = client.fetch(&Request::get(url.clone()), turn).await.expect("an answer");
        assert_eq!(answer.connects, u32::from(turn == 0), "one connection for all");
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.expect("a whole body") {
            body.extend_from_slice(piece);
        }
        assert!(body == content);
    }
    drop(end);
    server.join().expect("no panic");
}

#[test]
fn conditions_ranges_and_methods() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::write(temp.path().join("f.txt"), "0123456789").expect("a file");
    with_server(temp.path(), Options::default(), |port| {
        let plain = ask(port, "GET /f.txt", "");
        assert_eq!((status(&plain), body(&plain)), (200, "0123456789"));
        assert_eq!(field(&plain, "Content-Type"), "text/plain; charset=utf-8");
        let (tag, date) = (field(&plain, "ETag").to_owned(), field(&plain, "Last-Modified").to_owned());
        let head = ask(port, "HEAD /f.txt", "");
        assert_eq!((status(&head), field(&head, "Content-Length"), body(&head)), (200, "10", ""));
        let when = |lines: &str| ask(port, "GET /f.txt", lines);
        for lines in [
            format!("If-None-Match: {tag}"),
            format!("If-None-Match: \"x\", W/{tag}"),
            format!("If-Modified-Since: {date}"),
        ] {
            let answer = when(&format!("{lines}\r\n"));
            assert_eq!((status(&answer), body(&answer)), (304, ""), "{lines}");
        }
        assert_eq!(status(&when(&format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {date}\r\n"))), 200);
        let part = when("Range: bytes=2-4\r\n");
        assert_eq!((status(&part), field(&part, "Content-Range"), body(&part)), (206, "bytes 2-4/10", "234"));
        assert_eq!(status(&when(&format!("Range: bytes=2-4\r\nIf-Range: {tag}\r\n"))), 206);
        assert_eq!(status(&when(&format!("Range: bytes=2-4\r\nIf-Range: {date}\r\n"))), 206);
        assert_eq!(status(&when("Range: bytes=2-4\r\nIf-Range: \"old\"\r\n")), 200);
        let outside = when("Range: bytes=10-\r\n");
        assert_eq!((status(&outside), field(&outside, "Content-Range")), (416, "bytes */10"));
        assert_eq!(status(&when("Range: lines=1-2\r\n")), 200);
        let pipelined = talk(
            port,
            b"GET /f.txt HTTP/1.1\r\nHost: h\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
              GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        );
        let codes: Vec<_> =
            pipelined.match_indices("HTTP/1.1 ").map(|(i, _)| &pipelined[i + 9..i + 12]).collect();
        assert_eq!(codes, ["200", "405", "404"]);
    });
}

#[test]
fn nothing_outside_of_the_root_is_served() {
    let temp = tempfile::tempdir().expect("a directory");
    let root = temp.path().join("root");
    fs::create_dir_all(root.join("sub")).expect("a directory");
    fs::write(temp.path().join("secret"), "secret").expect("a file");
    fs::write(root.join("sub/ok"), "ok").expect("a file");
    std::os::unix::fs::symlink(temp.path().join("secret"), root.join("link")).expect("a link");
    std::os::unix::fs::symlink("sub/ok", root.join("inner")).expect("a link");
    with_server(&root, Options::default(), |port| {
        for path in [
            "/../secret",
            "/sub/../../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/link",
            "//../secret",
            "/sub/%2e%2e/%2e%2e/secret",
        ] {
            let answer = ask(port, &format!("GET {path}"), "");
            assert_eq!(status(&answer), 404, "{path}");
            assert!(!answer.contains("secret"), "{path}");
        }
        assert_eq!(status(&ask(port, "GET /%00", "")), 400);
        assert_eq!(body(&ask(port, "GET /sub/../inner", "")), "ok");
        assert_eq!(body(&ask(port, "GET http://h/sub/ok?query", "")), "ok");
    });
}

#[test]
fn directories_have_an_index_or_a_list() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::create_dir(temp.path().join("d")).expect("a directory");
    fs::write(temp.path().join("d/<b> & \"c\".txt"), "").expect("a file");
    with_server(temp.path(), Options::default(), |port| {
        let moved = ask(port, "GET /d", "");
        assert_eq!((status(&moved), field(&moved, "Location")), (301, "./d/"));
        let list = ask(port, "GET /d/", "");
        let link = "<a href=\"./%3Cb%3E%20%26%20%22c%22.txt\">&lt;b&gt; &amp; &quot;c&quot;.txt</a>";
        assert!(status(&list) == 200 && list.contains(link), "{list}");
        fs::write(temp.path().join("index.html"), "<p>index").expect("a file");
        let index = ask(port, "GET /", "");
        assert_eq!((field(&index, "Content-Type"), body(&index)), ("text/html; charset=utf-8", "<p>index"));
    });
    with_server(temp.path(), Options { listing: false, ..Options::default() }, |port| {
        assert_eq!(status(&ask(port, "GET /d/", "")), 404);
    });
}

/// Fault run 24, the server's side: a request that can be read in two ways is refused.
#[test]
fn fault_24_ambiguous_requests_are_refused() {
    let temp = tempfile::tempdir().expect("a directory");
    with_server(temp.path(), Options::default(), |port| {
        for lines in [
            "Host: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Host: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
            "Host: h\r\nTransfer-Encoding: xchunked\r\n",
            "Host : h\r\n",
            "Host: h\r\n folded\r\n",
            "Host: h\nX: y\r\n",
            "Host: a\r\nHost: b\r\n",
            "",
        ] {
            let answer = talk(port, format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes());
            assert_eq!(status(&answer), 400, "{lines:?}");
            assert!(answer.contains("Connection: close"), "{answer}");
        }
    });
}

/// Lets this process have as many descriptors as it may, and says whether that is enough.
fn descriptors(wanted: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it is allowed that many");
    maximum.is_none_or(|most| most >= wanted)
        || support::skip(&format!("{wanted} descriptors are not allowed"))
}

/// Fault run 23: clients that send their head a byte at a time are closed at the deadline; others are served.
#[test]
fn fault_23_slow_heads_end_at_a_deadline() {
    // Both ends of all of them, and room for the tests beside this one.
    if !descriptors(3000) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    fs::write(temp.path().join("f"), "fine").expect("a file");
    let options = Options { head: Duration::from_secs(2), ..Options::default() };
    with_server(temp.path(), options, |port| {
        let mut slow: Vec<_> = (0..1000)
            .map(|_| {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("TCP");
                stream.write_all(b"G").expect("open");
                stream
            })
            .collect();
        assert_eq!(body(&ask(port, "GET /f", "")), "fine", "meanwhile");
        for stream in &mut slow {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("closed in order");
            assert_eq!(status(&answer), 408);
        }
        assert_eq!(body(&ask(port, "GET /f", "")), "fine", "afterwards");
    });
}

#[test]
fn the_example_splits_head_and_body() {
    let temp = tempfile::tempdir().expect("a directory");
    fs::write(temp.path().join("page.html"), "<p>the body\r\n\r\nwith a blank line").expect("a file");
    let exe = std::env::current_exe().expect("this program");
    let dir = exe.parent().and_then(|deps| deps.parent()).expect("cargo's layout").join("examples");
    with_server(temp.path(), Options::default(), |port| {
        let saved = temp.path().join("saved");
        let url = format!("http://127.0.0.1:{port}/page.html");
        let out = Command::new(dir.join("http_split")).arg(url).arg(&saved).output().expect("it was built");
        let shown = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success() && shown.starts_with("HTTP/1.1 200 OK\r\n"), "{shown}");
        assert!(!shown.contains("<p>"), "the head ends at the first blank line: {shown}");
        assert_eq!(fs::read(&saved).expect("the body"), b"<p>the body\r\n\r\nwith a blank line");
    });
}
