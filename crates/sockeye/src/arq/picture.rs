//! A picture of a transfer: where in the sequence of bytes each packet was, over time, and what became of it.

use std::fmt::Write;

use sockeye_proto::arq::{Happened, Trace};

/// Records that one picture shows at most.
pub const MOST: usize = 200_000;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 500.0;
const MARGIN: f64 = 60.0;

/// Draws a trace as SVG: a line for each packet from its first to its last byte, blue when it was sent first,
/// orange when again; a red cross where it was declared lost; the grey line below is what was acknowledged.
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
    let x = |t: &Trace| MARGIN + seconds(t) / span * (WIDTH - 2.0 * MARGIN);
    let y = |s: u64| HEIGHT - MARGIN - s as f64 / most * (HEIGHT - 2.0 * MARGIN);
    let mut out = frame(span, most);
    let mut acked = Vec::new();
    for t in trace.iter().take(MOST) {
        let Some(&(sequence, bytes)) = places.get(&t.number.0) else { continue };
        let (x, low, high) = (x(t), y(sequence), y(sequence + bytes));
        // Writing to a string does not fail.
        let _ = match t.what {
            Happened::Sent { again, .. } => {
                let colour = if again { "#e08000" } else { "#2060c0" };
                writeln!(out, r#"<path d="M{x:.1} {low:.1}V{high:.1}" stroke="{colour}" stroke-width="2"/>"#)
            }
            Happened::Lost => writeln!(
                out,
                r##"<path d="M{0:.1} {1:.1}l6 6m0 -6l-6 6" stroke="#d02020"/>"##,
                x - 3.0,
                low - 3.0
            ),
            Happened::Acked => {
                acked.push((x, high));
                Ok(())
            }
        };
    }
    let points: String = acked.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
    let _ =
        writeln!(out, r##"<polyline points="{points}" fill="none" stroke="#808080" stroke-width="0.7"/>"##);
    out.push_str("</svg>\n");
    out
}

fn frame(span: f64, most: f64) -> String {
    let (right, bottom) = (WIDTH - MARGIN, HEIGHT - MARGIN);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<path d="M{MARGIN} {MARGIN}V{bottom}H{right}" fill="none" stroke="#000"/>
<text x="{right}" y="{label}" text-anchor="end">{span:.3} s</text>
<text x="{MARGIN}" y="{top}">{most:.0} bytes</text>
<text x="{right}" y="{top}" text-anchor="end"><tspan fill="#2060c0">sent</tspan> <tspan fill="#e08000">sent again</tspan> <tspan fill="#d02020">lost</tspan> <tspan fill="#808080">acknowledged</tspan></text>
"##,
        label = bottom + 20.0,
        top = MARGIN - 10.0,
    )
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
        assert_eq!(picture.matches(r##"stroke="#e08000""##).count(), 1);
        assert_eq!(picture.matches(r##"stroke="#d02020""##).count(), 1);
        assert!(picture.contains("0.082 s") && picture.contains("2000 bytes"));
        assert!(svg(&[]).contains("</svg>"));
    }
}
