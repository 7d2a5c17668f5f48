//! The window of an arq connection as it slides: a few lines that are redrawn for people, a line for each
//! change otherwise.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressStyle};
use sockeye::{endpoint::Window, proto::arq::Stats};

use super::console;

/// How many snapshots the history shows, and how wide the window is drawn.
const COLUMNS: usize = 48;

/// Connections that are drawn at a time; more would not fit.
const MOST: usize = 8;

/// Shows windows until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    bars: MultiProgress,
    drawn: Mutex<HashMap<String, Drawn>>,
}

#[derive(Debug)]
struct Drawn {
    bar: ProgressBar,
    /// The congestion window, the newest last.
    history: VecDeque<u64>,
}

impl Screen {
    /// Redraws the lines of one connection.
    pub(crate) fn show(&self, window: &Window<'_>) {
        let mut all = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name(window);
        if !all.contains_key(&name) && all.len() == MOST {
            return;
        }
        let drawn = all.entry(name.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is well formed");
            let bar = self.bars.add(ProgressBar::no_length().with_style(style));
            Drawn { bar, history: VecDeque::new() }
        });
        if drawn.history.len() == COLUMNS {
            drawn.history.pop_front();
        }
        drawn.history.push_back(window.stats.cwnd);
        let text = lines(&name, &window.stats, &drawn.history);
        if window.over {
            drawn.bar.finish_with_message(text);
            all.remove(&name);
        } else {
            drawn.bar.set_message(text);
            drawn.bar.tick();
        }
    }
}

/// Shows one connection's window as a line; above the prompt, where there is one.
pub(crate) fn line(window: &Window<'_>) {
    let (name, s) = (name(window), &window.stats);
    let end = if window.over { " (over)" } else { "" };
    let text = format!(
        "{name}  sent {} acknowledged {} lost {} re-sent {} B  in-flight {} cwnd {} advertised {} B  rtt {:.3} ms  {}{end}",
        s.packets_sent,
        s.packets_acked,
        s.packets_lost,
        s.resent,
        s.in_flight,
        s.cwnd,
        s.credit,
        s.rtt.as_secs_f64() * 1000.0,
        s.phase,
    );
    if console::is_for_people() {
        console::aside(&text);
    } else {
        // Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
    }
}

fn name(window: &Window<'_>) -> String {
    [window.local, window.peer].map(|end| end.unwrap_or("?")).join(" → ")
}

/// Three lines: who, the window now and before, and what became of packets.
fn lines(name: &str, s: &Stats, history: &VecDeque<u64>) -> String {
    let (dim, plain) = ("\x1b[2m", "\x1b[0m");
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1000.0;
    format!(
        "{name}  {dim}{} {} rtt {:.1} ms, min {:.1}, {} B packets{plain}\n \
         [{}] in flight {} of {}, advertised {}  {dim}{}{plain}\n \
         sent {} ({})  \x1b[32macknowledged {}\x1b[0m  \x1b[31mlost {}\x1b[0m  \x1b[33mre-sent {}\x1b[0m  {}/s",
        s.integrity,
        s.phase,
        ms(s.rtt),
        ms(s.min_rtt),
        s.mtu,
        gauge(s.in_flight, s.cwnd),
        BinaryBytes(s.in_flight),
        BinaryBytes(s.cwnd),
        BinaryBytes(s.credit),
        sparks(history),
        s.packets_sent,
        BinaryBytes(s.bytes_sent),
        s.packets_acked,
        s.packets_lost,
        BinaryBytes(s.resent),
        BinaryBytes(s.rate),
    )
}

/// How full the window is.
fn gauge(in_flight: u64, cwnd: u64) -> String {
    let width = COLUMNS / 2;
    let full = (u128::from(in_flight) * width as u128 / u128::from(cwnd.max(1))).min(width as u128) as usize;
    "█".repeat(full) + &"·".repeat(width - full)
}

/// The history of the congestion window: how tall each was beside the tallest.
fn sparks(history: &VecDeque<u64>) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = u128::from(history.iter().copied().max().unwrap_or(1).max(1));
    history.iter().map(|&n| STEPS[(u128::from(n) * 7 / most) as usize]).collect()
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
        assert_eq!(sparks(&VecDeque::new()), "");
        assert_eq!(sparks(&VecDeque::from([0, 50, 100, u64::MAX])), "▁▁▁█");
        assert_eq!(sparks(&VecDeque::from([10, 80, 40])), "▁█▄");
    }
}
