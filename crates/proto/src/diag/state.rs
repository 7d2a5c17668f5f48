//! The states of a socket, by TCP's names; other protocols use a few of them.

use std::fmt;

use serde::{Serialize, Serializer};

/// One state, numbered as in `linux/tcp_states.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "the states of RFC 9293 section 3.3.2")]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    /// Closed in TCP; in other protocols a socket without a peer.
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
    /// Closed, but bound to a port (Linux 6.4 and later).
    BoundInactive = 13,
}

impl State {
    /// Every state, in the kernel's order.
    pub const ALL: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynReceived,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Closed,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::BoundInactive,
    ];

    /// The state with this number; `TCP_NEW_SYN_RECV` (12) counts as SYN-RECV.
    pub fn from_number(number: u8) -> Option<Self> {
        if number == 12 {
            return Some(Self::SynReceived);
        }
        Self::ALL.into_iter().find(|s| *s as u8 == number)
    }

    /// The name as ss prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Established => "ESTAB",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECV",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed | Self::BoundInactive => "UNCONN",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A set of states: bit *n* is the state with number *n*, as the kernel takes it in requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct States(u32);

impl States {
    /// No state.
    pub const NONE: Self = Self(0);
    /// Every state but BOUND-INACTIVE, which kernels before 6.4 do not know and ss shows only when asked.
    pub const ALL: Self = Self(0xfff);
    /// What ss shows when no state is named: neither LISTEN, UNCONN, TIME-WAIT nor SYN-RECV.
    pub const CONNECTED_BIG: Self =
        Self(0xfff & !Self::bits(&[State::Listen, State::Closed, State::TimeWait, State::SynReceived]));
    /// LISTEN and UNCONN: what waits for peers.
    pub const LISTENING: Self = Self(Self::bits(&[State::Listen, State::Closed]));

    const fn bits(states: &[State]) -> u32 {
        let mut all = 0;
        let mut i = 0;
        while i < states.len() {
            all |= 1 << states[i] as u32;
            i += 1;
        }
        all
    }

    /// The set of these states.
    pub const fn of(states: &[State]) -> Self {
        Self(Self::bits(states))
    }

    /// Whether `state` is in the set.
    pub fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u32) != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set has exactly one member.
    pub fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// The states of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The states of this set that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set as the kernel takes it.
    pub fn mask(self) -> u32 {
        self.0
    }

    /// The states that a word of the filter language stands for, in any case: the names of `ss(8)` and
    /// those that it prints (`estab`, `listen`, `unconn`).
    pub fn named(word: &str) -> Option<Self> {
        use State::{
            BoundInactive, CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen,
            SynReceived, SynSent, TimeWait,
        };
        let one = |s| Some(Self::of(&[s]));
        match word.to_ascii_lowercase().as_str() {
            "established" | "estab" => one(Established),
            "syn-sent" => one(SynSent),
            "syn-recv" | "syn-rcv" => one(SynReceived),
            "fin-wait-1" => one(FinWait1),
            "fin-wait-2" => one(FinWait2),
            "time-wait" => one(TimeWait),
            "closed" | "close" | "unconnected" | "unconn" => one(Closed),
            "close-wait" => one(CloseWait),
            "last-ack" => one(LastAck),
            "listening" | "listen" => one(Listen),
            "closing" => one(Closing),
            "bound-inactive" => one(BoundInactive),
            "all" => Some(Self::ALL),
            "connected" => Some(Self::ALL.without(Self::LISTENING)),
            "synchronized" => Some(Self::ALL.without(Self::of(&[Closed, Listen, SynSent]))),
            "bucket" => Some(Self::of(&[SynReceived, TimeWait])),
            "big" => Some(Self::ALL.without(Self::of(&[SynReceived, TimeWait]))),
            _ => None,
        }
    }

    /// Every word that [`States::named`] knows, for messages and completions.
    pub const NAMES: [&'static str; 17] = [
        "established",
        "syn-sent",
        "syn-recv",
        "fin-wait-1",
        "fin-wait-2",
        "time-wait",
        "closed",
        "unconnected",
        "close-wait",
        "last-ack",
        "listening",
        "closing",
        "bound-inactive",
        "all",
        "connected",
        "synchronized",
        "bucket",
    ];
}
