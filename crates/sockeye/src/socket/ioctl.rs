//! ioctl(2) by number, as addresses ask for it, and what is asked of network interfaces that way (netdevice(7)).
#![allow(unsafe_code)]

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsFd, AsRawFd},
};

/// The argument of an ioctl(2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// None.
    Nothing,
    /// The number itself.
    Int(i32),
    /// A pointer to these bytes.
    Bytes(Vec<u8>),
}

/// What a pointer points to has this room at least: more than a request can say that it needs (14 bits of size).
const ROOM: usize = 1 << 14;

/// ioctl(2); gives back what the argument became.
pub(crate) fn ioctl(fd: impl AsFd, request: u32, argument: Argument) -> io::Result<Vec<u8>> {
    let fd = fd.as_fd().as_raw_fd();
    let request = libc::Ioctl::from(request);
    let (result, bytes) = match argument {
        // SAFETY: nothing is passed that the kernel could write to: it refuses a null pointer.
        Argument::Nothing => (unsafe { libc::ioctl(fd, request, 0_usize) }, Vec::new()),
        Argument::Int(number) => {
            // SAFETY: where the request takes a pointer, an `int` is none to memory of this process: an executable
            // that is loaded at any place, as Rust's are, has nothing in the lowest and highest 2 GiB.
            (unsafe { libc::ioctl(fd, request, isize::try_from(number).unwrap_or(0)) }, Vec::new())
        }
        Argument::Bytes(mut bytes) => {
            bytes.resize(bytes.len().max(ROOM), 0);
            // SAFETY: the pointer is to more bytes than any request reads or writes, and they outlive the call. Bytes that
            // hold a pointer themselves are whatever the user of `ioctl-bin` typed; no request of ours has any.
            (unsafe { libc::ioctl(fd, request, bytes.as_mut_ptr()) }, bytes)
        }
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(bytes) }
}

/// `struct ifreq`: 16 bytes of name, then a union of 24.
const NAME: usize = 16;

/// Where the address is in a `struct sockaddr_in`.
const ADDRESS: usize = 4;

const TUNSETIFF: u32 = 0x4004_54ca;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCSIFFLAGS: u32 = 0x8914;
const SIOCSIFADDR: u32 = 0x8916;
const SIOCSIFNETMASK: u32 = 0x891c;

fn request(name: &str, value: &[u8]) -> io::Result<Argument> {
    if name.len() >= NAME {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(NAME, 0);
    bytes.extend_from_slice(value);
    Ok(Argument::Bytes(bytes))
}

/// Makes the device of /dev/net/tun a tunnel; gives the name of its interface, which the kernel chooses where
/// `name` is empty.
pub(crate) fn tunnel(device: impl AsFd, name: &str, flags: u16) -> io::Result<String> {
    let made = ioctl(device, TUNSETIFF, request(name, &flags.to_ne_bytes())?)?;
    let name = made[..NAME].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// The `IFF_…` flags of an interface, by any socket.
pub(crate) fn interface_flags(socket: impl AsFd, name: &str) -> io::Result<u16> {
    let found = ioctl(socket, SIOCGIFFLAGS, request(name, &[])?)?;
    Ok(u16::from_ne_bytes([found[NAME], found[NAME + 1]]))
}

/// Sets the `IFF_…` flags of an interface, by any socket. Those that are not for users to change stay as they are.
pub(crate) fn set_interface_flags(socket: impl AsFd, name: &str, flags: u16) -> io::Result<()> {
    ioctl(socket, SIOCSIFFLAGS, request(name, &flags.to_ne_bytes())?).map(drop)
}

/// Gives an interface its IPv4 address and network, by an IPv4 socket.
pub(crate) fn set_interface_address(socket: impl AsFd, name: &str, ip: Ipv4Addr, bits: u8) -> io::Result<()> {
    let mask = Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0));
    for (what, ip) in [(SIOCSIFADDR, ip), (SIOCSIFNETMASK, mask)] {
        let mut place = (libc::AF_INET as u16).to_ne_bytes().to_vec();
        place.resize(ADDRESS, 0);
        place.extend(ip.octets());
        ioctl(&socket, what, request(name, &place)?)?;
    }
    Ok(())
}
