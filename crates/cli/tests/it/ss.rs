//! `sockeye ss` beside ss, on sockets made for it in every state.

use std::{
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

use crate::support::{Netns, Running, peers, root};

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

/// A namespace with the sockets of `ss_sockets.py`, which every test here shares.
struct World {
    namespace: Netns,
    _sockets: Running,
    dir: tempfile::TempDir,
}

impl World {
    fn new(label: &str) -> Self {
        let namespace = Netns::new(label);
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = namespace.command("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ss_sockets.py"));
        command.arg(dir.path()).stdin(Stdio::piped());
        let mut sockets = Running::start(&mut command);
        sockets.line("ready");
        Self { namespace, _sockets: sockets, dir }
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        self.namespace.command(program).args(args).output().expect("it runs")
    }

    fn sockeye(&self, args: &[&str]) -> Output {
        self.run(SOCKEYE, &[&["ss"], args].concat())
    }

    fn text(&self, args: &[&str]) -> String {
        let out = self.sockeye(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).expect("text")
    }
}

fn ready() -> bool {
    root() && peers(&["ss", "ip", "python3"])
}

/// What differs from one moment to the next: timers, what TCP measures, and the asking program itself.
fn mask(text: &str) -> String {
    const MOVING: [&str; 12] = [
        "timer:",
        "lastsnd:",
        "lastrcv:",
        "lastack:",
        "busy:",
        "rwnd_limited:",
        "retrans:",
        "backoff:",
        "rto:",
        "bytes_sent:",
        "bytes_retrans:",
        "segs_out:",
    ];
    let mut out = String::new();
    // The last column is as wide as its widest field, and so is what moves in it.
    let moves = MOVING.iter().any(|key| text.contains(key));
    let own = text.contains("tcpdiag:") || text.lines().any(|l| l.contains(" 4:"));
    for line in text.lines() {
        if own && (line.contains("tcpdiag:s") || line.contains(" 4:")) {
            continue;
        }
        let line = if moves { line.trim_end() } else { line };
        // A table that names the asking program is as wide as its name.
        let words: Vec<&str> =
            if own { line.split_whitespace().collect() } else { line.split(' ').collect() };
        for word in words {
            let moving = MOVING.iter().find(|m| word.starts_with(**m));
            // The kind of timer stays, its time goes.
            let kept = word.split(',').next().unwrap_or(word);
            match moving {
                Some(&"timer:") => out.push_str(kept),
                Some(key) => out.push_str(key),
                None if word.starts_with("data_segs_out:") || word.starts_with("rcv_rtt:") => {}
                None => out.push_str(word),
            }
            out.push(' ');
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_same_rows_as_ss() {
    if !ready() {
        return;
    }
    let world = World::new("ss-rows");
    let all = world.text(&["-tan"]);
    for state in [
        "ESTAB",
        "SYN-SENT",
        "SYN-RECV",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "TIME-WAIT",
        "UNCONN",
        "CLOSE-WAIT",
        "LAST-ACK",
        "LISTEN",
        "CLOSING",
    ] {
        // UNCONN in TCP is what is bound only, which the kernel lists from 6.4 on and ss not at all.
        assert!(all.contains(state) || state == "UNCONN", "no {state} in\n{all}");
    }
    let mut wrong = Vec::new();
    for line in include_str!("ss_commands.txt").lines() {
        let args: Vec<&str> = line.split(' ').collect();
        // Between two looks a timer may run out; then both are taken again.
        let differs = (0..5).all(|_| {
            let (theirs, ours) = (world.run("ss", &args), world.sockeye(&args));
            let text = |out: &Output| mask(&String::from_utf8_lossy(&out.stdout));
            let same = text(&theirs) == text(&ours) && theirs.status.success() == ours.status.success();
            if !same {
                wrong.push(format!("{line}\n{}\n{}", text(&theirs), text(&ours)));
            }
            !same
        });
        if !differs {
            wrong.clear();
        }
        assert!(wrong.is_empty(), "{}", wrong.last().map_or("", String::as_str));
    }
}

#[test]
fn the_same_columns_on_terminals_of_any_width() {
    if !ready() {
        return;
    }
    let world = World::new("ss-tty");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/on_terminal.py");
    for width in ["20", "57", "64", "80", "81", "100", "133", "250"] {
        for args in [&["-ltn"][..], &["-xa"], &["-uanp"], &["-H", "-tln"]] {
            let theirs = world.run("python3", &[&[script, width, "ss"], args].concat());
            let ours = world.run("python3", &[&[script, width, SOCKEYE, "ss"], args].concat());
            let text = |out: &Output| String::from_utf8_lossy(&out.stdout).into_owned();
            assert_eq!(text(&theirs), text(&ours), "{args:?} at {width}");
            assert!(!ours.stdout.is_empty());
        }
    }
}

#[test]
fn dumps_go_both_ways() {
    if !ready() {
        return;
    }
    let world = World::new("ss-dump");
    let path = |name: &str| world.dir.path().join(name).to_string_lossy().into_owned();
    let (theirs, ours) = (path("theirs"), path("ours"));
    assert!(world.run("ss", &["-D", &theirs, "-tan"]).status.success());
    world.text(&["-D", &ours, "-tan"]);
    let read = |program: &str, file: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.env("TCPDIAG_FILE", file);
        if program == SOCKEYE {
            command.arg("ss");
        }
        let out = command.args(args).output().expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    for args in [
        &["-Htna"][..],
        &["-Htna", "sport", "=", ":8001"],
        &["-Htna", "dport", "=", "8001"],
        &["-Htna", "src", "127/8", "and", "dport", ">", ":40000"],
        &["-Htna", "(", "src", "0.0.0.0", "or", "src", "127.0.0.1", ")", "and", "dst", "127.0.0.1"],
        &["-Htnao"],
        &["-tnae"],
        &["-tna", "autobound"],
    ] {
        for file in [&theirs, &ours] {
            assert_eq!(read("ss", file, args), read(SOCKEYE, file, args), "{args:?} of {file}");
        }
    }
    // Ours has IPv6 before its end mark.
    assert!(read("ss", &ours, &["-Htna"]).contains("[::1]:8006"));
    // A file that ends early gives its rows, and an error.
    let whole = std::fs::read(&ours).expect("it was written");
    std::fs::write(&ours, &whole[..whole.len() - 20]).expect("it can be written");
    let out =
        Command::new(SOCKEYE).env("TCPDIAG_FILE", &ours).args(["ss", "-Htna"]).output().expect("it runs");
    assert!(!out.status.success() && String::from_utf8_lossy(&out.stdout).contains("8001"));
    assert!(String::from_utf8_lossy(&out.stderr).contains("ends before its end mark"));
}

#[test]
fn recorded_dumps_of_any_shape() {
    if !ready() {
        return;
    }
    let world = World::new("ss-shapes");
    let path = |name: &str| world.dir.path().join(name).to_string_lossy().into_owned();
    let messages = |flags: &str| {
        let file = path(flags);
        assert!(world.run("ss", &[flags, "-D", &file, "-tanie"]).status.success());
        let bytes = std::fs::read(file).expect("it was written");
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        while let Some((len, _)) = rest.split_first_chunk::<4>() {
            let (message, behind) = rest.split_at((u32::from_ne_bytes(*len) as usize).next_multiple_of(4));
            all.push(message.to_vec());
            rest = behind;
        }
        let end = all.pop().expect("an end mark");
        (all, end)
    };
    let ((v4, end), (v6, _)) = (messages("-4"), messages("-6"));
    assert!(v4.len() > 10 && v6.len() > 3);
    let mixed = v6.iter().zip(&v4).flat_map(|(six, four)| [six, four]).cloned();
    let old = v4.iter().cloned().map(|mut m| {
        m[4] = 18; // the type of before Linux 3.3
        m
    });
    let one_twice = |end: &[u8]| [v4.concat(), end.to_vec(), v6.concat(), end.to_vec()].concat();
    for (name, bytes) in [
        ("mixed", [mixed.collect::<Vec<_>>().concat(), end.clone()].concat()),
        ("old", [old.collect::<Vec<_>>().concat(), end.clone()].concat()),
        ("two", one_twice(&end)),
        ("unfinished", v4.concat()),
        ("cut", v4.concat()[..v4.concat().len() - 37].to_vec()),
        ("nothing", Vec::new()),
    ] {
        let file = path(name);
        std::fs::write(&file, bytes).expect("it can be written");
        for args in [&["-Htna"][..], &["-tnaie"], &["-Htn", "src", "[::1]", "or", "sport", "gt", ":8005"]] {
            let read = |command: &mut Command| command.env("TCPDIAG_FILE", &file).args(args).output();
            let theirs = read(&mut Command::new("ss")).expect("it runs");
            let ours = read(Command::new(SOCKEYE).arg("ss")).expect("it runs");
            let text = |out: &Output| String::from_utf8_lossy(&out.stdout).into_owned();
            assert_eq!(text(&theirs), text(&ours), "{args:?} of {name}");
            // ss says so too, but ends with 0.
            let whole = ["mixed", "old", "two"].contains(&name);
            assert_eq!(ours.status.success(), whole, "{name}");
            assert_eq!(theirs.stderr.is_empty(), whole, "{name}");
        }
    }
}

#[test]
fn families_stand_apart_however_many_rest() {
    if !ready() {
        return;
    }
    let namespace = Netns::new("ss-families");
    // 5,000 IPv6 connections in TIME-WAIT, more than are held while IPv4 is given, and some of IPv4.
    let script = "import socket\n\
        def pairs(family, host, count):\n\
        \x20 listener = socket.socket(family); listener.bind((host, 0)); listener.listen(8)\n\
        \x20 for _ in range(count):\n\
        \x20   client = socket.create_connection(listener.getsockname()[:2])\n\
        \x20   server, _ = listener.accept(); client.close(); server.close()\n\
        \x20 return listener\n\
        kept = [pairs(socket.AF_INET6, '::1', 5000), pairs(socket.AF_INET, '127.0.0.1', 50)]\n\
        print('ready', flush=True)\n\
        input()\n";
    let mut sockets = Running::start(namespace.command("python3").args(["-c", script]).stdin(Stdio::piped()));
    sockets.line("ready");
    let rows = |program: &str, args: &[&str]| {
        let out = namespace.command(program).args(args).output().expect("it runs");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    for filter in [&[][..], &["sport", "gt", ":40000"]] {
        let theirs = rows("ss", &[&["-tan"], filter].concat());
        assert_eq!(theirs, rows(SOCKEYE, &[&["ss", "-tan"], filter].concat()), "{filter:?}");
        assert!(theirs.lines().count() > 1000);
    }
}

#[test]
fn json_counts_fields_and_order() {
    if !ready() {
        return;
    }
    let world = World::new("ss-json");
    let json = |args: &[&str]| -> Vec<serde_json::Value> {
        serde_json::from_str(&world.text(args)).expect("an array")
    };
    let rows = world.text(&["-Htan"]).lines().count();
    let sockets = json(&["-tan", "--json"]);
    assert_eq!(sockets.len(), rows);
    let waiting = sockets.iter().find(|s| s["local"] == "127.0.0.1:80" && s["state"] == "LISTEN");
    let waiting = waiting.expect("it listens");
    assert_eq!((&waiting["recv_q"], &waiting["local_port"]), (&1.into(), &80.into()));
    let resting = sockets.iter().find(|s| s["state"] == "TIME-WAIT").expect("it rests");
    let seconds = resting["timer"]["seconds"].as_f64().expect("a timer");
    assert!(resting["timer"]["kind"] == "timewait" && (0.0..=60.0).contains(&seconds));
    let held = json(&["-tlnp", "--json", "sport=:80"]);
    assert_eq!(held[0]["processes"][0]["comm"], "python3");
    let measured = json(&["-tni", "--json", "dport=:8006"]);
    assert!(measured[0]["tcp_info"]["snd_cwnd"].as_u64().is_some_and(|n| n > 0));

    let counts = json(&["-tan", "--by", "state,comm", "--json", "state", "close-wait", "state", "listen"]);
    let one = |state| counts.iter().find(|c| c["state"] == state && c["comm"] == "python3").expect("counted");
    assert_eq!(one("CLOSE-WAIT")["count"], 1);
    assert!(one("LISTEN")["count"].as_u64() >= Some(7));

    let table = world.text(&["-tan", "--fields", "recvq,state,local", "--sort", "recvq"]);
    let mut lines = table.lines();
    assert_eq!(lines.next().map(|l| l.split_whitespace().collect()), Some(vec!["RECVQ", "STATE", "LOCAL"]));
    assert!(lines.next().is_some_and(|l| l.starts_with("1000 ")), "{table}");
}

#[test]
fn what_ss_users_ask_for_in_vain() {
    if !ready() {
        return;
    }
    let world = World::new("ss-more");
    let same = |ours: &[&str], as_ss: &[&str]| {
        let theirs = world.run("ss", as_ss);
        assert_eq!(mask(&world.text(ours)), mask(&String::from_utf8_lossy(&theirs.stdout)), "{ours:?}");
    };
    same(&["-tan", "state", "listen"], &["-tan", "state", "listening"]);
    same(&["-tan", "state", "ESTAB"], &["-tan", "state", "established"]);
    same(&["-tan", "sport=:8001"], &["-tan", "sport", "=", ":8001"]);
    same(&["-tan", "(sport>=:8005", "or", "dport=8001)"], &["-tan", "( sport >= :8005 or dport = 8001 )"]);
    same(&["-tan", "src", "::1"], &["-tan", "src", "[::1]"]);
    let pid = |rows: &str| rows.split("pid=").nth(1).and_then(|r| r.split(',').next().map(str::to_owned));
    let holder = pid(&world.text(&["-Htlnp", "sport=:80"])).expect("someone holds it");
    let by_pid = world.text(&["-Htln", &format!("pid={holder}"), "sport=:80"]);
    assert_eq!(by_pid.lines().count(), 1);
    assert_eq!(world.text(&["-Htln", "pid=1", "sport=:80"]), "");
    assert_eq!(world.text(&["-Htln", "comm=pyth*", "sport=:80"]).lines().count(), 1);
    assert_eq!(world.text(&["-Htln", "not", "uid=root"]), "");
    let json: serde_json::Value =
        serde_json::from_str(&world.text(&["-tln", "--json", "sport=:80"])).expect("JSON");
    let inode = format!("inode={}", json[0]["inode"]);
    assert_eq!(world.text(&["-Htan", &inode]).lines().count(), 1);
    assert!(!world.text(&["-Htan", "-Q"]).contains("1000"));
}

#[test]
fn connections_are_closed_by_kill() {
    if !ready() {
        return;
    }
    let world = World::new("ss-kill");
    let killed = world.text(&["-HKtn", "dst", "127.0.0.1", "dport=:8008"]);
    assert_eq!(killed.lines().count(), 1, "{killed}");
    assert_eq!(world.text(&["-Htn", "dport=:8008"]), "");
}

#[test]
fn bad_filters_are_refused() {
    for (args, part) in [
        (&["-tan", "foo"][..], "a condition begins with"),
        (&["-tan", "sport", "=", ":abc"], "does not look like a port"),
        (&["-tan", "state", "foo"], "\"foo\" is no state"),
        (&["-tan", "(", "sport", "=", "1"], "closing bracket"),
        (&["-A", "foo"], "no table of sockets"),
        (&["-f", "foo"], "no family of sockets"),
        (&["-Z"], "SELinux"),
    ] {
        let out = Command::new(SOCKEYE).arg("ss").args(args).output().expect("it runs");
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(text.contains(part), "{args:?}: {text}");
    }
}

#[test]
fn under_its_other_name() {
    static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a directory"));
    let link = DIR.path().join("ss");
    std::os::unix::fs::symlink(SOCKEYE, &link).expect("a link");
    let out = Command::new(&link).args(["-V"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&out.stdout).starts_with("ss utility, iproute2-"));
    let out = Command::new(&link).args(["-Htln", "sport", "=", ":1"]).output().expect("it runs");
    assert!(out.status.success() && out.stdout.is_empty());
}

#[test]
fn fault_4_a_reader_that_leaves() {
    let script = format!("{SOCKEYE} ss -a | head -1; exit ${{PIPESTATUS[0]}}");
    let out = Command::new("bash").args(["-c", &script]).output().expect("it runs");
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8_lossy(&out.stdout).starts_with("Netid"));
}

#[test]
fn the_same_rows_as_netstat() {
    if !ready() || !peers(&["netstat"]) {
        return;
    }
    let world = World::new("ss-netstat");
    for args in [
        "-tan", "-tln", "-tlnp", "-uanp", "-tuln", "-wan", "-4tan", "-6tan", "-x", "-xa", "-xlp", "-an",
        "-4an", "-tane", "-tanep", "-lt", "-tulpenv", "-s", "-st", "-su", "-sw", "-s6", "-s6t", "-s6u",
        "-s6w",
    ] {
        let sorted = |out: Output| {
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        // Between two looks a timer may run out; then both are taken again.
        let mut last = (Vec::new(), Vec::new());
        let same = (0..5).any(|_| {
            last = (sorted(world.run("netstat", &[args])), sorted(world.run(SOCKEYE, &["netstat", args])));
            last.0 == last.1
        });
        assert!(same, "{args}: {last:#?}");
    }
    // Timers run: what they are stays.
    let timers = |program: &str, args: &[&str]| {
        let text = String::from_utf8_lossy(&world.run(program, args).stdout).into_owned();
        let mut lines: Vec<String> =
            text.lines().map(|l| l.split(" (").next().unwrap_or(l).to_owned()).collect();
        lines.sort();
        lines
    };
    assert!((0..5).any(|_| timers("netstat", &["-tano"]) == timers(SOCKEYE, &["netstat", "-tano"])));
}

#[test]
fn a_summary_is_the_same() {
    if !ready() {
        return;
    }
    let world = World::new("ss-summary");
    // Counts of other tests' sockets do not reach into the namespace, but "Total" is the machine's.
    let text = |out: Output| {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        text.lines()
            .filter(|l| !l.starts_with("Total") && !l.starts_with("TCP:"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(text(world.run("ss", &["-s"])), text(world.sockeye(&["-s"])));
    let json: serde_json::Value = serde_json::from_str(&world.text(&["-s", "--json"])).expect("JSON");
    assert!(json["tcp_timewait"].as_i64().is_some_and(|n| n >= 0));
}

#[test]
fn under_its_name_the_exit_codes_of_ss() {
    if !ready() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let ours = dir.path().join("ss");
    std::os::unix::fs::symlink(SOCKEYE, &ours).expect("a link");
    for line in [
        "-V",
        "--bogus",
        "-A nonsense",
        "-f nonsense",
        "state nonsense",
        "-t ( dport = :1",
        "-t dport = :1 )",
        "-t dport",
        "-t foo bar",
        "-t dst 300.1.1.1",
        "-t dport = :nosuchservice",
        "-t dev nosuchdev",
        "-t fwmark x",
        "-t cgroup /nonesuch",
        "-N nonexistent -t",
        "-A tcp,!tcp",
        "-Y",
        "-A",
        "--query",
        "--in",
        "-Zt",
        "-tan -F /nonexistent",
        "-tan foo",
        "-tan and",
        "-tan 127.0.0.1",
        "-tan ( )",
        "-tan src and dst",
        "-tan dst != 127.0.0.1",
        "-tan sport = = :80",
        "-tan or sport = :80",
        "-tan src 127.0.0.1 state listening",
    ] {
        let code = |program: &std::ffi::OsStr| {
            let out = Command::new(program).args(line.split(' ')).output().expect("it runs");
            (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
        };
        let (theirs, (mine, text)) = (code("ss".as_ref()).0, code(ours.as_os_str()));
        assert_eq!(theirs, mine, "{line}: {text}");
        assert!(mine == Some(0) || !text.contains("sockeye:"), "{line}: {text}");
    }
    // Wrong options in getopt's words.
    for line in ["-Y", "-tanY", "--bogus", "-A", "-tF", "--query"] {
        let said = |program: &std::ffi::OsStr| {
            let out = Command::new(program).args(line.split(' ')).output().expect("it runs");
            let text = String::from_utf8_lossy(&out.stderr).into_owned();
            text.lines().next().and_then(|l| l.split_once(": ")).map(|(_, said)| said.to_owned())
        };
        assert_eq!(said("ss".as_ref()), said(ours.as_os_str()), "{line}");
    }
}

#[test]
fn json_is_an_object_when_it_fails() {
    let out = Command::new(SOCKEYE).args(["ss", "--json", "state", "nonsense"]).output().expect("it runs");
    assert_eq!(out.status.code(), Some(2));
    let error: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one object");
    assert_eq!((&error["event"], &error["code"]), (&"error".into(), &2.into()), "{error}");
}
