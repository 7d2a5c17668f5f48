//! Every exit code of `docs/exit-codes.md`, by the examples of the page: a row with an example and no run here
//! fails.

use std::process::{Command, Stdio};

use crate::{
    common::{Ran, ended, fed, listening, python_beside, sockeye},
    support::{Running, peers, root},
};

const PAGE: &str = include_str!("../../../../docs/exit-codes.md");
const SERVER: &str = "127.0.0.1:8000";
const SILENT: &str = "127.0.0.1:9999";

/// The examples of the page: their code, and the command as a shell takes it.
fn examples() -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for row in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let row = row.replace("\\|", "\u{1}");
        let code = row[2..].split([' ', ',']).next().and_then(|code| code.parse().ok());
        let commands = row.split('`').skip(1).step_by(2).filter(|text| text.contains("sockeye "));
        for command in commands {
            let code = match code {
                // "5, 6": the host's name is the second.
                Some(5) if row.starts_with("| 5, 6") => 6,
                Some(code) => code,
                None => panic!("no code in {row}"),
            };
            found.push((code, command.replace('\u{1}', "|")));
        }
    }
    found
}

/// Runs a command of the page in a shell where `sockeye` is the binary and the servers are ours.
fn shell(command: &str, places: &[(&str, &str)]) -> Ran {
    let command = places.iter().fold(command.to_owned(), |text, (written, real)| text.replace(written, real));
    let dir = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sockeye"), dir.path().join("sockeye")).expect("a link");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap_or_default());
    let copy = dir.path().join("copy").display().to_string();
    fed(Command::new("bash").args(["-c", &command.replace("/tmp/copy", &copy)]).env("PATH", path), b"")
}

#[test]
fn every_example_of_the_page_ends_as_it_says() {
    if !root() {
        return;
    }
    let (_files, at) = listening(&["serve", "files", "--root", env!("CARGO_MANIFEST_DIR"), "127.0.0.1:0"]);
    let (_silent, quiet) = listening(&["serve", "discard", "127.0.0.1:0"]);
    let examples = examples();
    let codes: Vec<_> = examples.iter().map(|(code, _)| *code).collect();
    for code in [0, 1, 2, 3, 4, 5, 130, 143, 6, 7, 22, 23, 26] {
        assert!(codes.contains(&code), "{code} has no example: {examples:#?}");
    }
    for (code, command) in &examples {
        let ran = shell(command, &[(SERVER, &at), (SILENT, &quiet)]);
        assert_eq!(ran.code, Some(*code), "{command}: {}", ran.err);
        assert!(!ran.err.contains("panicked"), "{command}: {}", ran.err);
    }
}

#[test]
fn servers_that_were_asked_to_end_exit_0() {
    for args in [
        &["serve", "echo", "127.0.0.1:0"][..],
        &["listen", "-k", "127.0.0.1:0"],
        &["relay", "tcp-listen:127.0.0.1:0,fork", "pipe"],
    ] {
        for signal in ["TERM", "INT", "HUP"] {
            let (server, _) = listening(args);
            server.signal(signal);
            let (status, lines) = server.finish();
            assert_eq!(status.code(), Some(0), "{args:?} SIG{signal}: {lines:#?}");
        }
    }
}

#[test]
fn a_conversation_cut_short_exits_as_shells_say() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let (server, at) = listening(&["serve", "greet", "--delay", "1h", "127.0.0.1:0"]);
        let mut client =
            Running::start(sockeye(&["connect", "-v", "--events", "-", &at]).stdin(Stdio::piped()));
        client.line("\"opened\"");
        client.signal(signal);
        let (status, lines) = client.finish();
        assert_eq!(status.code(), Some(code), "SIG{signal}: {lines:#?}");
        drop(server);
    }
}

#[test]
fn another_tools_name_brings_its_codes() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, code) in [("ss", 255), ("ping", 2)] {
        let link = dir.path().join(name);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sockeye"), &link).expect("a link");
        let ran = fed(Command::new(&link).arg("--no-such-flag"), b"");
        assert_eq!(ran.code, Some(code), "{name}: {}", ran.err);
    }
}

#[test]
fn get_tells_an_answer_cut_short_from_none() {
    if !peers(&["python3"]) {
        return;
    }
    let answers = [
        ("", 52),
        ("HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhalf", 18),
        ("nonsense\\r\\n\\r\\n", 8),
    ];
    for (answer, code) in answers {
        let program = format!(
            "s = socket.create_server(('127.0.0.1', 0)); print('listening on 127.0.0.1:%d' % s.getsockname()[1])\n\
             c, _ = s.accept(); c.recv(65536); c.sendall(b'{answer}'); c.close()"
        );
        let mut server = python_beside(&program, &[]);
        let at = crate::common::place(&mut server);
        let ran = fed(&mut sockeye(&["get", &format!("http://{at}/")]), b"");
        assert_eq!(ran.code, Some(code), "{answer:?}: {}", ran.err);
    }
    let (server, at) = listening(&["serve", "discard", "127.0.0.1:0"]);
    let ran = fed(&mut sockeye(&["get", "-m", "0.2", &format!("http://{at}/")]), b"");
    assert_eq!(ran.code, Some(28), "{}", ran.err);
    ended(server);
}
