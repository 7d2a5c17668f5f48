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
