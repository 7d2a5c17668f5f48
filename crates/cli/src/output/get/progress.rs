//! A bar for each file on a terminal: how much, how fast, how long still.

use std::{io::IsTerminal, path::Path, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sockeye::http::Response;

/// The bars of all transfers.
#[derive(Debug)]
pub(crate) struct Screen(Option<MultiProgress>);

impl Screen {
    /// Bars on the standard error, where `wanted` and someone looks.
    pub(crate) fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        Self(shown.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())))
    }

    /// The bar of one transfer.
    pub(crate) fn progress(&self) -> Progress {
        Progress(self.0.as_ref().map(|bars| bars.add(ProgressBar::no_length())))
    }
}

/// The bar of one transfer; nothing where none is shown.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// The body begins, at `offset`.
    pub(crate) fn begin(&self, response: &Response, offset: u64, path: Option<&Path>) {
        let Some(bar) = &self.0 else { return };
        let name = path.and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let template = match response.length() {
            Some(length) => {
                bar.set_length(offset + length);
                "{msg} [{bar:30}] {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left"
            }
            None => "{msg} {spinner} {bytes}  {bytes_per_sec}  {elapsed}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(name.unwrap_or_default());
        bar.set_position(offset);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// So many more bytes came.
    pub(crate) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    /// The transfer is over; the bar stays as it is.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.abandon();
        }
    }
}
