//! What is sent: methods, bodies, logins, cookies, proxies.

use std::fs;

use super::servers::{Scripted, Step, exits, get, send};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The request that these flags make.
fn request(args: &[&str]) -> String {
    let server = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    exits(0, &get(&[args, &[&server.url("/p?q=1#frag")]].concat()));
    server.next().replace(&server.port.to_string(), "PORT")
}

#[test]
fn a_plain_request_is_four_lines() {
    let agent = format!("User-Agent: sockeye/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        request(&[]),
        format!("GET /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n{agent}\r\nAccept: */*\r\n\r\n")
    );
    assert!(request(&["-0"]).starts_with("GET /p?q=1 HTTP/1.0\r\n"));
    let bare = request(&["-A", "", "-H", "Accept:", "-H", "X-Empty;", "-H", "Host: h", "-H", "X-A:  b "]);
    assert_eq!(bare, "GET /p?q=1 HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-A: b\r\n\r\n");
    assert!(request(&["-A", "me", "-e", "http://r/", "-b", "a=b", "-r", "0-1"]).contains(
        "\r\nUser-Agent: me\r\nAccept: */*\r\nRange: bytes=0-1\r\nReferer: http://r/\r\nCookie: a=b\r\n"
    ));
    assert!(request(&["-u", "user:pa:ss"]).contains("\r\nAuthorization: Basic dXNlcjpwYTpzcw==\r\n"));
    assert!(request(&["--oauth2-bearer", "t0k"]).contains("\r\nAuthorization: Bearer t0k\r\n"));
    assert!(request(&["-X", "DELETE"]).starts_with("DELETE /p?q=1 "));
    exits(3, &get(&["-H", "X: a\r\nEvil: b", "http://127.0.0.1:1/"]));
}

#[test]
fn data_is_posted_and_joined() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("f");
    fs::write(&file, "line\r\nline\n").expect("a file");
    let at = format!("@{}", file.display());
    let sent = request(&["-d", "a=b", "-d", &at]);
    assert!(sent.starts_with("POST "), "{sent}");
    assert!(sent.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n"));
    assert!(sent.ends_with("\r\n\r\na=b&lineline"), "{sent}");
    let sent = request(&["--data-binary", &at]);
    assert!(sent.ends_with("\r\n\r\nline\r\nline\n"));
    assert!(request(&["--data-raw", "@x"]).ends_with("\r\n\r\n@x"));
    assert!(request(&["--data-urlencode", "n=a b&c"]).ends_with("\r\n\r\nn=a%20b%26c"));
    assert!(request(&["-G", "-d", "x=y", "-d", "z"]).starts_with("GET /p?q=1&x=y&z HTTP/1.1\r\n"));
    let sent = request(&["-d", "{}", "-H", "Content-Type: application/json", "-X", "PATCH"]);
    assert!(sent.starts_with("PATCH ") && !sent.contains("urlencoded"), "{sent}");
}

#[test]
fn forms_are_multipart_and_uploads_are_put() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("f.txt");
    fs::write(&file, "content").expect("a file");
    let at = format!("up=@{};type=text/x-own", file.display());
    let server = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    exits(0, &get(&["-F", "a=b", "-F", &at, &server.url("/")]));
    let sent = server.next();
    let (head, body) = sent.split_once("\r\n\r\n").expect("a head");
    let boundary = head.split("boundary=").nth(1).expect("a boundary").lines().next().expect("a line");
    assert_eq!(
        body,
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"up\"; filename=\"f.txt\"\r\n\
             Content-Type: text/x-own\r\n\r\ncontent\r\n--{boundary}--\r\n"
        )
    );
    assert!(head.contains(&format!("Content-Length: {}", body.len())));

    let server = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    exits(0, &get(&["-T", file.to_str().expect("UTF-8"), &server.url("/dir/")]));
    let sent = server.next();
    assert!(sent.starts_with("PUT /dir/f.txt HTTP/1.1\r\n") && sent.ends_with("\r\n\r\ncontent"), "{sent}");
}

#[test]
fn the_standard_input_goes_up_in_chunks() {
    use std::{io::Write, process::Stdio};
    let server = Scripted::new(vec![vec![Step::Request(8 + 5 + 2 + 8 + 2), send(OK)]]);
    let url = server.url("/x");
    let mut child = super::servers::command(&["-T", "-", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("built");
    child.stdin.take().expect("piped").write_all(b"hello").expect("it reads");
    exits(0, &child.wait_with_output().expect("it ends"));
    let sent = server.next();
    assert!(sent.contains("\r\nTransfer-Encoding: chunked\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n000005\r\nhello\r\n000000\r\n\r\n"), "{sent}");
}

#[test]
fn an_answer_before_the_body_is_out_is_taken() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("big");
    fs::write(&file, vec![0; 20_000_000]).expect("a file");
    let server = Scripted::new(vec![vec![
        Step::Head,
        send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"),
        Step::Hold,
    ]]);
    let out = get(&["-T", file.to_str().expect("UTF-8"), &server.url("/x")]);
    assert_eq!(exits(0, &out), "big");
}

#[test]
fn credentials_go_to_no_other_host() {
    let other = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    let to =
        |url: String| send(&format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"));
    let here = Scripted::new(vec![vec![
        Step::Request(0),
        to("/same".into()),
        Step::Request(0),
        to(other.url("/o")),
    ]]);
    let args = ["-L", "-u", "me:secret", "-H", "Authorization: Own x", "-H", "Cookie: a=b"];
    assert_eq!(exits(0, &get(&[&args[..], &[&here.url("/")]].concat())), "ok");
    for request in [here.next(), here.next()] {
        assert!(request.contains("Authorization: Own x") && request.contains("Cookie: a=b"), "{request}");
    }
    let request = other.next();
    assert!(!request.contains("Authorization") && !request.contains("Cookie"), "{request}");
    let other = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    let here = Scripted::new(vec![vec![Step::Request(0), to(other.url("/o"))]]);
    let url = here.url("/").replace("http://", "http://me:secret@");
    exits(0, &get(&["-L", &url]));
    assert!(here.next().contains("Authorization: Basic bWU6c2VjcmV0"));
    assert!(!other.next().contains("Authorization"));
}

#[test]
fn a_redirected_post_becomes_get_or_is_sent_again() {
    for (status, method, body) in
        [("302", "GET", 0), ("303", "GET", 0), ("307", "POST", 3), ("308", "POST", 3)]
    {
        let moved = format!("HTTP/1.1 {status} Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n");
        let server = Scripted::new(vec![vec![Step::Request(0), send(&moved), Step::Request(0), send(OK)]]);
        exits(0, &get(&["-L", "-d", "a=b", &server.url("/old")]));
        server.next();
        let second = server.next();
        assert!(second.starts_with(&format!("{method} /new HTTP/1.1\r\n")), "{status}: {second}");
        assert_eq!(second.ends_with("a=b"), body == 3, "{second}");
        assert_eq!(second.contains("Content-Type"), body == 3, "{second}");
    }
}

#[test]
fn cookies_come_back_within_a_run() {
    let set = "HTTP/1.1 200 OK\r\nSet-Cookie: id=7; Path=/\r\nSet-Cookie: other=1; Domain=example.org\r\n\
        Content-Length: 0\r\n\r\n";
    let server = Scripted::new(vec![vec![Step::Request(0), send(set), Step::Request(0), send(OK)]]);
    let url = server.url("/");
    exits(0, &get(&[&url, &url]));
    assert!(!server.next().contains("Cookie"));
    assert!(server.next().contains("\r\nCookie: id=7\r\n"));
}

#[test]
fn http_proxies_get_whole_urls_and_logins() {
    let proxy = Scripted::new(vec![vec![Step::Request(0), send(OK), Step::Request(0), send(OK)]]);
    let at = format!("http://pu:pp@127.0.0.1:{}", proxy.port);
    let out = get(&["-x", &at, "http://a.invalid/x?y", "http://b.invalid:81/"]);
    assert_eq!(exits(0, &out), "okok", "names are the proxy's business, and one connection serves both");
    let first = proxy.next();
    assert!(first.starts_with("GET http://a.invalid/x?y HTTP/1.1\r\nHost: a.invalid\r\n"), "{first}");
    assert!(first.contains("\r\nProxy-Authorization: Basic cHU6cHA=\r\n"), "{first}");
    assert!(proxy.next().starts_with("GET http://b.invalid:81/ HTTP/1.1\r\nHost: b.invalid:81\r\n"));
    let refuses = Scripted::new(vec![vec![Step::Request(0), send("HTTP/1.1 403 No\r\n\r\n")]]);
    let out = get(&["-x", &format!("127.0.0.1:{}", refuses.port), "https://a.invalid/"]);
    exits(56, &out);
    assert!(refuses.next().starts_with("CONNECT a.invalid:443 HTTP/1.1\r\nHost: a.invalid:443\r\n"));
    exits(5, &get(&["-x", "http://no-such-proxy.invalid:1", "http://a.invalid/"]));
    let direct = Scripted::new(vec![vec![Step::Request(0), send(OK)]]);
    exits(0, &get(&["-x", "http://no-such-proxy.invalid:1", "--noproxy", "x,127.0.0.1", &direct.url("/")]));
}

#[test]
fn socks_proxies_of_every_kind() {
    let granted4 = || Step::Send(vec![0, 90, 0, 0, 0, 0, 0, 0]);
    let granted5 = || Step::Send(vec![5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let run = |kind: &str, script: Vec<Step>, host: &str| {
        let proxy = Scripted::new(vec![[script, vec![Step::Request(0), send(OK)]].concat()]);
        let at = format!("{kind}://127.0.0.1:{}", proxy.port);
        assert_eq!(exits(0, &get(&["-x", &at, &format!("http://{host}:8080/")])), "ok");
        proxy.heard.iter().take(2).collect::<Vec<_>>()
    };
    let heard = run("socks4", vec![Step::Read(9), granted4()], "127.0.0.1");
    assert_eq!(heard[0], b"\x04\x01\x1f\x90\x7f\x00\x00\x01\0");
    let heard = run("socks4a", vec![Step::Read(9 + 10), granted4()], "h.invalid");
    assert_eq!(heard[0], b"\x04\x01\x1f\x90\x00\x00\x00\x01\0h.invalid\0");
    let method = || Step::Send(vec![5, 0]);
    let heard = run("socks5h", vec![Step::Read(3), method(), Step::Read(7 + 9), granted5()], "h.invalid");
    assert_eq!(heard[1], b"\x05\x01\x00\x03\x09h.invalid\x1f\x90");
    let heard = run("socks5", vec![Step::Read(3), method(), Step::Read(10), granted5()], "127.0.0.1");
    assert_eq!(heard[1], b"\x05\x01\x00\x01\x7f\x00\x00\x01\x1f\x90");
    let proxy =
        Scripted::new(vec![vec![Step::Read(3), method(), Step::Read(16), Step::Send(vec![5, 5, 0, 1])]]);
    let out = get(&["-x", &format!("socks5h://127.0.0.1:{}", proxy.port), "http://h.invalid/"]);
    exits(97, &out);
    assert!(String::from_utf8_lossy(&out.stderr).contains("connection refused (code 5)"));
}

#[test]
fn connect_to_and_resolve_choose_the_address() {
    let server = Scripted::new(vec![vec![Step::Request(0), send(OK)], vec![Step::Request(0), send(OK)]]);
    let to = format!("a.invalid:80:127.0.0.1:{}", server.port);
    exits(0, &get(&["--connect-to", &to, "http://a.invalid/"]));
    assert!(server.next().contains("\r\nHost: a.invalid\r\n"));
    let to = format!("a.invalid:{}:[::1],127.0.0.1", server.port);
    // Nothing listens on ::1: the race goes on to the address that answers.
    exits(0, &get(&["--resolve", &to, &format!("http://a.invalid:{}/", server.port)]));
}
