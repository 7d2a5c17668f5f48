//! `sockeye frame`.

use std::path::PathBuf;

use clap::ArgGroup;
use sockeye_proto::framing::Framing;

/// What `sockeye frame` was given.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("job").required(true).args(["to", "check", "guess"]))]
#[command(after_help = EXAMPLES)]
pub(crate) struct Frame {
    /// How the input is framed
    #[arg(long, value_name = "FRAMING", required_unless_present = "guess")]
    pub(crate) from: Option<Framing>,
    /// Write the same messages in this framing to the standard output
    #[arg(long, value_name = "FRAMING", requires = "from")]
    pub(crate) to: Option<Framing>,
    /// Count messages, sizes, gaps and damage; exit 5 if not every byte is sound
    #[arg(long, requires = "from")]
    pub(crate) check: bool,
    /// Propose framings for unknown data, best first
    #[arg(long, conflicts_with = "from")]
    pub(crate) guess: bool,
    /// Print the result of --check or --guess as one line of JSON
    #[arg(long, conflicts_with = "to")]
    pub(crate) json: bool,
    /// The file to read; the standard input where it is - or missing
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Framings:
  line         text lines, ended by LF or CR LF
  delim:BYTES  ended by these bytes: delim:\\r\\n, delim:\\x00, delim:0x0d0a
  fixed:N      N bytes each
  len:TYPE     a length first: u8, u16, u24, u32, u64 with be or le, or varint
               (options: offset=, adjust=, skip=)
  netstring    5:hello,
  sealed       length, sequence number, timestamp, checksums
  max=SIZE     goes with each: the largest message (1M)

Examples:
  sockeye frame --from line --to len:u32be requests.txt > requests.bin
  sockeye frame --from len:u16le,adjust=-2 --to line capture.bin
  sockeye frame --from sealed --check capture.bin
  sockeye frame --guess unknown.bin";
