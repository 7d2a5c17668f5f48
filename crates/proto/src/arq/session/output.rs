//! Packets go out.

use super::{Session, State};
use crate::{
    arq::{
        endpoint::Transmit,
        frame::{self, Frame},
        mtud::BASE,
        packet::{Header, SHORT_PREFIX},
        send::{Filled, Records},
        sent_packets::{Record, Sent},
        stats::Happened,
        timers::Timer,
        types::PacketNumber,
    },
    time::Time,
};

/// What a packet leaves to the rest of a batch before it is filled up with padding.
const MAX_PADDING: usize = 64;
/// What the kernel takes in one call, less its headers.
const MAX_BATCH: usize = 65_000;
/// Room for an acknowledgement beside data.
const ACK_ROOM: usize = 200;

/// Why a data packet may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Permit {
    /// Window and pace admit it.
    Data,
    /// A probe goes beyond the window.
    Probe,
    /// Only what is not counted: acknowledgements.
    Ack,
}

impl Session {
    /// Appends up to `max_segments` packets of one size (the last may be shorter) for one address.
    pub(crate) fn poll_transmit(
        &mut self,
        now: Time,
        out: &mut Vec<u8>,
        max_segments: usize,
    ) -> Option<Transmit> {
        let route = self.path.route();
        if let Some(transmit) = self.handshake_output(out) {
            return Some(transmit);
        }
        match &self.state {
            State::Open => {}
            State::Closing { code, reason, .. } if self.close_due => {
                let (code, reason) = (*code, reason.clone());
                return Some(self.close_packet(out, code, &reason));
            }
            State::Draining if self.close_due => return Some(self.close_packet(out, 0, "")),
            _ => return None,
        }
        if self.path.has_output()
            && let Some(transmit) = self.path_packet(now, out)
        {
            return Some(transmit);
        }
        let start = out.len();
        let mtu = usize::from(self.mtud.current());
        let mut segments = 0;
        while segments < max_segments && (segments + 1) * mtu <= MAX_BATCH {
            let Some(permit) = self.permit(now) else { break };
            let begin = out.len();
            self.data_packet(now, out, permit);
            if out.len() == begin {
                break;
            }
            segments += 1;
            if out.len() - begin != mtu {
                break;
            }
        }
        if segments > 0 {
            let segment = (segments > 1).then_some(mtu);
            return Some(Transmit { route, segment, ecn: true, len: out.len() - start });
        }
        if !self.send.has_data() && self.sent.in_flight() < self.congestion.window() {
            self.rate.app_limited(self.sent.in_flight());
        }
        self.mtu_probe(now, out)
    }

    fn handshake_output(&mut self, out: &mut Vec<u8>) -> Option<Transmit> {
        let start = out.len();
        if std::mem::take(&mut self.accept_due) {
            out.extend_from_slice(&self.accept);
        } else if !self.put_init(out) {
            return None;
        }
        let len = out.len() - start;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += len as u64;
        Some(Transmit { route: self.path.route(), segment: None, ecn: false, len })
    }

    /// Whether a packet may go now, and which.
    fn permit(&mut self, now: Time) -> Option<Permit> {
        let wants = self.send.has_data() || self.window_due || self.ping_due;
        if self.probes > 0 {
            return Some(Permit::Probe);
        }
        let ack = self.received.is_due().then_some(Permit::Ack);
        if !wants {
            return ack;
        }
        let mtu = u64::from(self.mtud.current());
        // Control goes always: it is small, and without it the other direction stands still.
        if self.window_due || self.ping_due {
            return Some(Permit::Data);
        }
        let full = self.sent.in_flight() + mtu > self.congestion.window();
        let capped = self.config.window.is_some_and(|w| self.sent.outstanding() >= w);
        if full || capped {
            return ack;
        }
        let rate = self.congestion.rate(&self.rtt).max(1);
        match self.pacer.wait(now, rate, mtu, self.late) {
            Some(at) => {
                self.timers.set(Timer::Pacing, at);
                ack
            }
            None => Some(Permit::Data),
        }
    }

    fn header(&mut self, out: &mut Vec<u8>) -> u64 {
        let number = self.sent.next();
        let key_phase = self.seal.phase(number);
        Header { destination: self.remote, number: PacketNumber(number), key_phase }
            .put(out, self.loss.largest_acked());
        number
    }

    fn data_packet(&mut self, now: Time, out: &mut Vec<u8>, permit: Permit) {
        let start = out.len();
        let size = match permit {
            // A path that lost everything may have lost it for its size.
            Permit::Probe if self.loss.probes() > 1 => usize::from(BASE),
            _ => usize::from(self.mtud.current()),
        };
        let limit = start + size - self.seal.tag_len();
        let number = self.header(out);
        let head = out.len() - start;
        let mut records = Records::new();
        if self.received.is_due() || self.received.is_owed() {
            let room = if permit == Permit::Ack { limit - out.len() } else { ACK_ROOM };
            if let Some(largest) = self.received.put(now, out, room) {
                records.push(Record::Ack(largest));
                self.timers.stop(Timer::Ack);
            }
        }
        let mut filled = Filled::default();
        let mut eliciting = false;
        if permit != Permit::Ack {
            eliciting |= self.put_control(out, &mut records);
            let before = out.len();
            let room = size - self.seal.tag_len() - SHORT_PREFIX - 4;
            if permit == Permit::Probe || self.congestion_admits(size) {
                filled = self.send.fill(now, out, (limit, room), &mut records);
            }
            eliciting |= out.len() > before;
            if permit == Permit::Probe {
                self.probes -= 1;
                if !eliciting {
                    frame::put(out, &Frame::Ping);
                    eliciting = true;
                }
            }
        }
        if out.len() == start + head {
            out.truncate(start);
            return;
        }
        if limit - out.len() <= MAX_PADDING && self.send.has_data() {
            out.resize(limit, 0);
        }
        let record = eliciting.then_some((records, filled));
        self.finish_packet(now, out, (start, head, number), record, false);
    }

    fn congestion_admits(&self, size: usize) -> bool {
        self.sent.in_flight() + size as u64 <= self.congestion.window()
            && self.config.window.is_none_or(|w| self.sent.outstanding() < w)
    }

    fn put_control(&mut self, out: &mut Vec<u8>, records: &mut Records) -> bool {
        let before = out.len();
        if std::mem::take(&mut self.window_due) {
            let (bytes, messages) = self.receive.advertise();
            frame::put(out, &Frame::Window { bytes, messages });
            records.push(Record::Window);
        }
        if std::mem::take(&mut self.ping_due) {
            frame::put(out, &Frame::Ping);
        }
        out.len() > before
    }

    /// Seals a packet and remembers it, where it is one that is acknowledged.
    fn finish_packet(
        &mut self,
        now: Time,
        out: &mut Vec<u8>,
        (start, head, number): (usize, usize, u64),
        record: Option<(Records, Filled)>,
        is_probe: bool,
    ) {
        self.seal.seal(number, out, start, head);
        let size = out.len() - start;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += size as u64;
        let Some((records, filled)) = record else {
            self.sent.push(None);
            return;
        };
        self.stats.fresh += filled.fresh;
        self.stats.resent += filled.again;
        if let Some(sequence) = filled.sequence {
            let bytes = filled.fresh + filled.again;
            self.trace(now, number, Happened::Sent { sequence, bytes, again: filled.again > 0 });
        }
        if self.sent.outstanding() == 0 && !is_probe && self.timers.at(Timer::Idle).is_some() {
            // The peer has had no reason to be heard until now.
            self.timers.set(Timer::Idle, now + self.idle());
        }
        let stamp = self.rate.sent(now, self.sent.in_flight(), size as u64);
        self.sent.push(Some(Sent { at: now, size: size as u16, is_probe, lost: false, records, stamp }));
        self.loss.sent(now);
        self.pacer.sent(size as u64);
        self.rearm_loss();
    }

    fn close_packet(&mut self, out: &mut Vec<u8>, code: u64, reason: &str) -> Transmit {
        self.close_due = false;
        let start = out.len();
        let number = self.header(out);
        let head = out.len() - start;
        frame::put(out, &Frame::Close { code, reason });
        self.finish_packet(Time::ZERO, out, (start, head, number), None, false);
        Transmit { route: self.path.route(), segment: None, ecn: false, len: out.len() - start }
    }

    /// Challenges and responses: each in a packet of its own, to the address that it is about.
    fn path_packet(&mut self, now: Time, out: &mut Vec<u8>) -> Option<Transmit> {
        let (route, frame) = match self.path.take_response() {
            Some((route, bytes)) => (route, Frame::Response(bytes)),
            None => self.path.take_challenge().map(|(route, bytes)| (route, Frame::Challenge(bytes)))?,
        };
        let start = out.len();
        let number = self.header(out);
        let head = out.len() - start;
        frame::put(out, &frame);
        // Not counted: its loss says nothing about the path that is in use.
        self.finish_packet(now, out, (start, head, number), None, false);
        Some(Transmit { route, segment: None, ecn: false, len: out.len() - start })
    }

    fn mtu_probe(&mut self, now: Time, out: &mut Vec<u8>) -> Option<Transmit> {
        if !self.rtt.is_known() || self.loss.probes() > 0 {
            return None;
        }
        let size = self.mtud.wants()?;
        // A search is worth its packets only for one who sends.
        if self.stats.fresh < u64::from(BASE) {
            return None;
        }
        self.mtud.sent_probe(size);
        let start = out.len();
        let number = self.header(out);
        let head = out.len() - start;
        frame::put(out, &Frame::MtuProbe);
        out.resize(start + usize::from(size) - self.seal.tag_len(), 0);
        self.finish_packet(now, out, (start, head, number), Some(Default::default()), true);
        Some(Transmit { route: self.path.route(), segment: None, ecn: true, len: usize::from(size) })
    }
}
