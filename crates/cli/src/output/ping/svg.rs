//! The times of a ping as a picture: a point for each answer, a red mark for each loss, percentile lines.

use std::{collections::VecDeque, fmt::Write, time::Duration};

use sockeye::ping::{Event, Kind, Statistics};

use super::{Target, ms, percent, time};

/// As many probes as a picture shows: the last ones.
const MOST: usize = 20_000;

/// What became of each probe, the last [`MOST`] of them.
#[derive(Debug)]
pub(crate) struct Series {
    probes: VecDeque<(u64, Option<Duration>)>,
    wanted: bool,
}

impl Series {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { probes: VecDeque::new(), wanted }
    }

    /// Takes what happened, where anyone wants a picture.
    pub(crate) fn take(&mut self, event: &Event) {
        if !self.wanted {
            return;
        }
        match event {
            Event::Sent { sequence } | Event::Failed { sequence, .. } => {
                if self.probes.back().is_none_or(|(last, _)| last < sequence) {
                    self.probes.push_back((*sequence, None));
                }
                if self.probes.len() > MOST {
                    self.probes.pop_front();
                }
            }
            Event::Reply { sequence, time, kind: Kind::First, .. } => {
                let at = self.probes.partition_point(|(s, _)| s < sequence);
                if let Some((s, slot)) = self.probes.get_mut(at)
                    && s == sequence
                {
                    *slot = Some(*time);
                }
            }
            _ => {}
        }
    }

    /// The last `count` probes.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = (u64, Option<Duration>)> {
        self.probes.iter().skip(self.probes.len().saturating_sub(count)).copied()
    }
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 76.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 36.0;

/// The picture, as an SVG document.
pub(crate) fn svg(target: &Target, series: &Series, s: &Statistics) -> String {
    let probes: Vec<_> = series.last(MOST).collect();
    let (first, last) = (probes.first().map_or(1, |p| p.0), probes.last().map_or(1, |p| p.0));
    let top = probes.iter().filter_map(|p| p.1).max().map_or(1.0, ms).max(0.001) * 1.1;
    let x = |sequence: u64| {
        let span = (last - first).max(1) as f64;
        LEFT + (sequence - first) as f64 / span * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"14\">ping {}: {} of {} answered, {}% lost</text>\n",
        escape(&target.host.to_string()),
        s.received,
        s.transmitted,
        percent(s.loss())
    );
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{value:.3}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(value) + 4.0,
            y = y(value),
        );
    }
    for (p, colour) in [(50.0, "#2a7"), (90.0, "#c80"), (99.0, "#a3c")] {
        if s.received > 0 {
            let value = s.times.percentile(p);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" \
                 stroke-dasharray=\"5 4\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">p{p} {}</text>",
                WIDTH - RIGHT,
                WIDTH - RIGHT + 4.0,
                y(ms(value)) + 4.0,
                time(value),
                y = y(ms(value)),
            );
        }
    }
    for (sequence, took) in &probes {
        let x = x(*sequence);
        let _ = match took {
            Some(took) => {
                writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"2\" fill=\"#37b\"/>", y(ms(*took)))
            }
            None => writeln!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#d33\"/>",
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM - 12.0
            ),
        };
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{0:.1}\" fill=\"#555\">{first}</text>\
         <text x=\"{1:.1}\" y=\"{0:.1}\" text-anchor=\"end\" fill=\"#555\">probe {last}</text>\
         <text x=\"8\" y=\"{2:.1}\" fill=\"#555\">ms</text>\n</svg>\n",
        HEIGHT - BOTTOM + 18.0,
        WIDTH - RIGHT,
        TOP - 6.0
    );
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
