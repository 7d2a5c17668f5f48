//! Files: temporary names, resumes, retries, names that servers propose.

use std::fs;

use super::servers::{Scripted, Step, bytes, exits, get, send};

fn whole(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

fn rest(body: &[u8], from: usize) -> Vec<u8> {
    let (last, all) = (body.len() - 1, body.len());
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes {from}-{last}/{all}\r\n\
         Content-Length: {}\r\n\r\n",
        all - from
    );
    [head.as_bytes(), &body[from..]].concat()
}

#[test]
fn a_cut_body_is_kept_apart_and_resumed() {
    let temp = tempfile::tempdir().expect("a directory");
    let (file, part) = (temp.path().join("f"), temp.path().join("f.part"));
    let path = file.to_str().expect("UTF-8");
    let body = bytes(700_000);
    let cut = whole(&body)[..400_000].to_vec();
    let had = 400_000 - (whole(&body).len() - body.len());
    let server = Scripted::new(vec![
        vec![Step::Request(0), Step::Send(cut)],
        vec![Step::Request(0), Step::Send(rest(&body, had))],
    ]);
    exits(18, &get(&["-o", path, &server.url("/")]));
    assert!(!file.exists(), "its name is for the whole file");
    assert!(fs::read(&part).expect("what came") == body[..had]);
    server.next();
    exits(0, &get(&["-C", "-", "-o", path, &server.url("/")]));
    assert!(server.next().contains(&format!("\r\nRange: bytes={had}-\r\n")));
    assert!(fs::read(&file).expect("the file") == body);
    assert!(!part.exists());
}

#[test]
fn retries_go_on_where_it_stopped() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("f");
    let body = bytes(900_000);
    let full = whole(&body);
    let head = full.len() - body.len();
    let server = Scripted::new(vec![
        vec![Step::Request(0), send("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")],
        vec![Step::Request(0), Step::Send(full[..500_000].to_vec())],
        vec![Step::Request(0)],
        vec![Step::Request(0), Step::Send(rest(&body, 500_000 - head))],
    ]);
    let args = ["--retry", "3", "--retry-delay", "0.01", "-w", "%{http_code}", "-o"];
    let shown = exits(0, &get(&[&args[..], &[file.to_str().expect("UTF-8"), &server.url("/")]].concat()));
    assert_eq!(shown, "206");
    assert!(fs::read(&file).expect("the file") == body);
    let requests: Vec<String> = (0..4).map(|_| server.next()).collect();
    assert!(!requests[1].contains("Range:"));
    for request in &requests[2..] {
        assert!(request.contains(&format!("\r\nRange: bytes={}-\r\n", 500_000 - head)), "{request}");
        assert!(request.contains("\r\nIf-Range: \"v1\"\r\n"), "{request}");
    }
}

#[test]
fn retries_end_with_the_last_failure() {
    let busy = vec![Step::Request(0), send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")];
    let server = Scripted::new(vec![busy; 3]);
    let url = server.url("/");
    let out = get(&["--retry", "2", "--retry-delay", "0.01", "-s", &url]);
    assert_eq!(exits(0, &out), "busy", "without -f the last answer is the answer");
    let server = Scripted::new(vec![vec![Step::Request(0)]; 3]);
    exits(7, &get(&["--retry", "3", "--retry-delay", "0.01", &server.url("/")]));
    assert_eq!(server.heard.iter().take(3).count(), 3);
}

#[test]
fn a_file_that_changed_is_fetched_anew() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("f");
    let body = bytes(600_000);
    let server = Scripted::new(vec![
        vec![
            Step::Request(0),
            send("HTTP/1.1 200 OK\r\nETag: \"v0\"\r\nContent-Length: 9999999\r\n\r\nold old old"),
        ],
        vec![Step::Request(0), Step::Send(whole(&body))],
    ]);
    let args = ["--retry", "1", "--retry-delay", "0.01", "-o", file.to_str().expect("UTF-8")];
    exits(0, &get(&[&args[..], &[&server.url("/")]].concat()));
    assert!(fs::read(&file).expect("the file") == body);
}

#[test]
fn a_server_without_ranges_cannot_resume() {
    let temp = tempfile::tempdir().expect("a directory");
    let file = temp.path().join("f");
    fs::write(&file, "kept").expect("a file");
    let server = Scripted::answer(&whole(b"whole"));
    exits(33, &get(&["-C", "-", "-o", file.to_str().expect("UTF-8"), &server.url("/")]));
    assert_eq!(fs::read(&file).expect("the file"), b"kept");
    let server = Scripted::answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
    exits(33, &get(&["-C", "-", "-o", file.to_str().expect("UTF-8"), &server.url("/")]));
    assert_eq!(fs::read(&file).expect("the file"), b"kept");
}

#[test]
fn names_from_servers_stay_in_the_directory_and_replace_nothing() {
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path().join("in");
    fs::create_dir(&dir).expect("a directory");
    let proposed = |name: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename={name}\r\nContent-Length: 2\r\n\r\nhi"
        );
        let server = Scripted::answer(head.as_bytes());
        get(&["-OJ", "--output-dir", dir.to_str().expect("UTF-8"), &server.url("/from-url")])
    };
    exits(0, &proposed("\"../../evil\""));
    exits(0, &proposed("plain.txt"));
    exits(0, &proposed(".."));
    let mut names: Vec<_> =
        fs::read_dir(&dir).expect("there").map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["evil", "from-url", "plain.txt"]);
    assert_eq!(fs::read_dir(temp.path()).expect("there").count(), 1, "nothing outside");
    exits(23, &proposed("plain.txt"));
    let server = Scripted::answer(&whole(b"x"));
    exits(23, &get(&["-O", &server.url("/")]));
}

#[test]
fn an_output_that_refuses_exits_23() {
    let server = Scripted::answer(&whole(&bytes(100_000)));
    exits(23, &get(&["-o", "/dev/full", &server.url("/")]));
    let server = Scripted::answer(&whole(&bytes(1_000_000)));
    exits(23, &get(&["-o", "/nonexistent/f", &server.url("/")]));
    let server = Scripted::answer(&whole(&bytes(1_000_000)));
    exits(0, &get(&["-o", "/dev/null", &server.url("/")]));
}
