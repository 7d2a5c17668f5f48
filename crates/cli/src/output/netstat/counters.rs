//! What the protocols have counted, in netstat's words where it has some and by the kernel's names else.

use std::io::{self, Write};

use sockeye::diag::Counters;

use crate::output::Out;

/// Whether a line is shown for 0 too.
#[derive(Clone, Copy, PartialEq)]
enum When {
    Always,
    Counted,
}
use When::{Always, Counted};

/// The words around a counter, `#` in its place.
const WORDS: &[(&str, &str, When, &str)] = &[
    ("Ip", "InReceives", Always, "# total packets received"),
    ("Ip", "ForwDatagrams", Always, "# forwarded"),
    ("Ip", "OutForwDatagrams", Always, "# forwarded"),
    ("Ip", "InDiscards", Always, "# incoming packets discarded"),
    ("Ip", "InDelivers", Always, "# incoming packets delivered"),
    ("Ip", "OutRequests", Always, "# requests sent out"),
    ("Ip", "OutDiscards", Counted, "# outgoing packets dropped"),
    ("Ip", "OutNoRoutes", Counted, "# dropped because of missing route"),
    ("Icmp", "InMsgs", Always, "# ICMP messages received"),
    ("Icmp", "InErrors", Always, "# input ICMP message failed"),
    ("Icmp", "OutMsgs", Always, "# ICMP messages sent"),
    ("Icmp", "OutErrors", Always, "# ICMP messages failed"),
    ("Icmp", "InDestUnreachs", Counted, "    destination unreachable: #"),
    ("Icmp", "InEchos", Counted, "    echo requests: #"),
    ("Icmp", "InEchoReps", Counted, "    echo replies: #"),
    ("Icmp", "InEchoReplies", Counted, "    echo replies: #"),
    ("Icmp", "OutDestUnreachs", Counted, "    destination unreachable: #"),
    ("Icmp", "OutEchos", Counted, "    echo requests: #"),
    ("Icmp", "OutEchoReps", Counted, "    echo replies: #"),
    ("Icmp", "OutEchoReplies", Counted, "    echo replies: #"),
    ("Tcp", "ActiveOpens", Always, "# active connection openings"),
    ("Tcp", "PassiveOpens", Always, "# passive connection openings"),
    ("Tcp", "AttemptFails", Always, "# failed connection attempts"),
    ("Tcp", "EstabResets", Always, "# connection resets received"),
    ("Tcp", "CurrEstab", Always, "# connections established"),
    ("Tcp", "InSegs", Always, "# segments received"),
    ("Tcp", "OutSegs", Always, "# segments sent out"),
    ("Tcp", "RetransSegs", Always, "# segments retransmitted"),
    ("Tcp", "InErrs", Always, "# bad segments received"),
    ("Tcp", "OutRsts", Always, "# resets sent"),
    ("Udp", "InDatagrams", Always, "# packets received"),
    ("Udp", "NoPorts", Always, "# packets to unknown port received"),
    ("Udp", "InErrors", Always, "# packet receive errors"),
    ("Udp", "OutDatagrams", Always, "# packets sent"),
    ("Udp", "RcvbufErrors", Always, "# receive buffer errors"),
    ("Udp", "SndbufErrors", Always, "# send buffer errors"),
    (
        "TcpExt",
        "PruneCalled",
        Counted,
        "# packets pruned from receive queue because of socket buffer overrun",
    ),
    ("TcpExt", "RcvPruned", Counted, "# packets pruned from receive queue"),
    ("TcpExt", "TW", Counted, "# TCP sockets finished time wait in fast timer"),
    ("TcpExt", "TWRecycled", Counted, "# time wait sockets recycled by time stamp"),
    ("TcpExt", "EmbryonicRsts", Counted, "# resets received for embryonic SYN_RECV sockets"),
    ("TcpExt", "PAWSEstab", Counted, "# packets rejected in established connections because of timestamp"),
    ("TcpExt", "DelayedACKs", Counted, "# delayed acks sent"),
    ("TcpExt", "DelayedACKLocked", Counted, "# delayed acks further delayed because of locked socket"),
    ("TcpExt", "DelayedACKLost", Counted, "Quick ack mode was activated # times"),
    ("TcpExt", "ListenOverflows", Counted, "# times the listen queue of a socket overflowed"),
    ("TcpExt", "ListenDrops", Counted, "# SYNs to LISTEN sockets dropped"),
    ("TcpExt", "TCPHPHits", Always, "# packet headers predicted"),
    ("TcpExt", "TCPPureAcks", Counted, "# acknowledgments not containing data payload received"),
    ("TcpExt", "TCPHPAcks", Counted, "# predicted acknowledgments"),
    ("TcpExt", "TCPSACKReorder", Counted, "Detected reordering # times using SACK"),
    ("TcpExt", "TCPTSReorder", Counted, "Detected reordering # times using time stamp"),
    ("TcpExt", "TCPFullUndo", Counted, "# congestion windows fully recovered without slow start"),
    ("TcpExt", "TCPPartialUndo", Counted, "# congestion windows partially recovered using Hoe heuristic"),
    ("TcpExt", "TCPLossFailures", Counted, "# timeouts in loss state"),
    ("TcpExt", "TCPFastRetrans", Counted, "# fast retransmits"),
    ("TcpExt", "TCPSlowStartRetrans", Counted, "# retransmits in slow start"),
    ("TcpExt", "TCPRcvCollapsed", Counted, "# packets collapsed in receive queue due to low socket buffer"),
    ("TcpExt", "TCPAbortOnData", Counted, "# connections reset due to unexpected data"),
    ("TcpExt", "TCPAbortOnClose", Counted, "# connections reset due to early user close"),
    ("TcpExt", "TCPAbortOnTimeout", Counted, "# connections aborted due to timeout"),
];

/// Settings, which are no counters.
const SETTINGS: [(&str, &str); 5] =
    [("Ip", "DefaultTTL"), ("Tcp", "RtoAlgorithm"), ("Tcp", "RtoMin"), ("Tcp", "RtoMax"), ("Tcp", "MaxConn")];

/// Prints what the protocols have counted; `asked` for raw, TCP and UDP, or none of them for all.
pub(crate) fn statistics(all: &[Counters], asked: [bool; 3]) -> io::Result<()> {
    let mut out = Out::stdout();
    for (protocol, counters) in all {
        let belongs_to = match protocol.as_str() {
            "Ip" | "Icmp" | "Ip6" | "Icmp6" => Some(0),
            "Tcp" | "TcpExt" => Some(1),
            "Udp" | "Udp6" => Some(2),
            // netstat shows the rest whatever was asked for.
            _ => None,
        };
        if asked.contains(&true) && belongs_to.is_some_and(|i: usize| !asked[i]) {
            continue;
        }
        if protocol == "IcmpMsg" && counters.iter().all(|(_, n)| *n == 0) {
            continue;
        }
        writeln!(out, "{protocol}:")?;
        for (name, n) in counters {
            match (protocol.as_str(), name.as_str()) {
                ("Icmp6", "InDestUnreachs") => writeln!(out, "    ICMP input histogram:")?,
                ("Icmp6", "OutDestUnreachs") => writeln!(out, "        ICMP output histogram:")?,
                _ => {}
            }
            if let Some(line) = line(protocol, name, *n) {
                writeln!(out, "    {line}")?;
            }
            match (protocol.as_str(), name.as_str()) {
                ("Icmp", "InCsumErrors") => writeln!(out, "    ICMP input histogram:")?,
                ("Icmp", "OutErrors") => writeln!(out, "    ICMP output histogram:")?,
                _ => {}
            }
        }
    }
    out.flush()
}

/// What netstat has words for in IPv4 only.
const NOT_OF_V6: [&str; 3] = ["OutErrors", "RcvbufErrors", "SndbufErrors"];

/// The line of a counter, if it has one.
fn line(protocol: &str, name: &str, n: i64) -> Option<String> {
    let (same, is_v6) = match protocol.strip_suffix('6') {
        Some(same) => (same, true),
        None => (protocol, false),
    };
    let known = !(is_v6 && NOT_OF_V6.contains(&name));
    let words = WORDS.iter().find(|(p, counter, ..)| known && *p == same && *counter == name);
    // IPv6's names begin with their protocol.
    let prefix = if is_v6 { protocol } else { "" };
    match words {
        Some((.., when, words)) => {
            (*when == Always || n != 0).then(|| words.replacen('#', &n.to_string(), 1))
        }
        None if n == 0 || SETTINGS.contains(&(protocol, name)) => None,
        None if protocol == "IcmpMsg" || same == "Icmp" => Some(format!("    {prefix}{name}: {n}")),
        None => Some(format!("{prefix}{name}: {n}")),
    }
}
