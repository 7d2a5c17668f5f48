//! Acknowledgements, losses, and what follows from them.

use super::Session;
use crate::{
    arq::{
        congestion::{self, Acked, Lost, Rate},
        error::Violation,
        frame::Ack,
        mtud::{BASE, Mtud},
        rtt::Rtt,
        sent_packets::{Record, Sent},
        stats::Happened,
        timers::Timer,
    },
    time::Time,
};
use std::time::Duration;

/// Probe timeouts that a run of losses must span to void what was learned of the path.
const PERSISTENT: u32 = 3;

impl Session {
    pub(super) fn handle_ack(&mut self, now: Time, ack: &Ack<'_>) -> Result<(), Violation> {
        let next = self.sent.next();
        if ack.largest >= next {
            return Err(Violation::AckOfUnsent(ack.largest));
        }
        let prior_in_flight = self.sent.in_flight();
        let mut newest: Option<(u64, Sent)> = None;
        let mut bytes = 0;
        for range in ack.ranges() {
            let first = (*range.start()).max(self.sent.first());
            for number in (first..=*range.end()).rev() {
                let Some(packet) = self.sent.acked(number) else { continue };
                bytes += u64::from(packet.size);
                self.packet_acked(now, number, &packet);
                if newest.as_ref().is_none_or(|(n, _)| number > *n) {
                    newest = Some((number, packet));
                }
            }
            if *range.start() < self.sent.first() {
                break;
            }
        }
        self.loss.acked(ack.largest);
        self.seal.acked(ack.largest);
        let Some((number, packet)) = newest else { return Ok(()) };
        if number == ack.largest {
            let most = Duration::from_micros(self.peer.ack_delay_us) * 2;
            let delay = Duration::from_micros(ack.delay_us).min(most);
            self.rtt.sample(now.since(packet.at), delay);
        }
        self.rate.acked(now, bytes);
        let sample = self.rate.sample(now, &packet.stamp, packet.at, self.rtt.min());
        let congested = ack.congested > self.congested_seen;
        self.congested_seen = self.congested_seen.max(ack.congested);
        if congested {
            self.report_loss(now, (0, 0), packet.at, false);
        }
        self.detect_losses(now);
        let acked = Acked {
            now,
            bytes,
            prior_in_flight,
            in_flight: self.sent.in_flight(),
            sample,
            rtt: &self.rtt,
            sent_at: packet.at,
        };
        self.congestion.acked(&acked);
        self.sent.forget_lost(now - self.rtt.smoothed() * 3);
        self.probes = 0;
        self.rearm_loss();
        Ok(())
    }

    fn packet_acked(&mut self, now: Time, number: u64, packet: &Sent) {
        if packet.lost {
            self.stats.spurious_losses += 1;
            self.loss.spurious(number);
            self.congestion.spurious();
        }
        self.stats.packets_acked += 1;
        self.trace(now, number, Happened::Acked);
        if packet.is_probe {
            self.mtud.acked_probe(packet.size);
            self.congestion.mtu(self.mtud.current());
        } else {
            self.mtud.acked(packet.size);
        }
        for record in &packet.records {
            match record {
                Record::Ack(largest) => self.received.acknowledged(*largest),
                record => self.send.acked(record),
            }
        }
    }

    /// Declares lost what is.
    fn detect_losses(&mut self, now: Time) {
        let (lost, again) = self.loss.detect(now, &self.rtt, &mut self.sent);
        self.loss_time = again;
        let (Some(&first), Some(&last)) = (lost.first(), lost.last()) else { return };
        let (mut bytes, mut packets, mut newest, mut all_large) = (0, 0, Time::ZERO, true);
        for &number in &lost {
            self.trace(now, number, Happened::Lost);
            let Some(packet) = self.sent.get(number) else { continue };
            if packet.is_probe {
                if let Some(at) = self.mtud.lost_probe(now, false) {
                    self.timers.set(Timer::Mtu, at);
                }
                continue;
            }
            bytes += u64::from(packet.size);
            packets += 1;
            newest = newest.max(packet.at);
            all_large &= packet.size > BASE;
            for record in &packet.records {
                self.window_due |= *record == Record::Window;
                self.send.lost(record);
            }
        }
        if packets == 0 {
            return;
        }
        self.stats.packets_lost += packets;
        let at = |n| self.sent.get(n).map_or(Time::ZERO, |p| p.at);
        let persistent = last - first + 1 == lost.len() as u64
            && lost.len() > 1
            && at(last).since(at(first)) > self.probe_timeout() * PERSISTENT;
        self.report_loss(now, (bytes, packets), newest, persistent);
        if self.mtud.lost_burst(last, all_large) {
            self.black_hole(now);
        }
    }

    fn report_loss(&mut self, now: Time, (bytes, packets): (u64, u64), sent_at: Time, persistent: bool) {
        let queue = self.rtt.shows_queue();
        self.congestion.lost(&Lost { now, bytes, packets, sent_at, queue, persistent });
    }

    /// The path swallows large packets: go on with small ones.
    pub(super) fn fall_back(&mut self, now: Time) {
        if self.mtud.fall_back() {
            self.black_hole(now);
        }
    }

    fn black_hole(&mut self, now: Time) {
        self.stats.black_holes += 1;
        self.congestion.mtu(self.mtud.current());
        self.timers.set(Timer::Mtu, now + Duration::from_secs(60));
    }

    pub(super) fn rearm_loss(&mut self) {
        // A deadline of the time threshold comes before any probe.
        let delay = Duration::from_micros(self.peer.ack_delay_us);
        let probe = self.loss.probe_at(&self.rtt, delay, &self.sent);
        self.timers.set_or_stop(Timer::Loss, self.loss_time.or(probe));
    }

    pub(super) fn loss_timeout(&mut self, now: Time) {
        if self.loss_time.is_some() {
            self.detect_losses(now);
            self.rearm_loss();
            self.check_drained(now);
            return;
        }
        self.stats.timeouts += 1;
        self.loss.probed(now);
        // Stop-and-wait stays that: one packet at a time.
        self.probes = if self.config.window == Some(1) { 1 } else { 2 };
        if self.loss.probes() == 2 && self.sent.oldest().is_some_and(|p| p.size > BASE) {
            self.fall_back(now);
        }
        // What was sent last and longest ago goes again, without being declared lost.
        let records: Vec<Record> =
            self.sent.in_flight_from(0).take(2).flat_map(|p| p.records.iter().copied()).collect();
        for record in &records {
            self.window_due |= *record == Record::Window;
            self.send.lost(record);
        }
        self.rearm_loss();
    }

    pub(super) fn reset_path(&mut self, now: Time) {
        self.rtt = Rtt::new();
        self.rate = Rate::new(now);
        self.mtud = Mtud::new(self.config.max_datagram.min(self.peer.max_datagram as u16));
        self.congestion = congestion::new(self.config.congestion, now, self.mtud.current());
    }
}
