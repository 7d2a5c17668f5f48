//! `struct tcp_info` of `linux/tcp.h`: what TCP knows about a connection.

use serde::Serialize;

macro_rules! layout {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty,)*) => {
        /// What TCP knows about a connection, field by field as the kernel lays it out. Fields that an older
        /// kernel does not have are 0. Times are microseconds unless their description says otherwise.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
        pub struct TcpInfo { $($(#[doc = $doc])* pub $name: $kind,)* }

        impl TcpInfo {
            /// Reads as many fields as `bytes` holds; the others are 0.
            pub fn parse(bytes: &[u8]) -> Self {
                let mut at = 0;
                $(
                    const { assert!(size_of::<$kind>() <= 8) };
                    let $name = take::<{ size_of::<$kind>() }>(bytes, &mut at).map_or(0, <$kind>::from_ne_bytes);
                )*
                Self { $($name,)* }
            }

            /// The bytes that [`TcpInfo::parse`] reads.
            pub fn emit(&self, out: &mut Vec<u8>) {
                $(out.extend_from_slice(&self.$name.to_ne_bytes());)*
            }
        }
    };
}

fn take<const N: usize>(bytes: &[u8], at: &mut usize) -> Option<[u8; N]> {
    let field = bytes.get(*at..)?.first_chunk::<N>()?;
    *at += N;
    Some(*field)
}

layout! {
    /// The state's number.
    state: u8,
    /// The congestion state: open, disorder, CWR, recovery, loss.
    ca_state: u8,
    /// Retransmissions of the segment in flight.
    retransmits: u8,
    /// Window or keepalive probes unanswered.
    probes: u8,
    /// Doublings of the retransmission timeout.
    backoff: u8,
    /// Bits of `TCPI_OPT_*`: timestamps 1, SACK 2, window scale 4, ECN 8, ECN seen 16, fast open 32.
    options: u8,
    /// Window scales: sent in the low half, received in the high half.
    wscale: u8,
    /// Bit 0: the delivery rate was limited by the application; bits 1-2: fast open failures.
    rate_flags: u8,
    /// The retransmission timeout.
    rto: u32,
    /// The delayed-acknowledgement timeout.
    ato: u32,
    /// Segment size when sending, bytes.
    snd_mss: u32,
    /// Segment size seen when receiving, bytes.
    rcv_mss: u32,
    /// Segments in flight; for a listening socket the connections waiting.
    unacked: u32,
    /// Segments selectively acknowledged; for a listening socket the backlog.
    sacked: u32,
    /// Segments believed lost.
    lost: u32,
    /// Segments retransmitted and not yet acknowledged.
    retrans: u32,
    /// Forward acknowledged (no longer used).
    fackets: u32,
    /// Milliseconds since data was sent.
    last_data_sent: u32,
    /// Not maintained.
    last_ack_sent: u32,
    /// Milliseconds since data came.
    last_data_recv: u32,
    /// Milliseconds since an acknowledgement came.
    last_ack_recv: u32,
    /// The path's MTU, bytes.
    pmtu: u32,
    /// The receive window's slow start threshold.
    rcv_ssthresh: u32,
    /// The smoothed round-trip time.
    rtt: u32,
    /// Its mean deviation.
    rttvar: u32,
    /// The slow start threshold, segments.
    snd_ssthresh: u32,
    /// The congestion window, segments.
    snd_cwnd: u32,
    /// The segment size that was announced, bytes.
    advmss: u32,
    /// Segments that may come out of order before it counts as loss.
    reordering: u32,
    /// The receiver's estimate of the round-trip time.
    rcv_rtt: u32,
    /// The receive buffer's target, bytes.
    rcv_space: u32,
    /// Retransmissions in the connection's life.
    total_retrans: u32,
    /// Bytes per second.
    pacing_rate: u64,
    /// Bytes per second; all ones: no limit.
    max_pacing_rate: u64,
    /// Bytes acknowledged (RFC 4898 tcpEStatsAppHCThruOctetsAcked).
    bytes_acked: u64,
    /// Bytes received (RFC 4898 tcpEStatsAppHCThruOctetsReceived).
    bytes_received: u64,
    /// Segments sent.
    segs_out: u32,
    /// Segments received.
    segs_in: u32,
    /// Bytes queued and not yet sent.
    notsent_bytes: u32,
    /// The least round-trip time seen; all ones: none yet.
    min_rtt: u32,
    /// Segments with data received.
    data_segs_in: u32,
    /// Segments with data sent.
    data_segs_out: u32,
    /// Bytes per second.
    delivery_rate: u64,
    /// Time with data outstanding.
    busy_time: u64,
    /// Time held up by the peer's window.
    rwnd_limited: u64,
    /// Time held up by the send buffer.
    sndbuf_limited: u64,
    /// Segments delivered.
    delivered: u32,
    /// Of these, marked by ECN.
    delivered_ce: u32,
    /// Bytes sent, retransmissions included.
    bytes_sent: u64,
    /// Bytes retransmitted.
    bytes_retrans: u64,
    /// Duplicates that the peer reported.
    dsack_dups: u32,
    /// Times that segments came out of order.
    reord_seen: u32,
    /// Segments received out of order.
    rcv_ooopack: u32,
    /// The peer's window, bytes.
    snd_wnd: u32,
    /// The window announced to the peer, bytes.
    rcv_wnd: u32,
    /// Times the flow was hashed to another path.
    rehash: u32,
    /// Retransmission timeouts.
    total_rto: u16,
    /// Recoveries from them.
    total_rto_recoveries: u16,
    /// Milliseconds in them.
    total_rto_time: u32,
}

impl TcpInfo {
    /// Whether option `bit` of `TCPI_OPT_*` was agreed.
    pub fn option(&self, bit: u8) -> bool {
        self.options & bit != 0
    }

    /// The window scales: the peer's and ours.
    pub fn window_scales(&self) -> (u8, u8) {
        (self.wscale & 15, self.wscale >> 4)
    }

    /// Whether the delivery rate was held down by the application.
    pub fn app_limited(&self) -> bool {
        self.rate_flags & 1 != 0
    }
}
