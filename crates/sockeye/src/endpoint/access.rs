//! Who may connect: `allow=`, `deny=` and socat's `range=`.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

use sockeye_proto::address::{OptionName, Options, Value};

use super::net;
use crate::{Error, Result, error::Reason};

/// Networks that may connect and networks that may not. What is denied is denied, whatever else allows it;
/// with no network allowed by name, everyone else is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    allow: Vec<Network>,
    deny: Vec<Network>,
    /// The ports that peers must come from, where not any.
    from: Option<RangeInclusive<u16>>,
}

/// `address/length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    length: u8,
}

impl Access {
    /// What the options of an address say.
    ///
    /// # Errors
    /// When a network is none.
    pub(crate) fn of(options: &Options) -> Result<Self> {
        let mut access = Self::default();
        if options.flag(OptionName::Lowport) {
            access.from = Some(net::LOW_PORTS);
        }
        if let Some(port) = options.number(OptionName::Sourceport).and_then(|n| u16::try_from(n).ok()) {
            access.from = Some(port..=port);
        }
        for setting in options.iter() {
            let Value::Text(text) = &setting.value else { continue };
            match setting.name {
                OptionName::Allow | OptionName::Range => access.allow(text)?,
                OptionName::Deny => access.deny(text)?,
                _ => {}
            }
        }
        Ok(access)
    }

    /// Whether there is anyone whom it keeps out.
    pub(crate) fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Adds networks, separated by blanks or commas: `127.0.0.0/8 ::1`, or socat's `10.0.0.0:255.0.0.0`.
    ///
    /// # Errors
    /// When one is no network.
    pub fn allow(&mut self, text: &str) -> Result<()> {
        self.allow.extend(networks(text)?);
        Ok(())
    }

    /// As [`Access::allow`], for those to keep out.
    ///
    /// # Errors
    /// When one is no network.
    pub fn deny(&mut self, text: &str) -> Result<()> {
        self.deny.extend(networks(text)?);
        Ok(())
    }

    /// Whether this peer may connect. One without an IP address is judged by whether anything is allowed at all.
    pub fn admits(&self, peer: Option<SocketAddr>) -> bool {
        match peer {
            Some(peer) => self.admits_from(peer),
            None => self.allow.is_empty() && self.from.is_none(),
        }
    }

    /// Whether this peer may connect, or its datagrams count.
    pub(crate) fn admits_from(&self, peer: SocketAddr) -> bool {
        if self.from.as_ref().is_some_and(|ports| !ports.contains(&peer.port())) {
            return false;
        }
        let ip = peer.ip().to_canonical();
        let within = |list: &[Network]| list.iter().any(|n| n.contains(ip));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

impl Network {
    fn contains(self, ip: IpAddr) -> bool {
        let (bits, ours, theirs) = match (self.address, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (32, u128::from(a.to_bits()), u128::from(b.to_bits())),
            (IpAddr::V6(a), IpAddr::V6(b)) => (128, a.to_bits(), b.to_bits()),
            _ => return false,
        };
        (ours ^ theirs).checked_shr(u32::from(bits - self.length)).unwrap_or(0) == 0
    }
}

fn networks(text: &str) -> Result<Vec<Network>> {
    text.split([' ', ',']).filter(|word| !word.is_empty()).map(network).collect()
}

fn network(word: &str) -> Result<Network> {
    let wrong = || {
        let reason = Reason::Usage("it is neither ADDRESS, ADDRESS/LENGTH nor ADDRESS:MASK".into());
        Error::new("read the network", word, reason)
    };
    let (address, length) = match word.rsplit_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().map_err(|_| wrong())?)),
        None => match word.split_once(':') {
            Some((address, mask)) if address.parse::<std::net::Ipv4Addr>().is_ok() => {
                let mask: std::net::Ipv4Addr = mask.parse().map_err(|_| wrong())?;
                let ones = mask.to_bits().leading_ones();
                if mask.to_bits().count_ones() != ones {
                    return Err(wrong());
                }
                (address, u8::try_from(ones).ok())
            }
            _ => (word, None),
        },
    };
    let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match length.unwrap_or(most) {
        length if length <= most => Ok(Network { address, length }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allow: &str, deny: &str) -> Access {
        let mut access = Access::default();
        access.allow(allow).expect("networks");
        access.deny(deny).expect("networks");
        access
    }

    fn peer(text: &str) -> Option<SocketAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn deny_wins_and_an_empty_allow_admits_everyone() {
        assert!(access("", "").admits(peer("192.0.2.1:5")));
        assert!(access("", "").admits(None));
        let local = access("127.0.0.0/8 ::1", "127.0.0.9");
        assert!(local.admits(peer("127.1.2.3:80")));
        assert!(local.admits(peer("[::1]:80")));
        assert!(local.admits(peer("[::ffff:127.0.0.1]:80")), "an IPv4 peer on a dual-stack socket");
        assert!(!local.admits(peer("127.0.0.9:80")));
        assert!(!local.admits(peer("192.0.2.1:80")));
        assert!(!local.admits(None));
    }

    #[test]
    fn lengths_and_masks() {
        assert!(access("0.0.0.0/0", "").admits(peer("192.0.2.1:5")));
        assert!(access("10.0.0.0:255.0.0.0", "").admits(peer("10.9.9.9:5")));
        assert!(!access("10.0.0.0:255.0.0.0", "").admits(peer("11.9.9.9:5")));
        for wrong in ["10.0.0.0/33", "x", "10.0.0.0:255.0.255.0", "::/129", "10.0.0.0/"] {
            assert!(Access::default().allow(wrong).is_err(), "{wrong}");
        }
    }
}
