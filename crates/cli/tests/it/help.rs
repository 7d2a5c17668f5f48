//! What a new user reads first: help, completions, manual pages.

use std::{path::PathBuf, process::Command};

use crate::{
    common::{fed, peer, run, sockeye},
    support::peers,
};

const COMMANDS: [&str; 13] = [
    "relay",
    "connect",
    "listen",
    "serve",
    "get",
    "frame",
    "ping",
    "ss",
    "netstat",
    "watch",
    "options",
    "completions",
    "man",
];

fn help(words: &[&str]) -> String {
    // Without a terminal the width is what COLUMNS says.
    fed(sockeye(words).arg("--help").env("COLUMNS", "80"), b"").text()
}

/// Compares with the file of this name; SOCKEYE_BLESS=1 writes it anew.
#[track_caller]
fn like_snapshot(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(name);
    if std::env::var_os("SOCKEYE_BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, text).expect("the snapshot can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name} has changed: read it, then SOCKEYE_BLESS=1");
}

#[test]
fn help_is_as_it_was_read() {
    let main = help(&[]);
    like_snapshot("help.txt", &main);
    for command in COMMANDS {
        assert!(main.contains(&format!("\n  {command} ")), "{command} is not in the list");
        let text = help(&[command]);
        assert!(text.contains("\nExamples:\n"), "{command} has no examples");
        like_snapshot(&format!("{command}.txt"), &text);
    }
    let listed = main.split("Commands:\n").nth(1).and_then(|t| t.split("\n\n").next()).expect("a list");
    let names = listed.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    let names: Vec<_> = names.filter_map(|l| l.split_whitespace().next()).collect();
    // socat's help is socat's own.
    let ours: Vec<_> = names.into_iter().filter(|name| !["socat", "help"].contains(name)).collect();
    assert_eq!(ours, COMMANDS);
}

#[test]
fn examples_fit_a_terminal() {
    for command in COMMANDS {
        // Whatever the width, lines that a person wrote stay as they were written.
        let wide = fed(sockeye(&[command, "--help"]).env("COLUMNS", "200"), b"").text();
        let examples = wide.split("\nUsage:").next().expect("it begins with them");
        let long: Vec<_> = examples.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{command}: {long:#?}");
    }
}

#[test]
fn bash_completes_commands_and_flags() {
    if !peers(&["bash"]) {
        return;
    }
    // As bash does it: the words, the place of the cursor, then the function, which leaves its proposals.
    let script = r#"
        source <("$1" completions bash) || exit 9
        complete -p sockeye >/dev/null || exit 8
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
                _sockeye sockeye "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[*]}"; }
        try sockeye con
        try sockeye connect --ev
        try sockeye serve hel
    "#;
    let out = peer("bash", &["-c", script, "bash", env!("CARGO_BIN_EXE_sockeye")], b"");
    assert_eq!((out.text().as_str(), out.err.as_str()), ("connect\n--events\nhello\n", ""));
}

#[test]
fn completions_are_written_for_every_shell() {
    for (shell, starts) in [("zsh", "#compdef sockeye"), ("fish", ""), ("elvish", ""), ("powershell", "")] {
        let script = run(&["completions", shell], b"").text();
        assert!(script.starts_with(starts) && script.contains("connect"), "{shell}");
    }
    for shell in ["zsh", "fish"] {
        // Not asked of a test machine: the scripts are clap's.
        if Command::new(shell).arg("--version").output().is_ok() {
            let script = run(&["completions", shell], b"").text();
            let checked = peer(shell, &["-n", "/dev/stdin"], script.as_bytes());
            assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{shell}");
        }
    }
}

#[test]
fn manual_pages_render() {
    let dir = tempfile::tempdir().expect("a directory");
    let to = dir.path().display().to_string();
    let told = run(&["man", "--dir", &to], b"").text();
    assert!(told.contains(&to), "{told}");
    if !peers(&["groff"]) {
        return;
    }
    for name in std::iter::once("sockeye.1".to_owned()).chain(COMMANDS.map(|c| format!("sockeye-{c}.1"))) {
        let page = dir.path().join(&name);
        let args = ["-Kutf8", "-Wbreak", "-man", "-Tutf8", "-P-cbou"];
        let out = fed(Command::new("groff").args(args).arg(&page), b"");
        assert_eq!(out.err, "", "{name}");
        let text = out.text();
        for part in ["NAME", "SYNOPSIS", "sockeye", "xamples"] {
            assert!(text.contains(part), "{name} has no {part}: {text}");
        }
    }
}
