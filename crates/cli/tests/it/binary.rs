//! The binary as a user meets it.

use std::process::Command;

fn sockeye(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_sockeye")).args(args).output().expect("the binary was built")
}

#[test]
fn completions_name_the_command() {
    let out = sockeye(&["completions", "bash"]);
    assert!(out.status.success());
    assert!(String::from_utf8_lossy(&out.stdout).contains("_sockeye()"));
}

#[test]
fn wrong_usage_exits_2_on_stderr() {
    let out = sockeye(&["completions", "no-such-shell"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(out.stdout.is_empty());
    assert!(String::from_utf8_lossy(&out.stderr).contains("possible values"));
}
