//! What each receive brought, in aligned lines on the standard error; coloured for people.

use std::io::{self, IsTerminal, Write};

use sockeye::{
    endpoint::About,
    proto::framing::{Explanation, Shape},
};

use super::console;

/// Shows one explanation.
pub(crate) fn line(about: &About, what: &Explanation) {
    let terminal = io::stderr().is_terminal();
    let (subject, bytes, text) = what.columns();
    let size = bytes.map_or_else(String::new, |n| format!("{n} {}", if n == 1 { "byte " } else { "bytes" }));
    let shown = format!("{}  {subject:<12} {size:>13}  {text}", about.name());
    let shown = shown.trim_end();
    if terminal {
        let colour = colour(what);
        console::aside(&format!("{colour}{shown}\x1b[0m"));
    } else {
        // Nobody reads it: nothing to do.
        let _ = io::stderr().lock().write_all(format!("{shown}\n").as_bytes());
    }
}

/// Yellow for what is sticky, cyan for what is half, red for what is wrong, and messages plain.
fn colour(what: &Explanation) -> &'static str {
    match what {
        Explanation::FrameReceive { shape: Shape::Sticky | Shape::StickyHalf, .. } => "\x1b[33m",
        Explanation::FrameReceive { shape: Shape::Half, .. } => "\x1b[36m",
        Explanation::FrameReceive { .. } => "\x1b[32m",
        Explanation::FrameMessage { .. } => "",
        Explanation::FrameSkipped(_) | Explanation::FrameError { .. } => "\x1b[31m",
        Explanation::FrameEnd { half, .. } => {
            if half.is_some() {
                "\x1b[31m"
            } else {
                "\x1b[2m"
            }
        }
    }
}
