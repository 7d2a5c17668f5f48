//! Events of every command, in success and in failure: each line fits `docs/events.schema.json`, and the
//! exit code of an `error` event is that of the process.

mod schema;

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    common::{Ran, ended, listening, port, run, sockeye},
    support::{Running, root},
};

const SCHEMA: &str = include_str!("../../../../../docs/events.schema.json");
const PAGE: &str = include_str!("../../../../../docs/events.md");

/// Checks each line against the schema.
#[track_caller]
pub(crate) fn valid(lines: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let read = |line| {
        let event = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line:?} is no JSON: {e}"));
        schema::check(&schema, &event).unwrap_or_else(|e| panic!("{e}"));
        event
    };
    lines.lines().map(read).collect()
}

/// A file for the events of one run.
struct Told(tempfile::TempDir);

impl Told {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("events")
    }

    /// The file's name as an argument.
    fn file(&self) -> String {
        self.path().display().to_string()
    }

    /// The events, each of them checked, which are of these kinds and no others.
    #[track_caller]
    fn kinds(&self, kinds: &[&str]) -> Vec<Value> {
        let events = valid(&std::fs::read_to_string(self.path()).expect("it was written"));
        let found: BTreeSet<_> = events.iter().filter_map(|e| e["event"].as_str()).collect();
        assert_eq!(found, kinds.iter().copied().collect(), "{events:#?}");
        events
    }
}

/// Runs a command that fails, with `--events`; its last event is its error.
#[track_caller]
fn fails(args: &[&str], code: i32, class: &str) -> Ran {
    let told = Told::new();
    let ran = run(&[&args[..1], &["--events", &told.file()], &args[1..]].concat(), b"");
    assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
    let events = valid(&std::fs::read_to_string(told.path()).expect("it was written"));
    let error = events.last().expect("a failure is told");
    assert_eq!((&error["event"], &error["code"]), (&json!("error"), &json!(code)), "{events:#?}");
    assert_eq!(error["class"], class, "{events:#?}");
    ran
}

/// An address that nobody listens at.
fn closed() -> String {
    // The listener is gone at once; the kernel gives this port to nobody else for a while.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

#[test]
fn the_schema_refuses_what_does_not_fit() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let good = json!({"time": 1.5, "event": "closed", "id": 1, "seconds": 0.25});
    assert_eq!(schema::check(&schema, &good), Ok(()));
    for (field, bad) in
        [("time", json!("now")), ("event", json!("shut")), ("id", json!(-1)), ("more", json!(1))]
    {
        let mut event = good.clone();
        event[field] = bad;
        assert!(schema::check(&schema, &event).is_err(), "{event}");
    }
    for field in ["time", "event", "id", "seconds"] {
        let mut event = good.clone();
        event.as_object_mut().expect("it is one").remove(field);
        assert!(schema::check(&schema, &event).is_err(), "{event}");
    }
}

#[test]
fn page_and_schema_name_the_same_kinds() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let kinds = schema["oneOf"].as_array().expect("kinds").iter();
    let named: BTreeSet<_> = kinds.filter_map(|kind| kind["properties"]["event"]["const"].as_str()).collect();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let told: BTreeSet<_> = rows.map(|(kind, _)| kind).filter(|kind| named.contains(kind)).collect();
    assert_eq!(told, named);
    for kind in schema["oneOf"].as_array().expect("kinds") {
        for field in kind["properties"].as_object().expect("fields").keys() {
            assert!(PAGE.contains(&format!("`{field}`")), "{field} of {}", kind["properties"]["event"]);
        }
    }
}

#[test]
fn relay_tells_of_both_directions() {
    let told = Told::new();
    let copy = told.0.path().join("copy");
    let ran = run(&["relay", "--events", &told.file(), "-", &format!("create:{}", copy.display())], b"abc");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let events = told.kinds(&["opened", "ended", "closed"]);
    let bytes = events.iter().filter_map(|e| e["bytes"].as_u64()).max();
    assert_eq!(bytes, Some(3), "{events:#?}");
    fails(&["relay", "-", &format!("tcp:{}", closed())], 1, "network");
    fails(&["relay", "-", "tcp-lisen:80"], 2, "usage");
    fails(&["relay", "-", "open:/nowhere/at/all"], 4, "resource");
}

#[test]
fn explanations_are_events() {
    let told = Told::new();
    let (_server, at) = listening(&["serve", "echo", "--frame", "len:u16be", "127.0.0.1:0"]);
    let args = ["connect", "--explain", "--frame", "len:u16be", "--events", &told.file(), &at];
    let ran = run(&args, b"ab\nc\n");
    assert_eq!((ran.code, ran.out.as_slice()), (Some(0), &b"ab\nc\n"[..]), "{}", ran.err);
    told.kinds(&["opened", "ended", "closed", "frame-receive", "frame-message", "frame-end"]);

    let told = Told::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = server.local_addr().expect("bound").to_string();
    let half = std::thread::spawn(move || server.accept().expect("a client").0.write_all(&[0, 9, 1]));
    let args = ["connect", "-d", "--explain", "-F", "len:u16be", "--events", &told.file(), &at];
    let ran = run(&args, b"");
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    half.join().expect("no panic").expect("sent");
    told.kinds(&["opened", "ended", "closed", "error", "frame-receive", "frame-end"]);
}

#[test]
fn connect_tells_success_and_failure() {
    let (_server, at) = listening(&["serve", "greet", "127.0.0.1:0"]);
    let told = Told::new();
    let ran = run(&["connect", "--events", &told.file(), &at], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    told.kinds(&["opened", "ended", "closed"]);
    // On the standard output, too, when nothing else is written there.
    let ran = run(&["connect", "--events", "-", &closed()], b"");
    assert_eq!(ran.code, Some(1));
    assert_eq!(valid(&String::from_utf8_lossy(&ran.out)).len(), 1);
    fails(&["connect", &closed()], 1, "network");
    fails(&["connect", "no-such-host.invalid:80"], 1, "network");
    fails(&["connect", "tcp:127.0.0.1:80,no-such-option"], 2, "usage");
    fails(&["connect", "tcp-listen:127.0.0.1:0"], 2, "usage");
    fails(&["connect", "unix:/nowhere/at/all"], 4, "resource");
}

#[test]
fn listen_tells_success_and_failure() {
    for many in [false, true] {
        let told = Told::new();
        let file = told.file();
        let flag: &[&str] = if many { &["-k"] } else { &[] };
        let (server, at) = listening(&[&["listen", "--events", &file, "127.0.0.1:0"], flag].concat());
        let mut client = TcpStream::connect(&at).expect("it listens");
        client.write_all(b"hello").expect("sent");
        client.shutdown(std::net::Shutdown::Write).expect("still open");
        client.read_to_end(&mut Vec::new()).expect("it closes");
        if many {
            ended(server);
            told.kinds(&["listening", "opened", "closed", "summary"]);
        } else {
            assert_eq!(server.finish().0.code(), Some(0));
            told.kinds(&["listening", "opened", "ended", "closed"]);
        }
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("bound").to_string();
    fails(&["listen", &at], 4, "resource");
    fails(&["listen", "-w", "50ms", "127.0.0.1:0"], 3, "deadline");
}

#[test]
fn serve_tells_messages_refusals_and_the_sum() {
    let told = Told::new();
    let (server, at) = listening(&["serve", "hello", "-m", "1", "--events", &told.file(), "127.0.0.1:0"]);
    let mut first = TcpStream::connect(&at).expect("it listens");
    first.read_exact(&mut [0; 8]).expect("a welcome");
    let mut said = String::new();
    TcpStream::connect(&at).expect("it listens").read_to_string(&mut said).expect("a refusal");
    assert!(said.starts_with("server is full"), "{said}");
    first.write_all(b"exit").expect("sent");
    first.read_to_end(&mut Vec::new()).expect("it closes");
    ended(server);
    let events = told.kinds(&["listening", "opened", "refused", "message", "ended", "closed", "summary"]);
    let sum = events.last().expect("a summary");
    assert_eq!((&sum["clients"], &sum["refused"]), (&json!(1), &json!(1)));
    fails(&["serve", "echo", "tcp:127.0.0.1:1:2:3"], 2, "usage");
    fails(&["serve", "echo", "unix:/nowhere/at/all"], 4, "resource");
}

#[test]
fn get_and_its_server_tell_the_exchange() {
    let (told, served) = (Told::new(), Told::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).display().to_string();
    let (server, at) =
        listening(&["serve", "files", "--root", &root, "--events", &served.file(), "127.0.0.1:0"]);
    let ran = run(&["get", "-s", "--events", &told.file(), &format!("http://{at}/Cargo.toml")], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let steps: BTreeSet<_> =
        told.kinds(&["http"]).iter().map(|e| e["step"].as_str().expect("a step").to_owned()).collect();
    for step in ["connecting", "connected", "request-head", "response-head", "body-end", "done"] {
        assert!(steps.contains(step), "{steps:?}");
    }
    ended(server);
    let events = served.kinds(&["listening", "request", "summary"]);
    assert!(events.iter().any(|e| e["target"] == "/Cargo.toml" && e["status"] == 200), "{events:#?}");
    fails(&["get", "-s", &format!("http://{}/", closed())], 7, "network");
    fails(&["get", "-s", "http://no-such-host.invalid/"], 6, "network");
    fails(&["get", "-s", "nonsense://x/"], 1, "usage");
}

#[test]
fn ping_tells_probes_and_failure() {
    if !root() {
        return;
    }
    let told = Told::new();
    let ran = run(&["ping", "-c", "1", "--events", &told.file(), "127.0.0.1"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    told.kinds(&["ping-sent", "ping-reply", "ping-summary"]);
    let told = Told::new();
    let ran = run(&["ping", "-c", "1", "--events", &told.file(), "127.0.0.1", "127.0.0.2"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    told.kinds(&["ping-alive"]);
    fails(&["ping", "no-such-host.invalid"], 2, "network");
}

#[test]
fn watch_tells_states_and_failure() {
    let told = Told::new();
    let ran = run(&["watch", "--json", "--samples", "1", "--events", &told.file()], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    told.kinds(&["tcp-watch"]);
    assert_eq!(valid(&String::from_utf8_lossy(&ran.out)).len(), 1);
    fails(&["watch", "--json", "sport", "=", ":abc"], 2, "usage");
}

#[test]
fn states_and_windows_are_events() {
    let told = Told::new();
    let mut listen = Running::start(
        sockeye(&["listen", "--states", "--events", &told.file(), "127.0.0.1:0"])
            .stdin(std::process::Stdio::piped()),
    );
    let at = crate::common::place(&mut listen);
    listen.line("CLOSED → LISTEN");
    let client = TcpStream::connect(&at).expect("it listens");
    listen.line(&format!("127.0.0.1:{} → ", port(&at)));
    drop((client, listen.child.stdin.take()));
    assert_eq!(listen.finish().0.code(), Some(0));
    told.kinds(&["listening", "opened", "ended", "closed", "tcp-state"]);

    let told = Told::new();
    let (_server, at) = listening(&["serve", "hello", "arq-listen:127.0.0.1:0"]);
    let ran = run(&["connect", "--events", &told.file(), &format!("arq:{at}")], b"Bob");
    assert_eq!(ran.text(), "Welcome!Hello, Bob!");
    told.kinds(&["opened", "ended", "closed", "arq-window"]);
}
