//! `sockeye watch` on real connections.

use std::{
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Stdio},
};

use crate::support::Running;

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

#[test]
fn changes_of_state_as_data() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new(SOCKEYE);
    command.args([
        "watch",
        "--json",
        "--interval",
        "0.02",
        "--port",
        &address.port().to_string(),
        "--events",
    ]);
    let mut watch = Running::start(command.arg(file.path()));
    // What the first sample finds is not a change.
    watch.line("\"event\":\"tcp-watch\"");
    let client = TcpStream::connect(address).expect("it listens");
    let (server, _) = listener.accept().expect("a connection");
    let local = client.local_addr().expect("bound").to_string();
    let line = watch.line(&format!("\"local\":\"{local}\""));
    let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&event["event"], &event["to"]), (&"tcp-state".into(), &"ESTAB".into()));
    assert!(event["time"].as_f64().is_some_and(|t| t > 1e9) && event["from"].is_null());
    client.shutdown(Shutdown::Write).expect("it is open");
    // FIN-WAIT-1 may be seen between, or not.
    watch.line("\"to\":\"FIN-WAIT-2\"");
    drop(server);
    let rest = format!("\"local\":\"{local}\",\"peer\":\"{address}\",\"from\":\"FIN-WAIT-2\",\"to\":");
    let line = watch.line(&rest);
    assert!(line.contains("TIME-WAIT") || may_not_rest() && line.contains("null"), "{line}");
    let file = std::fs::read_to_string(file.path()).expect("it was created");
    assert!(file.contains(&rest), "{file}");
}

/// Whether connections may end without TIME-WAIT, for as many rest on this machine as may
/// (`net.ipv4.tcp_max_tw_buckets`): others may use it hard.
fn may_not_rest() -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let most: Option<u64> = read("/proc/sys/net/ipv4/tcp_max_tw_buckets").trim().parse().ok();
    let sockets = read("/proc/net/sockstat");
    let resting = sockets.split(" tw ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    most.zip(resting).is_none_or(|(most, resting)| resting > most / 2)
}

#[test]
fn wrong_use_is_refused() {
    for (args, part) in [
        (&["--interval", "0"][..], "between 0.01 and 3600"),
        (&["--json", "sport", "=", ":abc"], "does not look like a port"),
    ] {
        let out = Command::new(SOCKEYE).arg("watch").args(args).output().expect("it runs");
        assert_eq!(out.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&out.stderr).contains(part));
    }
    // Without a terminal there is no screen, and it says so.
    let out = Command::new(SOCKEYE).args(["watch", "--samples", "1"]).output().expect("it runs");
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("--json gives the same as data"));
}

#[test]
fn a_command_tells_its_own_states() {
    let mut listen = Running::start(
        Command::new(SOCKEYE).args(["listen", "--states", "127.0.0.1:0"]).stdin(Stdio::piped()),
    );
    let line = listen.line("listening on ");
    let address = line.rsplit(' ').next().expect("an address").to_owned();
    listen.line(&format!("{address} → 0.0.0.0:0: CLOSED → LISTEN"));
    let mut connect =
        Running::start(Command::new(SOCKEYE).args(["connect", "--states", &address]).stdin(Stdio::piped()));
    connect.line(&format!("→ {address}: CLOSED → ESTAB"));
    listen.line(&format!("{address} → 127.0.0.1:"));
    // The client closes first: it is the one that rests.
    drop(connect.child.stdin.take());
    drop(listen.child.stdin.take());
    let (_, told) = connect.finish();
    let (_, heard) = listen.finish();
    let rests = |lines: &[String]| lines.iter().any(|l| l.ends_with("→ TIME-WAIT"));
    assert!(rests(&told) || rests(&heard) || may_not_rest(), "{told:#?} {heard:#?}");
}
