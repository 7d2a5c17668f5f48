//! The options of every socket, and of Unix sockets: socket(7), unix(7).

use super::{Access::*, Form::*, Level, On::*, SocketOption, Unit::*};

/// `SO_RCVBUF` and the like are the same on every architecture but mips, parisc and sparc: asm-generic/socket.h.
/// Numbers are given where libc has no constant.
pub(super) const SOCKET: &[SocketOption] = &super::rows!(Level::Socket;
    "SO_ACCEPTCONN" "acceptconn" libc::SO_ACCEPTCONN, Bool, Get, Any, "whether the socket listens";
    "SO_BINDTODEVICE" "interface" libc::SO_BINDTODEVICE, Text(16), Both, Ip, "sends and receives through this interface only";
    "SO_BINDTOIFINDEX" "bindtoifindex" libc::SO_BINDTOIFINDEX, Interface, Both, Ip, "as SO_BINDTODEVICE, by the interface's index";
    "SO_BROADCAST" "broadcast" libc::SO_BROADCAST, Bool, Both, Any, "lets datagrams go to broadcast addresses";
    "SO_BUF_LOCK" "buf-lock" 72, Int, Both, Any, "buffers that the kernel leaves at their size: 1 send, 2 receive, 3 both";
    "SO_BUSY_POLL" "busy-poll" libc::SO_BUSY_POLL, Time(Micros), Both, Any, "how long a receive spins on the network card before it sleeps";
    "SO_BUSY_POLL_BUDGET" "busy-poll-budget" 70, Int, Set, Any, "how many packets one busy poll takes";
    "SO_COOKIE" "cookie" 57, Long, Get, Any, "the kernel's number of this socket, unique until it restarts; ss shows it as sk";
    "SO_DEBUG" "debug" libc::SO_DEBUG, Bool, Both, Any, "marks the socket for debugging (needs CAP_NET_ADMIN)";
    "SO_DOMAIN" "domain" libc::SO_DOMAIN, Word(FAMILIES), Get, Any, "the family";
    "SO_DONTROUTE" "dontroute" libc::SO_DONTROUTE, Bool, Both, Any, "sends to directly connected networks only, by no gateway";
    "SO_ERROR" "error" libc::SO_ERROR, Errno, Get, Any, "the pending error, which reading clears";
    "SO_INCOMING_CPU" "incoming-cpu" libc::SO_INCOMING_CPU, Int, Both, Any, "the processor that received last; set, the one whose connections this listener takes";
    "SO_INCOMING_NAPI_ID" "incoming-napi-id" 56, Unsigned, Get, Any, "the network card's queue that received last";
    "SO_KEEPALIVE" "keepalive" libc::SO_KEEPALIVE, Bool, Both, Any, "probes an idle connection, so that a dead peer is found (see TCP_KEEPIDLE)";
    "SO_LINGER" "linger" libc::SO_LINGER, Linger, Both, Any, "how long close waits for data to be sent; 0 resets the connection instead";
    "SO_LOCK_FILTER" "lock-filter" libc::SO_LOCK_FILTER, Bool, Both, Any, "keeps the attached packet filter from being changed";
    "SO_MARK" "mark" libc::SO_MARK, Unsigned, Both, Any, "the mark that routing and firewall rules see (needs CAP_NET_ADMIN)";
    "SO_MAX_PACING_RATE" "max-pacing-rate" libc::SO_MAX_PACING_RATE, Long, Both, Any, "the most bytes a second that are sent; -1 is no limit";
    "SO_NETNS_COOKIE" "netns-cookie" 71, Long, Get, Any, "the number of the network namespace that the socket is in";
    "SO_NOFCS" "nofcs" libc::SO_NOFCS, Bool, Both, Any, "the sender gives the Ethernet checksum itself (packet sockets)";
    "SO_NO_CHECK" "no-check" libc::SO_NO_CHECK, Bool, Both, Udp, "sends UDP over IPv4 without a checksum";
    "SO_OOBINLINE" "oobinline" libc::SO_OOBINLINE, Bool, Both, Any, "urgent data stays in its place among the rest";
    "SO_PASSCRED" "passcred" libc::SO_PASSCRED, Bool, Both, Unix, "each message brings the sender's pid, uid and gid";
    "SO_PASSPIDFD" "passpidfd" 76, Bool, Both, Unix, "each message brings a descriptor of the sending process";
    "SO_PASSRIGHTS" "passrights" 83, Bool, Both, Unix, "off, the socket refuses descriptors";
    "SO_PASSSEC" "passsec" libc::SO_PASSSEC, Bool, Both, Unix, "each message brings the sender's security label";
    "SO_PEEK_OFF" "peek-off" libc::SO_PEEK_OFF, Int, Both, Any, "where MSG_PEEK starts, moving on with each peek; -1 is the front of the queue";
    "SO_PEERCRED" "peercred" libc::SO_PEERCRED, Credentials, Get, Unix, "the pid, uid and gid of whoever connected or listens at the other end";
    "SO_PEERGROUPS" "peergroups" 59, Numbers, Get, ConnectedUnix, "the supplementary groups of the other end";
    "SO_PEERSEC" "peersec" libc::SO_PEERSEC, Text(256), Get, ConnectedUnix, "the security label of the other end";
    "SO_PREFER_BUSY_POLL" "prefer-busy-poll" 69, Bool, Both, Any, "keeps the card's interrupts off while this socket polls";
    "SO_PRIORITY" "priority" libc::SO_PRIORITY, Int, Both, Any, "the queueing priority; 0 to 6 need no privilege";
    "SO_PROTOCOL" "protocol" libc::SO_PROTOCOL, Word(PROTOCOLS), Get, Any, "the protocol";
    "SO_RCVBUF" "rcvbuf" libc::SO_RCVBUF, Size, Both, Any, "the receive buffer; the kernel doubles it and bounds it by net.core.rmem_max";
    "SO_RCVBUFFORCE" "rcvbufforce" libc::SO_RCVBUFFORCE, Size, Set, Any, "the receive buffer, also beyond net.core.rmem_max (needs CAP_NET_ADMIN)";
    "SO_RCVLOWAT" "rcvlowat" libc::SO_RCVLOWAT, Size, Both, Any, "how much must have arrived before a receive returns";
    "SO_RCVMARK" "rcvmark" 75, Bool, Both, Any, "each message brings its mark";
    "SO_RCVPRIORITY" "rcvpriority" 82, Bool, Both, Any, "each message brings its priority";
    "SO_RCVTIMEO" "rcvtimeo" libc::SO_RCVTIMEO, Time(Timeval), Both, Any, "how long a blocking receive or accept waits; 0 is no limit";
    "SO_RESERVE_MEM" "reserve-mem" 73, Size, Both, Any, "kernel memory set aside for this socket";
    "SO_REUSEADDR" "reuseaddr" libc::SO_REUSEADDR, Bool, Both, Any, "lets a server bind while old connections of its port are in TIME-WAIT";
    "SO_REUSEPORT" "reuseport" libc::SO_REUSEPORT, Bool, Both, Any, "lets several sockets of one user share a port and its load";
    "SO_RXQ_OVFL" "rxq-ovfl" libc::SO_RXQ_OVFL, Bool, Both, Any, "each datagram brings the count of those dropped for want of buffer";
    "SO_SELECT_ERR_QUEUE" "select-err-queue" libc::SO_SELECT_ERR_QUEUE, Bool, Both, Any, "poll reports the error queue as POLLPRI too";
    "SO_SNDBUF" "sndbuf" libc::SO_SNDBUF, Size, Both, Any, "the send buffer; the kernel doubles it and bounds it by net.core.wmem_max";
    "SO_SNDBUFFORCE" "sndbufforce" libc::SO_SNDBUFFORCE, Size, Set, Any, "the send buffer, also beyond net.core.wmem_max (needs CAP_NET_ADMIN)";
    "SO_SNDLOWAT" "sndlowat" libc::SO_SNDLOWAT, Size, Get, Any, "how much room makes the socket writable; Linux does not let it be changed";
    "SO_SNDTIMEO" "sndtimeo" libc::SO_SNDTIMEO, Time(Timeval), Both, Any, "how long a blocking send or connect waits; 0 is no limit";
    "SO_TIMESTAMP" "timestamp" libc::SO_TIMESTAMP, Bool, Both, Any, "each message brings the time it was received, in microseconds";
    "SO_TIMESTAMPING" "timestamping" libc::SO_TIMESTAMPING, Int, Both, Any, "times of sending and receiving, by kernel and card: a sum of SOF_TIMESTAMPING_*";
    "SO_TIMESTAMPNS" "timestampns" libc::SO_TIMESTAMPNS, Bool, Both, Any, "each message brings the time it was received, in nanoseconds";
    "SO_TXREHASH" "txrehash" 74, Int, Both, Tcp, "whether a TCP connection in trouble tries another path: 0 no, 1 yes, -1 as the system does";
    "SO_TXTIME" "txtime" 61, Bytes(8), Both, Any, "the clock and flags of messages that are to be sent at a given time";
    "SO_TYPE" "type" libc::SO_TYPE, Word(TYPES), Get, Any, "the type";
    "SO_WIFI_STATUS" "wifi-status" libc::SO_WIFI_STATUS, Bool, Both, Any, "the error queue brings whether a wireless frame was acknowledged";
    "SO_ZEROCOPY" "zerocopy" 60, Bool, Both, Ip, "lets MSG_ZEROCOPY send from the program's own memory";
);

const FAMILIES: &[(&str, i32)] =
    &[("AF_INET", libc::AF_INET), ("AF_INET6", libc::AF_INET6), ("AF_UNIX", libc::AF_UNIX)];

const TYPES: &[(&str, i32)] = &[
    ("SOCK_STREAM", libc::SOCK_STREAM),
    ("SOCK_DGRAM", libc::SOCK_DGRAM),
    ("SOCK_SEQPACKET", libc::SOCK_SEQPACKET),
    ("SOCK_RAW", libc::SOCK_RAW),
];

const PROTOCOLS: &[(&str, i32)] = &[
    ("default", 0),
    ("IPPROTO_ICMP", libc::IPPROTO_ICMP),
    ("IPPROTO_TCP", libc::IPPROTO_TCP),
    ("IPPROTO_UDP", libc::IPPROTO_UDP),
    ("IPPROTO_ICMPV6", libc::IPPROTO_ICMPV6),
    ("IPPROTO_RAW", libc::IPPROTO_RAW),
    ("IPPROTO_MPTCP", 262),
];
