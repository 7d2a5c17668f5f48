//! `netstat`: the part of its command line that lists sockets.

/// What `netstat` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Netstat {
    /// TCP
    #[arg(short = 't', long)]
    pub(crate) tcp: bool,
    /// UDP
    #[arg(short = 'u', long)]
    pub(crate) udp: bool,
    /// Raw IP
    #[arg(short = 'w', long)]
    pub(crate) raw: bool,
    /// Unix
    #[arg(short = 'x', long)]
    pub(crate) unix: bool,
    /// Numbers instead of names
    #[arg(short = 'n', long)]
    pub(crate) numeric: bool,
    /// Processes that hold the sockets
    #[arg(short = 'p', long)]
    pub(crate) programs: bool,
    /// Users and inodes
    #[arg(short = 'e', long, action = clap::ArgAction::Count)]
    pub(crate) extend: u8,
    /// Timers
    #[arg(short = 'o', long)]
    pub(crate) timers: bool,
    /// Listening sockets only
    #[arg(short = 'l', long)]
    pub(crate) listening: bool,
    /// Listening sockets too
    #[arg(short = 'a', long)]
    pub(crate) all: bool,
    /// Whole addresses, however wide
    #[arg(short = 'W', long)]
    pub(crate) wide: bool,
    /// IPv4 only
    #[arg(short = '4', long)]
    pub(crate) inet: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) inet6: bool,
    /// Taken for netstat's sake: nothing is left unsaid without it
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
    /// The protocols' counters instead of a list
    #[arg(short = 's', long)]
    pub(crate) statistics: bool,
}

const EXAMPLES: &str = "\
Examples:
  sockeye netstat -tlnp    who listens
  sockeye netstat -tuan    every TCP and UDP socket, in numbers
  sockeye netstat -xa      every unix socket
  sockeye netstat -s       what the protocols have counted since the start";
