//! The packets that were sent and what was in them, until their fate is known.

use super::{congestion::Stamp, types::Lane};
use crate::time::Time;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// What a packet carried that may have to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// Bytes of a message that must arrive.
    Fragment { lane: Lane, id: u64, start: u32, end: u32 },
    /// A message given up.
    Skip { lane: Lane, id: u64, counted: u64 },
    /// The state of the window: the newest is sent again.
    Window,
    /// An acknowledgement up to this number.
    Ack(u64),
}

/// A packet on its way.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) size: u16,
    /// Only tried its size: its loss is not congestion.
    pub(crate) is_probe: bool,
    /// Declared lost; kept for a while to see whether it arrives after all.
    pub(crate) lost: bool,
    pub(crate) records: SmallVec<[Record; 2]>,
    pub(crate) stamp: Stamp,
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    first: u64,
    packets: VecDeque<Option<Sent>>,
    /// Below it nothing is in flight.
    scan: u64,
    in_flight: u64,
    outstanding: u32,
}

impl SentPackets {
    /// The number of the next packet.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.packets.len() as u64
    }

    /// Notes the next packet; `None` for one that nobody acknowledges.
    pub(crate) fn push(&mut self, packet: Option<Sent>) {
        match packet {
            Some(packet) => {
                self.in_flight += u64::from(packet.size);
                self.outstanding += 1;
                self.packets.push_back(Some(packet));
            }
            None if self.packets.is_empty() => {
                self.first += 1;
                self.scan = self.first;
            }
            None => self.packets.push_back(None),
        }
    }

    /// Bytes sent, and neither acknowledged nor lost.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Packets sent, and neither acknowledged nor lost.
    pub(crate) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    /// Takes out a packet that was acknowledged.
    pub(crate) fn acked(&mut self, number: u64) -> Option<Sent> {
        let index = self.index(number)?;
        let packet = self.packets.get_mut(index)?.take()?;
        if !packet.lost {
            self.in_flight -= u64::from(packet.size);
            self.outstanding -= 1;
        }
        while let Some(None) = self.packets.front() {
            self.packets.pop_front();
            self.first += 1;
        }
        self.scan = self.scan.max(self.first);
        Some(packet)
    }

    /// The lowest number that is still kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Walks over what is in flight, oldest first, up to and with `last`; `lost` says what is lost now and is
    /// not asked further once it gives `None`.
    pub(crate) fn declare_lost(&mut self, last: u64, mut lost: impl FnMut(u64, &Sent) -> bool) -> Vec<u64> {
        let mut declared = Vec::new();
        let from = self.scan.max(self.first);
        let mut lowest = None;
        for number in from..(last + 1).min(self.next()) {
            let Some(Some(packet)) = self.packets.get_mut((number - self.first) as usize) else { continue };
            if packet.lost {
                continue;
            }
            if lost(number, packet) {
                packet.lost = true;
                self.in_flight -= u64::from(packet.size);
                self.outstanding -= 1;
                declared.push(number);
            } else if lowest.is_none() {
                lowest = Some(number);
            }
        }
        self.scan = lowest.unwrap_or_else(|| (last + 1).min(self.next())).max(from);
        declared
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Sent> {
        self.packets.get(self.index(number)?)?.as_ref()
    }

    /// The oldest packet in flight.
    pub(crate) fn oldest(&self) -> Option<&Sent> {
        self.in_flight_from(self.scan).next()
    }

    /// What is in flight from `number` on, oldest first.
    pub(crate) fn in_flight_from(&self, number: u64) -> impl Iterator<Item = &Sent> {
        let skip = number.saturating_sub(self.first) as usize;
        self.packets.iter().skip(skip).flatten().filter(|p| !p.lost)
    }

    /// Forgets lost packets sent before `then`.
    pub(crate) fn forget_lost(&mut self, then: Time) {
        while let Some(front) = self.packets.front() {
            match front {
                Some(p) if !p.lost || p.at >= then => break,
                _ => {
                    self.packets.pop_front();
                    self.first += 1;
                }
            }
        }
        self.scan = self.scan.max(self.first);
        if self.packets.is_empty() && self.packets.capacity() > 64 {
            self.packets.shrink_to(16);
        }
    }
}
