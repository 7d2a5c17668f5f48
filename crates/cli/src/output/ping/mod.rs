//! ping's output: its own text, JSON, events, tables, pictures.

pub(crate) mod event;
mod json;
mod many;
mod plot;
mod svg;
mod text;
mod trace;

pub(crate) use event::{hop_event, sweep_event};
use json::statistics_json;
pub(crate) use json::{Json, JsonLines};
pub(crate) use many::{Sweeping, report};
pub(crate) use plot::Plot;
pub(crate) use svg::{Series, svg};
pub(crate) use text::Text;
pub(crate) use trace::{trace_json, trace_table};

use std::{io::Write, process::ExitCode, time::Duration};

use sockeye::ping::{Event, Host, Options, Pinger, Probe};

use super::{Failure, Out};

/// Who is asked, and how.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) probe: Probe,
    pub(crate) options: Options,
    /// The source to show, where it was asked for.
    pub(crate) from: Option<String>,
    /// The name that error messages start with.
    pub(crate) program: String,
}

impl Target {
    /// What numbers a probe in the output.
    fn sequence_label(&self) -> &'static str {
        match self.probe {
            Probe::Icmp => "icmp_seq",
            Probe::Tcp(_) => "tcp_seq",
            Probe::Udp(_) => "udp_seq",
        }
    }

    /// The name of the kind of probe, for programs.
    pub(crate) fn probe_name(&self) -> &'static str {
        match self.probe {
            Probe::Icmp => "icmp",
            Probe::Tcp(_) => "tcp",
            Probe::Udp(_) => "udp",
        }
    }
}

/// What is shown of what happens.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "that is what the flags of ping are")]
pub(crate) struct Display {
    pub(crate) quiet: bool,
    pub(crate) flood: bool,
    pub(crate) numeric: bool,
    pub(crate) timestamps: bool,
    pub(crate) audible: bool,
    pub(crate) verbose: bool,
    pub(crate) outstanding: bool,
    pub(crate) json_lines: bool,
    /// Whether the payload has room for a time, without which ping shows none.
    pub(crate) timing: bool,
    /// Whether answers set the pace, so that the statistics tell it.
    pub(crate) paced_by_answers: bool,
}

/// A way to show one host's ping.
pub(crate) trait Show {
    /// Says which pattern fills the payload.
    fn pattern(&mut self, pattern: &[u8]) -> Result<(), Failure>;
    /// Says who is asked.
    fn start(&mut self) -> Result<(), Failure>;
    /// Shows what happened; gives whether to go on.
    fn event(&mut self, event: &Event, pinger: &Pinger) -> Result<bool, Failure>;
    /// Shows the numbers so far, on request.
    fn status(&mut self, pinger: &Pinger) -> Result<(), Failure>;
    /// Shows the result.
    fn end(&mut self, pinger: &Pinger) -> Result<(), Failure>;
}

/// Who is known to look for the first words of ping's version: say them first.
pub(crate) fn version(json: bool) -> Result<ExitCode, Failure> {
    let mut out = Out::stdout();
    if json {
        out.json(&serde_json::json!({ "version": "20221126", "sockeye": env!("CARGO_PKG_VERSION") }))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "ping from iputils 20221126, by sockeye {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "libcap: no, IDN: no, NLS: no, error.h: no, getrandom(): no, __fpending(): no")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A time in milliseconds as ping shows it: the longer, the fewer decimals.
pub(crate) fn time(time: Duration) -> String {
    let micros = (time.as_nanos() + 500) / 1000;
    let ms = micros as f64 / 1000.0;
    match micros {
        99_950.. => format!("{ms:.0}"),
        9_995.. => format!("{ms:.1}"),
        1_000.. => format!("{ms:.2}"),
        _ => format!("{ms:.3}"),
    }
}

/// Milliseconds with three decimals, as in ping's last line.
pub(crate) fn fixed(time: Duration) -> String {
    let micros = (time.as_nanos() + 500) / 1000;
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// Milliseconds as a number for programs, to the nanosecond.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// A share in percent with at most six significant digits, as C's `%g` writes it.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value <= 0.0 {
        return "0".into();
    }
    let decimals = (5.0 - value.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lose_decimals_as_they_grow() {
        let shown = [16_400, 999_400, 999_600, 9_994_000, 9_995_000, 99_949_000, 99_950_000, 1_234_500_000];
        let shown = shown.map(|nanos| time(Duration::from_nanos(nanos)));
        assert_eq!(shown, ["0.016", "0.999", "1.00", "9.99", "10.0", "99.9", "100", "1234"]);
        assert_eq!(fixed(Duration::from_micros(1_002_003)), "1002.003");
    }

    #[test]
    fn percent_is_as_short_as_it_can_be() {
        assert_eq!(
            [0.0, 1.0, 0.5, 1.0 / 3.0, 1.0 / 142.0].map(percent),
            ["0", "100", "50", "33.3333", "0.704225"]
        );
    }
}
