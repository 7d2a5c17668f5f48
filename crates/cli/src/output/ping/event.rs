//! ping's kinds of events (docs/events.md).

use serde::Serialize;
use sockeye::ping::{self, Event, Found, Host, Kind, Statistics, Trace};

use super::Target;

/// One event of a ping.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[expect(clippy::enum_variant_names, reason = "the names are those of the events")]
pub(crate) enum PingEvent {
    /// A probe went out.
    PingSent { peer: String, sequence: u64 },
    /// A probe was answered.
    PingReply {
        peer: String,
        sequence: u64,
        bytes: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<u8>,
        seconds: f64,
        kind: Kind,
    },
    /// A probe was refused, on the way or here.
    PingError {
        peer: String,
        sequence: u64,
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// A host of many answered.
    PingAlive { host: String, peer: String, seconds: f64, kind: Kind },
    /// A router refused a probe to a host of many.
    PingUnreachable { host: String, peer: String, reason: String },
    /// A hop on the way answered.
    PingHop { hop: u8, peer: String, seconds: f64 },
    /// A probe is unanswered although the next one goes out.
    PingUnanswered { peer: String, sequence: u64 },
    /// All is over.
    PingSummary {
        host: String,
        peer: String,
        probe: &'static str,
        #[serde(flatten)]
        numbers: serde_json::Map<String, serde_json::Value>,
    },
}

/// The event that tells what happened, if it is worth one.
pub(crate) fn of(target: &Target, event: &Event) -> Option<PingEvent> {
    let peer = ping::address_text(target.host.address);
    Some(match event {
        Event::Sent { sequence } => PingEvent::PingSent { peer, sequence: *sequence },
        Event::Unanswered { sequence } => PingEvent::PingUnanswered { peer, sequence: *sequence },
        Event::Reply { sequence, from, bytes, ttl, time, kind, .. } => PingEvent::PingReply {
            peer: ping::address_text(*from),
            sequence: *sequence,
            bytes: *bytes,
            ttl: *ttl,
            seconds: time.as_secs_f64(),
            kind: *kind,
        },
        Event::Refused { sequence, from, report } => PingEvent::PingError {
            peer: ping::address_text(*from),
            sequence: *sequence,
            reason: report.to_string(),
            seconds: None,
        },
        Event::Closed { sequence, from, time } => PingEvent::PingError {
            peer: ping::address_text(*from),
            sequence: *sequence,
            reason: "Connection refused".into(),
            seconds: Some(time.as_secs_f64()),
        },
        Event::Failed { sequence, errno, .. } => PingEvent::PingError {
            peer,
            sequence: *sequence,
            reason: sockeye::error::Reason::Io(std::io::Error::from_raw_os_error(*errno)).to_string(),
            seconds: None,
        },
        Event::Woken => return None,
    })
}

/// The event that ends a ping.
pub(crate) fn summary(target: &Target, statistics: &Statistics) -> PingEvent {
    PingEvent::PingSummary {
        host: target.host.to_string(),
        peer: ping::address_text(target.host.address),
        probe: target.probe_name(),
        numbers: super::statistics_json(statistics),
    }
}

/// The event of a sweep, if what was found is worth one.
pub(crate) fn sweep_event(hosts: &[Host], found: &Found) -> Option<PingEvent> {
    match *found {
        Found::Reply { host, time, kind } => hosts.get(host).map(|h| PingEvent::PingAlive {
            host: h.to_string(),
            peer: ping::address_text(h.address),
            seconds: time.as_secs_f64(),
            kind,
        }),
        Found::Refused { host, from, report } => hosts.get(host).map(|h| PingEvent::PingUnreachable {
            host: h.to_string(),
            peer: from.to_string(),
            reason: report.to_string(),
        }),
        Found::Tick { .. } | Found::Woken => None,
    }
}

/// The event of a hop that answered.
pub(crate) fn hop_event(trace: &Trace, hop: Option<u8>) -> Option<PingEvent> {
    let hop = hop?;
    let known = trace.hops().get(usize::from(hop).checked_sub(1)?)?;
    let peer = known.addresses.last()?.to_string();
    Some(PingEvent::PingHop { hop, peer, seconds: known.times.mean().as_secs_f64() })
}
