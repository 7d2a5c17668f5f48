//! `sockeye options`.

/// What `sockeye options` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye options                                every option, with what it does
  sockeye options SO_RCVBUF                      one option (or: rcvbuf)
  sockeye options tcp:127.0.0.1:80               the values on a new TCP socket
  sockeye options udp:[::1]:53,rcvbuf=64k        with the address's own options
  sockeye options fd:3 3<>/dev/tcp/127.0.0.1/22  on a socket that bash opened")]
pub(crate) struct Options {
    /// An option to explain, or an address: the values on the socket that it names, not connected
    #[arg(value_name = "NAME|ADDRESS")]
    pub(crate) what: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
