//! What a relay or a server did, in a line for people or as JSON for programs, on the standard error.

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;
use sockeye::{
    endpoint::{About, clients::Served},
    relay::{Ended, Flow, Registry, Summary},
    service::Sunk,
};

use super::{json_notice, notice};

#[derive(Serialize)]
struct SummaryJson<'a> {
    first: &'a str,
    second: &'a str,
    forward: FlowJson,
    backward: FlowJson,
    seconds: f64,
}

#[derive(Serialize)]
struct FlowJson {
    bytes: u64,
    chunks: u64,
    reason: &'static str,
    error: Option<String>,
}

impl From<&Flow> for FlowJson {
    fn from(flow: &Flow) -> Self {
        let error = match &flow.ended {
            Ended::Failed(error) => Some(error.to_string()),
            _ => None,
        };
        Self { bytes: flow.bytes, chunks: flow.chunks, reason: flow.ended.word(), error }
    }
}

/// What passed between two endpoints.
pub(crate) fn summary([first, second]: [&About; 2], summary: &Summary, json: bool) {
    let (first, second) = (first.name(), second.name());
    if json {
        let (forward, backward) = (FlowJson::from(&summary.forward), FlowJson::from(&summary.backward));
        json_notice(&SummaryJson { first, second, forward, backward, seconds: summary.took.as_secs_f64() });
        return;
    }
    let flow = |arrow: &str, flow: &Flow| match &flow.ended {
        Ended::Unused => String::new(),
        ended => format!(" {arrow} {} bytes, {ended};", grouped(flow.bytes)),
    };
    notice(format_args!(
        "{first} and {second}:{}{} {:.3} s",
        flow("→", &summary.forward),
        flow("←", &summary.backward),
        summary.took.as_secs_f64()
    ));
}

/// Each pair of a server that failed; all of them as JSON where that was asked for.
pub(crate) fn failures(names: [&About; 2], whole: &Summary, json: bool) {
    let failed = |flow: &Flow| matches!(flow.ended, Ended::Failed(_) | Ended::Idle(_) | Ended::Total(_));
    if json || failed(&whole.forward) || failed(&whole.backward) {
        summary(names, whole, json);
    }
}

/// What a sink took in from one client.
pub(crate) fn sunk(about: &About, sunk: &Sunk) {
    let seconds = sunk.took.as_secs_f64();
    let rate = if seconds > 0.0 { sunk.bytes as f64 / seconds / 1e6 } else { 0.0 };
    notice(format_args!(
        "{}: {} bytes in {} messages, {seconds:.3} s, {rate:.1} MB/s",
        about.name(),
        grouped(sunk.bytes),
        grouped(sunk.messages),
    ));
}

/// What a server did.
pub(crate) fn served(served: &Served, json: bool) {
    #[derive(Serialize)]
    struct ServedJson {
        clients: u64,
        refused: u64,
        cut: u64,
    }
    if json {
        json_notice(&ServedJson { clients: served.clients, refused: served.refused, cut: served.cut });
        return;
    }
    let clients = if served.clients == 1 { "client" } else { "clients" };
    let more = |count: u64, what: &str| if count == 0 { String::new() } else { format!(", {count} {what}") };
    notice(format_args!(
        "{} {clients} served{}{}",
        grouped(served.clients),
        more(served.refused, "refused"),
        more(served.cut, "cut off at the end")
    ));
}

/// The relays that run, and the sum of those that have ended.
pub(crate) fn registry(registry: &Registry) {
    for relay in registry.live() {
        let seconds = relay.age.as_secs_f64();
        let [forward, backward] = relay.bytes;
        notice(format_args!(
            "{} and {}: → {} bytes, ← {} bytes in {seconds:.3} s ({}/s)",
            relay.names[0].name(),
            relay.names[1].name(),
            grouped(forward),
            grouped(backward),
            HumanBytes(rate(forward + backward, seconds))
        ));
    }
    let ended = registry.ended();
    let reasons: Vec<String> = ended.reasons.iter().map(|(word, count)| format!("{count} {word}")).collect();
    notice(format_args!(
        "{} ended: → {} bytes, ← {} bytes{}{}",
        ended.relays,
        grouped(ended.bytes[0]),
        grouped(ended.bytes[1]),
        if reasons.is_empty() { "" } else { "; " },
        reasons.join(", ")
    ));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate to be read, never negative"
)]
fn rate(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds.max(1e-6)) as u64
}

/// A bar with rate and time left, or a count where the size is not known; cleared when dropped.
pub(crate) fn progress_bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => {
            (ProgressBar::new(size), "{bar:40} {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {binary_bytes_per_sec}, {elapsed}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
        .with_finish(indicatif::ProgressFinish::AndClear)
}

/// 1234567 as people read it: 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::grouped(number), text);
        }
    }
}
