//! The stateless cookie: a keyed MAC over the client's address, its connection id and the time, so that a
//! server remembers nothing about a client until the client has proved that it receives at its address.

use super::types::ConnectionId;
use crate::time::Time;
use ring::hmac;
use std::net::{IpAddr, SocketAddr};

/// How long a cookie is good, seconds.
pub(crate) const LIFETIME: u64 = 15;
const MAC: usize = 16;
/// Length of a cookie: time (4), MAC (16).
pub(crate) const LEN: usize = 4 + MAC;

/// Makes and checks cookies. HMAC-SHA256, cut to 16 bytes.
#[derive(Debug)]
pub(crate) struct Jar(hmac::Key);

impl Jar {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(crate) fn bake(&self, now: Time, from: SocketAddr, client: ConnectionId) -> [u8; LEN] {
        let seconds = seconds(now).to_be_bytes();
        let mut cookie = [0; LEN];
        cookie[..4].copy_from_slice(&seconds);
        cookie[4..].copy_from_slice(&self.mac(seconds, from, client).as_ref()[..MAC]);
        cookie
    }

    pub(crate) fn check(&self, now: Time, from: SocketAddr, client: ConnectionId, cookie: &[u8]) -> bool {
        let Ok(cookie) = <&[u8; LEN]>::try_from(cookie) else { return false };
        let (at, mac) = cookie.split_at(4);
        let at: [u8; 4] = at.try_into().expect("split at 4");
        let age = u64::from(seconds(now)).checked_sub(u64::from(u32::from_be_bytes(at)));
        let expected = self.mac(at, from, client);
        // Constant time: the comparison must not tell how much of a guess was right.
        let same = mac.iter().zip(expected.as_ref()).fold(0, |d, (a, b)| d | (a ^ b)) == 0;
        same && age.is_some_and(|age| age <= LIFETIME)
    }

    fn mac(&self, seconds: [u8; 4], from: SocketAddr, client: ConnectionId) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&seconds);
        match from.ip() {
            IpAddr::V4(ip) => context.update(&ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&from.port().to_be_bytes());
        context.update(&client.0.to_be_bytes());
        context.sign()
    }
}

fn seconds(now: Time) -> u32 {
    (now.nanos() / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn good_for_its_address_id_and_time_alone() {
        let (jar, now) = (Jar::new(&[7; 32]), Time::after(Duration::from_secs(100)));
        let from: SocketAddr = "192.0.2.1:1234".parse().expect("an address");
        let id = ConnectionId(9);
        let cookie = jar.bake(now, from, id);
        assert!(jar.check(now, from, id, &cookie));
        assert!(jar.check(now + Duration::from_secs(LIFETIME), from, id, &cookie));
        assert!(!jar.check(now + Duration::from_secs(LIFETIME + 1), from, id, &cookie));
        assert!(!jar.check(now - Duration::from_secs(1), from, id, &cookie), "a cookie from the future");
        assert!(!jar.check(now, "192.0.2.1:1235".parse().expect("an address"), id, &cookie));
        assert!(!jar.check(now, from, ConnectionId(8), &cookie));
        for bit in 0..LEN * 8 {
            let mut forged = cookie;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!jar.check(now, from, id, &forged), "bit {bit}");
        }
        assert!(!jar.check(now, from, id, &cookie[..LEN - 1]));
    }
}
