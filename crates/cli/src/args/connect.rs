//! `sockeye connect`.

use std::time::Duration;

use super::{
    talk::Talk,
    traffic::{Traffic, escaped, time},
};

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

    #[command(flatten)]
    pub(crate) talk: Talk,

    /// Connect, say so, and close
    #[arg(short = 'z', long = "zero")]
    pub(crate) zero: bool,

    /// How long connecting may take, and silence afterwards
    #[arg(short = 'w', long, value_name = "TIME", value_parser = time)]
    pub(crate) wait: Option<Duration>,

    /// The port to connect from
    #[arg(short = 'p', long, value_name = "PORT")]
    pub(crate) source_port: Option<String>,

    /// The address to connect from
    #[arg(short = 's', long, value_name = "ADDRESS")]
    pub(crate) source: Option<String>,

    /// Text to send before anything else (\\n, \\r, \\t, \\0 and \\\\ are escapes)
    #[arg(long, value_name = "TEXT", value_parser = escaped)]
    pub(crate) preamble: Option<String>,

    /// Never pass on the end of the input: the peer may answer what it likes for as long as it likes
    #[arg(long)]
    pub(crate) no_shutdown: bool,

    #[command(flatten)]
    pub(crate) traffic: Traffic,
}
