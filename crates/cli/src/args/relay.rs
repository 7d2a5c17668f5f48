//! `sockeye relay`.

use super::traffic::{Traffic, escaped};

/// What `sockeye relay` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  forward a port; without fork, one connection and the end
    sockeye relay tcp-listen:8080,fork tcp:127.0.0.1:80
  the word relay may be left out; - is the standard input and output
    sockeye tcp:127.0.0.1:80 -
  a Unix socket in front of a TCP server
    sockeye relay unix-listen:/tmp/x.sock,fork tcp:[::1]:80
  datagrams into a file, one way
    sockeye relay -u udp-recv:5000 create:/tmp/capture
  a program for each client
    sockeye relay tcp-listen:7000,fork 'exec:bc -l'
  convert between framings; datagrams over TCP with their boundaries kept
    sockeye relay tcp-listen:7000,frame=line tcp:h:80,frame=len:u32be
    sockeye relay udp-listen:7000 tcp:h:80,frame=len:u16be
  see what passes; how far a long copy is; numbers for Prometheus
    sockeye relay -v -x tcp-listen:7000 tcp:127.0.0.1:80
    sockeye relay --progress -u ./disk.img tcp:[::1]:9000
    sockeye relay --stats --metrics 9090 tcp-listen:8080,fork tcp:127.0.0.1:80")]
pub(crate) struct Relay {
    /// The first address (A!!B reads from A and writes to B)
    #[arg(value_name = "A", allow_hyphen_values = true)]
    pub(crate) first: String,

    /// The second address, opened for each peer of the first
    #[arg(value_name = "B", allow_hyphen_values = true)]
    pub(crate) second: String,

    /// Only from A to B
    #[arg(short = 'u', long, conflicts_with = "backward")]
    pub(crate) forward: bool,

    /// Only from B to A
    #[arg(short = 'U', long)]
    pub(crate) backward: bool,

    /// Text to send to B before anything else, each time it is opened (\\n, \\r, \\t, \\0 and \\\\ are escapes)
    #[arg(long, value_name = "TEXT", value_parser = escaped)]
    pub(crate) preamble: Option<String>,

    /// Say of each pair that ends what passed, and the sum at the end (SIGUSR1 shows those that run, at any time)
    #[arg(long)]
    pub(crate) stats: bool,

    /// Show how far it is: bytes, rate, and the time left where the size is known
    #[arg(long)]
    pub(crate) progress: bool,

    /// Serve Prometheus metrics at this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<String>,

    #[command(flatten)]
    pub(crate) traffic: Traffic,
}
