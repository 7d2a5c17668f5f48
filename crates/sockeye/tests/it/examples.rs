//! Every tutorial program, run as a user runs it, also against Python's `socket` module.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::{Running, peers};

/// An example, built beside this test program.
fn example(name: &str, args: &[&str]) -> Command {
    let exe = std::env::current_exe().expect("this program");
    // target/debug/deps/it-… → target/debug/examples/name
    let dir = exe.parent().and_then(|deps| deps.parent()).expect("cargo's layout").join("examples");
    let mut command = Command::new(dir.join(name));
    command.args(args).stdin(Stdio::null());
    command
}

/// A server on a port (or path) of its own, and where it listens.
fn server(name: &str, args: &[&str]) -> (Running, String) {
    let mut running = Running::start(&mut example(name, args));
    let line = running.line("listening on ");
    let addr = line.trim_start_matches("listening on ").to_owned();
    (running, addr)
}

/// What an example prints until it ends well.
fn output(name: &str, args: &[&str]) -> Vec<String> {
    let (status, lines) = Running::start(&mut example(name, args)).finish();
    assert!(status.success(), "{name} {args:?}: {lines:#?}");
    lines
}

/// What a Python program prints, with `socket` imported, and `host` and `port` set from an address.
fn python(addr: &str, script: &str) -> Vec<String> {
    let script = format!(
        "import socket, sys, threading\nhost, port = sys.argv[1].rsplit(':', 1); port = int(port)\n{script}"
    );
    let mut command = Command::new("python3");
    command.args(["-u", "-c", &script, addr]).stdin(Stdio::null());
    let (status, lines) = Running::start(&mut command).finish();
    assert!(status.success(), "{lines:#?}");
    lines
}

#[test]
fn hello_greets_many_at_a_time() {
    let (mut server, addr) = server("hello_server", &["127.0.0.1:0", "0.01"]);
    let greetings = ["Welcome!", "Hello, Michael!", "Hello, Tracy!", "Hello, 萨拉!"];
    assert_eq!(output("hello_client", &[&addr, "Michael", "Tracy", "萨拉"]), greetings);
    server.line("connected: 127.0.0.1:");
    server.line("closed: 127.0.0.1:");
    if !peers(&["python3"]) {
        return;
    }
    // The second client is served while the first one is connected; a newline belongs to no name.
    let script = "a = socket.create_connection((host, port)); b = socket.create_connection((host, port))\n\
        for s in (a, b): print(s.recv(1024).decode())\n\
        for s in (b, a): s.sendall(b'Bob\\n'); print(s.recv(1024).decode())\n\
        for s in (b, a): s.sendall(b'exit\\r\\n'); print(s.recv(1024))";
    let wanted = ["Welcome!", "Welcome!", "Hello, Bob!", "Hello, Bob!", "b''", "b''"];
    assert_eq!(python(&addr, script), wanted);
}

#[test]
fn greet_thanks_and_closes() {
    let (_server, addr) = server("greet", &["[::1]:0"]);
    assert_eq!(output("greet", &["client", &addr]), ["Thank you for connecting\r"]);
    if peers(&["python3"]) {
        let script = "s = socket.create_connection((host.strip('[]'), port)); print(s.makefile('rb').read())";
        assert_eq!(python(&addr, script), [r"b'Thank you for connecting\r\n'"]);
    }
}

#[test]
fn echo_sends_one_message_back_or_all() {
    if !peers(&["python3"]) {
        return;
    }
    let (_one, addr) = server("echo", &["127.0.0.1:0"]);
    let script =
        "s = socket.create_connection((host, port)); s.sendall(b'one'); print(s.recv(99), s.recv(99))";
    assert_eq!(python(&addr, script), ["b'one' b''"]);
    let (_all, addr) = server("echo", &["127.0.0.1:0", "endless"]);
    let script = "s = socket.create_connection((host, port)); data = bytes(range(256)) * 4000\n\
        t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR))); t.start()\n\
        print(s.makefile('rb').read() == data)";
    assert_eq!(python(&addr, script), ["True"]);
}

#[test]
fn lengths_keep_messages_apart() {
    let (mut server, addr) = server("echo_lengths", &["127.0.0.1:0"]);
    assert_eq!(output("echo_lengths", &["client", &addr, "one", "", "三"]), ["one", "", "三"]);
    if !peers(&["python3"]) {
        return;
    }
    // One byte at a time, and two messages at once.
    let script = "s = socket.create_connection((host, port)); f = s.makefile('rb')\n\
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n\
        for b in b'\\0\\0\\0\\5hello': s.sendall(bytes([b]))\n\
        print(f.read(9)); s.sendall(b'\\0\\0\\0\\1a\\0\\0\\0\\1b'); print(f.read(10))\n\
        s.sendall(b'\\xff' * 4); print(f.read())";
    assert_eq!(
        python(&addr, script),
        [r"b'\x00\x00\x00\x05hello'", r"b'\x00\x00\x00\x01a\x00\x00\x00\x01b'", "b''"]
    );
    server.line("a message of 4294967295 bytes, the limit is 1048576");
}

#[test]
fn multi_echo_serves_many_in_one_thread_and_refuses_clearly() {
    if !peers(&["python3"]) {
        return;
    }
    let (mut server, addr) = server("multi_echo", &["127.0.0.1:0", "3"]);
    let script = "cs = [socket.create_connection((host, port)) for _ in range(3)]\n\
        for i, c in enumerate(cs): c.sendall(b'I am %d' % i)\n\
        for c in reversed(cs): print(c.recv(99).decode())\n\
        print(socket.create_connection((host, port)).makefile().read().strip())\n\
        cs.pop().close()\n\
        while True:\n\
        \tc = socket.create_connection((host, port)); c.sendall('位置'.encode()); t = c.recv(99).decode()\n\
        \tif not t.startswith('Sorry'): break\n\
        print(t)";
    let wanted = ["I am 2", "I am 1", "I am 0", "Sorry, all 3 places are taken", "位置"];
    assert_eq!(python(&addr, script), wanted);
    server.line("Message from 127.0.0.1:");
    server.line("refused: 127.0.0.1:");
    server.line(": 位置");
}

#[test]
fn one_shot_exchanges_a_message_each_way() {
    let (mut running, addr) = server("one_shot", &["server", "127.0.0.1:0"]);
    assert_eq!(output("one_shot", &["client", &addr]), [format!("{addr}: 你好, I am the server")]);
    running.line(": 你好, I am the client");
    if peers(&["python3"]) {
        let (mut running, addr) = server("one_shot", &["server", "127.0.0.1:0", "再见"]);
        let script = "s = socket.create_connection((host, port)); s.sendall('早上好'.encode())\n\
            s.shutdown(socket.SHUT_WR); print(s.makefile().read())";
        assert_eq!(python(&addr, script), ["再见"]);
        running.line(": 早上好");
        assert!(running.finish().0.success());
    }
}

#[test]
fn the_console_shows_a_prompt_and_where_answers_come_from() {
    let (_server, addr) = server("echo", &["127.0.0.1:0", "endless"]);
    let mut client = Running::start(example("console_client", &[&addr]).stdin(Stdio::piped()));
    let mut input = client.child.stdin.take().expect("asked for above");
    for text in ["first", "第二"] {
        writeln!(input, "{text}").expect("it reads");
        assert_eq!(client.line(&format!("{addr}: ")), format!("> {addr}: {text}"));
    }
    writeln!(input, "exit").expect("it reads");
    assert!(client.finish().0.success());
}

#[test]
fn udp_says_hello_and_echoes() {
    let (mut hello, addr) = server("udp_hello", &["127.0.0.1:0"]);
    assert_eq!(
        output("udp_hello", &["client", &addr, "Michael", "崔西"]),
        ["Hello, Michael!", "Hello, 崔西!"]
    );
    hello.line("received from 127.0.0.1:");
    if !peers(&["python3"]) {
        return;
    }
    let script = "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60)\n\
        for d in (b'one', b'', b'x' * 9000): s.sendto(d, (host, port)); print(len(s.recvfrom(65535)[0]))";
    assert_eq!(python(&addr, script), ["11", "8", "9008"]);
    let (_echo, addr) = server("udp_echo", &["127.0.0.1:0"]);
    assert_eq!(python(&addr, script), ["3", "0", "9000"]);
}

#[test]
fn unix_sockets_serve_streams_and_datagrams_over_a_stale_path() {
    let dir = tempfile::tempdir().expect("a directory");
    for kind in ["stream", "datagram"] {
        let path = dir.path().join(kind);
        let path = path.to_str().expect("plain names");
        let first = server("unix_domain", &[kind, "server", path]);
        drop(first);
        assert!(std::path::Path::new(path).exists(), "killed, it left its path behind");
        let _second = server("unix_domain", &[kind, "server", path]);
        assert_eq!(output("unix_domain", &[kind, "client", path, "over a path"]), ["OVER A PATH"]);
        if kind == "stream" && peers(&["python3"]) {
            let script =
                "s = socket.socket(socket.AF_UNIX); s.connect(host); s.sendall(b'py'); print(s.recv(9))";
            assert_eq!(python(&format!("{path}:0"), script), ["b'PY'"]);
        }
    }
}

#[test]
fn sticky_shows_merged_and_separate_messages() {
    assert_eq!(
        output("sticky", &[]),
        [
            r#"UDP: "hello""#,
            r#"UDP: "world""#,
            r#"TCP, all in one: "helloworld""#,
            r#"TCP, in halves: "hel""#,
            r#"TCP, in halves: "lo""#,
            r#"TCP with lengths: "hello""#,
            r#"TCP with lengths: "world""#,
        ]
    );
}

#[test]
fn programs_are_joined_to_pipes_and_sockets() {
    assert_eq!(output("local_processes", &["pipe"]), ["THROUGH TWO PIPES"]);
    assert_eq!(output("local_processes", &["socketpair"]), ["THROUGH A SOCKET PAIR"]);
    if peers(&["python3"]) {
        let (mut server, addr) = server("local_processes", &["server", "127.0.0.1:0"]);
        let script = "s = socket.create_connection((host, port)); s.sendall(b'a process of my own')\n\
            s.shutdown(socket.SHUT_WR); print(s.makefile().read())";
        assert_eq!(python(&addr, script), ["A PROCESS OF MY OWN"]);
        server.line(" serves 127.0.0.1:");
    }
}

#[test]
fn names_have_addresses_and_ports() {
    let lines = output("names", &["127.0.0.1", "domain"]);
    assert!(lines[0].starts_with("this machine is "), "{lines:#?}");
    assert_eq!(lines[1..], ["127.0.0.1 domain is 127.0.0.1:53 (domain)"]);
}
