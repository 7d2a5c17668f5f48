//! ping: the same lines as the real one, and what networks of the test's own do to it.

use std::{
    os::unix::fs::symlink,
    process::{Command, Output},
};

use crate::support::{Netns, Running, peers, root};

const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

/// Three namespaces in a row: `a` - `router` - `c`, with routes that refuse and one that swallows.
struct Road {
    a: Netns,
    router: Netns,
    _c: Netns,
    _dir: tempfile::TempDir,
    ping: String,
}

impl Road {
    fn new(label: &str) -> Option<Self> {
        if !(root() && peers(&["ip", "ping", "sysctl"])) {
            return None;
        }
        let (a, router, c) = (
            Netns::new(&format!("{label}-a")),
            Netns::new(&format!("{label}-r")),
            Netns::new(&format!("{label}-c")),
        );
        a.join(&router, &["10.9.1.1/24", "fd09:1::1/64"], &["10.9.1.2/24", "fd09:1::2/64"]);
        router.ip(&["link", "set", "veth0", "down"]);
        router.ip(&["link", "set", "veth0", "name", "near"]);
        router.ip(&["link", "set", "near", "up"]);
        router.ip(&["-6", "addr", "replace", "fd09:1::2/64", "dev", "near", "nodad"]);
        router.join(&c, &["10.9.2.1/24", "fd09:2::1/64"], &["10.9.2.2/24", "fd09:2::2/64"]);
        let sysctl = [
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1",
            // Not icmp_ratelimit=0: that empties the bucket which errors of unreachable routes are paid from.
            "net.ipv4.icmp_ratemask=0",
            "net.ipv6.icmp.ratelimit=0",
        ];
        assert!(router.command("sysctl").arg("-qw").args(sysctl).status().is_ok_and(|s| s.success()));
        for (namespace, via4, via6) in [(&a, "10.9.1.2", "fd09:1::2"), (&c, "10.9.2.1", "fd09:2::1")] {
            namespace.ip(&["route", "add", "default", "via", via4]);
            namespace.ip(&["-6", "route", "add", "default", "via", via6]);
        }
        for (kind, network) in [
            ("unreachable", "10.77.0.0/16"),
            ("prohibit", "10.78.0.0/16"),
            ("blackhole", "10.79.0.0/16"),
            ("unreachable", "fd77::/16"),
            ("prohibit", "fd78::/16"),
        ] {
            let family: &[&str] = if network.contains(':') { &["-6"] } else { &[] };
            router.ip(&[family, &["route", "add", kind, network]].concat());
        }
        let dir = tempfile::tempdir().expect("a directory");
        let ping = dir.path().join("ping");
        symlink(SOCKEYE, &ping).expect("a link");
        let ping = ping.to_str().expect("a path in UTF-8").to_string();
        Some(Self { a, router, _c: c, _dir: dir, ping })
    }

    fn run(&self, program: &str, line: &str) -> Output {
        self.a.command(program).args(line.split_whitespace()).env("LC_ALL", "C").output().expect("it starts")
    }

    fn forget_path_mtus(&self) {
        self.a.ip(&["route", "flush", "cache"]);
        self.a.ip(&["-6", "route", "flush", "cache"]);
    }
}

/// The output with every measured number masked, and the program's name in front of errors.
fn masked(out: &Output, program: &str) -> (String, String) {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&format!("{program}: "), "ping: ");
        text.split_inclusive([' ', '/', '=', '\n', '\t', '[', ']', ',']).map(mask).collect::<String>()
    };
    (text(&out.stdout), text(&out.stderr))
}

/// Masks decimals and milliseconds; leaves counts, addresses and everything else.
fn mask(word: &str) -> String {
    let end = word.trim_end_matches([' ', '/', '=', '\n', '\t', '[', ']', ',']);
    let tail = &word[end.len()..];
    let number = end.strip_suffix("ms").unwrap_or(end);
    let decimal = number.split('.').count() == 2 && number.split('.').all(|d| d.parse::<u64>().is_ok());
    let milliseconds = end.ends_with("ms") && number.parse::<u64>().is_ok();
    if decimal || milliseconds { format!("N{tail}") } else { word.into() }
}

/// Command lines whose every line must be the same. Those that stay on this machine, then those on the road.
const SAME: [&str; 51] = [
    "-c 1 127.0.0.1",
    "-c 3 -i 0.2 -q localhost",
    "-c2 -i.2 -D 127.0.0.1",
    "-s 8 -c1 127.0.0.1",
    "-s 0 -c1 ::1",
    "-s 1000 -c1 ::1",
    "-p ff -c1 127.0.0.1",
    "-p 123 -q -c1 127.0.0.1",
    "-c3 -f 127.0.0.1",
    "-c3 -A -q 127.0.0.1",
    "-l 3 -c3 127.0.0.1",
    "-I lo -c1 127.0.0.1",
    "-n -c1 localhost",
    "-c1 -e 77 -m 5 -S 5000 -d -L -Q 0x10 127.0.0.1",
    "-c1 0",
    "127.1 -c1",
    "-c1 -C 10.9.2.2",
    "-c1 10.9.2.2",
    "-c1 fd09:2::2",
    "-c2 -i.2 -O -W.5 10.79.0.1",
    "-l 3 -c3 -W1 10.79.0.1",
    "-c2 -i.3 -t 1 10.9.2.2",
    "-c1 -t 1 fd09:2::2",
    "-c2 -i.2 -q -t1 10.9.2.2",
    "-c1 10.77.0.1",
    "-c1 10.78.0.1",
    "-c1 fd77::1",
    "-c1 fd78::1",
    "-c1 fd09:2::77",
    "-c2 -i.3 -M do -s 1400 10.9.2.2",
    "-c2 -i.3 -M do -s 1400 fd09:2::2",
    "-c1 -M do -s 1600 10.9.1.2",
    "-c1 -M do -s 1600 fd09:1::2",
    "-c2 -i.2 -M want -s 3000 10.9.1.2",
    "-I veth0 -c1 10.9.2.2",
    "-I 10.9.1.1 -c1 10.9.2.2",
    "-I veth0 -c1 fd09:2::2",
    "-B -c1 10.9.2.2",
    "-w1 -i.2 -t1 10.9.2.2",
    "-c2 -i.2 -R 10.9.2.2",
    "-f -c5 -t1 10.9.2.2",
    "-f -c5 -W1 10.79.0.1",
    "-c2 -i.2 -a -U 10.9.2.2",
    "-c1 -I foo 127.0.0.1",
    "-I 1.2.3.4 -c1 127.0.0.1",
    "-4 -c1 ::1",
    "-6 -c1 127.0.0.1",
    "-4 -6 ::1",
    "-Q 300 127.0.0.1",
    "-R -T tsonly 127.0.0.1",
    "-c1 10.9.1.255",
];

/// Command lines that are refused with the same text; the exit code is 2, where older pings say 1.
const REFUSED: [&str; 9] = [
    "",
    "-c x 127.0.0.1",
    "-c 0 127.0.0.1",
    "-c 99999999999999999999 127.0.0.1",
    "-l 0 127.0.0.1",
    "-t 256 127.0.0.1",
    "-w 0.1 127.0.0.1",
    "-e 70000 127.0.0.1",
    "-p zz 127.0.0.1",
];

#[test]
fn the_same_lines_as_the_real_ping() {
    let Some(road) = Road::new("same") else { return };
    road.router.ip(&["link", "set", "veth0", "mtu", "1300"]);
    // The first packets of a road resolve its neighbours; errors do not wait for that.
    for target in ["10.9.2.2", "fd09:2::2"] {
        assert!(
            road.run("ping", &format!("-c1 {target}")).status.success(),
            "the road does not lead to {target}"
        );
    }
    let mut differences = String::new();
    for line in SAME.iter().chain(&REFUSED) {
        road.forget_path_mtus();
        let real = road.run("ping", line);
        road.forget_path_mtus();
        let ours = road.run(&road.ping, line);
        let code = if REFUSED.contains(line) { Some(2) } else { real.status.code() };
        if masked(&real, "ping") != masked(&ours, &road.ping) || code != ours.status.code() {
            differences += &format!("ping {line}\nreal {real:#?}\nours {ours:#?}\n\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn duplicates_and_strangers_are_told_apart() {
    let Some(road) = Road::new("dup") else { return };
    // All hosts on the link answer a multicast: ourselves and the router.
    let out = road.run(SOCKEYE, "ping -c1 -w1 -I veth0 ff02::1");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(0), "{text}");
    // The first answer satisfies -c; asking twice shows the others of the first as duplicates.
    let out = road.run(SOCKEYE, "ping -c2 -i.3 -I veth0 ff02::1");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.contains("(DUP!)") && text.contains(" duplicates, "), "{text}");
}

#[test]
fn a_foreign_ping_beside_it_is_not_heard() {
    let Some(road) = Road::new("foreign") else { return };
    // The stranger uses the very same identifier: only the payload tells the two apart.
    let mut stranger = road.a.command("ping");
    stranger.args(["-e", "4711", "-i", "0.002", "10.9.2.2"]);
    let mut stranger = Running::start(&mut stranger);
    stranger.line("icmp_seq=2");
    for id in ["-e 4711", "-e 4712", "-f"] {
        let out = road.run(SOCKEYE, &format!("ping {id} -c 20 -i 0.02 -q --json 10.9.2.2"));
        let result: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        for (key, value) in [("transmitted", 20), ("received", 20), ("duplicates", 0), ("corrupted", 0)] {
            assert_eq!(result[key], value, "{id}: {result}");
        }
    }
}

#[test]
fn loss_is_counted_and_shown() {
    let Some(road) = Road::new("loss") else { return };
    let mut ping = road.a.command(SOCKEYE);
    ping.args(["ping", "-i", "0.1", "-O", "-W", "1", "10.9.2.2"]);
    let mut ping = Running::start(&mut ping);
    ping.line("icmp_seq=3");
    road.router.ip(&["route", "add", "blackhole", "10.9.2.2/32"]);
    ping.line("no answer yet for icmp_seq=");
    road.router.ip(&["route", "del", "blackhole", "10.9.2.2/32"]);
    ping.line("64 bytes from 10.9.2.2");
    ping.signal("QUIT");
    ping.line(" packets, ");
    ping.signal("INT");
    let (status, lines) = ping.finish();
    assert_eq!(status.code(), Some(0));
    let summary = lines.iter().find(|l| l.contains("packets transmitted")).expect("statistics");
    assert!(!summary.contains(" 0% packet loss"), "{summary}");
}

#[test]
fn run_25_without_privilege_the_error_names_the_ways_out() {
    let Some(road) = Road::new("priv") else { return };
    if !peers(&["setpriv"]) {
        return;
    }
    let unprivileged = |line: &str| {
        // /proc/self/exe must be readable by nobody: the binary may lie in a directory of root's.
        let shown =
            format!("--reuid 65534 --regid 65534 --clear-groups --bounding-set -all {} {line}", copy(&road));
        road.run("setpriv", &shown)
    };
    let out = unprivileged("ping -c1 127.0.0.1");
    let error = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert!(error.contains("ping_group_range") && error.contains("cap_net_raw"), "{error}");
    assert!(error.contains("Operation not permitted"), "{error}");

    let open = ["-qw", "net.ipv4.ping_group_range=0 2147483647"];
    assert!(road.a.command("sysctl").args(open).status().is_ok_and(|s| s.success()));
    for line in ["ping -c2 -i.2 10.9.2.2", "ping -c1 fd09:2::2", "ping --alive 10.9.2.2 10.9.2.1"] {
        assert_eq!(unprivileged(line).status.code(), Some(0), "{line}");
    }
    let out = unprivileged("ping -c1 -t1 10.9.2.2");
    assert!(String::from_utf8_lossy(&out.stdout).contains("From 10.9.1.2 icmp_seq=1 Time to live exceeded"));
    let out = unprivileged("ping -c1 -i 0.001 10.9.2.2");
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("use -i 0.002"));
}

/// A copy of the binary that everyone may run.
fn copy(road: &Road) -> String {
    use std::os::unix::fs::PermissionsExt;
    let dir = std::path::Path::new(&road.ping).parent().expect("a directory");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(dir, open).expect("our own directory");
    let path = dir.join("sockeye");
    if !path.exists() {
        std::fs::copy(SOCKEYE, &path).expect("a copy");
    }
    path.to_str().expect("a path in UTF-8").into()
}

#[test]
fn run_25_privileges_are_given_up_once_the_socket_is_open() {
    let Some(road) = Road::new("drop") else { return };
    let mut ping = Running::start(Command::new(&road.ping).args(["-i", "0.2", "127.0.0.1"]));
    ping.line("icmp_seq=2");
    let status = std::fs::read_to_string(format!("/proc/{}/status", ping.child.id())).expect("its status");
    for held in ["CapEff:", "CapPrm:"] {
        let line = status.lines().find(|l| l.starts_with(held)).expect("a capability line");
        assert!(line.ends_with("\t0000000000000000"), "{line}");
    }
    ping.signal("INT");
    assert_eq!(ping.finish().0.code(), Some(0));
}

#[test]
fn a_network_is_swept_with_fpings_lines_and_codes() {
    let Some(road) = Road::new("sweep") else { return };
    let out = road.run(SOCKEYE, "ping -W 0.5 10.9.1.0/30 10.77.0.1 10.79.0.1 --worst 2");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.contains("10.9.1.1  : xmt/rcv/%loss = 1/1/0%, min/avg/max = "), "{text}");
    assert!(text.contains("10.77.0.1 : xmt/rcv/%loss = 1/0/100%, Destination Host Unreachable"), "{text}");
    assert!(text.contains("4 hosts: 2 alive, 2 unreachable; 4 probes"), "{text}");
    let alive = road.run(SOCKEYE, "ping --alive -W 0.5 10.9.1.0/30 10.79.0.1");
    assert_eq!(String::from_utf8_lossy(&alive.stdout), "10.9.1.1\n10.9.1.2\n");
    let unreach = road.run(SOCKEYE, "ping --unreach -W 0.5 --retry 8 fd09:2::2 10.79.0.1");
    assert_eq!(String::from_utf8_lossy(&unreach.stdout), "10.79.0.1\n");
    for (line, code) in [
        ("ping 127.0.0.0/29", 0),
        ("ping --retry 1 -W 0.2 10.79.0.1", 1),
        ("ping 127.0.0.1 nosuch.invalid", 2),
        ("ping 127.0.0.0/33", 3),
        ("ping 127.0.0.1 127.0.0.2 -s 4", 3),
        ("ping 127.0.0.1 127.0.0.2 -I nosuch", 4),
    ] {
        let out = road.run(SOCKEYE, line);
        assert_eq!(out.status.code(), Some(code), "{line}: {out:?}");
    }
}

#[test]
fn the_way_is_traced_hop_by_hop() {
    let Some(road) = Road::new("trace") else { return };
    for (target, hops) in [("10.9.2.2", ["10.9.1.2", "10.9.2.2"]), ("fd09:2::2", ["fd09:1::2", "fd09:2::2"])]
    {
        let out = road.run(SOCKEYE, &format!("ping --trace --json {target}"));
        let result: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        assert_eq!(result["arrived"], true, "{result}");
        assert_eq!(result["hops"].as_array().map(Vec::len), Some(2), "{result}");
        for (hop, address) in hops.iter().enumerate() {
            assert_eq!(result["hops"][hop]["addresses"][0], *address, "{result}");
            assert_eq!(result["hops"][hop]["received"], 3, "{result}");
        }
    }
    let out = road.run(SOCKEYE, "ping --trace -W 0.3 --hops 4 10.79.0.1");
    assert_eq!(out.status.code(), Some(1));
}

fn ping(line: &str) -> Output {
    Command::new(SOCKEYE).arg("ping").args(line.split_whitespace()).output().expect("the binary was built")
}

fn json(out: &Output) -> serde_json::Value {
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {out:?}"))
}

#[test]
fn connections_are_measured_and_refusals_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let out = ping(&format!("-c3 -i.05 --tcp {port} 127.0.0.1"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("connected to 127.0.0.1 port {port}: tcp_seq=3 time=")), "{text}");
    assert!(text.contains("3 packets transmitted, 3 received, 0% packet loss"), "{text}");
    drop(listener);
    let out = ping(&format!("-c2 -i.05 --tcp {port} 127.0.0.1"));
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.contains("From 127.0.0.1 tcp_seq=1 Connection refused time="), "{text}");
    assert!(text.contains("2 packets transmitted, 0 received, +2 errors, 100% packet loss"), "{text}");
}

#[test]
fn datagrams_are_answered_and_refusals_told_apart() {
    let echo = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = echo.local_addr().expect("its address").port();
    let server = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        for answer in [&b"echo"[..], b"something else"] {
            let (length, from) = echo.recv_from(&mut buffer).expect("a datagram");
            let bytes = if answer == b"echo" { &buffer[..length] } else { answer };
            echo.send_to(bytes, from).expect("sent");
        }
    });
    let out = ping(&format!("-c2 -i.05 --udp {port} 127.0.0.1"));
    server.join().expect("the echo server");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("56 bytes from 127.0.0.1 port {port}: udp_seq=1 ttl=64 time=")), "{text}");
    assert!(text.contains(&format!("14 bytes from 127.0.0.1 port {port}: udp_seq=2 ttl=64 time=")), "{text}");
    let out = ping(&format!("-c2 -i.05 --udp {port} --json 127.0.0.1"));
    assert_eq!(out.status.code(), Some(1));
    let result = json(&out);
    assert_eq!((&result["errors"], &result["received"]), (&2.into(), &0.into()), "{result}");
}

#[test]
fn json_is_valid_with_and_without_answers() {
    if !root() {
        return;
    }
    let result = json(&ping("-c2 -i.05 --json 127.0.0.1"));
    for key in ["min", "avg", "max", "mdev", "ewma", "jitter", "p50", "p90", "p99"] {
        assert!(result["rtt"][key].is_f64(), "{key}: {result}");
    }
    assert_eq!(result["loss"], 0.0);
    // Nobody listens on the port, so nothing is answered.
    let result = json(&ping("-c1 --tcp 1 --json 127.0.0.1"));
    assert_eq!((&result["rtt"], &result["loss"]), (&serde_json::Value::Null, &100.0.into()), "{result}");
    let out = ping("-jc2 -i.05 127.0.0.1");
    let lines: Vec<serde_json::Value> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!((&lines[0]["bytes"], &lines[0]["seq"], &lines[1]["seq"]), (&64.into(), &1.into(), &2.into()));
    assert_eq!(lines[2]["transmitted"], 2);
    assert!(json(&ping("-jc2 -V"))["version"].is_string());
}

#[test]
fn events_tell_each_probe_and_the_summary() {
    if !root() {
        return;
    }
    let out = ping("-c2 -i.05 --events - 127.0.0.1");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let kinds: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON"))
        .map(|event| event["event"].as_str().expect("a kind").into())
        .collect();
    assert_eq!(kinds, ["ping-sent", "ping-reply", "ping-sent", "ping-reply", "ping-summary"], "{text}");
}

#[test]
fn a_picture_is_written() {
    if !root() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("times.svg");
    let out = ping(&format!("-q -c5 -i.02 --svg {} 127.0.0.1", file.display()));
    assert!(out.status.success(), "{out:?}");
    let svg = std::fs::read_to_string(file).expect("the picture");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<circle").count(), 5, "a point for each answer");
    assert!(svg.contains(">p99 "), "percentile lines");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    if !root() {
        return;
    }
    let line = format!("{SOCKEYE} ping -i 0.01 127.0.0.1 | head -1; echo ${{PIPESTATUS[0]}}");
    let out = Command::new("bash").args(["-c", &line]).output().expect("bash");
    assert_eq!(
        String::from_utf8_lossy(&out.stdout),
        "PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.\n0\n",
        "{out:?}"
    );
    assert!(out.stderr.is_empty(), "{out:?}");
}

#[test]
fn sixty_five_thousand_hosts_fit_in_32_mib() {
    if !(root() && peers(&["time"])) {
        return;
    }
    let out =
        Command::new("time").args(["-f", "%M", SOCKEYE, "ping", "-q", "-W", "5", "127.1.0.0/16"]).output();
    let out = out.expect("time can be started");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.starts_with("65534 hosts: 65534 alive, 0 unreachable; 65534 probes"), "{out:?}");
    let kib: u64 = String::from_utf8_lossy(&out.stderr).trim().parse().expect("kibibytes");
    assert!(kib <= 32 * 1024, "{kib} KiB");
}

#[test]
fn every_flag_of_ping_is_known_or_refused() {
    let help = Command::new("ping").arg("-h").output();
    let Ok(help) = help else { return };
    let text = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
    let dir = tempfile::tempdir().expect("a directory");
    let link = dir.path().join("ping");
    symlink(SOCKEYE, &link).expect("a link");
    for flag in text.lines().filter_map(|l| l.trim_start().strip_prefix('-')?.chars().next()) {
        // With a value that no flag takes and no destination, each flag is understood or its value refused.
        let out = Command::new(&link).arg(format!("-{flag}")).arg("").output().expect("the link runs");
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!error.contains("invalid option"), "-{flag}: {error}");
    }
    let out = Command::new(&link).args(["--json", "127.0.0.1"]).output().expect("the link runs");
    assert_eq!(out.status.code(), Some(2), "ping has no flags of sockeye's own");
    assert!(String::from_utf8_lossy(&out.stderr).contains("invalid option -- '-'"));
}
