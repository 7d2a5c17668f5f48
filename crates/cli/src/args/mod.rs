//! What was typed, one file per command: clap's structures, no system calls.

mod connect;
mod frame;
mod generate;
mod get;
mod later;
mod listen;
mod netstat;
mod options;
mod ping;
mod relay;
mod serve;
pub(crate) mod socat;
mod ss;
mod talk;
mod traffic;
mod watch;

pub(crate) use connect::Connect;
pub(crate) use frame::Frame;
pub(crate) use generate::{Completions, Man};
pub(crate) use get::{Connection as GetConnection, Get, Request as GetRequest};
pub(crate) use later::Later;
pub(crate) use listen::Listen;
pub(crate) use netstat::Netstat;
pub(crate) use options::Options;
pub(crate) use ping::{Ping, PingFlags};
pub(crate) use relay::Relay;
pub(crate) use serve::{Serve, Service};
pub(crate) use socat::Socat;
pub(crate) use ss::{Field, Ss};
pub(crate) use traffic::{Events, Traffic};
pub(crate) use watch::Watch;

use std::ffi::{OsStr, OsString};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use sockeye_proto::address::Keyword;

/// See, speak, shape and stress any socket.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, about, long_about = None, propagate_version = true)]
#[command(after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sockeye serve hello 9999                          a server to try things on
  sockeye connect 127.0.0.1:9999                    a console on it
  sockeye relay tcp-listen:8080,fork tcp:[::1]:80   forward a port (or just: sockeye A B)
  sockeye listen -k 9999 --sh-exec date             a command for each client
  sockeye get --wire http://127.0.0.1:8000/         a page, and how it came
  sockeye ping -c 3 localhost                       ask a host three times
  sockeye COMMAND --help                            more of each command";

/// The commands, one variant each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Join two addresses: what one side says, the other hears
    Relay(Later<Relay>),
    /// Talk to a server: a console for people, a pipe for programs
    Connect(Later<Connect>),
    /// Accept connections: a console, or a program for each
    Listen(Later<Listen>),
    /// Serve something small: hello, echo, chat, files and others
    Serve(Later<Serve>),
    /// Fetch URLs over HTTP/1, and show how the exchange went
    Get(Later<Get>),
    /// Convert, check and guess how messages are framed
    Frame(Later<Frame>),
    /// Ask hosts whether they are there: ICMP, TCP or UDP; one or a network
    Ping(Later<Ping>),
    /// List sockets: who listens, who is connected, in which state
    Ss(Later<Ss>),
    /// List sockets in netstat's columns
    Netstat(Later<Netstat>),
    /// Watch TCP connections live: states, rates, the story of each
    Watch(Later<Watch>),
    /// Join two addresses as socat does: its options, log and exit codes
    #[command(disable_help_flag = true)]
    Socat(Later<Socat>),
    /// Explain socket options, or show their values on a socket
    Options(Later<Options>),
    /// Print a completion script for a shell
    Completions(Later<Completions>),
    /// Print the manual pages
    Man(Later<Man>),
}

impl Command {
    /// Where its events go, for commands that tell them the common way.
    pub(crate) fn events(&self) -> Option<&Events> {
        match self {
            Self::Relay(args) => Some(&args.traffic.events),
            Self::Connect(args) => Some(&args.traffic.events),
            Self::Listen(args) => Some(&args.traffic.events),
            Self::Serve(args) => Some(&args.events),
            Self::Get(args) => Some(&args.show.events),
            Self::Watch(args) => Some(&args.events),
            _ => None,
        }
    }
}

/// What is wrong with a command line, or the help that it asked for.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Of sockeye's own.
    Own(clap::Error),
    /// Of a tool by whose name it was called, in that tool's words, with that tool's exit code.
    Applet(String, u8),
}

/// Parses a whole command line, the program's name included: sockeye's, or under the name of another tool
/// that tool's.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, Unusable> {
    let words: Vec<_> = words.into_iter().collect();
    let applet = words.first().and_then(|name| applet(name));
    let of_ss = match applet {
        Some("ss") => words.get(1..),
        None if words.get(1).is_some_and(|word| word == "ss") => words.get(2..),
        _ => None,
    };
    if let Some(ss) = of_ss.and_then(Ss::plain) {
        return Ok(Command::Ss(Ss { strict: applet.is_some(), ..ss }.into()));
    }
    match applet {
        Some("ping") => match ping::strict(words) {
            Ok(ping) => Ok(Command::Ping(ping.into())),
            Err(text) => Err(Unusable::Applet(text, 2)),
        },
        Some("socat") => socat::parse(words.into_iter().skip(1)),
        None if words.get(1).is_some_and(|word| word == "socat") => socat::parse(words.into_iter().skip(2)),
        Some(command) => {
            let mut words = words;
            words.insert(1, command.into());
            let code = if command == "ss" { 255 } else { 3 };
            let last = words.last().cloned().unwrap_or_default();
            let mut parsed = sockeye(words).map_err(|error| match error.use_stderr() {
                true => Unusable::Applet(getopt(command, &error, &last.to_string_lossy()), code),
                false => Unusable::Own(error),
            })?;
            if let Command::Ss(ss) = &mut parsed {
                ss.0.strict = true;
            }
            Ok(parsed)
        }
        None => sockeye(words).map_err(Unusable::Own),
    }
}

/// What is wrong with a command line that ends with the word `last`, as getopt_long(3) says it, and the usage.
fn getopt(program: &str, error: &clap::Error, last: &str) -> String {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return error.to_string();
    };
    let wants_value = error.kind() == ErrorKind::InvalidValue
        && matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    let said = match (error.kind(), flag.strip_prefix("--"), flag.strip_prefix('-')) {
        (ErrorKind::UnknownArgument, Some(_), _) => format!("unrecognized option '{flag}'"),
        (ErrorKind::UnknownArgument, None, Some(letter)) => format!("invalid option -- '{letter}'"),
        _ if wants_value && last.starts_with("--") => format!("option '{last}' requires an argument"),
        _ if wants_value && last.starts_with('-') => {
            format!("option requires an argument -- '{}'", last.chars().next_back().unwrap_or('-'))
        }
        _ => return error.to_string(),
    };
    format!("{program}: {said}\nTry '{program} --help' for more information.\n")
}

/// The tool that the program was called as, if not as sockeye.
fn applet(argv0: &OsStr) -> Option<&'static str> {
    match argv0.to_str()?.rsplit('/').next()? {
        "ping" | "ping4" | "ping6" => Some("ping"),
        "ss" => Some("ss"),
        "netstat" => Some("netstat"),
        "socat" => Some("socat"),
        _ => None,
    }
}

/// Parses sockeye's own command line.
fn sockeye(words: Vec<OsString>) -> Result<Command, clap::Error> {
    let matches = definition().try_get_matches_from(with_relay(words))?;
    Ok(Cli::from_arg_matches(&matches)?.command)
}

/// `sockeye A B` is `sockeye relay A B`: where the first word that is no flag is no command but looks like an
/// address. What looks like a mistyped command stays one, so that the nearest is named.
fn with_relay(mut words: Vec<OsString>) -> Vec<OsString> {
    let Some(first) =
        words.iter().skip(1).filter_map(|w| w.to_str()).find(|w| !w.starts_with('-') || *w == "-")
    else {
        return words;
    };
    if Command::has_subcommand(first) {
        return words;
    }
    let looks_like_an_address =
        first == "-" || first.contains([':', '/', ',', '!', '.']) || Keyword::from_name(first).is_some();
    if looks_like_an_address {
        words.insert(1, "relay".into());
    }
    words
}

/// The definition that help, completions and manual pages are made from.
pub(crate) fn definition() -> clap::Command {
    let command = Cli::command().help_template(HELP);
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command, |all, name| all.mut_subcommand(name, |c| c.help_template(HELP)))
}

/// Examples first: most people need to read no further.
const HELP: &str = "\
{about}{after-help}

{usage-heading} {usage}

{all-args}";
