use proptest::prelude::*;

use super::*;

#[path = "../../../../fuzz/src/http.rs"]
#[allow(unreachable_pub, reason = "public to the targets, not to this test")]
mod fuzz;

/// What an answer was read as.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    interim: Vec<u16>,
    status: u16,
    body: Vec<u8>,
    chunks: Vec<u64>,
    trailers: usize,
    end: Option<End>,
}

/// Reads an answer that comes in pieces ending at `cuts`, then the connection closes.
fn read(method: Method, wire: &[u8], cuts: &[usize]) -> Result<Seen, Error> {
    let mut reader = ResponseReader::new(method, Limits::default());
    let mut seen = Seen::default();
    let mut start = 0;
    for &end in cuts.iter().chain([&wire.len()]) {
        loop {
            let (event, used) = reader.step(&wire[start..end])?;
            match event {
                Event::Wait | Event::Body(BodyEvent::Wait) => break,
                Event::Interim(head) => seen.interim.push(head.status.as_u16()),
                Event::Head(head) => seen.status = head.status.as_u16(),
                Event::Body(BodyEvent::Data) => seen.body.extend(&wire[start..start + used]),
                Event::Body(BodyEvent::Chunk(chunk)) => seen.chunks.push(chunk.size),
                Event::Body(BodyEvent::Trailers(fields)) => seen.trailers += fields.len(),
                Event::Body(BodyEvent::End(end)) => {
                    seen.end = Some(end);
                    return Ok(seen);
                }
            }
            start += used;
        }
    }
    seen.end = Some(reader.eof()?);
    Ok(seen)
}

const ANSWERS: [&str; 6] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=\"b;c\";d\r\n world\r\n0 ;x\r\nA: b\r\nC: d\r\n\r\n",
    "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end",
    "HTTP/1.1 204 No Content\r\nX: é\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: Chunked\r\n\r\n0000000000000000000A\r\n0123456789\r\n0\r\n\r\n",
];

#[test]
fn every_split_point_reads_the_same() {
    for wire in ANSWERS.map(str::as_bytes) {
        let whole = read(Method::GET, wire, &[]).unwrap();
        assert!(whole.end.is_some());
        for cut in 0..wire.len() {
            assert_eq!(read(Method::GET, wire, &[cut]).unwrap(), whole, "cut at {cut}");
        }
        let bytes: Vec<usize> = (0..wire.len()).collect();
        assert_eq!(read(Method::GET, wire, &bytes).unwrap(), whole, "one byte at a time");
    }
    let seen = read(Method::GET, ANSWERS[2].as_bytes(), &[]).unwrap();
    assert_eq!((seen.body, seen.chunks, seen.trailers), (b"hello world".to_vec(), vec![5, 6, 0], 2));
    let seen = read(Method::GET, ANSWERS[1].as_bytes(), &[]).unwrap();
    assert_eq!((seen.interim, seen.end), (vec![100, 103], Some(End::Length(0))));
}

#[test]
fn every_cut_is_reported_as_one() {
    for wire in [ANSWERS[0], ANSWERS[2], ANSWERS[5]].map(str::as_bytes) {
        for length in 0..wire.len() {
            let error = read(Method::GET, &wire[..length], &[]).unwrap_err();
            let cut = matches!(error, Error::Empty | Error::CutHead { .. } | Error::CutBody { .. });
            assert!(cut, "{length}: {error}");
            assert_eq!(error == Error::Empty, length == 0);
        }
    }
}

#[test]
fn head_and_bodyless_statuses_end_at_the_head() {
    let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    assert_eq!(read(Method::HEAD, wire, &[]).unwrap().end, Some(End::NoBody(NoBody::Head)));
    let wire = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n";
    assert_eq!(read(Method::GET, wire, &[]).unwrap().end, Some(End::NoBody(NoBody::Status(304))));
}

/// The fault of an answer that must be refused, with the place it quotes.
fn fault(wire: &[u8]) -> (Fault, usize) {
    match read(Method::GET, wire, &[]) {
        Err(Error::Malformed(m)) => (m.fault, m.at),
        other => panic!("{}: {other:?}", wire.escape_ascii()),
    }
}

/// A head with these lines is refused so.
fn refused(lines: &str) -> Fault {
    fault(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nbody").as_bytes()).0
}

/// Fault run 24: what can be read in two ways is refused.
#[test]
fn fault_24_ambiguous_heads_are_refused() {
    assert_eq!(refused("Content-Length: 4\r\nTransfer-Encoding: chunked"), Fault::LengthWithCoding);
    assert_eq!(refused("Transfer-Encoding: chunked\r\nContent-Length: 4"), Fault::LengthWithCoding);
    assert_eq!(refused("Content-Length: 4\r\nContent-Length: 5"), Fault::TwoLengths);
    assert_eq!(refused("Content-Length: 4, 5"), Fault::TwoLengths);
    for bad in ["-1", "+4", "0x4", "4 4", "", "9223372036854775808", "99999999999999999999", "4,"] {
        assert_eq!(refused(&format!("Content-Length: {bad}")), Fault::BadLength, "{bad:?}");
    }
    for bad in [
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "xchunked",
        "",
        "chunked\r\nTransfer-Encoding: chunked",
    ] {
        assert_eq!(refused(&format!("Transfer-Encoding: {bad}")), Fault::Coding, "{bad:?}");
    }
    assert_eq!(refused("A: b\nC: d"), Fault::BareLf);
    assert_eq!(refused("A: b\rC: d"), Fault::BareCr);
    assert_eq!(refused("A: b\r\n c"), Fault::Fold);
    assert_eq!(refused("A: b\r\n\tc"), Fault::Fold);
    assert_eq!(refused(" A: b"), Fault::Fold);
    assert_eq!(refused("Content-Length : 4"), Fault::BlankBeforeColon);
    assert_eq!(refused("Content-Length\t: 4"), Fault::BlankBeforeColon);
    assert_eq!(refused("A: b\0c"), Fault::Nul);
    assert_eq!(refused("A\0: b"), Fault::Nul);
    assert_eq!(refused("no colon"), Fault::NoColon);
    assert_eq!(refused(": no name"), Fault::NoColon);
    assert_eq!(refused("A b: c"), Fault::FieldByte);
    assert_eq!(refused("A: b\x01"), Fault::FieldByte);
    assert_eq!(fault(b"HTTP/1.1 200 OK\nA: b\n\n").0, Fault::BareLf);
    assert_eq!(fault(b"HTTP/1.1 20 OK\r\n\r\n").0, Fault::StartLine);
    assert_eq!(fault(b"HTTP/1.1 099 OK\r\n\r\n").0, Fault::StartLine);
    assert_eq!(fault(b"HTTP/2.0 200 OK\r\n\r\n"), (Fault::NotHttp, 5));
    assert_eq!(fault(b"<html>"), (Fault::NotHttp, 0));
}

#[test]
fn an_error_quotes_the_place() {
    let error = read(Method::GET, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length : 4\r\n\r\n", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "blank before the colon at byte 37 of the head: \"…OK\\r\\nX: y\\r\\nContent-Length : 4\\r\\n\\r\\n\""
    );
    let error =
        read(Method::GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", &[]).unwrap_err();
    assert_eq!(error.to_string(), "bad chunk size at byte 0 of a chunk's size line: \"zz\\r\\n\"");
}

/// Fault run 24: chunks that overflow, lie or lack their CRLF.
#[test]
fn fault_24_bad_chunks_are_refused() {
    let chunked = |rest: &str| {
        fault(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}").as_bytes()).0
    };
    assert_eq!(chunked("10000000000000000\r\n"), Fault::ChunkOverflow);
    assert_eq!(chunked("ffffffffffffffff\r\n"), Fault::ChunkOverflow);
    assert_eq!(chunked("8000000000000000\r\n"), Fault::ChunkOverflow);
    assert_eq!(chunked("1\r\nx\r\n7fffffffffffffff\r\n"), Fault::ChunkOverflow);
    assert_eq!(chunked("FFFFFFFFFFFFFFFFFFFFFFFFFFFFF"), Fault::ChunkOverflow);
    for bad in ["-1\r\n", "0x5\r\n", " 5\r\n", "5 5\r\n", "\r\n", ";a\r\n", "g", "5 \r\n"] {
        assert_eq!(chunked(bad), Fault::ChunkSize, "{bad:?}");
    }
    assert_eq!(chunked("5\nhello\r\n"), Fault::BareLf);
    assert_eq!(chunked("5;a\nhello\r\n"), Fault::BareLf);
    assert_eq!(chunked("5;a\rb\r\n"), Fault::BareCr);
    assert_eq!(chunked("5;\0\r\n"), Fault::Nul);
    assert_eq!(chunked("5\r\nhelloX"), Fault::ChunkEnd);
    assert_eq!(chunked("5\r\nhello\n"), Fault::ChunkEnd);
    assert_eq!(chunked(&format!("5;{}", "x".repeat(5000))), Fault::TooLong(4096));
    assert_eq!(chunked("0\r\nA : b\r\n\r\n"), Fault::BlankBeforeColon);
    assert_eq!(chunked(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(300))), Fault::TooManyFields(256));
    assert_eq!(chunked(&format!("0\r\n{}", "A: b\r\n".repeat(30_000))), Fault::TooLong(128 << 10));
}

/// Fault run 24: heads and interim answers without end.
#[test]
fn fault_24_endless_heads_are_refused() {
    let lines = "X: 0123456789\r\n".repeat(70_000);
    assert_eq!(refused(&lines), Fault::TooLong(128 << 10));
    assert_eq!(
        fault(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20)).as_bytes()).0,
        Fault::TooLong(128 << 10)
    );
    assert_eq!(refused(&"A: b\r\n".repeat(300)), Fault::TooManyFields(256));
    assert_eq!(fault("HTTP/1.1 100 Continue\r\n\r\n".repeat(99).as_bytes()).0, Fault::TooManyInterim(16));
}

#[test]
fn the_same_length_twice_is_one_length_to_a_client_and_two_to_a_server() {
    let seen = read(Method::GET, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", &[]);
    assert_eq!(seen.unwrap().body, b"ab");
    let wire = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab";
    assert!(RequestReader::new(Limits::default()).step(wire).is_err());
}

#[test]
fn requests_are_read_and_paths_decoded() {
    let wire = b"GET /a%20b/../c?q=%41 HTTP/1.1\r\nHost: h\r\n\r\n";
    let (event, used) = RequestReader::new(Limits::default()).step(wire).unwrap();
    let RequestEvent::Head(head) = event else { panic!("{event:?}") };
    assert_eq!(used, wire.len());
    assert_eq!((head.path().as_deref(), head.keeps_alive()), (Some("/a b/../c"), true));
    for bad in
        ["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /\r\n\r\n", "\r\n"]
    {
        assert!(RequestReader::new(Limits::default()).step(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn redirects_change_the_method_as_the_rfc_says() {
    let from = url::Url::parse("http://a.example/x/y?z#part").unwrap();
    let go = |status: u16, method: Method, fixed, to: &str| {
        redirect(StatusCode::from_u16(status).unwrap(), Some(to.as_bytes()), &from, &method, fixed)
    };
    let hop = |status, method| go(status, method, false, "../q").unwrap().map(|h| (h.method, h.body));
    for status in [301, 302] {
        assert_eq!(hop(status, Method::POST), Some((Method::GET, false)));
        assert_eq!(hop(status, Method::PUT), Some((Method::PUT, true)));
        assert_eq!(hop(status, Method::HEAD), Some((Method::HEAD, true)));
    }
    assert_eq!(hop(303, Method::PUT), Some((Method::GET, false)));
    assert_eq!(hop(303, Method::HEAD), Some((Method::HEAD, true)));
    assert_eq!(hop(307, Method::POST), Some((Method::POST, true)));
    assert_eq!(hop(308, Method::DELETE), Some((Method::DELETE, true)));
    assert_eq!((hop(300, Method::GET), hop(200, Method::GET)), (None, None));
    assert_eq!(go(302, Method::POST, true, "/").unwrap().map(|h| h.method), Some(Method::POST));
    let to = |to| go(302, Method::GET, false, to).unwrap().map(|h| (h.url.to_string(), h.same_origin));
    assert_eq!(to("../q"), Some(("http://a.example/q#part".into(), true)));
    assert_eq!(to("//b.example/q#own"), Some(("http://b.example/q#own".into(), false)));
    assert_eq!(to("https://a.example/"), Some(("https://a.example/#part".into(), false)));
    assert_eq!(to("http://a.example:8080/"), Some(("http://a.example:8080/#part".into(), false)));
    assert!(matches!(go(302, Method::GET, false, "file:///etc/passwd"), Err(RedirectError::Scheme(_))));
    assert!(matches!(go(302, Method::GET, false, "http://[bad"), Err(RedirectError::Location(_))));
}

#[test]
fn proposed_names_stay_in_their_directory() {
    let name = |value: &str| attachment_name(value.as_bytes());
    assert_eq!(name("attachment; filename=a.txt").as_deref(), Some("a.txt"));
    assert_eq!(name("attachment; filename=\"a \\\"b\\\".txt\"; x=y").as_deref(), Some("a \"b\".txt"));
    assert_eq!(
        name("attachment; filename=x; filename*=UTF-8''%E4%BD%A0%E5%A5%BD.txt").as_deref(),
        Some("你好.txt")
    );
    assert_eq!(name("attachment; filename=\"../../etc/passwd\"").as_deref(), Some("passwd"));
    assert_eq!(name("attachment; filename=\"..\\\\..\\\\boot.ini\"").as_deref(), Some("boot.ini"));
    assert_eq!(name("attachment; filename*=UTF-8''..%2F..%2F.bashrc").as_deref(), Some("_bashrc"));
    assert_eq!(name("attachment; filename=a%00\u{7}b").as_deref(), Some("a%00b"));
    for bad in
        ["attachment; filename=..", "attachment; filename=\"/\"", "attachment", "attachment; filename="]
    {
        assert_eq!(name(bad), None, "{bad:?}");
    }
    assert!(name(&format!("a; filename={}", "é".repeat(400))).unwrap().len() <= 200);
}

#[test]
fn ranges_are_read_and_bounded() {
    let parse = |v: &str| ContentRange::parse(v.as_bytes());
    assert_eq!(
        parse("bytes 0-9/10"),
        Some(ContentRange { span: Some(Span { first: 0, last: 9 }), whole: Some(10) })
    );
    assert_eq!(parse("bytes */10"), Some(ContentRange { span: None, whole: Some(10) }));
    for bad in ["bytes 5-4/10", "bytes 0-10/10", "lines 0-1/2", "bytes 0-99999999999999999999/*", "bytes 0/1"]
    {
        assert_eq!(parse(bad), None, "{bad}");
    }
    let within =
        |v: &str, n| RangeRequest::parse(v.as_bytes()).map(|r| r.within(n).map(|s| (s.first, s.last)));
    assert_eq!(within("bytes=2-", 10), Some(Ok((2, 9))));
    assert_eq!(within("bytes=-3", 10), Some(Ok((7, 9))));
    assert_eq!(within("bytes=0-99", 10), Some(Ok((0, 9))));
    assert_eq!(within("bytes=-99", 10), Some(Ok((0, 9))));
    assert_eq!(within("bytes=10-", 10), Some(Err(RangeError)));
    assert_eq!(within("bytes=-0", 10), Some(Err(RangeError)));
    assert_eq!(within("bytes=0-", 0), Some(Err(RangeError)));
    assert_eq!((within("bytes=0-1,3-4", 10), within("bytes=5-4", 10), within("x", 10)), (None, None, None));
}

#[test]
fn no_field_breaks_a_head_apart() {
    let mut fields = Fields::new();
    assert!(fields.push("X", "a\r\nEvil: b").is_err());
    assert!(fields.push("X\r\nEvil", "b").is_err());
    assert!(fields.push("X Y", "b").is_err());
    fields.push("Host", "h").unwrap();
    fields.push("Accept", "").unwrap();
    let mut out = Vec::new();
    fields.request("GET", "/", Version::Http11, &mut out);
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: h\r\nAccept:\r\n\r\n");
}

/// Bodies in chunks of any sizes, cut anywhere, come out as they went in.
fn chunk(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut left = body;
    for &size in sizes.iter().chain([&usize::MAX]) {
        let (now, rest) = left.split_at(size.min(left.len()));
        left = rest;
        if !now.is_empty() {
            wire.extend(format!("{:x};n={size}\r\n", now.len()).bytes());
            wire.extend(now);
            wire.extend(b"\r\n");
        }
    }
    wire.extend(b"0\r\n\r\n");
    wire
}

proptest! {
    #[test]
    fn any_chunking_and_any_cuts_give_the_body(
        body in prop::collection::vec(any::<u8>(), 0..2000),
        sizes in prop::collection::vec(1usize..300, 0..20),
        cuts in prop::collection::vec(0usize..3000, 0..20),
    ) {
        let wire = chunk(&body, &sizes);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|&c| c < wire.len()).collect();
        cuts.sort_unstable();
        let seen = read(Method::GET, &wire, &cuts).unwrap();
        prop_assert_eq!(seen.body, body);
        prop_assert_eq!(seen.end, Some(End::LastChunk));
    }

    #[test]
    fn safe_names_are_safe(name in any::<String>()) {
        if let Some(safe) = safe_name(&name) {
            prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.starts_with('.') && !safe.is_empty());
        }
    }
}

/// The seeded runs of the fuzz targets: samples with bytes changed, dropped, repeated and made up.
#[test]
fn seeded_junk_never_panics() {
    let runs = std::env::var("SOCKEYE_FUZZ_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(60_000u64);
    let mut seed = 0x5EED_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let alphabet = b"\r\n\t :;,0159afHTP/1.\0\xff\"xZ-+";
    for run in 0..runs {
        let sample = ANSWERS[(random() % 6) as usize].as_bytes();
        // Some of the input is body or request, without the head.
        let skip = if run % 3 == 0 { (random() % 60) as usize } else { 0 };
        let mut data = vec![random() as u8];
        data.extend(sample.iter().skip(skip));
        for _ in 0..random() % 5 {
            let at = (random() % data.len() as u64) as usize;
            match random() % 4 {
                0 => data[at] = alphabet[(random() % alphabet.len() as u64) as usize],
                1 => drop(data.drain(at..)),
                2 => data.insert(at, alphabet[(random() % alphabet.len() as u64) as usize]),
                _ => data.extend_from_within(at..),
            }
            if data.is_empty() {
                data.push(0);
            }
        }
        fuzz::head(&data[1..]);
        fuzz::chunked(&data);
        fuzz::response(&data);
    }
}
