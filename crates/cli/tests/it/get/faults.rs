//! Servers that are slow, odd, broken or hostile.

use std::time::{Duration, Instant};

use super::servers::{Scripted, Step, bytes, exits, get, send};

const ODD: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
    5;name=\"v;a\\\"l\";flag\r\nhello\r\n001\r\n \r\n5 ;x\r\nworld\r\n000;last\r\nX-Sum: 11\r\n\r\n";

#[test]
fn every_split_point_reads_the_same() {
    let wire = ODD.as_bytes();
    let scripts = (1..wire.len()).map(|at| {
        let (first, second) = wire.split_at(at);
        // A second request on the same connection proves that the first answer ended where it should.
        vec![Step::Request(0), Step::Send(first.to_vec()), Step::Send(second.to_vec())]
    });
    let server = Scripted::new(scripts.collect());
    let url = server.url("/");
    let urls = vec![url.as_str(); wire.len() - 1];
    assert_eq!(exits(0, &get(&urls)), "hello world".repeat(wire.len() - 1));
}

#[test]
fn one_byte_a_write_reads_the_same() {
    let server = Scripted::new(vec![vec![
        Step::Request(0),
        Step::Trickle(ODD.into()),
        Step::Request(0),
        Step::Trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend".to_vec()),
    ]]);
    let url = server.url("/");
    assert_eq!(exits(0, &get(&[&url, &url])), "hello worldend");
}

#[test]
fn a_body_until_close_needs_no_length() {
    let body = bytes(400_000);
    let wire = [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), body.clone()].concat();
    let server = Scripted::answer(&wire);
    assert!(get(&[&server.url("/")]).stdout == body);
}

#[test]
fn chunks_of_every_size_reach_a_file() {
    let temp = tempfile::tempdir().expect("a directory");
    let body = bytes(3_000_000);
    let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut rest = &body[..];
    for size in [1usize, 7, 4096, 300_000, 1_000_000, usize::MAX] {
        let (now, after) = rest.split_at(size.min(rest.len()));
        wire.extend(format!("{:X}\r\n", now.len()).bytes());
        wire.extend(now);
        wire.extend(b"\r\n");
        rest = after;
    }
    wire.extend(b"0\r\n\r\n");
    let server = Scripted::answer(&wire);
    let path = temp.path().join("f");
    exits(0, &get(&["-o", path.to_str().expect("UTF-8"), &server.url("/")]));
    assert!(std::fs::read(path).expect("the file") == body);
}

/// Fault run 24: what is ambiguous or out of bounds is refused, with the place quoted.
#[test]
fn fault_24_ambiguous_answers_are_refused() {
    let heads: [(&str, &str); 12] = [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked", "a length beside a transfer coding"),
        ("Content-Length: 4\r\nContent-Length: 5", "two lengths"),
        ("Content-Length: 4, 5", "two lengths"),
        ("Content-Length: -4", "bad length"),
        ("Content-Length: 99999999999999999999", "bad length"),
        ("A: b\nC: d", "LF without CR"),
        ("A: b\r\n folded", "folded field line"),
        ("Content-Length : 4", "blank before the colon"),
        ("A: b\0c", "NUL byte"),
        ("Transfer-Encoding: gzip, chunked", "transfer coding other than chunked"),
        ("no colon", "without a name and a colon"),
        ("A: b\rc", "CR without LF"),
    ];
    for (head, fault) in heads {
        let server = Scripted::answer(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nbody").as_bytes());
        let out = get(&[&server.url("/")]);
        exits(8, &out);
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(error.contains(fault) && error.contains(" of the head: \""), "{head:?}: {error}");
        assert!(out.stdout.is_empty());
    }
    let chunks = [
        ("10000000000000000\r\n", "chunk size out of range"),
        ("ffffffffffffffff\r\n", "chunk size out of range"),
        ("-1\r\n", "bad chunk size"),
        ("5\r\nhelloXX", "chunk data without CRLF"),
        ("5\nhello", "LF without CR"),
    ];
    for (chunk, fault) in chunks {
        let wire = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        let server = Scripted::answer(wire.as_bytes());
        let out = get(&[&server.url("/")]);
        exits(56, &out);
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(error.contains(fault) && error.contains("a chunk's size line: \""), "{chunk:?}: {error}");
    }
    let server = Scripted::answer(b"SSH-2.0-OpenSSH_9\r\n");
    exits(8, &get(&[&server.url("/")]));
}

/// Fault run 24: a head, interim answers and size lines without end are left after a bounded time and amount.
#[test]
fn fault_24_what_never_ends_is_left() {
    let floods: [(&str, Vec<u8>, i32); 4] = [
        ("HTTP/1.1 200 OK\r\n", b"X-Filler: 0123456789012345678901234567890123456789\r\n".repeat(100), 8),
        ("HTTP/1.1 200 OK\r\nX: ", b"x".repeat(4096), 8),
        ("", b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100), 8),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"x".repeat(4096), 56),
    ];
    for (start, flood, code) in floods {
        let server = Scripted::new(vec![vec![Step::Request(0), send(start), Step::Flood(flood)]]);
        exits(code, &get(&[&server.url("/")]));
        let sent = server.flooded.recv_timeout(crate::support::PATIENCE).expect("the flood ends");
        assert!(sent < 32 << 20, "left after {sent} bytes");
    }
}

#[test]
fn early_and_wrong_ends_have_curls_exit_codes() {
    let cases: [(&[u8], i32); 7] = [
        (b"", 52),
        (b"HTTP/1.1 200 O", 56),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 56),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 18),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 18),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 18),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and what nobody asked for", 0),
    ];
    for (wire, code) in cases {
        let server = Scripted::answer(wire);
        let out = exits(code, &get(&[&server.url("/")]));
        assert!("hello".starts_with(&out), "what came is passed on: {out}");
    }
    let server = Scripted::new(vec![vec![Step::Request(0), Step::Reset]]);
    exits(56, &get(&[&server.url("/")]));
    let closed = super::servers::free_port();
    exits(7, &get(&[&format!("http://127.0.0.1:{closed}/")]));
    exits(6, &get(&["http://no-such-host.invalid/"]));
    exits(3, &get(&["http://["]));
    exits(1, &get(&["ftp://127.0.0.1/"]));
    exits(2, &get(&["--no-such-flag"]));
}

#[test]
fn bytes_behind_an_answer_are_no_answer_to_the_next_request() {
    let first =
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let good = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
    let server = Scripted::new(vec![
        vec![Step::Request(0), Step::Send(first.to_vec()), Step::Hold],
        vec![Step::Request(0), Step::Send(good.to_vec())],
    ]);
    let url = server.url("/");
    assert_eq!(exits(0, &get(&[&url, &url])), "ab");
}

#[test]
fn a_kept_connection_that_was_closed_is_replaced() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    let once = vec![Step::Request(0), Step::Send(answer.to_vec())];
    let server = Scripted::new(vec![once; 5]);
    let url = server.url("/");
    assert_eq!(exits(0, &get(&[&url, &url, &url, &url, &url])), "aaaaa");
}

#[test]
fn silence_ends_at_the_time_limits() {
    let silent = || Scripted::new(vec![vec![Step::Request(0), Step::Hold]]);
    let half = || {
        Scripted::new(vec![vec![
            Step::Request(0),
            send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"),
            Step::Hold,
        ]])
    };
    for (server, limit) in
        [(silent(), "-m"), (silent(), "--idle-timeout"), (half(), "-m"), (half(), "--idle-timeout")]
    {
        let start = Instant::now();
        let out = get(&[limit, "0.5", &server.url("/")]);
        assert!("hello".starts_with(&exits(28, &out)));
        assert!(start.elapsed() >= Duration::from_millis(500));
    }
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    use std::{io::Read, process::Stdio};
    let wire = [b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n".to_vec(), bytes(8_000_000)].concat();
    let server = Scripted::answer(&wire);
    let url = server.url("/");
    let mut child = super::servers::command(&[&url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("built");
    let mut few = [0; 10];
    child.stdout.take().expect("piped").read_exact(&mut few).expect("ten bytes");
    let out = child.wait_with_output().expect("it ends");
    assert_eq!((out.status.code(), out.stderr), (Some(0), vec![]));
}

#[test]
fn content_that_cannot_be_decoded_is_refused() {
    let server =
        Scripted::answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello");
    exits(61, &get(&["--compressed", &server.url("/")]));
    let server =
        Scripted::answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 5\r\n\r\nhello");
    exits(61, &get(&["--compressed", &server.url("/")]));
    let server =
        Scripted::answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(exits(0, &get(&[&server.url("/")])), "hello", "not asked to decode");
}
