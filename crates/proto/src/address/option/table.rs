//! The one table of options. Each row: name of the variant, spelling, aliases, type of value, groups,
//! the POSIX name of the socket option it stands for, and a line of documentation.
//!
//! The first spelling is the one that is printed. In all of them `_` reads as `-`, and case does not count.

use super::value::{
    DATA, FLAG, FRAMING, INT, MODE, Numbered, SIZE, STRING, TEXT, TIME, ValueType, int, one_of, word_or,
};
use crate::address::Groups;
use crate::address::group::maybe;

/// What the table says of one option.
#[derive(Debug, Clone, Copy)]
pub struct OptionInfo {
    /// Which option.
    pub name: OptionName,
    /// The canonical spelling.
    pub spelling: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What value it takes.
    pub value: ValueType,
    /// The groups of kinds that take it.
    pub groups: Groups,
    /// The POSIX (or Linux) name of the socket option that it sets, if it is one.
    pub socket: Option<&'static str>,
    /// One line of documentation.
    pub doc: &'static str,
}

macro_rules! options {
    ($($name:ident $spelling:literal [$($alias:literal)*] $value:expr, $groups:expr $(=> $socket:literal)?; $doc:literal)*) => {
        /// A known option. Its spellings, its type of value and the kinds that take it: [`OptionName::info`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum OptionName { $(#[doc = concat!("`", $spelling, "`: ", $doc)] $name),* }

        pub(super) static OPTIONS: &[OptionInfo] = &[$(OptionInfo {
            name: OptionName::$name,
            spelling: $spelling,
            aliases: &[$($alias),*],
            value: $value,
            groups: $groups,
            socket: maybe(&[$($socket)?]),
            doc: $doc,
        }),*];
    };
}

const ANY: Groups = Groups::ANY;
const FD: Groups = Groups::FD;
const REG: Groups = Groups::REG;
const SOCKET: Groups = Groups::SOCKET;
const NAMED: Groups = Groups::NAMED;
const OPEN: Groups = Groups::OPEN;
const EXEC: Groups = Groups::EXEC;
const FORK: Groups = Groups::FORK;
const LISTEN: Groups = Groups::LISTEN;
const CHILD: Groups = Groups::CHILD;
const RETRY: Groups = Groups::RETRY;
const TERMIOS: Groups = Groups::TERMIOS;
const RANGE: Groups = Groups::RANGE;
const PARENT: Groups = Groups::PARENT;
const INTERFACE: Groups = Groups::INTERFACE;
const PTY: Groups = Groups::PTY;
const UNIX: Groups = Groups::UNIX;
const IP4: Groups = Groups::IP4;
const IP6: Groups = Groups::IP6;
const IP: Groups = IP4.and(IP6);
const TCP: Groups = Groups::TCP;
const PORTS: Groups = TCP.and(Groups::UDP);
const TLS: Groups = Groups::TLS;
const ARQ: Groups = Groups::ARQ;
const STREAM: Groups = Groups::STREAM;
const CONNECT: Groups = Groups::CONNECT;
const I32: ValueType = int(0, i32::MAX as i64);
const BYTE: ValueType = int(0, 255);
const PORT: ValueType = int(0, 65_535);

options! {
    // Servers and clients.
    Fork "fork" [] FLAG, CHILD; "Serve each peer on its own and go on listening; for clients, connect again after each end."
    MaxChildren "max-children" ["maxchildren"] int(1, 10_000_000), CHILD; "With fork, at most this many peers at a time."
    Backlog "backlog" [] I32, LISTEN; "Connections the kernel keeps waiting until they are accepted."
    Bind "bind" [] TEXT, SOCKET; "Local address: host, host:port, or a path for Unix domain sockets."
    Sourceport "sourceport" ["sp"] PORT, PORTS; "Local port of a client; for a server, the port its clients must come from."
    Lowport "lowport" [] FLAG, PORTS; "Bind a client to a free port from 640 to 1023; a server takes clients from there only."
    ProtocolFamily "pf" ["protocol-family"] one_of(&["ip4", "ip6", "ipv4", "ipv6", "inet", "inet4", "inet6", "unix", "local", "0", "1", "2", "10"]), SOCKET; "Protocol family, where the keyword leaves it open."
    Socktype "type" ["so-type" "socktype"] int(1, 5), SOCKET; "Socket type by number: 1 stream, 2 datagram, 3 raw, 5 sequenced packets."
    Socketprotocol "protocol" ["so-protocol" "prototype" "so-prototype"] int(0, 262), SOCKET; "Protocol number handed to socket(2)."
    ConnectTimeout "connect-timeout" [] TIME, SOCKET; "How long one attempt to connect may take."
    AcceptTimeout "accept-timeout" ["listen-timeout"] TIME, LISTEN; "How long to wait for a connection."
    IdleTimeout "idle-timeout" [] TIME, ANY; "End after this long without data in either direction."
    TotalTimeout "total-timeout" [] TIME, ANY; "End after this long, whatever happens."
    Retry "retry" [] int(0, u32::MAX as i64), RETRY; "How often to try again after a failure."
    Forever "forever" [] FLAG, RETRY; "Try again without end."
    Interval "interval" ["intervall"] TIME, RETRY; "Pause between two attempts (1 s)."
    Backoff "backoff" [] int(1, 100), RETRY; "Factor by which the interval grows after each attempt (1)."
    BackoffMax "backoff-max" ["max-interval"] TIME, RETRY; "Longest interval between two attempts."
    Jitter "jitter" [] int(0, 100), RETRY; "Percent by which each interval is varied at random."
    Allow "allow" [] TEXT, RANGE; "Only peers in these networks or hosts, separated by spaces; the rest are refused."
    Deny "deny" [] TEXT, RANGE; "No peers from these networks or hosts, separated by spaces."
    Range "range" [] TEXT, RANGE; "Only peers in this network: 10.0.0.0/8 or 10.0.0.0:255.0.0.0; an IPv6 network with its address in brackets."
    SendProxy "send-proxy" ["send-proxy-protocol"] word_or(&["v1", "v2"]), CONNECT; "Begin with a PROXY protocol header that names the client."
    AcceptProxy "accept-proxy" ["accept-proxy-protocol"] FLAG, LISTEN; "Take the client's address from the PROXY protocol header each connection begins with."
    Netns "netns" [] TEXT, SOCKET; "Network namespace to open the socket in: a name of ip-netns(8) or a path."
    NullEof "null-eof" [] FLAG, SOCKET; "An empty datagram means the end of data."

    // What passes.
    Frame "frame" [] FRAMING, STREAM; "Framing of the messages on this address, such as line or len:u16be."
    Preamble "preamble" [] TEXT, ANY; "Text to send before anything else."
    HalfClose "half-close" [] one_of(&["pass", "close", "ignore"]), ANY; "When the other side ends: pass the end on, close both directions, or ignore it."
    Shut "shut" [] one_of(&["down", "close", "none", "null"]), FD; "How the end is passed on: shutdown(2), close(2), not at all, or an empty datagram."
    EndClose "end-close" ["close"] FLAG, FD; "At the end close(2) the socket only, without shutdown(2)."
    Crlf "crlf" ["crnl"] FLAG, ANY; "Line ends are CR LF on this address and LF on the other."
    Cr "cr" [] FLAG, ANY; "Line ends are CR on this address and LF on the other."
    Ignoreeof "ignoreeof" ["ignoreof"] FLAG, ANY; "At the end of data go on reading, as tail -f does."
    Readbytes "readbytes" ["bytes"] SIZE, ANY; "Treat the data as ended after this many bytes."
    Escape "escape" [] BYTE, ANY; "Character code that, when read, means the end of data."
    Lockfile "lockfile" [] TEXT, ANY; "Create this file as a lock, or fail if it exists."
    Waitlock "waitlock" [] TEXT, ANY; "Create this file as a lock, waiting while it exists."

    // SOL_SOCKET.
    Reuseaddr "reuseaddr" ["so-reuseaddr"] FLAG, SOCKET => "SO_REUSEADDR"; "Bind even while connections of an earlier server are in TIME-WAIT."
    Reuseport "reuseport" ["so-reuseport"] FLAG, SOCKET => "SO_REUSEPORT"; "Let several sockets of one user bind the same address."
    Interface "interface" ["so-bindtodevice" "bindtodevice" "if"] TEXT, SOCKET => "SO_BINDTODEVICE"; "Only this network interface."
    Mark "mark" ["so-mark"] int(0, u32::MAX as i64), SOCKET => "SO_MARK"; "Mark of the packets for routing and filters; needs CAP_NET_ADMIN."
    Broadcast "broadcast" ["so-broadcast"] FLAG, SOCKET => "SO_BROADCAST"; "Allow sending to broadcast addresses."
    Keepalive "keepalive" ["so-keepalive"] FLAG, SOCKET => "SO_KEEPALIVE"; "Probe a silent connection to see that the peer still lives."
    Linger "linger" ["so-linger"] TIME, SOCKET => "SO_LINGER"; "How long close(2) waits for unsent data; 0 resets the connection. Whole seconds."
    Sndbuf "sndbuf" ["so-sndbuf"] SIZE, SOCKET => "SO_SNDBUF"; "Size of the kernel's send buffer, before the socket is connected."
    SndbufLate "sndbuf-late" ["so-sndbuf-late"] SIZE, SOCKET => "SO_SNDBUF"; "Size of the kernel's send buffer, once the socket is connected."
    Rcvbuf "rcvbuf" ["so-rcvbuf"] SIZE, SOCKET => "SO_RCVBUF"; "Size of the kernel's receive buffer, before the socket is connected."
    RcvbufLate "rcvbuf-late" ["so-rcvbuf-late"] SIZE, SOCKET => "SO_RCVBUF"; "Size of the kernel's receive buffer, once the socket is connected."
    Sndlowat "sndlowat" ["so-sndlowat"] SIZE, SOCKET => "SO_SNDLOWAT"; "Free bytes from which the socket counts as writable."
    Rcvlowat "rcvlowat" ["so-rcvlowat"] SIZE, SOCKET => "SO_RCVLOWAT"; "Bytes from which the socket counts as readable."
    Priority "priority" ["so-priority"] I32, SOCKET => "SO_PRIORITY"; "Queueing priority of the packets."
    Oobinline "oobinline" ["so-oobinline"] FLAG, SOCKET => "SO_OOBINLINE"; "Urgent data comes in line with the rest."
    Dontroute "dontroute" ["so-dontroute"] FLAG, SOCKET => "SO_DONTROUTE"; "Only hosts on networks directly attached."
    Debug "debug" ["so-debug"] FLAG, SOCKET => "SO_DEBUG"; "Protocol debugging in the kernel; needs CAP_NET_ADMIN."
    NoCheck "no-check" ["so-no-check" "nocheck"] FLAG, SOCKET => "SO_NO_CHECK"; "Send UDP without checksums."
    Passcred "passcred" ["so-passcred"] FLAG, UNIX => "SO_PASSCRED"; "Receive the sender's credentials."
    Timestamp "timestamp" ["so-timestamp"] FLAG, SOCKET => "SO_TIMESTAMP"; "Receive the time each packet came."
    BusyPoll "busy-poll" ["so-busy-poll"] I32, SOCKET => "SO_BUSY_POLL"; "Microseconds to poll the device when there is nothing to receive."
    Setsockopt "setsockopt" ["sockopt" "setsockopt-bin" "sockopt-bin"] DATA, SOCKET; "Any other socket option as level:name:value, the value in socat's data notation."
    SetsockoptInt "setsockopt-int" ["sockopt-int"] INT, SOCKET; "Any other socket option as level:name:integer."
    SetsockoptString "setsockopt-string" ["sockopt-string"] STRING, SOCKET; "Any other socket option as level:name:text."
    SetsockoptListen "setsockopt-listen" ["sockopt-listen"] DATA, SOCKET; "As setsockopt, on a listening socket before bind(2)."

    Siocspgrp "siocspgrp" [] int(i32::MIN as i64, i32::MAX as i64), SOCKET; "Process (or, negative, group) that gets the socket's signals (SIOCSPGRP)."
    Fiosetown "fiosetown" [] int(i32::MIN as i64, i32::MAX as i64), SOCKET; "The same (FIOSETOWN)."
    UnixTightsocklen "unix-tightsocklen" ["tightsocklen"] FLAG, UNIX; "A name ends with its last character (1); 0 fills it up with zeros, which count in the abstract namespace."

    // IP and IPv6.
    Ttl "ttl" ["ip-ttl" "ipttl"] int(0, 255), IP => "IP_TTL"; "Hops that packets may take."
    Tos "tos" ["ip-tos" "iptos"] BYTE, IP => "IP_TOS"; "Type of service byte (DSCP and ECN) of packets sent."
    Freebind "freebind" ["ip-freebind" "ipfreebind"] FLAG, IP => "IP_FREEBIND"; "Bind to an address that is not on this host (yet)."
    Transparent "transparent" ["ip-transparent"] FLAG, IP => "IP_TRANSPARENT"; "Bind to foreign addresses for transparent proxies; needs CAP_NET_ADMIN."
    Hdrincl "hdrincl" ["ip-hdrincl" "iphdrincl"] FLAG, IP4 => "IP_HDRINCL"; "The data of raw packets begin with the IP header."
    IpMtu "ip-mtu" ["ipmtu"] int(68, 65_535), IP => "IP_MTU"; "Known path MTU of the connection."
    MtuDiscover "mtu-discover" ["ip-mtu-discover" "ipmtudiscover" "mtudiscover"] int(0, 5), IP => "IP_MTU_DISCOVER"; "Path MTU discovery: 0 never, 1 want, 2 do, 3 probe, 4 interface, 5 omit."
    AddMembership "add-membership" ["ip-add-membership" "ip-membership" "membership"] TEXT, IP => "IP_ADD_MEMBERSHIP"; "Join a multicast group: group, group:interface or group:address:interface."
    AddSourceMembership "add-source-membership" ["ip-add-source-membership" "source-membership"] TEXT, IP => "IP_ADD_SOURCE_MEMBERSHIP"; "Join a multicast group for one sender: group:interface:source."
    MulticastIf "multicast-if" ["ip-multicast-if"] TEXT, IP => "IP_MULTICAST_IF"; "Interface or local address that multicast packets leave from."
    MulticastLoop "multicast-loop" ["ip-multicast-loop" "multicastloop" "ipmulticastloop"] FLAG, IP => "IP_MULTICAST_LOOP"; "Own multicast packets come back to this host."
    MulticastTtl "multicast-ttl" ["ip-multicast-ttl" "multicastttl" "ipmulticastttl"] BYTE, IP => "IP_MULTICAST_TTL"; "Hops that multicast packets may take."
    IpOptions "ip-options" ["ipoptions"] TEXT, IP4 => "IP_OPTIONS"; "IP options of packets sent, in hexadecimal."
    Pktinfo "pktinfo" ["ip-pktinfo" "ippktinfo"] FLAG, IP => "IP_PKTINFO"; "Receive the local address of each packet."
    Recverr "recverr" ["ip-recverr" "iprecverr"] FLAG, IP => "IP_RECVERR"; "Receive errors of the network as messages."
    Recvopts "recvopts" ["ip-recvopts" "iprecvopts"] FLAG, IP4 => "IP_RECVOPTS"; "Receive the IP options of each packet."
    Retopts "retopts" ["ip-retopts" "ipretopts"] FLAG, IP4 => "IP_RETOPTS"; "Receive the IP options of each packet unprocessed."
    Recvtos "recvtos" ["ip-recvtos" "iprecvtos"] FLAG, IP => "IP_RECVTOS"; "Receive the type of service of each packet."
    Recvttl "recvttl" ["ip-recvttl" "iprecvttl"] FLAG, IP => "IP_RECVTTL"; "Receive the hops left to each packet."
    RouterAlert "router-alert" ["ip-router-alert" "iprouteralert" "routeralert"] I32, IP4 => "IP_ROUTER_ALERT"; "Pass packets with the router alert option to this raw socket."
    Ipv6only "ipv6only" ["ipv6-v6only" "v6only"] FLAG, IP6 => "IPV6_V6ONLY"; "An IPv6 socket takes IPv6 only, not IPv4 as well."
    JoinGroup "join-group" ["ipv6-join-group" "ipv6-add-membership"] TEXT, IP6 => "IPV6_JOIN_GROUP"; "Join an IPv6 multicast group: group:interface, the group in brackets."
    JoinSourceGroup "join-source-group" ["ipv6-join-source-group"] TEXT, IP6 => "MCAST_JOIN_SOURCE_GROUP"; "Join an IPv6 multicast group for one sender: group:interface:source, the addresses in brackets."
    UnicastHops "unicast-hops" ["ipv6-unicast-hops"] int(-1, 255), IP6 => "IPV6_UNICAST_HOPS"; "Hops that IPv6 packets may take; -1 is the system's default."
    MulticastHops "multicast-hops" ["ipv6-multicast-hops"] int(-1, 255), IP6 => "IPV6_MULTICAST_HOPS"; "Hops that IPv6 multicast packets may take; -1 is the system's default."
    Tclass "tclass" ["ipv6-tclass"] int(-1, 255), IP6 => "IPV6_TCLASS"; "Traffic class of IPv6 packets sent; -1 is the system's default."
    Recvtclass "recvtclass" ["ipv6-recvtclass"] FLAG, IP6 => "IPV6_RECVTCLASS"; "Receive the traffic class of each packet."
    Recvhoplimit "recvhoplimit" ["ipv6-recvhoplimit"] FLAG, IP6 => "IPV6_RECVHOPLIMIT"; "Receive the hop limit of each packet."
    Recvpktinfo "recvpktinfo" ["ipv6-recvpktinfo"] FLAG, IP6 => "IPV6_RECVPKTINFO"; "Receive the local address of each IPv6 packet."
    Recvdstopts "recvdstopts" ["ipv6-recvdstopts"] FLAG, IP6 => "IPV6_RECVDSTOPTS"; "Receive the destination options of each packet."
    Recvhopopts "recvhopopts" ["ipv6-recvhopopts"] FLAG, IP6 => "IPV6_RECVHOPOPTS"; "Receive the hop-by-hop options of each packet."
    Recvrthdr "recvrthdr" ["ipv6-recvrthdr"] FLAG, IP6 => "IPV6_RECVRTHDR"; "Receive the routing header of each packet."
    Recvpathmtu "ipv6-recvpathmtu" ["recvpathmtu"] FLAG, IP6 => "IPV6_RECVPATHMTU"; "Learn when the path MTU changes."
    Ipv6Recverr "ipv6-recverr" [] FLAG, IP6 => "IPV6_RECVERR"; "Receive errors of the IPv6 network as messages."

    // TCP.
    Nodelay "nodelay" ["tcp-nodelay"] FLAG, TCP => "TCP_NODELAY"; "Send small segments at once (no Nagle's algorithm)."
    Cork "cork" ["tcp-cork"] FLAG, TCP => "TCP_CORK"; "Send full segments only."
    Quickack "quickack" ["tcp-quickack"] FLAG, TCP => "TCP_QUICKACK"; "Acknowledge at once."
    Keepidle "keepidle" ["tcp-keepidle"] int(1, 32_767), TCP => "TCP_KEEPIDLE"; "Seconds of silence before the first keepalive probe."
    Keepintvl "keepintvl" ["tcp-keepintvl"] int(1, 32_767), TCP => "TCP_KEEPINTVL"; "Seconds between keepalive probes."
    Keepcnt "keepcnt" ["tcp-keepcnt"] int(1, 127), TCP => "TCP_KEEPCNT"; "Keepalive probes without an answer that end the connection."
    UserTimeout "user-timeout" ["tcp-user-timeout"] TIME, TCP => "TCP_USER_TIMEOUT"; "How long data may stay unacknowledged before the connection ends. Whole milliseconds."
    Congestion "congestion" ["tcp-congestion"] TEXT, TCP => "TCP_CONGESTION"; "Congestion control algorithm, such as cubic or bbr."
    Mss "mss" ["tcp-maxseg" "maxseg"] int(1, 65_535), TCP => "TCP_MAXSEG"; "Largest segment, before the socket is connected."
    MssLate "mss-late" ["tcp-maxseg-late" "maxseg-late"] int(1, 65_535), TCP => "TCP_MAXSEG"; "Largest segment, once the socket is connected."
    Fastopen "fastopen" ["tcp-fastopen"] I32, TCP => "TCP_FASTOPEN"; "Data with the handshake: for a server, the length of the queue; for a client, 1."
    DeferAccept "defer-accept" ["tcp-defer-accept"] I32, TCP => "TCP_DEFER_ACCEPT"; "Seconds to wait for data before a connection counts as accepted."
    Linger2 "linger2" ["tcp-linger2"] int(-1, i32::MAX as i64), TCP => "TCP_LINGER2"; "Seconds that a closed connection stays in FIN-WAIT-2."
    Syncnt "syncnt" ["tcp-syncnt"] int(1, 127), TCP => "TCP_SYNCNT"; "SYNs sent before an attempt to connect fails."
    WindowClamp "window-clamp" ["tcp-window-clamp"] SIZE, TCP => "TCP_WINDOW_CLAMP"; "Largest window offered to the peer."
    NotsentLowat "notsent-lowat" ["tcp-notsent-lowat"] SIZE, TCP => "TCP_NOTSENT_LOWAT"; "Unsent bytes below which the socket counts as writable."

    // Files and what has a name.
    Mode "mode" ["perm"] MODE, FD.and(NAMED); "Permissions of the file or socket, in octal."
    ModeEarly "perm-early" [] MODE, NAMED; "Permissions, set before it is opened."
    ModeLate "perm-late" [] MODE, FD; "Permissions, set once it is open."
    User "user" ["uid" "owner"] TEXT, FD.and(NAMED); "Owner of the file or socket, by name or number."
    UserEarly "user-early" ["uid-e"] TEXT, NAMED; "Owner, set before it is opened."
    UserLate "user-late" ["uid-l"] TEXT, FD; "Owner, set once it is open."
    Group "group" ["gid"] TEXT, FD.and(NAMED); "Group of the file or socket, by name or number."
    GroupEarly "group-early" ["gid-e"] TEXT, NAMED; "Group, set before it is opened."
    GroupLate "group-late" ["gid-l"] TEXT, FD; "Group, set once it is open."
    Umask "umask" [] MODE, NAMED; "Permissions that new files do not get, in octal."
    Unlink "unlink" ["delete" "remove"] FLAG, NAMED; "Remove what has the name before opening it."
    UnlinkEarly "unlink-early" ["new"] FLAG, NAMED; "Remove what has the name before anything else, a stale socket for instance."
    UnlinkLate "unlink-late" [] FLAG, NAMED; "Remove the name as soon as it is open."
    UnlinkClose "unlink-close" [] FLAG, NAMED; "Remove the name at the end."
    Append "append" ["o-append"] FLAG, FD.and(OPEN); "Write at the end of the file."
    Create "creat" ["create" "o-create" "o-creat"] FLAG, OPEN; "Create the file if it is missing."
    Excl "excl" ["o-excl"] FLAG, OPEN; "With creat, fail if the file exists."
    Trunc "trunc" ["o-trunc"] FLAG, OPEN; "Empty the file first."
    Rdonly "rdonly" ["o-rdonly"] FLAG, OPEN; "Open for reading only."
    Wronly "wronly" ["o-wronly"] FLAG, OPEN; "Open for writing only."
    Rdwr "rdwr" ["o-rdwr"] FLAG, OPEN; "Open for reading and writing."
    Nonblock "nonblock" ["o-nonblock" "o-ndelay" "ndelay"] FLAG, FD.and(OPEN); "Open without waiting, for FIFOs and devices."
    Sync "sync" ["o-sync"] FLAG, OPEN; "Each write waits until data and metadata are stored."
    Dsync "dsync" ["o-dsync"] FLAG, OPEN; "Each write waits until the data are stored."
    Directory "directory" ["o-directory"] FLAG, OPEN; "Fail unless it is a directory."
    Noatime "noatime" ["o-noatime"] FLAG, FD.and(OPEN); "Reading does not change the time of last access."
    Noctty "noctty" ["o-noctty"] FLAG, OPEN; "A terminal opened does not become the controlling one."
    Nofollow "nofollow" ["o-nofollow"] FLAG, OPEN; "Fail if the last part of the path is a symbolic link."
    Largefile "largefile" ["o-largefile"] FLAG, OPEN; "Files over 2 GiB, which every file may be here anyway (O_LARGEFILE)."
    Direct "direct" ["o-direct"] FLAG, OPEN; "Past the page cache (O_DIRECT)."
    Rsync "rsync" ["o-rsync"] FLAG, OPEN; "Reads wait for what is being written (O_RSYNC, which Linux has as O_SYNC)."
    CoolWrite "cool-write" ["coolwrite"] FLAG, FD; "That the peer has left while it is written to is no failure."
    Async "async" ["o-async"] FLAG, FD; "The descriptor signals that it is ready (O_ASYNC)."
    IoctlVoid "ioctl-void" ["ioctl"] int(0, u32::MAX as i64), FD; "ioctl(2) with this request and no argument."
    IoctlInt "ioctl-int" [] ValueType::Request(Numbered::Int), FD; "ioctl(2) as request:integer, the integer itself as the argument."
    IoctlIntp "ioctl-intp" [] ValueType::Request(Numbered::Int), FD; "ioctl(2) as request:integer, a pointer to the integer as the argument."
    IoctlBin "ioctl-bin" [] ValueType::Request(Numbered::Data), FD; "ioctl(2) as request:data, a pointer to the data as the argument."
    IoctlString "ioctl-string" [] ValueType::Request(Numbered::Text), FD; "ioctl(2) as request:text, a pointer to the text as the argument."
    FsSecrm "fs-secrm" ["ext2-secrm" "ext3-secrm" "secrm"] FLAG, REG; "Overwrite the file's blocks when it is deleted (ioctl_iflags(2))."
    FsUnrm "fs-unrm" ["ext2-unrm" "ext3-unrm" "unrm"] FLAG, REG; "Let the file be undeleted (ioctl_iflags(2))."
    FsCompr "fs-compr" ["ext2-compr" "ext3-compr" "compr"] FLAG, REG; "Compress the file (ioctl_iflags(2))."
    FsSync "fs-sync" ["ext2-sync" "ext3-sync"] FLAG, REG; "Write changes of the file at once (ioctl_iflags(2))."
    FsImmutable "fs-immutable" ["ext2-immutable" "ext3-immutable" "immutable"] FLAG, REG; "Let nobody change the file; needs CAP_LINUX_IMMUTABLE (ioctl_iflags(2))."
    FsAppend "fs-append" ["ext2-append" "ext3-append"] FLAG, REG; "Let the file only grow; needs CAP_LINUX_IMMUTABLE (ioctl_iflags(2))."
    FsNodump "fs-nodump" ["ext2-nodump" "ext3-nodump" "nodump"] FLAG, REG; "Leave the file out of dumps (ioctl_iflags(2))."
    FsNoatime "fs-noatime" ["ext2-noatime" "ext3-noatime"] FLAG, REG; "Keep the time of the last reading as it is (ioctl_iflags(2))."
    FsJournalData "fs-journal-data" ["ext2-journal-data" "ext3-journal-data" "journal-data" "journal"] FLAG, REG; "Write the file's data to the journal first (ioctl_iflags(2))."
    FsNotail "fs-notail" ["ext2-notail" "ext3-notail" "notail"] FLAG, REG; "Do not merge the file's tail with others (ioctl_iflags(2))."
    FsDirsync "fs-dirsync" ["ext2-dirsync" "ext3-dirsync" "dirsync"] FLAG, REG; "Write changes of the directory at once (ioctl_iflags(2))."
    FsTopdir "fs-topdir" ["ext2-topdir" "ext3-topdir" "topdir"] FLAG, REG; "Treat the directory as the top of a tree (ioctl_iflags(2))."
    Cloexec "cloexec" [] FLAG, FD; "Programs do not inherit the descriptor (1); 0 passes it on."
    Seek "seek" ["lseek" "seek-set" "lseek64" "lseek64-set" "lseek32" "lseek32-set"] SIZE, REG; "Start at this offset."
    SeekCur "seek-cur" ["lseek64-cur" "lseek32-cur"] int(i64::MIN, i64::MAX), REG; "Move by this offset."
    SeekEnd "seek-end" ["lseek64-end" "lseek32-end"] int(i64::MIN, i64::MAX), REG; "Start at this offset from the end."
    Truncate "truncate" ["ftruncate" "ftruncate64" "ftruncate32"] SIZE, REG; "Cut the file to this size."
    Setlk "setlk" ["f-setlk" "setlk-wr" "f-setlk-wr"] FLAG, FD; "Lock the file for writing, or fail."
    SetlkRd "setlk-rd" ["f-setlk-rd"] FLAG, FD; "Lock the file for reading, or fail."
    Setlkw "setlkw" ["f-setlkw" "setlkw-wr" "f-setlkw-wr" "lock" "lockw"] FLAG, FD; "Lock the file for writing, waiting for others."
    SetlkwRd "setlkw-rd" ["f-setlkw-rd"] FLAG, FD; "Lock the file for reading, waiting for others."
    Flock "flock" ["flock-ex"] FLAG, FD; "Lock the file with flock(2), waiting for others."
    FlockNb "flock-nb" ["flock-ex-nb"] FLAG, FD; "Lock the file with flock(2), or fail."
    FlockSh "flock-sh" [] FLAG, FD; "Share a lock of the file with flock(2), waiting for others."
    FlockShNb "flock-sh-nb" [] FLAG, FD; "Share a lock of the file with flock(2), or fail."

    // Programs and processes.
    Pty "pty" [] FLAG, FORK; "The program gets a pseudo terminal."
    Openpty "openpty" [] FLAG, PTY; "The pseudo terminal comes from openpty(3)."
    Ptmx "ptmx" [] FLAG, PTY; "The pseudo terminal comes from /dev/ptmx."
    Pipes "pipes" [] FLAG, FORK; "The program gets two pipes."
    Socketpair "socketpair" [] FLAG, FORK; "The program gets a socket pair (the default)."
    Fdin "fdin" [] PORT, FORK; "Descriptor the program reads from (0)."
    Fdout "fdout" [] PORT, FORK; "Descriptor the program writes to (1)."
    Stderr "stderr" [] FLAG, FORK; "What the program writes to standard error is part of its output."
    Nofork "nofork" [] FLAG, FORK; "The program reads and writes the other side's own descriptors; nothing is relayed."
    Sighup "sighup" [] FLAG, PARENT; "SIGHUP is passed on to the program and ends nothing here."
    Sigint "sigint" [] FLAG, PARENT; "SIGINT is passed on to the program and ends nothing here."
    Sigquit "sigquit" [] FLAG, PARENT; "SIGQUIT is passed on to the program and ends nothing here."
    Chdir "chdir" ["cd"] TEXT, ANY; "Directory to change to while the address is opened."
    Path "path" [] TEXT, FORK; "PATH in which the program is looked for."
    Login "login" ["dash"] FLAG, EXEC; "Start the program as a login shell, with a - before its name."
    ShellProgram "shell" [] TEXT, FORK; "The shell to start, instead of $SHELL or /bin/sh."
    Setenv "setenv" ["env"] TEXT, FORK; "Environment variable for the program: NAME=value."
    Setpgid "setpgid" ["pgid"] I32, FORK; "Process group the program joins; 0 or 1 make it a group of its own."
    Setsid "setsid" ["sid"] FLAG, ANY; "The program or process becomes the leader of a new session."
    Ctty "ctty" ["tiocsctty"] FLAG, TERMIOS; "The pseudo terminal becomes the program's controlling terminal."
    Su "su" ["substuser"] TEXT, ANY; "User to become once the address is open, with all groups."
    SuDelayed "su-d" ["substuser-delayed"] TEXT, ANY; "As su, with the user looked up before chroot."
    SuEarly "su-e" ["substuser-early"] TEXT, ANY; "As su, before the address is opened."
    Setuid "setuid" [] TEXT, ANY; "User ID to take once the address is open."
    SetuidEarly "setuid-early" [] TEXT, ANY; "User ID to take before the address is opened."
    Setgid "setgid" [] TEXT, ANY; "Group ID to take once the address is open."
    SetgidEarly "setgid-early" [] TEXT, ANY; "Group ID to take before the address is opened."
    Chroot "chroot" [] TEXT, ANY; "Root directory to change to once the address is open."
    ChrootEarly "chroot-early" [] TEXT, ANY; "Root directory to change to before the address is opened."

    // Terminals.
    Link "link" ["symbolic-link"] TEXT, PTY; "Symbolic link to make to the pseudo terminal's slave."
    WaitSlave "wait-slave" ["pty-wait-slave" "waitslave"] FLAG, PTY; "Wait until a program opens the pseudo terminal's slave."
    PtyInterval "pty-interval" ["pty-intervall"] TIME, PTY; "With wait-slave, pause between two looks (1 s)."
    Rawer "rawer" ["cfmakeraw" "termios-cfmakeraw" "termios-rawer"] FLAG, TERMIOS; "No processing of input and output, no echo."
    Raw "raw" [] FLAG, TERMIOS; "No processing of input and output; the echo stays as it is."
    Sane "sane" [] FLAG, TERMIOS; "Sensible settings for a terminal."
    Echo "echo" [] FLAG, TERMIOS; "Show what is typed."
    Echoctl "echoctl" ["ctlecho"] FLAG, TERMIOS; "Show control characters as ^X."
    Echoe "echoe" ["crterase"] FLAG, TERMIOS; "Erasing takes characters off the screen."
    Echok "echok" [] FLAG, TERMIOS; "Show a newline after the kill character."
    Echoke "echoke" ["crtkill"] FLAG, TERMIOS; "Killing a line takes it off the screen."
    Echonl "echonl" [] FLAG, TERMIOS; "Show newlines even without echo."
    Icanon "icanon" [] FLAG, TERMIOS; "Input comes in lines that can be edited."
    Isig "isig" [] FLAG, TERMIOS; "Control characters send signals."
    Iexten "iexten" [] FLAG, TERMIOS; "Extended processing of input."
    Icrnl "icrnl" [] FLAG, TERMIOS; "Typed CR is read as LF."
    Inlcr "inlcr" [] FLAG, TERMIOS; "Typed LF is read as CR."
    Igncr "igncr" [] FLAG, TERMIOS; "Typed CR is ignored."
    Ignbrk "ignbrk" [] FLAG, TERMIOS; "Breaks are ignored."
    Brkint "brkint" [] FLAG, TERMIOS; "A break sends SIGINT."
    Ignpar "ignpar" [] FLAG, TERMIOS; "Bytes with parity errors are ignored."
    Parmrk "parmrk" [] FLAG, TERMIOS; "Bytes with parity errors are marked."
    Inpck "inpck" [] FLAG, TERMIOS; "Check the parity of input."
    Istrip "istrip" [] FLAG, TERMIOS; "Take off the eighth bit of input."
    Imaxbel "imaxbel" [] FLAG, TERMIOS; "Ring the bell when the input line is full."
    Ixon "ixon" [] FLAG, TERMIOS; "XON and XOFF typed control the output."
    Ixoff "ixoff" ["tandem"] FLAG, TERMIOS; "Send XON and XOFF to control the input."
    Ixany "ixany" [] FLAG, TERMIOS; "Any character starts stopped output."
    Opost "opost" [] FLAG, TERMIOS; "Process output."
    Onlcr "onlcr" [] FLAG, TERMIOS; "LF is written as CR LF."
    Ocrnl "ocrnl" [] FLAG, TERMIOS; "CR is written as LF."
    Onocr "onocr" [] FLAG, TERMIOS; "No CR is written at the first column."
    Onlret "onlret" [] FLAG, TERMIOS; "LF returns to the first column."
    Noflsh "noflsh" [] FLAG, TERMIOS; "Signals do not flush the queues."
    Tostop "tostop" [] FLAG, TERMIOS; "Background jobs that write are stopped."
    Clocal "clocal" [] FLAG, TERMIOS; "Ignore modem control lines."
    Cread "cread" [] FLAG, TERMIOS; "Enable the receiver."
    Crtscts "crtscts" [] FLAG, TERMIOS; "Hardware flow control."
    Cstopb "cstopb" [] FLAG, TERMIOS; "Two stop bits."
    Hupcl "hupcl" ["hup"] FLAG, TERMIOS; "Hang up when the last process closes the line."
    Parenb "parenb" [] FLAG, TERMIOS; "Use parity."
    Parodd "parodd" [] FLAG, TERMIOS; "Odd parity."
    Csize "csize" [] int(5, 8), TERMIOS; "Bits in a character."
    Speed "speed" ["baud"] int(0, 4_000_000), TERMIOS; "Bits per second in both directions."
    Ispeed "ispeed" [] int(0, 4_000_000), TERMIOS; "Bits per second received."
    Ospeed "ospeed" [] int(0, 4_000_000), TERMIOS; "Bits per second sent."
    Echoprt "echoprt" ["prterase"] FLAG, TERMIOS; "Print characters as they are erased."
    Flusho "flusho" [] FLAG, TERMIOS; "Output is being discarded."
    Pendin "pendin" [] FLAG, TERMIOS; "Print what was typed again at the next character."
    Xcase "xcase" [] FLAG, TERMIOS; "Upper case is written with a backslash."
    Iuclc "iuclc" [] FLAG, TERMIOS; "Typed upper case is read as lower case."
    Olcuc "olcuc" [] FLAG, TERMIOS; "Lower case is written as upper case."
    Ofill "ofill" [] FLAG, TERMIOS; "Delays are made with fill characters."
    Ofdel "ofdel" [] FLAG, TERMIOS; "The fill character is DEL."
    Nldly "nldly" [] FLAG, TERMIOS; "Delay after a newline."
    Crdly "crdly" [] int(0, 3), TERMIOS; "Delay after a carriage return."
    Tabdly "tabdly" [] int(0, 3), TERMIOS; "Delay after a tab; 3 writes spaces."
    Bsdly "bsdly" [] FLAG, TERMIOS; "Delay after a backspace."
    Vtdly "vtdly" [] FLAG, TERMIOS; "Delay after a vertical tab."
    Ffdly "ffdly" [] FLAG, TERMIOS; "Delay after a form feed."
    Vdiscard "discard" ["vdiscard"] BYTE, TERMIOS; "Character that discards output."
    Veol "eol" ["veol"] BYTE, TERMIOS; "Another character that ends a line."
    Veol2 "eol2" ["veol2"] BYTE, TERMIOS; "Yet another character that ends a line."
    Vlnext "lnext" ["vlnext"] BYTE, TERMIOS; "Character that takes the next one as it is."
    Vreprint "reprint" ["vreprint" "rprnt"] BYTE, TERMIOS; "Character that prints the line again."
    Vswtc "swtc" ["vswtc" "swtch"] BYTE, TERMIOS; "Character that switches shells."
    Vwerase "werase" ["vwerase"] BYTE, TERMIOS; "Character that erases a word."
    Vmin "min" ["vmin"] BYTE, TERMIOS; "Fewest characters of a read without icanon."
    Vtime "time" ["vtime"] BYTE, TERMIOS; "Tenths of a second a read waits without icanon."
    Veof "eof" ["veof"] BYTE, TERMIOS; "Character that ends the input."
    Verase "erase" ["verase"] BYTE, TERMIOS; "Character that erases one."
    Vintr "intr" ["vintr"] BYTE, TERMIOS; "Character that sends SIGINT."
    Vkill "kill" ["vkill"] BYTE, TERMIOS; "Character that erases the line."
    Vquit "quit" ["vquit"] BYTE, TERMIOS; "Character that sends SIGQUIT."
    Vsusp "susp" ["vsusp"] BYTE, TERMIOS; "Character that sends SIGTSTP."
    Vstart "start" ["vstart"] BYTE, TERMIOS; "Character that starts the output."
    Vstop "stop" ["vstop"] BYTE, TERMIOS; "Character that stops the output."

    // Network interfaces.
    TunDevice "tun-device" [] TEXT, INTERFACE; "Device that makes tunnels (/dev/net/tun)."
    TunName "tun-name" [] TEXT, INTERFACE; "Name of the tunnel's interface."
    TunType "tun-type" [] one_of(&["tun", "tap"]), INTERFACE; "IP packets (tun, the usual) or Ethernet frames (tap)."
    IffNoPi "iff-no-pi" ["no-pi" "tun-no-pi"] FLAG, INTERFACE; "Packets of the tunnel come without the four bytes of flags and protocol ahead."
    IffUp "iff-up" ["up"] FLAG, INTERFACE; "The interface is in use (netdevice(7))."
    IffBroadcast "iff-broadcast" [] FLAG, INTERFACE; "The interface has a broadcast address (netdevice(7))."
    IffDebug "iff-debug" [] FLAG, INTERFACE; "The driver tells more (netdevice(7))."
    IffLoopback "iff-loopback" ["loopback"] FLAG, INTERFACE; "The interface is a loopback (netdevice(7))."
    IffPointopoint "iff-pointopoint" ["pointopoint"] FLAG, INTERFACE; "The interface has one peer (netdevice(7))."
    IffNotrailers "iff-notrailers" ["notrailers"] FLAG, INTERFACE; "No trailers are used (netdevice(7))."
    IffRunning "iff-running" ["running"] FLAG, INTERFACE; "The interface has its resources (netdevice(7))."
    IffNoarp "iff-noarp" ["noarp"] FLAG, INTERFACE; "No address resolution on the interface (netdevice(7))."
    IffPromisc "iff-promisc" ["promisc"] FLAG, INTERFACE; "The interface takes packets for others too (netdevice(7))."
    IffAllmulti "iff-allmulti" ["allmulti"] FLAG, INTERFACE; "The interface takes all multicast packets (netdevice(7))."
    IffMaster "iff-master" ["master"] FLAG, INTERFACE; "The interface is the master of a bundle (netdevice(7))."
    IffSlave "iff-slave" ["slave"] FLAG, INTERFACE; "The interface is part of a bundle (netdevice(7))."
    IffMulticast "iff-multicast" ["multicast"] FLAG, INTERFACE; "The interface can do multicast (netdevice(7))."
    IffPortsel "iff-portsel" ["portsel"] FLAG, INTERFACE; "The interface can choose its medium (netdevice(7))."
    IffAutomedia "iff-automedia" ["automedia"] FLAG, INTERFACE; "The interface chooses its medium (netdevice(7))."

    // Proxies.
    Ignorecr "ignorecr" [] FLAG, Groups::HTTP; "The proxy may end its lines with LF alone."
    Proxyport "proxyport" [] TEXT, Groups::HTTP; "Port of the HTTP proxy (8080)."
    ProxyAuthorization "proxy-authorization" ["proxyauth" "proxy-auth"] TEXT, Groups::HTTP; "user:password for the HTTP proxy."
    ProxyAuthorizationFile "proxy-authorization-file" ["proxyauthfile"] TEXT, Groups::HTTP; "File that holds user:password for the HTTP proxy."
    ProxyResolve "resolve" ["proxy-resolve" "resolv"] FLAG, Groups::HTTP; "Resolve the target's name here, not at the proxy."
    Socksport "socksport" [] TEXT, Groups::SOCKS; "Port of the SOCKS server (1080)."
    Socksuser "socksuser" [] TEXT, Groups::SOCKS; "User name for the SOCKS server."
    Sockspass "sockspass" ["sockspassword"] TEXT, Groups::SOCKS; "Password for a SOCKS 5 server (RFC 1929)."

    // TLS.
    Cert "cert" ["openssl-certificate" "certificate"] TEXT, TLS; "File with the certificate chain (PEM)."
    Key "key" ["openssl-key"] TEXT, TLS.and(ARQ); "File with the private key (PEM); for ARQ, the shared key: 64 hexadecimal digits."
    Cafile "cafile" ["openssl-cafile"] TEXT, TLS; "File with the certificates to trust (PEM)."
    Capath "capath" ["openssl-capath"] TEXT, TLS; "Directory with the certificates to trust."
    Verify "verify" ["openssl-verify"] FLAG, TLS; "Check the peer's certificate (1); 0 trusts anyone."
    Commonname "commonname" ["openssl-commonname" "cn"] TEXT, TLS; "Name the peer's certificate must hold, instead of the host."
    Sni "sni" ["openssl-snihost" "snihost"] TEXT, TLS; "Server name to ask for, instead of the host."
    NoSni "no-sni" ["openssl-no-sni" "nosni"] FLAG, TLS; "Ask for no server name."
    Alpn "alpn" [] TEXT, TLS; "Application protocols to offer, best first, separated by spaces."
    MaxVersion "max-version" ["openssl-max-proto-version" "max-proto-version"] one_of(&["TLS1.2", "TLS1.3"]), TLS; "Newest version of TLS to speak."
    MinVersion "min-version" ["openssl-min-proto-version" "min-proto-version"] one_of(&["TLS1.2", "TLS1.3"]), TLS; "Oldest version of TLS to speak."

    // ARQ.
    ArqMode "arq-mode" [] one_of(&["ordered", "unordered", "sequenced", "unreliable"]), ARQ; "What the network may do to messages that are sent: nothing, reorder, drop older, drop."
    Channels "channels" [] int(1, 256), ARQ; "Independent channels in one connection."
    Window "window" [] int(1, 1_000_000), ARQ; "Packets that may be on the way unacknowledged; 1 is stop-and-wait."
    WindowSvg "window-svg" [] TEXT, ARQ; "File to which a picture of the transfer is written when it ends: sequence over time, losses, retransmissions."
    ArqCongestion "arq-congestion" [] one_of(&["cubic", "bbr"]), ARQ; "Congestion control of the connection."
    Integrity "integrity" [] one_of(&["crc32c", "aead", "off"]), ARQ; "How datagrams are protected against change."
    ArqMtu "mtu" [] int(1200, 65_507), ARQ; "Largest datagram to try."
    Idle "idle" [] TIME, ARQ; "Silence after which the connection is lost."
    Checksum "checksum" [] FLAG, ARQ; "A checksum in each packet (1); 0 goes without, to show what then happens."
    Retransmit "retransmit" [] FLAG, ARQ; "Send what is lost again (1); 0 gives it up, to show what then happens."
}
