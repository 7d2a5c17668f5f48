//! The way to a host, as a table or as JSON.

use std::{fmt::Write as _, net::SocketAddr};

use serde_json::{Value, json};
use sockeye::ping::{self, Hop, Host, Trace};

use super::{ms, percent, time};

/// A line for each hop, with losses and times.
pub(crate) fn trace_table(trace: &Trace, numeric: bool) -> String {
    let who = |hop: &Hop| -> Vec<String> {
        let text = |a: &std::net::IpAddr| match ping::name_of(SocketAddr::new(*a, 0)).filter(|_| !numeric) {
            Some(name) => format!("{name} ({a})"),
            None => a.to_string(),
        };
        if hop.addresses.is_empty() { vec!["*".into()] } else { hop.addresses.iter().map(text).collect() }
    };
    let names: Vec<Vec<String>> = trace.hops().iter().map(who).collect();
    let width = names.iter().flatten().map(String::len).max().unwrap_or(0).max(7);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "hop  {:width$}  {:>4}  {:>6}  {:>7}  {:>7}  {:>7}  {:>7}",
        "address", "sent", "loss", "min", "avg", "max", "mdev"
    );
    for (number, (hop, names)) in trace.hops().iter().zip(&names).enumerate() {
        let m = &hop.times;
        let cell = |t| if hop.received > 0 { time(t) } else { "-".into() };
        let [min, avg, max, mdev] = [m.min(), m.mean(), m.max(), m.deviation()].map(cell);
        let loss = percent(hop.loss()) + "%";
        let name = names.first().map_or("*", String::as_str);
        let report = hop.report.map(|r| format!("  {r}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "{:>3}  {name:width$}  {:>4}  {loss:>6}  {min:>7}  {avg:>7}  {max:>7}  {mdev:>7}{report}",
            number + 1,
            hop.transmitted
        );
        for other in names.iter().skip(1) {
            let _ = writeln!(out, "     {other}");
        }
    }
    out
}

/// The same, for programs: times in milliseconds, null where nothing was answered.
pub(crate) fn trace_json(host: &Host, trace: &Trace) -> Value {
    let hops = trace.hops().iter().enumerate().map(|(i, hop)| {
        let m = &hop.times;
        let rtt = (hop.received > 0).then(
            || json!({ "min": ms(m.min()), "avg": ms(m.mean()), "max": ms(m.max()), "mdev": ms(m.deviation()) }),
        );
        json!({
            "hop": i + 1, "addresses": hop.addresses, "transmitted": hop.transmitted, "received": hop.received,
            "loss": hop.loss() * 100.0, "rtt": rtt, "report": hop.report.map(|r| r.to_string()),
        })
    });
    let hops: Vec<Value> = hops.collect();
    json!({ "host": host.to_string(), "address": ping::address_text(host.address), "arrived": trace.arrived(), "hops": hops })
}
