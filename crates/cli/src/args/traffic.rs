//! What the commands that move data have in common.

use std::time::Duration;

use clap::ValueHint;
use sockeye_proto::{
    address::{Value, ValueType},
    framing::Framing,
};

/// Deadlines, and ways to see what passes.
#[derive(Debug, clap::Args)]
pub(crate) struct Traffic {
    /// Show what passes on the standard error, as text (with -x: and in hexadecimal)
    #[arg(short = 'v', long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Show what passes on the standard error, in hexadecimal
    #[arg(short = 'x', long)]
    pub(crate) hex: bool,

    /// How messages are told apart on streams; lines that are typed become messages (see sockeye frame --help)
    #[arg(short = 'F', long, value_name = "FRAMING")]
    pub(crate) frame: Option<Framing>,

    /// Explain each receive and each message: sticky and half packets as they happen
    #[arg(long)]
    pub(crate) explain: bool,

    /// How long an answer may take once the other side has ended [default: 1h; 2s for datagrams]
    #[arg(short = 't', long, value_name = "TIME", value_parser = time)]
    pub(crate) linger: Option<Duration>,

    /// End when nothing passes in either direction for this long
    #[arg(short = 'T', long, visible_alias = "timeout", value_name = "TIME", value_parser = time)]
    pub(crate) idle_timeout: Option<Duration>,

    /// End after this long, whatever happens
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) total_timeout: Option<Duration>,

    /// How many bytes of a stream become one datagram at the most
    #[arg(short = 'b', long, value_name = "BYTES", default_value = "8192", value_parser = size)]
    pub(crate) block: usize,

    /// Print what was done as JSON on the standard error when it ends
    #[arg(long)]
    pub(crate) json: bool,

    /// Show the windows of arq connections as they slide, on the standard error
    #[arg(long)]
    pub(crate) window: bool,

    /// When an arq connection ends, draw what happened to its packets into a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) window_svg: Option<String>,

    #[command(flatten)]
    pub(crate) events: Events,
}

/// Where events go.
#[derive(Debug, clap::Args)]
pub(crate) struct Events {
    /// Write one line of JSON for each event to a file (- for the standard output)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) events: Option<std::path::PathBuf>,
}

/// A time: seconds with a fraction, or with a unit (`200ms`, `2m`, `1h`).
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match ValueType::Time.parse(text) {
        Some(Value::Time(time)) => Ok(time),
        _ => Err("a time is seconds (0.5), or a number with a unit (200ms, 2m, 1h)".to_owned()),
    }
}

/// A text in which `\n`, `\r`, `\t`, `\0` and `\\` stand for what they do in C.
pub(crate) fn escaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        out.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('\\') => '\\',
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!("\\{other} is no escape; there are \\n, \\r, \\t, \\0 and \\\\"));
                }
            },
            plain => plain,
        });
    }
    Ok(out)
}

/// A number of bytes: with k, M or G for powers of 1024.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    match ValueType::Size.parse(text) {
        Some(Value::Number(n @ 1..=0x4000_0000)) => Ok(usize::try_from(n).unwrap_or(1)),
        _ => Err("a size is a number of bytes from 1 to 1G (64k, 2M)".to_owned()),
    }
}
