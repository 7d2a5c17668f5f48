//! `sockeye serve`.

use std::time::Duration;

use sockeye_proto::framing::Framing;

use super::traffic::{Events, time};

/// What `sockeye serve` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sockeye serve hello tcp-listen:127.0.0.1:9999  for sockeye connect
  sockeye serve echo 5500 udp:127.0.0.1:5500     TCP and UDP on one port
  sockeye serve greet 8088 --max-clients 100
  sockeye serve hello 9999 --delay 1s            a pause before each answer
  sockeye serve echo unix:/tmp/echo.sock -v      show each message
  sockeye serve echo 5600 --frame len:u32be      a length, then the message
  sockeye serve files 8000 --root public         for sockeye get

Without a framing a message is what one receive brings: under load a stream
splits and merges messages.")]
pub(crate) struct Serve {
    /// What to serve
    #[arg(value_enum)]
    pub(crate) service: Service,

    /// Where: addresses, HOST:PORT, or ports on loopback
    #[arg(required = true, value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,

    /// How messages are told apart on streams (see sockeye frame --help)
    #[arg(short = 'F', long, value_name = "FRAMING")]
    pub(crate) frame: Option<Framing>,

    /// The directory that `files` serves
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub(crate) root: std::path::PathBuf,

    /// How long to think before each answer
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0")]
    pub(crate) delay: Duration,

    /// One answer for each client, then close
    #[arg(long)]
    pub(crate) once: bool,

    /// How many clients at a time on each address; others are refused with a message
    #[arg(long, short = 'm', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_clients: Option<u32>,

    /// How long clients may go on once the server was asked to end
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5s")]
    pub(crate) drain: Duration,

    /// Show each message: `Message from ADDRESS: TEXT`
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,

    /// Print what was done as JSON when it ends
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) events: Events,
}

/// The services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Service {
    /// Welcome!, then Hello, NAME! for each NAME; exit closes
    Hello,
    /// What comes goes back
    Echo,
    /// Thank you for connecting, and the end
    Greet,
    /// What comes is forgotten
    Discard,
    /// Characters without end
    Chargen,
    /// The date and the time as text
    Daytime,
    /// The seconds since 1900 in four bytes
    Time,
    /// What comes is counted and measured
    Sink,
    /// What one client says, the others read: Message from ADDRESS: TEXT
    Chat,
    /// The files of a directory, over HTTP/1.1
    Files,
}
