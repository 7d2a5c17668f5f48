//! `sockeye ping`, and `ping` itself: the flags are iputils'.
//!
//! Values stay text here: what is wrong with one is said in ping's words by the command.

use clap::{CommandFactory, Parser};

/// The flags of ping(8), one letter each.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(disable_version_flag = true, args_override_self = true)]
#[expect(clippy::struct_excessive_bools, reason = "that is what the flags of ping are")]
pub(crate) struct PingFlags {
    /// Ring the bell at each answer
    #[arg(short = 'a')]
    pub(crate) audible: bool,
    /// Follow the round-trip time: about one probe under way
    #[arg(short = 'A')]
    pub(crate) adaptive: bool,
    /// Stay with the first source address
    #[arg(short = 'B')]
    pub(crate) sticky_source: bool,
    /// End after this many answers
    #[arg(short = 'c', value_name = "count", allow_hyphen_values = true)]
    pub(crate) count: Option<String>,
    /// Connect the socket: answers from other addresses are dropped
    #[arg(short = 'C')]
    pub(crate) connect: bool,
    /// Start each line with the time of day
    #[arg(short = 'D')]
    pub(crate) timestamps: bool,
    /// Set SO_DEBUG on the socket
    #[arg(short = 'd')]
    pub(crate) debug: bool,
    /// The identifier of the echoes, 0 to 65535
    #[arg(short = 'e', value_name = "identifier", allow_hyphen_values = true)]
    pub(crate) id: Option<String>,
    /// Flood: as fast as answers come, or a hundred each second; a dot for each probe still out
    #[arg(short = 'f')]
    pub(crate) flood: bool,
    /// Send from this interface or address
    #[arg(short = 'I', value_name = "interface", action = clap::ArgAction::Append)]
    pub(crate) interface: Vec<String>,
    /// Seconds between probes (1)
    #[arg(short = 'i', value_name = "interval", allow_hyphen_values = true)]
    pub(crate) interval: Option<String>,
    /// Print lines of JSON, ending with the statistics
    #[arg(short = 'j')]
    pub(crate) json_lines: bool,
    /// Do not hear one's own multicasts
    #[arg(short = 'L')]
    pub(crate) no_loop: bool,
    /// Send this many probes before waiting for an answer
    #[arg(short = 'l', value_name = "preload", allow_hyphen_values = true)]
    pub(crate) preload: Option<String>,
    /// Mark the packets for the firewall
    #[arg(short = 'm', value_name = "mark", allow_hyphen_values = true)]
    pub(crate) mark: Option<String>,
    /// Path MTU discovery: do, want, dont or probe
    #[arg(short = 'M', value_name = "pmtud opt", allow_hyphen_values = true)]
    pub(crate) path_mtu: Option<String>,
    /// Print addresses, no names
    #[arg(short = 'n')]
    pub(crate) numeric: bool,
    /// Say which probe is unanswered when the next one goes out
    #[arg(short = 'O')]
    pub(crate) outstanding: bool,
    /// Fill the payload with these bytes, up to 16, in hexadecimal
    #[arg(short = 'p', value_name = "pattern", allow_hyphen_values = true)]
    pub(crate) pattern: Option<String>,
    /// Print the first line and the statistics only
    #[arg(short = 'q')]
    pub(crate) quiet: bool,
    /// The type of service or traffic class, 0 to 255
    #[arg(short = 'Q', value_name = "tclass", allow_hyphen_values = true)]
    pub(crate) tos: Option<String>,
    /// Bypass the routing table
    #[arg(short = 'r')]
    pub(crate) dont_route: bool,
    /// Bytes of payload (56)
    #[arg(short = 's', value_name = "size", allow_hyphen_values = true)]
    pub(crate) size: Option<String>,
    /// The socket's send buffer in bytes
    #[arg(short = 'S', value_name = "size", allow_hyphen_values = true)]
    pub(crate) send_buffer: Option<String>,
    /// The time to live, 1 to 255
    #[arg(short = 't', value_name = "ttl", allow_hyphen_values = true)]
    pub(crate) ttl: Option<String>,
    /// Show the program's own times, not the kernel's
    #[arg(short = 'U')]
    pub(crate) user_latency: bool,
    /// Say more: the identifier of each echo
    #[arg(short = 'v')]
    pub(crate) verbose: bool,
    /// Print the version and exit
    #[arg(short = 'V')]
    pub(crate) version: bool,
    /// End after this many seconds
    #[arg(short = 'w', value_name = "deadline", allow_hyphen_values = true)]
    pub(crate) deadline: Option<String>,
    /// Seconds to wait for an answer where none came yet (10)
    #[arg(short = 'W', value_name = "timeout", allow_hyphen_values = true)]
    pub(crate) timeout: Option<String>,
    /// IPv4 only
    #[arg(short = '4')]
    pub(crate) v4: bool,
    /// Allow broadcast addresses (IPv4)
    #[arg(short = 'b')]
    pub(crate) broadcast: bool,
    /// Record the route in the header, at most nine hops (IPv4)
    #[arg(short = 'R')]
    pub(crate) record_route: bool,
    /// Record times in the header: tsonly or tsandaddr (IPv4)
    #[arg(short = 'T', value_name = "timestamp", allow_hyphen_values = true)]
    pub(crate) record_times: Option<String>,
    /// IPv6 only
    #[arg(short = '6')]
    pub(crate) v6: bool,
    /// The flow label (IPv6); not supported
    #[arg(short = 'F', value_name = "flowlabel", allow_hyphen_values = true)]
    pub(crate) flow_label: Option<String>,
    /// Node information queries (IPv6); not supported
    #[arg(short = 'N', value_name = "nodeinfo opt", allow_hyphen_values = true)]
    pub(crate) node_info: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  sockeye ping -c 3 example.org         one host, as ping does it
  sockeye ping --plot example.org       a live picture of the times
  sockeye ping 192.0.2.0/24 --alive     which hosts of a network answer
  sockeye ping -c 10 a b c --worst 2    several hosts, and the worst of them
  sockeye ping --tcp 443 example.org    the time to set up a connection
  sockeye ping --trace example.org      every router on the way
  sockeye ping -c 5 --json example.org  with percentiles, for programs

Exit codes, one host: 0 answered, 1 not answered, 2 any error.
Several hosts: 0 all answered, 1 some did not, 2 a name has no address,
3 wrong usage, 4 a system call failed.";

/// What `sockeye ping` was given.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Ping {
    #[command(flatten)]
    pub(crate) flags: PingFlags,
    /// Names, addresses, or networks such as 192.0.2.0/24
    #[arg(value_name = "HOST")]
    pub(crate) hosts: Vec<String>,
    /// Take hosts from a file too, one or more a line; - is the standard input
    #[arg(long, value_name = "FILE", help_heading = "Many hosts")]
    pub(crate) file: Option<std::path::PathBuf>,
    /// Probes per second, over all hosts (1000; on loopback 1000000)
    #[arg(long, value_name = "N", help_heading = "Many hosts")]
    pub(crate) rate: Option<std::num::NonZeroU32>,
    /// Ask hosts that do not answer this many times more
    #[arg(long, value_name = "N", help_heading = "Many hosts")]
    pub(crate) retry: Option<u32>,
    /// Print the hosts that answer, nothing else
    #[arg(long, help_heading = "Many hosts", conflicts_with = "unreach")]
    pub(crate) alive: bool,
    /// Print the hosts that do not answer, nothing else
    #[arg(long, help_heading = "Many hosts")]
    pub(crate) unreach: bool,
    /// Print a table of the worst hosts, by loss and then by time
    #[arg(long, value_name = "N", help_heading = "Many hosts", num_args = 0..=1, default_missing_value = "10")]
    pub(crate) worst: Option<usize>,
    /// Set up TCP connections to this port instead of sending echoes
    #[arg(long, value_name = "PORT", help_heading = "Probes", conflicts_with_all = ["udp", "trace"])]
    pub(crate) tcp: Option<std::num::NonZeroU16>,
    /// Send UDP datagrams to this port; any datagram back is an answer
    #[arg(long, value_name = "PORT", help_heading = "Probes", conflicts_with = "trace")]
    pub(crate) udp: Option<std::num::NonZeroU16>,
    /// Show the way to the host, hop by hop; -c is the number of rounds (3)
    #[arg(long, help_heading = "Probes")]
    pub(crate) trace: bool,
    /// How far --trace looks (30)
    #[arg(long, value_name = "N", help_heading = "Probes", requires = "trace", value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) hops: Option<u8>,
    /// Draw the times on the terminal while they come; q ends it
    #[arg(long, help_heading = "Output", conflicts_with_all = ["trace", "json"])]
    pub(crate) plot: bool,
    /// Write a picture of the times when it ends
    #[arg(long, value_name = "FILE", help_heading = "Output", conflicts_with = "trace")]
    pub(crate) svg: Option<std::path::PathBuf>,
    /// Print the result as one JSON object when it ends, and nothing else
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Write events, one line of JSON each, to this file; - is the standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) events: Option<String>,
    /// Whether the program was called ping: its own command line and nothing else.
    #[arg(skip)]
    pub(crate) strict: bool,
    /// The name that error messages start with: what it was called as.
    #[arg(skip = String::from("ping"))]
    pub(crate) program: String,
}

/// The command line of ping itself.
#[derive(Debug, Parser)]
#[command(name = "ping", disable_help_flag = true, disable_version_flag = true, about = None, long_about = None)]
#[command(help_template = "Usage\n  ping [options] <destination>\n\n{all-args}\n")]
struct Strict {
    #[command(flatten)]
    flags: PingFlags,
    /// Print this help
    #[arg(short = 'h')]
    help: bool,
    /// A name or an address
    #[arg(value_name = "destination")]
    hosts: Vec<String>,
}

/// Parses ping's own command line.
///
/// # Errors
/// A text to be shown: what is wrong, in ping's words, and how to use it.
pub(crate) fn strict(words: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Ping, String> {
    let words: Vec<_> = words.into_iter().collect();
    let name = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let usage = || format!("\n{}", Strict::command().render_help());
    match Strict::try_parse_from(words) {
        Ok(typed) if typed.help => Err(usage()),
        Ok(Strict { mut flags, hosts, .. }) => {
            flags.v4 |= name.ends_with('4');
            flags.v6 |= name.ends_with('6');
            Ok(Ping { flags, hosts, strict: true, program: name, ..Ping::default() })
        }
        Err(error) => {
            use clap::error::{ContextKind, ErrorKind};
            let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
            let letter = argument.chars().nth(1).unwrap_or('-');
            let what = match error.kind() {
                ErrorKind::UnknownArgument => format!("{name}: invalid option -- '{letter}'\n"),
                ErrorKind::InvalidValue => format!("{name}: option requires an argument -- '{letter}'\n"),
                _ => format!("{name}: {}", error.render()),
            };
            Err(what + &usage())
        }
    }
}
