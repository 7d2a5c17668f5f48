//! What `sockeye connect` and `sockeye listen` have in common: nc's flags.

use std::time::Duration;

use super::traffic::time;

/// Which kind of socket a host and a port are, and how the conversation goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Talk {
    /// The port, where the address is only a host
    pub(crate) port: Option<String>,

    /// UDP instead of TCP, for HOST:PORT and ports
    #[arg(short = 'u', long, conflicts_with = "unix")]
    pub(crate) udp: bool,

    /// The address is the path of a Unix socket
    #[arg(short = 'U', long)]
    pub(crate) unix: bool,

    /// IPv4 only
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// IPv6 only
    #[arg(short = '6')]
    pub(crate) ipv6: bool,

    /// After the end of the input, wait this long for an answer at most
    #[arg(short = 'q', long, value_name = "TIME", value_parser = time)]
    pub(crate) quit: Option<Duration>,

    /// Send LF as CR LF
    #[arg(short = 'C', long)]
    pub(crate) crlf: bool,

    /// Print TCP states as they change, on the standard error
    #[arg(long)]
    pub(crate) states: bool,

    /// Only send
    #[arg(long, conflicts_with = "recv_only")]
    pub(crate) send_only: bool,

    /// Only receive; the input is not read
    #[arg(short = 'd', long)]
    pub(crate) recv_only: bool,

    /// Pass the end of the input on (it is always)
    #[arg(short = 'N', hide = true)]
    pub(crate) shutdown: bool,

    /// Addresses are looked up only where they are names (always)
    #[arg(short = 'n', hide = true)]
    pub(crate) numeric: bool,
}
