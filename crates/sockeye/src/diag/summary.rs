//! Counts without a list: `/proc/net/sockstat` and the protocols' counters.

use std::{collections::BTreeMap, fs};

use serde::Serialize;

use crate::{Error, Result};

/// How many sockets there are, as `ss -s` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it; the numbers in pairs are IPv4 and IPv6")]
pub struct Summary {
    pub sockets: i64,
    pub tcp_total: i64,
    pub tcp_established: i64,
    pub tcp_closed: i64,
    pub tcp_orphaned: i64,
    pub tcp_timewait: i64,
    pub raw: (i64, i64),
    pub udp: (i64, i64),
    pub tcp: (i64, i64),
    pub frag: (i64, i64),
}

impl Summary {
    /// Counts now.
    pub fn read() -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/self/net/{file}");
            fs::read_to_string(&path).map_err(|e| Error::new("read", path, e))
        };
        let mut text = read("sockstat")?;
        // A machine without IPv6 has no such file.
        text.push_str(&read("sockstat6").unwrap_or_default());
        Ok(Self::parse(&text, &counters_in(&read("snmp")?)))
    }

    fn parse(sockstat: &str, counters: &[Counters]) -> Self {
        // Lines like "TCP: inuse 5 orphan 0 tw 2 alloc 6 mem 1".
        let mut all: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for line in sockstat.lines() {
            let Some((name, rest)) = line.split_once(": ") else { continue };
            let words: Vec<&str> = rest.split_ascii_whitespace().collect();
            for pair in words.chunks_exact(2) {
                all.insert((name, pair[0]), pair[1].parse().unwrap_or(0));
            }
        }
        let of = |name, field| all.get(&(name, field)).copied().unwrap_or(0);
        let tcp = (of("TCP", "inuse"), of("TCP6", "inuse"));
        let timewait = of("TCP", "tw");
        let established = counters
            .iter()
            .filter(|(name, _)| name == "Tcp")
            .flat_map(|(_, fields)| fields)
            .find(|(field, _)| field == "CurrEstab")
            .map_or(0, |(_, n)| *n);
        Self {
            sockets: of("sockets", "used"),
            tcp_total: of("TCP", "alloc") + timewait,
            tcp_established: established,
            tcp_closed: of("TCP", "alloc") - (tcp.0 + tcp.1 - timewait),
            tcp_orphaned: of("TCP", "orphan"),
            tcp_timewait: timewait,
            raw: (of("RAW", "inuse"), of("RAW6", "inuse")),
            udp: (of("UDP", "inuse"), of("UDP6", "inuse")),
            tcp,
            frag: (of("FRAG", "inuse"), of("FRAG6", "inuse")),
        }
    }
}

/// The counters of a protocol, each with its name.
pub type Counters = (String, Vec<(String, i64)>);

/// The counters of `/proc/net/snmp` and `/proc/net/netstat`: protocol, then counter and value.
pub fn counters() -> Result<Vec<Counters>> {
    let mut all = Vec::new();
    for path in ["/proc/self/net/snmp", "/proc/self/net/netstat"] {
        let text = fs::read_to_string(path).map_err(|e| Error::new("read", path, e))?;
        all.extend(counters_in(&text));
    }
    Ok(all)
}

/// The counters of `/proc/net/snmp6`, and TCP's, which are of both families.
pub fn counters_v6() -> Result<Vec<Counters>> {
    let path = "/proc/self/net/snmp6";
    let text = fs::read_to_string(path).map_err(|e| Error::new("read", path, e))?;
    let mut all = counters_v6_in(&text);
    all.extend(counters()?.into_iter().filter(|(protocol, _)| protocol == "Tcp"));
    Ok(all)
}

/// Lines of `Ip6InReceives 11`, protocol by protocol.
fn counters_v6_in(text: &str) -> Vec<Counters> {
    let of = |protocol: &str| {
        let counter = |line: &str| {
            let (name, n) = line.strip_prefix(protocol)?.split_once(char::is_whitespace)?;
            Some((name.to_owned(), n.trim().parse().ok()?))
        };
        (protocol.to_owned(), text.lines().filter_map(counter).collect())
    };
    ["Ip6", "Icmp6", "Udp6", "UdpLite6"].map(of).into()
}

/// Pairs of lines: `Tcp: names…`, `Tcp: values…`.
fn counters_in(text: &str) -> Vec<Counters> {
    let lines: Vec<&str> = text.lines().collect();
    let pair = |pair: &[&str]| {
        let (name, names) = pair[0].split_once(": ")?;
        let values = pair[1].strip_prefix(name)?.strip_prefix(": ")?;
        let values = values.split(' ').map(|v| v.parse().unwrap_or(0));
        Some((name.to_owned(), names.split(' ').map(str::to_owned).zip(values).collect()))
    };
    lines.chunks_exact(2).filter_map(pair).collect()
}
