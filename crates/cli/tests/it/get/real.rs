//! Byte-exact against nginx, haproxy and Python.

use std::{fs, path::Path};

use super::servers::{bytes, exits, get, haproxy, nginx, python};
use crate::support::peers;

const SIZES: [(&str, usize); 6] =
    [("empty", 0), ("one", 1), ("small", 1000), ("page", 65_536), ("large", 300_001), ("huge", 9_000_000)];

fn www(dir: &Path) {
    fs::create_dir(dir.join("www")).expect("a directory");
    for (name, size) in SIZES {
        fs::write(dir.join("www").join(name), bytes(size)).expect("a file");
    }
    let text = "text that compresses well\n".repeat(4000);
    fs::write(dir.join("www/text.txt"), text).expect("a file");
}

/// Fetches every file both ways and compares.
fn all_files(dir: &Path, base: &str, more: &[&str]) {
    for (name, size) in SIZES {
        let url = format!("{base}/{name}");
        let out = get(&[more, &[&url]].concat());
        exits(0, &out);
        assert!(out.stdout == bytes(size), "{url} to the standard output");
        let file = dir.join("got");
        let path = file.to_str().expect("UTF-8");
        exits(0, &get(&[more, &["-o", path, &url]].concat()));
        assert!(fs::read(&file).expect("the file") == bytes(size), "{url} to a file");
    }
}

#[test]
fn nginx_serves_every_size_over_one_connection() {
    if !peers(&["nginx", "openssl"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    www(dir);
    let server = nginx(dir);
    let base = format!("http://127.0.0.1:{}", server.port);
    all_files(dir, &base, &[]);

    let out = dir.join("out");
    let urls: Vec<String> = SIZES.iter().map(|(name, _)| format!("{base}/{name}")).collect();
    let mut args =
        vec!["-O", "--create-dirs", "--output-dir", out.to_str().expect("UTF-8"), "-w", "%{num_connects}"];
    args.extend(urls.iter().map(String::as_str));
    assert_eq!(exits(0, &get(&args)), "100000", "one connection for all of them");
    for (name, size) in SIZES {
        assert!(fs::read(out.join(name)).expect("the file") == bytes(size), "{name}");
    }
    let many: Vec<&str> = ["-Z", "--parallel-max", "4"].into_iter().chain(args).collect();
    exits(0, &get(&many));
    for (name, size) in SIZES {
        assert!(fs::read(out.join(name)).expect("the file") == bytes(size), "{name}, at the same time");
    }
}

#[test]
fn nginx_gives_ranges_resumes_and_compresses() {
    if !peers(&["nginx", "openssl"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    www(dir);
    let server = nginx(dir);
    let base = format!("http://127.0.0.1:{}", server.port);
    let large = format!("{base}/large");
    let whole = bytes(300_001);
    for (range, from, to) in [("0-99", 0, 100), ("299901-", 299_901, 300_001), ("-1", 300_000, 300_001)] {
        let out = get(&["-r", range, "-w", "%{stderr}%{http_code}", &large]);
        exits(0, &out);
        assert!(out.stdout == whole[from..to], "{range}");
        assert_eq!(out.stderr, b"206");
    }
    let file = dir.join("resumed");
    let path = file.to_str().expect("UTF-8");
    // As curl leaves it, and as sockeye does.
    for name in ["resumed", "resumed.part"] {
        let _ = fs::remove_file(&file);
        fs::write(dir.join(name), &whole[..123_456]).expect("a file");
        let size = exits(0, &get(&["-C", "-", "-o", path, "-w", "%{size_download}", &large]));
        assert_eq!(size, (300_001 - 123_456).to_string());
        assert!(fs::read(&file).expect("the file") == whole, "{name}");
    }
    assert!(!dir.join("resumed.part").exists());
    assert_eq!(
        exits(0, &get(&["-C", "-", "-o", path, "-w", "%{http_code}", &large])),
        "416",
        "already whole"
    );
    assert!(fs::read(&file).expect("the file") == whole);

    let text = fs::read(dir.join("www/text.txt")).expect("the file");
    let gzip = format!("{base}/gzip/text.txt");
    let out = get(&["--compressed", "-w", "%{stderr}%{size_download} %header{content-encoding}", &gzip]);
    exits(0, &out);
    assert!(out.stdout == text);
    let facts = String::from_utf8_lossy(&out.stderr).into_owned();
    let (size, coding) = facts.split_once(' ').expect("two facts");
    assert!(coding == "gzip" && size.parse::<usize>().expect("a number") < text.len() / 10, "{facts}");
}

#[test]
fn nginx_speaks_tls_and_listens_on_a_unix_socket() {
    if !peers(&["nginx", "openssl"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    let dir = temp.path();
    www(dir);
    let server = nginx(dir);
    let base = format!("https://127.0.0.1:{}", server.tls_port);
    let ca = dir.join("ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    all_files(dir, &base, &["--cacert", ca]);
    let url = format!("{base}/small");
    exits(60, &get(&[&url]));
    exits(0, &get(&["-k", &url]));
    exits(77, &get(&["--cacert", "/nonexistent", &url]));
    let named = format!("https://localhost:{}/small", server.tls_port);
    let to = format!("localhost:{}:127.0.0.1", server.tls_port);
    exits(0, &get(&["--cacert", ca, "--resolve", &to, &named]));
    let other = format!("https://other.example:{}/small", server.tls_port);
    let to = format!("other.example:{}:127.0.0.1", server.tls_port);
    exits(60, &get(&["--cacert", ca, "--resolve", &to, &other]));
    exits(0, &get(&["-k", "--resolve", &to, &other]));
    exits(35, &get(&["-k", &format!("https://127.0.0.1:{}/", server.port)]));
    let json = exits(0, &get(&["--json", "--cacert", ca, &url]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["tls"]["version"], &json["tls"]["verified"]), (&"TLSv1.3".into(), &true.into()));
    assert!(json["timings"]["tls"].as_f64() >= json["timings"]["connect"].as_f64());

    let socket = dir.join("nginx.sock");
    let out = get(&["--unix-socket", socket.to_str().expect("UTF-8"), "http://any.example/large"]);
    exits(0, &out);
    assert!(out.stdout == bytes(300_001));
}

#[test]
fn haproxy_in_front_changes_nothing() {
    if !peers(&["nginx", "openssl", "haproxy"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    www(temp.path());
    let server = nginx(temp.path());
    let (port, _haproxy) = haproxy(temp.path(), server.port);
    all_files(temp.path(), &format!("http://127.0.0.1:{port}"), &[]);
}

#[test]
fn python_serves_http_1_0() {
    if !peers(&["python3"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    www(temp.path());
    let (port, _python) = python(&temp.path().join("www"));
    all_files(temp.path(), &format!("http://127.0.0.1:{port}"), &[]);
}

#[test]
fn redirects_are_followed_counted_and_limited() {
    if !peers(&["nginx", "openssl"]) {
        return;
    }
    let temp = tempfile::tempdir().expect("a directory");
    www(temp.path());
    let server = nginx(temp.path());
    let base = format!("http://127.0.0.1:{}", server.port);
    let away = format!("{base}/away");
    let shown = exits(0, &get(&["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", &away]));
    assert_eq!(shown, format!("302 {base}/small"));
    let out = get(&["-L", "-w", "%{stderr}%{num_redirects} %{url_effective}", &away]);
    assert_eq!(String::from_utf8_lossy(&out.stderr), format!("1 {base}/small"));
    assert!(out.stdout == bytes(1000));
    exits(47, &get(&["-L", "--max-redirs", "5", &format!("{base}/loop")]));
    exits(22, &get(&["-f", &format!("{base}/gone")]));
    assert_eq!(exits(22, &get(&["--fail-with-body", &format!("{base}/gone")])), "gone for good");
    assert_eq!(exits(0, &get(&[&format!("{base}/gone")])), "gone for good");
}

#[test]
fn our_own_server_serves_every_size() {
    let temp = tempfile::tempdir().expect("a directory");
    www(temp.path());
    let port = super::servers::free_port();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(["serve", "files", &port.to_string(), "--root"]).arg(temp.path().join("www"));
    let mut server = crate::support::Running::start(&mut command);
    super::servers::wait_for(port, &mut server);
    let base = format!("http://127.0.0.1:{port}");
    all_files(temp.path(), &base, &[]);
    let out = get(&["-r", "1000-1999", &format!("{base}/large")]);
    exits(0, &out);
    assert!(out.stdout == bytes(300_001)[1000..2000]);
    exits(22, &get(&["-f", &format!("{base}/%2e%2e/ca.pem")]));
}
