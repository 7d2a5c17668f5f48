//! Which option does something for which kind of address. The grammar knows groups of kinds only; what is left
//! out here is refused, so that no option is accepted and then ignored.

use sockeye_proto::address::{Address, Groups, Kind, OptionName, SocketUse, Value};

use super::{
    begin::is_foreign,
    descriptor::{file_flag, is_ioctl},
    process::is_program,
    sockopt::{is_numbered, owner_request},
    terminal::is_terminal_option,
    tun,
};
use crate::{Error, Result, error::Reason};

/// Refuses options that would do nothing.
pub(super) fn check(address: &Address) -> Result<()> {
    for setting in address.options.iter() {
        if !handled(setting.name, &setting.value, address) {
            let (option, kind) = (setting.name.info().spelling, address.kind.keyword().name);
            let reason =
                Reason::Usage(format!("{kind} does not support the option \"{option}\"{}", why(address)));
            return Err(Error::new("open", address, reason));
        }
    }
    Ok(())
}

fn why(address: &Address) -> &'static str {
    match &address.kind {
        Kind::UnixConnect(_) | Kind::UnixClient(_) | Kind::UnixSendto(_)
            if !address.options.has(OptionName::Bind) =>
        {
            " (options of names need bind= here)"
        }
        _ => "",
    }
}

/// Whether the code does something about the option.
fn handled(name: OptionName, value: &Value, address: &Address) -> bool {
    use OptionName as O;
    let kind = &address.kind;
    let of = Of::new(address);
    // The address's own files and options of the terminal are in one place each, whatever the kind.
    if is_terminal_option(name) {
        return matches!(kind, Kind::Pty) || on_terminal(address) || is_foreign(kind);
    }
    if name.info().socket.is_some() || is_numbered(name) || owner_request(name).is_some() {
        return of.socket
            || (is_foreign(kind) && of.inherited)
            || (is_program(kind) && on_socketpair(address));
    }
    if file_flag(name).is_some() {
        return of.file || of.inherited;
    }
    if is_ioctl(name) || name == O::Async {
        return !(of.tls || of.arq || in_place(address) || matches!(kind, Kind::Tun(_)));
    }
    if tun::flag(name).is_some() {
        return matches!(kind, Kind::Tun(_) | Kind::Interface(_));
    }
    match name {
        O::Lockfile | O::Waitlock | O::IdleTimeout | O::TotalTimeout | O::Setsid => true,
        O::Preamble => !matches!(kind, Kind::Stdin),
        O::CoolWrite => !in_place(address),
        O::HalfClose => true,
        O::Shut => match value {
            Value::Text(word) if word == "null" => of.datagrams,
            _ => true,
        },
        O::EndClose => true,
        O::Frame | O::Crlf | O::Cr | O::Ignoreeof | O::Readbytes | O::Escape => of.stream,
        O::NullEof => of.datagrams && !of.many,
        O::Chdir | O::Su | O::SuDelayed | O::SuEarly | O::Setuid | O::SetuidEarly => true,
        O::Setgid | O::SetgidEarly | O::Chroot | O::ChrootEarly => true,

        O::Fork => of.listens || of.connects,
        O::MaxChildren => of.listens,
        O::Backlog => of.accepts,
        O::Bind => (of.socket && !matches!(kind, Kind::Socketpair)) && !of.listens_at_unix && !of.placed,
        O::Sourceport | O::Lowport => of.ports,
        O::ProtocolFamily => of.family,
        O::Socktype => of.unix || matches!(kind, Kind::Socketpair) || is_program(kind),
        O::Netns => of.socket && !of.raw && !matches!(kind, Kind::Socketpair),
        O::Socketprotocol => {
            of.socket && !of.raw && !matches!(kind, Kind::Socketpair | Kind::Socket(_) | Kind::Interface(_))
        }
        O::ConnectTimeout => of.connects || matches!(kind, Kind::Gopen(_)),
        O::AcceptTimeout => of.listens,
        O::Retry | O::Forever | O::Interval | O::Backoff | O::BackoffMax | O::Jitter => true,
        O::Allow | O::Deny | O::Range => {
            of.listens
                || matches!(kind, Kind::IpRecv { .. } | Kind::IpDatagram { .. })
                || matches!(kind, Kind::UdpRecv { .. } | Kind::UdpDatagram { .. })
        }
        O::SendProxy => of.connects && of.stream,
        O::AcceptProxy => of.accepts && !of.placed && !socktype_given(address),

        _ => handled_by_file(name, address, &of) || handled_by_few(name, address, &of),
    }
}

/// Options of files and of what has a name.
fn handled_by_file(name: OptionName, address: &Address, of: &Of) -> bool {
    use OptionName as O;
    let kind = &address.kind;
    match name {
        O::Mode | O::User | O::Group => {
            of.named || of.inherited || matches!(kind, Kind::Pty) || on_terminal(address)
        }
        O::ModeLate | O::UserLate | O::GroupLate => of.named || of.inherited,
        O::ModeEarly | O::UserEarly | O::GroupEarly => of.file,
        O::Umask => of.named || is_program(kind),
        O::Unlink | O::UnlinkEarly | O::UnlinkLate | O::UnlinkClose => of.named,
        O::Append | O::Create | O::Excl | O::Trunc | O::Rdonly | O::Wronly | O::Rdwr | O::Nonblock => of.file,
        O::Sync | O::Dsync | O::Directory | O::Noatime | O::Noctty | O::Nofollow | O::Largefile => of.file,
        O::Direct | O::Rsync => of.file,
        O::Seek | O::SeekCur | O::SeekEnd | O::Truncate => of.file,
        O::Setlk | O::SetlkRd | O::Setlkw | O::SetlkwRd => of.file || of.inherited,
        O::Flock | O::FlockNb | O::FlockSh | O::FlockShNb => of.file || of.inherited,
        O::Cloexec => is_foreign(kind),
        _ => false,
    }
}

/// Options of programs, proxies, TLS and ARQ.
fn handled_by_few(name: OptionName, address: &Address, of: &Of) -> bool {
    use OptionName as O;
    let kind = &address.kind;
    match name {
        O::Pty | O::Openpty | O::Ptmx | O::Pipes | O::Socketpair | O::Fdin | O::Fdout | O::Stderr => {
            is_program(kind)
        }
        O::Nofork => is_program(kind) && !on_terminal(address) && !address.options.flag(O::Pipes),
        O::Sighup | O::Sigint | O::Sigquit => is_program(kind),
        O::TunDevice | O::TunName | O::TunType | O::IffNoPi => matches!(kind, Kind::Tun(_)),
        O::Ignorecr => matches!(kind, Kind::Proxy { .. }),
        O::UnixTightsocklen => of.unix,
        O::Path => is_program(kind),
        O::Login => matches!(kind, Kind::Exec(_)),
        O::ShellProgram => matches!(kind, Kind::System(_) | Kind::Shell(_)),
        O::Setenv | O::Setpgid => is_program(kind),
        O::Ctty => on_terminal(address),
        O::Link | O::WaitSlave | O::PtyInterval => matches!(kind, Kind::Pty),

        O::Proxyport | O::ProxyAuthorization | O::ProxyAuthorizationFile | O::ProxyResolve => {
            matches!(kind, Kind::Proxy { .. })
        }
        O::Socksport | O::Socksuser => of.socks,
        O::Sockspass => matches!(kind, Kind::Socks5 { .. }),
        O::Key => of.tls || of.arq,
        O::Cert | O::Cafile | O::Verify | O::Alpn | O::MinVersion | O::MaxVersion => of.tls,
        O::Capath | O::Commonname | O::Sni | O::NoSni => matches!(kind, Kind::Tls { .. }),
        O::ArqMode | O::Channels | O::Window | O::ArqCongestion | O::Integrity => of.arq,
        O::ArqMtu | O::Idle | O::Checksum | O::Retransmit | O::WindowSvg => of.arq,
        _ => false,
    }
}

/// What a kind is, as far as options are concerned.
struct Of {
    stream: bool,
    datagrams: bool,
    /// One endpoint for each datagram or peer.
    many: bool,
    socket: bool,
    unix: bool,
    raw: bool,
    connects: bool,
    listens: bool,
    accepts: bool,
    listens_at_unix: bool,
    /// Its parameters say where it is bound.
    placed: bool,
    ports: bool,
    family: bool,
    tls: bool,
    socks: bool,
    arq: bool,
    /// A file, FIFO or device that is opened by its path.
    file: bool,
    /// Something that gets a name in the file system.
    named: bool,
    inherited: bool,
}

impl Of {
    fn new(address: &Address) -> Self {
        let kind = &address.kind;
        let groups = kind.keyword().groups;
        let is = |group: Groups| groups.meets(group);
        let inherited = matches!(kind, Kind::Stdio | Kind::Stdin | Kind::Stdout | Kind::Stderr | Kind::Fd(_));
        let unix = matches!(
            kind,
            Kind::UnixConnect(_)
                | Kind::UnixClient(_)
                | Kind::UnixListen(_)
                | Kind::UnixSendto(_)
                | Kind::UnixRecv(_)
                | Kind::UnixRecvfrom(_)
        );
        let raw = matches!(
            kind,
            Kind::IpSendto { .. } | Kind::IpDatagram { .. } | Kind::IpRecv { .. } | Kind::IpRecvfrom { .. }
        );
        let udp = is(Groups::UDP) && !inherited;
        let file = matches!(kind, Kind::Open(_) | Kind::Create(_) | Kind::Gopen(_) | Kind::Pipe(Some(_)));
        let recvfrom = match kind {
            Kind::UdpRecvfrom { .. } | Kind::UnixRecvfrom(_) | Kind::IpRecvfrom { .. } => true,
            Kind::Socket(socket) => socket.does == SocketUse::Recvfrom,
            _ => false,
        };
        let arq = matches!(kind, Kind::Arq { .. } | Kind::ArqListen { .. });
        let binds_unix = match kind {
            Kind::UnixListen(_) | Kind::UnixRecv(_) | Kind::UnixRecvfrom(_) => true,
            _ => unix && address.options.has(OptionName::Bind),
        };
        Self {
            stream: is(Groups::STREAM) && !arq,
            datagrams: udp || raw || unix,
            many: recvfrom || matches!(kind, Kind::UdpListen { .. }),
            socket: is(Groups::SOCKET) && !inherited && !is_program(kind) && !matches!(kind, Kind::Gopen(_)),
            unix,
            raw,
            connects: is(Groups::CONNECT),
            listens: is(Groups::LISTEN) || recvfrom,
            accepts: match kind {
                Kind::TcpListen { .. } | Kind::TlsListen { .. } | Kind::UnixListen(_) => true,
                Kind::SctpListen { .. } => true,
                Kind::Socket(socket) => socket.does == SocketUse::Listen,
                Kind::VsockListen(_) => true,
                _ => false,
            },
            listens_at_unix: matches!(kind, Kind::UnixListen(_) | Kind::UnixRecv(_) | Kind::UnixRecvfrom(_)),
            placed: is_placed(kind),
            ports: (is(Groups::TCP) && !inherited && !arq)
                || matches!(kind, Kind::Udp { .. } | Kind::UdpSendto { .. } | Kind::UdpListen { .. })
                || matches!(kind, Kind::UdpRecvfrom { .. }),
            family: matches!(
                kind,
                Kind::Tcp { .. }
                    | Kind::TcpListen { .. }
                    | Kind::Udp { .. }
                    | Kind::UdpListen { .. }
                    | Kind::UdpSendto { .. }
                    | Kind::UdpRecv { .. }
                    | Kind::UdpRecvfrom { .. }
                    | Kind::UdpDatagram { .. }
            ) || raw,
            tls: matches!(kind, Kind::Tls { .. } | Kind::TlsListen { .. }),
            socks: matches!(kind, Kind::Socks4 { .. } | Kind::Socks4a { .. } | Kind::Socks5 { .. }),
            arq,
            file,
            named: file || binds_unix,
            inherited,
        }
    }
}

/// Whether the parameters say where it is bound.
fn is_placed(kind: &Kind) -> bool {
    match kind {
        Kind::Socket(socket) => {
            matches!(socket.does, SocketUse::Listen | SocketUse::Recv | SocketUse::Recvfrom)
        }
        Kind::Interface(_) | Kind::VsockConnect(_) | Kind::VsockListen(_) => true,
        _ => false,
    }
}

/// Sequenced packets, say, which have no header ahead of their bytes.
fn socktype_given(address: &Address) -> bool {
    address.options.has(OptionName::Socktype)
}

fn on_terminal(address: &Address) -> bool {
    let on = |name| address.options.flag(name);
    is_program(&address.kind) && (on(OptionName::Pty) || on(OptionName::Openpty) || on(OptionName::Ptmx))
}

fn on_socketpair(address: &Address) -> bool {
    !on_terminal(address) && !address.options.flag(OptionName::Pipes) && !in_place(address)
}

fn in_place(address: &Address) -> bool {
    is_program(&address.kind) && address.options.flag(OptionName::Nofork)
}

#[cfg(test)]
mod tests;
