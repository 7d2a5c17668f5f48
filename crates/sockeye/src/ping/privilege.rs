//! Giving up what only opening a raw socket needs.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

use crate::{Error, Result};

/// Gives up every capability of the calling thread, for good: a raw socket, once open, needs none. Meant for
/// programs with file capabilities; call it before reading anything from the network. It does nothing for a
/// process that has none.
///
/// # Errors
/// Where the kernel refuses, which it does to no one who only gives up.
pub fn drop_privileges() -> Result<()> {
    let none = CapabilitySet::empty();
    match capabilities(None) {
        Ok(held) if held.permitted.is_empty() => Ok(()),
        _ => set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
            .map_err(|e| Error::new("drop", "the capabilities of this process", e)),
    }
}

/// Makes the right to raw sockets effective where this thread is permitted to; gives whether it did.
pub(super) fn raise_privilege() -> bool {
    let Ok(mut held) = capabilities(None) else { return false };
    if held.effective.contains(CapabilitySet::NET_RAW) || !held.permitted.contains(CapabilitySet::NET_RAW) {
        return false;
    }
    held.effective |= CapabilitySet::NET_RAW;
    set_capabilities(None, held).is_ok()
}
