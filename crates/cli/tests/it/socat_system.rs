//! Under the name socat, what goes to the kernel: terminals, flags of files, ioctl(2), interfaces, programs on the
//! peer's own descriptors, signals; and what the log says. Each line must do the same with the real one.

use std::path::Path;

use crate::socat_options::{both, run};

const OURS: &str = env!("CARGO_BIN_EXE_sockeye");

/// Opens a terminal with these options and shows words of `stty -a` that it has then.
fn terminal(options: &str, words: &str) -> String {
    let words = words.split(' ').collect::<Vec<_>>().join("\\|");
    format!(
        "$S -u PTY,link=t,{options} - & until [ -e t ]; do :; done
         stty -a < t | tr '; ' '\\n\\n' | grep -x -e '{words}' | sort | xargs; kill $! 2>/dev/null; wait"
    )
}

#[test]
fn bits_and_speeds_of_terminals() {
    for (options, words) in [
        ("echoprt,xcase,flusho", "echoprt flusho xcase"),
        ("iuclc,igncr,inpck", "igncr inpck iuclc"),
        ("olcuc,ofill,ofdel", "ofdel ofill olcuc"),
        ("nl1,cr2,tab3,bs1,vt1,ff1", "bs1 cr2 ff1 nl1 tab3 vt1"),
        ("nl1,nl0,crdly=3,tabdly=2,bsdly,bs0", "bs0 cr3 nl0 tab2"),
        ("nldly,vtdly,ffdly,xtabs,cr1", "cr1 ff1 nl1 tab3 vt1"),
        // A pseudo terminal has no parity, and eight bits.
        ("cs8,cstopb,parodd", "cs8 cstopb parodd"),
        ("b134", "134"),
        ("b50", "50"),
        ("b1800", "1800"),
        ("b576000", "576000"),
        ("b3500000", "3500000"),
    ] {
        both(&[(&terminal(options, words), &format!("{words}\n"))]);
    }
    // What stty(1) has no word for, and the control characters.
    let codes = "import termios, os
t = termios.tcgetattr(os.open('t', os.O_RDWR | os.O_NOCTTY))
print(bool(t[3] & 0o40000), [t[6][n][0] for n in (7, 11, 12, 13, 14, 15, 16)])";
    let line = format!(
        "$S -u PTY,link=t,pendin,swtc=1,eol=2,reprint=3,vdiscard=4,werase=5,lnext=6,eol2=7 - &
         until [ -e t ]; do :; done; python3 -c \"{codes}\"; kill $! 2>/dev/null; wait"
    );
    both(&[(&line, "True [1, 2, 3, 4, 5, 6, 7]\n")]);
}

#[test]
fn flags_of_files() {
    let shown = "lsattr f | cut -d- -f1-13 | tr -d ' e-'";
    let set = |options: &str| format!("touch f; $S -u OPEN:f,rdonly,{options} -; {shown}; chattr -ia f");
    both(&[
        (&set("fs-nodump,ext2-sync"), "Sd\n"),
        (&set("ext3-noatime,secrm"), "sA\n"),
        (&set("fs-unrm,compr"), "uc\n"),
        (&set("fs-append"), "a\n"),
        (&set("immutable"), "i\n"),
        (&set("fs-notail"), "t\n"),
        (&format!("touch f; chattr +d f; $S -u OPEN:f,fs-nodump=0 -; {shown}"), "\n"),
        // Not for files.
        ("touch f; $S -u OPEN:f,fs-topdir - 2>/dev/null; echo $?", "1\n"),
        ("head -c 8192 /dev/urandom > f; $S -u OPEN:f,o-direct - | cmp - f && echo same", "same\n"),
    ]);
    // What fcntl(2) says of a descriptor is in /proc, in octal: O_ASYNC is 020000.
    let flags = "touch f; $S -u OPEN:f,rdonly,async SYSTEM:'grep -o flags.*2....$ /proc/self/fdinfo/0 | cut -c 1-5',nofork";
    both(&[(flags, "flags\n")]);
}

#[test]
fn requests_by_number() {
    // TIOCSWINSZ, with rows and columns. (The real one makes the link first: whoever opens it at once is too early.)
    let size = "$S -u PTY,link=t,ioctl-bin=0x5414:s33s99s0s0 - & until [ -e t ]; do :; done
        stty size < t; kill $! 2>/dev/null; wait";
    let (ran, errors) = run(Path::new(OURS), size);
    assert_eq!(ran.out, "33 99\n", "{errors}");
    // TIOCSETD has a pointer to a number, TCFLSH the number itself; it goes on until it is told to end.
    both(&[
        ("timeout 1 $S -u PTY,ioctl-intp=0x5423:0,ioctl-int=0x540b:2 /dev/null; echo $?", "124\n"),
        ("touch f; $S -u OPEN:f,rdonly,ioctl=0x5451 -; echo $?", "0\n"),
        ("touch f; $S -u OPEN:f,rdonly,ioctl-void=0x5413 - 2>/dev/null; echo $?", "1\n"),
        ("touch f; $S -u OPEN:f,rdonly,ioctl-string=0x5414:x - 2>/dev/null; echo $?", "1\n"),
    ]);
}

#[test]
fn interfaces_of_tunnels() {
    let up = "until ip -br link show sk0 2>/dev/null | grep -q UP; do :; done";
    let shown = "ip -br addr show sk0 | awk '{print $1, $3}'";
    both(&[
        (
            &format!(
                "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
                 $S -u TUN:10.9.8.1/24,iff-up,iff-no-pi,tun-name=sk0,tun-type=tun CREATE:o & p=$!; {up}
                 {shown}; ping -c 1 -W 1 -p 736f636b -s 32 10.9.8.2 >/dev/null
                 until grep -q sock o; do :; done; od -An -tx1 -N1 o; kill $p; wait; ip -br link show sk0 2>&1; true"
            ),
            "sk0 10.9.8.1/24\n 45\nDevice \"sk0\" does not exist.\n",
        ),
        (
            "$S TUN,up,tun-type=tap,tun-device=/dev/net/tun,tun-name=sk0,promisc,noarp,multicast=0 PIPE & p=$!
             until ip link show sk0 2>/dev/null | grep -q UP; do :; done
             ip link show sk0 | grep -o '<.*>' | tr -d '<>' | tr , '\\n' | grep -v -e LOWER -e NO-CARR | sort | xargs
             kill $p; wait",
            "BROADCAST NOARP PROMISC UP\n",
        ),
        ("$S -u TUN:10.9.8.1/33 - 2>/dev/null; echo $?", "1\n"),
    ]);
}

#[test]
fn packets_through_a_tunnel_and_back() {
    // What is written to the tunnel is received by the machine: an echo request, answered by the kernel.
    let line = "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
        $S TUN:10.9.8.1/24,iff-up,iff-no-pi,tun-name=sk0 UDP4:127.0.0.1:5000,bind=127.0.0.1:5001 & p=$!
        until ip -br link show sk0 2>/dev/null | grep -q UP; do :; done
        python3 -c \"
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 5000)); s.settimeout(20)
def total(b):
    n = sum(struct.unpack('!%dH' % (len(b) // 2), b)); n = (n >> 16) + (n & 0xffff); return ~(n + (n >> 16)) & 0xffff
e = struct.pack('!BBHHH', 8, 0, 0, 7, 1); e = e[:2] + struct.pack('!H', total(e)) + e[4:]
a = [socket.inet_aton(x) for x in ('10.9.8.2', '10.9.8.1')]
h = struct.pack('!BBHHHBBH', 0x45, 0, 28, 1, 0, 64, 1, 0) + a[0] + a[1]; h = h[:10] + struct.pack('!H', total(h)) + h[12:]
s.sendto(h + e, ('127.0.0.1', 5001))
while True:
    b = s.recv(2000)
    if b[9] == 1 and b[20] == 0: print('answered', len(b)); break
\"; kill $p; wait";
    both(&[(line, "answered 28\n")]);
}

#[test]
fn flags_of_an_interface_that_is_listened_to() {
    // The real one knows these flags for tunnels only.
    let line = "ip link set lo down; timeout 0.5 $S INTERFACE:lo,iff-up,iff-promisc - </dev/null
        ip link show lo | grep -o PROMISC,UP; $S INTERFACE:lo,iff-master - </dev/null 2>&1 | grep -o 'does not let it'";
    let (ran, errors) = run(Path::new(OURS), line);
    assert_eq!(ran.out, "PROMISC,UP\ndoes not let it\n", "{errors}");
}

#[test]
fn programs_on_the_peers_own_descriptors() {
    let retry = "retry=400,interval=0.05";
    both(&[
        ("echo hi | $S - EXEC:cat,nofork; echo $?", "hi\n0\n"),
        ("echo hi | $S - SYSTEM:'cat; exit 3',nofork; echo $?", "hi\n3\n"),
        ("echo hi > f; $S -u OPEN:f EXEC:cat,nofork; $S -U CREATE:g EXEC:'echo there',nofork; cat g", "hi\nthere\n"),
        (
            &format!(
                "$S TCP4-LISTEN:5000,reuseaddr SYSTEM:'read a; echo $a $SOCAT_PEERADDR',nofork &
                 echo foo | $S - TCP4:127.0.0.1:5000,{retry}; wait"
            ),
            "foo 127.0.0.1\n",
        ),
        // It is the connection itself that the program has.
        (
            &format!(
                "$S TCP4-LISTEN:5000,reuseaddr EXEC:'readlink /proc/self/fd/0',nofork & p=$!
                 $S -u TCP4:127.0.0.1:5000,{retry} - | grep -o socket; wait"
            ),
            "socket\n",
        ),
        (
            &format!(
                "$S TCP4-LISTEN:5000,reuseaddr,fork SYSTEM:'read a; echo $a',nofork & p=$!
                 for i in 1 2 3; do echo $i | $S - TCP4:127.0.0.1:5000,{retry}; done; kill $p; wait 2>/dev/null"
            ),
            "1\n2\n3\n",
        ),
        ("$S EXEC:true,nofork - 2>/dev/null; echo $?", "1\n"),
        ("$S - EXEC:/nonexistent,nofork 2>/dev/null; echo $?", "1\n"),
    ]);
    for second in ["-,crlf EXEC:cat,nofork", "- EXEC:cat,nofork,pipes", "- EXEC:cat,nofork,nodelay"] {
        let (ran, errors) = run(Path::new(OURS), &format!("$S {second} </dev/null; echo $?"));
        assert_eq!(ran.out, "1\n", "{second}: {errors}");
    }
}

#[test]
fn signals_for_programs() {
    // The program says when it is ready, and which signal it got; socat goes on.
    let passed = |signal: &str| {
        format!(
            "set -m; mkfifo i; exec 5<>i; cat > script <<'END'
trap 'echo got; exit' {signal}
echo ready
while :; do sleep 0.05; done
END
$S -u EXEC:'bash script',sig{} - < i > o & p=$!
until grep -q ready o; do :; done; kill -{signal} $p; until grep -q got o; do :; done; wait $p; echo $?; cat o",
            signal.to_lowercase()
        )
    };
    both(&[
        (&passed("HUP"), "0\nready\ngot\n"),
        (&passed("INT"), "0\nready\ngot\n"),
        (&passed("QUIT"), "0\nready\ngot\n"),
    ]);
}

#[test]
fn what_the_log_says_of_a_transfer() {
    let log = |rest: &str| {
        format!(
            "echo hi | $S -d -d {rest} 2>&1 >/dev/null |
             sed 's/^[^]]*] //; s/\\[[5-9],[5-9]\\]\\|\\[[1-9][0-9],[0-9]*\\]/[n,n]/' | LC_ALL=C sort"
        )
    };
    let same = |rest: &str, expected: &[&str]| {
        let mut expected: Vec<_> = expected.to_vec();
        expected.sort_unstable();
        both(&[(&log(rest), &(expected.join("\n") + "\n"))]);
    };
    same(
        "-u - CREATE:f",
        &[
            "N using stdin for reading",
            "N creating regular file \"f\" for writing",
            "N starting data transfer loop with FDs [0,0] and [n,n]",
            "N socket 1 (fd 0) is at EOF",
            "N exiting with status 0",
        ],
    );
    same(
        "-u - FD:1",
        &[
            "N using stdin for reading",
            "N using file descriptor 1 for writing",
            "N starting data transfer loop with FDs [0,0] and [1,1]",
            "N socket 1 (fd 0) is at EOF",
            "N exiting with status 0",
        ],
    );
    let accepted = "$S -d -d TCP4-LISTEN:5000,reuseaddr,bind=127.0.0.1 PIPE 2>log & p=$!
        echo hi | $S -d -d - TCP4:127.0.0.1:5000,retry=400,interval=0.05 2>&1 >/dev/null | grep -c -e ' N opening connection to AF=2 127.0.0.1:5000$' \
        -e ' N successfully connected from local address AF=2 127.0.0.1:[0-9]*$' -e ' N reading from and writing to stdio$' -e ' N starting data transfer loop with FDs .0,1. and .[0-9]*,[0-9]*.$'
        wait; grep -o -e 'N listening on AF=2 127.0.0.1:5000' -e 'N accepting connection from AF=2 127.0.0.1:' \
        -e 'N starting data transfer loop with FDs .[0-9]*,[0-9]*. and .[0-9]*,[0-9]*.' log | sed 's/FDs.*//'";
    both(&[(
        accepted,
        "4\nN listening on AF=2 127.0.0.1:5000\nN accepting connection from AF=2 127.0.0.1:\nN starting data transfer loop with \n",
    )]);
}

#[test]
fn ends_that_are_failures_and_ends_that_are_not() {
    let reset = "python3 -c \"
import socket, struct
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 5000)); s.listen(1); open('ready', 'w')
c, _ = s.accept(); c.sendall(b'hi\\n'); c.recv(1)
c.setsockopt(1, 13, struct.pack('ii', 1, 0)); c.close()\" & until [ -e ready ]; do :; done";
    both(&[
        // A program that fails while the other side has more to say, and one that fails with the last word said.
        ("sleep 1 | $S - EXEC:false 2>/dev/null; echo ${PIPESTATUS[1]}", "1\n"),
        ("sleep 1 | $S - SYSTEM:'exit 3' 2>/dev/null; echo ${PIPESTATUS[1]}", "1\n"),
        ("sleep 1 | $S - EXEC:/nonexistent 2>/dev/null; echo ${PIPESTATUS[1]}", "1\n"),
        // A reset is the end of the data for whoever reads.
        (
            &format!(
                "{reset}; exec 5>/dev/null; (printf x; sleep 1) | $S -d - TCP4:127.0.0.1:5000 2>log; echo $?
                 grep -o 'W read(.*: Connection reset by peer' log | sed 's/(.*)/()/'; wait"
            ),
            "hi\n0\nW read(): Connection reset by peer\n",
        ),
        (
            "timeout -s TERM 1 $S -d TCP4-LISTEN:5000 - 2>&1 | grep -o 'W exiting on signal 15'",
            "W exiting on signal 15\n",
        ),
    ]);
    let line = "sleep 1 | $S - EXEC:false 2>&1 | grep -c 'E waitpid(): child [0-9]* exited with status 1$'";
    let (ran, errors) = run(Path::new(OURS), line);
    assert_eq!(ran.out, "1\n", "{errors}");
}

#[test]
fn which_version_of_ip_is_preferred() {
    let servers = "$S TCP4-LISTEN:5000,reuseaddr,fork SYSTEM:'echo 4' & a=$!
        $S TCP6-LISTEN:5000,reuseaddr,ipv6only,fork SYSTEM:'echo 6' & b=$!
        until [ $(ss -Hltn | grep -c :5000) = 2 ]; do :; done";
    let ask = |flag: &str, to: &str| {
        format!("{servers}; $S {flag} -u TCP:{to}:5000 -; kill $a $b; wait 2>/dev/null")
    };
    both(&[
        (&ask("-4", "127.0.0.1"), "4\n"),
        (&ask("-6", "127.0.0.1"), "4\n"),
        (&ask("-4", "'[::1]'"), "6\n"),
        (&ask("-6", "'[::1]'"), "6\n"),
    ]);
    let (ran, errors) =
        run(Path::new(OURS), "SOCAT_PREFERRED_RESOLVE_IP=6 $S -u TCP:127.0.0.1:1 - 2>&1 | grep -o AF=2");
    assert_eq!(ran.out, "AF=2\n", "{errors}");
}

#[test]
fn scripts_find_what_is_here() {
    both(&[
        (
            "$S -hhh | grep -q '[[:space:]]tcp4-connect[[:space:]]\\|[[:space:]]tcp4-connect:' && echo yes",
            "yes\n",
        ),
        (
            "for o in nofork o_direct fs-nodump sigint tun-name b134 ioctl-void so-reuseaddr; do $S -hhh | grep -q \"[[:space:]]$o[[:space:]]\" || echo no $o; done",
            "",
        ),
        (
            "for a in tun sctp4 sctp-listen tcp-l exec stdio; do $S -hhh | grep -qi \"[[:space:]]$a[^a-z0-9-]\" || echo no $a; done",
            "",
        ),
        (
            "$S -V | grep -c -e '#define WITH_TUN 1$' -e '#define WITH_SCTP 1$' -e '#undef WITH_READLINE$'",
            "3\n",
        ),
    ]);
}

#[test]
fn sctp_is_asked_of_the_kernel() {
    // Where the kernel has no SCTP, it says so.
    both(&[(
        "if [ -e /proc/net/sctp ]; then echo 'E socket(2, 1, 132): '; else $S -u SCTP4:127.0.0.1:5000 - 2>&1 | grep -o 'E socket(2, 1, 132): '; fi",
        "E socket(2, 1, 132): \n",
    )]);
}

#[test]
fn abstract_names_filled_up() {
    let name = |options: &str| {
        format!(
            "$S ABSTRACT-LISTEN:a{options} PIPE & p=$!; until grep -q '@a' /proc/net/unix; do :; done
             grep -a -o '@a@*' /proc/net/unix | tr -d '\\n' | wc -c; echo hi | $S - ABSTRACT-CONNECT:a{options}; wait"
        )
    };
    both(&[(&name(""), "2\nhi\n"), (&name(",unix-tightsocklen=0"), "108\nhi\n")]);
}

/// A receiver whose program shows what it was told of the datagram that `send` sends.
fn told(receiver: &str, ready: &str, send: &str) -> String {
    format!(
        "$S -u {receiver} SYSTEM:'env > o; cat >> o' & p=$!; until {ready}; do :; done
         echo hi | $S -u - {send}; until grep -q ^hi o; do :; done; kill $p 2>/dev/null; wait $p 2>/dev/null
         grep -a ^SOCAT_IP o | sort; grep -c '^SOCAT_TIMESTAMP=... ... .* [0-9]\\{{6\\}} usecs$' o; true"
    )
}

#[test]
fn what_the_kernel_tells_of_a_datagram() {
    let udp = "ss -Hlun | grep -q :5000";
    both(&[
        (
            &told(
                "UDP4-RECVFROM:5000,reuseaddr,ip-recvttl,ip-recvtos,ip-pktinfo,so-timestamp",
                udp,
                "UDP4-SENDTO:127.0.0.1:5000,ip-ttl=33,ip-tos=7",
            ),
            "SOCAT_IP_DSTADDR=127.0.0.1\nSOCAT_IP_IF=lo\nSOCAT_IP_LOCADDR=127.0.0.1\nSOCAT_IP_TOS=7\nSOCAT_IP_TTL=33\n1\n",
        ),
        (
            &told(
                "UDP6-RECVFROM:5000,reuseaddr,ipv6-recvhoplimit,ipv6-recvtclass,ipv6-recvpktinfo",
                udp,
                "'UDP6-SENDTO:[::1]:5000,ipv6-unicast-hops=35,ipv6-tclass=9'",
            ),
            "SOCAT_IPV6_DSTADDR=[0000:0000:0000:0000:0000:0000:0000:0001]\nSOCAT_IPV6_HOPLIMIT=35\nSOCAT_IPV6_IF=lo\n\
             SOCAT_IPV6_TCLASS=x00000009\n0\n",
        ),
        (&told("UNIX-RECVFROM:s,so-timestamp", "[ -S s ]", "UNIX-SENDTO:s"), "1\n"),
        (
            &told(
                "IP4-RECVFROM:200,ip-recvttl,so-timestamp",
                "ss -Hlwn | grep -q :200",
                "IP4-SENDTO:127.0.0.1:200,ip-ttl=44",
            ),
            "SOCAT_IP_TTL=44\n1\n",
        ),
    ]);
    // Where no program is started for each, the log has it.
    let log = |receiver: &str, ready: &str, send: &str| {
        format!(
            "$S -d -d -d -u {receiver} CREATE:o 2>log & p=$!; until {ready}; do :; done
             echo hi | $S -u - {send}; until grep -q hi o; do :; done; kill $p; wait $p 2>/dev/null
             grep -o 'I ancillary message: .*' log"
        )
    };
    both(&[
        (
            &log("UDP4-RECV:5000,reuseaddr,ip-recvttl", udp, "UDP4-SENDTO:127.0.0.1:5000,ip-ttl=33"),
            "I ancillary message: IP_TTL: ttl=33\n",
        ),
        (
            &log("IP4-RECV:200,ip-recvtos", "ss -Hlwn | grep -q :200", "IP4-SENDTO:127.0.0.1:200,ip-tos=12"),
            "I ancillary message: IP_TOS: tos=12\n",
        ),
        (
            &log("UDP6-RECV:5000,reuseaddr,ipv6-recvpktinfo", udp, "'UDP6-SENDTO:[::1]:5000'"),
            "I ancillary message: IPV6_PKTINFO: dstaddr=[0000:0000:0000:0000:0000:0000:0000:0001]\n\
             I ancillary message: IPV6_PKTINFO: if=lo\n",
        ),
    ]);
}

#[test]
fn peers_that_leave_early_and_proxies_that_save_a_byte() {
    let writes = |options: &str| {
        format!(
            "$S -u TCP4-LISTEN:5000,reuseaddr,readbytes=10 /dev/null & until ss -Hltn | grep -q :5000; do :; done
             yes | $S -u - TCP4:127.0.0.1:5000{options} 2>/dev/null; echo ${{PIPESTATUS[1]}}; wait"
        )
    };
    both(&[(&writes(",cool-write"), "0\n"), (&writes(""), "1\n")]);
    let proxy = |options: &str| {
        format!(
            "python3 -c \"
import socket
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', 5000)); s.listen(1); open('ready', 'w')
c, _ = s.accept(); c.recv(1000); c.sendall(b'HTTP/1.0 200 OK\\nVia: me\\n\\nhi\\n'); c.close()\" &
             until [ -e ready ]; do :; done; $S -u PROXY:127.0.0.1:there:80,proxyport=5000{options} - 2>/dev/null; wait"
        )
    };
    both(&[(&proxy(",ignorecr"), "hi\n")]);
    let (ran, errors) = run(Path::new(OURS), &proxy(""));
    assert_eq!(ran.out, "", "{errors}");
}

#[test]
fn the_newest_version_of_tls() {
    // What openssl(1) says of the version that was agreed on.
    let server = |options: &str| {
        format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -subj /CN=localhost 2>/dev/null
             $S OPENSSL-LISTEN:5000,reuseaddr,cert=c,key=k,verify=0{options} PIPE & until ss -Hltn | grep -q :5000; do :; done
             echo | openssl s_client -connect 127.0.0.1:5000 2>&1 </dev/null | grep -o -m1 'TLSv1.[23]'; wait"
        )
    };
    both(&[
        (&server(",openssl-max-proto-version=TLS1.2"), "TLSv1.2\n"),
        (&server(",openssl-max-proto-version=TLS1.3"), "TLSv1.3\n"),
        (&server(",openssl-min-proto-version=TLS1.3"), "TLSv1.3\n"),
    ]);
    let (ran, errors) =
        run(Path::new(OURS), "$S - TLS:127.0.0.1:1,max-version=TLS1.2,min-version=TLS1.3; echo $?");
    assert_eq!(ran.out, "1\n", "{errors}");
}
