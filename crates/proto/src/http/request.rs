//! Reads requests, for a server.

use super::{Body, BodyEvent, Error, Framing, Limits, RequestHead, error::Part, head::Scan};

/// What the front of the input is.
#[derive(Debug, Clone)]
pub enum RequestEvent {
    /// Too little to say: receive more.
    Wait,
    /// The request's head.
    Head(Box<RequestHead>),
    /// Something of the body.
    Body(BodyEvent),
}

/// The machine that reads one request; a connection makes a new one for each.
#[derive(Debug, Clone)]
pub struct RequestReader {
    limits: Limits,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Head(Scan),
    Body(Body),
}

impl RequestReader {
    /// A reader for one request.
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Head(Scan::new(Part::Head)) }
    }

    /// What the front of `input` is, and how many bytes of it that was.
    pub fn step(&mut self, input: &[u8]) -> Result<(RequestEvent, usize), Error> {
        match &mut self.state {
            State::Body(body) => {
                let (event, used) = body.step(input)?;
                Ok((RequestEvent::Body(event), used))
            }
            State::Head(scan) => {
                let Some(used) = scan.end(input, self.limits.head)? else {
                    return Ok((RequestEvent::Wait, 0));
                };
                let raw = &input[..used];
                let head = RequestHead::parse(raw, &self.limits)?;
                let framing = Framing::of_request(&head, raw)?;
                self.state = State::Body(Body::new(framing, self.limits));
                Ok((RequestEvent::Head(Box::new(head)), used))
            }
        }
    }

    /// How many of the next bytes can only be body.
    pub fn direct(&self) -> u64 {
        match &self.state {
            State::Body(body) => body.direct(),
            State::Head(_) => 0,
        }
    }
}
