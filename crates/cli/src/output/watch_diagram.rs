//! TCP's state diagram (RFC 9293 section 3.3.2) as text with places for counts and lights.

use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};
use sockeye::diag::State;

/// How wide and high it is.
pub(super) const WIDTH: u16 = 62;
pub(super) const HEIGHT: u16 = 11;

/// A state's place: column, row.
const BOXES: [(State, usize, usize); 10] = [
    (State::Listen, 0, 2),
    (State::SynSent, 40, 2),
    (State::SynReceived, 0, 4),
    (State::Established, 40, 4),
    (State::FinWait1, 0, 6),
    (State::CloseWait, 40, 6),
    (State::FinWait2, 0, 8),
    (State::Closing, 20, 8),
    (State::LastAck, 40, 8),
    (State::TimeWait, 0, 10),
];

/// From, to (`None` is CLOSED), column, row and words.
type Arrow = (Option<State>, Option<State>, usize, usize, &'static str);

/// The transitions.
const ARROWS: [Arrow; 13] = [
    (None, Some(State::Listen), 3, 1, "▼ listen"),
    (None, Some(State::SynSent), 43, 1, "▼ connect: SYN"),
    (Some(State::Listen), Some(State::SynReceived), 3, 3, "▼ SYN: SYN+ACK"),
    (Some(State::SynSent), Some(State::Established), 43, 3, "▼ SYN+ACK: ACK"),
    (Some(State::SynReceived), Some(State::Established), 19, 4, "─────── ACK ───────►"),
    (Some(State::Established), Some(State::FinWait1), 3, 5, "▼ close: FIN ◄──────────────────────"),
    (Some(State::Established), Some(State::CloseWait), 43, 5, "▼ FIN: ACK"),
    (Some(State::FinWait1), Some(State::FinWait2), 3, 7, "▼ ACK"),
    (Some(State::FinWait1), Some(State::Closing), 12, 7, "──► FIN: ACK ▼"),
    (Some(State::CloseWait), Some(State::LastAck), 43, 7, "▼ close: FIN"),
    (Some(State::FinWait2), Some(State::TimeWait), 3, 9, "▼ FIN: ACK"),
    (Some(State::Closing), Some(State::TimeWait), 15, 9, "◄────── ACK"),
    (Some(State::LastAck), None, 43, 9, "▼ ACK"),
];

/// What the diagram is drawn from.
pub(super) struct Lights<'a> {
    /// How many connections are in a state.
    pub(super) count: &'a dyn Fn(State) -> usize,
    /// Whether a transition was seen a moment ago.
    pub(super) lit: &'a dyn Fn(Option<State>, Option<State>) -> bool,
}

/// The diagram, line by line.
pub(super) fn lines(lights: &Lights<'_>) -> Vec<Line<'static>> {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let bright = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
    let mut pieces: Vec<(usize, usize, String, Style)> = Vec::new();
    for (from, to, column, row, words) in ARROWS {
        let lit = (lights.lit)(from, to) || passed_unseen(from, to, lights);
        pieces.push((row, column, words.to_owned(), if lit { bright } else { dim }));
    }
    for (state, column, row) in BOXES {
        let count = (lights.count)(state);
        let came = State::ALL.into_iter().map(Some).chain([None]).any(|from| (lights.lit)(from, Some(state)));
        let style = match (came, count) {
            (true, _) => bright,
            (false, 0) => dim,
            (false, _) => Style::new().add_modifier(Modifier::BOLD),
        };
        pieces.push((row, column, format!("[{:<10} {count:>5}]", state.name()), style));
    }
    let gone = State::ALL.into_iter().any(|from| (lights.lit)(Some(from), None));
    pieces.push((0, 24, "( CLOSED )".to_owned(), dim));
    pieces.push((
        10,
        20,
        "───── 2 MSL ──────►".to_owned(),
        if (lights.lit)(Some(State::TimeWait), None) { bright } else { dim },
    ));
    pieces.push((10, 40, "( CLOSED )".to_owned(), if gone { bright } else { dim }));
    (0..usize::from(HEIGHT)).map(|row| line(row, &mut pieces)).collect()
}

/// A connection that comes as ESTAB has been through the handshake between two samples.
fn passed_unseen(from: Option<State>, to: Option<State>, lights: &Lights<'_>) -> bool {
    let opened = (lights.lit)(None, Some(State::Established));
    match (from, to) {
        (Some(State::SynSent | State::SynReceived), Some(State::Established)) => opened,
        (Some(State::Listen), Some(State::SynReceived)) => (lights.lit)(None, Some(State::SynReceived)),
        _ => false,
    }
}

/// The pieces of a row, with blanks between.
fn line(row: usize, pieces: &mut [(usize, usize, String, Style)]) -> Line<'static> {
    pieces.sort_by_key(|(row, column, ..)| (*row, *column));
    let mut spans = Vec::new();
    let mut at = 0;
    for (_, column, text, style) in pieces.iter().filter(|(r, ..)| *r == row) {
        spans.push(Span::raw(" ".repeat(column.saturating_sub(at))));
        at = column + text.chars().count();
        spans.push(Span::styled(text.clone(), *style));
    }
    Line::from(spans)
}
