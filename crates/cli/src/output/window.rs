//! The window of an arq connection as it slides: a few lines that are redrawn for people, a line for each
//! change otherwise.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::BinaryBytes;
use sockeye::{endpoint::Window, proto::arq::Stats};

use super::console;

/// How many snapshots are remembered.
const HISTORY: usize = 200;

/// How wide the window is drawn.
const GAUGE: usize = 24;

/// Connections that are drawn at a time; more would not fit.
const MOST: usize = 8;

/// Shows windows, each connection's in three lines at the end of the terminal.
#[derive(Debug, Default)]
pub(crate) struct Screen(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    live: Vec<Drawn>,
    /// How wide each line is that will be drawn over.
    widths: Vec<usize>,
}

#[derive(Debug)]
struct Drawn {
    name: String,
    /// The congestion window, the newest last.
    history: VecDeque<u64>,
    stats: Stats,
}

impl Screen {
    /// Redraws, with what one connection's window is now.
    pub(crate) fn show(&self, window: &Window<'_>) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The last column is left: some terminals wrap after it.
        let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let columns = if columns == 0 { 80 } else { columns } - 1;
        let text = shown.update(window, columns);
        // Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

impl Shown {
    /// What redraws a terminal so wide.
    fn update(&mut self, window: &Window<'_>, columns: usize) -> String {
        let name = name(window);
        let at = match self.live.iter().position(|d| d.name == name) {
            Some(at) => at,
            None if self.live.len() == MOST => return String::new(),
            None => {
                self.live.push(Drawn { name, history: VecDeque::new(), stats: window.stats });
                self.live.len() - 1
            }
        };
        let drawn = &mut self.live[at];
        drawn.stats = window.stats;
        if drawn.history.len() == HISTORY {
            drawn.history.pop_front();
        }
        drawn.history.push_back(window.stats.cwnd);
        let mut text = self.erase(columns);
        if window.over {
            // It stays, above those that go on.
            let lines = self.live.remove(at).lines(columns);
            text.extend(lines.iter().flat_map(|(line, _)| [line.as_str(), "\n"]));
        }
        for (line, width) in self.live.iter().flat_map(|d| d.lines(columns)) {
            text.extend([line.as_str(), "\n"]);
            self.widths.push(width);
        }
        text
    }

    /// Goes back over the lines on the screen, which a terminal that became narrower has wrapped.
    fn erase(&mut self, columns: usize) -> String {
        let rows: usize = self.widths.drain(..).map(|width| width.div_ceil(columns + 1).max(1)).sum();
        if rows == 0 { String::new() } else { format!("\x1b[{rows}A\r\x1b[J") }
    }
}

/// Shows one connection's window as a line; above the prompt, where there is one.
pub(crate) fn line(window: &Window<'_>) {
    let (name, s) = (name(window), &window.stats);
    let end = if window.over { " (over)" } else { "" };
    let text = format!(
        "{name}  sent {} acknowledged {} lost {} re-sent {} B  in-flight {} cwnd {} advertised {} B  rtt {}  {}{end}",
        s.packets_sent,
        s.packets_acked,
        s.packets_lost,
        s.resent,
        s.in_flight,
        s.cwnd,
        s.credit,
        rtt(s, s.rtt),
        s.phase,
    );
    if console::is_for_people() {
        console::aside(&text);
    } else {
        // Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
    }
}

/// A round-trip time; what was never measured is no number.
fn rtt(s: &Stats, time: Duration) -> String {
    if s.packets_acked == 0 { "-".into() } else { format!("{:.2} ms", time.as_secs_f64() * 1000.0) }
}

fn name(window: &Window<'_>) -> String {
    [window.local, window.peer].map(|end| end.unwrap_or("?")).join(" → ")
}

const PLAIN: &str = "";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";

impl Drawn {
    /// Three lines and their widths: who, the window now and before, and what became of packets.
    fn lines(&self, columns: usize) -> [(String, usize); 3] {
        let s = &self.stats;
        let (rtt, min) = (rtt(s, s.rtt), rtt(s, s.min_rtt));
        let who = format!("  {} {}, rtt {rtt}, min {min}, {} B packets", s.integrity, s.phase, s.mtu);
        let window = format!(
            " [{}] in flight {} of {}, advertised {}  ",
            gauge(s.in_flight, s.cwnd),
            BinaryBytes(s.in_flight),
            BinaryBytes(s.cwnd),
            BinaryBytes(s.credit),
        );
        let left = columns.saturating_sub(window.chars().count());
        let fates = [
            (PLAIN, format!(" sent {} ({})", s.packets_sent, BinaryBytes(s.bytes_sent))),
            (GREEN, format!("  acknowledged {}", s.packets_acked)),
            (RED, format!("  lost {}", s.packets_lost)),
            (YELLOW, format!("  re-sent {}", BinaryBytes(s.resent))),
            (DIM, format!("  pace {}/s", BinaryBytes(s.rate))),
        ];
        [
            fit(&[(PLAIN, self.name.clone()), (DIM, who)], columns),
            fit(&[(PLAIN, window), (DIM, sparks(&self.history, left))], columns),
            fit(&fates, columns),
        ]
    }
}

/// A line of parts, each in its colour, cut where the terminal ends; and its width.
fn fit(parts: &[(&str, String)], columns: usize) -> (String, usize) {
    let (mut line, mut left) = (String::new(), columns);
    for (colour, text) in parts {
        let cut: String = text.chars().take(left).collect();
        left -= cut.chars().count();
        if colour.is_empty() || cut.is_empty() {
            line.push_str(&cut);
        } else {
            line.extend([*colour, cut.as_str(), "\x1b[0m"]);
        }
    }
    (line, columns - left)
}

/// How full the window is.
fn gauge(in_flight: u64, cwnd: u64) -> String {
    let full = (u128::from(in_flight) * GAUGE as u128 / u128::from(cwnd.max(1))).min(GAUGE as u128) as usize;
    "█".repeat(full) + &"·".repeat(GAUGE - full)
}

/// The last `columns` of the history of the congestion window: how tall each was beside the tallest.
fn sparks(history: &VecDeque<u64>, columns: usize) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = history.iter().skip(history.len().saturating_sub(columns));
    let most = u128::from(shown.clone().copied().max().unwrap_or(1).max(1));
    shown.map(|&n| STEPS[(u128::from(n) * 7 / most) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_full_at_the_window_and_beyond() {
        assert_eq!(gauge(0, 0), "·".repeat(24));
        assert_eq!(gauge(5, 10), "█".repeat(12) + &"·".repeat(12));
        assert_eq!(gauge(11, 10), "█".repeat(24));
        assert_eq!(gauge(u64::MAX, u64::MAX), "█".repeat(24));
    }

    #[test]
    fn the_history_is_drawn_beside_its_tallest() {
        assert_eq!(sparks(&VecDeque::new(), 9), "");
        assert_eq!(sparks(&VecDeque::from([0, 50, 100, u64::MAX]), 9), "▁▁▁█");
        assert_eq!(sparks(&VecDeque::from([90, 10, 80, 40]), 3), "▁█▄");
    }
    fn window(over: bool) -> Window<'static> {
        let stats = Stats { cwnd: 123_456, in_flight: 100_000, packets_sent: 1 << 40, ..Stats::default() };
        Window { local: Some("192.0.2.1:1000"), peer: Some("192.0.2.2:2000"), stats, over }
    }

    /// The columns that a line takes.
    fn width(line: &str) -> usize {
        line.split('\x1b')
            .enumerate()
            .map(|(n, part)| {
                let text = if n == 0 { part } else { part.split_once('m').expect("only colours").1 };
                text.chars().count()
            })
            .sum()
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for columns in [1, 20, 59, 60, 61, 79, 119, 300] {
            let text = Shown::default().update(&window(false), columns);
            assert_eq!(text.lines().count(), 3);
            assert!(text.lines().all(|line| width(line) <= columns), "{columns}: {text:?}");
        }
    }

    #[test]
    fn lines_are_drawn_over_however_the_terminal_wrapped_them_and_stay_at_the_end() {
        let mut shown = Shown::default();
        assert!(!shown.update(&window(false), 119).contains("\x1b[J"));
        assert!(shown.update(&window(false), 119).starts_with("\x1b[3A\r\x1b[J"));
        let wrapped: usize = shown.widths.iter().map(|w| w.div_ceil(60)).sum();
        assert!(wrapped > 3 && shown.update(&window(false), 59).starts_with(&format!("\x1b[{wrapped}A\r")));
        assert!(shown.update(&window(true), 59).starts_with("\x1b[3A\r\x1b[J"));
        assert!(!shown.update(&window(false), 59).contains("\x1b[J"), "what is over stays");
    }
}
