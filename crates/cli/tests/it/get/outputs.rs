//! What is shown: -v, --wire, --json, events, -i, -D, -w.

use std::fs;

use super::servers::{Scripted, Step, exits, get, send};

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nT: z\r\n\r\n";

#[test]
fn verbose_has_curls_marks() {
    let server = Scripted::answer(CHUNKED.as_bytes());
    let out = get(&["-v", &server.url("/")]);
    assert_eq!(exits(0, &out), "hello");
    let shown = String::from_utf8_lossy(&out.stderr).replace(&server.port.to_string(), "PORT");
    let agent = format!("> User-Agent: sockeye/{}\r\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        shown,
        format!(
            "*   Trying 127.0.0.1:PORT...\n* Connected to 127.0.0.1 (127.0.0.1) port PORT\n\
             > GET / HTTP/1.1\r\n> Host: 127.0.0.1:PORT\r\n{agent}> Accept: */*\r\n> \r\n\
             < HTTP/1.1 200 OK\r\n< X-A: b\r\n< Transfer-Encoding: chunked\r\n< \r\n\
             < T: z\r\n< \r\n* Connection to host 127.0.0.1 left intact\n"
        )
    );
}

#[test]
fn wire_explains_every_step() {
    let server = Scripted::answer(CHUNKED.as_bytes());
    let shown = exits(0, &get(&["--wire", &server.url("/")]));
    // Receives may come apart and times differ; the rest is the same every time.
    let lines: Vec<&str> = shown.lines().filter(|l| !l.starts_with("< received")).collect();
    let told = [
        "    GET / HTTP/1.1\\r\\n",
        "  head of 55 bytes, up to the blank line",
        "    X-A: b\\r\\n",
        "  the body will end at the last chunk: Transfer-Encoding: chunked",
        "  chunk of 5 bytes: \"5;e=1\\r\\n\"",
        "  body, 5 bytes: \"hello\"",
        "  last chunk: \"\\r\\n0\\r\\n\"",
        "    T: z\\r\\n",
        "= the connection is kept",
    ];
    let mut rest = lines.iter();
    for line in told {
        assert!(rest.any(|l| *l == line), "{line:?} in this order in:\n{shown}");
    }
    assert!(
        lines.iter().any(|l| l.starts_with("= whole, 5 bytes of body: the last chunk is here")),
        "{shown}"
    );
    assert!(shown.contains("< received "), "{shown}");
}

#[test]
fn json_tells_everything_and_is_valid_on_failure() {
    let server = Scripted::answer(CHUNKED.as_bytes());
    let url = server.url("/");
    let json: serde_json::Value = serde_json::from_str(&exits(0, &get(&["--json", &url]))).expect("JSON");
    assert_eq!((&json["status"], &json["size_download"]), (&200.into(), &5.into()));
    assert_eq!(json["headers"]["x-a"][0], "b");
    assert_eq!(json["trailers"]["t"][0], "z");
    assert_eq!(json["remote"], format!("127.0.0.1:{}", server.port));
    let times =
        ["name", "connect", "pretransfer", "first_byte", "total"].map(|t| json["timings"][t].as_f64());
    assert!(times.is_sorted() && times[0].is_some(), "{times:?}");
    let server = Scripted::answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
    let json: serde_json::Value =
        serde_json::from_str(&exits(18, &get(&["-s", "--json", &server.url("/")]))).expect("JSON");
    assert_eq!((&json["error"]["exit_code"], &json["error"]["kind"]), (&18.into(), &"partial".into()));
    assert_eq!((&json["status"], &json["size_download"]), (&200.into(), &5.into()));
}

#[test]
fn events_are_lines_of_json() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("events");
    let server = Scripted::answer(CHUNKED.as_bytes());
    exits(0, &get(&["--events", file.to_str().expect("UTF-8"), &server.url("/")]));
    let text = fs::read_to_string(&file).expect("the events");
    let events: Vec<serde_json::Value> =
        text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert!(events.iter().all(|e| e["event"] == "http" && e["id"] == 1 && e["time"].is_f64()), "{text}");
    let steps: Vec<_> =
        events.iter().filter_map(|e| e["step"].as_str()).filter(|s| *s != "received").collect();
    let expected = [
        "connecting",
        "connected",
        "request-head",
        "response-head",
        "chunk",
        "data",
        "chunk",
        "trailers",
        "body-end",
        "done",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn heads_are_written_where_asked() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("heads");
    let (head, body) = CHUNKED.split_at(55);
    assert!(body.starts_with("5;"));
    let moved = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    let script = || vec![vec![Step::Request(0), send(moved), Step::Request(0), send(CHUNKED)]];
    let server = Scripted::new(script());
    assert_eq!(exits(0, &get(&["-iL", &server.url("/")])), format!("{moved}{head}hello"));
    let server = Scripted::new(script());
    assert_eq!(exits(0, &get(&["-L", "-D", file.to_str().expect("UTF-8"), &server.url("/")])), "hello");
    assert_eq!(fs::read_to_string(&file).expect("the heads"), format!("{moved}{head}"));
    let server = Scripted::answer(head.as_bytes());
    assert_eq!(exits(0, &get(&["-I", &server.url("/")])), head);
    assert!(server.next().starts_with("HEAD / "));
}

#[test]
fn write_out_tells_of_each_transfer() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let server = Scripted::new(vec![vec![Step::Request(0), send(ok), Step::Request(0), send(ok)]]);
    let url = server.url("/");
    let format = "|%{http_code} %{size_download} %{num_connects} %{remote_ip} %{exitcode}\\n";
    assert_eq!(
        exits(0, &get(&["-w", format, &url, &url])),
        "ok|200 2 1 127.0.0.1 0\nok|200 2 0 127.0.0.1 0\n"
    );
    let closed = format!("http://127.0.0.1:{}/", super::servers::free_port());
    assert_eq!(exits(7, &get(&["-s", "-w", "%{http_code} %{exitcode}", &closed])), "000 7");
    assert!(get(&["-s", &closed]).stderr.is_empty());
    assert!(!get(&["-sS", &closed]).stderr.is_empty());
}
