//! The text of ping, to the letter.

use std::{
    collections::HashMap,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use sockeye::ping::{self, Event, Kind, Mismatch, Pinger, Probe};

use super::{Display, Show, Target, fixed, percent, time};
use crate::output::{Failure, Out, remark};

/// Dots of a flood stay within a line.
const MOST_DOTS: u64 = 80;
/// How often a flood's dots reach the screen.
const FLUSH: Duration = Duration::from_millis(20);

/// ping's text, as it comes.
#[derive(Debug)]
pub(crate) struct Text<'a> {
    target: &'a Target,
    display: &'a Display,
    out: Out,
    names: HashMap<IpAddr, Option<String>>,
    flushed: Instant,
    route: Box<[u8]>,
}

impl<'a> Text<'a> {
    pub(crate) fn new(target: &'a Target, display: &'a Display, out: Out) -> Self {
        Self { target, display, out, names: HashMap::new(), flushed: Instant::now(), route: Box::default() }
    }

    /// An address, with its name where the host was given by one.
    fn from(&mut self, address: SocketAddr) -> String {
        let text = ping::address_text(address);
        if self.display.numeric || !self.target.host.named {
            return text;
        }
        match self.names.entry(address.ip()).or_insert_with(|| ping::name_of(address)) {
            Some(name) => format!("{name} ({text})"),
            None => text,
        }
    }

    fn stamp(&mut self) -> std::io::Result<()> {
        if self.display.timestamps {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            write!(self.out, "[{}.{:06}] ", now.as_secs(), now.subsec_micros())?;
        }
        Ok(())
    }

    fn flood(&mut self, event: &Event, pinger: &Pinger) -> Result<(), Failure> {
        let mark: &[u8] = match event {
            Event::Sent { .. } if pinger.in_flight() < MOST_DOTS => b".",
            Event::Reply { kind: Kind::Corrupt, .. } => b"\x08C",
            Event::Reply { .. } => b"\x08 \x08",
            Event::Refused { .. } | Event::Closed { .. } => b"\x08E",
            Event::Failed { .. } => b"E",
            _ => return Ok(()),
        };
        self.out.write_all(mark)?;
        if self.flushed.elapsed() >= FLUSH {
            self.flushed = Instant::now();
            self.out.flush()?;
        }
        Ok(())
    }

    fn reply(&mut self, event: &Event) -> Result<(), Failure> {
        let Event::Reply { sequence, from, bytes, id, ttl, time: took, kind, truncated, mismatch, options } =
            event
        else {
            return Ok(());
        };
        self.stamp()?;
        let who = self.from(*from);
        match self.target.probe {
            Probe::Icmp => write!(self.out, "{bytes} bytes from {who}:")?,
            Probe::Tcp(port) => write!(self.out, "connected to {who} port {port}:")?,
            Probe::Udp(port) => write!(self.out, "{bytes} bytes from {who} port {port}:")?,
        }
        write!(self.out, " {}={}", self.target.sequence_label(), *sequence as u16)?;
        if self.display.verbose && self.target.probe == Probe::Icmp {
            write!(self.out, " ident={id}")?;
        }
        if let Some(ttl) = ttl {
            write!(self.out, " ttl={ttl}")?;
        }
        if *truncated {
            writeln!(self.out, " (truncated)")?;
            return Ok(());
        }
        if self.display.timing || self.target.probe != Probe::Icmp {
            write!(self.out, " time={} ms", time(*took))?;
        }
        self.out.write_all(match kind {
            Kind::First => b"",
            Kind::Duplicate => b" (DUP!)",
            Kind::Corrupt => b" (BAD CHECKSUM!)",
        })?;
        if let Some(mismatch) = mismatch {
            self.mismatch(mismatch)?;
        }
        self.options(options)?;
        if self.display.audible {
            self.out.write_all(b"\x07")?;
        }
        Ok(self.out.write_all(b"\n")?)
    }

    fn mismatch(&mut self, m: &Mismatch) -> std::io::Result<()> {
        write!(self.out, "\nwrong data byte #{} should be 0x{:x} but was 0x{:x}", m.at, m.sent, m.received)?;
        for (i, byte) in m.payload.iter().enumerate().skip(16) {
            if i % 32 == 16 {
                write!(self.out, "\n#{i}\t")?;
            }
            write!(self.out, "{byte:x} ")?;
        }
        Ok(())
    }

    /// What routers wrote into the header's options: type, length, pointer, then what they wrote.
    fn options(&mut self, options: &[u8]) -> Result<(), Failure> {
        let mut rest = options;
        while let [kind, tail @ ..] = rest {
            match (kind, tail) {
                (0, _) => break,
                (1, _) => rest = tail,
                (_, [length, ..]) if usize::from(*length) >= 2 && usize::from(*length) <= rest.len() => {
                    let (option, after) = rest.split_at(usize::from(*length));
                    match kind {
                        7 => self.record_route(option)?,
                        68 => self.record_times(option)?,
                        _ => write!(self.out, "\nunknown option {kind:x}")?,
                    }
                    rest = after;
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn record_route(&mut self, option: &[u8]) -> Result<(), Failure> {
        let end = option.get(2).map_or(0, |p| usize::from(*p).saturating_sub(1)).min(option.len());
        let route = option.get(3..end).unwrap_or_default();
        if route.is_empty() {
            return Ok(());
        }
        if *route == *self.route {
            write!(self.out, "\t(same route)")?;
            return Ok(());
        }
        self.route = route.into();
        write!(self.out, "\nRR: ")?;
        for address in route.chunks_exact(4) {
            let who = self.hop(address);
            writeln!(self.out, "\t{who}")?;
        }
        Ok(())
    }

    fn record_times(&mut self, option: &[u8]) -> Result<(), Failure> {
        let &[_, _, pointer, flags, ref entries @ ..] = option else { return Ok(()) };
        let with_address = flags & 0xf != 0;
        let end = usize::from(pointer).saturating_sub(5).min(entries.len());
        let entries = &entries[..end];
        if entries.is_empty() {
            return Ok(());
        }
        write!(self.out, "\nTS: ")?;
        let mut first = None;
        for entry in entries.chunks_exact(if with_address { 8 } else { 4 }) {
            let (address, stamp) = entry.split_at(entry.len() - 4);
            if with_address {
                let who = self.hop(address);
                write!(self.out, "\t{who}")?;
            }
            let stamp = i64::from(u32::from_be_bytes([stamp[0], stamp[1], stamp[2], stamp[3]]));
            match first.replace(stamp) {
                None => writeln!(self.out, "\t{stamp} absolute")?,
                Some(before) => writeln!(self.out, "\t{}", stamp - before)?,
            }
        }
        if flags >> 4 != 0 {
            writeln!(self.out, "Unrecorded hops: {}", flags >> 4)?;
        }
        Ok(())
    }

    fn hop(&mut self, address: &[u8]) -> String {
        let octets: [u8; 4] = *address.first_chunk().unwrap_or(&[0; 4]);
        self.from(SocketAddr::new(Ipv4Addr::from(octets).into(), 0))
    }

    fn failed(&self, errno: i32, mtu: Option<u32>) {
        let program = &self.target.program;
        let separator = if self.target.host.address.is_ipv4() { '=' } else { ':' };
        let space = if separator == ':' { " " } else { "" };
        match (mtu, self.target.probe) {
            (Some(mtu), _) => {
                remark(format_args!("{program}: local error: message too long, mtu{separator}{space}{mtu}"))
            }
            (None, probe) => {
                let call = if matches!(probe, Probe::Tcp(_)) { "connect" } else { "sendmsg" };
                let reason = sockeye::error::Reason::Io(std::io::Error::from_raw_os_error(errno));
                remark(format_args!("{program}: {call}: {reason}"));
            }
        }
    }
}

impl Show for Text<'_> {
    fn pattern(&mut self, pattern: &[u8]) -> Result<(), Failure> {
        let digits: String = pattern.iter().map(|b| format!("{b:02x}")).collect();
        writeln!(self.out, "PATTERN: 0x{digits}")?;
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        let Target { host, probe, options, from, .. } = self.target;
        let from = from.as_deref().unwrap_or("");
        let size = options.payload_size();
        let address = ping::address_text(host.address);
        match probe {
            Probe::Tcp(port) => {
                writeln!(self.out, "PING {host} ({address}) {from}connecting to TCP port {port}")?
            }
            Probe::Udp(port) => {
                writeln!(self.out, "PING {host} ({address}) {from}{size} bytes of data to UDP port {port}")?;
            }
            Probe::Icmp if host.address.is_ipv4() => {
                let headers = if options.ip_options.is_some() { 28 + 40 } else { 28 };
                writeln!(
                    self.out,
                    "PING {host} ({address}) {from}{size}({}) bytes of data.",
                    size + headers
                )?;
            }
            Probe::Icmp => {
                let who = self.from(host.address);
                writeln!(self.out, "PING {host}({who}) {from}{size} data bytes")?;
            }
        }
        Ok(self.out.flush()?)
    }

    fn event(&mut self, event: &Event, pinger: &Pinger) -> Result<bool, Failure> {
        if let Event::Unanswered { sequence } = event
            && self.display.outstanding
        {
            self.stamp()?;
            writeln!(self.out, "no answer yet for {}={}", self.target.sequence_label(), *sequence as u16)?;
            self.out.flush()?;
            return Ok(true);
        }
        if self.display.quiet {
            return Ok(true);
        }
        if self.display.flood {
            self.flood(event, pinger)?;
            return Ok(true);
        }
        match event {
            Event::Reply { .. } => self.reply(event)?,
            Event::Refused { sequence, from, report } => {
                self.stamp()?;
                let who = self.from(*from);
                let label = self.target.sequence_label();
                writeln!(self.out, "From {who} {label}={} {report}", *sequence as u16)?;
            }
            Event::Closed { sequence, from, time: took } => {
                self.stamp()?;
                let (who, label) = (self.from(*from), self.target.sequence_label());
                writeln!(
                    self.out,
                    "From {who} {label}={} Connection refused time={} ms",
                    *sequence as u16,
                    time(*took)
                )?;
            }
            Event::Failed { errno, mtu, .. } => {
                self.out.flush()?;
                self.failed(*errno, *mtu);
            }
            _ => return Ok(true),
        }
        self.out.flush()?;
        Ok(true)
    }

    fn status(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        self.out.flush()?;
        let s = pinger.statistics();
        let loss = (s.loss() * 100.0) as u64;
        let mut line = format!("\r{}/{} packets, {loss}% loss", s.received, s.transmitted);
        if s.received > 0 && self.display.timing {
            let m = s.times.moments();
            let [min, avg, ewma, max] = [m.min(), m.mean(), s.times.ewma(), m.max()].map(fixed);
            line += &format!(", min/avg/ewma/max = {min}/{avg}/{ewma}/{max} ms");
        }
        remark(line);
        Ok(())
    }

    fn end(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        let s = pinger.statistics();
        let out = &mut self.out;
        writeln!(out, "\n--- {} ping statistics ---", self.target.host)?;
        write!(out, "{} packets transmitted, {} received", s.transmitted, s.received)?;
        for (count, what) in [(s.duplicates, "duplicates"), (s.corrupted, "corrupted"), (s.errors, "errors")]
        {
            if count > 0 {
                write!(out, ", +{count} {what}")?;
            }
        }
        if s.transmitted > 0 {
            write!(
                out,
                ", {}% packet loss, time {}ms",
                percent(s.loss()),
                (s.elapsed + HALF_MS).as_millis()
            )?;
        }
        writeln!(out)?;
        let mut parts = Vec::new();
        if s.received > 0 && (self.display.timing || self.target.probe != Probe::Icmp) {
            let m = s.times.moments();
            let [min, avg, max, mdev] = [m.min(), m.mean(), m.max(), m.deviation()].map(fixed);
            parts.push(format!("rtt min/avg/max/mdev = {min}/{avg}/{max}/{mdev} ms"));
        }
        if s.pipe > 1 {
            parts.push(format!("pipe {}", s.pipe));
        }
        if s.received > 0 && self.display.paced_by_answers && s.transmitted > 1 {
            let gap = s.elapsed / u32::try_from(s.transmitted - 1).unwrap_or(u32::MAX);
            parts.push(format!("ipg/ewma {}/{} ms", fixed(gap), fixed(s.times.ewma())));
        }
        writeln!(out, "{}", parts.join(", "))?;
        Ok(out.flush()?)
    }
}

const HALF_MS: Duration = Duration::from_micros(500);
