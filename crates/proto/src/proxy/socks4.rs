//! SOCKS4 and its extension for names, 4a: `4, CONNECT, port, address, user NUL [name NUL]`.

use std::net::SocketAddr;

use super::{Error, Target};

#[derive(Debug, Clone)]
pub(super) struct Socks4 {
    pub(super) out: Vec<u8>,
    pub(super) input: Vec<u8>,
}

const ANSWER: usize = 8;

impl Socks4 {
    pub(super) fn new(target: &Target, user: &str) -> Result<Self, Error> {
        let (address, port, name) = match target {
            Target::Address(SocketAddr::V4(to)) => (to.ip().octets(), to.port(), None),
            Target::Address(SocketAddr::V6(_)) => {
                return Err(Error::Unsayable("SOCKS4 knows IPv4 addresses only"));
            }
            // 4a: an address that cannot be says that a name follows.
            Target::Name(name, port) => ([0, 0, 0, 1], *port, Some(name)),
        };
        if user.contains('\0') || name.is_some_and(|n| n.contains('\0') || n.len() > 255) {
            return Err(Error::Unsayable("SOCKS4 takes neither NUL nor a name over 255 bytes"));
        }
        let mut out = vec![4, 1];
        out.extend(port.to_be_bytes());
        out.extend(address);
        for text in [Some(user), name.map(String::as_str)].into_iter().flatten() {
            out.extend(text.as_bytes());
            out.push(0);
        }
        Ok(Self { out, input: Vec::new() })
    }

    pub(super) fn wants(&self) -> usize {
        ANSWER - self.input.len()
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.input.extend(bytes.iter().take(self.wants()));
        match self.input[..] {
            [version, ..] if version != 0 => Err(Error::NotThisProtocol("SOCKS4")),
            [_, 90, ..] | [_] | [] => Ok(()),
            [_, 91, ..] => Err(Error::Refused("request rejected or failed (code 91)".into())),
            [_, 92 | 93, ..] => Err(Error::Login("it could not prove the user by identd".into())),
            [_, code, ..] => Err(Error::Refused(format!("code {code}"))),
        }
    }
}
