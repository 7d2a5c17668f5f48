//! Datagrams and deadlines come in.

use super::{Event, Session, State};
use crate::{
    arq::{
        error::{Ended, Violation},
        frame::{Frame, Frames},
        mtud::BASE,
        packet::Header,
        timers::Timer,
        types::Route,
    },
    time::Time,
};
use std::{net::SocketAddr, time::Duration};

/// How late a driver may wake and still send what it missed.
const MAX_LATE: Duration = Duration::from_millis(5);

impl Session {
    /// Takes a data packet. `congested`: a router marked it.
    pub(crate) fn handle_datagram(&mut self, now: Time, from: Route, congested: bool, packet: &mut [u8]) {
        if matches!(self.state, State::Connecting(_) | State::Gone) {
            return;
        }
        let before = self.received.largest();
        let Some((header, len)) = Header::parse(packet, before) else { return };
        let number = header.number.0;
        if self.received.is_known(number) {
            self.stats.packets_repeated += 1;
            return;
        }
        let size = packet.len() as u64;
        let Some(payload) = self.seal.open(number, header.key_phase, packet, len) else {
            self.stats.packets_damaged += 1;
            if self.seal.is_exhausted() && self.is_open() {
                self.gone();
                self.events.push_back(Event::Ended(Ended::KeysExhausted));
            }
            return;
        };
        self.stats.packets_received += 1;
        self.stats.bytes_received += size;
        let payload = &packet[payload];
        if !self.is_open() {
            self.answer_late(number, payload);
            return;
        }
        self.restart_idle(now);
        if from != self.path.route() && before.is_none_or(|b| number > b) {
            self.probe_path(now, from);
        }
        let had_ready = self.receive.has_ready();
        let mut eliciting = false;
        for frame in Frames::new(payload) {
            let handled = frame.and_then(|frame| {
                eliciting |= frame.is_ack_eliciting();
                self.handle_frame(now, from, frame)
            });
            if let Err(violation) = handled {
                self.violated(now, violation);
                return;
            }
            if !self.is_open() {
                return;
            }
        }
        let delay = self.config.ack_delay;
        if let Some(at) = self.received.note(now, number, eliciting, congested, delay)
            && self.timers.at(Timer::Ack).is_none()
        {
            self.timers.set(Timer::Ack, at);
        }
        if !had_ready && self.receive.has_ready() {
            self.events.push_back(Event::Readable);
        }
        self.window_due |= self.receive.wants_window();
        self.check_drained(now);
    }

    fn handle_frame(&mut self, now: Time, from: Route, frame: Frame<'_>) -> Result<(), Violation> {
        match frame {
            Frame::Ping | Frame::MtuProbe => {}
            Frame::Ack(ack) => self.handle_ack(now, &ack)?,
            Frame::Window { bytes, messages } => self.send.widen(bytes, messages),
            Frame::Challenge(bytes) => self.path.challenged(from, bytes),
            Frame::Response(bytes) => {
                if let Some(old) = self.path.proved(bytes) {
                    self.moved(now, old);
                }
            }
            Frame::Close { code, reason } => {
                let reason = reason.to_owned();
                // One answer, so that the peer need not repeat itself; then silence.
                self.state = State::Draining;
                self.close_due = true;
                self.timers.stop_all();
                self.timers.set(Timer::Close, now + self.probe_timeout() * 3);
                self.events.push_back(Event::Ended(Ended::Peer { code, reason }));
            }
            Frame::Skip { lane, id, counted } => self.receive.skip(lane, id.0, counted)?,
            Frame::Fragment(fragment) => self.receive.fragment(&fragment)?,
        }
        Ok(())
    }

    /// A packet for a connection that is over: the peer may not know.
    fn answer_late(&mut self, number: u64, payload: &[u8]) {
        let closed = Frames::new(payload).any(|f| matches!(f, Ok(Frame::Close { .. })));
        match &self.state {
            State::Closing { .. } if closed => self.gone(),
            // Ever more rarely: two ends that close must not answer each other for ever.
            State::Closing { .. } => self.close_due |= number.is_power_of_two() || number.is_multiple_of(16),
            State::Draining => self.close_due |= closed,
            _ => {}
        }
        let _ = self.received.note(Time::ZERO, number, false, false, Duration::ZERO);
    }

    fn probe_path(&mut self, now: Time, from: Route) {
        self.challenges = self.challenges.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(self.local.0 | 1);
        let challenge = self.challenges;
        if self.path.seen(from, || challenge.to_be_bytes()) {
            self.timers.set(Timer::Path, now + self.probe_timeout());
        }
    }

    /// The peer's new address is proved.
    fn moved(&mut self, now: Time, old: SocketAddr) {
        self.timers.stop(Timer::Path);
        if old.ip() != self.path.remote().ip() {
            // Another network: what was learned of the old one is void (RFC 9000 section 9.4).
            self.reset_path(now);
        }
        self.events.push_back(Event::Moved(self.path.remote()));
    }

    /// Lets every deadline that has come take effect.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let pacing = self.timers.at(Timer::Pacing);
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Handshake => self.handshake_timeout(now),
                Timer::Loss => self.loss_timeout(now),
                Timer::Ack => self.received.due(),
                Timer::Pacing => self.late = now.since(pacing.unwrap_or(now)).min(MAX_LATE),
                Timer::Idle => {
                    let idle = self.idle();
                    self.gone();
                    self.events.push_back(Event::Ended(Ended::Idle(idle)));
                }
                Timer::KeepAlive => self.ping_due = true,
                Timer::Mtu => self.mtud.search(),
                Timer::Path => {
                    if self.path.timed_out() {
                        self.timers.set(Timer::Path, now + self.probe_timeout());
                    }
                }
                Timer::Close => self.close_timeout(now),
            }
        }
    }

    fn close_timeout(&mut self, now: Time) {
        match &mut self.state {
            State::Closing { again, .. } if *again > 0 => {
                *again -= 1;
                self.close_due = true;
                self.timers.set(Timer::Close, now + self.probe_timeout());
            }
            _ => self.gone(),
        }
    }

    /// The kernel refused a packet of this size as too large for the path.
    pub(crate) fn refused_size(&mut self, now: Time, size: usize) {
        if size > usize::from(self.mtud.current()) {
            if let Some(at) = self.mtud.lost_probe(now, true) {
                self.timers.set(Timer::Mtu, at);
            }
        } else if size > usize::from(BASE) {
            self.fall_back(now);
        }
    }
}
