//! `sockeye options`: the documentation, one option, the values on a socket.

use std::process::{Command, Output};

use serde_json::Value;

fn options(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.arg("options").args(args).output().expect("the binary was built")
}

fn text(args: &[&str]) -> String {
    let out = options(args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("plain text")
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(&[args, &["--json"]].concat())).expect("JSON")
}

/// The value of one option in the JSON of an address.
fn value<'a>(of: &'a Value, name: &str) -> &'a Value {
    let options = of["options"].as_array().expect("a list");
    &options.iter().find(|o| o["name"] == name).unwrap_or_else(|| panic!("no {name}"))["value"]
}

#[test]
fn the_documentation_is_the_page_in_docs() {
    let page = include_str!("../../../../docs/socket-options.md");
    let block = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    assert_eq!(text(&[]), block, "the block in docs/socket-options.md is what `sockeye options` prints");
}

#[test]
fn the_table_as_json_tells_all_of_each_option() {
    let table = json(&[]);
    let table = table.as_array().expect("a list");
    assert!(table.len() > 150, "{}", table.len());
    for option in table {
        for key in [
            "name",
            "short",
            "level",
            "level_number",
            "number",
            "value",
            "access",
            "sockets",
            "addresses",
            "doc",
        ] {
            assert!(!option[key].is_null(), "{option} has no {key}");
        }
    }
}

#[test]
fn one_option_is_explained_by_either_name() {
    let wanted = "\
SO_RCVBUF: the receive buffer; the kernel doubles it and bounds it by net.core.rmem_max
  value      bytes
  access     get, set
  sockets    any socket
  short      rcvbuf
  level      SOL_SOCKET (1)
  number     8
  addresses  rcvbuf=…, rcvbuf-late=…
";
    for name in ["SO_RCVBUF", "so-rcvbuf", "rcvbuf"] {
        assert_eq!(text(&[name]), wanted);
    }
    assert_eq!(json(&["rcvbuf"])["number"], 8);
}

#[test]
fn an_address_shows_the_values_on_its_socket() {
    let tcp = json(&["tcp:127.0.0.1:80,nodelay,rcvbuf=8k,keepidle=30,linger=5"]);
    assert_eq!(
        (&tcp["family"], &tcp["type"], &tcp["protocol"]),
        (&"IPv4".into(), &"stream".into(), &6.into())
    );
    assert_eq!(value(&tcp, "TCP_NODELAY"), true);
    assert_eq!(value(&tcp, "SO_RCVBUF"), 16384);
    assert_eq!(value(&tcp, "TCP_KEEPIDLE"), 30.0);
    assert_eq!(value(&tcp, "SO_LINGER"), 5.0);
    assert_eq!(value(&tcp, "SO_TYPE"), "SOCK_STREAM");
    for (address, family, kind) in [
        ("127.0.0.1:80", "IPv4", "stream"),
        ("tcp-listen:[::]:80", "IPv6", "stream"),
        ("udp:[::1]:53", "IPv6", "datagram"),
        ("udp://127.0.0.1:53", "IPv4", "datagram"),
        ("unix-listen:/tmp/x.sock", "Unix", "stream"),
        ("unix-sendto:/tmp/x.sock", "Unix", "datagram"),
        ("socketpair", "Unix", "stream"),
    ] {
        let shown = text(&[address]);
        let first = shown.lines().next().expect("a line");
        assert!(first.contains(&format!(": {family} {kind}, protocol ")), "{address}: {first}");
        assert!(shown.contains(&format!("\n  {:<24}  off\n", "SO_ACCEPTCONN")), "{shown}");
    }
}

#[test]
fn an_inherited_socket_shows_its_values() {
    let script = "exec 3<>/dev/udp/127.0.0.1/9; exec \"$0\" options fd:3 --json";
    let out =
        Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_sockeye")]).output().expect("bash");
    let shown: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!((&shown["type"], &shown["protocol"]), (&"datagram".into(), &17.into()));
}

#[test]
fn what_is_wrong_is_one_line_with_the_way_out_and_its_code() {
    for (what, code, words) in [
        ("SO_RCVBUFF", 2, "did you mean SO_RCVBUF?"),
        ("stdio", 2, "not a socket"),
        ("tcp:1:2:3:4", 2, "write TCP:<host>:<port>"),
        ("tcp:127.0.0.1:80,congestion=no-such-control", 4, "cannot set TCP_CONGESTION"),
        ("tcp:no-such-host.invalid:80", 1, "cannot resolve no-such-host.invalid"),
        ("fd:250", 4, "cannot take over descriptor 250"),
    ] {
        let out = options(&[what]);
        let line = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{what}: {line}");
        // What is wrong with an address is shown at its place, on two lines more.
        let lines = if words.starts_with("write ") { 3 } else { 1 };
        assert!(
            line.contains(words) && line.lines().count() == lines && out.stdout.is_empty(),
            "{what}: {line}"
        );
    }
}

#[test]
fn fault_4_a_reader_that_leaves_ends_it_quietly() {
    let script = "\"$0\" options | head -1; echo ${PIPESTATUS[0]}";
    let out =
        Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_sockeye")]).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&out.stdout), "SOL_SOCKET (any socket)\n0\n");
    assert!(out.stderr.is_empty());
}
