//! `sockeye ss`: ss's own command line, and what goes beyond it.

mod plain;

use std::path::PathBuf;

use clap::{ArgMatches, FromArgMatches, ValueEnum, parser::ValueSource};

/// What `sockeye ss` was given.
#[derive(Debug, Default, clap::Args)]
#[command(disable_version_flag = true, after_help = EXAMPLES, args_override_self = true, infer_long_args = true)]
pub(crate) struct Ss {
    /// Where the flags stand that select tables and families. First, for the other fields take themselves out.
    #[command(flatten)]
    pub(crate) order: Order,
    /// Numbers instead of service names
    #[arg(short = 'n', long)]
    pub(crate) numeric: bool,
    /// Host names instead of addresses
    #[arg(short = 'r', long)]
    pub(crate) resolve: bool,
    /// Sockets in every state
    #[arg(short = 'a', long, overrides_with = "listening")]
    pub(crate) all: bool,
    /// Listening sockets only
    #[arg(short = 'l', long, overrides_with = "all")]
    pub(crate) listening: bool,
    /// TCP sockets that are bound and neither listen nor are connected (Linux 6.4)
    #[arg(short = 'B', long)]
    pub(crate) bound_inactive: bool,
    /// Timers
    #[arg(short = 'o', long)]
    pub(crate) options: bool,
    /// User, inode, cookie, mark, control group and shutdown
    #[arg(short = 'e', long)]
    pub(crate) extended: bool,
    /// Memory and buffers
    #[arg(short = 'm', long)]
    pub(crate) memory: bool,
    /// Processes that hold the sockets
    #[arg(short = 'p', long)]
    pub(crate) processes: bool,
    /// Threads that hold the sockets
    #[arg(short = 'T', long)]
    pub(crate) threads: bool,
    /// TCP's measurements: round-trip time, windows, retransmissions, rates
    #[arg(short = 'i', long)]
    pub(crate) info: bool,
    /// Counts instead of a list
    #[arg(short = 's', long)]
    pub(crate) summary: bool,
    /// Type of service and priority
    #[arg(long)]
    pub(crate) tos: bool,
    /// Control groups
    #[arg(long)]
    pub(crate) cgroup: bool,
    /// Filters of packet sockets
    #[arg(short = 'b', long)]
    pub(crate) bpf: bool,
    /// Go on printing sockets as they end
    #[arg(short = 'E', long)]
    pub(crate) events: bool,
    /// Security contexts of tasks
    #[arg(short = 'Z', long)]
    pub(crate) context: bool,
    /// Security contexts of tasks and sockets
    #[arg(short = 'z', long)]
    pub(crate) contexts: bool,
    /// In this network namespace
    #[arg(short = 'N', long, value_name = "NETNS")]
    pub(crate) net: Option<String>,
    /// IPv4 only
    #[arg(short = '4', long)]
    pub(crate) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Packet sockets
    #[arg(short = '0', long)]
    pub(crate) packet: bool,
    /// TCP
    #[arg(short = 't', long)]
    pub(crate) tcp: bool,
    /// MPTCP
    #[arg(short = 'M', long)]
    pub(crate) mptcp: bool,
    /// SCTP
    #[arg(short = 'S', long)]
    pub(crate) sctp: bool,
    /// UDP
    #[arg(short = 'u', long)]
    pub(crate) udp: bool,
    /// DCCP
    #[arg(short = 'd', long)]
    pub(crate) dccp: bool,
    /// Raw IP
    #[arg(short = 'w', long)]
    pub(crate) raw: bool,
    /// Unix
    #[arg(short = 'x', long)]
    pub(crate) unix: bool,
    /// TIPC
    #[arg(long)]
    pub(crate) tipc: bool,
    /// TIPC's details
    #[arg(long)]
    pub(crate) tipcinfo: bool,
    /// Sockets between virtual machines
    #[arg(long)]
    pub(crate) vsock: bool,
    /// XDP
    #[arg(long)]
    pub(crate) xdp: bool,
    /// One family: inet, inet6, link, unix, netlink, vsock, tipc, xdp
    #[arg(short = 'f', long, value_name = "FAMILY")]
    pub(crate) family: Vec<String>,
    /// Close the sockets that match, and print those that were closed
    #[arg(short = 'K', long)]
    pub(crate) kill: bool,
    /// No heading
    #[arg(short = 'H', long)]
    pub(crate) no_header: bool,
    /// No queues
    #[arg(short = 'Q', long)]
    pub(crate) no_queues: bool,
    /// Each socket on one line
    #[arg(short = 'O', long)]
    pub(crate) oneline: bool,
    /// Options of inet sockets
    #[arg(long)]
    pub(crate) inet_sockopt: bool,
    /// Tables: all, inet, tcp, mptcp, udp, raw, unix, unix_dgram, unix_stream, unix_seqpacket, packet,
    /// packet_raw, packet_dgram, netlink, dccp, sctp, vsock_stream, vsock_dgram, tipc, xdp; `!` takes one out
    #[arg(short = 'A', long, visible_alias = "socket", value_name = "TABLE,…", value_delimiter = ',')]
    pub(crate) query: Vec<String>,
    /// Write the kernel's messages about TCP sockets to a file (`-`: the output)
    #[arg(short = 'D', long, value_name = "FILE")]
    pub(crate) diag: Option<PathBuf>,
    /// Read more of the filter from a file (`-`: the input)
    #[arg(short = 'F', long = "filter", value_name = "FILE")]
    pub(crate) filter_file: Option<PathBuf>,
    /// The versions
    #[arg(short = 'V', short_alias = 'v', long)]
    pub(crate) version: bool,
    /// JSON: an array with an object for each socket, group or count
    #[arg(long)]
    pub(crate) json: bool,
    /// Count sockets by these instead of listing them, most first
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) by: Vec<Field>,
    /// Order by this: numbers from the highest, text from A
    #[arg(long, value_name = "FIELD")]
    pub(crate) sort: Option<Field>,
    /// Show these columns only
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub(crate) fields: Vec<Field>,
    /// Which sockets: `[state STATE…] [EXPRESSION]`
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
    /// Whether the program was called ss: its exit codes.
    #[arg(skip)]
    pub(crate) strict: bool,
}

/// Where flags stand whose order decides.
#[derive(Debug, Default)]
pub(crate) struct Order(Vec<(&'static str, usize)>);

impl Order {
    /// The flags, by the long names of their fields.
    const FLAGS: [&str; 15] = [
        "tcp", "udp", "dccp", "sctp", "raw", "mptcp", "query", "unix", "vsock", "tipc", "xdp", "packet",
        "ipv4", "ipv6", "family",
    ];

    /// The flag comes last; it counts where it stood last.
    fn push(&mut self, flag: &'static str) {
        let at = self.0.last().map_or(0, |(_, at)| at + 1);
        self.0.retain(|(name, _)| *name != flag);
        self.0.push((flag, at));
    }

    /// Whether the flag does not stand before the first `-A`, which forgets what was selected so far.
    pub(crate) fn outlives_query(&self, flag: &str) -> bool {
        let first = |flag| self.0.iter().find(|(name, _)| *name == flag).map(|(_, at)| *at);
        let last = |flag| self.0.iter().rfind(|(name, _)| *name == flag).map(|(_, at)| *at);
        last(flag) > first("query")
    }

    /// These flags in the order in which they were given, `family` as often as it was.
    pub(crate) fn given<'a>(&'a self, flags: &'a [&str]) -> impl Iterator<Item = &'static str> + 'a {
        self.0.iter().map(|(name, _)| *name).filter(|name| flags.contains(name))
    }
}

impl FromArgMatches for Order {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut all: Vec<_> = Self::FLAGS
            .into_iter()
            .filter(|flag| matches.value_source(flag) == Some(ValueSource::CommandLine))
            .flat_map(|flag| matches.indices_of(flag).into_iter().flatten().map(move |at| (flag, at)))
            .collect();
        all.sort_by_key(|(_, at)| *at);
        Ok(Self(all))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Order {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

/// A value of a socket by which it can be shown, counted or ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    Netid,
    State,
    #[value(alias = "recv-q")]
    Recvq,
    #[value(alias = "send-q")]
    Sendq,
    Local,
    Peer,
    Src,
    Sport,
    Dst,
    Dport,
    Pid,
    Comm,
    Uid,
    Inode,
    Cookie,
    Interface,
    Mark,
    Cgroup,
    Timer,
    Rtt,
    Rttvar,
    Minrtt,
    Rto,
    Cwnd,
    Mss,
    Retrans,
    Lost,
    Unacked,
    Notsent,
    Sent,
    Received,
    Rate,
    Congestion,
}

impl Field {
    /// Whether TCP's measurements are needed for it.
    pub(crate) fn needs_info(self) -> bool {
        use Field::{
            Congestion, Cwnd, Lost, Minrtt, Mss, Notsent, Rate, Received, Retrans, Rto, Rtt, Rttvar, Sent,
            Unacked,
        };
        matches!(
            self,
            Rtt | Rttvar
                | Minrtt
                | Rto
                | Cwnd
                | Mss
                | Retrans
                | Lost
                | Unacked
                | Notsent
                | Sent
                | Received
                | Rate
                | Congestion
        )
    }

    /// Whether the processes are needed for it.
    pub(crate) fn needs_processes(self) -> bool {
        matches!(self, Self::Pid | Self::Comm)
    }

    /// The name on the command line and in JSON.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
    }
}

const EXAMPLES: &str = "\
Filters:
  state STATE, exclude STATE     established (estab), syn-sent, time-wait,
                                 listening (listen), connected, …
  src HOST, dst HOST             10.0.0.1, 10.0.0.0/8, a name, or with a port:
                                 10.0.0.1:22, [::1]:22
  sport OP PORT, dport OP PORT   = != < > <= >=, a number or a service
  dev NAME, fwmark N[/MASK], cgroup PATH, autobound,
  pid N, comm PATTERN, uid USER, inode N
  and, or, not, ( )              no blanks are needed: sport=:22

Examples:
  sockeye ss -tan                        every TCP socket, in numbers
  sockeye ss -tlp                        who listens
  sockeye ss -to state time-wait         what rests, and for how long
  sockeye ss -tan 'dport=:443 and not dst 10.0.0.0/8'
  sockeye ss -tan comm=nginx --by state  nginx's connections, counted by state
  sockeye ss -ti --sort rtt --fields peer,rtt,cwnd,retrans
  sockeye ss -ltn --json                 for programs
  sockeye ss -K dst 192.0.2.7            close every connection to a host (root)";
