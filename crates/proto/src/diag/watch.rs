//! Connections over time: samples in, changes of state out.
//!
//! One round is [`Watch::begin`], [`Watch::socket`] for each socket of a sample, and [`Watch::end`]. `now` is any
//! clock that only rises. What changes and changes back between two samples is not seen.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{Endpoint, Socket, State, TcpInfo};

/// Which connection. Listening sockets may share an address: their cookie tells them apart. Connections
/// are told by their ends, for the cookie of a connection in TIME-WAIT is not the one it had before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The local end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    cookie: u64,
}

impl Key {
    /// The key of a socket.
    pub fn of(socket: &Socket) -> Self {
        let alone = matches!(socket.state, State::Listen | State::Closed | State::BoundInactive);
        let cookie = if alone { socket.cookie } else { 0 };
        Self { local: socket.local.clone(), peer: socket.peer.clone(), cookie }
    }
}

/// What is known of a connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its state at the last sample.
    pub state: State,
    /// The states that it was seen in, each with when, oldest first; the last [`HISTORY`] of them.
    pub history: VecDeque<(Duration, State)>,
    /// Bytes waiting to be read.
    pub recv_q: u32,
    /// Bytes waiting to be sent or acknowledged.
    pub send_q: u32,
    /// Milliseconds until the running timer expires.
    pub timer: Option<u32>,
    /// The cookie, with which it can be asked for.
    pub cookie: u64,
    /// What was measured last.
    pub measured: Option<Measured>,
    round: u32,
}

/// How many states of one connection are remembered.
pub const HISTORY: usize = 32;

/// What TCP said of a connection, and how fast it went since it said so before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// When.
    pub at: Duration,
    /// The smoothed round-trip time in microseconds.
    pub rtt: u32,
    /// Retransmissions in the connection's life.
    pub retransmissions: u32,
    /// Bytes acknowledged by the peer, and received, in the connection's life.
    pub bytes: (u64, u64),
    /// Bytes a second since the measurement before: sent and received.
    pub rates: (f64, f64),
}

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Of which connection.
    pub key: Key,
    /// The state before; `None`: it was not there.
    pub from: Option<State>,
    /// The state now; `None`: it is gone.
    pub to: Option<State>,
}

/// Connections under watch.
#[derive(Debug, Default)]
pub struct Watch {
    all: HashMap<Key, Connection>,
    counts: [usize; 14],
    certain: [usize; 14],
    round: u32,
    /// Whether a sample has been whole: before that everything is new.
    whole: bool,
}

impl Watch {
    /// A sample begins.
    pub fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.counts = [0; 14];
    }

    /// What came so far is certain.
    pub fn checkpoint(&mut self) {
        self.certain = self.counts;
    }

    /// What came since the last checkpoint was interrupted, and comes again.
    pub fn again(&mut self) {
        self.counts = self.certain;
    }

    /// A socket of the sample. Changes are pushed to `changes`, but in the first sample, where everything
    /// is new.
    pub fn socket(&mut self, now: Duration, socket: &Socket, changes: &mut Vec<Change>) {
        self.counts[socket.state as usize] += 1;
        let key = Key::of(socket);
        let (round, state) = (self.round, socket.state);
        let mut from = None;
        if let Some(known) = self.all.get_mut(&key) {
            from = Some(known.state);
            known.round = round;
            if known.state != state {
                known.enter(now, state);
                changes.push(Change { key: key.clone(), from, to: Some(state) });
            }
        }
        if from.is_none() && self.whole {
            changes.push(Change { key: key.clone(), from, to: Some(state) });
        }
        let known = self.all.entry(key).or_insert_with(|| Connection::new(now, state, round));
        (known.recv_q, known.send_q) = (socket.recv_q, socket.send_q);
        known.timer = socket.timer.map(|t| t.milliseconds);
        known.cookie = socket.cookie;
        if let Some(info) = socket.info() {
            known.measure(now, info);
        }
    }

    /// The sample is whole: what was not in it is gone.
    pub fn end(&mut self, changes: &mut Vec<Change>) {
        self.whole = true;
        let round = self.round;
        self.all.retain(|key, connection| {
            let here = connection.round == round;
            if !here {
                changes.push(Change { key: key.clone(), from: Some(connection.state), to: None });
            }
            here
        });
    }

    /// What TCP said of one connection outside a sample.
    pub fn measure(&mut self, now: Duration, socket: &Socket) {
        if let (Some(known), Some(info)) = (self.all.get_mut(&Key::of(socket)), socket.info()) {
            known.measure(now, info);
        }
    }

    /// How many connections are in `state`.
    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every connection.
    pub fn connections(&self) -> impl Iterator<Item = (&Key, &Connection)> {
        self.all.iter()
    }

    /// One connection.
    pub fn get(&self, key: &Key) -> Option<&Connection> {
        self.all.get(key)
    }
}

impl Connection {
    fn new(now: Duration, state: State, round: u32) -> Self {
        Self {
            state,
            history: VecDeque::from([(now, state)]),
            recv_q: 0,
            send_q: 0,
            timer: None,
            cookie: 0,
            measured: None,
            round,
        }
    }

    fn enter(&mut self, now: Duration, state: State) {
        self.state = state;
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((now, state));
    }

    fn measure(&mut self, now: Duration, info: &TcpInfo) {
        let bytes = (info.bytes_acked, info.bytes_received);
        let rates = self.measured.map_or((0.0, 0.0), |before| {
            let seconds = now.saturating_sub(before.at).as_secs_f64();
            let rate = |was: u64, is: u64| {
                if seconds > 0.0 { is.saturating_sub(was) as f64 / seconds } else { 0.0 }
            };
            (rate(before.bytes.0, bytes.0), rate(before.bytes.1, bytes.1))
        });
        let (rtt, retransmissions) = (info.rtt, info.total_retrans);
        self.measured = Some(Measured { at: now, rtt, retransmissions, bytes, rates });
    }

    /// What its state means, in one line; with the states before it, who closed first is known.
    pub fn explanation(&self) -> String {
        let was = |state| self.history.iter().any(|(_, s)| *s == state);
        match self.state {
            State::Listen => {
                "passive open: waits for connections; the queue counts those not yet accepted".into()
            }
            State::SynSent => {
                "active open: SYN sent, no answer yet; it is sent again until the retries run out".into()
            }
            State::SynReceived => {
                "passive open: SYN+ACK sent, the last ACK of the handshake is missing".into()
            }
            State::Established => "open: both sides may send".into(),
            State::FinWait1 => "active close: this side closed first, its FIN is not yet acknowledged".into(),
            State::FinWait2 => {
                "active close: the FIN is acknowledged, the other side has not closed yet and may still send"
                    .into()
            }
            State::Closing => {
                "simultaneous close: both FINs crossed, this side's is not yet acknowledged".into()
            }
            State::TimeWait => {
                let left = self.timer.map_or(String::new(), |t| format!(" {} s more", t.div_ceil(1000)));
                format!(
                    "this side closed first: rests{left}, so that late segments of this connection meet no new one"
                )
            }
            State::CloseWait => {
                "passive close: the other side closed, this program has not yet: it should read the \
                                 end and close"
                    .into()
            }
            State::LastAck if was(State::CloseWait) => {
                "passive close: this side closed second, the last ACK is missing".into()
            }
            State::LastAck => "passive close: both sides closed, the last ACK is missing".into(),
            State::Closed | State::BoundInactive => "bound, neither listening nor connected".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Kind, Timer, TimerKind};

    fn socket(port: u16, state: State) -> Socket {
        let end = |port| Endpoint::Inet([127, 0, 0, 1].into(), port);
        Socket::new(Kind::Tcp, state, end(port), end(80))
    }

    fn round(watch: &mut Watch, seconds: u64, sockets: &[Socket]) -> Vec<(Option<State>, Option<State>)> {
        let mut changes = Vec::new();
        watch.begin();
        for s in sockets {
            watch.socket(Duration::from_secs(seconds), s, &mut changes);
        }
        watch.end(&mut changes);
        changes.into_iter().map(|c| (c.from, c.to)).collect()
    }

    #[test]
    fn an_active_close_from_open_to_gone() {
        use State::*;
        let mut watch = Watch::default();
        assert_eq!(round(&mut watch, 0, &[socket(1, Established)]), []);
        assert_eq!(round(&mut watch, 1, &[socket(1, Established)]), []);
        assert_eq!(watch.count(Established), 1);
        assert_eq!(round(&mut watch, 2, &[socket(1, FinWait2)]), [(Some(Established), Some(FinWait2))]);
        let mut resting = socket(1, TimeWait);
        // Another cookie, the same connection.
        resting.cookie = 7;
        resting.timer = Some(Timer { kind: TimerKind::Timewait, milliseconds: 41_500, retransmits: 0 });
        assert_eq!(round(&mut watch, 3, &[resting.clone()]), [(Some(FinWait2), Some(TimeWait))]);
        let known = watch.get(&Key::of(&resting)).unwrap();
        assert_eq!(
            known.history.iter().map(|(at, s)| (at.as_secs(), *s)).collect::<Vec<_>>(),
            [(0, Established), (2, FinWait2), (3, TimeWait)]
        );
        assert!(known.explanation().contains("rests 42 s more"));
        assert_eq!(round(&mut watch, 4, &[]), [(Some(TimeWait), None)]);
        assert!(watch.is_empty());
    }

    #[test]
    fn what_comes_later_is_a_change() {
        let mut watch = Watch::default();
        assert_eq!(round(&mut watch, 0, &[]), []);
        assert_eq!(round(&mut watch, 1, &[socket(1, State::SynSent)]), [(None, Some(State::SynSent))]);
    }

    #[test]
    fn an_interrupted_sample_begins_again() {
        let mut watch = Watch::default();
        let mut changes = Vec::new();
        watch.begin();
        watch.checkpoint();
        watch.socket(Duration::ZERO, &socket(1, State::Established), &mut changes);
        watch.again();
        watch.socket(Duration::ZERO, &socket(1, State::Established), &mut changes);
        watch.end(&mut changes);
        assert_eq!((watch.count(State::Established), watch.len(), changes.len()), (1, 1, 0));
    }

    #[test]
    fn rates_are_differences() {
        let mut watch = Watch::default();
        let at = |bytes_acked, bytes_received| {
            let info = TcpInfo { bytes_acked, bytes_received, rtt: 1500, ..TcpInfo::default() };
            let mut s = socket(1, State::Established);
            s.details_mut().info = Some(Box::new(info));
            s
        };
        round(&mut watch, 0, &[at(1000, 0)]);
        round(&mut watch, 2, &[at(5000, 10)]);
        let measured = watch.get(&Key::of(&at(0, 0))).unwrap().measured.unwrap();
        assert_eq!((measured.rates, measured.rtt), ((2000.0, 5.0), 1500));
    }

    #[test]
    fn history_is_bounded() {
        let mut watch = Watch::default();
        for i in 0..1000 {
            let state = if i % 2 == 0 { State::Established } else { State::CloseWait };
            round(&mut watch, i, &[socket(1, state)]);
        }
        assert_eq!(watch.connections().next().unwrap().1.history.len(), HISTORY);
    }
}
