//! `sockeye watch`.

use std::time::Duration;

/// What `sockeye watch` was given.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Watch {
    /// Only connections of this process
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Vec<u32>,
    /// Only connections with this port at either end
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Vec<u16>,
    /// How long to wait between samples, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(crate) interval: Duration,
    /// No screen: each change of state as a line of JSON on the output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) events: super::Events,
    /// End after this many samples
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<u64>,
    /// Which connections: the filter of `sockeye ss`
    #[arg(value_name = "FILTER")]
    pub(crate) filter: Vec<String>,
}

/// Seconds with a fraction, from a hundredth to an hour.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match seconds {
        0.01..=3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("it must lie between 0.01 and 3600 seconds".to_owned()),
    }
}

const EXAMPLES: &str = "\
Keys:
  up, down  choose a connection; its story is told below (also page up and
            down, home, end)
  s         order by state, rate, round-trip time, queues, retransmissions
  space     stop the picture, and go on
  q         quit

Examples:
  sockeye watch                      every TCP connection of the machine
  sockeye watch --port 8080          those of a server, and of its clients here
  sockeye watch --pid 1234 --interval 0.1
  sockeye watch --json dport=:443    changes of state as data";
