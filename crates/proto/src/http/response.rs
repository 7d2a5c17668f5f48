//! Reads the answer to one request.

use http::{Method, StatusCode};

use super::{
    Body, BodyEvent, End, Error, Framing, Limits, ResponseHead,
    error::{Fault, Malformed, Part},
    head::Scan,
};

/// What the front of the input is.
#[derive(Debug, Clone)]
pub enum Event {
    /// Too little to say: receive more.
    Wait,
    /// A 1xx answer; another head follows.
    Interim(Box<ResponseHead>),
    /// The answer's head.
    Head(Box<ResponseHead>),
    /// Something of the body.
    Body(BodyEvent),
}

/// The machine that reads the answer to one request.
#[derive(Debug, Clone)]
pub struct ResponseReader {
    method: Method,
    limits: Limits,
    interim: usize,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Head { scan: Scan, seen: usize },
    Body { body: Body, framing: Framing },
}

impl ResponseReader {
    /// A reader for the answer to a request with this method.
    pub fn new(method: Method, limits: Limits) -> Self {
        let state = State::Head { scan: Scan::new(Part::Head), seen: 0 };
        Self { method, limits, interim: 0, state }
    }

    /// What the front of `input` is, and how many bytes of it that was.
    pub fn step(&mut self, input: &[u8]) -> Result<(Event, usize), Error> {
        let (scan, seen) = match &mut self.state {
            State::Body { body, .. } => {
                let (event, used) = body.step(input)?;
                return Ok((Event::Body(event), used));
            }
            State::Head { scan, seen } => (scan, seen),
        };
        *seen = input.len();
        // Junk is refused at its first byte, not when its first line ends.
        let start = b"HTTP/1.";
        let common = input.iter().zip(start).take_while(|(a, b)| a == b).count();
        if common < start.len().min(input.len()) {
            return Err(Malformed::new(Fault::NotHttp, Part::Head, input, common).into());
        }
        let Some(used) = scan.end(input, self.limits.head)? else { return Ok((Event::Wait, 0)) };
        let raw = &input[..used];
        let head = ResponseHead::parse(raw, &self.limits)?;
        if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS {
            self.interim += 1;
            if self.interim > self.limits.interim {
                let fault = Fault::TooManyInterim(self.limits.interim);
                return Err(Malformed::new(fault, Part::Head, raw, 0).into());
            }
            self.state = State::Head { scan: Scan::new(Part::Head), seen: 0 };
            return Ok((Event::Interim(Box::new(head)), used));
        }
        let framing = Framing::of_response(&self.method, &head)?;
        self.state = State::Body { body: Body::new(framing, self.limits), framing };
        Ok((Event::Head(Box::new(head)), used))
    }

    /// The input has ended: the rule that makes the answer whole, or what is missing.
    pub fn eof(&mut self) -> Result<End, Error> {
        match &mut self.state {
            State::Body { body, .. } => body.eof(),
            State::Head { seen: 0, .. } if self.interim == 0 => Err(Error::Empty),
            State::Head { seen, .. } => Err(Error::CutHead { got: *seen }),
        }
    }

    /// How the body's end is known, once the head was read.
    pub fn framing(&self) -> Option<Framing> {
        match self.state {
            State::Body { framing, .. } => Some(framing),
            State::Head { .. } => None,
        }
    }

    /// The bytes of body so far, without framing.
    pub fn received(&self) -> u64 {
        match &self.state {
            State::Body { body, .. } => body.received(),
            State::Head { .. } => 0,
        }
    }

    /// How many of the next bytes can only be body: 0 when the reader must see them first.
    pub fn direct(&self) -> u64 {
        match &self.state {
            State::Body { body, .. } => body.direct(),
            State::Head { .. } => 0,
        }
    }

    /// `bytes` of body were moved without being shown; no more than [`direct`](Self::direct) said.
    pub fn moved(&mut self, bytes: u64) {
        if let State::Body { body, .. } = &mut self.state {
            body.moved(bytes);
        }
    }
}
