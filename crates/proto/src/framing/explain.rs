//! What each receive brought: sticky and half packets as they happen, for people and for programs.
//!
//! The machine looks over the shoulder of whoever decodes. Tell it of each receive, then of each step
//! (`NeedMore` included); after `NeedMore` take what it has to say with [`Explainer::drain`]. At the end of the
//! stream tell it how it ended. Each [`Explanation`] is one line of text (`Display`) or one event (serde).

#[cfg(test)]
mod tests;

use std::fmt;

use super::{FrameError, Half, Need, Order, Skipped, Step};

/// Follows one direction of one stream.
#[derive(Debug, Clone, Default)]
pub struct Explainer {
    receives: u64,
    messages: u64,
    /// What the current receive brought.
    bytes: usize,
    /// What of earlier receives was no whole message when the current one came.
    carried: usize,
    /// What of all receives is not consumed yet.
    left: usize,
    /// Over how many receives the unfinished message is spread so far.
    spread: u64,
    skipped: usize,
    pending: Vec<Explanation>,
    /// Where in `pending` the current receive begins.
    begin: usize,
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Explanation {
    /// A receive, and what was in it.
    FrameReceive {
        /// Its number; the first is 1.
        receive: u64,
        /// How many bytes it brought.
        bytes: usize,
        /// How it relates to messages.
        shape: Shape,
        /// How many messages it completed.
        messages: usize,
        /// Whether it went on with a message that an earlier receive began.
        continues: bool,
        /// The number of the message that is unfinished, or comes next.
        next: u64,
        /// How many bytes of the unfinished message are there, in all.
        left: usize,
        /// How many are missing of it; none if nothing is unfinished.
        awaits: Option<Need>,
    },
    /// A message that is whole.
    FrameMessage {
        /// Its number; the first is 1.
        message: u64,
        /// Its size.
        bytes: usize,
        /// How many receives brought it.
        receives: u64,
        /// The place of a sealed frame among the others.
        #[serde(flatten)]
        order: Option<Order>,
        /// Its first bytes, as text.
        preview: String,
    },
    /// Bytes that were skipped.
    FrameSkipped(Skipped),
    /// The framing is broken for good.
    FrameError {
        /// What is wrong.
        reason: String,
    },
    /// The end of the stream.
    FrameEnd {
        /// How many receives there were.
        receives: u64,
        /// How many messages were whole.
        messages: u64,
        /// The message that was cut short.
        half: Option<Half>,
    },
}

/// How a receive relates to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// No framing: where messages end cannot be told.
    Bytes,
    /// Exactly one message.
    Whole,
    /// Bytes of several messages, all of them whole at its end.
    Sticky,
    /// Bytes of one message that it does not hold whole.
    Half,
    /// Bytes of several messages, the first or the last of them cut.
    StickyHalf,
}

impl Explainer {
    /// For one direction of one stream, from its first byte on.
    pub fn new() -> Self {
        Self::default()
    }

    /// A receive brought `bytes`.
    pub fn received(&mut self, bytes: usize) {
        self.receives += 1;
        self.bytes = bytes;
        self.carried = self.left;
        self.left += bytes;
        self.spread += 1;
        self.begin = self.pending.len();
    }

    /// A receive brought `bytes`, and there is no framing that could tell more.
    pub fn received_bytes(&mut self, bytes: usize) {
        self.received(bytes);
        self.left = 0;
        self.receive(Shape::Bytes, 0, None);
    }

    /// The decoder's next step; `message` is the message's bytes where it is one.
    pub fn step(&mut self, step: &Step, message: &[u8]) {
        match step {
            Step::Message(frame) => {
                self.messages += 1;
                self.left = self.left.saturating_sub(frame.consumed);
                self.pending.push(Explanation::FrameMessage {
                    message: self.messages,
                    bytes: message.len(),
                    receives: self.spread.max(1),
                    order: frame.seal.map(|seal| seal.order),
                    preview: preview(message),
                });
                // What follows began in the current receive.
                self.spread = u64::from(self.left > 0);
            }
            Step::Skipped(skipped) => {
                self.left = self.left.saturating_sub(skipped.bytes);
                self.spread = u64::from(self.left > 0);
                self.skipped += 1;
                self.pending.push(Explanation::FrameSkipped(*skipped));
            }
            Step::NeedMore(need) => self.settle(*need),
        }
    }

    /// Decoding failed for good.
    pub fn failed(&mut self, error: &FrameError) {
        self.settle(Need::AtLeast(0));
        self.pending.push(Explanation::FrameError { reason: error.to_string() });
    }

    /// The stream ended, perhaps in the middle of a message.
    pub fn ended(&mut self, half: Option<Half>) {
        let (receives, messages) = (self.receives, self.messages);
        self.pending.push(Explanation::FrameEnd { receives, messages, half });
    }

    /// What there is to tell, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Explanation> {
        self.begin = 0;
        self.pending.drain(..)
    }

    fn settle(&mut self, need: Need) {
        let told = &self.pending[self.begin..];
        let messages = told.iter().filter(|e| matches!(e, Explanation::FrameMessage { .. })).count();
        let unfinished = self.left > 0;
        let several = messages + self.skipped + usize::from(unfinished) > 1;
        let cut = self.carried > 0 || unfinished;
        let shape = match (several, cut) {
            (true, true) => Shape::StickyHalf,
            (true, false) => Shape::Sticky,
            (false, true) => Shape::Half,
            (false, false) => Shape::Whole,
        };
        if !unfinished {
            self.spread = 0;
        }
        self.receive(shape, messages, unfinished.then_some(need));
    }

    fn receive(&mut self, shape: Shape, messages: usize, awaits: Option<Need>) {
        let told = Explanation::FrameReceive {
            receive: self.receives,
            bytes: self.bytes,
            shape,
            messages,
            continues: self.carried > 0,
            next: self.messages + 1,
            left: self.left,
            awaits,
        };
        self.pending.insert(self.begin, told);
        self.skipped = 0;
    }
}

impl Explanation {
    /// The line's parts: what it is about (`receive 3`), how many bytes, and what is to be said of it.
    pub fn columns(&self) -> (String, Option<u64>, String) {
        match self {
            Self::FrameReceive { receive, bytes, .. } => {
                (format!("receive {receive}"), Some(*bytes as u64), self.receive_text())
            }
            Self::FrameMessage { message, bytes, receives, order, preview } => {
                let spread = if *receives > 1 { format!("  in {receives} receives") } else { String::new() };
                let order = order.map_or_else(String::new, order_text);
                (format!("  message {message}"), Some(*bytes as u64), format!("{preview}{spread}{order}"))
            }
            Self::FrameSkipped(skipped) => {
                (String::from("  skipped"), Some(skipped.bytes as u64), skipped.why.to_string())
            }
            Self::FrameError { reason } => (String::from("broken"), None, reason.clone()),
            Self::FrameEnd { receives, messages, half } => {
                let cut = half.as_ref().map_or_else(String::new, |h| match h.due {
                    Some(due) => format!("; half a message is left, {} of {due} bytes", h.have),
                    None => format!("; half a message is left, {} bytes without an end", h.have),
                });
                let text = format!("{} in {}{cut}", count(*messages, "message"), count(*receives, "receive"));
                (String::from("end"), None, text)
            }
        }
    }

    fn receive_text(&self) -> String {
        let Self::FrameReceive { shape, messages, continues, next, left, awaits, .. } = self else {
            return String::new();
        };
        let mut parts = Vec::new();
        let first = next - *messages as u64;
        match (continues, messages) {
            (true, 0) => {}
            (true, 1) => parts.push(format!("the rest of message {first}")),
            (true, n) => parts.push(format!("the rest of message {first} and {} more", n - 1)),
            (false, 0) => {}
            (false, 1) => parts.push(format!("message {first}, whole")),
            (false, n) => parts.push(format!("{n} messages")),
        }
        if let Some(need) = awaits {
            let missing = match need {
                Need::Exactly(n) => format!("{n} to come"),
                Need::AtLeast(0 | 1) => String::from("its end to come"),
                Need::AtLeast(n) => format!("at least {n} to come"),
            };
            let now = if *continues && *messages == 0 { "now " } else { "" };
            parts.push(format!("{now}{} of message {next}, {missing}", count(*left as u64, "byte")));
        }
        let label = match shape {
            Shape::Bytes => return String::from("bytes: only a framing tells where a message ends"),
            Shape::Whole => "",
            Shape::Sticky => "STICKY: ",
            Shape::Half => "HALF: ",
            Shape::StickyHalf => "STICKY, HALF: ",
        };
        format!("{label}{}", parts.join("; "))
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, bytes, text) = self.columns();
        match bytes {
            Some(bytes) => {
                let unit = if bytes == 1 { "byte " } else { "bytes" };
                write!(f, "{subject:<13} {bytes:>6} {unit}  {text}")
            }
            None => write!(f, "{subject:<13} {text}"),
        }
    }
}

fn order_text(order: Order) -> String {
    match order {
        Order::Next => String::new(),
        Order::Gap { missing } => format!("  after a gap: {} missing", count(missing, "message")),
        Order::Late => String::from("  late: others overtook it"),
        Order::Restart => String::from("  the sender started anew"),
    }
}

fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The first bytes in quotes: text as it is, the rest escaped.
fn preview(message: &[u8]) -> String {
    const SHOWN: usize = 32;
    let head = &message[..message.len().min(SHOWN)];
    let mut text = String::from("\"");
    for chunk in head.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if c.is_control() => text.extend(c.escape_default()),
                c => text.push(c),
            }
        }
        // A character that the preview cuts is no damage.
        let cut = message.len() > SHOWN && head.ends_with(chunk.invalid());
        if !cut {
            text.extend(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")));
        }
    }
    text.push_str(if message.len() > SHOWN { "\"…" } else { "\"" });
    text
}
