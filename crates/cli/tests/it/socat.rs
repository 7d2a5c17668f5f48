//! Under the name socat: its command line, defaults, log lines, listings and exit codes.

use std::{
    os::unix::{fs::symlink, process::CommandExt},
    process::{Command, Output, Stdio},
};

use crate::support::{Running, peers};

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

fn socat(args: &[&str]) -> Command {
    let mut command = Command::new(SOCKEYE);
    command.arg0("socat").args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    socat(args).output().expect("it runs")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The line without its time and process id.
fn messages(output: &Output) -> Vec<String> {
    errors(output).lines().map(|line| line.split_once("] ").unwrap_or(("", line)).1.to_owned()).collect()
}

#[test]
fn errors_are_lines_of_its_log() {
    let out = output(&["tcp:127.0.0.1:1", "-"]);
    assert_eq!(out.status.code(), Some(1));
    let line = errors(&out);
    let (date, rest) = line.split_at(20);
    assert!(date.chars().filter(|c| *c == '/').count() == 2 && date.ends_with(' '), "{line}");
    assert!(rest.starts_with("socat["), "{line}");
    assert_eq!(messages(&out), ["E connect(5, AF=2 127.0.0.1:1, 16): Connection refused"]);
    for (args, message) in [
        (&["FOO:1", "-"][..], "E unknown device/address \"FOO\""),
        (&["tcp:h:1,foo", "-"], "E parseopts_table(): unknown option \"foo\""),
        (&["-Q", "-", "-"], "E unknown option \"-Q\"; use option \"-h\" for help"),
        (&["-"], "E exactly 2 addresses required (there are 1); use option \"-h\" for help"),
        (&["open:/nope", "-"], "E open(\"/nope\", 02, 0666): No such file or directory"),
    ] {
        let out = output(args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert_eq!(messages(&out), [message]);
    }
    let out = Command::new(SOCKEYE).args(["socat", "-lpme", "-lu", "FOO:1", "-"]).output().expect("it runs");
    assert!(errors(&out).contains(" me["), "{}", errors(&out));
}

/// The same errors as the real one, word for word.
#[test]
fn errors_are_those_of_the_real_one() {
    if !peers(&["socat"]) {
        return;
    }
    for args in [
        &["tcp:127.0.0.1:1", "-"][..],
        &["tcp6:[::1]:1", "-"],
        &["FOO:1", "-"],
        &["-Q", "-", "-"],
        &["-"],
        &["open:/nope", "-"],
        &["tcp4-listen:22,bind=192.0.2.1", "-"],
    ] {
        let real = Command::new("socat").args(args).stdin(Stdio::null()).output().expect("it runs");
        let ours = output(args);
        // The number of the socket depends on what else the test has open.
        let plain = |lines: Vec<String>| {
            (6..10).fold(lines.concat(), |text, number| text.replace(&format!("({number}, "), "(5, "))
        };
        assert_eq!(plain(messages(&ours)), plain(messages(&real)), "{args:?}");
        assert_eq!(ours.status.code(), real.status.code(), "{args:?}");
    }
}

#[test]
fn listings_and_features_are_true() {
    let version = String::from_utf8_lossy(&output(&["-V"]).stdout).into_owned();
    assert!(version.lines().any(|line| line.starts_with("socat version ")), "{version}");
    assert!(
        version.contains("#define WITH_TCP 1\n") && version.contains("#undef WITH_READLINE\n"),
        "{version}"
    );
    let help = |option: &str| String::from_utf8_lossy(&output(&[option]).stdout).into_owned();
    let (short, long) = (help("-h"), help("-hhh"));
    assert!(short.contains("\n      TCP4-CONNECT:<host>:<port>\tgroups="), "{short}");
    assert!(!short.contains("reuseaddr") && help("-hh").contains("\n      reuseaddr\t"));
    assert!(long.contains("\n      so-reuseaddr\t") && long.contains("\n      cs8\t"));
    let kinds: Vec<&str> = short
        .lines()
        .skip_while(|line| !line.contains("address-head:"))
        .filter(|line| line.contains("groups="))
        .filter_map(|line| line.trim().split([':', '[', '\t']).next())
        .collect();
    assert!(kinds.is_sorted() && kinds.len() > 50, "{kinds:?}");
}

#[test]
fn its_defaults_and_its_log_of_a_transfer() {
    let folder = tempfile::tempdir().expect("a folder");
    // The name of the file decides, as it does for a link in a PATH.
    let link = folder.path().join("socat");
    symlink(SOCKEYE, &link).expect("a link");
    let log = folder.path().join("log");
    let mut server = Running::start(
        Command::new(&link)
            .args(["-d", "-d", "tcp-listen:0,bind=127.0.0.1", "system:'echo $SOCAT_PEERADDR'"])
            .stdin(Stdio::null()),
    );
    let line = server.line("N listening on AF=2 127.0.0.1:");
    let port = line.rsplit(':').next().expect("a port");
    let client = Command::new(&link)
        .args(["-d", "-d", &format!("-lf{}", log.display()), "-u", &format!("tcp:127.0.0.1:{port}"), "-"])
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    // Nothing is sent, and the server has no fork: with the end of the client all of it ends, with 0.
    assert!(client.status.success());
    assert_eq!(String::from_utf8_lossy(&client.stdout), "127.0.0.1\n");
    server.line("N accepting connection from AF=2 127.0.0.1:");
    server.line("N starting data transfer loop");
    assert!(server.finish().0.success());
    let log = std::fs::read_to_string(log).expect("a log");
    assert!(log.contains("] N starting data transfer loop"), "{log}");
}

#[test]
fn half_a_second_after_the_end_of_data() {
    let began = std::time::Instant::now();
    let out = output(&["-", "exec:'sleep 1000'"]);
    assert!(out.status.success(), "{}", errors(&out));
    assert!(began.elapsed() >= std::time::Duration::from_millis(500));
}
