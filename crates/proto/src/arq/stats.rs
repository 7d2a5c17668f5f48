//! What a connection has done and how it stands, for people and programs.

use super::types::PacketNumber;
use crate::time::Time;
use std::time::Duration;

/// A snapshot of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Stats {
    /// Packets and bytes (UDP payload) sent.
    pub packets_sent: u64,
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// Packets received that were authentic and new.
    pub packets_received: u64,
    /// Bytes of UDP payload received in them.
    pub bytes_received: u64,
    /// Packets that the peer acknowledged.
    pub packets_acked: u64,
    /// Packets declared lost.
    pub packets_lost: u64,
    /// Of these, found to have arrived after all.
    pub spurious_losses: u64,
    /// Packets whose integrity check failed.
    pub packets_damaged: u64,
    /// Packets that had come before.
    pub packets_repeated: u64,
    /// Bytes of messages sent for the first time.
    pub fresh: u64,
    /// Bytes of messages sent again.
    pub resent: u64,
    /// Messages given up by this end.
    pub expired: u64,
    /// Messages that the peer gave up.
    pub skipped: u64,
    /// Fragments that had come before.
    pub duplicates: u64,
    /// Unreliable messages dropped because the application did not read them.
    pub dropped: u64,
    /// Probe timeouts.
    pub timeouts: u64,
    /// Black holes found.
    pub black_holes: u64,
    /// The congestion window, bytes.
    pub cwnd: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Bytes that the peer still takes.
    pub credit: u64,
    /// Bytes that wait in the send buffer or are unacknowledged.
    pub buffered: u64,
    /// The pace, bytes a second.
    pub rate: u64,
    /// The smoothed round-trip time; in records, seconds.
    #[serde(serialize_with = "seconds")]
    pub rtt: Duration,
    /// The smallest round-trip time; in records, seconds.
    #[serde(serialize_with = "seconds")]
    pub min_rtt: Duration,
    /// The largest UDP payload that the path is known to carry.
    pub mtu: u16,
    /// The phase of congestion control.
    pub phase: &'static str,
    /// The integrity mode.
    pub integrity: &'static str,
}

fn seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// Something that happened to a packet: what a picture of the window is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// When.
    pub at: Time,
    /// Which packet.
    pub number: PacketNumber,
    /// What.
    pub what: Happened,
}

/// What happened to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was sent.
    Sent {
        /// Where its first message bytes are in the sequence of all that was sent.
        sequence: u64,
        /// Bytes of messages in it.
        bytes: u64,
        /// Whether they were sent before.
        again: bool,
    },
    /// It was acknowledged.
    Acked,
    /// It was declared lost.
    Lost,
}
