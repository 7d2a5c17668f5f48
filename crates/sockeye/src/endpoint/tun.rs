//! `TUN`: a network interface whose packets are read and written here; and the flags of interfaces.

use std::{io, os::fd::AsRawFd, sync::Arc};

use rustix::fs::{Mode, OFlags};
use socket2::{Domain, Socket, Type};
use sockeye_proto::address::{Address, InterfaceAddress, OptionName, Options, Value};

use super::{
    About, Batch, BoxFuture, Endpoint, Handle, Keep, MessageRead, MessageWrite, Reader, Writer,
    datagram::LARGEST,
};
use crate::{Error, Result, error::Reason, socket::ioctl};

/// `IFF_TUN`, `IFF_TAP` and `IFF_NO_PI` of <linux/if_tun.h>.
const TUN: u16 = 1;
const TAP: u16 = 2;
const NO_PI: u16 = 0x1000;

/// The interface lives as long as the endpoint.
pub(super) fn open(address: &Address, own: Option<InterfaceAddress>) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let device = options.text(OptionName::TunDevice).unwrap_or("/dev/net/tun");
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open(device, flags, Mode::empty()).map_err(|e| Error::new("open", device, e))?;
    let mut kind = if options.text(OptionName::TunType) == Some("tap") { TAP } else { TUN };
    if options.flag(OptionName::IffNoPi) {
        kind |= NO_PI;
    }
    let wanted = options.text(OptionName::TunName).unwrap_or_default();
    let made = ioctl::tunnel(&fd, wanted, kind);
    let name = made.map_err(|e| Error::new("make an interface for", &what, e))?;
    if let Some(InterfaceAddress { ip, bits }) = own {
        let set = ioctl_socket().and_then(|socket| ioctl::set_interface_address(&socket, &name, ip, bits));
        set.map_err(|e| Error::new("give an address to the interface", &name, e))?;
    }
    set_flags(options, &name)?;
    let descriptors = Some([fd.as_raw_fd(); 2]);
    let handle = Arc::new(Handle::new(fd).map_err(|e| Error::new("use", &what, e))?);
    Ok(Endpoint {
        reader: Reader::Messages(Box::new(Packets(handle.clone()))),
        writer: Writer::Messages(Box::new(Packets(handle))),
        about: About { address: what, local: Some(name.into()), descriptors, ..About::default() }.into(),
        keep: Keep::default(),
    })
}

/// Sets the `iff-…` flags of an interface.
pub(super) fn set_flags(options: &Options, name: &str) -> Result<()> {
    let mut wanted = options.iter().filter_map(|setting| match setting.value {
        Value::Flag(on) => Some((flag(setting.name)?, on, setting.name.info().spelling)),
        _ => None,
    });
    wanted.try_for_each(|(flag, on, option)| {
        let failed = |e: Reason| Error::new(format!("set {option} of the interface"), name, e);
        let socket = ioctl_socket().map_err(|e| failed(e.into()))?;
        let flags = || ioctl::interface_flags(&socket, name).map_err(|e| failed(e.into()));
        let before = flags()?;
        let after = if on { before | flag } else { before & !flag };
        ioctl::set_interface_flags(&socket, name, after).map_err(|e| failed(e.into()))?;
        if flags()? & flag != after & flag {
            return Err(failed(Reason::Usage("the kernel does not let it be changed".into())));
        }
        Ok(())
    })
}

/// Interfaces are asked for through sockets.
fn ioctl_socket() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::DGRAM, None)
}

/// The bit of an option: `IFF_…` of netdevice(7).
pub(super) fn flag(name: OptionName) -> Option<u16> {
    Some(match name {
        OptionName::IffUp => 0x1,
        OptionName::IffBroadcast => 0x2,
        OptionName::IffDebug => 0x4,
        OptionName::IffLoopback => 0x8,
        OptionName::IffPointopoint => 0x10,
        OptionName::IffNotrailers => 0x20,
        OptionName::IffRunning => 0x40,
        OptionName::IffNoarp => 0x80,
        OptionName::IffPromisc => 0x100,
        OptionName::IffAllmulti => 0x200,
        OptionName::IffMaster => 0x400,
        OptionName::IffSlave => 0x800,
        OptionName::IffMulticast => 0x1000,
        OptionName::IffPortsel => 0x2000,
        OptionName::IffAutomedia => 0x4000,
        _ => return None,
    })
}

/// Each read and each write is one packet.
struct Packets(Arc<Handle>);

impl MessageRead for Packets {
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>> {
        Box::pin(async move {
            let handle = &self.0;
            let one = || batch.push_with(LARGEST, |room| Ok((handle.try_read(room)?, ())));
            handle.wait(tokio::io::Interest::READABLE, one).await?;
            Ok(true)
        })
    }

    fn ends(&self) -> bool {
        false
    }
}

impl MessageWrite for Packets {
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            for packet in batch.iter() {
                self.0.write(packet).await?;
            }
            Ok(())
        })
    }

    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
