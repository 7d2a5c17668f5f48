//! `sockeye get`: curl's flags where there are such.

use std::{path::PathBuf, time::Duration};

use super::traffic::{Events, time};

/// Fetch URLs over HTTP/1, and show how the exchange went.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct Get {
    /// The URLs; without a scheme it is http
    #[arg(value_name = "URL", required_unless_present = "url_option")]
    pub(crate) urls: Vec<String>,
    /// A URL, for those that begin with a dash
    #[arg(long = "url", value_name = "URL")]
    pub(crate) url_option: Vec<String>,

    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) request: Request,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) show: Show,
    #[command(flatten)]
    pub(crate) again: Again,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Write to this file; once for each URL, `-` is the standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// Write to a file named as the last part of the URL's path
    #[arg(short = 'O', long)]
    pub(crate) remote_name: bool,
    /// With -O, take the name that the server proposes, made safe; never over a file that exists
    #[arg(short = 'J', long)]
    pub(crate) remote_header_name: bool,
    /// Write files into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// Make the directories that are missing
    #[arg(long)]
    pub(crate) create_dirs: bool,
    /// Give files the time that the server says they were changed
    #[arg(short = 'R', long)]
    pub(crate) remote_time: bool,
    /// Go on at this byte; `-` is where the file ends
    #[arg(short = 'C', long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) continue_at: Option<String>,
    /// Write the heads before the body
    #[arg(short = 'i', long)]
    pub(crate) include: bool,
    /// Write the heads to this file, `-` is the standard output
    #[arg(short = 'D', long, value_name = "FILE")]
    pub(crate) dump_header: Option<PathBuf>,
    /// Fail (exit 22) without output where the status is 400 or more
    #[arg(short, long)]
    pub(crate) fail: bool,
    /// Fail (exit 22) where the status is 400 or more, but write the body
    #[arg(long, conflicts_with = "fail")]
    pub(crate) fail_with_body: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct Request {
    /// Ask for the head only
    #[arg(short = 'I', long)]
    pub(crate) head: bool,
    /// Use this method
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// Add a header field; `Name:` takes one away, `Name;` sends it empty, `@FILE` reads lines
    #[arg(short = 'H', long = "header", value_name = "LINE")]
    pub(crate) headers: Vec<String>,
    /// Send this as a form with POST; `@FILE` reads it, without line ends; several are joined by `&`
    #[arg(short, long, value_name = "DATA")]
    pub(crate) data: Vec<String>,
    /// As -d, but `@` means nothing
    #[arg(long, value_name = "DATA")]
    pub(crate) data_raw: Vec<String>,
    /// As -d, but a file is sent as it is
    #[arg(long, value_name = "DATA")]
    pub(crate) data_binary: Vec<String>,
    /// As -d, percent-encoded: `content`, `=content`, `name=content`, `@file`, `name@file`
    #[arg(long, value_name = "DATA")]
    pub(crate) data_urlencode: Vec<String>,
    /// Put the data of -d into the URL's query
    #[arg(short = 'G', long)]
    pub(crate) get: bool,
    /// Send a part of a multipart form: `name=text`, `name=@file`, `name=<file`, with `;type=` and `;filename=`
    #[arg(short = 'F', long = "form", value_name = "NAME=CONTENT", conflicts_with = "data")]
    pub(crate) forms: Vec<String>,
    /// Send this file with PUT; `-` is the standard input
    #[arg(short = 'T', long, value_name = "FILE", conflicts_with_all = ["data", "forms"])]
    pub(crate) upload_file: Option<PathBuf>,
    /// Ask for these bytes: `0-99`, `100-`, `-100`
    #[arg(short, long, value_name = "RANGE", allow_hyphen_values = true)]
    pub(crate) range: Option<String>,
    /// The User-Agent
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) user_agent: Option<String>,
    /// The Referer
    #[arg(short = 'e', long, value_name = "URL")]
    pub(crate) referer: Option<String>,
    /// Send these cookies: `name=value; name=value`
    #[arg(short = 'b', long, value_name = "DATA")]
    pub(crate) cookie: Option<String>,
    /// Log in by name and password
    #[arg(short, long, value_name = "USER:PASSWORD")]
    pub(crate) user: Option<String>,
    /// Log in by a token
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub(crate) oauth2_bearer: Option<String>,
    /// Ask for compressed content and decompress it
    #[arg(long)]
    pub(crate) compressed: bool,
    /// Follow redirects
    #[arg(short = 'L', long)]
    pub(crate) location: bool,
    /// Follow at most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, allow_negative_numbers = true)]
    pub(crate) max_redirs: i64,
    /// Speak HTTP/1.0
    #[arg(short = '0', long)]
    pub(crate) http1_0: bool,
    /// Speak HTTP/1.1, as is the default
    #[arg(long)]
    pub(crate) http1_1: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Go through a proxy: `[http|socks4|socks4a|socks5|socks5h://][user:password@]host[:port]`
    #[arg(short = 'x', long, value_name = "PROXY")]
    pub(crate) proxy: Option<String>,
    /// Hosts for which no proxy is used, with commas; `*` is all
    #[arg(long, value_name = "HOSTS")]
    pub(crate) noproxy: Option<String>,
    /// Take any certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Trust the certificates of this file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Trust the certificates of this directory instead of the system's
    #[arg(long, value_name = "DIR")]
    pub(crate) capath: Option<PathBuf>,
    /// Show this certificate to the server
    #[arg(short = 'E', long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// The key to it
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Speak TLS 1.3 or later
    #[arg(long = "tlsv1.3")]
    pub(crate) tls13: bool,
    /// Speak TLS 1.2 or later, as is the default
    #[arg(long = "tlsv1.2")]
    pub(crate) tls12: bool,
    /// Connect to this Unix domain socket instead of the host
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<PathBuf>,
    /// Use these addresses for a host and port
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]")]
    pub(crate) resolve: Vec<String>,
    /// Connect to another host and port instead of these
    #[arg(long, value_name = "HOST:PORT:HOST:PORT")]
    pub(crate) connect_to: Vec<String>,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// The time for one whole transfer; 0 is without end
    #[arg(short, long, value_name = "TIME", value_parser = time)]
    pub(crate) max_time: Option<Duration>,
    /// The time for name, connection and TLS
    #[arg(long, value_name = "TIME", default_value = "300", value_parser = time)]
    pub(crate) connect_timeout: Duration,
    /// The longest wait for any byte
    #[arg(long, value_name = "TIME", default_value = "300", value_parser = time)]
    pub(crate) idle_timeout: Duration,
    /// Fetch the URLs at the same time
    #[arg(short = 'Z', long)]
    pub(crate) parallel: bool,
    /// At most so many at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub(crate) parallel_max: u16,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct Show {
    /// Show neither progress nor errors
    #[arg(short, long)]
    pub(crate) silent: bool,
    /// With -s, show errors all the same
    #[arg(short = 'S', long)]
    pub(crate) show_error: bool,
    /// Show the heads sent and received, and how the connection was made
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Explain the exchange: each receive, where the head ended, each chunk, by what rule the end was known
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) wire: bool,
    /// Print this after each transfer: `%{http_code}`, `%{time_total}`, … and `\n`; `@FILE` reads it
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) write_out: Option<String>,
    /// Print one line of JSON for each URL: status, headers, timings, TLS, addresses. The body goes to -o or -O only
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) events: Events,
    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress_meter: bool,
    /// Show progress as a bar, as is the default
    #[arg(short = '#', long)]
    pub(crate) progress_bar: bool,
    /// Accepted: output is never held back
    #[arg(short = 'N', long, hide = true)]
    pub(crate) no_buffer: bool,
    /// Accepted: brackets and braces in URLs mean nothing here
    #[arg(short = 'g', long, hide = true)]
    pub(crate) globoff: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Trying again")]
pub(crate) struct Again {
    /// Try again so often where the network or the server failed for now; files go on where they stopped
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) retry: u32,
    /// Wait so long before each try, instead of 1 s, 2 s, 4 s, …
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) retry_delay: Option<Duration>,
    /// Begin no try after this long
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) retry_max_time: Option<Duration>,
    /// Accepted: refused connections are tried again anyway
    #[arg(long, hide = true)]
    pub(crate) retry_connrefused: bool,
}

const EXAMPLES: &str = "\
Examples:
  sockeye get http://127.0.0.1:8000/           the body, to the standard output
  sockeye get -O https://example.org/a.tar.gz  to the file a.tar.gz, when whole
  sockeye get -C - --retry 5 -O URL            goes on where it stopped
  sockeye get --wire http://127.0.0.1:8000/    the exchange, explained
  sockeye get -s -o /dev/null -w '%{http_code} %{time_total}\\n' URL
  sockeye get --json URL | jq .status

The exit codes are curl's: 0 done, 6 name, 7 connection, 18 body cut short,
22 status with -f, 23 output, 28 time, 35 and 60 TLS, 47 redirects, 52 no
answer, 55 and 56 sending and receiving; 2 is wrong usage.";
