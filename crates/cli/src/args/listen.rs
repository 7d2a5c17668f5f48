//! `sockeye listen`.

use std::time::Duration;

use super::{
    talk::Talk,
    traffic::{Traffic, time},
};

/// What `sockeye listen` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye listen 9999                           one client, on this machine only
  sockeye listen -k tcp:0.0.0.0:9999            one client after another
  sockeye listen -k 9999 --exec 'bc -l'         a program for each client
  sockeye listen -k 9999 --sh-exec 'date; cat'  a shell command for each client
  sockeye listen udp:127.0.0.1:9999             datagrams
  sockeye listen unix:/tmp/x.sock               a Unix socket
  sockeye listen -k 9999 --broker               clients hear each other")]
pub(crate) struct Listen {
    /// Where to listen: an address, HOST:PORT, or a port on loopback
    pub(crate) address: String,

    #[command(flatten)]
    pub(crate) talk: Talk,

    /// Go on with other clients when one has left; several at a time
    #[arg(short = 'k', long)]
    pub(crate) keep_open: bool,

    /// Start a program for each client, its input and output joined to the socket
    #[arg(short = 'e', long, value_name = "COMMAND", conflicts_with = "sh_exec")]
    pub(crate) exec: Option<String>,

    /// The same with a shell
    #[arg(short = 'c', long, value_name = "COMMAND")]
    pub(crate) sh_exec: Option<String>,

    /// What one client says goes to all others (implies -k)
    #[arg(long, conflicts_with_all = ["exec", "sh_exec"])]
    pub(crate) broker: bool,

    /// As --broker, each line with the sender's number
    #[arg(long, conflicts_with_all = ["exec", "sh_exec", "broker"])]
    pub(crate) chat: bool,

    /// How many clients at a time; others are refused with a message
    #[arg(short = 'm', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_conns: Option<u32>,

    /// Only from these networks: 127.0.0.0/8,::1
    #[arg(long, value_name = "NETWORKS")]
    pub(crate) allow: Vec<String>,

    /// Not from these networks
    #[arg(long, value_name = "NETWORKS")]
    pub(crate) deny: Vec<String>,

    /// How long to wait for the first client, and silence afterwards
    #[arg(short = 'w', long, value_name = "TIME", value_parser = time)]
    pub(crate) wait: Option<Duration>,

    /// It listens anyway
    #[arg(short = 'l', hide = true)]
    pub(crate) listen: bool,

    #[command(flatten)]
    pub(crate) traffic: Traffic,
}
