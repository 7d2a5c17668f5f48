//! The options of TCP and UDP: tcp(7), udp(7).

use super::{Access::*, Form::*, Level, On::*, SocketOption, Unit::*};

/// Numbers are given where libc has no constant: linux/tcp.h.
pub(super) const TCP: &[SocketOption] = &super::rows!(Level::Tcp;
    "TCP_CC_INFO" "cc-info" libc::TCP_CC_INFO, Bytes(64), Get, Tcp, "what the congestion control says of itself, where it does";
    "TCP_CONGESTION" "congestion" libc::TCP_CONGESTION, Text(16), Both, Tcp, "the congestion control: those in net.ipv4.tcp_allowed_congestion_control";
    "TCP_CORK" "cork" libc::TCP_CORK, Bool, Both, Tcp, "holds small pieces back (for 200 ms at most) until full segments can go";
    "TCP_DEFER_ACCEPT" "defer-accept" libc::TCP_DEFER_ACCEPT, Time(Seconds), Both, Tcp, "a listener accepts only once data has arrived, or after this time";
    "TCP_DELACK_MAX_US" "delack-max" 46, Time(Micros), Both, Tcp, "the longest that an acknowledgement waits for data to go with";
    "TCP_FASTOPEN" "fastopen" libc::TCP_FASTOPEN, Int, Both, Tcp, "a listener takes data in the first packet; how many such connections may wait";
    "TCP_FASTOPEN_CONNECT" "fastopen-connect" libc::TCP_FASTOPEN_CONNECT, Bool, Both, Tcp, "connect waits for the first data, to send both at once";
    "TCP_FASTOPEN_KEY" "fastopen-key" libc::TCP_FASTOPEN_KEY, Bytes(32), Both, Tcp, "the key that this listener's cookies are made with";
    "TCP_FASTOPEN_NO_COOKIE" "fastopen-no-cookie" libc::TCP_FASTOPEN_NO_COOKIE, Bool, Both, Tcp, "takes data in the first packet without a cookie";
    "TCP_INFO" "tcp-info" libc::TCP_INFO, Bytes(512), Get, Tcp, "all that the kernel knows of the connection, struct tcp_info: `sockeye ss -i` reads it";
    "TCP_INQ" "inq" libc::TCP_INQ, Bool, Both, Tcp, "each receive brings how much more waits";
    "TCP_IS_MPTCP" "is-mptcp" 43, Bool, Get, Tcp, "whether the connection runs over several paths";
    "TCP_KEEPCNT" "keepcnt" libc::TCP_KEEPCNT, Int, Both, Tcp, "how many keepalive probes go unanswered before the connection is dropped";
    "TCP_KEEPIDLE" "keepidle" libc::TCP_KEEPIDLE, Time(Seconds), Both, Tcp, "how long a connection is idle before the first keepalive probe";
    "TCP_KEEPINTVL" "keepintvl" libc::TCP_KEEPINTVL, Time(Seconds), Both, Tcp, "the time between keepalive probes";
    "TCP_LINGER2" "linger2" libc::TCP_LINGER2, Time(Seconds), Both, Tcp, "how long a closed connection stays in FIN-WAIT-2";
    "TCP_MAXSEG" "mss" libc::TCP_MAXSEG, Size, Both, Tcp, "the maximum segment size";
    "TCP_NODELAY" "nodelay" libc::TCP_NODELAY, Bool, Both, Tcp, "small pieces go at once, without Nagle's wait for an acknowledgement";
    "TCP_NOTSENT_LOWAT" "notsent-lowat" libc::TCP_NOTSENT_LOWAT, Unsigned, Both, Tcp, "writable only while fewer bytes than this wait to be sent";
    "TCP_QUICKACK" "quickack" libc::TCP_QUICKACK, Bool, Both, Tcp, "acknowledges at once; the kernel may turn it off again";
    "TCP_REPAIR" "repair" libc::TCP_REPAIR, Int, Both, Tcp, "lets the connection's state be read and written, to move it elsewhere (needs CAP_NET_ADMIN)";
    "TCP_RTO_MAX_MS" "rto-max" 44, Time(Millis), Both, Tcp, "the longest time between retransmissions";
    "TCP_RTO_MIN_US" "rto-min" 45, Time(Micros), Both, Tcp, "the shortest time before a retransmission";
    "TCP_SAVED_SYN" "saved-syn" libc::TCP_SAVED_SYN, Bytes(512), Get, ConnectedTcp, "the headers of the packet that opened the connection, if TCP_SAVE_SYN asked for them";
    "TCP_SAVE_SYN" "save-syn" libc::TCP_SAVE_SYN, Int, Both, Tcp, "a listener keeps the headers of the packets that open its connections, for TCP_SAVED_SYN";
    "TCP_SYNCNT" "syncnt" libc::TCP_SYNCNT, Int, Both, Tcp, "how often connect sends its first packet again";
    "TCP_THIN_LINEAR_TIMEOUTS" "thin-linear-timeouts" libc::TCP_THIN_LINEAR_TIMEOUTS, Bool, Both, Tcp, "a stream with little data retransmits at even, not growing, intervals";
    "TCP_TIMESTAMP" "tcp-timestamp" libc::TCP_TIMESTAMP, Unsigned, Both, Tcp, "the clock of TCP's timestamps (set only under TCP_REPAIR)";
    "TCP_TX_DELAY" "tx-delay" 37, Time(Micros), Both, Tcp, "delays what is sent, to try a slow path (with the fq scheduler)";
    "TCP_ULP" "ulp" libc::TCP_ULP, Text(16), Both, Tcp, "the protocol that the kernel runs on top: tls";
    "TCP_USER_TIMEOUT" "user-timeout" libc::TCP_USER_TIMEOUT, Time(Millis), Both, Tcp, "how long sent data may stay unacknowledged before the connection is dropped; 0 is the system's";
    "TCP_WINDOW_CLAMP" "window-clamp" libc::TCP_WINDOW_CLAMP, Size, Both, Tcp, "the largest window that is offered to the peer";
);

/// Numbers are given where libc has no constant: linux/udp.h.
pub(super) const UDP: &[SocketOption] = &super::rows!(Level::Udp;
    "UDP_CORK" "udp-cork" libc::UDP_CORK, Bool, Both, Udp, "gathers what is sent into one datagram until it is off again";
    "UDP_ENCAP" "encap" libc::UDP_ENCAP, Int, Both, Udp, "takes IPsec or a tunnel out of the datagrams: UDP_ENCAP_*";
    "UDP_GRO" "gro" libc::UDP_GRO, Bool, Both, Udp, "several datagrams of one sender may arrive as one receive, with their size beside it";
    "UDP_NO_CHECK6_RX" "no-check6-rx" libc::UDP_NO_CHECK6_RX, Bool, Both, Udp, "takes IPv6 datagrams without a checksum";
    "UDP_NO_CHECK6_TX" "no-check6-tx" libc::UDP_NO_CHECK6_TX, Bool, Both, Udp, "sends IPv6 datagrams without a checksum";
    "UDP_SEGMENT" "segment" libc::UDP_SEGMENT, Size, Both, Udp, "what is sent at once goes out as datagrams of this size; 0 as one";
);
