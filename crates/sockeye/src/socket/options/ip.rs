//! The options of IPv4 and IPv6: ip(7), ipv6(7), RFC 3493, RFC 3542.

use super::{Access::*, Form::*, Level, On::*, SocketOption};

const MTU_DISCOVER: &[(&str, i32)] =
    &[("dont", 0), ("want", 1), ("do", 2), ("probe", 3), ("interface", 4), ("omit", 5)];

/// Numbers are given where libc has no constant: linux/in.h.
pub(super) const IP: &[SocketOption] = &super::rows!(Level::Ip;
    "IP_ADD_MEMBERSHIP" "ip-add-membership" libc::IP_ADD_MEMBERSHIP, Group4, Set, Ipv4, "joins a multicast group";
    "IP_ADD_SOURCE_MEMBERSHIP" "ip-add-source-membership" libc::IP_ADD_SOURCE_MEMBERSHIP, Source4, Set, Ipv4, "joins a multicast group for one sender; the interface by address";
    "IP_BIND_ADDRESS_NO_PORT" "bind-address-no-port" libc::IP_BIND_ADDRESS_NO_PORT, Bool, Both, Ipv4, "bind to an address chooses no port; connect does, so that more connections fit";
    "IP_BLOCK_SOURCE" "block-source" libc::IP_BLOCK_SOURCE, Source4, Set, Ipv4, "stops one sender of a multicast group that was joined";
    "IP_CHECKSUM" "checksum" libc::IP_CHECKSUM, Bool, Both, Ipv4, "each datagram brings its checksum, if the card gave it";
    "IP_DROP_MEMBERSHIP" "drop-membership" libc::IP_DROP_MEMBERSHIP, Group4, Set, Ipv4, "leaves a multicast group";
    "IP_DROP_SOURCE_MEMBERSHIP" "drop-source-membership" libc::IP_DROP_SOURCE_MEMBERSHIP, Source4, Set, Ipv4, "leaves a multicast group that was joined for one sender";
    "IP_FREEBIND" "freebind" libc::IP_FREEBIND, Bool, Both, Ipv4, "binds to an address that this machine does not have (yet)";
    "IP_HDRINCL" "hdrincl" libc::IP_HDRINCL, Bool, Both, RawIpv4, "what is sent starts with the IP header";
    "IP_LOCAL_PORT_RANGE" "local-port-range" 51, PortRange, Both, Ipv4, "the ports to choose from where none was given; 0-0 is the system's range";
    "IP_MINTTL" "minttl" libc::IP_MINTTL, Int, Both, Ipv4, "drops what arrives with a smaller TTL";
    "IP_MTU" "mtu" libc::IP_MTU, Size, Get, ConnectedIpv4, "the path MTU known towards the peer";
    "IP_MTU_DISCOVER" "mtu-discover" libc::IP_MTU_DISCOVER, Word(MTU_DISCOVER), Both, Ipv4, "path MTU discovery: do refuses to fragment, probe ignores the MTU that is known";
    "IP_MULTICAST_ALL" "multicast-all" libc::IP_MULTICAST_ALL, Bool, Both, Ipv4, "off, only the groups that this socket joined are delivered to it";
    "IP_MULTICAST_IF" "multicast-if" libc::IP_MULTICAST_IF, Interface4, Both, Ipv4Datagrams, "the interface that multicast goes out by";
    "IP_MULTICAST_LOOP" "multicast-loop" libc::IP_MULTICAST_LOOP, Bool, Both, Ipv4, "this machine gets its own multicast too";
    "IP_MULTICAST_TTL" "multicast-ttl" libc::IP_MULTICAST_TTL, Int, Both, Ipv4Datagrams, "how many hops multicast may take; 1 is the local network";
    "IP_NODEFRAG" "nodefrag" libc::IP_NODEFRAG, Bool, Both, RawIpv4, "fragments pass the firewall as they are";
    "IP_OPTIONS" "ip-options" libc::IP_OPTIONS, Bytes(40), Both, Ipv4, "the options in the IP header of each packet";
    "IP_PASSSEC" "ip-passsec" libc::IP_PASSSEC, Bool, Both, Ipv4, "each datagram brings its security label";
    "IP_PKTINFO" "pktinfo" libc::IP_PKTINFO, Bool, Both, Ipv4, "each datagram brings the interface and address where it arrived";
    "IP_PROTOCOL" "ip-protocol" 52, Int, Both, RawIpv4, "the protocol of what a raw socket of IPPROTO_RAW sends";
    "IP_RECVERR" "recverr" libc::IP_RECVERR, Bool, Both, Ipv4, "errors of single packets are kept for MSG_ERRQUEUE";
    "IP_RECVERR_RFC4884" "recverr-rfc4884" 26, Bool, Both, Ipv4, "errors kept by IP_RECVERR bring the extra part of RFC 4884 too";
    "IP_RECVFRAGSIZE" "recvfragsize" libc::IP_RECVFRAGSIZE, Bool, Both, Ipv4Datagrams, "a datagram put together from fragments brings the largest one's size";
    "IP_RECVOPTS" "recvopts" libc::IP_RECVOPTS, Bool, Both, Ipv4, "each datagram brings the options of its IP header";
    "IP_RECVORIGDSTADDR" "recvorigdstaddr" libc::IP_RECVORIGDSTADDR, Bool, Both, Ipv4, "each datagram brings its address before a redirection";
    "IP_RECVTOS" "recvtos" libc::IP_RECVTOS, Bool, Both, Ipv4, "each datagram brings its TOS byte";
    "IP_RECVTTL" "recvttl" libc::IP_RECVTTL, Bool, Both, Ipv4, "each datagram brings its TTL";
    "IP_RETOPTS" "retopts" libc::IP_RETOPTS, Bool, Both, Ipv4, "as IP_RECVOPTS, unprocessed";
    "IP_ROUTER_ALERT" "router-alert" libc::IP_ROUTER_ALERT, Bool, Set, RawIpv4, "a raw socket gets packets in transit that have the router alert option";
    "IP_TOS" "tos" libc::IP_TOS, Int, Both, Ipv4, "the TOS byte of what is sent: DSCP in the upper six bits";
    "IP_TRANSPARENT" "transparent" libc::IP_TRANSPARENT, Bool, Both, Ipv4, "takes and makes connections under addresses of others, as proxies do (needs CAP_NET_ADMIN)";
    "IP_TTL" "ttl" libc::IP_TTL, Int, Both, Ipv4, "how many hops a packet may take, 1 to 255";
    "IP_UNBLOCK_SOURCE" "unblock-source" libc::IP_UNBLOCK_SOURCE, Source4, Set, Ipv4, "lets a blocked sender of a multicast group in again";
    "IP_UNICAST_IF" "unicast-if" libc::IP_UNICAST_IF, InterfaceBe, Both, Ipv4, "the interface whose address packets are sent from";
    "SO_ORIGINAL_DST" "original-dst" libc::SO_ORIGINAL_DST, Address, Get, ConnectedTcpIpv4, "where a connection was going before the firewall redirected it here";
);

/// Numbers are given where libc has no constant: linux/in6.h.
pub(super) const IPV6: &[SocketOption] = &super::rows!(Level::Ipv6;
    "IPV6_ADDR_PREFERENCES" "addr-preferences" libc::IPV6_ADDR_PREFERENCES, Int, Both, Ipv6, "which of several own addresses to send from, RFC 5014: a sum of IPV6_PREFER_SRC_*";
    "IPV6_AUTOFLOWLABEL" "autoflowlabel" libc::IPV6_AUTOFLOWLABEL, Bool, Both, Ipv6, "packets get a flow label made from addresses and ports";
    "IPV6_CHECKSUM" "ipv6-checksum" libc::IPV6_CHECKSUM, Int, Both, RawIpv6, "where in the packet the kernel puts a checksum; -1 nowhere";
    "IPV6_DONTFRAG" "dontfrag" libc::IPV6_DONTFRAG, Bool, Both, Ipv6, "datagrams that exceed the MTU are refused, not fragmented";
    "IPV6_FLOWINFO_SEND" "flowinfo-send" libc::IPV6_FLOWINFO_SEND, Bool, Both, Ipv6, "the flow label given with an address is sent";
    "IPV6_FREEBIND" "ipv6-freebind" libc::IPV6_FREEBIND, Bool, Both, Ipv6, "binds to an address that this machine does not have (yet)";
    "IPV6_HDRINCL" "ipv6-hdrincl" libc::IPV6_HDRINCL, Bool, Both, RawIpv6, "what is sent starts with the IPv6 header";
    "IPV6_JOIN_GROUP" "ipv6-join-group" libc::IPV6_ADD_MEMBERSHIP, Group6, Set, Ipv6, "joins a multicast group (IPV6_ADD_MEMBERSHIP)";
    "IPV6_LEAVE_GROUP" "ipv6-leave-group" libc::IPV6_DROP_MEMBERSHIP, Group6, Set, Ipv6, "leaves a multicast group (IPV6_DROP_MEMBERSHIP)";
    "IPV6_MINHOPCOUNT" "minhopcount" libc::IPV6_MINHOPCOUNT, Int, Both, Ipv6, "drops what arrives with fewer hops left";
    "IPV6_MTU" "ipv6-mtu" libc::IPV6_MTU, Size, Both, ConnectedIpv6, "the path MTU known towards the peer; set, an upper bound";
    "IPV6_MTU_DISCOVER" "ipv6-mtu-discover" libc::IPV6_MTU_DISCOVER, Word(MTU_DISCOVER), Both, Ipv6, "path MTU discovery: do refuses to fragment, probe ignores the MTU that is known";
    "IPV6_MULTICAST_ALL" "ipv6-multicast-all" libc::IPV6_MULTICAST_ALL, Bool, Both, Ipv6, "off, only the groups that this socket joined are delivered to it";
    "IPV6_MULTICAST_HOPS" "multicast-hops" libc::IPV6_MULTICAST_HOPS, Int, Both, Ipv6Datagrams, "how many hops multicast may take; 1 is the local network";
    "IPV6_MULTICAST_IF" "ipv6-multicast-if" libc::IPV6_MULTICAST_IF, Interface, Both, Ipv6Datagrams, "the interface that multicast goes out by";
    "IPV6_MULTICAST_LOOP" "ipv6-multicast-loop" libc::IPV6_MULTICAST_LOOP, Bool, Both, Ipv6, "this machine gets its own multicast too";
    "IPV6_RECVDSTOPTS" "recvdstopts" libc::IPV6_RECVDSTOPTS, Bool, Both, Ipv6, "each datagram brings its destination options";
    "IPV6_RECVERR" "ipv6-recverr" libc::IPV6_RECVERR, Bool, Both, Ipv6, "errors of single packets are kept for MSG_ERRQUEUE";
    "IPV6_RECVERR_RFC4884" "ipv6-recverr-rfc4884" 31, Bool, Both, Ipv6, "errors kept by IPV6_RECVERR bring the extra part of RFC 4884 too";
    "IPV6_RECVFRAGSIZE" "ipv6-recvfragsize" libc::IPV6_RECVFRAGSIZE, Bool, Both, Ipv6, "a datagram put together from fragments brings the largest one's size";
    "IPV6_RECVHOPLIMIT" "recvhoplimit" libc::IPV6_RECVHOPLIMIT, Bool, Both, Ipv6, "each datagram brings the hops it had left";
    "IPV6_RECVHOPOPTS" "recvhopopts" libc::IPV6_RECVHOPOPTS, Bool, Both, Ipv6, "each datagram brings its hop-by-hop options";
    "IPV6_RECVORIGDSTADDR" "ipv6-recvorigdstaddr" libc::IPV6_ORIGDSTADDR, Bool, Both, Ipv6, "each datagram brings its address before a redirection";
    "IPV6_RECVPATHMTU" "recvpathmtu" libc::IPV6_RECVPATHMTU, Bool, Both, Ipv6, "an empty message brings a change of the path MTU";
    "IPV6_RECVPKTINFO" "recvpktinfo" libc::IPV6_RECVPKTINFO, Bool, Both, Ipv6, "each datagram brings the interface and address where it arrived";
    "IPV6_RECVRTHDR" "recvrthdr" libc::IPV6_RECVRTHDR, Bool, Both, Ipv6, "each datagram brings its routing header";
    "IPV6_RECVTCLASS" "recvtclass" libc::IPV6_RECVTCLASS, Bool, Both, Ipv6, "each datagram brings its traffic class";
    "IPV6_TCLASS" "tclass" libc::IPV6_TCLASS, Int, Both, Ipv6, "the traffic class of what is sent: DSCP in the upper six bits; -1 is the system's";
    "IPV6_TRANSPARENT" "ipv6-transparent" libc::IPV6_TRANSPARENT, Bool, Both, Ipv6, "takes and makes connections under addresses of others, as proxies do (needs CAP_NET_ADMIN)";
    "IPV6_UNICAST_HOPS" "unicast-hops" libc::IPV6_UNICAST_HOPS, Int, Both, Ipv6, "how many hops a packet may take, 0 to 255; -1 is the system's";
    "IPV6_UNICAST_IF" "ipv6-unicast-if" libc::IPV6_UNICAST_IF, InterfaceBe, Both, Ipv6, "the interface whose address packets are sent from";
    "IPV6_V6ONLY" "ipv6only" libc::IPV6_V6ONLY, Bool, Both, Ipv6, "off, the socket serves IPv4 too (as ::ffff:a.b.c.d)";
    "MCAST_JOIN_SOURCE_GROUP" "mcast-join-source-group" 46, Source6, Set, Ipv6, "joins a multicast group for one sender";
    "MCAST_LEAVE_SOURCE_GROUP" "mcast-leave-source-group" 47, Source6, Set, Ipv6, "leaves a multicast group that was joined for one sender";
);
