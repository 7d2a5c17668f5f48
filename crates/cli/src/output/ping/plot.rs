//! The live picture: time per probe, losses marked, percentile lines.

use std::{
    io::{self, IsTerminal, Read},
    time::{Duration, Instant},
};

use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor, execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen},
    },
    layout::{Constraint, Layout},
    style::{Color, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph},
};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use sockeye::{
    Error,
    error::Reason,
    ping::{Event, Pinger, Statistics},
};

use super::{Display, Series, Show, Target, Text, ms, percent, time};
use crate::output::{Failure, Out};

/// No more pictures than a person can see.
const FRAME: Duration = Duration::from_millis(50);

/// A screen with the picture; the terminal is as it was when this is dropped.
#[derive(Debug)]
pub(crate) struct Plot<'a> {
    target: &'a Target,
    display: Display,
    terminal: Option<Terminal<CrosstermBackend<io::Stdout>>>,
    before: Option<Termios>,
    series: Series,
    drawn: Option<Instant>,
}

impl<'a> Plot<'a> {
    /// Takes over the terminal.
    pub(crate) fn new(target: &'a Target, interval: Duration) -> Result<Self, Failure> {
        let failed = |e: io::Error| Error::new("draw on", "the terminal", e);
        if !io::stdout().is_terminal() {
            let reason = Reason::Usage("the standard output is no terminal".into());
            return Err(Error::new("draw a plot on", "it", reason)
                .hint("--svg FILE writes a picture")
                .into());
        }
        // Keys come one by one and unseen; Ctrl-C and Ctrl-\ stay signals.
        let before = termios::tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            termios::tcsetattr(io::stdin(), OptionalActions::Now, &quiet).map_err(|e| failed(e.into()))?;
        }
        let display = Display { timing: true, paced_by_answers: interval.is_zero(), ..Display::default() };
        let mut plot =
            Self { target, display, terminal: None, before, series: Series::new(true), drawn: None };
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide).map_err(failed)?;
        plot.terminal = Some(Terminal::new(CrosstermBackend::new(io::stdout())).map_err(failed)?);
        Ok(plot)
    }

    fn draw(&mut self, s: &Statistics) -> Result<(), Failure> {
        self.drawn = Some(Instant::now());
        let (target, series) = (self.target, &self.series);
        if let Some(terminal) = &mut self.terminal {
            terminal
                .draw(|frame| draw(frame, target, series, s))
                .map_err(|e| Error::new("draw on", "the terminal", e))?;
        }
        Ok(())
    }

    fn leave(&mut self) {
        if self.terminal.take().is_some() {
            let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
        }
        if let Some(before) = self.before.take() {
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }

    /// Whether a key that ends it was pressed.
    fn quit(&self) -> bool {
        let stdin = io::stdin();
        let mut poll = [rustix::event::PollFd::new(&stdin, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut key = [0; 16];
        self.before.is_some()
            && rustix::event::poll(&mut poll, Some(&now)).is_ok_and(|n| n > 0)
            && stdin
                .lock()
                .read(&mut key)
                .is_ok_and(|n| key[..n].iter().any(|k| matches!(k, b'q' | b'Q' | 27)))
    }
}

impl Drop for Plot<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Show for Plot<'_> {
    fn pattern(&mut self, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.draw(&Statistics::default())
    }

    fn event(&mut self, event: &Event, pinger: &Pinger) -> Result<bool, Failure> {
        self.series.take(event);
        if self.drawn.is_none_or(|at| at.elapsed() >= FRAME) || matches!(event, Event::Woken) {
            self.draw(pinger.statistics())?;
        }
        Ok(!self.quit())
    }

    fn status(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        self.draw(pinger.statistics())
    }

    fn end(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        self.leave();
        Text::new(self.target, &self.display, Out::stdout()).end(pinger)
    }
}

fn draw(frame: &mut Frame<'_>, target: &Target, series: &Series, s: &Statistics) {
    let [chart, numbers] = Layout::vertical([Constraint::Min(5), Constraint::Length(2)]).areas(frame.area());
    let columns = usize::from(chart.width.saturating_sub(10)).max(8) * 2;
    let probes: Vec<_> = series.last(columns).collect();
    let answered: Vec<(f64, f64)> = probes.iter().filter_map(|(n, t)| Some((*n as f64, ms((*t)?)))).collect();
    let top = answered.iter().map(|p| p.1).fold(0.0, f64::max).max(0.001) * 1.15;
    let last = probes.last().map_or(1, |p| p.0);
    // The newest may only be on its way.
    let lost: Vec<(f64, f64)> = probes
        .iter()
        .filter(|(n, t)| t.is_none() && *n != last)
        .map(|(n, _)| (*n as f64, top * 0.98))
        .collect();
    let first = probes.first().map_or(1, |p| p.0) as f64;
    let span = [first, (last as f64).max(first + 10.0)];
    let line = |p: f64| -> [(f64, f64); 2] { span.map(|x| (x, ms(s.times.percentile(p)))) };
    let percentiles = [(50.0, Color::Green), (90.0, Color::Yellow), (99.0, Color::Magenta)];
    let lines = percentiles.map(|(p, _)| line(p));
    let mut data = Vec::new();
    if s.received > 0 {
        for ((_, colour), points) in percentiles.iter().zip(&lines) {
            let style = Style::new().fg(*colour);
            data.push(
                Dataset::default()
                    .graph_type(GraphType::Line)
                    .marker(Marker::Braille)
                    .style(style)
                    .data(points),
            );
        }
    }
    let dots = Dataset::default().marker(Marker::Braille).style(Style::new().fg(Color::Cyan));
    data.push(dots.data(&answered));
    data.push(Dataset::default().marker(Marker::Dot).style(Style::new().fg(Color::Red)).data(&lost));
    let title = format!(" ping {} ({}) ", target.host, sockeye::ping::address_text(target.host.address));
    let labels = [0.0, top / 2.0, top].map(|v| format!("{v:.3} ms"));
    let picture = Chart::new(data)
        .block(Block::bordered().title(title))
        .x_axis(Axis::default().bounds(span).labels(span.map(|x| format!("{x:.0}"))))
        .y_axis(Axis::default().bounds([0.0, top]).labels(labels));
    frame.render_widget(picture, chart);
    frame.render_widget(Paragraph::new(footer(s)), numbers);
}

fn footer(s: &Statistics) -> Vec<Line<'static>> {
    let m = s.times.moments();
    let mut spans = vec![Span::raw(format!(" {} sent, {} answered, ", s.transmitted, s.received))];
    let style = if s.transmitted > s.received + 1 { Style::new().fg(Color::Red) } else { Style::new() };
    spans.push(Span::styled(format!("{}% lost", percent(s.loss())), style));
    if s.received > 0 {
        spans.push(Span::raw(format!(
            "   min {} avg {} max {}",
            time(m.min()),
            time(m.mean()),
            time(m.max())
        )));
        for (p, colour) in [(50.0, Color::Green), (90.0, Color::Yellow), (99.0, Color::Magenta)] {
            let text = format!("  p{p} {}", time(s.times.percentile(p)));
            spans.push(Span::styled(text, Style::new().fg(colour)));
        }
    }
    let jitter = time(s.times.jitter());
    vec![Line::from(spans), Line::from(format!(" times in ms, jitter {jitter}   red: no answer   q: end"))]
}
