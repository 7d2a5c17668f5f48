//! From the text of ping's flags to values, with ping's words where one is wrong.

use std::time::Duration;

use sockeye::ping::{Family, IpOptions, Options, PathMtu, Plan};

use crate::{args::PingFlags, output::ping::Display};

/// What is wrong with a flag, in ping's words.
pub(super) type Wrong = String;

/// What ping's flags mean.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) plan: Plan,
    pub(super) options: Options,
    pub(super) family: Option<Family>,
    pub(super) display: Display,
    /// Whether -W was given.
    pub(super) timeout: Option<Duration>,
    /// Whether -i was given.
    pub(super) interval: Option<Duration>,
    /// What only the superuser may do, said when the first line is out.
    pub(super) forbidden: Option<&'static str>,
}

const USER_INTERVAL: Duration = Duration::from_millis(2);
const LONGEST: f64 = 2_147_483.0;
/// Nothing larger fits any IP packet; real limits are the kernel's to tell.
const LARGEST_PAYLOAD: i64 = 127_992;

impl Settings {
    pub(super) fn new(flags: &PingFlags, root: bool) -> Result<Self, Wrong> {
        unsupported(flags)?;
        let family = match (flags.v4, flags.v6) {
            (true, true) => return Err("only one -4 or -6 option may be specified".into()),
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            (false, false) => None,
        };
        let typed_interval = seconds(flags.interval.as_deref(), "bad timing interval")?;
        let timeout = seconds(flags.timeout.as_deref(), "bad linger time")?.filter(|t| !t.is_zero());
        let default = if flags.flood { Duration::ZERO } else { Duration::from_secs(1) };
        let interval = typed_interval.unwrap_or(default);
        let preload = integer(flags.preload.as_deref(), 1, 65536)?.unwrap_or(1);
        if preload > 3 && !root {
            return Err(format!("cannot set preload to value greater than 3: {preload}"));
        }
        let plan = Plan {
            count: integer(flags.count.as_deref(), 1, i64::MAX)?.map(i64::unsigned_abs),
            interval,
            adaptive: flags.adaptive.then_some(if root { Duration::ZERO } else { USER_INTERVAL }),
            preload: preload as u32,
            deadline: integer(flags.deadline.as_deref(), 0, i64::from(i32::MAX))?
                .filter(|w| *w > 0)
                .map(|w| Duration::from_secs(w.unsigned_abs())),
            linger: timeout.unwrap_or_else(|| Plan::default().linger),
        };
        let options = options(flags, interval.is_zero() || flags.adaptive)?;
        let display = Display {
            quiet: flags.quiet,
            flood: flags.flood,
            numeric: flags.numeric,
            timestamps: flags.timestamps,
            audible: flags.audible,
            verbose: flags.verbose,
            outstanding: flags.outstanding,
            json_lines: flags.json_lines,
            timing: options.payload_size() >= 16,
            paced_by_answers: interval.is_zero() || flags.adaptive,
        };
        let forbidden = (interval < USER_INTERVAL && !root)
            .then_some("cannot flood, minimal interval for user must be >= 2 ms, use -i 0.002 (or higher)");
        Ok(Self { plan, options, family, display, timeout, interval: typed_interval, forbidden })
    }
}

fn unsupported(flags: &PingFlags) -> Result<(), Wrong> {
    let what = match (&flags.flow_label, &flags.node_info, flags.record_times.as_deref()) {
        (Some(_), ..) => "flow labels (-F)",
        (_, Some(_), _) => "node information queries (-N)",
        (.., Some("tsprespec")) => "prespecified timestamps (-T tsprespec)",
        _ => return Ok(()),
    };
    Err(format!("{what} are not supported"))
}

fn options(flags: &PingFlags, fast: bool) -> Result<Options, Wrong> {
    let ttl = integer(flags.ttl.as_deref(), 0, 255)?;
    if ttl == Some(0) {
        return Err("cannot set unicast time-to-live: Invalid argument".into());
    }
    let mut options = Options {
        size: integer(flags.size.as_deref(), 0, LARGEST_PAYLOAD)?.map(|s| s as usize),
        pattern: pattern(flags.pattern.as_deref())?,
        ttl: ttl.map(|t| t as u8),
        tos: tos(flags.tos.as_deref())?,
        mark: integer(flags.mark.as_deref(), 0, i64::from(u32::MAX))?.map(|m| m as u32),
        path_mtu: path_mtu(flags.path_mtu.as_deref())?,
        send_buffer: integer(flags.send_buffer.as_deref(), 1, i64::from(i32::MAX))?.map(|s| s as usize),
        id: integer(flags.id.as_deref(), 0, 65535)?.map(|e| e as u16),
        ip_options: ip_options(flags)?,
        broadcast: flags.broadcast,
        dont_route: flags.dont_route,
        no_loop: flags.no_loop,
        debug: flags.debug,
        connect: flags.connect,
        user_latency: flags.user_latency,
        fast: fast || flags.user_latency,
        ..Options::default()
    };
    for interface in &flags.interface {
        match interface.parse() {
            Ok(address) => options.source = Some(address),
            Err(_) => options.interface = Some(interface.clone()),
        }
    }
    Ok(options)
}

/// A whole number, decimal or with 0x.
fn integer(text: Option<&str>, least: i64, most: i64) -> Result<Option<i64>, Wrong> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    let Some(text) = text else { return Ok(None) };
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => text.trim_start().parse(),
    };
    match parsed {
        Ok(value) if (least..=most).contains(&value) => Ok(Some(value)),
        Ok(_) => Err(format!("invalid argument: '{text}': out of range: {least} <= value <= {most}")),
        Err(e) if matches!(e.kind(), PosOverflow | NegOverflow) => {
            Err(format!("invalid argument: '{text}': Numerical result out of range"))
        }
        Err(_) => Err(format!("invalid argument: '{text}'")),
    }
}

fn seconds(text: Option<&str>, wrong: &str) -> Result<Option<Duration>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    let value: f64 =
        text.trim_start().parse().map_err(|_| format!("option argument contains garbage: {text}"))?;
    if !(0.0..=LONGEST).contains(&value) {
        return Err(format!("{wrong}: {text}"));
    }
    Ok(Some(Duration::from_secs_f64(value)))
}

fn pattern(text: Option<&str>) -> Result<Vec<u8>, Wrong> {
    let Some(text) = text else { return Ok(Vec::new()) };
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("patterns must be specified as hex digits: {text}"));
    }
    let pairs = text.as_bytes().chunks(2).take(16);
    // Two hexadecimal digits fit a byte.
    Ok(pairs.filter_map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok()).collect())
}

fn tos(text: Option<&str>) -> Result<Option<u8>, Wrong> {
    let Some(text) = text else { return Ok(None) };
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    let value = value.map_err(|_| format!("bad TOS value: {text}"))?;
    let wrong = |_| format!("the decimal value of TOS bits must be in range 0-255: {value}");
    u8::try_from(value).map(Some).map_err(wrong)
}

fn path_mtu(text: Option<&str>) -> Result<Option<PathMtu>, Wrong> {
    Ok(Some(match text {
        None => return Ok(None),
        Some("do") => PathMtu::Do,
        Some("want") => PathMtu::Want,
        Some("dont") => PathMtu::Dont,
        Some("probe") => PathMtu::Probe,
        Some(other) => return Err(format!("invalid -M argument: {other}")),
    }))
}

fn ip_options(flags: &PingFlags) -> Result<Option<IpOptions>, Wrong> {
    Ok(match (flags.record_route, flags.record_times.as_deref()) {
        (true, Some(_)) => return Err("only one of -T or -R may be used".into()),
        (true, None) => Some(IpOptions::RecordRoute),
        (false, Some("tsonly")) => Some(IpOptions::Timestamps),
        (false, Some("tsandaddr")) => Some(IpOptions::TimestampsAndAddresses),
        (false, Some(other)) => return Err(format!("invalid timestamp type: {other}")),
        (false, None) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_refused_in_pings_words() {
        assert_eq!(integer(Some("0x10"), 0, 20), Ok(Some(16)));
        assert_eq!(
            integer(Some("0"), 1, 5),
            Err("invalid argument: '0': out of range: 1 <= value <= 5".into())
        );
        assert_eq!(integer(Some("1.1"), 1, 5), Err("invalid argument: '1.1'".into()));
        assert_eq!(
            integer(Some("99999999999999999999"), 1, 5),
            Err("invalid argument: '99999999999999999999': Numerical result out of range".into())
        );
        assert_eq!(seconds(Some(".2"), ""), Ok(Some(Duration::from_millis(200))));
        assert_eq!(seconds(Some("-1"), "bad timing interval"), Err("bad timing interval: -1".into()));
        assert_eq!(seconds(Some("nan"), "bad linger time"), Err("bad linger time: nan".into()));
        assert!(seconds(Some("1,5"), "").is_err());
    }

    #[test]
    fn patterns_are_pairs_of_digits() {
        assert_eq!(pattern(Some("123")), Ok(vec![0x12, 3]));
        assert_eq!(pattern(Some(&"ab".repeat(20))).map(|p| p.len()), Ok(16));
        assert!(pattern(Some("zz")).is_err());
    }
}
