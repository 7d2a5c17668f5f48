//! Under the name socat, what its options and kinds do: the same shell lines with the real one must give the same
//! output and exit code. Each line runs in a network namespace and a folder of its own, so ports are free.

use std::{
    os::unix::{fs::symlink, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use crate::support::peers;

/// What a line printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) code: Option<i32>,
}

/// Runs a line of bash with `$S` for socat, in an empty folder, for 30 s at most. What it leaves running ends with it.
pub(crate) fn run(socat: &Path, line: &str) -> (Ran, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let bin = tempfile::tempdir().expect("a folder");
    // The name of the file decides who it is.
    let link = bin.path().join("socat");
    symlink(socat, &link).expect("a link");
    let script = format!("ip link set lo up; {line}");
    let output = Command::new("unshare")
        .args(["-n", "-p", "-f", "--kill-child", "timeout", "30", "bash", "-c", &script])
        .current_dir(folder.path())
        .env("S", &link)
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .expect("it runs");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (Ran { out, code: output.status.code() }, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Each line prints that and ends with 0, whoever runs it.
pub(crate) fn both(lines: &[(&str, &str)]) {
    if !peers(&["socat", "bash", "ip"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    for (line, expected) in lines {
        for socat in [Path::new(env!("CARGO_BIN_EXE_sockeye")), Path::new("/usr/bin/socat")] {
            let (ran, errors) = run(socat, line);
            let wanted = Ran { out: (*expected).to_owned(), code: Some(0) };
            assert_eq!(ran, wanted, "{}: {line}\n{errors}", socat.display());
        }
    }
}

#[test]
fn who_may_connect() {
    let retry = "retry=400,interval=0.05";
    let server = |options: &str, client: &str| {
        format!(
            "$S TCP4-LISTEN:5000,{options} PIPE & echo hi | $S - TCP4:127.0.0.1:5000,{client},{retry}; wait"
        )
    };
    for (options, client) in [
        ("range=127.0.0.1/32", "nodelay"),
        ("range=127.0.0.0:255.0.0.0", "nodelay"),
        ("sourceport=5001", "sourceport=5001"),
        ("lowport", "lowport"),
        ("bind=127.0.0.1", "bind=127.0.0.1"),
        ("backlog=1,keepalive", "keepidle=5"),
    ] {
        both(&[(&server(options, client), "hi\n")]);
    }
    // One datagram from where they may come, one from elsewhere before it.
    both(&[(
        "$S -u UDP4-RECVFROM:5000,range=127.0.0.2/32,reuseaddr CREATE:o & p=$!
         until ss -Hlun | grep -q :5000; do :; done
         echo no | $S -u - UDP4-SENDTO:127.0.0.1:5000; echo hi | $S -u - UDP4-SENDTO:127.0.0.1:5000,bind=127.0.0.2
         wait $p; cat o",
        "hi\n",
    )]);
}

#[test]
fn datagrams_from_a_range_only() {
    // The real one ends with the first datagram that it refuses here; ours drops it and goes on.
    if !peers(&["socat", "bash", "ip"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    for kind in ["UDP4-RECV:5000", "UDP4-DATAGRAM:127.0.0.1:9,bind=127.0.0.1:5000"] {
        let line = format!(
            "$S -u {kind},range=127.0.0.2/32 CREATE:o & p=$!
             until ss -Hun -a | grep -q :5000; do :; done
             echo no | socat -u - UDP4-SENDTO:127.0.0.1:5000,bind=127.0.0.3
             echo hi | socat -u - UDP4-SENDTO:127.0.0.1:5000,bind=127.0.0.2
             until [ -s o ]; do :; done; cat o; kill $p; wait"
        );
        let (ran, errors) = run(Path::new(env!("CARGO_BIN_EXE_sockeye")), &line);
        assert_eq!(ran.out, "hi\n", "{errors}");
    }
}

#[test]
fn sockets_in_numbers() {
    let at = "x1388x7f000001x0000000000000000";
    let connected = format!(
        "$S SOCKET-LISTEN:2:6:{at},reuseaddr PIPE & echo hi | $S - SOCKET-CONNECT:2:6:{at},retry=400,interval=0.05; wait"
    );
    let packets = format!(
        "$S -u SOCKET-RECVFROM:2:2:17:{at} CREATE:o & p=$!
         until ss -Hlun | grep -q :5000; do :; done
         echo hi | $S -u - SOCKET-SENDTO:2:2:17:{at}; wait $p; cat o"
    );
    let received = format!(
        "$S -u SOCKET-RECV:2:2:17:{at} CREATE:o & p=$!
         until ss -Hlun | grep -q :5000; do :; done
         echo hi | $S -u - SOCKET-DATAGRAM:2:2:17:{at}; until [ -s o ]; do :; done; kill $p; wait; cat o"
    );
    both(&[(&connected, "hi\n"), (&connected.replacen("$S", "socat", 1), "hi\n"), (&received, "hi\n")]);
    // The real one waits on for a second packet here.
    for line in [&packets, &packets.replace("| $S", "| socat")] {
        let (ran, errors) = run(Path::new(env!("CARGO_BIN_EXE_sockeye")), line);
        assert_eq!(ran.out, "hi\n", "{errors}");
    }
}

#[test]
fn packets_of_an_interface() {
    if !peers(&["bash", "ip", "ping"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    let line = "$S -u INTERFACE:lo CREATE:o & p=$!
        until ss -H0 | grep -q :lo; do :; done
        ping -c 1 -p 736f636b -s 32 127.0.0.1 >/dev/null; until [ -s o ]; do :; done; kill $p; wait
        grep -q sock o && echo seen";
    let (ran, errors) = run(Path::new(env!("CARGO_BIN_EXE_sockeye")), line);
    assert_eq!(ran.out, "seen\n", "{errors}");
}

#[test]
fn names_in_the_file_system() {
    let client = "$S /dev/null UNIX:s,retry=400,interval=0.05; wait";
    let listening = "until [ -S s ]; do :; done";
    both(&[
        (
            &format!(
                "$S UNIX-LISTEN:s,mode=0600,unlink-close=0 /dev/null & {listening}; stat -c %a s
                   $S /dev/null UNIX-CONNECT:s; wait; ls"
            ),
            "600\ns\n",
        ),
        (
            &format!(
                "$S UNIX-LISTEN:s,umask=0177 /dev/null & {listening}; stat -c %a s; $S /dev/null UNIX:s; wait; ls"
            ),
            "600\n",
        ),
        (&format!("touch s; $S UNIX-LISTEN:s,unlink-early /dev/null & {listening}; {client}"), ""),
        (
            &format!(
                "$S UNIX-LISTEN:s SYSTEM:'echo $SOCAT_PEERADDR' & {listening}; $S -u UNIX:s,bind=./c -; wait"
            ),
            "./c\n",
        ),
        ("echo hi > f; $S -u OPEN:f,unlink-close -; ls", "hi\n"),
        ("echo hi > f; $S -u OPEN:f,unlink-late -; ls", "hi\n"),
        ("echo hi | $S -u - CREATE:f,umask=0137; stat -c %a f", "640\n"),
        ("echo hi | $S -u - CREATE:f,user=1,group=2,mode=0604; stat -c '%a %u %g' f", "604 1 2\n"),
        (
            "touch f; $S -u OPEN:f,perm-early=0600,user-early=1,group-early=3 -; stat -c '%a %u %g' f",
            "600 1 3\n",
        ),
        ("touch f; $S -u OPEN:f,perm-late=0640,user-late=1 -; stat -c '%a %u' f", "640 1\n"),
        ("mkfifo p; cat p & echo hi | $S -u - OPEN:p; wait", "hi\n"),
        ("mkfifo p; exec 3<>p; echo hi | $S -u - OPEN:p,nonblock; head -c 3 <&3", "hi\n"),
        ("echo hi | $S - ./f,ignoreeof!!./f", "hi\n"),
        (
            "echo hi | $S - ABSTRACT-CLIENT:nobody 2>/dev/null; $S ABSTRACT-LISTEN:a PIPE & \
          echo hi | $S - ABSTRACT-CONNECT:a,retry=400,interval=0.05; wait",
            "hi\n",
        ),
        (
            "$S UNIX-RECVFROM:s PIPE & until [ -S s ]; do :; done; echo hi | $S - UNIX-SENDTO:s,bind=c; wait",
            "hi\n",
        ),
    ]);
}

#[test]
fn locks_and_waiting_for_them() {
    both(&[
        (
            "mkfifo g; $S -L l -u PIPE:g,rdonly - & until [ -e l ]; do :; done
          $S -L l - /dev/null 2>/dev/null; echo $?; : > g; wait",
            "1\n",
        ),
        (
            "mkfifo g; $S -L l -u OPEN:g,rdonly - & until [ -e l ]; do :; done
          (echo hi | $S -W l - PIPE) & : > g; wait; ls",
            "hi\ng\n",
        ),
        (
            "mkfifo g; $S -u OPEN:g,rdonly,lockfile=l - & until [ -e l ]; do :; done
          $S -,lockfile=l /dev/null 2>/dev/null; echo $?; : > g; wait; ls",
            "1\ng\n",
        ),
    ]);
}

#[test]
fn line_ends_and_limits() {
    let shown = "| od -An -c | tr -s ' '";
    both(&[
        (&format!("printf 'a\\nb\\n' | $S -u - -,crnl {shown}"), " a \\r \\n b \\r \\n\n"),
        (&format!("printf 'a\\nb\\n' | $S -u - -,cr {shown}"), " a \\r b \\r\n"),
        (&format!("printf 'a\\r\\nb\\r\\n' | $S -u -,crnl - {shown}"), " a \\n b \\n\n"),
        (&format!("printf 'a\\rb\\r' | $S -u -,cr - {shown}"), " a \\n b \\n\n"),
        ("printf abcdef | $S -u -,readbytes=3 -", "abc"),
        ("printf 'abc\\033def' | $S -u -,escape=27 -", "abc"),
        ("touch f; $S -T 2 -u OPEN:f,ignoreeof - & sleep 0.2; echo more >> f; wait", "more\n"),
        ("$S -T 0.3 PIPE PIPE; echo $?", "0\n"),
        // The end of data as an empty datagram, and what takes it for that.
        (
            "$S -u UDP4-RECV:5000,null-eof CREATE:o & p=$!
          until ss -Hlun | grep -q :5000; do :; done
          echo hi | $S -u -t 1 - UDP4-SENDTO:127.0.0.1:5000,shut-null; wait $p; cat o",
            "hi\n",
        ),
        // Nobody tells the program that its input has ended.
        ("echo hi | $S -t 0.3 - EXEC:'od -c',shut-none; echo $?", "0\n"),
        (
            "$S TCP4-LISTEN:5000,reuseaddr SYSTEM:'cat; echo end' &
          echo hi | $S -t 5 - TCP4:127.0.0.1:5000,shut-down,retry=400,interval=0.05; wait",
            "hi\nend\n",
        ),
    ]);
}

#[test]
fn programs_and_who_they_are() {
    both(&[
        ("$S -u SYSTEM:'echo out; echo err >&2',stderr - | sort", "err\nout\n"),
        ("$S -u SYSTEM:'id -un; id -gn',su=nobody -", "nobody\nnogroup\n"),
        ("$S -u SYSTEM:'id -u',setuid=1 -", "1\n"),
        ("$S -u SYSTEM:'id -g',setgid=3 -", "3\n"),
        ("echo hi | $S - 'SYSTEM:cat >&9 <&8,pipes,fdin=8,fdout=9'", "hi\n"),
        ("echo hi | $S - EXEC:cat,pty,rawer", "hi\n"),
        ("echo hi | $S - EXEC:cat,pty,raw,echo=0", "hi\n"),
        (
            "$S - EXEC:'stty -a',pty,setsid,ctty,b9600,echo=0,icrnl=0 | grep -o 'speed 9600\\| -echo \\| -icrnl' | tr -d '\\n'",
            "speed 9600 -icrnl -echo ",
        ),
        ("$S -u SYSTEM:'echo $0',path=/bin - | wc -l", "1\n"),
        ("$S -u EXEC:env,path=/usr/bin - | grep -c '^PATH=/usr/bin$'", "1\n"),
        (
            "$S TCP6-LISTEN:5000 SYSTEM:'echo $SOCAT_PEERADDR' & $S -u TCP6:[::1]:5000,retry=400,interval=0.05 -; wait",
            "[0000:0000:0000:0000:0000:0000:0000:0001]\n",
        ),
        (
            "$S -lp two_go TCP4-LISTEN:5000 SYSTEM:'echo $TWO_GO_PEERADDR' & $S -u TCP4:127.0.0.1:5000,retry=400,interval=0.05 -; wait",
            "127.0.0.1\n",
        ),
    ]);
}

#[test]
fn terminals_with_names() {
    both(&[
        (
            "$S PTY,link=t,rawer PIPE & p=$!; until [ -e t ]; do :; done
          echo hi | $S -t 1 - OPEN:t,rawer; kill $p 2>/dev/null; wait; ls",
            "hi\n",
        ),
        (
            "$S PTY,link=t,rawer,wait-slave,pty-interval=0.05 PIPE & p=$!; until [ -e t ]; do :; done
          echo hi | $S -t 1 - OPEN:t,rawer; kill $p 2>/dev/null; wait; ls",
            "hi\n",
        ),
        (
            "$S PTY,link=t,perm=0620 PIPE & p=$!; until [ -e t ]; do :; done; stat -L -c %a t; kill $p; wait",
            "620\n",
        ),
    ]);
}

#[test]
fn many_at_a_time_and_again() {
    both(&[
        ("$S TCP4-LISTEN:5000,fork,max-children=2 PIPE & p=$!
          for i in 1 2 3; do echo $i | $S - TCP4:127.0.0.1:5000,retry=400,interval=0.05; done; kill $p; wait; :", "1\n2\n3\n"),
        ("(sleep 0.5; $S TCP4-LISTEN:5000 PIPE) & echo hi | $S - TCP4:127.0.0.1:5000,forever,interval=0.1; wait", "hi\n"),
        ("$S - TCP4:127.0.0.1:5000,retry=2,interval=0.1 2>/dev/null; echo $?", "1\n"),
        ("$S TCP4-LISTEN:5000,accept-timeout=0.2 -; echo $?", "0\n"),
        ("$S TCP6-LISTEN:5000,ipv6only=0 PIPE & echo hi | $S - TCP4:127.0.0.1:5000,retry=400,interval=0.05; wait", "hi\n"),
        ("SOCAT_DEFAULT_LISTEN_IP=6 $S TCP-LISTEN:5000 PIPE & echo hi | $S - TCP6:[::1]:5000,retry=400,interval=0.05; wait", "hi\n"),
        ("$S -u UDP4-RECV:5000,ip-add-membership=224.1.2.3:lo CREATE:o & p=$!
          until ss -Hlun | grep -q :5000; do :; done; ip route add 224.0.0.0/4 dev lo
          echo hi | $S -u - UDP4-DATAGRAM:224.1.2.3:5000; until [ -s o ]; do :; done; kill $p; wait; cat o", "hi\n"),
        ("$S -u UDP4-RECV:5000 CREATE:o & p=$!
          until ss -Hlun | grep -q :5000; do :; done
          echo hi | $S -u - UDP4-DATAGRAM:127.255.255.255:5000,broadcast; until [ -s o ]; do :; done; kill $p; wait; cat o", "hi\n"),
    ]);
}

#[test]
fn what_passes_is_shown_to_the_byte() {
    let shown = "2>&1 >/dev/null | sed 's/^\\([<>]\\) .*  length/\\1 length/'";
    let data = "printf 'a\\0\\001\\r\\t\\\\\\377b\\n0123456789012345678'";
    for options in ["-v", "-x", "-v -x"] {
        let line = format!("{data} | $S {options} -u - /dev/null {shown}");
        if !peers(&["socat", "bash", "ip"]) || !rustix::process::geteuid().is_root() {
            return;
        }
        let [ours, real] =
            [env!("CARGO_BIN_EXE_sockeye"), "/usr/bin/socat"].map(|s| run(Path::new(s), &line).0);
        assert_eq!(ours, real, "{options}");
        assert!(ours.out.contains("length=28 from=0 to=27"), "{}", ours.out);
    }
    both(&[("printf hi | $S -r r -R R - PIPE; cat r R", "hihihi")]);
}

/// A log that is mixed goes to syslog once data passes: of a namespace's own /dev/log here.
#[test]
fn logs_to_syslog() {
    if !peers(&["socat", "bash", "ip", "unshare"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    let line = |options: &str| {
        format!(
            "unshare -m bash -c 'mount -t tmpfs none /dev/shm && mkdir /dev/shm/d && cp -a /dev/null /dev/shm/d && \
             mount --bind /dev/shm/d /dev && /usr/bin/socat -u UNIX-RECV:/dev/log CREATE:/tmp/log.$$ & \
             true' ; $S {options} -d -d - PIPE </dev/null 2>&1 | grep -c \"N \"; true"
        )
    };
    // Without a /dev/log what would go there is lost, as it is with the real one, and the data passes.
    for options in ["-ly", "-lydaemon", "-lylocal3"] {
        let (ran, errors) = run(Path::new(env!("CARGO_BIN_EXE_sockeye")), &line(options));
        assert_eq!(ran.out.lines().last(), Some("0"), "{options}: {errors}");
    }
    let (ran, errors) = run(Path::new(env!("CARGO_BIN_EXE_sockeye")), &line("-lm"));
    assert_ne!(
        ran.out.lines().last(),
        Some("0"),
        "what comes before the data is on the standard error: {errors}"
    );
}

#[test]
fn statistics_and_descriptors() {
    let ours = |line: &str| run(Path::new(env!("CARGO_BIN_EXE_sockeye")), line);
    if !peers(&["bash", "ip", "unshare"]) || !rustix::process::geteuid().is_root() {
        return;
    }
    let (ran, _) = ours("echo hi | $S --statistics - PIPE 2>&1 >/dev/null | sed 's/.*I //'");
    let way = |way| format!("STATISTICS: {way}: 1 packets(s), 3 byte(s)\n");
    assert_eq!(ran.out, [way("left to right"), way("right to left")].concat());
    let (ran, _) = ours("echo hi | $S -D - PIPE 2>&1 >/dev/null | grep -c '^ *[012]: '");
    assert_eq!(ran.out, "3\n");
}

/// A program that edits its lines itself ends with its input, whenever it begins to read raw.
#[test]
fn programs_on_terminals_end_with_their_input() {
    if !peers(&["python3", "bash"]) {
        return;
    }
    for (program, shown) in [("python3 -i", "42"), ("bash --norc -i", "syntax error"), ("cat", "print(6*7)")]
    {
        let address = format!("exec:'{program}',pty,stderr,setsid,ctty");
        let line = format!(
            "echo 'print(6*7)' | timeout 60 '{}' relay - \"{address}\"",
            env!("CARGO_BIN_EXE_sockeye")
        );
        let out = Command::new("bash").args(["-c", &line]).output().expect("it runs");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success() && text.contains(shown), "{program}: {out:?}");
    }
}

/// Wrong values are found when the address is read, before anything is opened.
#[test]
fn numbered_socket_options_are_checked_first() {
    for wrong in ["setsockopt=1:2", "setsockopt=a:2:3", "setsockopt=1:2:x0", "setsockopt-int=1:2:x01"] {
        let out = Command::new(env!("CARGO_BIN_EXE_sockeye"))
            .arg0("socat")
            .args(["-u", "CREATE:/nonexistent/never", &format!("TCP:127.0.0.1:1,{wrong}")])
            .output()
            .expect("it runs");
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1));
        assert!(error.contains("parseopts(): ") && error.contains("LEVEL:NAME"), "{error}");
    }
}
