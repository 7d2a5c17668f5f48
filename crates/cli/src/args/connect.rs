//! `sockeye connect`.

use std::time::Duration;

use super::traffic::{Traffic, escaped, time};

/// What `sockeye connect` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye connect 127.0.0.1:9999                     a console on a TCP server
  sockeye connect localhost 9999                     the same, as nc spells it
  printf 'hi' | sockeye connect tcp:[::1]:9999       send, then the whole answer
  sockeye connect udp:127.0.0.1:9999                 each line is a datagram
  sockeye connect -C tcp:127.0.0.1:25                lines end in CR LF
  sockeye connect unix:/run/x.sock                   a Unix socket
  sockeye connect -F len:u32be 127.0.0.1:9999        lines become messages
  sockeye connect -z 127.0.0.1:22                    see whether it listens")]
pub(crate) struct Connect {
    /// What to connect to: an address, or HOST:PORT
    pub(crate) address: String,

    /// The port, where the address is only a host
    pub(crate) port: Option<String>,

    /// UDP instead of TCP, for HOST:PORT
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

    /// Connect, say so, and close
    #[arg(short = 'z', long = "zero")]
    pub(crate) zero: bool,

    /// How long connecting may take, and silence afterwards
    #[arg(short = 'w', long, value_name = "TIME", value_parser = time)]
    pub(crate) wait: Option<Duration>,

    /// After the end of the input, wait this long for an answer at most
    #[arg(short = 'q', long, value_name = "TIME", value_parser = time)]
    pub(crate) quit: Option<Duration>,

    /// The port to connect from
    #[arg(short = 'p', long, value_name = "PORT")]
    pub(crate) source_port: Option<String>,

    /// The address to connect from
    #[arg(short = 's', long, value_name = "ADDRESS")]
    pub(crate) source: Option<String>,

    /// Send LF as CR LF
    #[arg(short = 'C', long)]
    pub(crate) crlf: bool,

    /// Text to send before anything else (\\n, \\r, \\t, \\0 and \\\\ are escapes)
    #[arg(long, value_name = "TEXT", value_parser = escaped)]
    pub(crate) preamble: Option<String>,

    /// Never pass on the end of the input: the peer may answer what it likes for as long as it likes
    #[arg(long)]
    pub(crate) no_shutdown: bool,

    /// Print the TCP states of the connection as it lives, on the standard error
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

    #[command(flatten)]
    pub(crate) traffic: Traffic,
}
