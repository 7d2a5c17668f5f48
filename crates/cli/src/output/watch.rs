//! The live picture of TCP: diagram, table, and the story of one connection.

use std::{collections::HashMap, io, time::Duration};

use ratatui::{
    DefaultTerminal, Frame,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::Line,
    widgets::{Block, Cell, Paragraph, Row, Table, TableState, Wrap},
};
use sockeye::{
    Error,
    diag::{Sampler, State},
    proto::diag::watch::{Change, Connection, Key as ConnectionKey, Watch},
};

use super::{Failure, watch_diagram};

/// How long a transition stays lit.
const LIT: Duration = Duration::from_secs(2);

/// How many connections can be gone through, where there are more than the screen has room for.
const ROWS: usize = 200;

/// The screen, and what its user chose.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    view: View,
}

/// What was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Enough.
    Quit,
    /// Something that changes the picture.
    Other,
    /// Nothing: the time is over.
    None,
}

/// What the picture shows, apart from what the sampler knows.
#[derive(Debug)]
struct View {
    interval: Duration,
    order: Order,
    chosen: Option<ConnectionKey>,
    paused: bool,
    /// When each transition was seen last.
    seen: HashMap<(Option<State>, Option<State>), Duration>,
    /// The rows at the last look, and how many fit.
    rows: Vec<ConnectionKey>,
    room: usize,
}

/// By what the table is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    State,
    Rate,
    Rtt,
    Queues,
    Retransmissions,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::State => Self::Rate,
            Self::Rate => Self::Rtt,
            Self::Rtt => Self::Queues,
            Self::Queues => Self::Retransmissions,
            Self::Retransmissions => Self::State,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Rate => "rate",
            Self::Rtt => "round-trip time",
            Self::Queues => "queues",
            Self::Retransmissions => "retransmissions",
        }
    }

    /// What comes first has the highest value.
    fn value(self, c: &Connection) -> u64 {
        let measured = c.measured.as_ref();
        match self {
            // What passes quickly is what one looks for; listening sockets come last.
            Self::State => match c.state {
                State::Listen | State::Closed | State::BoundInactive => 0,
                State::TimeWait => 1,
                State::Established => 2,
                _ => 3,
            },
            Self::Rate => measured.map_or(0, |m| (m.rates.0 + m.rates.1) as u64),
            Self::Rtt => measured.map_or(0, |m| m.rtt.into()),
            Self::Queues => u64::from(c.recv_q) + u64::from(c.send_q),
            Self::Retransmissions => measured.map_or(0, |m| m.retransmissions.into()),
        }
    }
}

fn failed(error: io::Error) -> Failure {
    Error::new("draw on", "the terminal", error).hint("--json gives the same as data").into()
}

impl Screen {
    /// Takes the terminal over; it is given back when the screen is dropped.
    pub(crate) fn open(interval: Duration) -> Result<Self, Failure> {
        let terminal = ratatui::try_init().map_err(failed)?;
        Ok(Self { terminal, view: View::new(interval) })
    }

    /// Lights what changed.
    pub(crate) fn changed(&mut self, now: Duration, changes: &[Change]) {
        self.view.seen.extend(changes.iter().map(|c| ((c.from, c.to), now)));
    }

    /// The connections that the table has room for.
    pub(crate) fn shown(&mut self, watch: &Watch) -> Vec<ConnectionKey> {
        if !self.view.paused {
            self.view.choose(watch);
        }
        self.view.rows.clone()
    }

    /// Draws the picture.
    pub(crate) fn draw(&mut self, now: Duration, sampler: &Sampler) -> Result<(), Failure> {
        let view = &mut self.view;
        if view.rows.is_empty() {
            view.choose(sampler.watch());
        }
        self.terminal
            .draw(|frame| view.draw(frame, now, sampler.watch(), sampler.brief()))
            .map_err(failed)?;
        Ok(())
    }

    /// Waits at most `time` for a key, and does what it says.
    pub(crate) fn keys(&mut self, time: Duration) -> Result<Key, Failure> {
        if !event::poll(time).map_err(failed)? {
            return Ok(Key::None);
        }
        match event::read().map_err(failed)? {
            Event::Key(key) if key.kind == KeyEventKind::Press => {
                let control_c =
                    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                Ok(if control_c { Key::Quit } else { self.view.key(key.code) })
            }
            _ => Ok(Key::Other),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

impl View {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            order: Order::State,
            chosen: None,
            paused: false,
            seen: HashMap::new(),
            rows: Vec::new(),
            room: 24,
        }
    }

    fn key(&mut self, code: KeyCode) -> Key {
        match code {
            KeyCode::Char('q') | KeyCode::Esc => return Key::Quit,
            KeyCode::Char('s') => self.order = self.order.next(),
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(self.page()),
            KeyCode::PageUp => self.step(-self.page()),
            KeyCode::Home => self.step(isize::MIN),
            KeyCode::End => self.step(isize::MAX),
            _ => {}
        }
        Key::Other
    }

    fn page(&self) -> isize {
        self.room.cast_signed()
    }

    /// Chooses the row this far from the chosen one, or from the first.
    fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(1);
        let at = self.chosen.as_ref().and_then(|key| self.rows.iter().position(|k| k == key));
        let from = at.unwrap_or(0);
        // The first press of a plain arrow chooses the first.
        let next =
            if at.is_none() && by.unsigned_abs() == 1 { 0 } else { from.saturating_add_signed(by).min(last) };
        self.chosen = self.rows.get(next).cloned();
    }

    /// Takes the rows that come first in the chosen order, more than the screen has room for, to go through; the
    /// chosen one stays even where it would not.
    fn choose(&mut self, watch: &Watch) {
        let order = self.order;
        let rank = |(key, c): &(&ConnectionKey, &Connection)| {
            (
                std::cmp::Reverse(order.value(c)),
                std::cmp::Reverse(c.history.back().map(|(at, _)| *at)),
                key.local.port(),
                key.peer.port(),
            )
        };
        let mut all: Vec<_> = watch.connections().collect();
        let most = self.room.max(ROWS);
        if all.len() > most {
            all.select_nth_unstable_by_key(most - 1, rank);
            all.truncate(most);
        }
        all.sort_by_cached_key(rank);
        self.rows = all.into_iter().map(|(key, _)| key.clone()).collect();
        if let Some(chosen) = &self.chosen
            && watch.get(chosen).is_some()
            && !self.rows.contains(chosen)
        {
            self.rows.pop();
            self.rows.push(chosen.clone());
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, now: Duration, watch: &Watch, brief: Option<u64>) {
        let area = frame.area();
        // Where the diagram does not fit, the counts are said in words.
        let diagram = area.width >= watch_diagram::WIDTH + 2 && area.height >= watch_diagram::HEIGHT + 10;
        let [top, table, story, help] = Layout::vertical([
            Constraint::Length(if diagram { watch_diagram::HEIGHT + 2 } else { 4 }),
            Constraint::Min(4),
            Constraint::Length(match area.height {
                // Where nothing is chosen, there is nothing to tell.
                ..30 if self.chosen.is_none() => 0,
                ..16 => 4,
                _ => 5,
            }),
            Constraint::Length(1),
        ])
        .areas(area);
        self.room = usize::from(table.height.saturating_sub(3)).max(1);
        if diagram {
            self.diagram(frame, top, now, watch, brief);
        } else {
            counts(frame, top, watch);
        }
        self.table(frame, table, watch);
        self.story(frame, story, now, watch);
        let pause = if self.paused { "space go on" } else { "space pause" };
        let keys = format!(" q quit  ↑↓ choose  s order: {}  {pause}", self.order.name());
        frame.render_widget(Paragraph::new(keys).style(Style::new().add_modifier(Modifier::REVERSED)), help);
    }

    fn diagram(&self, frame: &mut Frame<'_>, area: Rect, now: Duration, watch: &Watch, brief: Option<u64>) {
        let [left, right] =
            Layout::horizontal([Constraint::Length(watch_diagram::WIDTH + 2), Constraint::Min(0)])
                .areas(area);
        let lights = watch_diagram::Lights {
            count: &|state| watch.count(state),
            lit: &|from, to| self.seen.get(&(from, to)).is_some_and(|at| now.saturating_sub(*at) < LIT),
        };
        let honest = format!(" a sample every {} s: what is quicker is missed ", self.interval.as_secs_f64());
        let block = Block::bordered().title(title(watch)).title_bottom(honest);
        frame.render_widget(Paragraph::new(watch_diagram::lines(&lights)).block(block), left);
        let mut recent: Vec<_> = self.seen.iter().collect();
        recent.sort_by_key(|(change, at)| (std::cmp::Reverse(**at), **change));
        let name = |s: Option<State>| s.map_or("CLOSED", State::name);
        let narrow = right.width < 34;
        let mut lines = Vec::new();
        for ((from, to), at) in recent.into_iter().take(usize::from(watch_diagram::HEIGHT) - 1) {
            let ago = now.saturating_sub(*at).as_secs();
            lines.push(Line::from(match narrow {
                true => format!("{ago:>2} {}", name(*to)),
                false => format!("{ago:>3} s ago  {} → {}", name(*from), name(*to)),
            }));
        }
        let unseen = match brief {
            Some(n) if narrow => format!(" {n} unseen "),
            Some(n) => format!(" {n} ended unseen "),
            None if narrow => String::new(),
            None => " unseen ends need CAP_NET_ADMIN ".to_owned(),
        };
        let heading = if narrow { " Seconds ago " } else { " Transitions " };
        let block = Block::bordered().title(heading).title_bottom(unseen);
        frame.render_widget(Paragraph::new(lines).block(block), right);
    }

    fn table(&self, frame: &mut Frame<'_>, area: Rect, watch: &Watch) {
        let chosen = self.chosen.as_ref().and_then(|key| self.rows.iter().position(|k| k == key));
        let rows = self.rows.iter().map(|key| match watch.get(key) {
            Some(connection) => row(key, connection),
            None => Row::new([
                Cell::from("gone"),
                Cell::from(key.local.to_string()),
                Cell::from(key.peer.to_string()),
            ])
            .style(Style::new().add_modifier(Modifier::DIM)),
        });
        // On a narrow terminal the ends matter more than the numbers on the right.
        let numbers = [7, 7, 9, 9, 8, 5];
        let shown = match area.width {
            ..68 => 0,
            68..100 => 2,
            _ => numbers.len(),
        };
        // The longest address with its port.
        let end = Constraint::Max(48);
        let mut widths = vec![Constraint::Length(10), end, end];
        widths.extend(numbers[..shown].iter().map(|n| Constraint::Length(*n)));
        let heading = ["State", "Local", "Peer", "Recv-Q", "Send-Q", "Sent/s", "Recvd/s", "RTT ms", "Retr"];
        let table = Table::new(rows, widths)
            .header(Row::new(heading).style(Style::new().add_modifier(Modifier::BOLD)))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
            .block(Block::bordered().title(match watch.len() > self.rows.len() {
                true => format!(" Connections: the first {} in this order ", self.rows.len()),
                false => " Connections ".to_owned(),
            }));
        frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(chosen));
    }

    fn story(&self, frame: &mut Frame<'_>, area: Rect, now: Duration, watch: &Watch) {
        let lines = match self.chosen.as_ref().map(|key| (key, watch.get(key))) {
            None => vec![Line::from(
                "Choose a connection with ↑ and ↓ to see its states in turn and what they mean.",
            )],
            Some((key, None)) => vec![Line::from(format!("{} → {} is gone.", key.local, key.peer))],
            Some((_, Some(c))) => vec![Line::from(timeline(c, now)), Line::from(c.explanation())],
        };
        let title = match &self.chosen {
            Some(key) if key.peer.port() == 0 => format!(" {} ", key.local),
            Some(key) => format!(" {} → {} ", key.local, key.peer),
            None => " Story ".to_owned(),
        };
        let story = Paragraph::new(lines).wrap(Wrap { trim: true }).block(Block::bordered().title(title));
        frame.render_widget(story, area);
    }
}

fn title(watch: &Watch) -> String {
    format!(" TCP: {} socket{} ", watch.len(), if watch.len() == 1 { "" } else { "s" })
}

/// The states that there are, for screens without room for the diagram.
fn counts(frame: &mut Frame<'_>, area: Rect, watch: &Watch) {
    let there = State::ALL.into_iter().map(|s| (s, watch.count(s))).filter(|(_, n)| *n > 0);
    let words: Vec<String> = there.map(|(state, n)| format!("{state}\u{a0}{n}")).collect();
    let block = Block::bordered().title(title(watch));
    frame.render_widget(Paragraph::new(words.join("  ")).wrap(Wrap { trim: true }).block(block), area);
}

/// `ESTAB 3.2 s → FIN-WAIT-2 0.5 s → TIME-WAIT 12 s …`
fn timeline(c: &Connection, now: Duration) -> String {
    let ends = c.history.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let steps = c
        .history
        .iter()
        .zip(ends)
        .map(|((from, state), to)| format!("{state} {:.1} s", to.saturating_sub(*from).as_secs_f64()));
    steps.collect::<Vec<_>>().join(" → ") + " …"
}

fn row(key: &ConnectionKey, c: &Connection) -> Row<'static> {
    let blank = String::new;
    let (sent, received, rtt, retransmissions) = match &c.measured {
        Some(m) if c.state != State::Listen => (
            rate(m.rates.0),
            rate(m.rates.1),
            format!("{:.3}", f64::from(m.rtt) / 1000.0),
            m.retransmissions.to_string(),
        ),
        _ => (blank(), blank(), blank(), blank()),
    };
    let color = match c.state {
        State::Established => Color::Green,
        State::Listen => Color::Blue,
        State::CloseWait | State::LastAck => Color::Magenta,
        _ => Color::Yellow,
    };
    Row::new([
        Cell::from(c.state.name()).style(Style::new().fg(color)),
        Cell::from(key.local.to_string()),
        Cell::from(if c.state == State::Listen { "*".to_owned() } else { key.peer.to_string() }),
        Cell::from(c.recv_q.to_string()),
        Cell::from(c.send_q.to_string()),
        Cell::from(sent),
        Cell::from(received),
        Cell::from(rtt),
        Cell::from(retransmissions),
    ])
}

/// Bytes a second, in three digits.
fn rate(bytes: f64) -> String {
    match bytes {
        b if b < 1000.0 => format!("{b:.0} B"),
        b if b < 1e6 => format!("{:.1} kB", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
