//! A picture of a transfer: where in the sequence of bytes each packet was, over time, and what became of it.

use std::fmt::Write;

use sockeye_proto::arq::{Happened, Trace};

/// Records that one picture shows at most.
pub const MOST: usize = 200_000;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 500.0;
const MARGIN: f64 = 70.0;

const SENT: &str = "#2060c0";
const AGAIN: &str = "#e08000";
const LOST: &str = "#d02020";
const ACKED: &str = "#208040";

/// Draws a trace as SVG: a blue line for each packet from its first to its last byte when it was sent first, an
/// orange one with a ring when again; a red cross where it was declared lost; below the green line all bytes that
/// ever arrived had been acknowledged.
pub fn svg(trace: &[Trace]) -> String {
    let begin = trace.first().map(|t| t.at).unwrap_or_default();
    let seconds = |t: &Trace| t.at.since(begin).as_secs_f64();
    let span = trace.last().map_or(0.0, seconds).max(1e-6);
    let mut places = std::collections::BTreeMap::new();
    for t in trace {
        if let Happened::Sent { sequence, bytes, .. } = t.what {
            places.insert(t.number.0, (sequence, bytes));
        }
    }
    let most = places.values().map(|(s, b)| s + b).max().unwrap_or(1).max(1) as f64;
    let x = |seconds: f64| MARGIN + seconds / span * (WIDTH - 2.0 * MARGIN);
    let y = |s: u64| HEIGHT - MARGIN - s as f64 / most * (HEIGHT - 2.0 * MARGIN);
    let mut out = frame(span, most);
    let mut acked = Vec::new();
    for t in trace.iter().take(MOST) {
        let Some(&(sequence, bytes)) = places.get(&t.number.0) else { continue };
        let (at, low) = (x(seconds(t)), y(sequence));
        // Too short a line would not be seen.
        let high = y(sequence + bytes).min(low - 1.5);
        // Writing to a string does not fail.
        let _ = match t.what {
            Happened::Sent { again: false, .. } => {
                writeln!(out, r#"<path d="M{at:.1} {low:.1}V{high:.1}" stroke="{SENT}" stroke-width="2"/>"#)
            }
            Happened::Sent { again: true, .. } => writeln!(
                out,
                r#"<path d="M{at:.1} {low:.1}V{high:.1}" stroke="{AGAIN}" stroke-width="2"/><circle cx="{at:.1}" cy="{low:.1}" r="4" fill="none" stroke="{AGAIN}"/>"#
            ),
            Happened::Lost => writeln!(
                out,
                r#"<path d="M{0:.1} {1:.1}l6 6m0 -6l-6 6" stroke="{LOST}"/>"#,
                at - 3.0,
                low - 3.0
            ),
            Happened::Acked => {
                acked.push((sequence, sequence + bytes, seconds(t)));
                Ok(())
            }
        };
    }
    let _ = write!(out, r#"<path fill="none" stroke="{ACKED}" d="M{:.1} {:.1}"#, x(0.0), y(0));
    for (at, until) in front(acked) {
        let _ = write!(out, "H{:.1}V{:.1}", x(at), y(until));
    }
    out.push_str("\"/>\n</svg>\n");
    out
}

/// When everything up to a byte had been acknowledged, from (first byte, end, seconds) in any order. What was
/// given up and never arrived holds nothing up.
fn front(mut acked: Vec<(u64, u64, f64)>) -> Vec<(f64, u64)> {
    acked.sort_by(|a, b| a.0.cmp(&b.0).then(a.2.total_cmp(&b.2)));
    let mut steps: Vec<(f64, u64)> = Vec::new();
    let mut passed = 0;
    for (_, end, at) in acked {
        if end <= passed {
            continue;
        }
        passed = end;
        match steps.last_mut() {
            Some(last) if at <= last.0 => last.1 = end,
            _ => steps.push((at, end)),
        }
    }
    steps
}

fn frame(span: f64, most: f64) -> String {
    let (right, bottom) = (WIDTH - MARGIN, HEIGHT - MARGIN);
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<path d="M{MARGIN} {MARGIN}V{bottom}H{right}" fill="none" stroke="#000"/>
<text x="{right}" y="{top}" text-anchor="end"><tspan fill="{SENT}">sent</tspan> <tspan fill="{AGAIN}">sent again</tspan> <tspan fill="{LOST}">lost</tspan> <tspan fill="{ACKED}">acknowledged up to here</tspan></text>
<text x="{MARGIN}" y="{top}" text-anchor="end">bytes</text>
"##,
        top = MARGIN - 20.0,
    );
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let x = MARGIN + share * (WIDTH - 2.0 * MARGIN);
        let y = bottom - share * (HEIGHT - 2.0 * MARGIN);
        let (seconds, bytes) = (share * span, share * most);
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            r##"<path d="M{x:.1} {bottom}v5M{MARGIN} {y:.1}h-5" stroke="#000"/><path d="M{MARGIN} {y:.1}H{right}" stroke="#eee"/><text x="{x:.1}" y="{below}" text-anchor="middle">{seconds:.3} s</text><text x="{left}" y="{middle:.1}" text-anchor="end">{bytes:.0}</text>"##,
            below = bottom + 20.0,
            left = MARGIN - 8.0,
            middle = y + 4.0,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockeye_proto::{arq::PacketNumber, time::Time};
    use std::time::Duration;

    #[test]
    fn each_fate_has_its_mark() {
        let at = |ms, number, what| Trace {
            at: Time::after(Duration::from_millis(ms)),
            number: PacketNumber(number),
            what,
        };
        let sent = |sequence, again| Happened::Sent { sequence, bytes: 1000, again };
        let picture = svg(&[
            at(0, 0, sent(0, false)),
            at(1, 1, sent(1000, false)),
            at(41, 1, Happened::Acked),
            at(41, 0, Happened::Lost),
            at(42, 2, sent(0, true)),
            at(82, 2, Happened::Acked),
        ]);
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
        assert_eq!(picture.matches(r##"stroke="#2060c0""##).count(), 2);
        assert_eq!(picture.matches(r##"/><circle"##).count(), 1);
        assert_eq!(picture.matches(r##"stroke="#d02020""##).count(), 1);
        assert!(picture.contains("0.082 s") && picture.contains(">2000<"));
        assert!(svg(&[]).contains("</svg>"));
    }

    #[test]
    fn the_front_waits_for_what_is_missing_and_not_for_what_never_comes() {
        let acked = vec![(1000, 2000, 0.2), (3000, 4000, 0.4), (0, 1000, 0.3), (0, 1000, 0.5)];
        assert_eq!(front(acked), [(0.3, 2000), (0.4, 4000)]);
        assert_eq!(front(Vec::new()), []);
    }
}
