//! `sockeye listen`: one client, many clients, programs, a broker.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    process::Stdio,
};

use crate::{
    common::{ended, listening, peer, place, port, sockeye},
    support::{self, PATIENCE, Running},
};

fn connect(at: &str) -> TcpStream {
    let client = TcpStream::connect(at).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client
}

fn all(mut client: impl Read) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).expect("an end, not a reset");
    text
}

fn with_input(args: &[&str]) -> (Running, String) {
    let mut running = Running::start(sockeye(args).stdin(Stdio::piped()));
    let at = place(&mut running);
    (running, at)
}

#[test]
fn one_client_both_ways() {
    if !support::peers(&["nc.openbsd", "ncat", "socat"]) {
        return;
    }
    for (program, options) in [("nc.openbsd", &["-N"][..]), ("ncat", &[])] {
        let (mut listen, at) = with_input(&["listen", "127.0.0.1:0"]);
        listen.child.stdin.take().expect("a pipe").write_all(b"from the listener\n").expect("it reads");
        let args = [options, &["127.0.0.1", port(&at)]].concat();
        assert_eq!(peer(program, &args, b"from the client\n").text(), "from the listener\n");
        let (status, lines) = listen.finish();
        assert!(status.success() && lines.contains(&"from the client".to_owned()), "{program}: {lines:?}");
    }
    for address in ["tcp6-listen:[::1]:0", "udp:127.0.0.1:0"] {
        let (mut listen, at) = with_input(&["listen", address]);
        let udp = address.starts_with("udp");
        let to = if udp { format!("udp:{at}") } else { format!("tcp:{at}") };
        let mut input = listen.child.stdin.take().expect("a pipe");
        input.write_all(b"answer\n").expect("it reads");
        drop(input);
        assert_eq!(peer("socat", &["-t3", "-", &to], b"question\n").text(), "answer\n", "{address}");
        listen.line("question");
    }
}

#[test]
fn programs_for_each_client() {
    for (option, line, answer) in
        [("--exec", "tr a-z A-Z", "ONE\n"), ("--sh-exec", "echo \"$(head -c 2)\" | tr n N", "oN\n")]
    {
        let (server, at) = listening(&["listen", "-k", "127.0.0.1:0", option, line]);
        let clients = [connect(&at), connect(&at)];
        for mut client in clients {
            client.write_all(b"one\n").expect("sent");
            client.shutdown(Shutdown::Write).expect("half-closed");
            assert_eq!(all(client), answer);
        }
        assert!(ended(server).iter().any(|l| l == "sockeye: 2 clients served"));
    }
    // Without -k one client is enough.
    let (server, at) = listening(&["listen", "127.0.0.1:0", "--exec", "echo just one"]);
    assert_eq!(all(connect(&at)), "just one\n");
    assert!(server.finish().0.success());
}

#[test]
fn everyone_who_comes_is_heard_and_spoken_to() {
    let (mut listen, at) = with_input(&["listen", "-k", "127.0.0.1:0"]);
    let mut clients = [connect(&at), connect(&at)];
    for (i, client) in clients.iter_mut().enumerate() {
        writeln!(client, "client {i}").expect("sent");
        listen.line(&format!("client {i}"));
    }
    listen.child.stdin.as_mut().expect("a pipe").write_all(b"to all\n").expect("it reads");
    for client in clients {
        let mut line = String::new();
        BufReader::new(client).read_line(&mut line).expect("said");
        assert_eq!(line, "to all\n");
    }
}

#[test]
fn a_broker_tells_the_others_and_chat_who_said_it() {
    for (mode, ends) in [("--broker", "over there\n"), ("--chat", "> over there\n")] {
        let (_server, at) = listening(&["listen", mode, "127.0.0.1:0"]);
        let [mut one, two, three] = [connect(&at), connect(&at), connect(&at)];
        // Membership begins after accept: speak until all have heard.
        for other in [two, three] {
            other.set_read_timeout(Some(std::time::Duration::from_millis(50))).expect("a timeout");
            let mut lines = BufReader::new(other);
            let mut line = String::new();
            crate::common::until(
                || {
                    one.write_all(b"over there\n").expect("sent");
                    lines.read_line(&mut line).is_ok()
                },
                "what one client said",
            );
            assert!(line.ends_with(ends) && line.starts_with(['o', '<']), "{line}");
        }
    }
}

#[test]
fn who_may_not_come_in_is_closed() {
    let (mut server, at) =
        listening(&["listen", "-k", "127.0.0.1:0", "--deny", "127.0.0.0/8", "--exec", "cat"]);
    assert_eq!(all(connect(&at)), "");
    assert!(server.line("refused by allow/deny").contains("127.0.0.1:"));
    let (server, at) =
        listening(&["listen", "-k", "127.0.0.1:0", "--allow", "127.0.0.1,::1", "--exec", "echo in"]);
    assert_eq!(all(connect(&at)), "in\n");
    drop(ended(server));
    let (_server, at) = listening(&["listen", "-k", "127.0.0.1:0", "--allow", "10.0.0.0/8", "--exec", "cat"]);
    assert_eq!(all(connect(&at)), "");
}

#[test]
fn no_more_connections_than_asked_for() {
    let (_server, at) = listening(&["listen", "-k", "-m", "1", "127.0.0.1:0", "--exec", "cat"]);
    let mut first = connect(&at);
    first.write_all(b"x").expect("sent");
    first.read_exact(&mut [0]).expect("echoed");
    assert!(all(connect(&at)).starts_with("server is full: 1 clients"));
}

#[test]
fn nobody_comes() {
    let ran = crate::common::run(&["listen", "-w", "0.1", "127.0.0.1:0"], b"");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
}
