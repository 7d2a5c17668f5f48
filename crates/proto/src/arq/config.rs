//! What a user decides, and what peers tell each other of it.

use super::{
    codec::{Reader, put_varint},
    error::Refusal,
    mtud::BASE,
};
use std::time::Duration;

/// How packets are protected.
#[derive(Clone, PartialEq, Eq)]
pub enum Integrity {
    /// Not at all, to show what then happens. UDP's checksum is left.
    Off,
    /// A CRC32C, against accidents; anyone can forge packets.
    Crc32c,
    /// Encryption and authentication with keys agreed upon under this pre-shared key.
    Aead(Box<[u8; 32]>),
}

impl Integrity {
    /// The name, as every status output shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Crc32c => "crc32c",
            Self::Aead(_) => "aead",
        }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Crc32c => 1,
            Self::Aead(_) => 2,
        }
    }
}

impl std::fmt::Debug for Integrity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How the sender finds its share of the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// CUBIC (RFC 9438): loss means congestion. Fair to TCP.
    #[default]
    Cubic,
    /// BBR (after the third version's draft): measures bandwidth and delay; random loss hardly slows it.
    Bbr,
}

impl Algorithm {
    /// The name, as in the address option `congestion=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
        }
    }
}

/// The settings of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How packets are protected. Both ends must agree.
    pub integrity: Integrity,
    /// Congestion control of what this end sends.
    pub congestion: Algorithm,
    /// Packets in flight at most; 1 is stop-and-wait. `None`: congestion control alone decides.
    pub window: Option<u32>,
    /// Whether lost messages are sent again. Off, a lost message is given up, to show what then happens.
    pub retransmit: bool,
    /// Channels that the peer may use, from 0.
    pub channels: u8,
    /// Bytes of messages that are kept for the application at most.
    pub receive_window: u32,
    /// Messages that are kept for the application at most; also how far a lane may run ahead of a lost one.
    pub receive_messages: u32,
    /// The largest message that is taken, bytes; never more than half of the receive window.
    pub max_message: u32,
    /// Bytes of messages that wait to be sent or acknowledged at most.
    pub send_buffer: usize,
    /// The largest UDP payload that is sent or taken, bytes: at least 1200. Above it no size is probed.
    pub max_datagram: u16,
    /// A connection whose peer is silent for so long has ended.
    pub idle: Duration,
    /// A silent peer is asked for a sign of life this often.
    pub keep_alive: Option<Duration>,
    /// How long an acknowledgement may wait for others to join it.
    pub ack_delay: Duration,
    /// How long to try to connect.
    pub handshake_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            integrity: Integrity::Crc32c,
            congestion: Algorithm::default(),
            window: None,
            retransmit: true,
            channels: 16,
            receive_window: 4 << 20,
            receive_messages: 16_384,
            max_message: 1 << 20,
            send_buffer: 4 << 20,
            max_datagram: 8972,
            idle: Duration::from_secs(30),
            keep_alive: None,
            ack_delay: Duration::from_millis(5),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

/// What one end tells the other in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Params {
    pub(crate) window: u64,
    pub(crate) messages: u64,
    pub(crate) max_message: u64,
    pub(crate) channels: u64,
    pub(crate) max_datagram: u64,
    pub(crate) ack_delay_us: u64,
    pub(crate) idle_ms: u64,
}

/// A quarter of the window may be read and not yet advertised: half of it is always there in the end.
pub(crate) fn max_message(config: &Config, window: u32) -> u32 {
    config.max_message.min(window / 2)
}

/// The longest delay of acknowledgements that a peer may announce.
const MAX_ACK_DELAY: Duration = Duration::from_secs(1);
const FIELDS: u8 = 7;

impl Params {
    pub(crate) fn of(config: &Config, window: u32) -> Self {
        Self {
            window: u64::from(window),
            messages: u64::from(config.receive_messages.max(1)),
            max_message: u64::from(max_message(config, window)),
            channels: u64::from(config.channels.max(1)),
            max_datagram: u64::from(config.max_datagram.max(BASE)),
            ack_delay_us: config.ack_delay.min(MAX_ACK_DELAY).as_micros() as u64,
            idle_ms: config.idle.as_millis().clamp(1, 1 << 40) as u64,
        }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(FIELDS);
        for value in [
            self.window,
            self.messages,
            self.max_message,
            self.channels,
            self.max_datagram,
            self.ack_delay_us,
            self.idle_ms,
        ] {
            put_varint(out, value);
        }
    }

    /// Reads and checks. Fields that later versions add are passed over.
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        let bad = Refusal::Parameters;
        let count = r.u8().filter(|n| (FIELDS..32).contains(n)).ok_or(bad)?;
        let mut fields = [0; FIELDS as usize];
        for i in 0..usize::from(count) {
            let value = r.varint().ok_or(bad)?;
            if let Some(field) = fields.get_mut(i) {
                *field = value;
            }
        }
        let [window, messages, max_message, channels, max_datagram, ack_delay_us, idle_ms] = fields;
        let sound = window <= 1 << 40
            && (1..=1 << 32).contains(&messages)
            && max_message <= u64::from(u32::MAX)
            && (1..=256).contains(&channels)
            && (u64::from(BASE)..=65_535).contains(&max_datagram)
            && ack_delay_us <= MAX_ACK_DELAY.as_micros() as u64
            && (1..=1 << 40).contains(&idle_ms);
        let params = Self { window, messages, max_message, channels, max_datagram, ack_delay_us, idle_ms };
        sound.then_some(params).ok_or(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault run 17: parameters of 0, above their maximum, or as large as can be.
    #[test]
    fn fault_17_senseless_parameters_are_refused() {
        let good = Params::of(&Config::default(), 65_536);
        let read = |p: &Params| {
            let mut out = Vec::new();
            p.put(&mut out);
            Params::read(&mut Reader::new(&out))
        };
        assert_eq!(read(&good), Ok(good));
        let max = super::super::codec::VARINT_MAX;
        for bad in [
            Params { messages: 0, ..good },
            Params { channels: 0, ..good },
            Params { channels: 257, ..good },
            Params { max_datagram: 1199, ..good },
            Params { max_datagram: max, ..good },
            Params { ack_delay_us: max, ..good },
            Params { ack_delay_us: 1_000_001, ..good },
            Params { idle_ms: 0, ..good },
            Params { idle_ms: max, ..good },
            Params { window: max, ..good },
            Params { messages: max, ..good },
            Params { max_message: max, ..good },
        ] {
            assert_eq!(read(&bad), Err(Refusal::Parameters), "{bad:?}");
        }
        for cut in 0..9 {
            let mut out = Vec::new();
            good.put(&mut out);
            assert_eq!(Params::read(&mut Reader::new(&out[..cut])), Err(Refusal::Parameters));
        }
    }
}
