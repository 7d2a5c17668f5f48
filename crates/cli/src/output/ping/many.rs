//! Many hosts: a line each as fping writes it, a table of the worst, a live table on a terminal.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sockeye::ping::{self, Host, HostStatistics};

use super::{ms, percent, time};
use crate::{
    args::Ping,
    output::{Failure, Out},
};

/// Shows how far a sweep is, on the standard error where that is a terminal: a line, and the worst hosts
/// so far.
#[derive(Debug)]
pub(crate) struct Sweeping<'a> {
    hosts: &'a [Host],
    terminal: bool,
    rows: usize,
    started: Instant,
    shown: Option<Instant>,
    lines: usize,
}

const REDRAW: Duration = Duration::from_millis(200);

impl<'a> Sweeping<'a> {
    pub(crate) fn new(hosts: &'a [Host], quiet: bool) -> Self {
        let stderr = std::io::stderr();
        let terminal = !quiet && stderr.is_terminal();
        let rows = rustix::termios::tcgetwinsize(&stderr).map_or(24, |size| usize::from(size.ws_row));
        Self { hosts, terminal, rows, started: Instant::now(), shown: None, lines: 0 }
    }

    /// A moment has passed.
    pub(crate) fn tick(&mut self, sent: u64, unanswered: usize, all: &[HostStatistics]) {
        if !self.terminal || self.shown.is_some_and(|at| at.elapsed() < REDRAW) {
            return;
        }
        self.shown = Some(Instant::now());
        let alive = self.hosts.len() - unanswered;
        let seconds = self.started.elapsed().as_secs_f64();
        let mut text = format!(
            "{} hosts: {alive} alive, {unanswered} silent; {sent} probes in {seconds:.1} s\x1b[K\n",
            self.hosts.len()
        );
        let mut lines = 1;
        for place in worst(all, (self.rows / 2).saturating_sub(2)) {
            text += &format!("  {}\x1b[K\n", line(&self.hosts[place].to_string(), 0, &all[place]));
            lines += 1;
        }
        self.erase();
        self.lines = lines;
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    /// Takes the live table away.
    pub(crate) fn erase(&mut self) {
        if self.lines > 0 {
            let up = std::mem::take(&mut self.lines);
            let _ = write!(std::io::stderr(), "\x1b[{up}A\x1b[J");
        }
    }
}

/// What is printed when a sweep is over.
pub(crate) fn report(
    args: &Ping,
    hosts: &[Host],
    all: &[HostStatistics],
    took: Duration,
) -> Result<(), Failure> {
    let mut out = Out::stdout();
    if args.json {
        return out.json(&result(hosts, all, took));
    }
    let named = || hosts.iter().zip(all);
    if args.alive || args.unreach {
        for (host, _) in named().filter(|(_, s)| s.transmitted > 0 && (s.received > 0) == args.alive) {
            writeln!(out, "{host}")?;
        }
        return Ok(out.flush()?);
    }
    if !args.flags.quiet {
        let width = hosts.iter().map(|h| h.to_string().len()).max().unwrap_or(0);
        for (host, s) in named() {
            writeln!(out, "{}", line(&host.to_string(), width, s))?;
        }
    }
    if let Some(count) = args.worst {
        worst_table(&mut out, hosts, all, count)?;
    }
    let alive = all.iter().filter(|s| s.received > 0).count();
    let sent: u64 = all.iter().map(|s| u64::from(s.transmitted)).sum();
    let asked = all.iter().filter(|s| s.transmitted > 0).count();
    write!(out, "{} hosts: {alive} alive, {} unreachable", all.len(), asked - alive)?;
    if asked < all.len() {
        write!(out, ", {} not asked", all.len() - asked)?;
    }
    writeln!(out, "; {sent} probes in {:.3} s", took.as_secs_f64())?;
    Ok(out.flush()?)
}

/// fping's line for one host.
fn line(name: &str, width: usize, s: &HostStatistics) -> String {
    let loss = (s.loss() * 100.0) as u32;
    let mut line = format!("{name:width$} : xmt/rcv/%loss = {}/{}/{loss}%", s.transmitted, s.received);
    if s.received > 0 {
        let [min, avg, max] = [s.times.min(), s.times.mean(), s.times.max()].map(time);
        line += &format!(", min/avg/max = {min}/{avg}/{max}");
    }
    if s.duplicates > 0 {
        line += &format!(", {} duplicates", s.duplicates);
    }
    match s.report {
        Some(report) if s.received == 0 => line + &format!(", {report}"),
        _ => line,
    }
}

/// The places of the `count` worst hosts: most loss first, then the longest time.
fn worst(all: &[HostStatistics], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..all.len()).filter(|p| all[*p].transmitted > 0).collect();
    let rank = |p: &usize| (all[*p].loss(), all[*p].times.mean());
    let order = |a: &usize, b: &usize| {
        let (a, b) = (rank(a), rank(b));
        b.0.total_cmp(&a.0).then(b.1.cmp(&a.1))
    };
    if count < places.len() {
        places.select_nth_unstable_by(count, order);
        places.truncate(count);
    }
    places.sort_by(order);
    places
}

fn worst_table(out: &mut Out, hosts: &[Host], all: &[HostStatistics], count: usize) -> Result<(), Failure> {
    let places = worst(all, count);
    let names: Vec<_> = places.iter().map(|p| hosts[*p].to_string()).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0).max(4);
    writeln!(out, "\n{:width$}  {:>6}  {:>8}  {:>8}  {:>8}  report", "host", "loss", "avg", "max", "mdev")?;
    for (place, name) in places.into_iter().zip(names) {
        let s = &all[place];
        let loss = percent(s.loss()) + "%";
        let cell = |t: Duration| if s.received > 0 { time(t) } else { "-".into() };
        let [avg, max, mdev] = [s.times.mean(), s.times.max(), s.times.deviation()].map(cell);
        let report = s.report.map_or_else(String::new, |r| r.to_string());
        let row = format!("{name:width$}  {loss:>6}  {avg:>8}  {max:>8}  {mdev:>8}  {report}");
        writeln!(out, "{}", row.trim_end())?;
    }
    writeln!(out)?;
    Ok(())
}

fn result(hosts: &[Host], all: &[HostStatistics], took: Duration) -> Value {
    let each: Vec<_> = hosts.iter().zip(all).map(|(host, s)| host_json(host, s)).collect();
    let alive = all.iter().filter(|s| s.received > 0).count();
    json!({
        "hosts": each, "alive": alive, "unreachable": all.len() - alive, "seconds": took.as_secs_f64(),
    })
}

/// What is known of one host, for programs.
fn host_json(host: &Host, s: &HostStatistics) -> Value {
    let m = &s.times;
    let rtt = (s.received > 0).then(
        || json!({ "min": ms(m.min()), "avg": ms(m.mean()), "max": ms(m.max()), "mdev": ms(m.deviation()) }),
    );
    json!({
        "host": host.to_string(), "address": ping::address_text(host.address),
        "transmitted": s.transmitted, "received": s.received, "duplicates": s.duplicates, "errors": s.errors,
        "loss": s.loss() * 100.0, "rtt": rtt, "report": s.report.map(|r| r.to_string()),
    })
}
