//! `sockeye frame` as a user meets it.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::support;

/// Runs `sockeye frame` with `input` on its standard input.
fn frame(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockeye"))
        .arg("frame")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let input = input.to_vec();
    // A command that refuses its input leaves before it has read all.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let out = child.wait_with_output().expect("a child can be waited for");
    feeder.join().expect("writing does not panic");
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn converts_there_and_back() {
    let lines = "hello\nworld\n你好\n";
    for framing in
        ["len:u8", "len:u32be", "len:u16le,adjust=-2", "len:varint", "netstring", "sealed", "delim:\\x00"]
    {
        let there = frame(&["--from", "line", "--to", framing], lines.as_bytes());
        assert!(there.status.success(), "{framing}: {}", text(&there.stderr));
        let back = frame(&["--from", framing, "--to", "line"], &there.stdout);
        assert_eq!((text(&back.stdout).as_str(), back.status.code()), (lines, Some(0)), "{framing}");
    }
    let out = frame(&["--from", "line", "--to", "len:u32be"], b"hello\r\nlast");
    assert_eq!(out.stdout, b"\0\0\0\x05hello\0\0\0\x04last");
}

#[test]
fn speaks_with_pythons_struct() {
    if !support::peers(&["python3"]) {
        return;
    }
    let program = "import struct, sys; sys.stdout.buffer.write(b''.join(\
                   struct.pack('>I', len(m)) + m for m in [b'hello', b'', bytes(70000)]))";
    let wire = Command::new("python3").args(["-c", program]).output().expect("python3 runs").stdout;
    let out = frame(&["--from", "len:u32be", "--check", "--json"], &wire);
    let census: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(census["sound"], true);
    assert_eq!((&census["messages"], &census["largest"]), (&3.into(), &70000.into()));
    assert_eq!(frame(&["--from", "len:u32be", "--to", "netstring"], &wire).stdout[..10], *b"5:hello,0:");
}

#[test]
fn half_a_message_at_the_end_is_an_error_after_those_before() {
    let out = frame(&["--from", "len:u8", "--to", "line"], b"\x02ok\x05cut");
    assert_eq!((text(&out.stdout).as_str(), out.status.code()), ("ok\n", Some(5)));
    assert!(text(&out.stderr).contains("in the middle of the message at byte 3: 4 of 6 bytes came"));
}

/// Fault run 12 on the command: what is announced is refused by its size, before any of it is waited for.
#[test]
fn fault_12_lengths_beyond_the_limit_exit_5() {
    for (head, size) in [(&[0, 0, 4, 1][..], "1025"), (&[0xff; 4], "4294967295")] {
        let out = frame(&["--from", "len:u32be,max=1k", "--to", "line"], head);
        assert_eq!(out.status.code(), Some(5));
        let said = text(&out.stderr);
        assert!(said.contains(&format!("has {size} bytes; the limit is 1024 (max=)")), "{said}");
    }
}

#[test]
fn check_names_damage() {
    let sealed = frame(&["--from", "line", "--to", "sealed"], b"one\ntwo\nthree\n").stdout;
    assert_eq!(frame(&["--from", "sealed", "--check"], &sealed).status.code(), Some(0));
    // The second frame is damaged, the first comes again at the end.
    let mut bad = sealed.clone();
    bad[35 + 30] ^= 1;
    bad.extend_from_slice(&sealed[..35]);
    let out = frame(&["--from", "sealed", "--check"], &bad);
    assert_eq!(out.status.code(), Some(5));
    let said = text(&out.stdout);
    for line in [
        "messages  2 (8 bytes; framing takes 64 more)",
        "fault     1 message never came",
        "fault     1 damaged frame(s)",
        "fault     1 repeated frame(s)",
        "fault     70 bytes skipped, the first at byte 35: the checksum of frame 1 is wrong",
        "verdict   not sound",
    ] {
        assert!(said.lines().any(|l| l == line), "{line:?} in {said}");
    }
    let converted = frame(&["--from", "sealed", "--to", "line"], &bad);
    assert_eq!((text(&converted.stdout).as_str(), converted.status.code()), ("one\nthree\n", Some(5)));
    assert!(text(&converted.stderr).contains("1 damaged frame(s)"));
}

#[test]
fn guess_puts_the_right_one_first() {
    for framing in ["len:u32be", "len:u16le", "netstring", "sealed", "delim:\\r\\n"] {
        let lines: String =
            (0..40).map(|i| format!("message number {i}, {}\n", "x".repeat(i * 3 % 50))).collect();
        let wire = frame(&["--from", "line", "--to", framing], lines.as_bytes()).stdout;
        let out = frame(&["--guess", "--json"], &wire);
        let result: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        assert_eq!(result["guesses"][0]["framing"], framing, "{result:#}");
        assert!(text(&frame(&["--guess"], &wire).stdout).starts_with(framing));
    }
    let nothing = frame(&["--guess"], &[0; 3000]);
    assert_eq!(nothing.status.code(), Some(5));
}

#[test]
fn wrong_usage_names_the_nearest_word() {
    let out = frame(&["--from", "lne", "--to", "line"], b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("did you mean line?"), "{}", text(&out.stderr));
    assert_eq!(frame(&["--from", "line"], b"").status.code(), Some(2));
    let unfit = frame(&["--from", "line", "--to", "len:u8"], &[b'x'; 300]);
    assert_eq!(unfit.status.code(), Some(2));
    assert!(text(&unfit.stderr).contains("no length in a field of type u8"), "{}", text(&unfit.stderr));
}

/// Fault run 4: a reader that leaves ends the command quietly.
#[test]
fn fault_4_a_reader_that_leaves_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sockeye"))
        .args(["frame", "--from", "fixed:1", "--to", "line", "/dev/zero"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut reader = child.stdout.take().expect("a pipe was asked for");
    std::io::Read::read_exact(&mut reader, &mut [0; 10]).expect("ten bytes come");
    drop(reader);
    let out = child.wait_with_output().expect("it ends");
    assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""));
}
