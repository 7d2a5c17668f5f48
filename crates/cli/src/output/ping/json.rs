//! ping for programs: `--json`, one result; `-j`, a line for each thing that happens, with iputils' keys.

use serde_json::{Map, Value, json};
use sockeye::ping::{self, Event, Kind, Pinger, Statistics};

use super::{Display, Show, Target, ms};
use crate::output::{Failure, Out};

/// One object when it ends, or nothing.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    target: &'a Target,
    print: bool,
}

impl<'a> Json<'a> {
    pub(crate) fn new(target: &'a Target, print: bool) -> Self {
        Self { target, print }
    }
}

impl Show for Json<'_> {
    fn pattern(&mut self, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn event(&mut self, _: &Event, _: &Pinger) -> Result<bool, Failure> {
        Ok(true)
    }

    fn status(&mut self, _: &Pinger) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        if self.print {
            Out::stdout().json(&host_result(self.target, pinger.statistics()))?;
        }
        Ok(())
    }
}

/// Everything known of one host: counts, loss in percent, times in milliseconds or null where nothing was
/// answered.
pub(crate) fn host_result(target: &Target, s: &Statistics) -> Value {
    let mut result = Map::new();
    result.insert("host".into(), target.host.to_string().into());
    result.insert("address".into(), ping::address_text(target.host.address).into());
    result.insert("probe".into(), target.probe_name().into());
    result.extend(statistics_json(s));
    result.into()
}

/// The numbers of a ping.
pub(crate) fn statistics_json(s: &Statistics) -> Map<String, Value> {
    let times = &s.times;
    let m = times.moments();
    let rtt = (m.count() > 0).then(|| {
        json!({
            "min": ms(m.min()), "avg": ms(m.mean()), "max": ms(m.max()), "mdev": ms(m.deviation()),
            "ewma": ms(times.ewma()), "jitter": ms(times.jitter()),
            "p50": ms(times.percentile(50.0)), "p90": ms(times.percentile(90.0)), "p99": ms(times.percentile(99.0)),
        })
    });
    let numbers = json!({
        "transmitted": s.transmitted, "received": s.received, "duplicates": s.duplicates,
        "corrupted": s.corrupted, "errors": s.errors, "loss": s.loss() * 100.0,
        "seconds": s.elapsed.as_secs_f64(), "rtt": rtt,
    });
    match numbers {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A line for each thing that happens.
#[derive(Debug)]
pub(crate) struct JsonLines<'a> {
    target: &'a Target,
    display: &'a Display,
    out: Out,
}

impl<'a> JsonLines<'a> {
    pub(crate) fn new(target: &'a Target, display: &'a Display, out: Out) -> Self {
        Self { target, display, out }
    }

    fn line(&mut self, mut value: Value) -> Result<(), Failure> {
        if self.display.timestamps
            && let Value::Object(map) = &mut value
        {
            let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
            map.insert("timestamp".into(), now.unwrap_or_default().as_secs_f64().into());
        }
        self.out.json(&value)
    }
}

impl Show for JsonLines<'_> {
    fn pattern(&mut self, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    fn start(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn event(&mut self, event: &Event, _: &Pinger) -> Result<bool, Failure> {
        let line = match event {
            Event::Unanswered { sequence } if self.display.outstanding => {
                json!({ "seq": sequence, "error": "no answer yet" })
            }
            _ if self.display.quiet => return Ok(true),
            Event::Reply { sequence, from, bytes, id, ttl, time, kind, truncated, mismatch, .. } => {
                let mut line = json!({
                    "bytes": bytes, "target": ping::address_text(*from), "seq": sequence,
                    "ttl": ttl, "time": ms(*time),
                });
                if self.display.verbose {
                    line["ident"] = (*id).into();
                }
                match kind {
                    Kind::First => {}
                    Kind::Duplicate => line["duplicate"] = true.into(),
                    Kind::Corrupt => line["corrupted"] = true.into(),
                }
                if *truncated {
                    line["truncated"] = true.into();
                }
                if let Some(m) = mismatch {
                    line["wrong_byte"] = json!({ "at": m.at, "sent": m.sent, "received": m.received });
                }
                line
            }
            Event::Refused { sequence, from, report } => {
                json!({ "from": ping::address_text(*from), "seq": sequence, "error": report.to_string() })
            }
            Event::Closed { sequence, from, time } => json!({
                "from": ping::address_text(*from), "seq": sequence, "time": ms(*time), "error": "Connection refused",
            }),
            Event::Failed { sequence, errno, mtu } => {
                let reason = sockeye::error::Reason::Io(std::io::Error::from_raw_os_error(*errno));
                json!({ "seq": sequence, "mtu": mtu, "error": ["sendmsg", reason.to_string()] })
            }
            _ => return Ok(true),
        };
        self.line(line)?;
        Ok(true)
    }

    fn status(&mut self, _: &Pinger) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self, pinger: &Pinger) -> Result<(), Failure> {
        let s = pinger.statistics();
        let m = s.times.moments();
        let rtt = (m.count() > 0 && self.display.timing).then(
            || json!({ "min": ms(m.min()), "avg": ms(m.mean()), "max": ms(m.max()), "mdev": ms(m.deviation()) }),
        );
        let mut line = json!({
            "host": self.target.host.to_string(), "transmitted": s.transmitted, "received": s.received,
            "duplicates": s.duplicates, "corrupted": s.corrupted, "errors": s.errors, "loss": s.loss() * 100.0,
            "time": s.elapsed.as_millis() as u64, "rtt": rtt,
        });
        if s.pipe > 1 {
            line["pipe"] = s.pipe.into();
        }
        if s.received > 0 && self.display.paced_by_answers && s.transmitted > 1 {
            let gap = s.elapsed / u32::try_from(s.transmitted - 1).unwrap_or(u32::MAX);
            line["ipg"] = ms(gap).into();
            line["ewma"] = ms(s.times.ewma()).into();
        }
        self.out.json(&line)
    }
}
