//! Socket addresses of families that have no type here, from their bytes.
#![allow(unsafe_code)]

use socket2::{SockAddr, SockAddrStorage};

use crate::error::Reason;

/// A socket address of `family` with these bytes behind the family.
///
/// # Errors
/// When the bytes are more than any socket address has.
pub(crate) fn address(family: u16, bytes: &[u8]) -> Result<SockAddr, Reason> {
    let head = size_of::<libc::sa_family_t>();
    let length = head + bytes.len();
    if length > size_of::<libc::sockaddr_storage>() {
        return Err(Reason::Usage(format!("an address of {} bytes is too long for a socket", bytes.len())));
    }
    let fill = |storage: *mut SockAddrStorage, len: *mut libc::socklen_t| {
        let start = storage.cast::<u8>();
        // SAFETY: the storage is as large as `sockaddr_storage`, zeroed, and nobody else's; the family and the bytes
        // fit, as was just checked.
        unsafe {
            start.copy_from_nonoverlapping(family.to_ne_bytes().as_ptr(), head);
            start.add(head).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            *len = length as libc::socklen_t;
        }
        Ok(())
    };
    // SAFETY: `fill` writes `length` bytes of an address, beginning with its family.
    let ((), made) = unsafe { SockAddr::try_init(fill) }?;
    Ok(made)
}

/// The same address as sendto(2) of the other library takes it.
pub(crate) fn any(address: &SockAddr) -> rustix::net::SocketAddrAny {
    // SAFETY: the pointer is to an initialised `sockaddr_storage` of which `len` bytes count; the copy is made at once.
    unsafe { rustix::net::SocketAddrAny::read(address.as_ptr().cast(), address.len()) }
}
